"""The engine against the emulator: order, names, failures, stops, limits, and above all what is paid and what is not."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from grsai import engine
from grsai.emulator import Emulator, Fault, Task
from grsai.engine.gate import Gate
from grsai.engine.job_run import JobRun
from grsai.engine.progress import Kind
from grsai.engine.retry import Backoff
from grsai.errors import BadPicture, GrsaiError, OverBudget, StillOpen, Stopped, Uncertain
from grsai.jobs import Job, Outcome, plan
from grsai.ledger import TASK_SECONDS, Ledger, service_of
from grsai.models import Catalogue
from grsai.pictures import Reference

FAST = Catalogue().with_rows({"nano-banana-fast": {"seconds": 0.1}}).named("nano-banana-fast")
STOPPED_WITHIN = 0.8  # promised: 0.3 s; the rest is for a busy machine


def prompts(*texts: str, **options) -> list[Job]:
    return plan(texts, model=FAST, **options)


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


# A batch


def test_eight_pictures_with_two_prompts_make_sixteen_and_a_second_run_sends_nothing(tmp_path: Path, photos, Studio) -> None:
    with Emulator(seconds=(0.2, 0.4), lag=0.05, upload_seconds=0.1) as emulator:
        studio = Studio(emulator, tmp_path)
        jobs = plan(["make it red", "放在雪地里"], photos, model=FAST)
        outcomes = studio.run(jobs, concurrency=5)
        studio.assert_right(outcomes)
        stems = [photo.name for photo in photos for _ in range(2)]
        assert [outcome.file.name for outcome in outcomes] == [f"Task_{n}_{stem}_1.png" for n, stem in enumerate(stems, 1)]
        assert [outcome.job.prompt for outcome in outcomes] == ["make it red", "放在雪地里"] * 8
        counts = {step: emulator.count(step) for step in ("ticket", "upload", "submit", "download", "unknown")}
        assert counts == {"ticket": 8, "upload": 8, "submit": 16, "download": 16, "unknown": 0}
        assert emulator.peak_open == 5
        for outcome, photo in zip(outcomes, [photo for photo in photos for _ in range(2)], strict=True):
            (url,) = studio.task(outcome).urls
            assert emulator.uploads[url.rpartition("/")[2]].sha256 == photo.digest  # a JPEG goes up as it is

        sent = len(emulator.received)
        again = studio.run(jobs, concurrency=5)
        assert len(emulator.received) == sent
        assert [(each.file, each.reused, each.credits) for each in again] == [(each.file, True, 0) for each in outcomes]
        studio.assert_nothing_left()


def test_outcomes_are_in_the_order_of_the_plan_whatever_finishes_first(studio) -> None:
    finished = []
    outcomes = studio.run(
        prompts("[slow 0.6] a", "[slow 0.01] b", "[slow 0.3] c", "[slow 0.01] d"),
        on_event=lambda event: finished.append(event.job.prompt[-1]) if event.kind == "finished" else None,
    )
    assert [outcome.job.prompt[-1] for outcome in outcomes] == list("abcd")
    assert finished[-1] == "a"
    studio.assert_right(outcomes)


def test_the_last_end_is_told_however_late_it_comes_to_it(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    tell, finished = JobRun._tell, []

    def late(self: JobRun, kind: Kind) -> None:
        if kind == "finished":
            time.sleep(0.1)  # the thread of the run goes on meanwhile, if nothing holds it
        tell(self, kind)

    monkeypatch.setattr(JobRun, "_tell", late)
    outcomes = studio.run(studio.jobs(4), on_event=lambda event: event.kind == "finished" and finished.append(event.job.name))
    assert sorted(finished) == [outcome.job.name for outcome in outcomes]


def test_a_failed_job_leaves_the_others_alone(studio) -> None:
    jobs = prompts("good 1", "[input_moderation]", "good 2", "[error]", "good 3", "[empty]", "good 4")
    outcomes = studio.run(jobs)
    assert statuses(outcomes) == ["succeeded", "failed", "succeeded", "failed", "succeeded", "failed", "succeeded"]
    assert [outcome.error.reason for outcome in outcomes if outcome.error] == ["moderation", "task failed", "no picture"]
    studio.assert_right(outcomes[::2])
    for outcome in outcomes[1::2]:
        assert outcome.task_id and outcome.task_id in str(outcome.error)


def test_it_may_stop_at_the_first_failure(studio) -> None:
    studio.emulator.seconds = 0.3
    jobs = prompts("[slow 0.01] [input_moderation]", *(f"good {n}" for n in range(20)))
    outcomes = studio.run(jobs, stop_at_failure=True, concurrency=3)
    assert outcomes[0].status == "failed"
    assert studio.emulator.count("submit") < 8
    assert set(statuses(outcomes)) == {"failed", "succeeded", "stopped"}
    made = [outcome for outcome in outcomes if outcome.status == "succeeded"]
    assert len(made) == studio.emulator.count("submit") - 1  # what was paid was fetched
    assert "moderation" in str(outcomes[-1].error)


def test_nothing_is_submitted_after_the_first_failure(studio) -> None:
    outcomes = studio.run(prompts("[input_moderation]", *(f"good {n}" for n in range(5))), stop_at_failure=True, concurrency=1)
    last = studio.events[-1].snapshot
    assert (last.failed, last.stopped) == (1, statuses(outcomes).count("stopped")), "what was never sent has not failed"
    sent = [seen.body["prompt"] for seen in studio.emulator.received if seen.step == "submit"]
    assert sent[-1] == "[input_moderation]"  # a job behind it in the plan may have been quicker to the slot
    assert sorted(statuses(outcomes)) == ["failed", *["stopped"] * (6 - len(sent)), *["succeeded"] * (len(sent) - 1)]


def test_a_failure_that_another_try_mends_stops_nothing(studio) -> None:
    outcomes = studio.run(prompts("[error once]", "good"), stop_at_failure=True, concurrency=1)
    assert statuses(outcomes) == ["succeeded", "succeeded"]


def test_no_jobs_bring_no_outcomes_and_send_nothing(studio) -> None:
    assert studio.run([]) == []
    assert not studio.emulator.received


def test_pairing_zip_makes_one_picture_for_each(studio, photos) -> None:
    jobs = plan(["one", "two", "three"], photos[:3], model=FAST, pairing="zip")
    outcomes = studio.run(jobs)
    studio.assert_right(outcomes)
    uploads = studio.emulator.uploads
    sent = [(studio.task(each).prompt, uploads[studio.task(each).urls[0].rpartition("/")[2]].sha256) for each in outcomes]
    assert sent == [(prompt, photo.digest) for prompt, photo in zip(["one", "two", "three"], photos[:3], strict=True)]


def test_shared_references_go_with_every_job_and_up_once(studio, photos) -> None:
    outcomes = studio.run(plan(["a", "b"], photos[:2], model=FAST, shared=photos[2:4]))
    studio.assert_right(outcomes)
    assert [len(studio.task(outcome).urls) for outcome in outcomes] == [3] * 4
    assert studio.emulator.count("upload") == 4


def test_a_reference_that_is_on_the_web_is_not_uploaded(studio, photos) -> None:
    with studio.ledger() as ledger:
        (url,) = engine.upload(photos[:1], settings=studio.settings(), ledger=ledger)
    uploads = studio.emulator.count("upload")
    outcomes = studio.run(plan(["a"], [Reference.from_url(url)], model=FAST))
    studio.assert_right(outcomes)
    assert studio.task(outcomes[0]).urls == (url,)
    assert studio.emulator.count("upload") == uploads


def test_uploads_are_used_again_by_later_runs_but_not_by_a_fresh_one(studio, photos) -> None:
    studio.run(plan(["a"], photos[:3], model=FAST))
    studio.run(plan(["b"], photos[:3], model=FAST))
    assert studio.emulator.count("upload") == 3
    studio.run(plan(["b"], photos[:3], model=FAST), fresh=True)
    assert studio.emulator.count("upload") == 6


def test_the_file_follows_the_bytes_and_never_replaces_another(studio) -> None:
    studio.output.mkdir()
    (studio.output / "Task_1_text_1.png").write_bytes(b"somebody else's")
    (outcome,) = studio.run(prompts("a"))
    assert outcome.file.name == "Task_1_text_1 (2).png"
    assert (studio.output / "Task_1_text_1.png").read_bytes() == b"somebody else's"


def test_every_picture_is_on_disk_before_the_batch_ends(studio) -> None:
    there: list[bool] = []

    def listen(event: engine.Event) -> None:
        if event.kind == "finished" and event.outcome:
            there.append(bool(event.outcome.file and event.outcome.file.exists()))

    studio.run(studio.jobs(6), on_event=listen, concurrency=2)
    assert there == [True] * 6


# What is paid


def test_a_task_that_failed_for_a_passing_reason_is_submitted_again(studio, photos) -> None:
    outcomes = studio.run(plan(["[error once] a"], photos[:1], model=FAST))
    studio.assert_right(outcomes)
    assert studio.emulator.count("submit") == 2
    assert studio.emulator.count("upload") == 2  # it may have been the upload that was gone
    assert outcomes[0].credits == 2 * FAST.credits == studio.emulator.charged


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_task_that_always_fails_is_submitted_as_often_as_allowed(studio, retries: int) -> None:
    (outcome,) = studio.run(prompts("[error]"), settings=studio.settings(retries=retries))
    assert outcome.status == "failed"
    assert studio.emulator.count("submit") == retries + 1
    assert outcome.credits == (retries + 1) * FAST.credits == studio.emulator.charged


@pytest.mark.parametrize("word", ["input_moderation", "output_moderation"])
def test_moderation_is_final_also_for_the_next_run(studio, word: str) -> None:
    for _ in range(2):
        (outcome,) = studio.run(prompts(f"[{word}]"))
        assert outcome.error and outcome.error.reason == "moderation"
    assert studio.emulator.count("submit") == 1
    studio.run(prompts(f"[{word}]"), fresh=True)
    assert studio.emulator.count("submit") == 2


def test_a_model_in_maintenance_is_not_paid_again_at_once(studio) -> None:
    (outcome,) = studio.run(prompts("[maintenance]"))
    assert "model maintenance. Choose another model" in str(outcome.error)
    assert studio.emulator.count("submit") == 1
    studio.emulator.add(Fault("submit", "maintenance"))
    (outcome,) = studio.run(prompts("[maintenance]"))
    assert "model maintenance). Choose another one" in str(outcome.error)


def test_a_wrong_picture_format_is_not_submitted_again(studio) -> None:
    jobs = plan(["a"], [Reference.from_url(f"{studio.emulator.url}/files/gone.png")], model=FAST)
    (outcome,) = studio.run(jobs)
    assert "image format is incorrect" in str(outcome.error) and "Save the picture" in str(outcome.error)
    assert studio.emulator.count("submit") == 1


def test_an_upload_that_is_gone_goes_up_again_also_without_retries(studio, photos) -> None:
    jobs = plan(["a"], photos[:1], model=FAST)
    no_retries = studio.settings(retries=0)
    studio.run(jobs, settings=no_retries)
    studio.emulator.uploads.clear()
    (outcome,) = studio.run(plan(["b"], photos[:1], model=FAST), settings=no_retries)
    assert outcome.status == "failed"
    studio.assert_right(studio.run(plan(["b"], photos[:1], model=FAST), settings=no_retries))


def test_a_submit_whose_reply_is_lost_is_uncertain_and_sent_again_by_the_next_run_only(studio) -> None:
    studio.emulator.add(Fault("submit", "reset_after", times=1))
    jobs = prompts("a")
    (outcome,) = studio.run(jobs)
    assert (outcome.status, outcome.task_id, outcome.credits) == ("uncertain", None, 0)
    assert "may have taken and charged" in str(outcome.error)
    assert studio.emulator.count("submit") == 1
    (outcome,) = studio.run(jobs)
    studio.assert_right([outcome])
    assert [note.reason for note in outcome.notes] == ["uncertain"]
    assert studio.emulator.count("submit") == 2


@pytest.mark.parametrize("kind", ["http_502_html", "http_504_html", "http_429", "http_429_retry_after"])
def test_a_submit_that_was_surely_not_taken_is_sent_again(studio, kind: str) -> None:
    studio.emulator.add(Fault("submit", kind, times=2, seconds=0.1))
    outcomes = studio.run(prompts("a"))
    studio.assert_right(outcomes)
    assert studio.emulator.count("submit") == 3
    assert len(studio.emulator.tasks) == 1


def test_equal_jobs_are_paid_once(studio) -> None:
    (job,) = prompts("a")
    outcomes = studio.run([job, job, job])
    assert statuses(outcomes) == ["succeeded"] * 3
    assert studio.emulator.count("submit") == 1
    assert sum(outcome.reused for outcome in outcomes) == 2


def test_a_prompt_that_is_written_twice_makes_two_pictures(studio) -> None:
    outcomes = studio.run(prompts("a", "a"))
    studio.assert_right(outcomes)
    assert outcomes[0].task_id != outcomes[1].task_id
    again = studio.run(prompts("a", "a"))
    assert [each.file for each in again] == [each.file for each in outcomes]
    assert studio.emulator.count("submit") == 2


def test_another_seed_makes_another_picture(studio) -> None:
    studio.run(prompts("a"))
    studio.run(prompts("a", seed=1))
    assert studio.emulator.count("submit") == 2


def test_of_a_batch_with_one_picture_changed_one_is_paid(studio, photos) -> None:
    studio.run(plan(["a"], photos[:5], model=FAST))
    studio.run(plan(["a"], [*photos[:4], photos[7]], model=FAST))
    assert studio.emulator.count("submit") == 6


def test_a_fresh_run_pays_again(studio) -> None:
    jobs = prompts("a")
    first, second = studio.run(jobs) + studio.run(jobs, fresh=True)
    assert first.task_id != second.task_id and first.file != second.file
    assert studio.emulator.count("submit") == 2


def test_a_fresh_run_leaves_what_is_open_collectable(studio) -> None:
    task = paid_and_left(studio, "[slow 0.3] a")
    (fresh,) = studio.run(prompts(task.prompt), fresh=True)
    assert fresh.task_id != task.id
    (collected,) = studio.collect()
    assert collected.task_id == task.id and collected.files and collected.files[0] != fresh.file
    assert studio.emulator.count("submit") == 2


@pytest.mark.parametrize("together", ["one gate", "a gate each"])
def test_two_runs_of_the_same_batch_at_once_pay_once(studio, together: str) -> None:
    studio.emulator.seconds = 0.2
    jobs, gate = studio.jobs(8), Gate()
    with studio.ledger() as ledger:
        runs = [
            studio.start(jobs, ledger=ledger, output=studio.folder / name, gate=gate if together == "one gate" else None)
            for name in ("one", "two", "three")
        ]
        outcomes = [run.outcomes() for run in runs]
    assert studio.emulator.count("submit") == 8
    assert sum(outcome.credits for each in outcomes for outcome in each) == studio.emulator.charged
    for each in outcomes:
        studio.assert_right(each)


def test_runs_with_a_ledger_each_share_a_folder_and_lose_nothing(studio) -> None:
    jobs = studio.jobs(6)
    with contextlib.ExitStack() as stack:
        folders = [studio.folder / name for name in ("one", "two", "three")]
        service = service_of(studio.emulator.url)
        ledgers = [stack.enter_context(Ledger(folder / "ledger.sqlite3", service=service)) for folder in folders]
        runs = [studio.start(jobs, ledger=ledger, gate=Gate()) for ledger in ledgers]
        outcomes = [run.outcomes() for run in runs]
    studio.assert_right([outcome for each in outcomes for outcome in each])
    assert len(studio.pictures) == len(studio.emulator.tasks) == 18
    studio.assert_nothing_left()


def test_a_job_that_failed_in_one_run_is_not_paid_by_another_that_waited_for_it(studio) -> None:
    jobs = prompts("[slow 0.3] [error]")
    with studio.ledger() as ledger:
        runs = [studio.start(jobs, ledger=ledger, settings=studio.settings(retries=0)) for _ in range(3)]
        outcomes = [run.outcomes()[0] for run in runs]
    assert statuses(outcomes) == ["failed"] * 3
    assert studio.emulator.count("submit") == 1


def test_a_submit_that_became_uncertain_is_not_sent_by_another_run_that_waited_for_it(studio) -> None:
    studio.emulator.add(Fault("submit", "hang_taken", seconds=0.4))
    jobs = prompts("a")
    with studio.ledger() as ledger:
        runs = [studio.start(jobs, ledger=ledger) for _ in range(3)]
        outcomes = [run.outcomes()[0] for run in runs]
    assert statuses(outcomes) == ["uncertain"] * 3
    assert studio.emulator.count("submit") == 1


# What was made earlier


def test_pictures_go_into_another_folder_without_being_paid(studio) -> None:
    jobs = studio.jobs(3)
    first = studio.run(jobs)
    second = studio.run(jobs, output=studio.folder / "other")
    assert studio.emulator.count("submit") == 3
    assert [outcome.file.parent.name for outcome in second] == ["other"] * 3
    assert [each.file.read_bytes() for each in first] == [each.file.read_bytes() for each in second]
    assert [outcome.file for outcome in studio.run(jobs, output=studio.folder / "other")] == [each.file for each in second]


def test_a_copy_is_enough_when_the_first_folder_is_gone(studio) -> None:
    jobs = studio.jobs(2)
    first = studio.run(jobs)
    second = studio.run(jobs, output=studio.folder / "other")
    studio.make_older(TASK_SECONDS)
    for outcome in first:
        outcome.file.unlink()
    third = studio.run(jobs, output=studio.folder / "other")
    assert [outcome.file for outcome in third] == [outcome.file for outcome in second]
    fourth = studio.run(jobs)
    assert [outcome.file for outcome in fourth] == [outcome.file for outcome in first]
    assert studio.emulator.count("submit") == 2


def test_pictures_that_moved_with_their_folder_are_not_paid_again(studio) -> None:
    jobs = studio.jobs(3)
    studio.run(jobs)
    studio.make_older(TASK_SECONDS)
    moved = studio.output.rename(studio.folder / "another drive")
    with studio.ledger() as ledger:
        assert engine.estimate(jobs, ledger).new == 3
        assert engine.estimate(jobs, ledger, output=moved).reused == 3
    outcomes = studio.run(jobs, output=moved, budget=0.00001)
    studio.assert_right(outcomes)
    assert [(each.reused, each.file.parent) for each in outcomes] == [(True, moved)] * 3
    assert studio.emulator.count("submit") == 3


def test_another_file_of_that_name_is_not_taken_for_a_picture_that_moved(studio) -> None:
    (outcome,) = studio.run(prompts("a"))
    studio.make_older(TASK_SECONDS)
    moved = studio.output.rename(studio.folder / "another drive")
    (moved / outcome.file.name).write_bytes(b"somebody else's")
    (again,) = studio.run(prompts("a"), output=moved)
    assert not again.reused and studio.emulator.count("submit") == 2
    assert (moved / outcome.file.name).read_bytes() == b"somebody else's"


def test_a_picture_that_was_deleted_is_fetched_again_without_paying(studio) -> None:
    jobs = studio.jobs(3)
    outcomes = studio.run(jobs)
    outcomes[1].file.unlink()
    again = studio.run(jobs)
    studio.assert_right(again)
    assert [outcome.reused for outcome in again] == [True, False, True]
    assert sum(outcome.credits for outcome in again) == 0
    assert studio.emulator.count("submit") == 3


def test_a_task_older_than_two_hours_is_paid_again_and_that_is_said(studio) -> None:
    jobs = prompts("[slow 30] a")
    run = studio.start(jobs)
    studio.wait_until(lambda: studio.emulator.tasks)
    studio.wait_until(lambda: [event for event in studio.events if event.kind == "submitted"])
    run.stopped()
    studio.make_older(TASK_SECONDS)
    (lost,) = studio.emulator.tasks
    studio.emulator.tasks.clear()
    second = studio.start(jobs)
    studio.wait_until(lambda: len(studio.emulator.tasks) == 1)
    second.stopped()
    (outcome,) = second.outcomes()
    assert lost in str(outcome.notes[0]) and "2 hours" in str(outcome.notes[0])


@pytest.mark.parametrize("moment", ["still running", "succeeded"])
def test_a_task_that_only_our_clock_takes_for_lost_is_fetched_without_paying(studio, moment: str) -> None:
    task = paid_and_left(studio, "[slow 0.8] a")
    studio.make_older(8 * 3600)  # the clock was set, as on a computer with two systems
    studio.wait_until(lambda: moment == "still running" or task.status == "succeeded")
    (outcome,) = studio.run(prompts(task.prompt))
    studio.assert_right([outcome])
    assert (outcome.credits, studio.emulator.count("submit")) == (0, 1)


def test_a_picture_that_is_gone_with_its_task_is_paid_again(studio) -> None:
    task = paid_and_left(studio, "[slow 0.1] a")
    studio.make_older(TASK_SECONDS)
    studio.wait_until(lambda: task.status == "succeeded")
    studio.emulator.add(Fault("download", "not_found", times=2))
    (outcome,) = studio.run(prompts(task.prompt), backoff=Backoff(tries=2, first=0.01, longest=0.01))
    studio.assert_right([outcome])
    assert outcome.task_id != task.id and studio.emulator.count("submit") == 2
    assert task.id in str(outcome.notes)


@pytest.mark.full  # a task may be unknown for half a minute
def test_a_clock_that_was_set_back_does_not_make_a_lost_task_young(studio) -> None:
    task = paid_and_left(studio, "[slow 30] a")
    studio.make_older(-8 * 3600)
    studio.emulator.tasks.clear()
    run = studio.start(prompts(task.prompt))
    studio.wait_until(lambda: studio.emulator.tasks, seconds=60)
    run.stopped()


def test_a_task_past_its_deadline_stays_open_and_the_next_run_fetches_it(studio) -> None:
    jobs = prompts("[slow 0.8] a")
    (outcome,) = studio.run(jobs, settings=studio.settings(deadline_seconds=0.2))
    assert outcome.status == "failed" and outcome.error and outcome.error.reason == "still open"
    assert outcome.task_id and outcome.task_id in str(outcome.error)
    (again,) = studio.run(jobs)
    studio.assert_right([again])
    assert (again.task_id, again.credits) == (outcome.task_id, 0)
    assert studio.emulator.count("submit") == 1


def test_a_picture_that_does_not_arrive_stays_paid_and_the_next_run_fetches_it(studio) -> None:
    studio.emulator.add(Fault("download", "short_body"))
    jobs = studio.jobs(3)
    outcomes = studio.run(jobs, backoff=Backoff(tries=2, first=0.01, longest=0.01))
    assert statuses(outcomes) == ["failed"] * 3
    for outcome in outcomes:
        assert outcome.error and outcome.error.reason == "download"
        assert f"Task {outcome.task_id} is paid" in str(outcome.error)
    studio.assert_nothing_left()
    studio.emulator.clear_faults()
    studio.assert_right(studio.run(jobs))
    assert studio.emulator.count("submit") == 3


def paid_and_left(studio, prompt: str) -> Task:
    """A task that was submitted by a run which then was stopped."""
    run = studio.start(prompts(prompt))
    studio.wait_until(lambda: [event for event in studio.events if event.kind == "submitted"])
    run.stopped()
    (task,) = studio.emulator.tasks.values()
    return task


def test_a_task_that_failed_while_nobody_looked_is_not_paid_again_without_retries(studio) -> None:
    task = paid_and_left(studio, "[slow 0.3] [error]")
    (outcome,) = studio.run(prompts(task.prompt), settings=studio.settings(retries=0))
    assert outcome.status == "failed" and task.id in str(outcome.error)
    assert studio.emulator.count("submit") == 1


def test_a_task_that_failed_while_nobody_looked_is_tried_again_as_often_as_any_other(studio) -> None:
    task = paid_and_left(studio, "[slow 0.3] [error]")
    (outcome,) = studio.run(prompts(task.prompt), settings=studio.settings(retries=2))
    assert outcome.status == "failed"
    assert studio.emulator.count("submit") == 3
    assert outcome.credits == 2 * FAST.credits


def test_a_task_that_the_service_does_not_know_stays_open_and_is_not_paid_again(studio) -> None:
    task = paid_and_left(studio, "[slow 0.1] a")
    studio.make_older(60)  # past the time in which a new task may be unknown
    studio.emulator.add(Fault("poll", "no_such_task", times=5))
    (outcome,) = studio.run(prompts(task.prompt))
    assert outcome.error and outcome.error.reason == "still open" and task.id in str(outcome.error)
    (again,) = studio.run(prompts(task.prompt))  # the service finds it again
    studio.assert_right([again])
    assert (again.task_id, studio.emulator.count("submit")) == (task.id, 1)


def test_a_task_that_the_service_does_not_know_is_paid_again_where_the_user_says_so(studio) -> None:
    task = paid_and_left(studio, "[slow 30] a")
    studio.emulator.tasks.clear()
    studio.make_older(60)
    (outcome,) = studio.run(prompts(task.prompt), settings=studio.settings(deadline_seconds=0.3), fresh=True)
    assert outcome.error and outcome.error.reason == "still open"
    assert studio.emulator.count("submit") == 2


def test_a_task_of_another_key_stays_collectable_with_that_key(studio) -> None:
    task = paid_and_left(studio, "[slow 0.1] a")
    studio.make_older(60)
    studio.emulator.add(Fault("poll", "no_such_task", times=5))  # what the service says of a task that is somebody else's
    (outcome,) = studio.run(prompts(task.prompt), settings=studio.settings(api_key="sk-" + "c" * 32))
    assert outcome.status == "succeeded" and outcome.task_id != task.id
    assert [note.reason for note in outcome.notes] == ["no such task"]
    (collected,) = studio.collect()
    assert collected.task_id == task.id and collected.files and collected.files[0] != outcome.file
    assert studio.emulator.count("submit") == 2


def test_moderation_is_final_also_beside_a_task_that_nobody_knows(studio) -> None:
    task = paid_and_left(studio, "[slow 0.3] [output_moderation]")
    studio.make_older(60)
    studio.emulator.tasks.clear()
    for _ in range(2):  # with another key, whose tasks these are not
        (outcome,) = studio.run(prompts(task.prompt), settings=studio.settings(api_key="sk-" + "c" * 32))
        assert outcome.error and outcome.error.reason == "moderation"
    assert studio.emulator.count("submit") == 2


@pytest.mark.parametrize("kind", ["task_error", "task_output_moderation", "task_empty"])
def test_an_older_task_is_fetched_where_a_fresh_one_brought_no_picture(studio, kind: str) -> None:
    jobs = prompts("[slow 0.2] a")
    first = paid_and_left(studio, jobs[0].prompt)
    studio.events.clear()
    studio.emulator.add(Fault("submit", kind, times=1))
    run = studio.start(jobs, fresh=True)
    studio.wait_until(lambda: [event for event in studio.events if event.kind == "submitted"])
    run.stopped()
    studio.wait_until(lambda: studio.emulator.open == 0)
    (outcome,) = studio.run(jobs)
    studio.assert_right([outcome])
    assert outcome.task_id == first.id and len(outcome.notes) == 1
    assert studio.emulator.count("submit") == 2


@pytest.mark.full  # a task that is half a minute old is not looked at often
def test_a_task_that_is_unknown_now_and_then_is_not_given_up(studio) -> None:
    task = paid_and_left(studio, "[slow 12] a")
    studio.make_older(31)
    studio.emulator.add(
        Fault("poll", "no_such_task", times=3), Fault("poll", "stall", times=1), Fault("poll", "no_such_task", times=3)
    )
    (outcome,) = studio.run(prompts(task.prompt))
    assert outcome.task_id == task.id and outcome.status == "succeeded"
    assert studio.emulator.count("submit") == 1


def test_a_new_task_that_the_service_cannot_find_stays_collectable(studio) -> None:
    jobs = prompts("[slow 0.3] a")
    studio.emulator.add(Fault("poll", "no_such_task"))
    (outcome,) = studio.run(jobs, settings=studio.settings(deadline_seconds=0.5))
    assert outcome.status == "failed" and outcome.task_id
    studio.emulator.clear_faults()
    (collected,) = studio.collect()
    assert collected.task_id == outcome.task_id and collected.files


@pytest.mark.parametrize("kind", ["key_refused", "unparsable"])
def test_a_poll_that_is_refused_now_and_then_does_not_give_a_task_up(studio, kind: str) -> None:
    studio.emulator.add(Fault("poll", kind, share=0.4))
    jobs = studio.jobs(8)
    outcomes = studio.run(jobs, concurrency=8)
    studio.assert_right(outcomes)
    assert studio.emulator.count("submit") == 8


def test_a_task_that_can_no_longer_be_polled_says_how_to_fetch_it(studio) -> None:
    studio.emulator.add(Fault("poll", "unparsable"))
    (outcome,) = studio.run(prompts("a"))
    assert outcome.status == "failed"
    assert f"Task {outcome.task_id} is paid" in str(outcome.error)
    studio.emulator.clear_faults()
    studio.assert_right(studio.run(prompts("a")))
    assert studio.emulator.count("submit") == 1


def test_a_success_without_a_picture_is_looked_at_again_and_not_submitted_again(studio) -> None:
    studio.emulator.add(Fault("poll", "empty_results", times=2))
    studio.assert_right(studio.run(prompts("a")))
    (outcome,) = studio.run(prompts("[empty] b"))
    assert outcome.error and outcome.error.reason == "no picture"
    assert studio.emulator.count("submit") == 2
    (outcome,) = studio.run(prompts("[empty] b"))  # the user runs it again: it is sent, and it is said that it was paid before
    assert studio.emulator.count("submit") == 3
    assert "without a picture" in str(outcome.notes[0])


def test_a_picture_that_is_shown_late_is_fetched_by_the_next_run_without_paying(studio) -> None:
    studio.emulator.add(Fault("poll", "empty_results", times=5))
    (first,) = studio.run(prompts("a"))
    assert first.error and first.error.reason == "no picture"
    (again,) = studio.run(prompts("a"))
    studio.assert_right([again])
    assert (again.task_id, again.credits, studio.emulator.count("submit")) == (first.task_id, 0, 1)


# Stopping


@pytest.mark.parametrize("step", ["credits", "ticket", "upload", "submit", "poll", "download"])
def test_a_stopped_run_returns_at_once_although_the_service_hangs(studio, photos, step: str) -> None:
    studio.emulator.add(Fault(step, "hang", seconds=20))
    run = studio.start(plan(["a", "b"], photos[:6], model=FAST), concurrency=4)
    studio.wait_until(lambda: studio.emulator.count(step))
    assert run.stopped() < STOPPED_WITHIN
    outcomes = run.outcomes()
    assert len(outcomes) == 12
    assert set(statuses(outcomes)) <= {"stopped", "uncertain"}
    if step == "submit":
        assert statuses(outcomes).count("uncertain") == studio.emulator.count("submit") <= 4


def test_nothing_is_submitted_after_a_stop(studio) -> None:
    studio.emulator.seconds = 0.02
    for seconds in (0.05, 0.1, 0.15, 0.2):
        run = studio.start(studio.jobs(60, prompt=f"after {seconds}"), concurrency=8)
        studio.wait_until(lambda: studio.events)
        time.sleep(seconds)
        run.stop.set()
        stopped_at = time.time()
        run.outcomes()
        late = [seen for seen in studio.emulator.received if seen.step == "submit" and seen.time > stopped_at + 0.03]
        assert not late


def test_nothing_is_submitted_after_a_stop_that_came_while_the_ledger_was_locked(studio) -> None:
    first, second = prompts("[slow 0.3] first", "second")
    with closing(sqlite3.connect(studio.ledger_path, isolation_level=None)) as other, studio.ledger() as ledger:
        run = studio.start([first, second], ledger=ledger, concurrency=1)
        studio.wait_until(lambda: len([event for event in studio.events if event.kind == "started"]) == 2)
        studio.wait_until(lambda: studio.emulator.count("poll"))
        other.execute("BEGIN IMMEDIATE")
        studio.wait_until(lambda: studio.emulator.count("download"))
        time.sleep(0.05)  # the second job has the slot now, and waits to write that it is submitted
        assert run.stopped() < STOPPED_WITHIN
        other.execute("ROLLBACK")
        studio.wait_until(lambda: ledger.claim(second.fingerprint))  # its thread has left it
    assert studio.emulator.count("submit") == 1
    assert statuses(run.outcomes()) in (["stopped"] * 2, ["succeeded", "stopped"])


def test_what_a_stopped_run_submitted_is_fetched_by_the_next_one_without_paying(studio) -> None:
    studio.emulator.seconds = 0.5
    jobs = studio.jobs(10)
    run = studio.start(jobs, concurrency=5)
    studio.wait_until(lambda: len(studio.emulator.tasks) >= 5)
    studio.wait_until(lambda: len([event for event in studio.events if event.kind == "submitted"]) >= 5)
    run.stopped()
    outcomes = run.outcomes()
    assert statuses(outcomes).count("stopped") == 10
    assert sum(outcome.credits for outcome in outcomes) == studio.emulator.charged
    again = studio.run(jobs, concurrency=5)
    studio.assert_right(again)
    assert studio.emulator.count("submit") == 10
    assert sum(outcome.credits for outcome in again) == 5 * FAST.credits


@pytest.mark.parametrize("ledger_stays", ["open", "closed"])
def test_a_reply_that_comes_after_the_stop_is_written_down(studio, ledger_stays: str) -> None:
    studio.emulator.add(Fault("submit", "slow_headers", seconds=0.6, times=1))
    jobs, ledger = prompts("a"), studio.ledger()
    run = studio.start(jobs, ledger=ledger)
    studio.wait_until(lambda: studio.emulator.tasks)
    assert run.stopped() < STOPPED_WITHIN
    assert statuses(run.outcomes()) == ["uncertain"]
    if ledger_stays == "closed":
        ledger.close()
    studio.wait_until(lambda: studio.emulator.received[-1].status == 200)
    (task,), journal = studio.emulator.tasks, studio.folder / "ledger.journal"
    studio.wait_until(lambda: journal.exists() and task in journal.read_text("utf-8"))
    studio.assert_right(studio.run(jobs))
    assert studio.emulator.count("submit") == 1
    ledger.close()


def test_a_listener_that_fails_ends_the_run_with_its_error(studio) -> None:
    studio.emulator.seconds = 0.2

    def listen(event: engine.Event) -> None:
        if event.kind == "finished":
            raise RuntimeError("the listener's own")

    with pytest.raises(RuntimeError, match="the listener's own"):
        studio.run(studio.jobs(40), on_event=listen, concurrency=2)
    submits = studio.emulator.count("submit")
    studio.run([])
    assert submits <= 5


def test_a_listener_that_fails_at_a_submit_leaves_the_gate_to_others_as_it_was(studio) -> None:
    def listen(event: engine.Event) -> None:
        if event.kind == "submitted":
            raise RuntimeError("the listener's own")

    gate = Gate()
    for number in range(6):
        with pytest.raises(RuntimeError, match="the listener's own"):
            studio.run(studio.jobs(5, prompt=f"run {number}"), on_event=listen, gate=gate)
    studio.emulator.max_open, studio.emulator.seconds = 2, 0.3
    studio.assert_right(studio.run(studio.jobs(12), gate=gate, concurrency=12))
    refused = [seen for seen in studio.emulator.received if seen.status == 429]
    assert len(refused) < 30, "with a gate that counts them still as open it is 70"


def test_a_host_that_stays_out_of_reach_is_not_tried_for_each_of_a_thousand_jobs(studio) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}"
    begun = time.monotonic()
    outcomes = studio.run(studio.jobs(1000), settings=studio.settings(base_url=dead), concurrency=2)
    assert time.monotonic() - begun < 20
    assert statuses(outcomes[-990:]) == ["stopped"] * 990
    assert "cannot be reached" in str(outcomes[0].error) and "cannot be reached" in str(outcomes[-1].error)


def test_nothing_is_heard_of_a_run_that_was_stopped(studio) -> None:
    studio.emulator.seconds = 0.3
    run = studio.start(studio.jobs(10))
    studio.wait_until(lambda: studio.emulator.tasks)
    run.stopped()
    heard = len(studio.events)
    studio.run(studio.jobs(2, prompt="other"), on_event=None)
    assert len(studio.events) == heard


def test_a_run_that_has_ended_leaves_no_thread_behind(studio) -> None:
    def threads() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if "painter" not in thread.name}  # that is the emulator's

    before = threads()
    studio.run(studio.jobs(12), concurrency=6)
    studio.wait_until(lambda: threads() <= before, seconds=2.0)


# Limits


def test_no_more_tasks_are_open_than_the_run_allows(studio) -> None:
    studio.emulator.seconds = 0.15
    studio.assert_right(studio.run(studio.jobs(14), concurrency=3))
    assert studio.emulator.peak_open == 3


def test_all_runs_of_a_process_share_one_limit(studio) -> None:
    studio.emulator.seconds = 0.15
    gate = Gate(limit=4)
    with studio.ledger() as ledger:
        runs = [studio.start(studio.jobs(8, prompt=name), ledger=ledger, gate=gate, concurrency=4) for name in "abc"]
        for run in runs:
            assert statuses(run.outcomes()) == ["succeeded"] * 8
    assert studio.emulator.peak_open == 4


def test_a_service_that_takes_few_at_once_is_served_as_it_likes(studio) -> None:
    studio.emulator.max_open, studio.emulator.seconds = 3, 0.1
    outcomes = studio.run(studio.jobs(20), concurrency=12)
    studio.assert_right(outcomes)
    assert len(studio.emulator.tasks) == 20


def test_retry_after_holds_everybody_back(studio) -> None:
    studio.emulator.add(Fault("submit", "http_429_retry_after", times=1, seconds=1))
    studio.assert_right(studio.run(studio.jobs(4), concurrency=1))
    times = [seen.time for seen in studio.emulator.received if seen.step == "submit"]
    assert times[1] - times[0] >= 1.0


# What goes wrong on the way


def test_a_picture_that_changed_since_the_plan_stops_no_other(studio, photos, tmp_path: Path) -> None:
    changing = tmp_path / "changing.jpg"
    changing.write_bytes(photos[0].path.read_bytes())
    jobs = plan(["a"], [Reference.from_file(changing), photos[1]], model=FAST)
    changing.write_bytes(photos[2].path.read_bytes())
    first, second = studio.run(jobs)
    assert isinstance(first.error, BadPicture) and "changed since the batch began" in str(first.error)
    studio.assert_right([second])
    assert studio.emulator.count("submit") == 1


def test_credits_that_run_out_end_the_submits_and_say_how_to_go_on(studio) -> None:
    studio.emulator.add(Fault("submit", "out_of_credits", after=5))
    jobs = studio.jobs(30)
    outcomes = studio.run(jobs, concurrency=4)
    assert statuses(outcomes).count("succeeded") == 5
    assert studio.emulator.count("submit") <= 5 + 4
    rest = [outcome for outcome in outcomes if outcome.status == "stopped"]
    assert rest and all("Top up at the service and run again" in str(outcome.error) for outcome in rest)
    studio.emulator.clear_faults()
    studio.assert_right(studio.run(jobs))
    assert len(studio.emulator.tasks) == 30


def test_a_key_that_stops_working_ends_the_submits_and_loses_nothing(studio) -> None:
    studio.emulator.seconds = 0.2
    jobs = studio.jobs(30)
    run = studio.start(jobs, concurrency=4)
    studio.wait_until(lambda: len(studio.emulator.tasks) >= 8)
    studio.emulator.key = "sk-" + "f" * 32
    outcomes = run.outcomes()
    paid = len(studio.emulator.tasks)
    assert paid < 20
    assert set(statuses(outcomes)) == {"succeeded", "failed", "stopped"}
    assert all("refuses the API key" in str(outcome.error) for outcome in outcomes if outcome.error)
    studio.emulator.key = None
    studio.assert_right(studio.run(jobs))
    assert len(studio.emulator.tasks) == 30


def test_a_ledger_that_locks_up_in_the_middle_ends_the_run_soon_and_keeps_what_is_paid(studio) -> None:
    studio.emulator.seconds = 0.3
    jobs = studio.jobs(40)
    with closing(sqlite3.connect(studio.ledger_path, isolation_level=None)) as other:
        with studio.ledger(busy_seconds=0.1) as ledger:
            run = studio.start(jobs, ledger=ledger, concurrency=4)
            studio.wait_until(lambda: len([event for event in studio.events if event.kind == "submitted"]) >= 4)
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            outcomes = run.outcomes()
            assert time.monotonic() - begun < 6
            other.execute("ROLLBACK")
    assert any("locked by another program" in str(outcome.error) for outcome in outcomes)
    made = [outcome for outcome in outcomes if outcome.status == "succeeded"]
    assert made, "a ledger that fails does not lose a picture that is paid"
    studio.assert_right(made)
    paid = len(studio.emulator.tasks)
    studio.assert_right(studio.run(jobs))
    assert len(studio.emulator.tasks) == 40 and paid < 40


def test_a_ledger_that_fails_right_after_a_submit_loses_no_picture(studio) -> None:
    ledger = studio.ledger()
    outcomes = studio.run(prompts("a"), ledger=ledger, on_event=lambda event: event.kind == "submitted" and ledger.close())
    studio.assert_right(outcomes)
    assert [note.reason for note in outcomes[0].notes] == ["ledger"]
    studio.assert_right(studio.run(prompts("a")))
    assert len(studio.pictures) == studio.emulator.count("submit") == 1


def test_a_reason_that_no_encoding_knows_ends_its_own_job_only(server, studio) -> None:
    task = {"id": "14-x", "status": "failed", "failure_reason": "error", "error": "half a \ud83d"}
    for data in ({"credits": 100_000}, "14-x", task):
        server.will_say({"code": 0, "data": data})
    (outcome,) = studio.run(prompts("a"), settings=studio.settings(base_url=server.url, retries=0))
    assert outcome.status == "failed" and "half a ?" in str(outcome.error)


def test_an_address_that_is_none_leaves_the_task_collectable(server, studio) -> None:
    task = {"id": "14-x", "status": "succeeded", "results": [{"url": "https://["}]}
    for data in ({"credits": 100_000}, "14-x", task):
        server.will_say({"code": 0, "data": data})
    (outcome,) = studio.run(prompts("a"), settings=studio.settings(base_url=server.url))
    assert outcome.status == "failed" and "Task 14-x is paid" in str(outcome.error)


def test_an_output_folder_that_fails_in_the_middle_loses_nothing(studio) -> None:
    studio.emulator.seconds = 0.2
    jobs = studio.jobs(20)
    run = studio.start(jobs, concurrency=3)
    studio.wait_until(lambda: studio.pictures)
    moved = studio.output.rename(studio.folder / "moved")
    studio.output.write_text("in the way")
    outcomes = run.outcomes()
    failed = [outcome for outcome in outcomes if outcome.error and outcome.error.reason == "not written"]
    assert failed and all("cannot be written" in str(outcome.error) for outcome in failed)
    assert len(studio.emulator.tasks) < 20
    studio.output.unlink()
    moved.rename(studio.output)
    studio.assert_right(studio.run(jobs))
    assert len(studio.emulator.tasks) == 20


# Events


def test_events_tell_the_whole_story_one_at_a_time(studio) -> None:
    inside = threading.Lock()
    events: list[engine.Event] = []

    def listen(event: engine.Event) -> None:
        assert inside.acquire(blocking=False), "two events at once"
        time.sleep(0.001)
        events.append(event)
        inside.release()

    studio.emulator.seconds = 0.3
    outcomes = studio.run([*studio.jobs(6), *prompts("[input_moderation]")], on_event=listen, concurrency=3)
    for job in (outcome.job for outcome in outcomes):
        kinds = [event.kind for event in events if event.job is job]
        assert kinds[:2] == ["started", "submitted"] and kinds[-1] == "finished"
        assert set(kinds[2:-1]) <= {"progress"}
    snapshots = [event.snapshot for event in events]
    assert [each.progress for each in snapshots] == sorted(each.progress for each in snapshots)
    assert (snapshots[-1].done, snapshots[-1].failed, snapshots[-1].running) == (6, 1, 0)
    assert snapshots[-1].progress == 1.0
    assert snapshots[-1].credits == sum(outcome.credits for outcome in outcomes) == studio.emulator.charged
    assert max(each.running for each in snapshots) == 3


# Beside the run


def test_collect_fetches_what_is_paid_and_leaves_what_still_runs(studio) -> None:
    jobs = prompts("[slow 0.4] a", "[slow 60] b")
    run = studio.start(jobs)
    studio.wait_until(lambda: len([event for event in studio.events if event.kind == "submitted"]) == 2)
    run.stopped()
    done, running = studio.emulator.tasks.values()
    if "60" in done.prompt:
        done, running = running, done
    studio.wait_until(lambda: done.status == "succeeded")
    begun = time.monotonic()
    found = {collected.task_id: collected for collected in studio.collect()}
    assert time.monotonic() - begun < 1.0
    assert found[done.id].files and found[done.id].files[0].parent == studio.output
    assert isinstance(found[running.id].error, StillOpen)
    assert studio.emulator.count("submit") == 2
    assert [collected.task_id for collected in studio.collect()] == [running.id]


def test_collect_fetches_a_task_that_the_ledger_does_not_know(studio) -> None:
    task = paid_and_left(studio, "[slow 0.1] a")
    for path in studio.folder.glob("ledger*"):
        path.unlink()
    studio.wait_until(lambda: task.status == "succeeded")
    (collected,) = studio.collect(task_ids=[task.id], output=studio.output)
    assert collected.files and collected.files[0].parent == studio.output


def test_collect_by_id_names_the_files_of_what_is_here_already(studio) -> None:
    (outcome,) = studio.run(studio.jobs(1))
    sent = len(studio.emulator.received)
    (collected,) = studio.collect(task_ids=[outcome.task_id], output=studio.folder / "elsewhere")
    assert collected.files == outcome.files and collected.error is None
    assert len(studio.emulator.received) == sent


def test_collect_keeps_the_name_of_an_unknown_task_inside_the_folder(studio) -> None:
    (collected,) = studio.collect(task_ids=["../../evil"], output=studio.output)
    assert collected.error and not collected.files
    assert [path.name for path in studio.folder.rglob("*evil*")] == []


def test_collect_stops_at_once_although_the_service_hangs(studio) -> None:
    paid_and_left(studio, "[slow 0.1] a")
    studio.emulator.add(Fault("poll", "hang", seconds=20))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begun = time.monotonic()
    (collected,) = studio.collect(stop=stop)
    assert time.monotonic() - begun < 0.3 + STOPPED_WITHIN
    assert isinstance(collected.error, Stopped)


def test_collect_works_on_many_at_once(studio) -> None:
    studio.emulator.seconds = 0.3
    run = studio.start(studio.jobs(24), concurrency=24)
    studio.wait_until(lambda: len([event for event in studio.events if event.kind == "submitted"]) == 24)
    run.stopped()
    studio.wait_until(lambda: studio.emulator.open == 0)
    studio.emulator.lag = 0.1
    begun = time.monotonic()
    assert all(collected.files for collected in studio.collect())
    assert time.monotonic() - begun < 24 * 0.2 / 2
    studio.emulator.lag = 0.0
    assert studio.emulator.count("submit") == 24
    studio.assert_right(studio.run(studio.jobs(24)))
    assert studio.emulator.count("submit") == 24


def test_collect_tells_of_a_task_that_failed_and_does_not_ask_again(studio) -> None:
    task = paid_and_left(studio, "[slow 0.1] [output_moderation]")
    studio.wait_until(lambda: task.status == "failed")
    (collected,) = studio.collect()
    assert collected.error and collected.error.reason == "moderation"
    assert studio.collect() == []


def test_collect_outlives_a_service_that_breaks_now_and_then(studio) -> None:
    task = paid_and_left(studio, "[slow 0.1] a")
    studio.wait_until(lambda: task.status == "succeeded")
    studio.emulator.add(Fault("poll", "http_502_html", times=2), Fault("poll", "no_such_task", times=2))
    (collected,) = studio.collect()
    assert collected.files


def test_upload_sends_each_content_once_and_in_order(studio, photos) -> None:
    with studio.ledger() as ledger:
        settings = studio.settings()
        urls = engine.upload([photos[0], photos[1], photos[0]], settings=settings, ledger=ledger, backoff=Backoff(first=0.02))
        assert urls[0] == urls[2] != urls[1]
        assert [studio.emulator.uploads[url.rpartition("/")[2]].sha256 for url in urls[:2]] == [
            photos[0].digest,
            photos[1].digest,
        ]
        assert engine.upload([photos[1]], settings=settings, ledger=ledger) == [urls[1]]
    assert studio.emulator.count("upload") == 2


def test_an_upload_stops_at_once_although_the_storage_hangs(studio, photos) -> None:
    studio.emulator.add(Fault("upload", "hang", seconds=20))
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begun = time.monotonic()
    with studio.ledger() as ledger, pytest.raises(Stopped):
        engine.upload(photos[:2], settings=studio.settings(), ledger=ledger, stop=stop)
    assert time.monotonic() - begun < 0.3 + STOPPED_WITHIN


def test_an_upload_that_fails_raises(studio, photos) -> None:
    studio.emulator.add(Fault("ticket", "key_refused"))
    with studio.ledger() as ledger, pytest.raises(GrsaiError, match="refuses the API key"):
        engine.upload(photos[:2], settings=studio.settings(), ledger=ledger)


def test_names_that_no_encoding_knows_are_made_all_the_same(studio, photos, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xc3\xfb\xd7\xd6.jpg")
    try:
        odd.write_bytes(photos[0].path.read_bytes())
    except OSError:
        pytest.skip("this file system wants names that are text")
    studio.assert_right(studio.run(plan(["a"], [Reference.from_file(odd)], model=FAST)))


def test_a_price_is_told_without_sending_anything(studio) -> None:
    jobs = studio.jobs(5)
    studio.run(jobs[:2])
    sent = len(studio.emulator.received)
    with studio.ledger() as ledger:
        price = engine.estimate(jobs, ledger)
        assert (price.total, price.reused, price.open, price.new, price.credits) == (5, 2, 0, 3, 3 * 440)
        assert price.yuan == pytest.approx(0.132)
        assert engine.estimate(jobs, ledger, fresh=True).new == 5
    assert len(studio.emulator.received) == sent


def test_the_errors_of_a_run_are_of_the_kinds_that_are_drawn(studio) -> None:
    with pytest.raises(OverBudget):
        studio.run(prompts("a"), budget=0.01)
    studio.emulator.add(Fault("submit", "http_500"))
    (outcome,) = studio.run(prompts("b"))
    assert isinstance(outcome.error, Uncertain)
