"""Work done side by side in threads that nobody has to wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOK_SECONDS = 0.1  # how often the stop event is looked at


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

    for _ in range(min(threads, len(items))):
        threading.Thread(target=walk, name="grsai-crew", daemon=True).start()
    try:
        with changed:
            while len(done) < len(items) and not errors and not stop.is_set() and time.monotonic() < until:
                changed.wait(LOOK_SECONDS)
            if errors:
                raise errors[0]
            return [done.get(number) for number in range(len(items))]
    finally:
        over.set()
