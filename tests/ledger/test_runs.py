"""The history by runs, and how many tasks there are of each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grsai.errors import TaskFailed
from grsai.ledger import Ledger, Wanted
from grsai.models import Catalogue

from .conftest import HOST, MODEL, Writer

OTHER = Catalogue().named("nano-banana-2")


@pytest.fixture
def make(ledger: Ledger, write: Writer) -> Callable[..., int]:
    """Writes a picture down that a run made, or that failed; returns its row."""
    number = 0

    def make(
        run: str | None, prompt: str = "a boat", *, fails: bool = False, model: object = MODEL, refunded: bool = False
    ) -> int:
        nonlocal number
        number += 1
        [job] = write.jobs(1, f"{prompt} {number}")
        row = ledger.submitting(replace(job, model=model), base_url=HOST, folder=write.folder, run=run)
        ledger.submitted(row, f"14-{row}")
        if fails:
            ledger.failed(row, TaskFailed("It failed."), refunded=refunded)
        else:
            write.done(ledger, row, job)
        return row

    return make


def wanted(ledger: Ledger, **some: object) -> Wanted:
    return Wanted(ledger.service, **some)  # type: ignore[arg-type]


def test_runs_come_newest_first_with_their_sums(ledger: Ledger, make: Callable[..., int]):
    make("one")
    make("two")
    make("one", fails=True, refunded=True)
    make(None)
    found = ledger.runs(wanted(ledger))
    assert [run.id for run in found] == ["", "one", "two"]
    assert [(run.jobs, run.made, run.due) for run in found] == [(1, 1, 0), (2, 1, 0), (1, 1, 0)]
    assert [(run.price, run.paid) for run in found] == [(440, 440), (880, 440), (440, 440)]
    assert all(run.ended is not None and run.began <= run.ended for run in found)


def test_a_job_that_was_tried_again_is_one_picture_of_its_run(ledger: Ledger, write: Writer):
    first, second = write.jobs(2)
    for error in (True, False):
        row = ledger.submitting(first, base_url=HOST, folder=write.folder, run="one")
        ledger.submitted(row, f"14-{row}")
        if error:
            ledger.failed(row, TaskFailed("It failed."))
        else:
            write.done(ledger, row, first)
    ledger.submitted(ledger.submitting(second, base_url=HOST, folder=write.folder, run="one"), "14-9")
    [run] = ledger.runs(wanted(ledger))
    assert (run.jobs, run.made, run.due, run.price, run.paid) == (2, 1, 1, 880, 1320)


def test_pages_of_runs_follow_each_other_without_a_gap(ledger: Ledger, make: Callable[..., int]):
    for name in ("one", "two", "one", "three", "two", "four", "one"):
        make(name)
    seen, before = [], None
    while page := ledger.runs(wanted(ledger), before=before, limit=2):
        seen += [run.id for run in page]
        before = page[-1].newest
    assert seen == ["one", "four", "two", "three"]


def test_a_run_is_found_by_any_of_its_pictures_and_told_as_a_whole(ledger: Ledger, make: Callable[..., int]):
    make("one", "a red boat")
    make("one", "a blue boat", model=OTHER)
    make("two", "a cat", fails=True)
    assert [run.id for run in ledger.runs(wanted(ledger, text="BLUE"))] == ["one"]
    [run] = ledger.runs(wanted(ledger, model=OTHER.id))
    assert (run.id, run.jobs, run.made) == ("one", 2, 2)
    assert [run.id for run in ledger.runs(wanted(ledger, state="failed"))] == ["two"]
    assert ledger.runs(wanted(ledger, since=4e9)) == []


def test_the_pictures_of_a_run_are_listed_in_either_order(ledger: Ledger, make: Callable[..., int]):
    rows = [make("one"), make("two"), make("one"), make(None)]
    assert [entry.row for entry in ledger.entries(run="one")] == [rows[2], rows[0]]
    assert [entry.row for entry in ledger.entries(run="one", oldest_first=True)] == [rows[0], rows[2]]
    assert [entry.row for entry in ledger.entries(run="")] == [rows[3]]
    assert [entry.row for entry in ledger.entries(model=MODEL.id)] == rows[::-1]


def test_tallies_count_models_states_and_times(opened: Callable[..., Ledger], write: Writer):
    now = 2e9
    with opened(clock=lambda: now) as ledger:
        for model, later in ((MODEL, 0), (MODEL, 0), (OTHER, 0), (MODEL, 3600)):
            now += later
            [job] = write.jobs(1, f"at {now} {model.id}")
            now += 1
            write.opened(ledger, replace(job, model=model))
        found = {
            (tally.model, tally.state): (tally.tasks, tally.since) for tally in ledger.tallies(wanted(ledger), [1e9, now - 60])
        }
    assert found == {(MODEL.id, "open"): (3, (3, 1)), (OTHER.id, "open"): (1, (1, 0))}


def test_a_ledger_of_before_is_listed_by_runs_too(path: Path, write: Writer):
    with Ledger(path) as ledger:
        write.made(ledger, *write.jobs(1))
        assert [run.id for run in ledger.runs(Wanted(ledger.service))] == [""]
