"""Finished files of a run and of a folder, as a user starts the command."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from PIL import Image

from grsai.pictures import look_at, look_below
from tests.cli.shell import Shell
from tests.sheets.test_command import rows_of

SMALL = ("--fit", "200x200", "--format", "jpg", "--max-kb", "20")


def digests(folder: Path) -> dict[str, str]:
    """The originals, bit for bit."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.png")}


def finished(shell: Shell, folder: str = "batch_outputs") -> list[str]:
    root = shell.folder / folder / "finished"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and path.name[0] != ".")


def test_fifty_pictures_are_finished_and_another_size_sends_nothing(shell: Shell) -> None:
    shell.write("a.csv", "prompt,name\n" + "".join(f"picture {k},shop-{k:02}\n" for k in range(50)))
    done = shell.run("--jobs", "a.csv", "--concurrency", "20", "--preset", "taobao-main", "--json")
    assert (done.status, shell.emulator.count("submit")) == (0, 50), done.err
    output = shell.folder / "batch_outputs"
    originals = digests(output)
    assert len(originals) == 50 and finished(shell) == [f"shop-{k:02}.jpg" for k in range(50)]
    for job in done.object["jobs"]:
        path = Path(job["finished"])
        with Image.open(path) as image:
            assert (image.format, image.size, path.stat().st_size <= 500_000) == ("JPEG", (800, 800), True)
    sent = len(shell.emulator.received)
    again = shell.run("--jobs", "a.csv", "--fit", "300x400", "--format", "webp", "--max-kb", "30", "--json")
    assert (again.status, again.object["reused"], len(shell.emulator.received)) == (0, 50, sent)
    for job in again.object["jobs"]:
        with Image.open(job["finished"]) as image:
            assert (image.format, image.size) == ("WEBP", (300, 400))
        assert Path(job["finished"]).stat().st_size <= 30_000
    assert digests(output) == originals


def test_finished_files_stand_in_sheet_report_and_on_the_screen(shell: Shell) -> None:
    shell.write("a.csv", "prompt,count\nred,2\nblue [input_moderation],\n")
    done = shell.run("--jobs", "a.csv", *SMALL)
    assert done.status == 1 and "Finished: 2 pictures in " in done.out
    output = shell.folder / "batch_outputs"
    first, second = rows_of(output / "a_done.csv")
    assert first["finished"] == "finished/Task_1_text_1.jpg|finished/Task_2_text_1.jpg" and second["finished"] == ""
    jobs = json.loads((output / "report.json").read_text("utf-8"))["jobs"]
    assert [job["finished"] for job in jobs] == ["finished/Task_1_text_1.jpg", "finished/Task_2_text_1.jpg", None]
    assert [job["row"] for job in jobs] == [2, 2, 3]


def test_without_finishing_nothing_of_it_is_there(shell: Shell) -> None:
    done = shell.run("--json")
    assert not any("finished" in job for job in done.object["jobs"]) and not (shell.folder / "batch_outputs/finished").exists()


def test_how_much_is_cut_is_said(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    wide = shell.run("finish", "--output", "made", "--fit", "600x200")
    assert "Cut off to fit: 50% at most (coffee.jpg), in 1 of them." in wide.out
    assert "Cut off" not in shell.run("finish", "--output", "made", "--fit", "600x200", "--fit-how", "pad").out
    [file] = shell.run("finish", "--output", "made", "--fit", "600x200", "--json").object["files"]
    assert file["cut"] == pytest.approx(0.5, abs=0.001)


def test_a_wrong_option_is_told_before_anything_is_paid(shell: Shell) -> None:
    for options in (["--fit", "800"], ["--preset", "taobao"], ["--max-kb", "0"], ["--format", "gif"]):
        done = shell.run(*options)
        assert (done.status, shell.emulator.received, len(done.err.splitlines())) == (2, [], 1)


def test_what_cannot_be_finished_leaves_its_original_and_is_told(shell: Shell) -> None:
    done = shell.run("--fit", "800x800", "--format", "png", "--max-kb", "1")
    assert (done.status, len(shell.pictures), finished(shell)) == (1, 4, [])
    assert done.err.count("is not finished: ") == 4 and "4 of 4 pictures made" in done.out


def test_a_preset_of_the_users_own(shell: Shell) -> None:
    shell.write("grsai.toml", '[presets.my-shop]\nfit = "120x90"\nfit_how = "pad"\nformat = "webp"\n')
    assert shell.run("--preset", "my-shop").status == 0
    with Image.open(shell.folder / "batch_outputs/finished/Task_1_coffee_1.webp") as image:
        assert image.size == (120, 90)
    shell.write("grsai.toml", "presets = 3\n")
    assert "no table of tables" in shell.run("--preset", "my-shop").err


# The command finish


def test_finish_makes_files_of_what_is_there_and_sends_nothing(shell: Shell) -> None:
    shell.run()
    sent, originals = len(shell.emulator.received), digests(shell.folder / "batch_outputs")
    done = shell.run("finish", *SMALL, "--json", GRSAI_API_KEY="")
    assert (done.status, done.object["finished"], len(shell.emulator.received)) == (0, 4, sent)
    assert finished(shell) == [path.replace(".png", ".jpg") for path in shell.pictures]
    assert digests(shell.folder / "batch_outputs") == originals


def test_folders_are_mirrored_and_equal_names_stay_apart(shell: Shell) -> None:
    for folder in ("made", "made/shoes/red"):
        shell.photo("coffee.jpg", folder)
    with Image.open(shell.folder / "made/coffee.jpg") as image:
        image.save(shell.folder / "made/coffee.png")
    shell.photo("rocket.jpg", "made/thumbnails")
    assert shell.run("finish", "--output", "made", *SMALL).status == 0
    assert finished(shell, "made") == ["coffee (2).jpg", "coffee.jpg", "shoes/red/coffee.jpg"]
    assert shell.run("finish", "--output", "made", *SMALL).status == 0
    assert finished(shell, "made") == ["coffee (2).jpg", "coffee.jpg", "shoes/red/coffee.jpg"]


def test_what_is_finished_already_is_left_alone(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    shell.photo("rocket.jpg", "made")
    shell.run("finish", "--output", "made", *SMALL)
    made = shell.folder / "made" / "finished"
    times = {path: path.stat().st_mtime_ns for path in made.glob("*.jpg")}
    shell.run("finish", "--output", "made", *SMALL)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    (made / "coffee.jpg").unlink()
    (made / "rocket.jpg").write_bytes(b"cut")
    shell.run("finish", "--output", "made", *SMALL)
    for path in times:
        with Image.open(path) as image:
            assert image.size == (200, 200)
    (made / ".finished.json").write_text('{"files": {"coffee.jpg": {"file": "../../x"}}}', "utf-8")
    assert shell.run("finish", "--output", "made", *SMALL).status == 0
    assert finished(shell, "made") == ["coffee.jpg", "rocket.jpg"]


def test_the_prompt_is_kept_where_it_is_wanted(shell: Shell) -> None:
    shell.write("input/text/text.txt", "红色的杯子\n")
    shell.run("--metadata", "keep", "--format", "jpg")
    path = shell.folder / "batch_outputs/finished/Task_1_coffee_1.jpg"
    assert "红色的杯子".encode() in path.read_bytes()
    shell.run("finish", "--format", "jpg")
    assert "红色的杯子".encode() not in path.read_bytes()
    shell.run("finish", "--format", "jpg", "--metadata", "keep")
    assert "红色的杯子".encode() in path.read_bytes()


def test_finished_files_are_no_material(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    shell.run("finish", "--output", "made", *SMALL)
    assert [path.name for path in look_below(shell.folder / "made").files] == ["coffee.jpg"]
    assert not look_at(shell.folder / "made").notices()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["finish"], "Nothing says how to finish them."),
        (["finish", "--output", "gone", "--format", "jpg"], "cannot be read"),
        (["finish", "--output", "grsai.toml", "--format", "jpg"], "cannot be read"),
    ],
)
def test_nothing_to_finish_is_one_sentence(shell: Shell, options: list[str], said: str) -> None:
    done = shell.run(*options)
    assert (done.status, len(done.err.splitlines())) == (2, 1) and said in done.err


def test_a_broken_picture_leaves_the_others_alone(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    shell.write("made/broken.png", "no picture")
    done = shell.run("finish", "--output", "made", *SMALL)
    assert (done.status, finished(shell, "made")) == (1, ["coffee.jpg"])
    assert "broken.png is not finished: broken.png is no picture that can be read" in done.err


def test_memory_is_bounded_by_the_cores_not_by_the_folder(shell: Shell) -> None:
    """Sixteen pictures of 48 million pixels; each takes 144 MB."""
    buffer = io.BytesIO()
    Image.new("RGB", (8000, 6000), "red").save(buffer, "JPEG", quality=30)
    for number in range(16):
        (shell.folder / "made").mkdir(exist_ok=True)
        (shell.folder / "made" / f"{number}.jpg").write_bytes(buffer.getvalue() + bytes([number]))
    program: Any = (
        "import re, sys; from grsai.cli import main; status = main(['finish', '--output', 'made', '--fit', '400x400'])\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024); sys.exit(status)"
    )
    if not Path("/proc/self/status").is_file():  # what `resource` tells holds the memory of the parent, too
        pytest.skip("no /proc to read the memory from")
    done = shell.run(program=("-c", program))
    assert done.status == 0 and int(done.out.split()[-1]) < 1000, done.out


# Files of the user's own, and what is told afterwards


def test_a_file_of_the_users_own_under_a_finished_name_is_never_replaced(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    mine = shell.write("made/finished/coffee.jpg", "mine")
    for size in ("200x200", "300x300", "300x300"):
        done = shell.run("finish", "--output", "made", "--fit", size, "--json")
        assert done.status == 0 and done.object["files"][0]["finished"].endswith("coffee (2).jpg")
        assert mine.read_text() == "mine"
    assert finished(shell, "made") == ["coffee (2).jpg", "coffee.jpg"]
    with Image.open(shell.folder / "made/finished/coffee (2).jpg") as image:
        assert image.size == (300, 300)


def test_a_finished_file_that_was_retouched_is_never_replaced(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    shell.run("finish", "--output", "made", "--fit", "200x200")
    file = shell.folder / "made/finished/coffee.jpg"
    retouched = shell.photo("rocket.jpg", "elsewhere").read_bytes()
    file.write_bytes(retouched)
    shell.run("finish", "--output", "made", "--fit", "300x300")
    assert file.read_bytes() == retouched and finished(shell, "made") == ["coffee (2).jpg", "coffee.jpg"]


def test_our_own_finished_files_are_replaced_through_any_change_of_settings(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    for options in (["--fit", "200x200"], ["--fit", "200x200", "--format", "webp"], ["--fit", "90x90"], ["--fit", "80x80"]):
        assert shell.run("finish", "--output", "made", *options).status == 0
    assert finished(shell, "made") == ["coffee.jpg", "coffee.webp"]
    with Image.open(shell.folder / "made/finished/coffee.jpg") as image:
        assert image.size == (80, 80)


def test_finished_files_of_an_older_version_are_known_as_our_own(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    shell.run("finish", "--output", "made", "--fit", "200x200")
    [state] = [path for path in (shell.folder / "made/finished").iterdir() if path.name[0] == "."]
    told = json.loads(state.read_text("utf-8"))
    del told["made"]
    state.write_text(json.dumps(told), "utf-8")
    shell.run("finish", "--output", "made", "--fit", "300x300")
    assert finished(shell, "made") == ["coffee.jpg"]


def test_the_same_finished_file_is_taken_where_nothing_is_known_of_it(shell: Shell) -> None:
    """As after a process that was killed before it wrote down what it did."""
    shell.photo("coffee.jpg", "made")
    shell.run("finish", "--output", "made", "--fit", "200x200")
    [state] = [path for path in (shell.folder / "made/finished").iterdir() if path.name[0] == "."]
    state.unlink()
    shell.run("finish", "--output", "made", "--fit", "200x200")
    assert finished(shell, "made") == ["coffee.jpg"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
def test_finishing_by_itself_is_told_in_report_sheet_and_gallery(shell: Shell, kind: str) -> None:
    if kind == "jsonl":
        shell.write("a.jsonl", '{"prompt": "red", "count": 2}\n\n{"prompt": "blue [input_moderation]"}\n')
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        for row in (["prompt", "count"], ["red", 2], ["blue [input_moderation]", None]):
            book.worksheets[0].append(row)
        book.save(shell.folder / "a.xlsx")
    else:
        shell.write("a.csv", "prompt;count\nred;2\nblue [input_moderation];\n")
    assert shell.run("--jobs", f"a.{kind}").status == 1
    output = shell.folder / "batch_outputs"
    before = [{**row, "finished": None} for row in rows_of(output / f"a_done.{kind}") if row] if kind != "jsonl" else []
    assert shell.run("finish", *SMALL).status == 0
    jobs = json.loads((output / "report.json").read_text("utf-8"))["jobs"]
    assert [job["finished"] for job in jobs] == ["finished/Task_1_text_1.jpg", "finished/Task_2_text_1.jpg", None]
    text = (output / f"a_done.{kind}").read_text("utf-8") if kind == "jsonl" else ""
    rows = [json.loads(line) for line in text.splitlines() if line] or rows_of(output / f"a_done.{kind}")
    assert rows[0]["finished"] == "finished/Task_1_text_1.jpg|finished/Task_2_text_1.jpg" and not rows[1]["finished"]
    assert not before or [{**row, "finished": None} for row in rows] == before, "all else stays"
    assert '"finished": "finished/Task_2_text_1.jpg"' in (output / "index.html").read_text("utf-8")


def test_one_finished_picture_is_one(shell: Shell) -> None:
    shell.photo("coffee.jpg", "made")
    assert "Finished: 1 picture in " in shell.run("finish", "--output", "made", *SMALL).out
