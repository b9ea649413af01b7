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


# Most of the time of a task is slept through. Where the looks agree about the whole time that it will take, the next ones
# are shortly before the end and at the end; where they do not, the steps grow with the time that has passed.
_FIRST_SECONDS = 0.5  # to find out soon if a task is much faster than its model usually is
_FIRST_SHARE = 0.35  # of the usual time, where the last tasks told it
_SHORT_SECONDS = 1.0  # tasks known to be shorter are first looked at when they should be done: each look costs as much as they do
_LONGEST_SECONDS = 6.0  # or, of long tasks,
_LONGEST_SHARE = 0.12  # of the whole time: so that the progress that is shown goes on
_SAYS_ENOUGH = 3  # percent from which the progress tells the whole time
_SAYS_MORE, _SAYS_THE_END = 65, 85  # percent from which it tells it to 1.5 and to 1.2 %
_AGREE = 0.04  # of the whole time
_BEFORE_THE_END, _JUST_BEFORE_THE_END = 0.88, 0.97  # of the whole time
_BLIND_STEP = 0.1  # of the time that has passed
_UNLEARNT_STEP = 0.35  # as long as nobody knows how long such tasks take
_CLOSEST_SHARE, _CLOSEST_SECONDS = 0.02, 0.05
_END_SHARE, _END_SECONDS = 0.004, 0.012  # the same where the end is near, and known
_CLOSEST_AT_MOST = 2.0
_ONE_MORE_LOOK = 60.0  # seconds of a task up to which half a look more is worth the hundredth that it saves


def next_poll(looks: Sequence[Look], usual: Usual) -> float:
    """Seconds until the next look at a task, after all earlier `looks` at it."""
    if not looks:
        if not usual.learnt:
            return min(_FIRST_SHARE * usual.seconds, _FIRST_SECONDS)
        return usual.seconds if usual.seconds < _SHORT_SECONDS else min(_FIRST_SHARE * usual.seconds, _longest(usual.seconds))
    elapsed, progress = looks[-1]
    longest = _longest(max(usual.seconds, elapsed))
    spans = [_whole(*look) for look in looks[-3:] if _SAYS_ENOUGH <= look[1] < 100 and look[0] > 0]
    if not _agree(spans[-2:]):
        step = _UNLEARNT_STEP * elapsed
        if usual.learnt:
            step = max(_FIRST_SHARE * usual.seconds - elapsed, _BLIND_STEP * elapsed)
        return _between(step, elapsed, longest)
    shortest, whole_at_most = _overlap(spans)
    if len(spans) == 1:
        return _between(min(_BEFORE_THE_END * shortest - elapsed, elapsed), elapsed, longest)
    if progress < _SAYS_MORE:
        return _between(_BEFORE_THE_END * shortest - elapsed, elapsed, longest)
    if progress < _SAYS_THE_END:
        return _between(_JUST_BEFORE_THE_END * shortest - elapsed, elapsed, longest)
    middle = (shortest + whole_at_most) / 2
    aim = middle if elapsed < middle and shortest < _ONE_MORE_LOOK else whole_at_most
    return max(min(aim - elapsed, longest), min(max(_END_SHARE * elapsed, _END_SECONDS), _CLOSEST_AT_MOST))


def _between(step: float, elapsed: float, longest: float) -> float:
    closest = min(max(_CLOSEST_SHARE * elapsed, _CLOSEST_SECONDS), _CLOSEST_AT_MOST)
    return max(min(step, longest), closest)


def _whole(elapsed: float, progress: int) -> tuple[float, float]:
    """Between which bounds the whole seconds of a task lie, if it goes on as it went until now."""
    return elapsed * 100 / (progress + 1), elapsed * 100 / progress


def _agree(spans: Sequence[tuple[float, float]]) -> bool:
    return bool(spans) and max(low for low, _ in spans) <= min(high for _, high in spans) * (1 + _AGREE)


def _overlap(spans: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The bounds in which all looks agree; of replies that took their time, or that disagree with the first one, of the last."""
    low, high = max(low for low, _ in spans), min(high for _, high in spans)
    return (low, high) if low <= high else spans[-1]


def _longest(whole: float) -> float:
    return max(_LONGEST_SECONDS, _LONGEST_SHARE * whole)
