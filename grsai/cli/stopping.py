"""Leaving while money may be on its way: the first signal waits for answers, the second does not."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import TypeVar

LAST_WORD_SECONDS = 15.0  # a run that was stopped waits so long for the answers to paid requests
_SPARE_SECONDS = 0.6  # and has so long to say what became of its jobs
_LOOK_SECONDS = 0.1
# Ctrl+C, the end that a system asks for, a terminal that is closed, Ctrl+Break and a window that is closed on Windows, Ctrl+\\,
# and what schedulers of other people's machines send before they kill.
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGQUIT", "SIGXCPU", "SIGUSR1", "SIGUSR2")
T = TypeVar("T")


class Stopping:
    """`stop` is set by the first signal. One that was ignored when the program began, as under nohup, stays ignored."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._signals = 0
        self._watched = False

    @property
    def asked(self) -> bool:
        """Whether there was a signal; `stop` may be set without one."""
        return self._signals > 0

    @contextlib.contextmanager
    def on_signal(self) -> Iterator[None]:
        known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        before = {each: signal.getsignal(each) for each in known}
        heard = [each for each, handler in before.items() if handler is not signal.SIG_IGN]
        for each in heard:
            signal.signal(each, self._hear)
        try:
            yield
        finally:
            for each in heard:
                signal.signal(each, before[each] or signal.SIG_DFL)

    def _hear(self, number: int, frame: object) -> None:
        self._signals += 1
        self.stop.set()
        if self._signals > 1 and not self._watched:
            os._exit(1)

    def watch(self, work: Callable[[], T], *, stopping: Callable[[], object], leaving: Callable[[], object]) -> T:
        """What `work` returns, which is run in a thread of its own: a main thread that only waits hears signals everywhere.

        `stopping` is called at the first signal; `leaving` at the second, or where the work does not end although it was asked,
        and then the process ends.
        """
        result: Future[T] = Future()

        def thread() -> None:
            try:
                result.set_result(work())
            except BaseException as error:
                result.set_exception(error)

        self._watched = True
        threading.Thread(target=thread, name="batch", daemon=True).start()
        seconds = LAST_WORD_SECONDS + _SPARE_SECONDS
        told = False
        while not wait([result], _LOOK_SECONDS).done:
            if self._signals and not told:
                stopping()
                told = True
            if self.stop.is_set():
                seconds -= _LOOK_SECONDS
            if self._signals > 1 or seconds < 0:
                leaving()
                os._exit(1)
        self._watched = False
        return result.result()
