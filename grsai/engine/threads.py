"""The one place where threads are made: daemons, as nobody must have to wait for one that waits for the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from ..errors import Refused

Item = TypeVar("Item")
Result = TypeVar("Result")
P = ParamSpec("P")

LOOK_SECONDS = 0.1  # how often the stop event is looked at


def in_background(function: Callable[P, Result], /, *arguments: P.args, **named: P.kwargs) -> Future[Result]:
    """Calls `function` in a thread of its own. The future has its result or its error, whatever kind that is."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()  # it is: who awaits it may go away, but cannot cancel it

    def work() -> None:
        try:
            result = function(*arguments, **named)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    start_threads(work, 1)
    return future


def start_threads(work: Callable[[], None], count: int, *, name: str = "grsai") -> int:
    """Starts threads that each call `work`: `count` of them, or as many as the system gives. Raises `Refused` for none."""
    for number in range(count):
        try:
            threading.Thread(target=work, name=f"{name}-{number}", daemon=True).start()
        except RuntimeError as error:
            if number:
                return number
            raise Refused("The system starts no more threads ({why}). Close other programs and run again.", why=error) from None
    return count


def in_threads(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    stop: threading.Event,
    threads: int = 8,
    seconds: float | None = None,
) -> list[Result | None]:
    """`work` of every item, in order; None for what was not done when `stop` was set or the `seconds` had passed.

    The first error of `work` is raised. Like a stop it leaves the rest behind: a request that hangs holds up nobody.
    """
    changed = threading.Condition()
    todo = iter(range(len(items)))
    done: dict[int, Result] = {}
    errors: list[BaseException] = []
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    over = threading.Event()

    def walk() -> None:
        while not (stop.is_set() or over.is_set()):
            with changed:
                number = next(todo, None)
            if number is None:
                return
            try:
                result = work(items[number])
            except BaseException as error:  # to be raised where somebody can act
                with changed:
                    errors.append(error)
                    changed.notify_all()
                return
            with changed:
                done[number] = result
                changed.notify_all()

    if items:
        start_threads(walk, min(threads, len(items)))
    try:
        with changed:
            while len(done) < len(items) and not errors and not stop.is_set() and time.monotonic() < until:
                changed.wait(LOOK_SECONDS)
            if errors:
                raise errors[0]
            return [done.get(number) for number in range(len(items))]
    finally:
        over.set()
