"""When to look again: soon after a task is done, and seldom before."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from grsai.engine.polling import Look, Usual, next_poll

REPLY_SECONDS = 0.03


def watched(whole: float, usual: Usual, tells: Callable[[float], int]) -> tuple[int, float]:
    """How often a task of so many seconds is looked at, and how many seconds after its end that is noticed."""
    now, looks = 0.0, list[Look]()
    while True:
        pause = next_poll(looks, usual)
        assert 0 < pause <= max(6.0, 0.12 * max(usual.seconds, now)) + 0.001
        now += pause + REPLY_SECONDS
        looks.append((now, tells(now / whole) if now < whole else 100))
        assert len(looks) < 200
        if now >= whole:
            return len(looks), now - whole


def linear(share: float) -> int:
    return int(100 * share)


LENGTHS = [0.3, 0.9, 2, 6, 13, 27, 45, 61, 90, 180, 400, 590]


@pytest.mark.parametrize("whole", LENGTHS)
@pytest.mark.parametrize("usual", [6.0, 40.0, 160.0])
def test_a_task_that_tells_its_progress_is_noticed_soon_after_its_end(whole: float, usual: float) -> None:
    polls, late = watched(whole, Usual(usual), linear)
    assert late <= max(0.5, 0.03 * whole)
    assert polls <= 40


@pytest.mark.parametrize("share", [0.8, 0.9, 1.0, 1.1, 1.25])
@pytest.mark.parametrize("usual", [6.0, 40.0, 160.0])
def test_a_task_that_takes_as_long_as_the_last_ones_is_looked_at_a_few_times(usual: float, share: float) -> None:
    polls, late = watched(usual * share, Usual(usual, learnt=True), linear)
    assert polls <= 12
    assert late <= max(0.3, 0.03 * usual)


@pytest.mark.parametrize("stands_at", [0, 1, 33, 66, 99])
@pytest.mark.parametrize("whole", LENGTHS)
@pytest.mark.parametrize("usual", [Usual(40.0), Usual(40.0, learnt=True)], ids=["unlearnt", "learnt"])
def test_progress_that_stands_still_costs_a_bounded_delay(whole: float, usual: Usual, stands_at: int) -> None:
    polls, late = watched(whole, usual, lambda share: min(linear(share), stands_at))
    assert late <= max(6.5, 0.13 * whole)
    assert polls <= 60


@pytest.mark.parametrize("seed", range(20))
def test_progress_that_jumps_about_is_survived(seed: int) -> None:
    dice = random.Random(seed)
    polls, late = watched(
        dice.uniform(1, 300), Usual(dice.uniform(0.05, 200), learnt=dice.random() < 0.5), lambda _: dice.randint(0, 100)
    )
    assert polls < 150 and late < 40


def test_the_first_look_is_soon_where_nobody_knows_how_long_it_takes() -> None:
    assert next_poll([], Usual(40.0)) == 0.5
    assert next_poll([], Usual(0.1)) < 0.05
    assert next_poll([], Usual(40.0, learnt=True)) > 4


def test_a_task_of_an_earlier_run_is_looked_at_again_within_reason() -> None:
    for age in (5.0, 60.0, 600.0, 7000.0):
        assert next_poll([(age, 0)], Usual(40.0)) <= max(6.0, 0.12 * age)
