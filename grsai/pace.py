"""When to ask again: pure functions of time, so that they can be read and tested row by row."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Polling. A task is left alone for most of the time that it will need, then looked at in ever closer steps.
_FIRST_LOOK = 0.5  # seconds; tells by the progress whether a task is much faster than its model usually is
_SAYS_ENOUGH = 3  # percent from which the progress tells the whole time; before, a step at most triples the time passed
_SHARE_OF_REST = 0.6  # of the time that a task seems to need still
_CLOSEST = 0.025  # of the whole time: the last steps before a task is done
_CLOSEST_SECONDS = (0.1, 2.0)
_OVERDUE = 0.15  # of the time that a task is late
_LONGEST_SECONDS = 20.0


def next_poll(elapsed: float, progress: int, usual: float) -> float:
    """Seconds until the next look at a task that has run for `elapsed` seconds and needs `usual` ones as a rule."""
    expected = _expected(elapsed, progress, usual)
    low, high = _CLOSEST_SECONDS
    closest = min(max(_CLOSEST * max(expected, elapsed), low), high)
    if elapsed <= 0:
        return min(_FIRST_LOOK, max(expected / 4, closest))
    rest = expected - elapsed
    step = _SHARE_OF_REST * rest if rest > 0 else -_OVERDUE * rest
    if progress < _SAYS_ENOUGH:
        step = min(step, 2 * elapsed)
    return min(max(step, closest), _LONGEST_SECONDS)


def _expected(elapsed: float, progress: int, usual: float) -> float:
    """Whole seconds of a task: by its own progress where that says enough, else as usual."""
    if not _SAYS_ENOUGH <= progress < 100 or elapsed <= 0:
        return usual
    return min(elapsed * 100 / progress, usual * 4)


@dataclass(frozen=True)
class Backoff:
    """Waiting between tries of one step: exponential with jitter, `Retry-After` honoured. Seconds."""

    tries: int = 8
    first: float = 0.4
    longest: float = 15.0

    def wait(self, failures: int, retry_after: float | None = None) -> float:
        """Seconds to wait after so many failures in a row (1 or more)."""
        full = min(self.first * 2 ** (failures - 1), self.longest)
        return max(retry_after or 0.0, full * random.uniform(0.5, 1.0))
