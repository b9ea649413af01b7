"""What a batch is made of, and that what is left out of it is said before anything is paid."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.shell import Shell


def damaged(shell: Shell, *names: str) -> None:
    for name in names:
        path = shell.photo(name)
        path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize("name", ["IMG_0001.HEIC", "notes.txt", "shoes/1.jpg"])
def test_a_default_folder_that_holds_no_picture_is_refused_and_not_paid_as_text(shell: Shell, name: str) -> None:
    shutil.rmtree(shell.folder / "input/image")
    shell.write(f"input/image/{name}", "something")
    done = shell.run()
    assert (done.status, shell.emulator.received) == (2, [])
    assert name.partition("/")[0] in done.err and "holds no picture" in done.err


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini"])
def test_what_a_system_puts_into_a_folder_leaves_it_empty(shell: Shell, name: str) -> None:
    shutil.rmtree(shell.folder / "input/image")
    shell.write(f"input/image/{name}", "x")
    done = shell.run("--json")
    assert (done.status, done.err, len(done.object["jobs"])) == (0, "", 2)


@pytest.mark.parametrize("arguments", [[], ["--estimate"], ["--json"]])
@pytest.mark.skipif(sys.platform == "win32", reason="makes a link")
def test_what_is_left_out_is_named(shell: Shell, arguments: list[str]) -> None:
    shell.write("input/image/photo.heic", "x")
    shell.write("input/image/below/x.jpg", "x")
    (shell.folder / "input/image/gone.jpg").symlink_to("nowhere.jpg")
    done = shell.run(*arguments)
    assert done.status == 0
    for said in ("kind that is not read: photo.heic.", "links that lead nowhere: gone.jpg.", "folders in it: below."):
        assert said in done.err


def test_pictures_that_cannot_be_read_are_all_named_at_once(shell: Shell) -> None:
    damaged(shell, "p2.jpg", "p3.jpg")
    (shell.folder / "input/image/p4.jpg").write_bytes(b"")
    done = shell.run()
    assert (done.status, shell.emulator.received, len(done.err.splitlines())) == (2, [], 4)
    assert all(name in done.err for name in ("p2.jpg", "p3.jpg", "p4.jpg is empty"))
    assert "3 of 5 pictures cannot be read. Nothing was sent." in done.err and "--skip-unreadable" in done.err


def test_pictures_that_cannot_be_read_can_be_skipped(shell: Shell) -> None:
    damaged(shell, "p2.jpg", "p3.jpg")
    done = shell.run("--skip-unreadable", "--json")
    assert (done.status, done.object["succeeded"]) == (1, 4), "not all that was asked for is made"
    assert all(name in done.err for name in ("p2.jpg", "p3.jpg"))


def test_pictures_that_are_all_unreadable_are_no_batch_of_prompts(shell: Shell) -> None:
    shutil.rmtree(shell.folder / "input/image")
    damaged(shell, "p2.jpg", "p3.jpg")
    done = shell.run("--skip-unreadable")
    assert (done.status, shell.emulator.received) == (2, [])
    assert "None of the 2 pictures can be read." in done.err


@pytest.mark.parametrize("output", ["input/image", "input/image/made", "input"])
def test_what_was_made_is_no_material_for_the_next_run(shell: Shell, output: str) -> None:
    for _ in range(3):
        assert shell.run("--output", output).status == 0
    assert shell.emulator.count("submit") == 4
    shell.write("input/text/text.txt", "red\nblue\ngreen\n")
    shell.run("--output", output)
    assert shell.emulator.count("submit") == 6


def test_pictures_made_from_prompts_alone_are_no_material_either(shell: Shell) -> None:
    shutil.rmtree(shell.folder / "input/image")
    for _ in range(2):
        shell.run("--output", "input/image")
        (shell.folder / "input/image/report.json").unlink(missing_ok=True)
    assert shell.emulator.count("submit") == 2


def test_results_beside_their_originals_are_announced_before_they_are_paid(shell: Shell) -> None:
    done = shell.run("--estimate", "--output", "input/image")
    assert "beside their originals. They are never taken for these." in done.err
    assert not Path(shell.folder, "batch_outputs").exists()


def test_a_library_that_warns_says_nothing_beside_the_command(shell: Shell) -> None:
    home = Path(shell.environment["GRSAI_HOME"])
    shell.run("--json")
    (home / "ledger.sqlite3").write_bytes((home / "ledger.sqlite3").read_bytes()[:100] + b"x" * 8000)
    lines = shell.run("--json").err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("The ledger was damaged")
