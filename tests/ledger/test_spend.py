"""What was spent: since when, by day, month, model and folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grsai.errors import Moderated, Uncertain
from grsai.ledger import Ledger, Spent
from grsai.models import Catalogue

from .conftest import HOST, Opened, Writer

DAY = 86400


class Clock:
    """Noon of a day in this computer's time zone; `now` is set by the test."""

    def __init__(self) -> None:
        self.now = self.noon(2026, 3, 30)

    def noon(self, year: int, month: int, day: int) -> float:
        return time.mktime((year, month, day, 12, 0, 0, 0, 0, -1))

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(opened: Opened, clock: Clock) -> Iterator[Ledger]:
    with opened(clock=clock) as ledger:
        yield ledger


def test_what_was_accepted_since_then_is_spent(ledger: Ledger, write: Writer, clock: Clock) -> None:
    first, second, third, fourth = write.jobs(4)
    write.made(ledger, first)
    clock.now += DAY
    noon = clock.now
    write.opened(ledger, second)
    write.submitting(ledger, third)
    ledger.uncertain(write.submitting(ledger, fourth), Uncertain("Nobody knows."))
    assert ledger.spent(noon) == 440
    assert ledger.spent(noon - DAY) == 880
    assert ledger.spent(noon + 1) == 0


def test_a_sum_that_is_asked_for_again_and_again_is_that_of_now(ledger: Ledger, write: Writer, clock: Clock) -> None:
    noon, row = clock.now, 0
    for number, job in enumerate(write.jobs(40)):
        clock.now += 1.5 if number % 3 else 0
        row = write.opened(ledger, job)
        assert ledger.spent(noon) == 440 * (number + 1)
        assert ledger.spent(clock.now) in (440, 880)
        assert ledger.spent(clock.now + 1) == 0
    ledger.failed(row, Moderated("No."), refunded=True)
    assert ledger.spent(noon) == 440 * 39
    clock.now -= 3600  # the clock is set back
    assert ledger.spent(noon) == 440 * 39


def test_what_was_given_back_is_not_spent(ledger: Ledger, write: Writer) -> None:
    first, second, third = write.jobs(3)
    ledger.failed(write.opened(ledger, first), Moderated("No."), refunded=True)
    ledger.failed(write.opened(ledger, second), Moderated("No."))
    write.made(ledger, third)
    assert ledger.spent(0) == 880
    assert ledger.spend("model") == [Spent("nano-banana-fast", 1, 880)]


def test_a_refund_is_known_after_a_loss(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        ledger.failed(write.opened(ledger, job), Moderated("No."), refunded=True)
    path.unlink()
    with Ledger(path) as ledger:
        assert ledger.spent(0) == 0
        assert [entry.refunded for entry in ledger.entries()] == [True]


def test_days_and_months_are_those_of_this_computer(ledger: Ledger, write: Writer, clock: Clock) -> None:
    for job in write.jobs(4):  # 30 and 31 March, 1 and 2 April
        write.made(ledger, job)
        clock.now += DAY
    assert [each.key for each in ledger.spend("day")] == ["2026-03-30", "2026-03-31", "2026-04-01", "2026-04-02"]
    assert ledger.spend("month") == [Spent("2026-03", 2, 880), Spent("2026-04", 2, 880)]
    assert ledger.spend("month", since=clock.noon(2026, 4, 1)) == [Spent("2026-04", 2, 880)]
    midnight = time.mktime((2026, 4, 1, 0, 0, 0, 0, 0, -1))
    clock.now = midnight - 1
    write.made(ledger, write.jobs(1, "late")[0])
    assert [each.pictures for each in ledger.spend("day")] == [1, 2, 1, 1]


def test_models_and_folders_have_their_own_sums(ledger: Ledger, write: Writer, tmp_path: Path) -> None:
    first, second, third = write.jobs(3)
    write.made(ledger, first)
    other = Catalogue().named("nano-banana-2")
    ledger.submitted(ledger.submitting(second, base_url=HOST, folder=tmp_path / "花", model=other), "14-second")
    ledger.submitted(ledger.submitting(replace(third, model=other), base_url=HOST, folder=write.folder), "14-third")
    assert ledger.spend("model") == [Spent(other.id, 0, 2 * other.credits), Spent("nano-banana-fast", 1, 440)]
    folders = {
        str(write.folder): Spent(str(write.folder), 1, 440 + other.credits),
        str(tmp_path / "花"): Spent(str(tmp_path / "花"), 0, other.credits),
    }
    assert {each.key: each for each in ledger.spend("folder")} == folders


def test_what_is_spent_with_another_service_is_counted_there(opened: Opened, write: Writer) -> None:
    (job,) = write.jobs()
    with opened(service="other") as other, opened() as ledger:
        other.submitted(other.submitting(job, base_url="http://other", folder=write.folder), "14-x")
        assert (other.spent(0), ledger.spent(0), ledger.spend("day")) == (440, 0, [])
