"""The gate of a process that shares its ledger, and with it the limit of its key, with others."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import LedgerError
from .gate import Entrance, Gate, Waiter
from .sharing import Common, Granted, News, Share, agree
from .threads import start_threads

if TYPE_CHECKING:
    from ..ledger.agreement import Agreement, Standing

LOOK_SECONDS = 0.2  # how often a process that waits for a place asks for one
_LEAST_SECONDS = 0.03  # between two questions
_IDLE_SECONDS = 2.0
_log = logging.getLogger(__name__)


class SharedGate(Gate):
    """It fills no more places than were granted to it. A thread asks for them as long as a run is under way."""

    def __init__(self, agreement: Agreement, *, limit: int | None = None) -> None:
        super().__init__(limit=limit)
        self._agreement = agreement
        self._id = uuid.uuid4().hex[:8]  # a process may have several
        self._granted = 0
        self._news = News()
        self._unwatched: list[float] = []  # until when tasks run that nobody here watches any more
        self._call = threading.Event()
        self._asks = False

    @contextlib.contextmanager
    def joined(self, concurrency: int) -> Iterator[Entrance]:
        with super().joined(concurrency) as run:
            with self._lock:
                start, self._asks = not self._asks, True
            if start:
                start_threads(self._keep_asking, 1, name="places")
            try:
                yield run
            finally:
                self._call.set()
        if self.is_idle:
            with contextlib.suppress(LedgerError):  # the others find its places free when its session is over
                self._ask()

    def accepted(self) -> None:
        super().accepted()
        with self._lock:
            self._news.accepted += 1
        self._call.set()

    def finished(self, *, goes_on: float = 0.0) -> None:
        super().finished()
        if goes_on:
            with self._lock:
                self._unwatched.append(time.monotonic() + goes_on)

    def wait_for(self, waiter: Waiter, stop: threading.Event) -> None:
        self._call.set()
        super().wait_for(waiter, stop)

    def leave(self, waiter: Waiter) -> None:
        super().leave(waiter)
        self._call.set()

    def _places(self) -> int:
        return min(self._most(), self._granted)

    def _close(self, retry_after: float | None = None) -> None:
        self._news.refused, self._news.cool_seconds = True, retry_after
        self._call.set()

    def _ask(self) -> None:
        """Tells the others how it stands here, and fills the places that it then has."""
        with self._lock:
            now = time.monotonic()
            self._unwatched = [until for until in self._unwatched if until > now]
            open_now = self._open + len(self._unwatched)
            self._granted = min(self._granted, self._open)  # what is free may go to another one now
            news, self._news = self._news, News()
            want = min(len(self._waiting), sum(max(run.concurrency - run.open, 0) for run in self._runs))
            mine = Share(open_now, self._accepted_open, want, self._most() if self._runs else 0, self.limit)

        def work(agreed: dict[str, Any], standing: Standing) -> Granted:
            common = Common.of(agreed)
            now, living, lost = standing.now, standing.living, standing.lost
            granted = agree(common, f"{standing.me}/{self._id}", mine, news, now=now, living=living, lost=lost)
            agreed |= common.stored()
            return granted

        try:
            granted = self._agreement.change(work)
        except LedgerError:
            with self._lock:
                self._news = replace(self._news, accepted=self._news.accepted + news.accepted)
            raise
        with self._lock:
            self._granted = granted.places - len(self._unwatched)
            self._window.size = granted.window
            if granted.cool_seconds:
                self._cool_until = time.monotonic() + granted.cool_seconds
            self._grant()

    def _refuse_all(self, error: LedgerError) -> None:
        with self._lock:
            for waiter in self._waiting:
                waiter.error = error
                waiter.go.set()
            self._waiting.clear()

    def _keep_asking(self) -> None:
        """As long as a run is under way, or something is open that nobody watches."""
        while True:
            with self._lock:
                if not (self._runs or self._unwatched):
                    self._asks = False
                    return
            try:
                self._ask()
            except LedgerError as error:
                self._refuse_all(error)
            time.sleep(_LEAST_SECONDS)
            self._call.wait(LOOK_SECONDS if self._waiting else _IDLE_SECONDS)
            self._call.clear()
