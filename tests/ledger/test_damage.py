"""Damage: an id that was paid for is never lost, whatever happens to the database or to a line of its journal."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from grsai.errors import LedgerBusy, LedgerError, Moderated
from grsai.jobs import plan
from grsai.ledger import Ledger

from .conftest import MODEL, Writer

# The journal: an id that was paid for is never lost


def test_an_id_that_arrives_while_the_database_is_locked_is_in_the_journal(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path, busy_seconds=0.05) as ledger, closing(sqlite3.connect(path, isolation_level=None)) as other:
        row = write.submitting(ledger, job)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy):
            ledger.submitted(row, "14-paid")
        other.execute("ROLLBACK")
    with Ledger(path) as ledger:
        entry = ledger.find(job.fingerprint)
        assert entry and (entry.state, entry.task_id) == ("open", "14-paid")
        assert ledger.counts() == {"open": 1}


def test_an_id_that_arrives_after_the_ledger_was_closed_is_in_the_journal(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        row = write.submitting(ledger, job)
    with pytest.raises(LedgerError):
        ledger.submitted(row, "14-late")
    with Ledger(path) as ledger:
        entry = ledger.find(job.fingerprint)
        assert entry and (entry.state, entry.task_id) == ("open", "14-late")
        assert ledger.counts() == {"open": 1}


def test_an_id_that_arrives_after_the_database_was_damaged_is_in_the_journal(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        row = write.submitting(ledger, job)
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(b"\xff" * path.stat().st_size)
        with suppress(LedgerError):  # it may notice now or later
            ledger.submitted(row, "14-late")
    with Ledger(path) as ledger:
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-late"]


def test_a_journal_that_cannot_be_written_does_not_keep_the_id_from_the_database(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        path.with_suffix(".journal").mkdir()
        with pytest.raises(LedgerError):
            ledger.submitted(write.submitting(ledger, job), "14-paid")
        entry = ledger.find(job.fingerprint)
        assert entry and (entry.state, entry.task_id) == ("open", "14-paid")


def test_a_line_that_a_full_disk_cut_short_does_not_spoil_the_next_one(path: Path, write: Writer) -> None:
    first, second = write.jobs(2)
    with Ledger(path) as ledger:
        write.opened(ledger, first, "14-first")
        with open(path.with_suffix(".journal"), "ab") as journal:
            journal.write(b'{"task_id": "14-cut", "sta')
        write.opened(ledger, second, "14-second")
    path.unlink()
    with Ledger(path) as ledger:
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-first", "14-second"]


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00garbage",
        b"123",
        b"null",
        b'"text"',
        b'{"task_id": null}',
        b'{"task_id": "14-x", "state": "open"}',
        b'{"task_id": ["14-x"], "state": "open"}',
        b'{"task_id": "14-x", "state": "eaten", "service": "grsai"}',
    ],
)
def test_a_journal_with_nonsense_in_it_opens(path: Path, write: Writer, line: bytes) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        write.opened(ledger, job, "14-good")
    with open(path.with_suffix(".journal"), "ab") as journal:
        journal.write(line + b"\n")
    with Ledger(path) as ledger:
        assert not ledger.notices
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-good"]


def test_a_prompt_that_looks_like_a_secret_leaves_the_journal_readable(path: Path, write: Writer) -> None:
    prompts = ['write "apikey=abcdefghijkl" on it', 'and "token":"abc" \\ here', "signature=x\\", "sk-" + "a" * 32 + "\\"]
    with Ledger(path) as ledger:
        for job in plan(prompts, model=MODEL):
            write.opened(ledger, job)
    lines = path.with_suffix(".journal").read_text("utf-8").splitlines()
    assert len([json.loads(line) for line in lines]) == 4
    path.unlink()
    with Ledger(path) as ledger:
        assert len(ledger.open_entries()) == 4
    assert "a" * 32 not in path.with_suffix(".journal").read_text("utf-8")


def test_a_second_process_that_opens_meanwhile_doubles_nothing(path: Path, write: Writer, tmp_path: Path) -> None:
    (job,) = write.jobs()
    with Ledger(path, busy_seconds=0.05) as ledger:
        row = write.submitting(ledger, job)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerBusy):
                ledger.submitted(row, "14-paid")  # now it stands in the journal alone
            other.execute("ROLLBACK")
        Ledger(path).close()  # brings the database to what the journal says
        made_by_first = tmp_path / "Task_1.png"
        made_by_first.write_bytes(b"picture")
        ledger.done(row, [made_by_first], [])
        assert ledger.counts() == {"done": 1}
        assert [entry.row for entry in ledger.entries()] == [row]


# Damage


def test_a_damaged_ledger_is_set_aside_and_made_again_from_its_journal(path: Path, write: Writer) -> None:
    first, second, third = write.jobs(3)
    with Ledger(path) as ledger:
        write.made(ledger, first)
        write.opened(ledger, second, "14-open")
        ledger.failed(write.opened(ledger, third), Moderated("No."))
    damaged = b"this is no database" * 1000
    path.write_bytes(damaged)
    with Ledger(path) as ledger:
        (notice,) = ledger.notices
        (aside,) = path.parent.glob("*.damaged-*.sqlite3")
        assert aside.read_bytes() == damaged
        assert aside.name in str(notice) and "was damaged" in str(notice)
        assert ledger.counts() == {"done": 1, "open": 1, "failed": 1}
        entry = ledger.find(first.fingerprint)
        assert entry and entry.whole and entry.name == first.name
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-open"]
    with Ledger(path) as ledger:
        assert not ledger.notices


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_ledger_that_is_gone_or_empty_is_made_again_from_its_journal_and_says_so(path: Path, write: Writer, left: str) -> None:
    with Ledger(path) as ledger:
        for job in write.jobs(3):
            write.made(ledger, job)
    path.unlink()
    if left == "an empty file":
        path.touch()
    with Ledger(path) as ledger:
        assert ledger.counts() == {"done": 3}
        (notice,) = ledger.notices
        assert "journal" in str(notice)
    with Ledger(path) as ledger:
        assert not ledger.notices


def test_a_long_journal_is_read_to_its_beginning_where_the_ledger_is_gone(path: Path, write: Writer) -> None:
    long = "x" * 20_000
    with Ledger(path) as ledger:
        for job in plan([f"{number} {long}" for number in range(80)], model=MODEL):
            write.opened(ledger, job)
    path.unlink()
    with Ledger(path) as ledger:
        assert len(ledger.open_entries()) == 80


def test_damage_anywhere_loses_no_paid_task(write: Writer, tmp_path: Path) -> None:
    """Forty random damages: bytes overwritten, the end cut off, pages of zeros."""
    original, dice = tmp_path / "original", random.Random(4)
    original.mkdir()
    path = original / "ledger.sqlite3"
    with Ledger(path) as ledger:
        for job in write.jobs(30):
            write.opened(ledger, job)
    whole = path.read_bytes()
    for number in range(40):
        folder = tmp_path / str(number)
        shutil.copytree(original, folder)
        path = folder / "ledger.sqlite3"
        path.write_bytes(damaged(whole, number, dice))
        with Ledger(path) as ledger:
            assert len(ledger.open_entries()) == 30, number
            assert len({entry.fingerprint for entry in ledger.open_entries()}) == 30


def damaged(whole: bytes, number: int, dice: random.Random) -> bytes:
    place = dice.randrange(len(whole)) if number % 2 else dice.randrange(200)
    if number % 4 == 0:
        return whole[:place]
    if number % 4 == 1:
        return whole[:place] + bytes(4096) + whole[place + 4096 :]
    noise = dice.randbytes(64)
    return whole[:place] + noise + whole[place + 64 :]


def test_two_processes_that_meet_a_damaged_ledger_keep_one(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        write.opened(ledger, write.jobs()[0], "14-open")
    path.write_bytes(b"this is no database" * 1000)
    with ThreadPoolExecutor(4) as pool:
        ledgers = list(pool.map(lambda _: Ledger(path), range(4)))
    (aside,) = path.parent.glob("*.damaged-*.sqlite3")
    assert aside.read_bytes().startswith(b"this is no database")
    row = write.opened(ledgers[0], write.jobs(1, "new")[0], "14-new")
    assert all(ledger.entry(row) is not None for ledger in ledgers)
    for ledger in ledgers:
        ledger.close()
