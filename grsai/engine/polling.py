"""When to ask again: pure functions of time, so that they can be read and tested row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Look = tuple[float, int]  # seconds since the submit, and the percent that the reply told


@dataclass(frozen=True)
class Usual:
    """The whole seconds of such a task: by the catalogue, or `learnt` from those that ended not long ago."""

    seconds: float
    learnt: bool = False


# Polling. Most of the time of a task is slept through. Where two looks agree about the whole time that it will take, the next
# ones are shortly before the end and at the end; where they do not, the steps grow with the time that has passed.
_FIRST_SECONDS = 0.5  # to find out soon if a task is much faster than its model usually is
_FIRST_SHARE = 0.35  # of the usual time, where the last tasks told it
_LONGEST_SECONDS = 6.0  # or, of long tasks,
_LONGEST_SHARE = 0.12  # of the whole time: so that the progress that is shown goes on
_SAYS_ENOUGH = 3  # percent from which the progress tells the whole time
_SAYS_THE_END = 65  # percent from which it tells it to 1.5 %
_AGREE = 0.04  # of the whole time
_BEFORE_THE_END = 0.88  # of the whole time
_BLIND_STEP = 0.1  # of the time that has passed
_UNLEARNT_STEP = 0.35  # as long as nobody knows how long such tasks take
_CLOSEST_SHARE = 0.02
_CLOSEST_SECONDS = (0.05, 2.0)


def next_poll(looks: Sequence[Look], usual: Usual) -> float:
    """Seconds until the next look at a task, after all earlier `looks` at it."""
    if not looks:
        first = _FIRST_SHARE * usual.seconds
        return min(first, _longest(usual.seconds) if usual.learnt else _FIRST_SECONDS)
    elapsed = looks[-1][0]
    low, high = _CLOSEST_SECONDS
    closest = min(max(_CLOSEST_SHARE * elapsed, low), high)
    return max(min(_step(looks, usual), _longest(max(usual.seconds, elapsed))), closest)


def _step(looks: Sequence[Look], usual: Usual) -> float:
    elapsed, progress = looks[-1]
    spans = [_whole(*look) for look in looks[-2:] if _SAYS_ENOUGH <= look[1] < 100 and look[0] > 0]
    if spans and _agree(spans):
        shortest, longest = spans[-1]
        if len(spans) == 1:
            return min(_BEFORE_THE_END * shortest - elapsed, elapsed)
        return longest - elapsed if progress >= _SAYS_THE_END else _BEFORE_THE_END * shortest - elapsed
    if not usual.learnt:
        return _UNLEARNT_STEP * elapsed
    return max(_FIRST_SHARE * usual.seconds - elapsed, _BLIND_STEP * elapsed)


def _whole(elapsed: float, progress: int) -> tuple[float, float]:
    """Between which bounds the whole seconds of a task lie, if it goes on as it went until now."""
    return elapsed * 100 / (progress + 1), elapsed * 100 / progress


def _agree(spans: Sequence[tuple[float, float]]) -> bool:
    return max(low for low, _ in spans) <= min(high for _, high in spans) * (1 + _AGREE)


def _longest(whole: float) -> float:
    return max(_LONGEST_SECONDS, _LONGEST_SHARE * whole)
