"""Sheets, pairs and texts on a real ComfyUI: the same jobs as by the command, and each paid once."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import graphs
from tests.cli.shell import PHOTOS, Shell
from tests.sheets import twelve


def submits(room: Any) -> int:
    return room.service.count("submit")


def rows_of(path: Path) -> list[dict[str, str]]:
    text = path.read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in text.splitlines()[0] else ","))


@pytest.fixture
def shell(room: Any, tmp_path: Path) -> Iterator[Shell]:
    """The command, which works in ComfyUI's input folder with ComfyUI's ledger."""
    shell = Shell(tmp_path / "work", room.service)
    shell.environment["GRSAI_LEDGER"] = str(room.comfy.private / "ledger.sqlite3")
    yield shell


def test_the_twelve_rows_are_made_by_the_canvas_and_the_command_finds_them(room: Any, shell: Shell):
    path = twelve.write(room.comfy.input / "shop" / "jobs.csv", "GBK with semicolons")
    before = submits(room)
    outputs = room.run({"1": graphs.sheet("shop/jobs.csv"), "2": room.batch("", jobs=["1", 0], filename_prefix="twelve/Task")})
    assert [file["filename"] for file in outputs["2"]["images"]][:3] == ["cup.png", "两行.png", "Task_3_rocket_1.png"]
    assert (len(outputs["2"]["images"]), submits(room) - before) == (12, 12)
    back = rows_of(room.comfy.output / "twelve" / "jobs_done.csv")
    assert [row["status"] for row in back] == ["succeeded"] * 12
    assert all((room.comfy.output / "twelve" / row["file"]).is_file() for row in back)
    done = shell.run("--jobs", str(path), "--json")
    assert (done.status, done.object["reused"], submits(room) - before) == (0, 12, 12), done.err


def test_a_try_on_is_the_same_jobs_by_wires_by_a_sheet_and_by_the_command(room: Any, shell: Shell):
    photos = sorted(PHOTOS.glob("*.jpg"))
    inputs = room.comfy.input / "try on"
    for number in range(1, 7):
        for folder, name, photo in (("people", f"p{number}", photos[number]), ("garments", f"g{number}", photos[-number])):
            (inputs / folder).mkdir(parents=True, exist_ok=True)
            (inputs / folder / f"{name}.jpg").write_bytes(photo.read_bytes() + bytes([number]))  # one of its own
    shutil.copy(PHOTOS / "cameraman.jpg", room.comfy.input / "try_on_logo.jpg")
    lines = [f"people/p{k}.jpg,garments/g{k}.jpg|../try_on_logo.jpg,dress them" for k in range(1, 7)]
    (inputs / "jobs.csv").write_text("\n".join(["image,references,prompt", *lines]), "utf-8")
    before = submits(room)
    wired = {"paired.image_1": ["2", 0], "references.image_1": ["3", 0]}
    outputs = room.run(
        {
            "1": room.folder("try on/people"),
            "2": room.folder("try on/garments"),
            "3": {"class_type": "LoadImage", "inputs": {"image": "try_on_logo.jpg"}},
            "4": room.batch("dress them", images=["1", 0], names=["1", 1], **wired),
        }
    )
    assert [file["filename"] for file in outputs["4"]["images"]] == [f"Task_{k}_p{k}_1.png" for k in range(1, 7)]
    assert submits(room) - before == 6
    tasks = list(room.service.tasks.values())[-6:]
    assert [len(task.urls) for task in tasks] == [3] * 6 and len({task.urls[2] for task in tasks}) == 1
    outputs = room.run({"1": graphs.sheet("try on/jobs.csv"), "2": room.batch("", jobs=["1", 0])})
    assert (len(outputs["2"]["images"]), submits(room) - before) == (6, 6)
    shell.write("p.txt", "dress them")
    pairs = ["--images", str(inputs / "people"), "--with", str(inputs / "garments")]
    done = shell.run(*pairs, "--with", str(room.comfy.input / "try_on_logo.jpg"), "--prompts", "p.txt", "--json")
    assert (done.status, done.object["reused"], submits(room) - before) == (0, 6, 6), done.err


def test_lists_of_another_length_are_refused_by_name(room: Any):
    before = len(room.service.received)
    wired = {"paired.image_1": ["1", 0], "paired.image_2": ["3", 0]}
    load = {"class_type": "LoadImage", "inputs": {"image": "banana_demo_coffee.jpg"}}
    error = room.fail({"1": room.folder(), "2": room.batch("red", images=["1", 0], **wired), "3": load})
    assert error["exception_message"].startswith("paired.image_2 holds 1 pictures for the 8 of images.")
    assert len(room.service.received) == before


def test_all_faults_of_a_sheet_are_told_and_nothing_is_sent(room: Any):
    (room.comfy.input / "bad.csv").write_text("image,prompt,model\ngone.jpg,red,\n,blue,nano-bananna\n,,nano-banana-2\n", "utf-8")
    before = len(room.service.received)
    error = room.fail({"1": graphs.sheet("bad.csv"), "2": room.batch("", jobs=["1", 0])})
    lines = error["exception_message"].splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["Row 2", "Row 3", "Row 4"]
    assert len(room.service.received) == before
    said = room.comfy.get("/grsai/sheet?file=bad.csv")
    assert (said["rows"], [fault["row"] for fault in said["faults"]], said["first"][1]["prompt"]) == (3, [2], "blue")


def test_a_folder_of_texts_gives_each_picture_its_own(room: Any):
    folder = room.comfy.input / "captions"
    folder.mkdir()
    for name in ("coffee", "rocket"):
        shutil.copy(PHOTOS / f"{name}.jpg", folder)
        (folder / f"{name}.txt").write_text(f"the {name} of {{stem}}\nin two lines", "utf-8")
    before = submits(room)
    outputs = room.run({"1": room.folder("captions", "captions"), "2": room.batch("", jobs=["1", 4])})
    assert [file["filename"] for file in outputs["2"]["images"]] == ["Task_1_coffee_1.png", "Task_2_rocket_1.png"]
    made = {task.prompt for task in list(room.service.tasks.values())[-2:]}
    assert made == {"the coffee of coffee\nin two lines", "the rocket of rocket\nin two lines"} and submits(room) - before == 2


def test_a_sheet_is_true_after_cancel_and_the_next_run_goes_on(room: Any):
    room.service.seconds = 1.0
    (room.comfy.input / "long.csv").write_text("prompt\n" + "".join(f"long {k}\n" for k in range(12)), "utf-8")
    graph = {"1": graphs.sheet("long.csv"), "2": room.batch("", jobs=["1", 0], concurrency=2, filename_prefix="long/Task")}
    back, before = room.comfy.output / "long" / "long_done.csv", submits(room)
    room.comfy.queue(graph)
    room.wait_until(lambda: back.is_file() and any(row["status"] == "succeeded" for row in rows_of(back)))
    room.cancel()
    room.wait_until(lambda: any(row["status"] == "stopped" for row in rows_of(back)))
    rows = rows_of(back)
    assert len(rows) == 12
    for row in rows:
        assert (row["status"] == "succeeded") == bool(row["file"]) and (
            not row["file"] or (room.comfy.output / "long" / row["file"]).is_file()
        )
    assert len(room.run(graph)["2"]["images"]) == 12
    assert submits(room) - before == 12
    assert [row["status"] for row in rows_of(back)] == ["succeeded"] * 12
