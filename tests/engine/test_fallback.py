"""Another model, another way, an early end: what a run does when something is down."""

from __future__ import annotations

import json

import pytest

from grsai.emulator import Fault
from grsai.engine import estimate
from grsai.jobs import plan
from grsai.models import Catalogue

PRO = Catalogue()["nano-banana-pro"]


@pytest.fixture(params=["unified", "legacy"])
def studio(studio, request):
    studio.api = request.param
    return studio


@pytest.mark.parametrize("kind", ["maintenance", "model_closed"])
def test_the_next_model_makes_what_a_closed_one_cannot(studio, kind: str) -> None:
    studio.emulator.add(Fault("submit", kind, times=1))
    jobs = plan(["a"], model=PRO)
    settings = studio.settings(fallback=["nano-banana-2"])
    (outcome,) = studio.run(jobs, settings=settings)
    assert outcome.status == "succeeded" and outcome.credits == 1200
    assert "nano-banana-2 instead of nano-banana-pro" in str(outcome.notes[0])
    assert [task.model for task in studio.emulator.tasks.values()] == ["nano-banana-2"]
    with studio.ledger() as ledger:  # kept under the job that was asked for
        (entry,) = ledger.entries()
        assert (entry.model, entry.asked_model, entry.credits) == ("nano-banana-2", "nano-banana-pro", 1200)
        assert estimate(jobs, ledger, output=studio.output).reused == 1
    (again,) = studio.run(jobs, settings=settings)
    assert again.reused and studio.emulator.count("submit") == 2


def test_no_model_is_taken_that_costs_more_or_cannot_make_it(studio) -> None:
    studio.emulator.add(Fault("submit", "maintenance"))
    jobs = plan(["a"], model=PRO, image_size="4K")
    (outcome,) = studio.run(jobs, settings=studio.settings(fallback=["nano-banana-pro-vip", "nano-banana-fast", "nano-banana-9"]))
    assert outcome.status == "failed" and "maintenance" in str(outcome.error)
    assert studio.emulator.count("submit") == 1


def test_without_a_fallback_nothing_else_is_tried(studio) -> None:
    studio.emulator.add(Fault("submit", "maintenance"))
    (outcome,) = studio.run(plan(["a"], model=PRO))
    assert outcome.status == "failed" and studio.emulator.count("submit") == 1


def test_a_submit_of_unknown_fate_is_never_followed_by_another_model(studio) -> None:
    studio.emulator.add(Fault("submit", "reset_after"))
    (outcome,) = studio.run(plan(["a"], model=PRO), settings=studio.settings(fallback=["nano-banana-2"]))
    assert outcome.status == "uncertain" and studio.emulator.count("submit") == 1


def test_the_same_unknown_refusal_again_and_again_ends_a_large_batch_early(studio) -> None:
    studio.emulator.add(Fault("submit", "unparsable", text="the moon is full"))
    outcomes = studio.run(studio.jobs(30), concurrency=2)
    assert {outcome.status for outcome in outcomes} == {"failed", "stopped"}
    assert 3 <= studio.emulator.count("submit") <= 5
    assert "the moon is full" in str(next(outcome.error for outcome in outcomes if outcome.status == "stopped"))


def test_a_small_batch_tries_all_its_jobs(studio) -> None:
    studio.emulator.add(Fault("submit", "unparsable", text="the moon is full"))
    outcomes = studio.run(studio.jobs(4), concurrency=1)
    assert [outcome.status for outcome in outcomes] == ["failed"] * 4


def test_the_command_names_the_model_that_was_used(studio) -> None:
    studio.furnish(["a boat"])
    studio.emulator.add(Fault("submit", "maintenance", times=1))
    process = studio.command("--json", "--model", "nano-banana-pro", GRSAI_FALLBACK="nano-banana-2")
    out, _ = process.communicate(timeout=60)
    (job,) = json.loads(out)["jobs"]
    assert (process.returncode, job["status"], job["credits"], job["model"]) == (0, "succeeded", 1200, "nano-banana-2")
