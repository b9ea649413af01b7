"""What all runs of one process share for one key: how many tasks may be open, when to hold back, who uploads what.

The limit adapts like TCP's window: it opens quickly at the start, halves when the service says 429 or breaks down again and
again, comes back to what was known to work, and after a quiet time tries one more. It never passes what the user set.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from bisect import insort
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import GrsaiError, Stopped

DEFAULT_LIMIT = 5
FIRST_WINDOW = 5  # tasks submitted at once before anything is known
LEAST_AHEAD, SHARE_AHEAD = 2, 3  # submits under way beside n accepted tasks while the window opens: 2, or n / 3
POLLS_PER_SECOND = 40.0  # of all tasks together, or one a second for each open task
ERRORS_IN_A_ROW = 4  # broken replies that count like a 429
QUIET_SECONDS = 30.0  # before one more than what worked is tried: doubles when that is refused, halves when it is taken
QUIET_RANGE = (4.0, 600.0)
_QUIET_AFTER = 2.0  # times what the service asks to wait: the quiet that is enough where it says how long
SAYS_A_LIMIT = 0.85  # of the most that were open at once: a refusal below it is about the moment, not the number
ODD_IN_A_ROW = 4  # such refusals without a submit accepted in between, which count after all
ROOM_BYTES = 384 * 2**20  # of memory for pictures on their way up
_LOOK_SECONDS = 0.5
_log = logging.getLogger(__name__)


@dataclass
class Window:
    """How many tasks the service may have open at once, learnt from what it says."""

    size: int = FIRST_WINDOW
    proven: int | None = None  # what was open when the service refused one more; None: it never did
    quiet_since: float = 0.0
    quiet_seconds: float = QUIET_SECONDS
    most_open: int = 0  # since the window was closed last
    odd_refusals: int = 0

    def accepted(self, now: float, open_tasks: int) -> None:
        """A submit was accepted and is one of `open_tasks` now: open further."""
        self.most_open, self.odd_refusals = max(self.most_open, open_tasks), 0
        self.size = max(self.size, open_tasks)  # so many it takes, whatever was refused while this one was on its way
        if self.proven is None:
            self.size = max(self.size, open_tasks + max(LEAST_AHEAD, open_tasks // SHARE_AHEAD))
        elif self.size < self.proven:
            self.size += 1
        elif open_tasks > self.proven:  # one more than was known to work
            self.proven, self.quiet_since = open_tasks, now
            self.quiet_seconds = max(self.quiet_seconds / 2, QUIET_RANGE[0])
        elif now - self.quiet_since >= self.quiet_seconds:
            self.size, self.quiet_since = self.proven + 1, now

    def refused(self, now: float, open_tasks: int, *, alone: bool = False, retry_after: float | None = None) -> None:
        """The service takes no more than what is open now. `alone`: nothing else was open or on its way.

        `retry_after`: the seconds that it asks to wait; then it may well take more soon.
        """
        self.quiet_since = now
        self.odd_refusals += 1
        if open_tasks < SAYS_A_LIMIT * self.most_open and self.odd_refusals < ODD_IN_A_ROW:
            return
        self.most_open = open_tasks
        if retry_after:
            self.quiet_seconds = min(self.quiet_seconds, max(_QUIET_AFTER * retry_after, QUIET_RANGE[0]))
        if alone or not open_tasks:  # it is busy, which says nothing about how many may be open
            self.size = max(self.size // 2, 1)
            return
        if self.proven is not None and self.size > self.proven and open_tasks >= self.proven:
            self.size = self.proven  # only the one that was tried: nothing is lost
            self.quiet_seconds = min(self.quiet_seconds * 2, QUIET_RANGE[1])
            return
        known = self.proven or open_tasks
        self.proven = max((known + open_tasks) // 2, open_tasks, 1)
        self.size = max(open_tasks // 2, 1)


@dataclass(eq=False)  # two jobs of one run may have the same place
class Waiter:
    order: tuple[int, int]
    run: Entrance
    go: threading.Event = field(default_factory=threading.Event)
    error: GrsaiError | None = None  # why nobody can be let in

    def __lt__(self, other: Waiter) -> bool:
        return self.order < other.order


class Entrance:
    """One batch at the gate, with a concurrency of its own. Made by `Gate.joined`."""

    def __init__(self, gate: Gate, number: int, concurrency: int) -> None:
        self.gate = gate
        self.number = number
        self.concurrency = concurrency
        self.open = 0
        self.had_company = False  # another run of this process was under way meanwhile

    @contextlib.contextmanager
    def slot(self, order: int, stop: threading.Event) -> Iterator[bool]:
        """Waits for the right to have one more task open, low `order` first. False: stopped while waiting."""
        waiter = Waiter((order, self.number), self)
        self.gate.wait_for(waiter, stop)
        try:
            if waiter.error is not None:
                raise waiter.error
            yield waiter.go.is_set() and not stop.is_set()
        finally:
            self.gate.leave(waiter)


class Room:
    """Memory, in bytes, that pictures on their way up may take at once. One that is larger than all of it goes up alone."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, size: int, stop: threading.Event) -> Iterator[None]:
        """Waits until there is so much. Raises `Stopped`."""
        size = min(size, self._most)
        with self._changed:
            while self._left < size:
                if stop.is_set():
                    raise Stopped("Stopped.")
                self._changed.wait(0.1)
            self._left -= size
        try:
            yield
        finally:
            with self._changed:
                self._left += size
                self._changed.notify_all()


class Gate:
    """`limit`: most tasks open at once over all runs; without one, the largest concurrency of the runs under way, at least 5."""

    def __init__(self, *, limit: int | None = None) -> None:
        self.limit = limit
        self.room = Room(ROOM_BYTES)
        self.encoders = threading.BoundedSemaphore(os.cpu_count() or 1)  # encoding is work for a core, not a wait
        self._lock = threading.Lock()
        self._runs: list[Entrance] = []
        self._waiting: list[Waiter] = []
        self._window = Window()
        self._open = 0
        self._accepted_open = 0
        self._cool_until = 0.0
        self._errors = 0
        self._old_submits = 0  # under way when the window closed: what they are told is no news
        self._next_poll = 0.0
        self._numbers = 0
        self._uploads: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextlib.contextmanager
    def joined(self, concurrency: int) -> Iterator[Entrance]:
        """A run is under way."""
        with self._lock:
            self._numbers += 1
            run = Entrance(self, self._numbers, concurrency)
            self._runs.append(run)
            for each in self._runs if len(self._runs) > 1 else ():
                each.had_company = True
        try:
            yield run
        finally:
            with self._lock:
                self._runs.remove(run)

    @property
    def is_idle(self) -> bool:
        """No run is under way."""
        with self._lock:
            return not self._runs

    @property
    def unanswered(self) -> int:
        """Submits that may be on their way, whose answer is not written down yet."""
        with self._lock:
            return max(self._open - self._accepted_open, 0)

    def upload_of(self, digest: str) -> threading.Lock:
        """Whoever holds it uploads that content; the others find it uploaded."""
        with self._lock:
            return self._uploads[digest]

    def accepted(self) -> None:
        """A submit was accepted."""
        with self._lock:
            self._errors = 0
            self._old_submits = max(self._old_submits - 1, 0)
            self._accepted_open += 1
            self._window.accepted(time.monotonic(), self._accepted_open)
            self._grant()

    def finished(self, *, goes_on: float = 0.0) -> None:
        """A task that was accepted is no longer open, or, if it `goes_on` for so many seconds, nobody watches it any more."""
        with self._lock:
            self._accepted_open -= 1

    def refused(self, retry_after: float | None = None) -> None:
        """A submit was refused with 429: everybody holds back."""
        _log.info("429 from the service; it asks to wait %s s", retry_after or 0)
        with self._lock:
            self._cool_until = max(self._cool_until, time.monotonic() + (retry_after or 0.0))
            self._close(retry_after)

    def broke(self) -> None:
        """The service broke down over a submit; again and again counts like a refusal."""
        with self._lock:
            self._errors += 1
            if self._errors >= ERRORS_IN_A_ROW:
                self._errors = 0
                self._close()

    def _close(self, retry_after: float | None = None) -> None:
        """Makes the window smaller, once for all submits that are under way together."""
        if self._old_submits:
            self._old_submits -= 1
            return
        self._old_submits = max(self._open - self._accepted_open - 1, 0)
        alone = self._accepted_open == 0 and self._open <= 1
        before = self._window.size
        self._window.refused(time.monotonic(), self._accepted_open, alone=alone, retry_after=retry_after)
        if self._window.size != before:
            _log.info("the service takes no more than %d: at most %d at once now", self._accepted_open, self._window.size)

    def poll_pause(self) -> float:
        """Seconds to hold a poll back, so that all runs together stay below `POLLS_PER_SECOND`."""
        with self._lock:
            now = time.monotonic()
            turn = max(self._next_poll, now)
            self._next_poll = turn + 1 / max(POLLS_PER_SECOND, self._open)
            return turn - now

    def cool_pause(self) -> float:
        """Seconds until the service takes submits again, by its own word."""
        return max(0.0, self._cool_until - time.monotonic())

    def wait_for(self, waiter: Waiter, stop: threading.Event) -> None:
        with self._lock:
            insort(self._waiting, waiter)
            self._grant()
        while not waiter.go.wait(min(_LOOK_SECONDS, self.cool_pause() or _LOOK_SECONDS)) and not stop.is_set():
            with self._lock:
                self._grant()

    def leave(self, waiter: Waiter) -> None:
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if waiter.go.is_set() and waiter.error is None:
                self._open -= 1
                waiter.run.open -= 1
            self._grant()

    def _grant(self) -> None:
        """Lets in whom the window, the cool-down and their own run's concurrency allow, in order."""
        room = self._places() - self._open
        if room <= 0 or self.cool_pause() > 0:
            return
        for waiter in list(self._waiting):
            if waiter.run.open < waiter.run.concurrency:
                self._waiting.remove(waiter)
                self._open += 1
                waiter.run.open += 1
                waiter.go.set()
                room -= 1
                if room <= 0:
                    return

    def _places(self) -> int:
        """How many tasks may be open now."""
        return min(self._most(), self._window.size)

    def _most(self) -> int:
        return self.limit or max([DEFAULT_LIMIT, *(run.concurrency for run in self._runs)])
