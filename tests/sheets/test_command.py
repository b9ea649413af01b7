"""`--jobs`, `--with`, `--recursive`, `--name` and a folder of texts, as a user starts the command."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from grsai.emulator import Fault
from tests.cli.shell import PHOTOS, Shell
from tests.sheets import twelve

BACK = ["status", "file", "task_id", "credits", "seconds", "error"]


def rows_of(path: Path) -> list[dict[str, Any]]:
    """A sheet as any other program reads it."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".xlsx":
        sheet: Any = openpyxl.load_workbook(path).active
        header, *rows = sheet.iter_rows(values_only=True)
        return [dict(zip(header, row, strict=True)) for row in rows]
    text = path.read_text("utf-8-sig")
    separator = next(each for each in "\t;," if each in text.splitlines()[0])
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))


@pytest.mark.parametrize("form", ["Excel's csv", "GBK with semicolons", "Excel's Unicode text", "jsonl", "xlsx"])
def test_a_sheet_is_made_and_comes_back_with_what_came_of_it(shell: Shell, form: str) -> None:
    path = twelve.write(shell.folder / f"jobs{twelve.suffix_of(form)}", form)
    done = shell.run("--jobs", path.name, "--json")
    assert (done.status, done.object["total"], shell.emulator.count("submit")) == (0, 12, 12), done.err
    back = shell.folder / "batch_outputs" / f"jobs_done{path.suffix}"
    rows = rows_of(back)
    assert [row["status"] for row in rows] == ["succeeded"] * 12
    assert [row["prompt"] for row in rows] == [row[2] for row in twelve.ROWS]
    assert [row["task_id"] for row in rows] == [job["task_id"] for job in done.object["jobs"]]
    assert all((back.parent / row["file"]).is_file() for row in rows)
    assert [int(row["credits"]) for row in rows[:4]] == [1200, 1200, 1200, 440]
    assert [Path(rows[number]["file"]).stem for number in (0, 1, 2)] == ["cup", "两行", "Task_3_rocket_1"]


def test_the_same_rows_in_another_kind_of_sheet_are_paid_once(shell: Shell) -> None:
    for form in ("plain csv", "jsonl", "xlsx", "GBK"):
        path = twelve.write(shell.folder / f"jobs{twelve.suffix_of(form)}", form)
        assert shell.run("--jobs", path.name).status == 0
    assert shell.emulator.count("submit") == 12


def test_columns_and_order_stay_and_ours_are_overwritten(shell: Shell) -> None:
    shell.write("a.csv", "Status;提示词;sku;FILE\nold;red;1;x.png\n;blue [input_moderation];2;\n")
    assert shell.run("--jobs", "a.csv").status == 1
    text = (shell.folder / "batch_outputs" / "a_done.csv").read_text("utf-8")
    assert text.splitlines()[0] == "Status;提示词;sku;FILE;task_id;credits;seconds;error"
    first, second = rows_of(shell.folder / "batch_outputs" / "a_done.csv")
    assert (first["Status"], first["FILE"], first["sku"]) == ("succeeded", "Task_1_text_1.png", "1")
    assert second["Status"] == "failed" and "Refused by moderation" in second["error"] and not second["FILE"]


def test_a_sheet_that_came_back_goes_in_again_and_nothing_is_paid(shell: Shell) -> None:
    path = twelve.write(shell.folder / "far" / "jobs.xlsx", "xlsx")
    assert shell.run("--jobs", str(path), "--output", "made").status == 0
    again = shell.run("--jobs", "made/jobs_done.xlsx", "--output", "made", "--json")
    assert (again.status, again.object["reused"]) == (0, 12), again.err
    assert shell.run("--jobs", "made/jobs_done.xlsx", "--output", "made").status == 0
    assert sorted(path.name for path in (shell.folder / "made").glob("*.xlsx")) == ["jobs_done.xlsx"]
    assert [row["status"] for row in rows_of(shell.folder / "made" / "jobs_done.xlsx")] == ["succeeded"] * 12
    assert shell.emulator.count("submit") == 12


def test_several_pictures_of_a_row_stand_in_its_cells(shell: Shell) -> None:
    shell.write("a.csv", "prompt,count,name\nred,2,shoe\n")
    assert shell.run("--jobs", "a.csv").status == 0
    [row] = rows_of(shell.folder / "batch_outputs" / "a_done.csv")
    assert (row["file"], row["credits"]) == ("shoe_1.png|shoe_2.png", "880")
    assert len(row["task_id"].split("|")) == 2


def test_empty_rows_stay_where_they_are(shell: Shell) -> None:
    shell.write("a.csv", "prompt,sku\nred,1\n\n,\nblue,2\n")
    assert shell.run("--jobs", "a.csv", "--json").object["jobs"][1]["row"] == 5
    lines = (shell.folder / "batch_outputs" / "a_done.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["prompt", "red", "", "", "blue"]


def test_what_is_no_formula_becomes_none(shell: Shell) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (["prompt", "note"], ["red", "x"]):
        sheet.append(row)
    sheet["B2"].value, sheet["B2"].data_type = "=1+1", "s"
    book.save(shell.folder / "a.xlsx")
    assert shell.run("--jobs", "a.xlsx").status == 0
    made: Any = openpyxl.load_workbook(shell.folder / "batch_outputs" / "a_done.xlsx").active
    assert (made["B2"].value, made["B2"].data_type) == ("=1+1", "s")


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_crash_leaves_a_true_sheet(shell: Shell) -> None:
    shell.emulator.seconds = 0.3
    shell.write("a.csv", "prompt\n" + "\n".join(f"number {k}" for k in range(8)) + "\n")
    process = shell.start("--jobs", "a.csv", "--concurrency", "2", LC_ALL="C.UTF-8", PYTHONUTF8="1")
    back = shell.folder / "batch_outputs" / "a_done.csv"
    assert process.stderr is not None
    for _ in range(4):
        process.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    rows = rows_of(back)
    made = [row for row in rows if row["status"]]
    assert len(rows) == 8 and 3 <= len(made) < 8
    for row in made:
        task = shell.emulator.tasks[row["task_id"]]
        assert (row["status"], row["prompt"]) == ("succeeded", task.prompt) and (back.parent / row["file"]).is_file()


def test_faults_are_all_told_with_their_rows_and_nothing_is_sent(shell: Shell) -> None:
    people(shell, same_names=True)
    (shell.folder / "garments" / "p2.jpg").unlink()
    rows = ["no.jpg,red,", '"people/p1.jpg","two\nlines",nano-bananna', ",,", ",,nano-banana-2", "people/p2.jpg,blue,", "a,b,c,d"]
    shell.write("a.csv", "\n".join(["image,prompt,model", *rows]))
    for more in ([], ["--estimate"]):
        done = shell.run("--jobs", "a.csv", "--with", "garments", *more)
        assert (done.status, done.out, shell.emulator.received) == (2, "", [])
        told = [line for line in done.err.splitlines() if line.startswith("Row")]
        assert [line.partition(":")[0] for line in told] == ["Row 2", "Row 3", "Row 5", "Row 6", "Row 7", "Row 7", "Row 7"]
        assert "p2 has no partner in garments." in told[3]
    shell.write("a.csv", "prompt,model,seed\nred,nano-bananna,1\n,,\nblue,,x\n,nano-banana-2,\n")
    done = shell.run("--jobs", "a.csv", "--lang", "zh")
    assert done.status == 2
    assert [line.partition("：")[0] for line in done.err.splitlines()[1:]] == ["第 2 行", "第 4 行", "第 5 行"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--jobs"], "Option --jobs needs a value"),
        (["--jobs", "gone.csv"], "There is no sheet gone.csv"),
        (["--jobs", "input"], "is no sheet that is read"),
        (["--jobs", "head.csv"], "has no rows below its first one"),
    ],
)
def test_a_sheet_that_is_not_there_is_one_sentence(shell: Shell, options: list[str], said: str) -> None:
    shell.write("head.csv", "prompt,image\n")
    done = shell.run(*options)
    assert (done.status, len(done.err.splitlines())) == (2, 1) and said in done.err


def test_an_estimate_prices_row_by_row(shell: Shell) -> None:
    shell.write("a.csv", "prompt,model,count\nred,nano-banana-2,2\nblue,,\n")
    done = shell.run("--jobs", "a.csv", "--estimate", "--json")
    assert (done.object["total"], done.object["credits"]) == (3, 2840)
    assert [(row["row"], row["total"], row["credits"]) for row in done.object["rows"]] == [(2, 2, 2400), (3, 1, 440)]
    lines = shell.run("--jobs", "a.csv", "--estimate").out.splitlines()
    assert lines[1].split() == ["2", "Task_1_text", "nano-banana-2", "2", "0.24"]


def test_prompts_of_the_command_serve_the_rows_without_one(shell: Shell) -> None:
    shell.write("a.csv", "image,sku\ninput/image/coffee.jpg,S1\ninput/image/rocket.jpg,S2\n")
    shell.write("p.txt", "paint {sku}\n")
    done = shell.run("--jobs", "a.csv", "--prompts", "p.txt", "--json")
    assert [job["prompt"] for job in done.object["jobs"]] == ["paint S1", "paint S2"]
    assert shell.run("--jobs", "a.csv").status == 2


def test_pictures_of_the_command_serve_the_rows_without_one(shell: Shell) -> None:
    shell.write("a.csv", "prompt,model\npaint it,nano-banana-2\n")
    done = shell.run("--jobs", "a.csv", "--images", "input/image", "--json")
    assert [Path(job["image"]).name for job in done.object["jobs"]] == ["coffee.jpg", "rocket.jpg"]


def test_the_demo_shows_its_sheet(shell: Shell) -> None:
    done = shell.run("--demo", "--jobs", "--json")
    assert (done.status, done.object["total"]) == (0, 9)
    assert len(rows_of(shell.folder / "batch_outputs" / "demo" / "jobs_done.csv")) == 8


# Pairs


def people(shell: Shell, *, same_names: bool) -> None:
    """Six people, their six garments, and a logo."""
    photos = sorted(PHOTOS.glob("*.jpg"))
    for number in range(1, 7):
        for folder, name, photo in (("people", f"p{number}", photos[number % 8]), ("garments", f"g{number}", photos[-number])):
            target = shell.folder / folder / f"{f'p{number}' if same_names else name}.jpg"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(photo.read_bytes() + bytes([number]))  # one of its own
    shutil.copy(PHOTOS / "cameraman.jpg", shell.folder / "logo.jpg")


@pytest.mark.parametrize("same_names", [True, False])
def test_a_try_on_by_folders_and_by_a_sheet_is_the_same_jobs(shell: Shell, same_names: bool) -> None:
    people(shell, same_names=same_names)
    shell.write("p.txt", "dress them")
    pairs = ["--images", "people", "--with", "garments", "--with", "logo.jpg", "--prompts", "p.txt"]
    done = shell.run(*pairs, "--json")
    assert (done.status, done.object["total"], shell.emulator.count("submit")) == (0, 6, 6), done.err
    garment = "p" if same_names else "g"
    lines = [f"people/p{k}.jpg,garments/{garment}{k}.jpg|logo.jpg,dress them" for k in range(1, 7)]
    shell.write("a.csv", "\n".join(["image,references,prompt", *lines]))
    again = shell.run("--jobs", "a.csv", "--json")
    assert (again.status, again.object["reused"], shell.emulator.count("submit")) == (0, 6, 6)
    shell.write("b.csv", "\n".join(["image,prompt", *(f"people/p{k}.jpg,dress them" for k in range(1, 7))]))
    third = shell.run("--jobs", "b.csv", "--with", "garments", "--with", "logo.jpg", "--json")
    assert (third.status, third.object["reused"]) == (0, 6)


def test_the_picture_goes_first_and_each_partner_in_the_order_of_the_options(shell: Shell) -> None:
    people(shell, same_names=True)
    shell.write("p.txt", "dress them")
    shell.run("--images", "people", "--with", "logo.jpg", "--with", "garments", "--prompts", "p.txt")
    tasks = list(shell.emulator.tasks.values())
    assert len(tasks) == 6 and all(len(task.urls) == 3 for task in tasks)
    assert len({task.urls[1] for task in tasks}) == 1 and len({task.urls[2] for task in tasks}) == 6


@pytest.mark.parametrize(
    ("gone", "said"),
    [("garments/p3.jpg", "p3 has no partner in garments."), ("garments", "There is no file or folder garments")],
)
def test_a_missing_partner_is_told_before_anything_is_sent(shell: Shell, gone: str, said: str) -> None:
    people(shell, same_names=True)
    path = shell.folder / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = shell.run("--images", "people", "--with", "garments")
    assert (done.status, shell.emulator.received) == (2, []) and said in done.err


def test_names_and_positions_are_never_mixed(shell: Shell) -> None:
    people(shell, same_names=False)
    (shell.folder / "garments" / "g1.jpg").rename(shell.folder / "garments" / "p1.jpg")
    done = shell.run("--images", "people", "--with", "garments")
    assert (done.status, shell.emulator.received) == (2, [])
    assert "p2 has no partner in garments." in done.err and "missing for 5 of 6 pictures" in done.err
    people(shell, same_names=False)
    (shell.folder / "garments" / "p1.jpg").unlink()
    (shell.folder / "garments" / "g6.jpg").unlink()
    assert "holds 5 pictures for 6" in shell.run("--images", "people", "--with", "garments").err


# Texts and folders


def test_a_folder_of_texts_gives_each_picture_its_own(shell: Shell) -> None:
    shell.write("texts/coffee.txt", "a cup,\r\nsteaming {stem}\r\n", encoding="utf-8-sig")
    shell.write("texts/rocket.TXT", "a rocket")
    shell.write("texts/more.txt", "of nothing")
    done = shell.run("--prompts", "texts", "--json")
    assert [job["prompt"] for job in done.object["jobs"]] == ["a cup,\nsteaming coffee", "a rocket"]
    assert "1 files that belong to no picture: more.txt" in shell.run("--prompts", "texts").err
    (shell.folder / "texts" / "rocket.TXT").unlink()
    shell.write("texts/coffee.txt", " \n")
    done = shell.run("--prompts", "texts")
    assert done.status == 2 and "coffee.txt is empty" in done.err and "rocket has no partner in texts." in done.err


def test_sub_folders_are_mirrored(shell: Shell) -> None:
    shell.photo("hopper.jpg", "input/image/shoes/red 2")
    shell.photo("coffee.jpg", "input/image/shoes/red 10")
    shell.photo("coffee.jpg", "input/image/batch_outputs")  # where results lie
    shell.write("p.txt", "a {stem} in {folder}")
    done = shell.run("--recursive", "--prompts", "p.txt", "--name", "{stem}", "--output", "input/image/batch_outputs", "--json")
    made = [Path(job["file"]).relative_to(shell.folder / "input/image/batch_outputs") for job in done.object["jobs"]]
    assert [path.as_posix() for path in made] == [
        "coffee.png", "rocket.png", "shoes/red 2/hopper.png", "shoes/red 10/coffee.png",
    ]  # fmt: skip
    assert [job["prompt"] for job in done.object["jobs"]][2] == "a hopper in red 2"
    again = shell.run("--recursive", "--prompts", "p.txt", "--name", "{stem}", "--output", "input/image/batch_outputs", "--json")
    assert (again.object["total"], again.object["reused"]) == (4, 4)


def test_partners_in_sub_folders_go_by_their_folder(shell: Shell) -> None:
    for folder in ("a", "b"):
        shell.photo("coffee.jpg", f"people/{folder}")
        shell.photo("rocket.jpg" if folder == "a" else "hopper.jpg", f"garments/{folder}").rename(
            shell.folder / "garments" / folder / "coffee.jpg"
        )
    shell.write("p.txt", "dress")
    done = shell.run("--images", "people", "--recursive", "--with", "garments", "--prompts", "p.txt", "--json")
    assert (done.status, shell.emulator.count("upload")) == (0, 3), done.err


def test_a_name_is_told_equal_before_paying_and_safe(shell: Shell) -> None:
    done = shell.run("--name", "{stem}")
    assert (done.status, shell.emulator.received) == (2, []) and "Two pictures would be called coffee." in done.err
    assert shell.run("--name", "../{stem}-{k}").status == 0
    assert sorted(path.name for path in (shell.folder / "batch_outputs").glob("*.png")) == [
        "_coffee-1.png", "_coffee-2.png", "_rocket-1.png", "_rocket-2.png",
    ]  # fmt: skip


def test_a_picture_that_failed_leaves_the_other_rows_alone(shell: Shell) -> None:
    shell.emulator.add(Fault("submit", "reset_after", times=1))
    shell.write("a.csv", "prompt\nred\nblue\n")
    assert shell.run("--jobs", "a.csv", "--concurrency", "1").status == 1
    rows = rows_of(shell.folder / "batch_outputs" / "a_done.csv")
    assert sorted(row["status"] for row in rows) == ["succeeded", "uncertain"]  # either may be submitted first
    assert all(bool(row["file"]) == (row["status"] == "succeeded") for row in rows)


def test_a_run_that_is_refused_leaves_the_sheet_of_the_last_one(shell: Shell) -> None:
    shell.write("a.csv", "prompt\nred\n")
    shell.run("--jobs", "a.csv")
    before = (shell.folder / "batch_outputs" / "a_done.csv").read_bytes()
    assert shell.run("--jobs", "a.csv", "--fresh", "--budget", "0.0001").status == 2
    assert (shell.folder / "batch_outputs" / "a_done.csv").read_bytes() == before


def test_an_empty_row_in_a_workbook_stays_where_it_is(shell: Shell) -> None:
    book = openpyxl.Workbook()
    for row in (["prompt", "sku"], ["a red cup", "7"], [], ["a blue cup", "8"]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(shell.folder / "gap.xlsx")
    done = shell.run("--jobs", "gap.xlsx", "--json")
    assert (done.status, done.object["total"]) == (0, 2), done.err
    back = rows_of(shell.folder / "batch_outputs" / "gap_done.xlsx")
    assert [(row["sku"], row["status"]) for row in back] == [("7", "succeeded"), (None, None), ("8", "succeeded")]


def test_what_was_made_is_copied_into_the_folders_of_another_output(shell: Shell) -> None:
    shell.photo("below.jpg", folder="input/image/below")
    assert shell.run("--recursive").status == 0
    sent = shell.emulator.count("submit")
    done = shell.run("--recursive", "--output", "elsewhere")
    assert (done.status, shell.emulator.count("submit")) == (0, sent), done.err
    assert list((shell.folder / "elsewhere" / "below").glob("Task_*_below_1.*"))


# What comes back of other runs, and of lines that ask for nothing


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_resumed_sheet_says_what_an_earlier_run_paid(shell: Shell, kind: str) -> None:
    shell.write("a.csv", "prompt\nred\nblue\n")
    shell.write("a.jsonl", '{"prompt": "red"}\n{"prompt": "blue"}\n')
    first = shell.run("--jobs", f"a.{kind}", "--json").object
    before = rows_of(shell.folder / f"batch_outputs/a_done.{kind}")
    again = shell.run("--jobs", f"a.{kind}", "--json").object
    assert (first["credits"], again["credits"], again["reused"]) == (880, 0, 2)
    assert [job["credits"] for job in again["jobs"]] == [0, 0], "the report is the run's"
    rows = rows_of(shell.folder / f"batch_outputs/a_done.{kind}")
    assert [int(row["credits"]) for row in rows] == [440, 440]
    for old, new in zip(before, rows, strict=True):
        assert float(new["seconds"]) == pytest.approx(float(old["seconds"]), abs=1.0) and float(new["seconds"]) > 0


def test_a_collected_row_says_what_the_killed_run_paid(shell: Shell) -> None:
    shell.write("a.csv", "prompt\nred\n")
    shell.emulator.add(Fault("poll", "stall"))
    assert shell.run("--jobs", "a.csv", GRSAI_DEADLINE_SECONDS="1").status == 1
    shell.emulator.clear_faults()
    assert shell.run("--jobs", "a.csv", "--json").object["credits"] == 0
    [row] = rows_of(shell.folder / "batch_outputs/a_done.csv")
    assert (row["status"], row["credits"]) == ("succeeded", "440")


def test_null_fields_and_lines_that_ask_for_nothing_come_back(shell: Shell) -> None:
    lines = [
        '{"prompt": "red", "sku": null}',
        "",
        '{"prompt": "blue", "n": 1}',
        "{}",
        '{"prompt": null, "sku": ""}',
        "  ",
        '{"prompt": "green"}',
    ]
    shell.write("a.jsonl", "\n".join(lines) + "\n\n")
    assert shell.run("--jobs", "a.jsonl").status == 0
    back = (shell.folder / "batch_outputs/a_done.jsonl").read_text("utf-8").split("\n")
    assert len(back) == 9 and [back[place] for place in (1, 3, 4, 5, 7)] == [*(lines[place] for place in (1, 3, 4, 5)), ""]
    red, blue, green = (json.loads(back[place]) for place in (0, 2, 6))
    assert (red["prompt"], red["sku"], "n" in red) == ("red", None, False)
    assert (blue["prompt"], blue["n"], "sku" in blue, "sku" in green) == ("blue", 1, False, False)
    assert shell.run("--jobs", "batch_outputs/a_done.jsonl", "--json").object["reused"] == 3


def test_a_row_with_an_unknown_model_tells_what_else_is_wrong_in_it(shell: Shell) -> None:
    shell.write(
        "a.csv", "prompt,model,aspect_ratio,image_size,quality,count\nred,nano-bananna,99:1,9K,best,many\nblue,nope,16:9,2K,,\n"
    )
    said = shell.run("--jobs", "a.csv").err.splitlines()
    for part in (
        "There is no model nano-bananna",
        "has aspect_ratio 99:1",
        "has image_size 9K",
        "has quality best",
        "count can be 1 to",
    ):
        assert [line for line in said if line.startswith("Row 2: ") and part in line], (part, said)
    assert len([line for line in said if line.startswith("Row 3: ")]) == 1
