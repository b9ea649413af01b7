"""What goes on, told to the pages that are open: pictures as they come, how far a run is, verdicts that another page gave."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..engine import Event, Snapshot
from ..models import CREDITS_PER_YUAN, yuan
from ..report.phrases import duration, price_text

Kind = Literal["batch", "redo", "compare"]
_REMEMBERED = 2_000  # news that a page which lost its connection may still get
_SELDOM = 0.25  # seconds between two that only say how far a run is


@dataclass(frozen=True)
class News:
    """One thing that happened: an event of the stream."""

    id: int
    kind: str
    facts: Mapping[str, Any]


class Stream:
    """Told from any thread, heard by the tasks of the server's loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._news: collections.deque[News] = collections.deque(maxlen=_REMEMBERED)
        self._wakes: list[Callable[[], object]] = []

    def tell(self, kind: str, /, **facts: Any) -> None:
        with self._lock:
            self._news.append(News(next(self._numbers), kind, facts))
            wakes = list(self._wakes)
        for wake in wakes:
            wake()

    @property
    def last(self) -> int:
        with self._lock:
            return self._news[-1].id if self._news else 0

    def since(self, id: int) -> list[News] | None:
        """What happened after that; None where some of it is forgotten."""
        with self._lock:
            if self._news and self._news[0].id > id + 1:
                return None
            return [news for news in self._news if news.id > id]

    async def heard(self, id: int, seconds: float) -> list[News] | None:
        """The same, once there is something, or when the time has passed."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(woken.set)

        with self._lock:
            self._wakes.append(wake)
        try:
            if found := self.since(id):
                return found
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(woken.wait(), seconds)
            return self.since(id)
        finally:
            with self._lock:
                self._wakes.remove(wake)


@dataclass
class Run:
    """A run that the page shows: the batch that it was opened with, or one that it began."""

    kind: Kind
    total: int
    per_yuan: float = CREDITS_PER_YUAN
    language: str = "en"
    stop: threading.Event = field(default_factory=threading.Event)
    snapshot: Snapshot | None = None
    ended: bool = False
    said: list[str] = field(default_factory=list)  # why it ended early, or what else is to be known
    told: float = 0.0

    def hear(self, event: Event) -> bool:
        """Whether it is time to tell of it."""
        self.snapshot = event.snapshot
        now = time.monotonic()
        if event.kind != "finished" and now - self.told < _SELDOM:
            return False
        self.told = now
        return True

    def as_object(self) -> dict[str, Any]:
        at = self.snapshot or Snapshot(self.total)
        left = at.remaining_seconds if not self.ended else None
        return {
            "kind": self.kind,
            "state": "ended" if self.ended else "stopping" if self.stop.is_set() else "running",
            "total": at.total,
            "done": at.done,
            "failed": at.failed,
            "stopped": at.stopped,
            "reused": at.reused,
            "running": at.running,
            "progress": round(at.progress, 4),
            "seconds": round(at.seconds, 2),
            "remaining_seconds": None if left is None else round(left, 1),
            "left": "" if left is None else duration(round(left), self.language),
            "credits": at.credits,
            "yuan": round(yuan(at.credits, self.per_yuan), 4),
            "price": price_text(at.credits, "cny", self.per_yuan),
            "said": self.said,
        }
