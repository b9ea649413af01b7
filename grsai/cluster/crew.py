"""The workers of one run: each is asked again and again how far its jobs are, and hears with it that the command lives."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..engine.threads import in_background, start_threads
from ..errors import GrsaiError, Refused, Stopped, from_object
from . import worker
from .order import Kin, Order, machine, packed

FIRST_SECONDS = 15.0  # so long the first worker is waited for
_BEAT_SECONDS = 0.5  # between two questions to a worker, with few of them
_BEATS_A_SECOND = 16.0  # of all workers together
_FAREWELL_SECONDS = 3.0
_CALL_SECONDS = 2.0  # how often it is asked who is there
_log = logging.getLogger(__name__)


class Crew:
    """The workers that a client reaches. `halted`: why nothing new is paid any more, as one of them or the command found."""

    def __init__(self, client: Any, order: Order) -> None:
        self._client = client
        self._order = order
        self._data = packed(order)
        self._lock = threading.Lock()
        self._members: dict[str, threading.Event] = {}
        self._news: dict[int, tuple[int, int, bool]] = {}
        self._stop = False
        self._over = threading.Event()
        self._seen = time.monotonic()
        self.unfit: dict[str, GrsaiError] = {}
        self.halted: GrsaiError | None = None

    def muster(self) -> None:
        """Makes all workers that are there ready for the run. Raises `Refused` unless all of them are fit for it."""
        try:
            self._client.wait_for_workers(1, timeout=FIRST_SECONDS)
        except TimeoutError:
            text = "The scheduler has no worker. Start some with dask worker {address}, and run again."
            raise Refused(text, address=self._client.scheduler.address) from None
        found = self._client.run(worker.about_me, on_error="return")
        self._check({address: self._unlike(told) for address, told in found.items()})
        found = self._client.run(worker.enter, self._data, workers=list(found), on_error="return")
        self._check({address: _why(told) for address, told in found.items()})
        self._keep_little()
        for address in found:
            self._join(address)
        start_threads(self._call_the_roll, 1, name="roll")

    def _keep_little(self) -> None:
        try:
            self._client.run_on_scheduler(keep_little)
            forget_what_was_sent(self._client.scheduler_comm)
        except Exception as error:  # another release of Dask: then it keeps more
            _log.info("the messages are kept: %s", error)

    def _check(self, found: dict[str, GrsaiError | None]) -> None:
        for address, why in found.items():
            if why is not None:
                text = "The worker {worker} cannot take part: {why} Nothing was sent."
                raise Refused(text, worker=address, why=why)

    def stop(self) -> None:
        """Nothing new is paid, and polls end."""
        self._stop = True
        self._wake()

    def halt(self, error: GrsaiError) -> None:
        """Nothing new is paid; what is open goes on."""
        if self.halted is None:
            self.halted = error
            self._wake()

    def news(self) -> dict[int, tuple[int, int, bool]]:
        """How far jobs are, by number, where that has changed."""
        with self._lock:
            news, self._news = self._news, {}
            return news

    @property
    def fit(self) -> list[str]:
        with self._lock:
            return list(self._members)

    @property
    def alone_seconds(self) -> float:
        """For how long no worker was there."""
        return 0.0 if self._members else time.monotonic() - self._seen

    def dismiss(self) -> None:
        """The run is over."""
        self._over.set()
        self._wake()
        told = in_background(self._client.run, worker.leave, self._order.run, workers=self.fit, on_error="ignore")
        try:
            told.result(_FAREWELL_SECONDS)
        except (Exception, asyncio.CancelledError) as error:  # no scheduler, or a worker hangs: they find out by themselves
            _log.info("the workers were not told that the run is over: %s", error)

    # One thread for each worker: one that hangs holds up nobody

    def _join(self, address: str) -> None:
        with self._lock:
            if address in self._members:
                return
            woken = self._members[address] = threading.Event()
        start_threads(lambda: self._keep(address, woken), 1, name="crew")

    def _keep(self, address: str, woken: threading.Event) -> None:
        try:
            while not self._over.is_set():
                self._beat(address)
                self._seen = time.monotonic()
                woken.wait(max(_BEAT_SECONDS, len(self._members) / _BEATS_A_SECOND))
                woken.clear()
        except (Exception, asyncio.CancelledError) as error:  # whatever Dask raises for a worker that is gone
            _log.info("the worker %s is gone: %s", address, error)
        finally:
            with self._lock:
                self._members.pop(address, None)

    def _beat(self, address: str) -> None:
        halted = self.halted.as_object() if self.halted else None
        told = self._ask(address, worker.heard, self._order.run, self._stop, halted)
        if told is None:  # it came later, or began anew
            why = self._unlike(self._ask(address, worker.about_me)) or _why(self._ask(address, worker.enter, self._data))
            if why is not None:
                self.unfit[address] = why
                raise Refused("It cannot take part: {why}", why=why)
            return
        with self._lock:
            self._news.update(told["jobs"])
        if told["halted"] and self.halted is None:
            self.halt(from_object(told["halted"]) or Stopped("Stopped."))

    def _ask(self, address: str, question: Callable[..., Any], *values: Any) -> Any:
        return self._client.run(question, *values, workers=[address])[address]

    def _call_the_roll(self) -> None:
        while not self._over.wait(_CALL_SECONDS):
            try:
                there = self._client.nthreads()
            except (Exception, asyncio.CancelledError) as error:  # no scheduler: the run finds out by its tasks
                _log.info("the scheduler does not answer: %s", error)
                continue
            new = [address for address in there if address not in self.unfit and address not in self._members]
            for address in new:
                self._join(address)
            if new:
                self._keep_little()

    def _wake(self) -> None:
        with self._lock:
            for woken in self._members.values():
                woken.set()

    def _unlike(self, told: Any) -> GrsaiError | None:
        """Why a worker cannot work with this command, by what it says of itself."""
        if isinstance(told, BaseException):
            return Refused("It cannot import grsai ({why}). Install it there.", why=f"{type(told).__name__}: {told}")
        if tuple(told["kin"]) != Kin.mine():
            return Refused("It has another version of grsai or Python. Install the same everywhere.")
        if self._order.ledger_is_a_file and told["machine"] != machine():
            text = "It is on another machine, and the ledger {path} is a file. Use one that all share: --ledger postgresql://…"
            return Refused(text, path=str(self._order.values["ledger"]))
        return None


def forget_what_was_sent(stream: Any) -> None:
    """Dask keeps the last thousand messages of a stream, for whoever looks for its mistakes, and with them all that they hold."""
    stream.recent_message_log = deque(maxlen=8)


def keep_little(dask_scheduler: Any) -> None:
    """The same in a scheduler, of the streams to its workers: else its memory grows with the jobs for a long time."""
    from collections import deque

    for stream in (*dask_scheduler.stream_comms.values(), *dask_scheduler.client_comms.values()):
        stream.recent_message_log = deque(maxlen=8)


keep_little.__module__ = "__main__"  # so it is pickled with what it does: a scheduler need not have grsai


def _why(told: Any) -> GrsaiError | None:
    """What `worker.enter` returned or raised."""
    if isinstance(told, BaseException):
        return Refused("The worker failed over it: {why}", why=f"{type(told).__name__}: {told}")
    return from_object(told) if told else None
