"""Picks: copies or moves of what was kept, and a ZIP of the same."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grsai.ledger import Ledger
from grsai.review import Verdict, judge

from .conftest import Page


def keep(studio: Any, *outcomes: Any, stars: int = 0) -> None:
    with studio.ledger() as ledger:
        judge(ledger, {f"{outcome.task_id}/1": Verdict("keep", stars) for outcome in outcomes})


def picks(studio: Any, *arguments: str) -> tuple[int, str, str]:
    studio.furnish(["x"])
    process = studio.command("picks", "--output", "output", "--ledger", "ledger.sqlite3", *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_kept_pictures_are_copied(studio: Any, six: list[Any]) -> None:
    keep(studio, six[1], six[4])
    before = contents(studio.output)
    status, out, err = picks(studio, "--to", "chosen")
    assert status == 0 and "2 kept pictures" in out, err
    assert contents(studio.folder / "chosen") == {six[n].file.name: six[n].file.read_bytes() for n in (1, 4)}
    assert contents(studio.output) == before
    assert picks(studio, "--to", "chosen")[0] == 0  # the same again
    assert len(contents(studio.folder / "chosen")) == 2


def test_moved_ones_are_known_to_the_ledger_and_never_paid_again(studio: Any, six: list[Any]) -> None:
    keep(studio, six[1])
    data = six[1].file.read_bytes()
    status, out, _ = picks(studio, "--to", "chosen", "--move", "--json")
    assert (status, json.loads(out)["moved"], json.loads(out)["picks"]) == (0, True, 1)
    place = studio.folder / "chosen" / six[1].file.name
    assert place.read_bytes() == data and not six[1].file.exists()
    with studio.ledger() as ledger:
        entry = ledger.find(six[1].job.fingerprint)
        assert entry and entry.kept == (place,)
    outcomes = studio.run([outcome.job for outcome in six])
    assert all(outcome.reused for outcome in outcomes) and len(studio.emulator.tasks) == 6
    studio.ledger_path.unlink()
    with studio.ledger() as ledger:  # from the journal
        entry = ledger.find(six[1].job.fingerprint)
        assert entry and entry.whole


def test_only_those_with_enough_stars(studio: Any, six: list[Any]) -> None:
    keep(studio, six[0], stars=2)
    keep(studio, six[1], stars=4)
    keep(studio, six[2])
    assert picks(studio, "--to", "chosen", "--min-stars", "3")[0] == 0
    assert list(contents(studio.folder / "chosen")) == [six[1].file.name]


def test_finished_files_are_what_is_picked(studio: Any, six: list[Any]) -> None:
    keep(studio, six[0], six[1])
    studio.furnish(["x"])
    process = studio.command("finish", "--output", "output", "--format", "webp")
    process.communicate(timeout=60)
    assert picks(studio, "--to", "chosen")[0] == 0
    assert sorted(contents(studio.folder / "chosen")) == [f"{outcome.job.name}_1.webp" for outcome in six[:2]]
    assert picks(studio, "--to", "gone", "--move")[0] == 0
    assert sorted(contents(studio.folder / "gone")) == sorted(
        name for outcome in six[:2] for name in (f"{outcome.job.name}_1.webp", f"originals/{outcome.file.name}")
    )
    assert not six[0].file.exists()


def test_no_other_file_is_replaced(studio: Any, six: list[Any]) -> None:
    keep(studio, six[0])
    chosen = studio.folder / "chosen"
    chosen.mkdir()
    (chosen / six[0].file.name).write_bytes(b"mine")
    assert picks(studio, "--to", "chosen")[0] == 0
    assert contents(chosen)[six[0].file.name] == b"mine" and len(contents(chosen)) == 2


@pytest.mark.parametrize("wrong", [(), ("--to", "output"), ("--to", "x", "--min-stars", "6"), ("--to", "x", "--min-stars", "x")])
def test_what_cannot_be_done_is_refused(studio: Any, six: list[Any], wrong: tuple[str, ...]) -> None:
    keep(studio, six[0])
    assert picks(studio, *wrong)[0] == 2
    assert six[0].file.exists()


def test_nothing_kept_is_said(studio: Any, six: list[Any]) -> None:
    status, out, _ = picks(studio, "--to", "chosen")
    assert status == 0 and "No picture is kept" in out


def test_the_page_gives_a_zip(page: Page, studio: Any, six: list[Any]) -> None:
    cards = page.pictures()
    page.post("verdict", verdicts=[{"id": cards[n]["id"], "verdict": "keep", "stars": n} for n in (1, 4)])
    status, headers, body = page.ask("picks.zip")
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            six[n].file.name: six[n].file.read_bytes() for n in (1, 4)
        }
    with zipfile.ZipFile(io.BytesIO(page.ask("picks.zip?min_stars=4")[2])) as archive:
        assert archive.namelist() == [six[4].file.name]
    assert page.ask("picks.zip", secret="")[0] == 403


def test_names_in_chinese_stand_in_the_zip(studio: Any, photos: Any, ledger: Ledger, open_page: Callable[..., Page]) -> None:
    from dataclasses import replace

    (job,) = studio.jobs(1)
    (outcome,) = studio.run([replace(job, name="白底图", folder="新品/夏")])
    page = open_page()
    page.judge({page.pictures()[0]["id"]: "keep"})
    with zipfile.ZipFile(io.BytesIO(page.ask("picks.zip")[2])) as archive:
        assert archive.namelist() == [f"新品/夏/{outcome.file.name}"]


@pytest.mark.parametrize("options", [(), ("--move",)])
def test_one_kept_picture_is_one(studio: Any, six: list[Any], options: tuple[str, ...]) -> None:
    keep(studio, six[1])
    status, out, err = picks(studio, "--to", "chosen", *options)
    assert status == 0 and ": 1 kept picture to " in out, err
