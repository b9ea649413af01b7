"""Where a run stands, and who is told of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..jobs import Job, Outcome

Kind = Literal["started", "submitted", "progress", "finished"]
_COUNTED = {"succeeded": "done", "stopped": "stopped"}  # all others failed


@dataclass(frozen=True)
class Snapshot:
    """Where a run stands. `progress`: 0 to 1, the mean over all jobs; `credits`: paid by this run so far."""

    total: int
    done: int = 0
    failed: int = 0
    running: int = 0
    reused: int = 0
    progress: float = 0.0
    seconds: float = 0.0
    credits: int = 0
    remaining_seconds: float | None = None
    stopped: int = 0
    submitting: int = 0  # paid requests under way whose answer is not here yet


@dataclass(frozen=True)
class Event:
    """`progress`: percent of this job; `outcome` on "finished"."""

    kind: Kind
    job: Job
    snapshot: Snapshot
    progress: int = 0
    outcome: Outcome | None = None


OnEvent = Callable[[Event], None]
OnUpload = Callable[[int, int], None]  # how many are up, of how many


class Progress:
    """The counts of a run, and the listener that is told of each change, one call at a time.

    `changed` is the lock over them, and over how far each job is; it is notified when a job moves on.
    """

    def __init__(self, total: int, on_event: OnEvent) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.total = total
        self._on_event = on_event
        self._begun = time.monotonic()
        self._percent = 0  # the sum over all jobs
        self._counts = {"done": 0, "failed": 0, "stopped": 0, "reused": 0, "running": 0, "credits": 0}
        self.submitting = 0
        self._over = False

    @property
    def complete(self) -> bool:
        """Every job has its outcome."""
        return sum(self._counts[each] for each in ("done", "failed", "stopped")) == self.total

    @property
    def paid(self) -> int:
        """The credits that the run has paid so far."""
        return self._counts["credits"]

    def advance(self, percent: int) -> None:
        """One job is so much farther."""
        with self.changed:
            self._percent += percent

    def pay(self, credits: int) -> None:
        with self.changed:
            self._counts["credits"] += credits

    def end(self, outcome: Outcome) -> None:
        with self.changed:
            self._counts[_COUNTED.get(outcome.status, "failed")] += 1
            self._counts["reused"] += outcome.reused

    @contextlib.contextmanager
    def one_running(self) -> Iterator[None]:
        """A job counts as running from its submit to the end of its task; uploads ahead and downloads do not."""
        with self.changed:
            self._counts["running"] += 1
        try:
            yield
        finally:
            with self.changed:
                self._counts["running"] -= 1

    def tell(self, kind: Kind, job: Job, percent: int, outcome: Outcome | None = None) -> None:
        with self.changed:
            if not self._over:
                self._on_event(Event(kind, job, self.snapshot(), percent, outcome))

    def close(self) -> None:
        """Nothing more is told."""
        with self.changed:
            self._over = True

    def snapshot(self) -> Snapshot:
        seconds = time.monotonic() - self._begun
        progress = self._percent / self.total / 100
        remaining = seconds / progress - seconds if progress > 0.02 else None
        facts = {"progress": progress, "seconds": seconds, "remaining_seconds": remaining, "submitting": self.submitting}
        return Snapshot(self.total, **facts, **self._counts)
