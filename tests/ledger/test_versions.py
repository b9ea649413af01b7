"""A ledger that version 1.0 wrote: `version_1_0/` was made by its code, at the time `MADE`."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from grsai.errors import Moderated
from grsai.ledger import TASK_SECONDS, Ledger

MADE = 1795657181.2351222
OLD = Path(__file__).with_name("version_1_0")
DONE, OPEN, REFUSED = (
    "26ab3e9bc3566428f0124c3209ccf74a11b0caf25ca8aff52863f8b988f59051",
    "a02219c1aec097fa2f8b6fb0782dc1c6869951f930ce1157d12c7bd1f40b14f1",
    "12ba34cbdb4e5dffdd27bbdcb41a13d6c0d726f6d0be3a8383e6e8a6418b257f",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "old")) / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger(path, clock=lambda: MADE + 600) as ledger:
        yield ledger


def test_it_opens_and_all_that_it_holds_is_there(ledger: Ledger, path: Path) -> None:
    assert not ledger.notices and not list(path.parent.glob("*damaged*"))
    assert ledger.counts() == {"done": 2, "open": 1, "failed": 1, "uncertain": 1, "submitting": 1}
    assert [entry.name for entry in ledger.entries()] == ["Task_1_text", *(f"Task_{n}_photo" for n in (5, 4, 3, 2, 1))]
    newest = ledger.entries()[0]
    assert (newest.model, newest.asked_model, newest.image_size, newest.seed) == ("nano-banana-pro", "nano-banana-pro", "2K", 7)
    assert (newest.api, newest.quality, newest.background, newest.run, newest.refunded) == ("legacy", None, None, None, False)
    assert newest.copies == (newest.files,)


def test_what_it_left_open_is_asked_for_where_it_was_sent(ledger: Ledger) -> None:
    assert [(entry.task_id, entry.api) for entry in ledger.open_entries() if entry.state == "open"] == [("14-0002", "legacy")]
    entry = ledger.find(OPEN)
    assert entry and entry.collectable and entry.base_url == "https://grsai.dakka.com.cn"


def test_its_uploads_are_used_again(ledger: Ledger) -> None:
    assert ledger.digest_of("https://file.example/photo.png")


def test_its_errors_are_read_as_they_were_written(ledger: Ledger) -> None:
    entry = ledger.find(REFUSED)
    text = "Refused by moderation (output_moderation), task 14-0003. Change prompt or picture."
    assert entry and entry.reason == Moderated.reason
    assert (entry.say("en"), entry.say("zh")) == (text, text)


def test_it_goes_on_where_it_was(path: Path, tmp_path: Path) -> None:
    with Ledger(path, clock=lambda: MADE + 600) as ledger:
        entry = ledger.find(OPEN)
        assert entry
        picture = tmp_path / "Task_2.png"
        picture.write_bytes(b"a picture")
        ledger.done(entry.row, [picture], [])
    path.unlink()
    with Ledger(path, clock=lambda: MADE + 600) as ledger:
        entry = ledger.find(OPEN)
        assert entry and entry.kept == (picture,)
        assert ledger.counts() == {"done": 3, "failed": 1}


def test_it_is_made_again_from_its_journal_alone(path: Path) -> None:
    path.unlink()
    with Ledger(path, clock=lambda: MADE + TASK_SECONDS * 2) as ledger:
        assert ledger.counts() == {"done": 2, "open": 1, "failed": 1}
        entry = ledger.find(DONE)
        assert entry and entry.files == ((Path("/home/user/batch/batch_outputs/Task_1_photo_1.png"), 9),)
        assert [str(notice) for notice in ledger.notices if "journal" in str(notice)]


def test_processes_that_open_it_at_once_change_it_once(path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        for ledger in list(pool.map(lambda _: Ledger(path), range(4))):
            assert sum(ledger.counts().values()) == 6
            ledger.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (5,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
