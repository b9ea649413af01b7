"""A file that is no ledger is refused before anything is written, and left as it is."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from grsai.errors import LedgerError
from grsai.ledger import Ledger

from .conftest import Writer


def foreign_database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def make(path: Path, kind: str) -> None:
    """A file of another kind."""
    if kind == "a text":
        path.write_text("my notes\n" * 200, "utf-8")
    elif kind == "a picture":
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))
    elif kind == "a short text":
        path.write_text("a", "utf-8")
    elif kind == "tasks of another program":
        foreign_database(path, "CREATE TABLE tasks (id INTEGER, title TEXT)", "INSERT INTO tasks VALUES (1, 'x')")
    elif kind == "a database in WAL mode":
        foreign_database(path, "PRAGMA journal_mode = WAL", "CREATE TABLE bookmarks (id INTEGER, title TEXT)")
    elif kind == "a damaged database":
        foreign_database(path, "CREATE TABLE bookmarks (id INTEGER, title TEXT)")
        path.write_bytes(path.read_bytes()[:30] + bytes(4000))


KINDS = ["a text", "a short text", "a picture", "tasks of another program", "a database in WAL mode", "a damaged database"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_is_left_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "theirs.db"
    make(path, kind)
    before, names = path.read_bytes(), sorted(os.listdir(tmp_path))
    with pytest.raises(LedgerError, match=r"theirs\.db is no ledger of this program\. It is left as it is"):
        Ledger(path)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == names


@pytest.mark.parametrize("ending", [".journal", ".lock"])
def test_what_lies_beside_a_ledger_is_none(path: Path, write: Writer, ending: str) -> None:
    with Ledger(path) as ledger:
        write.opened(ledger, write.jobs()[0])
    before = path.with_suffix(".journal").read_bytes()
    with pytest.raises(LedgerError, match="is no ledger of this program"):
        Ledger(path.with_suffix(ending))
    assert path.with_suffix(".journal").read_bytes() == before


def test_a_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="is no ledger of this program"):
        Ledger(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a device that is a file")
def test_a_device_is_none() -> None:
    with pytest.raises(LedgerError, match="is no ledger of this program"):
        Ledger("/dev/null")


def test_an_empty_database_becomes_a_ledger(path: Path, write: Writer) -> None:
    path.parent.mkdir()
    foreign_database(path, "PRAGMA user_version = 0")
    with Ledger(path) as ledger:
        write.opened(ledger, write.jobs()[0])


def test_a_ledger_whose_every_byte_was_overwritten_is_known_by_its_journal(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        write.opened(ledger, write.jobs()[0], "14-x")
    path.write_bytes(b"my notes\n" * 900)
    with Ledger(path) as ledger:
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-x"]


def test_a_damaged_ledger_without_a_journal_is_known_by_what_is_left_of_it(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        write.submitting(ledger, write.jobs()[0])
    path.write_bytes(b"\xff" * 20 + path.read_bytes()[20:])
    with Ledger(path) as ledger:
        assert ledger.notices and ledger.counts() == {}
    assert list(path.parent.glob("*.damaged-*"))


def test_a_task_that_names_a_host_of_another_service_is_not_asked_for(path: Path, write: Writer) -> None:
    """The key goes with the question: a ledger that a stranger made must not send it anywhere."""
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        row = ledger.submitting(job, base_url="https://evil.example", folder=write.folder)
        ledger.submitted(row, "14-x")
        assert ledger.open_entries() == [] and ledger.tries(job.fingerprint) == [] and ledger.entries_of(["14-x"]) == []
