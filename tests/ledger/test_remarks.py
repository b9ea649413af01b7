"""What the user says of pictures and jobs: as safe as what was paid, and the newest one counts."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from grsai.errors import LedgerError
from grsai.ledger import Ledger
from grsai.pictures import Reference

from .conftest import HOST, Writer


def said(ledger: Ledger, kind: str = "verdict") -> dict[str, object]:
    return {remark.about: remark.said for remark in ledger.remarks(kind)}


def test_the_newest_remark_counts(ledger: Ledger) -> None:
    ledger.remark("verdict", {"14-1/1": {"verdict": "keep"}, "14-2/1": {"stars": 3}})
    ledger.remark("verdict", {"14-1/1": {"verdict": "reject"}})
    ledger.remark("other", {"14-1/1": {"x": 1}})
    assert said(ledger) == {"14-1/1": {"verdict": "reject"}, "14-2/1": {"stars": 3}}
    assert [remark.said for remark in ledger.remarks("verdict", ["14-2/1", "14-3/1"])] == [{"stars": 3}]


def test_one_that_is_taken_back_is_gone_and_stays_gone(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.remark("verdict", {"14-1/1": {"verdict": "keep"}})
        ledger.remark("verdict", {"14-1/1": {}})
        assert said(ledger) == {}
    path.unlink()
    with Ledger(path) as ledger:
        assert said(ledger) == {}


def test_remarks_come_back_from_the_journal(path: Path, write: Writer) -> None:
    first, second = write.jobs(2)
    with Ledger(path) as ledger:
        write.made(ledger, first, "14-1")
        ledger.remark("verdict", {"14-1/1": {"verdict": "keep", "note": "好"}})
        write.made(ledger, second, "14-2")
        ledger.remark("verdict", {"14-1/1": {"verdict": "reject"}, "14-2/1": {"stars": 5}})
    path.unlink()
    with Ledger(path) as ledger:
        assert said(ledger) == {"14-1/1": {"verdict": "reject"}, "14-2/1": {"stars": 5}}
        assert ledger.counts() == {"done": 2}


def test_a_clock_that_was_set_back_makes_no_older_remark_count(path: Path) -> None:
    now = 2e9
    with Ledger(path, clock=lambda: now) as ledger:
        ledger.remark("verdict", {"14-1/1": {"verdict": "keep"}})
        now -= 3600
        ledger.remark("verdict", {"14-1/1": {"verdict": "reject"}})
    for _ in range(2):  # at each start the end of the journal is looked at again
        with Ledger(path) as ledger:
            assert said(ledger) == {"14-1/1": {"verdict": "reject"}}
    path.unlink()
    with Ledger(path) as ledger:
        assert said(ledger) == {"14-1/1": {"verdict": "reject"}}


def test_an_older_copy_of_the_database_learns_what_was_said_since(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.remark("verdict", {"14-1/1": {"verdict": "keep"}})
    old = path.read_bytes()
    with Ledger(path) as ledger:
        ledger.remark("verdict", {"14-1/1": {"verdict": "reject"}})
    path.write_bytes(old)
    with Ledger(path) as ledger:
        assert said(ledger) == {"14-1/1": {"verdict": "reject"}}


def test_threads_that_judge_at_once_lose_nothing(path: Path) -> None:
    with Ledger(path) as ledger, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.remark("verdict", {f"14-{n % 20}/1": {"stars": n % 5 + 1}}), range(100)))
        before = said(ledger)
        assert len(before) == 20
    path.unlink()
    with Ledger(path) as ledger:
        assert said(ledger) == before


def test_a_remark_with_another_service_is_told_apart(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.remark("verdict", {"14-1/1": {"stars": 1}})
        ledger.remark("verdict", {"14-1/1": {"stars": 2}}, service="offline")
        assert {(each.service, each.said["stars"]) for each in ledger.remarks("verdict")} == {("grsai", 1), ("offline", 2)}


def test_a_journal_that_cannot_be_written_refuses_it(path: Path) -> None:
    with Ledger(path) as ledger:
        path.with_suffix(".journal").unlink(missing_ok=True)
        path.with_suffix(".journal").mkdir()
        with pytest.raises(LedgerError):
            ledger.remark("verdict", {"14-1/1": {"stars": 1}})
        assert said(ledger) == {}


def test_a_ledger_of_the_version_before_is_changed_in_place(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        picture = write.made(ledger, job, "14-1")
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE remarks")
        database.execute("ALTER TABLE tasks DROP COLUMN digests")
        database.execute("PRAGMA user_version = 2")
        database.commit()
    with Ledger(path) as ledger:
        entry = ledger.find(job.fingerprint)
        assert entry and entry.kept == (picture,) and entry.digests == ()
        ledger.remark("verdict", {"14-1/1": {"stars": 1}})
        assert said(ledger) == {"14-1/1": {"stars": 1}}


def test_the_ledger_knows_what_each_source_was(path: Path, write: Writer, photos: tuple[Reference, ...]) -> None:
    web = Reference.from_url("https://file.example/a.png?token=secret")
    job = replace(write.jobs()[0], references=(photos[0], web))
    with Ledger(path) as ledger:
        ledger.submitted(ledger.submitting(job, base_url=HOST, folder=write.folder), "14-1")
    path.unlink()
    with Ledger(path) as ledger:
        (entry,) = ledger.entries()
        assert entry.digests == (photos[0].digest, "https://file.example/a.png")
    assert "secret" not in json.dumps(path.with_suffix(".journal").read_text("utf-8"))


def test_what_was_made_is_found_by_folder_and_by_name(ledger: Ledger, write: Writer) -> None:
    first, second = write.jobs(2)
    write.made(ledger, first)
    below = Writer(write.folder / "below")
    below.folder.mkdir()
    below.made(ledger, second)
    elsewhere = Writer(write.folder.with_name("pictures_2"))
    elsewhere.folder.mkdir()
    elsewhere.made(ledger, replace(first, seed=7, name="other"))
    assert [entry.name for entry in ledger.made_in(write.folder)] == [first.name, second.name]
    assert [entry.name for entry in ledger.made_as(["other", "nothing"])] == ["other"]
