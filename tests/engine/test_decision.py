"""What is done about a job, row by row: the one decision that all money hangs on."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grsai.engine.decision import Ask, Collect, Pay, Refuse, Reuse, decide, kind_of
from grsai.errors import DownloadError, EmptyResult, GrsaiError, Moderated, NoSuchTask, StillOpen, TaskFailed, Uncertain
from grsai.ledger import TASK_SECONDS, Entry

NOW = time.time()
OLD = NOW - TASK_SECONDS - 60
BEGUN = NOW - 10


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "Task_1_text_1.png"
    file.write_bytes(b"a picture")
    return file


def entry(state: Any, row: int = 1, *, submitted: float | None = NOW - 60, **facts: Any) -> Entry:
    known = {
        "row": row, "service": "grsai", "fingerprint": "f", "state": state, "task_id": f"14-{row}", "base_url": "https://x",
        "model": "nano-banana-fast", "prompt": "a boat", "aspect_ratio": "auto", "image_size": None, "seed": 0, "variation": 0,
        "credits": 440, "created": submitted or NOW - 60, "submitted": submitted, "finished": None, "reason": "", "error": "",
        "urls": (), "files": (), "copies": (), "name": "Task_1_text", "folder": Path("made"), "sources": (),
    }  # fmt: skip
    return Entry(**known | facts)


def done(picture: Path, row: int = 1, **facts: Any) -> Entry:
    return entry("done", row, files=((picture, picture.stat().st_size),), **facts)


def test_a_job_that_was_never_seen_is_paid() -> None:
    assert decide([]) == Pay()


def test_files_that_are_there_are_used_again_whatever_else_is_known(picture: Path) -> None:
    made = done(picture, 1, submitted=OLD)
    for newer in (entry("open", 2), entry("failed", 2), entry("uncertain", 2), entry("submitting", 2, task_id=None)):
        assert decide([newer, made]) == Reuse(made, (picture,))


@pytest.mark.parametrize("state", ["open", "done"])
def test_what_is_paid_and_not_here_is_collected_the_newest_first(state: str) -> None:
    older, newer = entry(state, 1), entry(state, 2)
    assert decide([newer, older]) == Collect(newer)
    assert decide([newer, older], asked={2: TaskFailed("It failed.")}) == Collect(older)


def test_a_task_that_still_runs_is_not_paid_again() -> None:
    running = StillOpen("Still running.")
    assert decide([entry("open")], asked={1: running}) == Refuse(running)


def test_a_download_that_failed_is_not_paid_again_while_the_picture_can_be_had() -> None:
    cut = DownloadError("Cut.")
    assert decide([entry("open")], asked={1: cut}) == Refuse(cut)


@pytest.mark.parametrize("error", [Moderated("Refused."), EmptyResult("Nothing.")])
def test_a_final_end_of_the_last_task_that_could_be_collected_is_the_end(error: GrsaiError) -> None:
    older, newer = entry("open", 1), entry("open", 2)
    assert decide([newer, older], asked={2: error}) == Collect(older)
    assert decide([newer, older], asked={2: error, 1: error}) == Refuse(error)


def test_a_collected_task_that_failed_counts_as_a_try() -> None:
    failed = TaskFailed("It failed.")
    assert decide([entry("open")], asked={1: failed}) == Pay(failed=failed)


def test_a_task_that_is_lost_by_our_clock_is_asked_for_before_anything_is_paid() -> None:
    lost = entry("open", submitted=OLD)
    assert decide([lost]) == Ask(lost)
    decision = decide([lost], asked={1: None})
    assert isinstance(decision, Pay) and [note.reason for note in decision.notes] == ["still open"]


def test_a_success_without_a_picture_is_asked_for_once_more() -> None:
    empty = entry("failed", reason=EmptyResult.reason)
    assert decide([empty]) == Ask(empty)
    decision = decide([empty], asked={1: None})
    assert isinstance(decision, Pay) and [note.reason for note in decision.notes] == ["no picture"]


def test_nobody_asks_for_a_lost_task_beside_one_that_can_be_collected() -> None:
    lost, paid = entry("open", 2, submitted=OLD), entry("open", 1)
    assert decide([lost, paid]) == Collect(paid)


def test_moderation_is_final() -> None:
    decision = decide([entry("failed", reason=Moderated.reason, error="Refused.", submitted=OLD)])
    assert isinstance(decision, Refuse) and isinstance(decision.error, Moderated)


@pytest.mark.parametrize(("state", "kind"), [("failed", TaskFailed), ("uncertain", Uncertain)])
def test_what_a_run_beside_this_one_settled_is_not_undone(state: str, kind: type[GrsaiError]) -> None:
    ended = entry(state, finished=BEGUN + 1, reason="task failed" if state == "failed" else "uncertain")
    decision = decide([ended], begun_at=BEGUN)
    assert isinstance(decision, Refuse) and isinstance(decision.error, kind)


@pytest.mark.parametrize("finished", [BEGUN - 1, NOW + 3600], ids=["before", "by a clock that was wrong"])
def test_what_an_earlier_run_lost_is_sent_again(finished: float) -> None:
    assert decide([entry("failed", finished=finished)], begun_at=BEGUN) == Pay()
    decision = decide([entry("uncertain", finished=finished, task_id=None)], begun_at=BEGUN)
    assert isinstance(decision, Pay) and [note.reason for note in decision.notes] == ["uncertain"]


def test_a_submit_whose_process_was_killed_is_uncertain_from_now_on() -> None:
    killed = entry("submitting", task_id=None, submitted=None)
    decision = decide([killed])
    assert isinstance(decision, Pay) and decision.killed == killed and len(decision.notes) == 1


def test_a_submit_of_this_run_whose_process_was_killed_is_not_paid_again_by_it() -> None:
    killed = entry("submitting", task_id=None, submitted=None, run="this")
    decision = decide([killed], run="this")
    assert isinstance(decision, Refuse) and isinstance(decision.error, Uncertain) and decision.lost == killed
    assert isinstance(decide([killed], run="another"), Pay)


@pytest.mark.parametrize(("state", "kind"), [("failed", TaskFailed), ("uncertain", Uncertain)])
def test_what_this_run_settled_on_another_machine_is_not_undone_whatever_its_clock(state: str, kind: type[GrsaiError]) -> None:
    ended = entry(state, finished=BEGUN - 100, run="this")
    decision = decide([ended], begun_at=BEGUN, run="this")
    assert isinstance(decision, Refuse) and isinstance(decision.error, kind)


@pytest.mark.parametrize("mark", ["", "mine"], ids=["of version 1.0", "of this key"])
def test_a_known_task_is_never_given_up_because_the_service_does_not_know_it(mark: str) -> None:
    unknown = NoSuchTask("The service does not know the task.")
    decision = decide([entry("open", key_mark=mark)], asked={1: unknown}, key_mark="mine")
    assert isinstance(decision, Refuse) and isinstance(decision.error, StillOpen) and "14-1" in str(decision.error)


def test_a_task_from_the_future_by_our_clock_does_not_hold_up_the_job() -> None:
    unknown = NoSuchTask("The service does not know the task.")
    assert isinstance(decide([entry("open", submitted=NOW + 8 * 3600)], asked={1: unknown}), Pay)


def test_a_task_of_another_key_does_not_hold_up_the_job() -> None:
    unknown = NoSuchTask("The service does not know the task.")
    assert isinstance(decide([entry("open", key_mark="yours")], asked={1: unknown}, key_mark="mine"), Pay)


@pytest.mark.parametrize(
    ("decision", "kind"),
    [
        (Reuse(entry("done"), (Path("a"),)), "reused"),
        (Collect(entry("open")), "open"),
        (Ask(entry("open")), "new"),
        (Refuse(Moderated("Refused.")), "refused"),
        (Pay(), "new"),
    ],
)
def test_how_an_estimate_counts_it(decision: Any, kind: str) -> None:
    assert kind_of(decision) == kind


def test_the_files_count_only_as_long_as_they_are_whole(picture: Path) -> None:
    made = done(picture)
    picture.write_bytes(b"a pic")
    assert decide([made]) == Collect(made)
    assert isinstance(decide([replace(made, submitted=OLD)]), Pay)
