"""The ledger: what it answers, what survives damage, a full disk, a kill and a second process."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from grsai.errors import LedgerBusy, LedgerError, Moderated, Uncertain
from grsai.jobs import Job, plan
from grsai.ledger import TASK_SECONDS, UPLOAD_SECONDS, Ledger, service_of
from grsai.models import Catalogue

from .conftest import Opened

MODEL = Catalogue().named("nano-banana-fast")
ROOT = Path(__file__).parents[2]
HOST = "https://grsaiapi.com"


def jobs(count: int = 1, prompt: str = "picture") -> list[Job]:
    return plan([f"{prompt} {number}" for number in range(count)], model=MODEL)


def submitting(ledger: Ledger, job: Job, folder: Path) -> int:
    return ledger.submitting(job, base_url=HOST, folder=folder)


def submitted(ledger: Ledger, job: Job, folder: Path, task_id: str | None = None) -> int:
    row = submitting(ledger, job, folder)
    ledger.submitted(row, task_id or f"14-{row}")
    return row


def made(ledger: Ledger, job: Job, folder: Path, task_id: str | None = None) -> Path:
    """The job is done, with a file."""
    row = submitted(ledger, job, folder, task_id)
    path = folder / f"{job.name}_{row}.png"
    path.write_bytes(b"a picture")
    ledger.done(row, [path], ["https://file.example/x.png?token=secret-signature"])
    return path


def made_in(ledger: Ledger, studio, folder: Path, *seconds: float) -> None:
    """Jobs that took so long from submit to picture."""
    for job, each in zip(jobs(len(seconds)), seconds, strict=True):
        row = submitted(ledger, job, folder)
        studio.make_older(each)
        ledger.done(row, [folder / "picture.png"], [])


@pytest.fixture
def path(studio) -> Path:
    return studio.ledger_path


@pytest.fixture
def ledger(opened: Opened, studio) -> Iterator[Ledger]:
    with opened(clock=studio.clock) as ledger:
        yield ledger


# What it answers


def test_a_job_goes_from_submitting_to_open_to_done(ledger: Ledger, tmp_path: Path) -> None:
    (job,) = jobs()
    assert ledger.find(job.fingerprint) is None
    row = submitting(ledger, job, tmp_path)
    entry = ledger.find(job.fingerprint)
    assert entry and (entry.state, entry.task_id, entry.whole, entry.collectable) == ("submitting", None, False, False)
    ledger.submitted(row, "14-abc")
    entry = ledger.find(job.fingerprint)
    assert entry and (entry.state, entry.task_id, entry.whole, entry.collectable) == ("open", "14-abc", False, True)
    picture = tmp_path / "Task_1.png"
    picture.write_bytes(b"x")
    ledger.done(row, [picture], ["https://file.example/x.png?token=secret"])
    entry = ledger.find(job.fingerprint)
    assert entry and (entry.state, entry.whole, entry.credits, entry.prompt) == ("done", True, 440, job.prompt)
    assert entry.urls == ("https://file.example/x.png",)
    assert ledger.counts() == {"done": 1}


def test_a_submit_that_was_not_taken_leaves_no_trace(ledger: Ledger, tmp_path: Path) -> None:
    ledger.not_submitted(submitting(ledger, jobs()[0], tmp_path))
    assert ledger.counts() == {}


def test_a_failure_keeps_its_reason(ledger: Ledger, tmp_path: Path) -> None:
    first, second = jobs(2)
    ledger.failed(submitted(ledger, first, tmp_path), Moderated("Refused by moderation."))
    ledger.uncertain(submitting(ledger, second, tmp_path), Uncertain("Nobody knows."))
    entries = ledger.entries()
    assert [(entry.state, entry.reason, entry.error) for entry in entries] == [
        ("uncertain", "uncertain", "Nobody knows."),
        ("failed", "moderation", "Refused by moderation."),
    ]


def test_what_is_done_and_there_counts_before_anything_newer(ledger: Ledger, tmp_path: Path) -> None:
    (job,) = jobs()
    made(ledger, job, tmp_path)
    submitted(ledger, job, tmp_path)
    entry = ledger.find(job.fingerprint)
    assert entry and entry.state == "done"


def test_an_open_task_counts_before_an_older_picture_that_is_gone(ledger: Ledger, studio, tmp_path: Path) -> None:
    (job,) = jobs()
    picture = made(ledger, job, tmp_path)
    studio.make_older(TASK_SECONDS + 60)
    picture.unlink()
    submitted(ledger, job, tmp_path, "14-newer")
    entry = ledger.find(job.fingerprint)
    assert entry and entry.task_id == "14-newer"


def test_a_picture_that_the_user_changed_is_still_there(ledger: Ledger, tmp_path: Path, photos: tuple) -> None:
    (job,) = jobs()
    picture = made(ledger, job, tmp_path)
    shutil.copy(photos[0].path, picture)
    entry = ledger.find(job.fingerprint)
    assert entry and entry.whole


def test_a_picture_that_was_cut_short_is_not_whole(ledger: Ledger, tmp_path: Path) -> None:
    (job,) = jobs()
    picture = made(ledger, job, tmp_path)
    picture.write_bytes(b"a pic")
    entry = ledger.find(job.fingerprint)
    assert entry and not entry.whole


def test_a_file_that_vanishes_before_it_is_written_down_is_no_accident(ledger: Ledger, tmp_path: Path) -> None:
    (job,) = jobs()
    ledger.done(submitted(ledger, job, tmp_path), [tmp_path / "moved away.png"], [])
    entry = ledger.find(job.fingerprint)
    assert entry and entry.state == "done" and not entry.whole and entry.collectable


def test_open_entries_are_those_that_are_paid_and_can_still_be_had(ledger: Ledger, studio, tmp_path: Path) -> None:
    old, old_done, *rest = jobs(6)
    submitted(ledger, old, tmp_path)
    made(ledger, old_done, tmp_path).unlink()
    studio.make_older(TASK_SECONDS + 1)
    waiting, lost, kept, failed = rest
    submitted(ledger, waiting, tmp_path, "14-waiting")
    made(ledger, lost, tmp_path, "14-lost").unlink()
    made(ledger, kept, tmp_path)
    ledger.failed(submitted(ledger, failed, tmp_path), Moderated("No."))
    assert [entry.task_id for entry in ledger.open_entries()] == ["14-waiting", "14-lost"]


def test_the_history_is_newest_first_and_can_be_searched(ledger: Ledger, tmp_path: Path) -> None:
    for job in jobs(5, "100% red_car"):
        submitted(ledger, job, tmp_path)
    made(ledger, jobs(1, "blue")[0], tmp_path)
    assert [entry.prompt for entry in ledger.entries(limit=2)] == ["blue 0", "100% red_car 4"]
    oldest = ledger.entries(limit=2)[-1].row
    assert [entry.prompt for entry in ledger.entries(before=oldest, limit=1)] == ["100% red_car 3"]
    assert len(ledger.entries(text="100% red_")) == 5
    assert not ledger.entries(text="100_ red")
    assert len(ledger.entries(state="done")) == 1


def test_uploads_are_known_for_a_day(ledger: Ledger, studio) -> None:
    ledger.record_upload("digest", "https://file.example/a.png")
    assert ledger.uploaded("digest") == "https://file.example/a.png"
    studio.make_older(UPLOAD_SECONDS)
    assert ledger.uploaded("digest") is None
    ledger.record_upload("digest", "https://file.example/b.png")
    ledger.forget_upload("digest")
    assert ledger.uploaded("digest") is None


def test_services_do_not_share_results_but_the_vendors_two_hosts_do(opened: Opened, tmp_path: Path) -> None:
    (job,) = jobs()
    assert service_of("https://grsaiapi.com") == service_of("https://grsai.dakka.com.cn") == "grsai"
    with opened(service=service_of("http://127.0.0.1:8000")) as practice:
        made(practice, job, tmp_path)
        practice.record_upload("digest", "http://127.0.0.1:8000/a.png")
    with opened(service="grsai") as real:
        assert real.find(job.fingerprint) is None and real.uploaded("digest") is None
        assert real.counts() == {} and real.entries() == [] and real.open_entries() == []


def test_usual_seconds_is_the_median_of_what_was_made(ledger: Ledger, studio, tmp_path: Path) -> None:
    assert ledger.usual_seconds(MODEL.id, None) is None
    made_in(ledger, studio, tmp_path, 10, 20, 30)
    assert ledger.usual_seconds(MODEL.id, None) == pytest.approx(20, abs=1)


def test_what_was_fetched_late_says_nothing_about_how_long_a_picture_takes(ledger: Ledger, studio, tmp_path: Path) -> None:
    made_in(ledger, studio, tmp_path, 30, 30, 30, 3600, 3600, 3600)
    assert ledger.usual_seconds(MODEL.id, None, most=600) == pytest.approx(30, abs=1)


# Locked, read-only, full, of another version


def test_a_ledger_of_a_newer_version_is_left_as_it_is(path: Path, tmp_path: Path) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 7")
    with pytest.raises(LedgerError, match=r"was written by a newer version of this program. Update it"):
        Ledger(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (7,)
    assert not list(path.parent.glob("*damaged*"))


def test_a_locked_ledger_says_so(path: Path, tmp_path: Path) -> None:
    with Ledger(path, busy_seconds=0.05) as ledger, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match=r"is locked by another program. Close it and run again"):
            submitting(ledger, jobs()[0], tmp_path)
        other.execute("ROLLBACK")


def test_a_locked_ledger_is_not_opened_and_not_set_aside(path: Path) -> None:
    Ledger(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerBusy):
            Ledger(path, busy_seconds=0.05)
        other.execute("ROLLBACK")
    assert [each.name for each in path.parent.glob("*damaged*")] == []


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger(tmp_path / "file" / "ledger.sqlite3")


def test_a_ledger_closes_while_another_program_holds_it(path: Path) -> None:
    ledger = Ledger(path, busy_seconds=0.05)
    assert ledger.claim("job")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.close()
        other.execute("ROLLBACK")
    with Ledger(path) as second:
        assert second.claim("job")


# Odd names


def test_names_that_no_encoding_knows_are_written_down(ledger: Ledger, tmp_path: Path) -> None:
    stem = os.fsdecode(b"\xc3\xfb\xd7\xd6")  # a Chinese name from a ZIP file, on Linux
    (job,) = plan(["x"], model=MODEL, prefix=stem)
    row = submitted(ledger, job, tmp_path / stem, "14-odd")
    ledger.note_error(row, LedgerError("{path} cannot be written.", path=tmp_path / stem))
    (entry,) = ledger.open_entries()
    assert entry.task_id == "14-odd" and "cannot be written" in entry.error


def test_a_refusal_of_the_ledger_is_one_of_ours(ledger: Ledger) -> None:
    ledger.close()
    with pytest.raises(LedgerError):
        ledger.find("x")


# Errors


def test_an_error_is_told_in_the_language_of_the_reader(opened: Opened, tmp_path: Path) -> None:
    silent = Uncertain("An earlier submit got no reply and may have been paid too.")
    refused = Moderated("Refused by moderation ({why}), task {task}. Change prompt or picture.", why=silent, task="14-x")
    with opened() as ledger:
        ledger.failed(submitted(ledger, jobs()[0], tmp_path), refused)
    if isinstance(opened.place, Path):
        opened.place.unlink()
    with opened() as ledger:  # of a file: made again from its journal
        (entry,) = ledger.entries()
        assert (entry.error, entry.say("en"), entry.say("zh")) == (str(refused), str(refused), refused.say("zh"))
        assert isinstance(entry.trouble, Moderated)


def test_the_model_that_was_used_stands_beside_the_one_that_was_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    (job,), other = jobs(), Catalogue().named("nano-banana-2")
    row = ledger.submitting(job, base_url=HOST, folder=tmp_path, api="unified", model=other, run="a run")
    ledger.submitted(row, "14-x", base_url="https://grsai.dakka.com.cn")
    entry = ledger.find(job.fingerprint)
    assert entry and (entry.model, entry.asked_model, entry.credits) == (other.id, MODEL.id, other.credits)
    assert (entry.api, entry.run, entry.base_url) == ("unified", "a run", "https://grsai.dakka.com.cn")
