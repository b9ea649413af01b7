"""Uncertain, with evidence: what the balance tells of submits whose reply was lost, and when it says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grsai.emulator import Fault
from grsai.engine.evidence import evidence
from grsai.errors import TaskFailed, Uncertain
from grsai.jobs import Job, Outcome
from grsai.models import Catalogue

FAST = Catalogue()["nano-banana-fast"]
PRO = Catalogue()["nano-banana-pro"]


def made(count: int) -> list[Outcome]:
    return [Outcome(Job(f"made {number}", FAST), "succeeded", credits=440) for number in range(count)]


def lost(count: int) -> list[Outcome]:
    return [Outcome(Job(f"lost {number}", FAST), "uncertain", error=Uncertain("Lost.")) for number in range(count)]


FAILED = Outcome(Job("failed", FAST), "failed", error=TaskFailed("It failed."), credits=440)


@pytest.mark.parametrize(
    ("outcomes", "fell", "says"),
    [
        (made(3) + lost(2), 3 * 440, "none of the 2 uncertain was charged"),
        (made(3) + lost(2), 4 * 440, "by one picture more than is known: of the 2 uncertain one was charged"),
        (made(3) + lost(2), 5 * 440, "by 2 more than is known"),
        (made(3) + lost(2), 6 * 440, None),  # something else was paid from the account
        (made(3) + lost(2), 3 * 440 - 1, None),
        (made(3) + lost(2), -10_000, None),  # somebody topped up
        (made(3), 3 * 440, None),
        ([*made(2), FAILED, *lost(1)], 2 * 440, "none of the 1"),  # the failed one was refunded
        ([*made(2), FAILED, *lost(1)], 3 * 440, None),  # the failed one, or the lost one
        ([*made(1), *lost(1), replace(lost(1)[0], job=Job("x", PRO))], 440 + 1800, "one was charged"),
        (lost(30), 0, None),  # too many for a guess
    ],
)
def test_what_a_fall_of_the_balance_says(outcomes: list[Outcome], fell: int, says: str | None) -> None:
    found = evidence(outcomes, fell)
    assert (says in str(found)) if says else found is None


@pytest.mark.parametrize(("kind", "says"), [("reset_before", "none of the 2"), ("reset_after", "by 2 more than is known")])
def test_a_run_says_what_the_balance_tells(studio, kind: str, says: str) -> None:
    studio.emulator.add(Fault("submit", kind, times=2))
    outcomes = studio.run(studio.jobs(6))
    notes = {str(note) for outcome in outcomes if outcome.status == "uncertain" for note in outcome.notes}
    assert len(notes) == 1 and says in notes.pop()
    assert not [outcome for outcome in outcomes if outcome.status == "succeeded" and outcome.notes]


def test_nothing_is_said_where_other_work_on_the_account_is_known_of(studio) -> None:
    left = studio.start(studio.jobs(1, prompt="[slow 30]"))
    studio.wait_until(lambda: studio.emulator.tasks)
    left.stopped()
    studio.emulator.add(Fault("submit", "reset_before", times=1))
    outcomes = studio.run(studio.jobs(3))
    assert not [outcome for outcome in outcomes if outcome.notes]


def test_nothing_is_said_where_the_balance_cannot_be_asked_again(studio) -> None:
    studio.emulator.add(Fault("submit", "reset_before", times=1), Fault("credits", "http_500", after=2))
    assert not [outcome for outcome in studio.run(studio.jobs(3)) if outcome.notes]
