"""The command as a user starts it: in a process of its own, in a folder of its own, against a service."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grsai.cli.options import COMMANDS
from grsai.emulator import Fault
from grsai.models import Catalogue, Model
from grsai.texts import say
from tests.cli.shell import KEY, ROOT, Shell

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


# A batch


def test_a_folder_and_a_list_become_pictures_a_report_and_a_gallery(shell: Shell) -> None:
    done = shell.run()
    assert (done.status, shell.emulator.count("submit"), shell.emulator.count("upload")) == (0, 4, 2)
    assert shell.pictures == ["Task_1_coffee_1.png", "Task_2_coffee_1.png", "Task_3_rocket_1.png", "Task_4_rocket_1.png"]
    made = {path.name for path in (shell.folder / "batch_outputs").iterdir()}
    assert made >= {"report.json", "index.html", "contact_sheet.jpg", "thumbnails"}
    assert not [name for name in made if name.endswith(".part")]
    for line in ("4 of 4 pictures made", "Total time: ", "Average: ", "One after another: ", "Paid: 1,760 credits (¥0.176)"):
        assert line in done.out
    assert str(shell.folder / "batch_outputs" / "index.html") in done.out
    assert len(done.err.splitlines()) == 4  # not a terminal: a line for each picture


def test_the_same_batch_again_sends_nothing(shell: Shell) -> None:
    shell.run()
    sent = len(shell.emulator.received)
    done = shell.run("--json")
    assert (done.status, done.object["reused"], done.object["credits"]) == (0, 4, 0)
    assert len(shell.emulator.received) == sent


@POSIX
def test_a_reader_that_has_gone_ends_no_batch(shell: Shell) -> None:
    """As `run_batch.py | head -1` does: the pictures are being paid for."""
    process = shell.start()
    assert process.stdout is not None and process.stderr is not None
    process.stderr.readline()
    process.stderr.close()
    process.stdout.close()
    assert process.wait(60) == 0
    assert len(shell.pictures) == 4 and (shell.folder / "batch_outputs" / "index.html").is_file()


@POSIX
def test_a_reader_that_has_gone_sees_no_traceback(shell: Shell) -> None:
    process = shell.start("models")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (0, "")
    process.stderr.close()


def test_json_is_one_object_on_stdout_and_nothing_else_anywhere(shell: Shell) -> None:
    done = shell.run("--json")
    assert done.err == ""
    assert list(done.object) == ["total", "succeeded", "failed", "reused", "seconds", "credits", "jobs"]
    assert [list(job) for job in done.object["jobs"]] == [
        [
            "task", "image", "prompt", "model", "quality", "background", "status", "file", "task_id", "error", "notes",
            "seconds", "credits",
        ]
    ] * 4  # fmt: skip
    assert [(job["task"], Path(job["image"]).name, job["prompt"]) for job in done.object["jobs"]] == [
        (1, "coffee.jpg", "red"), (2, "coffee.jpg", "blue"), (3, "rocket.jpg", "red"), (4, "rocket.jpg", "blue"),
    ]  # fmt: skip
    assert all(Path(job["file"]).is_file() for job in done.object["jobs"])
    assert {job["task_id"] for job in done.object["jobs"]} == set(shell.emulator.tasks)


def test_one_failure_is_said_with_its_reason_and_leaves_the_others_alone(shell: Shell) -> None:
    shell.write("input/text/text.txt", "red\nblue [input_moderation]\n")
    done = shell.run()
    assert (done.status, len(shell.pictures)) == (1, 2)
    assert "2 of 4 pictures made, 2 failed" in done.out
    assert "Not made (moderation × 2):" in done.out
    assert "Task_2_coffee (blue [input_moderation]): Refused by moderation" in done.out


def test_a_lost_reply_is_uncertain_and_not_sent_again_in_the_same_run(shell: Shell) -> None:
    shell.emulator.add(Fault("submit", "reset_after", times=1))
    done = shell.run("--json", "--concurrency", "1")
    assert (done.status, shell.emulator.count("submit")) == (1, 4)
    assert sorted(job["status"] for job in done.object["jobs"]) == ["succeeded"] * 3 + ["uncertain"]
    assert (done.object["succeeded"], done.object["failed"]) == (3, 0)
    assert shell.run("--json").status == 0
    assert shell.emulator.count("submit") == 5


def test_fresh_and_another_seed_make_new_pictures(shell: Shell) -> None:
    shell.run()
    assert shell.run("--seed", "1", "--json").object["reused"] == 0
    assert shell.run("--fresh", "--json").object["reused"] == 0
    assert shell.emulator.count("submit") == 12


def test_one_ledger_serves_every_folder_it_is_named_in(shell: Shell) -> None:
    home, ledger = shell.folder, str(shell.folder / "ledger.sqlite3")
    shell.run("--ledger", ledger)
    shell.folder = home / "elsewhere"
    shell.write(".env", "")
    options = ["--ledger", ledger, "--images", str(home / "input/image"), "--prompts", str(home / "input/text/text.txt")]
    assert shell.run("--json", *options).object["reused"] == 4
    assert len(shell.pictures) == 4


def test_zip_pairs_one_to_one(shell: Shell) -> None:
    jobs = shell.run("--json", "--pairing", "zip").object["jobs"]
    assert [(Path(job["image"]).stem, job["prompt"]) for job in jobs] == [("coffee", "red"), ("rocket", "blue")]


def test_every_option_reaches_the_service(shell: Shell) -> None:
    options = "--model nano-banana-2 --aspect-ratio 4:1 --image-size 2K --output made --concurrency 2"
    done = shell.run("--json", *options.split())
    tasks = shell.emulator.tasks.values()
    assert {(task.model, task.aspect_ratio, task.image_size) for task in tasks} == {("nano-banana-2", "4:1", "2K")}
    assert {Path(job["file"]).parent for job in done.object["jobs"]} == {shell.folder / "made"}


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_without_the_default_folder_the_prompts_alone_are_the_batch(shell: Shell, folder: str) -> None:
    shutil.rmtree(shell.folder / "input/image")
    if folder == "empty":
        (shell.folder / "input/image").mkdir()
    jobs = shell.run("--json").object["jobs"]
    assert [(job["image"], job["prompt"], job["status"]) for job in jobs] == [
        (None, "red", "succeeded"), (None, "blue", "succeeded"),
    ]  # fmt: skip
    assert shell.pictures == ["Task_1_text_1.png", "Task_2_text_1.png"]


def test_folders_and_files_may_have_spaces_and_chinese_names(shell: Shell) -> None:
    shell.photo("夏季 新品 2.jpg", "我的 图片")
    shell.photo("夏季 新品 10.jpg", "我的 图片")
    shell.write("提示 词.txt", "红色背景，柔光\n", encoding="utf-8-sig")
    done = shell.run("--json", "--images", "我的 图片", "--prompts", "提示 词.txt", "--output", "结果 一")
    assert [Path(job["file"]).name for job in done.object["jobs"]] == ["Task_1_夏季 新品 2_1.png", "Task_2_夏季 新品 10_1.png"]
    assert {task.prompt for task in shell.emulator.tasks.values()} == {"红色背景，柔光"}


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "cp437"])
def test_a_console_that_lacks_letters_shows_others_in_their_place(shell: Shell, encoding: str) -> None:
    shell.write("input/text/text.txt", "红色 ¥ ünïcode\n")
    done = shell.run("--lang", "zh", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (done.status, done.err.count("Traceback")) == (0, 0)
    found = shell.run("--json", PYTHONIOENCODING=encoding, PYTHONUTF8="0").object
    assert found["jobs"][0]["prompt"] == "红色 ¥ ünïcode"


def test_estimate_counts_and_sends_nothing_and_needs_no_key(shell: Shell) -> None:
    shell.run("--json", "--images", str(shell.photo("coffee.jpg", "one").parent))
    sent = len(shell.emulator.received)
    done = shell.run("--estimate", GRSAI_API_KEY="")
    assert done.status == 0
    assert "Pictures: 4. To be made: 2." in done.out
    assert "2 were made earlier" in done.out
    assert "880 credits (¥0.088)" in done.out
    assert shell.run("--estimate", "--fresh", "--json").object == {
        "total": 4, "reused": 0, "open": 0, "new": 4, "credits": 1760, "yuan": 0.176,
    }  # fmt: skip
    assert len(shell.emulator.received) == sent


def test_estimate_finds_the_pictures_where_they_were_moved_to(shell: Shell) -> None:
    shell.run("--json")
    (shell.folder / "batch_outputs").rename(shell.folder / "kept")
    assert shell.run("--estimate", "--json").object["reused"] == 0
    assert shell.run("--estimate", "--json", "--output", "kept").object["reused"] == 4


def test_the_demo_needs_no_key_and_no_network_and_pays_once(shell: Shell) -> None:
    dead = {"GRSAI_API_KEY": "", "GRSAI_BASE_URL": "", "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = shell.run("--demo", "--concurrency", "16", **dead)
    assert (done.status, len(list((shell.folder / "batch_outputs" / "demo").glob("Task_*")))) == (0, 16)
    assert "index.html" in done.out
    assert "Would have cost: 7,040 credits" in done.out and "Paid" not in done.out  # for nothing was
    page = (shell.folder / "batch_outputs/demo/index.html").read_text("utf-8")
    assert '"Would have cost"' in page and '"Paid"' not in page
    again = shell.run("--demo", "--json", **dead)
    assert (again.status, again.object["reused"]) == (0, 16)
    assert not shell.emulator.received


# Wrong use


Change = Callable[[Shell], object]
WRONG: dict[str, tuple[list[str], Change | None, str]] = {
    "no key": ([], lambda shell: shell.environment.pop("GRSAI_API_KEY"), "GRSAI_API_KEY"),
    "a key that is none": ([], lambda shell: shell.environment.update(GRSAI_API_KEY="my key"), "sk-"),
    "a folder without pictures": (["--images", "input/text"], None, "--images"),
    "a folder that is not there": (["--images", "nowhere"], None, "nowhere"),
    "a picture that cannot be read": ([], lambda shell: shell.write("input/image/broken.png", "no picture"), "broken.png"),
    "a picture that is cut off": ([], lambda shell: os.truncate(shell.photo("cut.jpg"), 9000), "cut.jpg"),
    "no file of prompts": (["--prompts", "none.txt"], None, "none.txt"),
    "an empty file of prompts": ([], lambda shell: shell.write("input/text/text.txt", "\ufeff\n  \n"), "text.txt"),
    "prompts that are not UTF-8": ([], lambda shell: shell.write("input/text/text.txt", "红色", encoding="gbk"), "UTF-8"),
    "an unknown model": (["--model", "nano-banana-fats"], None, "nano-banana-fast"),
    "a ratio the model has not": (["--aspect-ratio", "8:1"], None, "16:9"),
    "a size the model has not": (["--model", "nano-banana-2", "--image-size", "8K"], None, "1K, 2K, 4K"),
    "a number that is none": (["--concurrency", "many"], None, "many"),
    "a number out of range": (["--concurrency", "0"], None, "200"),
    "another pairing": (["--pairing", "random"], None, "random"),
    "unequal lists": (["--pairing", "zip", "--images", "three"], lambda shell: shell.photo("x.jpg", "three"), "as many prompts"),
    "a budget that is too small": (["--budget", "0.1"], None, "¥0.18"),
    "an output that is a file": (["--output", "grsai.toml"], None, "grsai.toml"),
    "an output that cannot be made": (["--output", "grsai.toml/made"], None, "grsai.toml"),
    "an address that is none": (["--base-url", "nowhere"], None, "https://"),
    "a key sent in the open": (["--base-url", "http://example.com"], None, "https"),
    "an option with the dash of a text program": (["\u2014images", "x"], None, "--images"),
    "a misspelt option": (["--promts", "x.txt"], None, "--prompts"),
    "an option without its value": (["--images"], None, "--images"),
    "an unknown command": (["modles"], None, "models"),
    "an unknown language": (["--lang", "fr"], None, "zh"),
    "a settings file that is not there": (["--config", "none.toml"], None, "none.toml"),
    "a settings file that is wrong": ([], lambda shell: shell.write("grsai.toml", "modle = 1\n"), "modle"),
    "a ledger that cannot be made": (["--ledger", "grsai.toml/ledger"], None, "grsai.toml"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_clear_sentence_and_sends_nothing(shell: Shell, case: str) -> None:
    arguments, change, named = WRONG[case]
    if change:
        change(shell)
    done = shell.run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert named in done.err
    assert {seen.step for seen in shell.emulator.received} <= {"credits"}


def test_wrong_use_is_said_in_chinese(shell: Shell) -> None:
    assert "没有选项 --promts；你是指 --prompts 吗？" in shell.run("--lang", "zh", "--promts", "x").err


# Ctrl-C


def started(shell: Shell, until: Callable[[], bool], *arguments: str) -> subprocess.Popen[str]:
    process = shell.start(*arguments)
    deadline = time.monotonic() + 20
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert until()
    return process


@POSIX
def test_ctrl_c_stops_within_a_second_keeps_what_is_made_and_says_how_to_go_on(shell: Shell) -> None:
    shell.write("input/text/text.txt", "red\nblue\n[slow 60] green\n[slow 60] grey\n")
    process = started(shell, lambda: len(shell.pictures) == 4 and len(shell.emulator.tasks) == 8, "--concurrency", "8")
    time.sleep(0.1)  # the last picture has its name a moment before the ledger says so
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - begun < 1.0
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "4 of 8 pictures made, 4 stopped" in out
    assert "run the same command again" in out
    assert len(shell.pictures) == 4
    assert (shell.folder / "batch_outputs" / "index.html").is_file()
    price = shell.run("--estimate", "--json").object
    assert (price["reused"], price["open"], price["new"]) == (4, 4, 0)


@POSIX
def test_ctrl_c_while_the_service_hangs_before_anything_is_sent(shell: Shell) -> None:
    shell.emulator.add(Fault("credits", "hang", seconds=20))
    process = started(shell, lambda: shell.emulator.count("credits") > 0)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - begun < 1.0
    assert (process.returncode, shell.emulator.count("submit")) == (1, 0)
    assert "4 stopped" in out or "Stopped" in err


# The other commands


def test_models_are_listed_with_prices_sizes_and_ratios(shell: Shell) -> None:
    out = shell.run("models").out
    assert re.search(r"^nano-banana-2 +1,200 +0\.12 +1K 2K 4K +wide$", out, re.MULTILINE)
    assert "wide: auto 1:1 16:9" in out
    rows = {row["model"]: row for row in shell.run("models", "--json").object["models"]}
    assert rows["nano-banana-pro"] == {
        "id": "nano-banana-pro", "model": "nano-banana-pro", "credits": 1800, "yuan": 0.18, "sizes": ["1K", "2K", "4K"],
        "delisted": False, "apis": ["unified", "legacy"], "pixels": "never", "qualities": [], "backgrounds": [], "references": 14,
        "new": False, "closed": False, "maintenance": False, "refunds_failed": None, "refunds_refused": None,
        "ratios": ["auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5", "21:9"],
    }  # fmt: skip
    assert rows["gpt-image-2-vip"]["ratios"][-2:] == ["3:1", "1:3"]


def test_a_price_that_nobody_knows_is_said_to_be_unknown(shell: Shell) -> None:
    unknown = ("--model", "nano-banana-2.1")
    assert re.search(r"^nano-banana-2\.1 +\? +\? +1K 2K 4K +wide$", shell.run("models").out, re.MULTILINE)
    rows = {row["id"]: row for row in shell.run("models", "--json").object["models"]}
    assert (rows["nano-banana-2.1"]["credits"], rows["nano-banana-2.1"]["yuan"]) == (None, None)
    assert "What 4 of them cost is not known." in shell.run("--estimate", *unknown).out
    assert shell.run("--estimate", "--json", *unknown).object["unpriced"] == 4


def test_a_budget_is_not_promised_for_a_price_that_nobody_knows(shell: Shell) -> None:
    done = shell.run("--model", "nano-banana-2.1", "--budget", "5")
    assert done.status == 2
    assert "What 4 of the pictures cost is not known, so the budget of ¥5.00 cannot be kept" in done.err
    assert not shell.emulator.tasks


def test_a_model_of_the_users_own_is_listed_and_used(shell: Shell) -> None:
    shell.write("grsai.toml", '[models.nano-banana-3]\ncredits = 2000\nsizes = ["1K"]\nratios = ["1:1"]\n')
    assert re.search(r"^nano-banana-3 +2,000 +0\.20 +1K +1:1$", shell.run("models").out, re.MULTILINE)
    assert shell.run("--estimate", "--model", "nano-banana-3", "--aspect-ratio", "1:1", "--json").object["credits"] == 8000


def test_balance_says_credits_and_how_many_pictures_they_make(shell: Shell) -> None:
    shell.emulator.credits = 44_000
    assert shell.run("balance").out == "44,000 credits (¥4.40)\nEnough for 100 × nano-banana-fast.\n"
    assert shell.run("balance", "--json").object == {
        "credits": 44_000, "yuan": 4.4, "of": "account", "account": 44_000, "limit": 0,
    }  # fmt: skip


def test_a_balance_below_zero_is_no_balance(shell: Shell) -> None:
    shell.emulator.credits = -5
    done = shell.run("balance")
    assert (done.status, done.out) == (1, "")
    assert done.err == "The service did not say how many credits there are.\n"


def test_a_refused_key_is_said_and_is_no_wrong_use(shell: Shell) -> None:
    shell.emulator.key = "sk-" + "f" * 32
    done = shell.run("balance")
    assert (done.status, done.out) == (1, "")
    assert "Check the key" in done.err


def test_status_tells_a_model_that_is_down(shell: Shell) -> None:
    assert (shell.run("status").out, shell.run("status").status) == ("nano-banana-fast: up\n", 0)
    shell.emulator.add(Fault("status", "maintenance"))
    done = shell.run("status", "nano-banana-pro")
    assert done.status == 1
    assert done.out.startswith("nano-banana-pro: down")


def test_history_shows_what_was_made_and_paid_newest_first(shell: Shell) -> None:
    assert shell.run("history").out == "Nothing yet.\n"
    made = {job["file"] for job in shell.run("--json").object["jobs"]}
    shell.write("input/text/text.txt", "green [input_moderation]\n")
    shell.run()
    entries = shell.run("history", "--json").object["entries"]
    assert {entry["prompt"] for entry in entries[:2]} == {"green [input_moderation]"}
    assert {file for entry in entries[2:] for file in entry["files"]} == made
    assert len(shell.run("history").out.splitlines()) == 6
    failed = shell.run("history", "--state", "failed", "--find", "rocket", "--limit", "5", "--json").object["entries"]
    assert [(entry["name"], entry["state"], entry["files"]) for entry in failed] == [("Task_2_rocket", "failed", [])]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_columns_of_the_history_stand_below_each_other(shell: Shell, language: str) -> None:
    shell.write("input/text/text.txt", "red\n蓝色的海边日落\ngreen [input_moderation]\n")
    shell.photo("蓝.jpg")
    shell.run()
    lines = shell.run("history", "--lang", language).out.splitlines()
    for mark in ("nano-banana-fast", "440  ", "red|蓝色|green", re.escape(str(shell.folder))):
        places = {columns(line[: found.start()]) for line in lines if (found := re.search(mark, line))}
        assert (len(lines), len(places)) == (9, 1), mark


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


@POSIX
def test_collect_fetches_what_a_killed_run_has_paid(shell: Shell) -> None:
    shell.write("input/text/text.txt", "[slow 8] red\n")
    process = started(shell, lambda: len(shell.emulator.tasks) == 2)
    while len(open_tasks(shell)) < 2:
        time.sleep(0.02)
    process.kill()
    process.communicate(timeout=10)
    while shell.emulator.open:
        time.sleep(0.05)
    done = shell.run("collect", "--json")
    assert done.status == 0
    assert sorted(task["task_id"] for task in done.object["tasks"]) == sorted(shell.emulator.tasks)
    assert len(shell.pictures) == 2
    assert shell.emulator.count("submit") == 2
    assert shell.run("collect").out == "There is nothing to collect.\n"


def open_tasks(shell: Shell) -> list[dict[str, Any]]:
    return shell.run("history", "--state", "open", "--json").object["entries"]


def test_config_shows_where_each_value_comes_from_and_the_key_only_in_part(shell: Shell) -> None:
    shell.write("grsai.toml", 'model = "nano-banana-pro"\nretries = 5\nconcurrency = 7\nseed = 3\n')
    shell.write(".env", "GRSAI_RETRIES=4\nGRSAI_CONCURRENCY=8\n", encoding="utf-8-sig")
    done = shell.run("--concurrency", "9", "config", "--json", GRSAI_CONCURRENCY="10", GRSAI_BUDGET="1.5")
    found = {name: (row["value"], row["source"]) for name, row in done.object.items()}
    assert found["concurrency"] == (9, "argument")
    assert found["budget"] == (1.5, "environment")
    assert found["retries"] == (4, str(shell.folder / ".env"))
    assert found["model"] == ("nano-banana-pro", str(shell.folder / "grsai.toml"))
    assert found["read_seconds"] == (60.0, "default")
    assert found["api_key"] == ("sk-…cdef", "environment")
    assert KEY not in shell.run("config").out


@pytest.mark.parametrize("language", ["en", "zh"])
def test_config_says_what_each_setting_is_for(shell: Shell, language: str) -> None:
    out, rows = shell.run("config", "--lang", language).out, shell.run("config", "--json").object
    assert len(rows) > 15 and all(f"\n    {say(row['about'], language)}\n" in out for row in rows.values())


def test_without_a_language_of_its_own_it_speaks_that_of_the_system(shell: Shell) -> None:
    assert "没有命令 modles；你是指 models 吗？" in shell.run("modles", LC_ALL="", LANG="zh_CN.UTF-8").err
    assert "did you mean models?" in shell.run("modles", LC_ALL="C.UTF-8", LANG="zh_CN.UTF-8").err


def test_a_key_in_dotenv_with_a_byte_order_mark_is_found(shell: Shell) -> None:
    shell.write(".env", f'GRSAI_API_KEY="{KEY}"\n', encoding="utf-8-sig")
    del shell.environment["GRSAI_API_KEY"]
    assert shell.run("--json").status == 0


def test_the_emulator_serves_until_ctrl_c(shell: Shell) -> None:
    process = shell.start("emulator", "--port", "0")
    assert process.stdout is not None
    address = process.stdout.readline().split()[5].rstrip(".")
    assert shell.run("--json", "--base-url", address).object["succeeded"] == 4
    process.terminate() if sys.platform == "win32" else process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[1] == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("--port 99999", "--port must be a whole number from 0 to 65535, not 99999."),
        ("--port x", "--port must be a whole number from 0 to 65535, not x."),
        ("--seconds soon", "--seconds must be a number of seconds such as 5, or two such as 3:8, not soon."),
        ("--price nano-banana-2", "--price must be a model and its credits, such as nano-banana-2:900, not nano-banana-2."),
        ("--prot 1", "There is no option --prot; did you mean --port?"),
    ],
)
def test_wrong_use_of_the_emulator_is_one_sentence(shell: Shell, wrong: str, said: str) -> None:
    done = shell.run("emulator", *wrong.split())
    assert (done.status, done.out, done.err) == (2, "", f"{said}\n")


@pytest.mark.parametrize(
    ("wrong", "english", "chinese"),
    [
        ("models extra", "extra is one word too many. See --help.", "多写了 extra。请看 --help。"),
        ("models --json=3", "Option --json takes no value. See --help.", "选项 --json 后面不能写值。请看 --help。"),
        ("config --config no.toml", "no.toml cannot be read: No such file or directory. Correct it and run again.", None),
    ],
)
def test_wrong_use_is_one_sentence_in_both_languages(shell: Shell, wrong: str, english: str, chinese: str | None) -> None:
    done = shell.run(*wrong.split(), "--lang", "en")
    assert (done.status, done.out, done.err) == (2, "", f"{english}\n")
    if chinese:
        assert shell.run(*wrong.split(), "--lang", "zh").err == f"{chinese}\n"


def test_a_port_that_is_taken_is_said_in_one_sentence(shell: Shell) -> None:
    port = shell.emulator.url.rpartition(":")[2]
    done = shell.run("emulator", "--port", port)
    assert (done.status, len(done.err.splitlines())) == (2, 1)
    assert done.err.startswith(f"Port {port} cannot be used: ")


@pytest.mark.parametrize("command", ["", *(command.name for command in COMMANDS)])
def test_every_command_has_help(shell: Shell, command: str) -> None:
    done = shell.run(*command.split(), "--help")
    assert (done.status, done.err) == (0, "")
    assert "--" in done.out
    assert "Example: python -m grsai" in done.out
    assert "示例：python -m grsai" in shell.run(*command.split(), "--help", "--lang", "zh").out


# Secrets


def test_the_key_is_in_no_output_and_in_no_file(shell: Shell) -> None:
    shell.emulator.add(*(Fault(step, "http_500", times=1) for step in ("submit", "credits", "upload")))
    shell.write("input/text/text.txt", "red\nblue [error]\n")
    said = [shell.run(*command.split(), "--verbose") for command in ("--retries 0", "config", "history", "balance", "status")]
    assert "ledger" in said[0].err and "urllib3" not in said[0].err
    for done in said:
        assert KEY not in done.out + done.err
    for path in shell.folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


# Starting


@pytest.mark.parametrize("arguments", [["--help"], ["--estimate"], ["models"]])
def test_it_starts_in_under_half_a_second(shell: Shell, arguments: list[str]) -> None:
    """Of processor time, where a system counts that of ended children: a busy machine makes it no slower."""

    def spent() -> float:
        times = os.times()
        return time.perf_counter() if sys.platform == "win32" else times.children_user + times.children_system

    def seconds() -> float:
        begun = spent()
        assert shell.run(*arguments).status == 0
        return spent() - begun

    assert min(seconds() for _ in range(4)) < 0.5


def test_help_loads_nothing_that_is_not_needed(shell: Shell) -> None:
    source = "import sys; from grsai.cli import main\ntry: main(['--help'])\nfinally: print(sorted(sys.modules))"
    loaded = ast.literal_eval(shell.run(program=("-c", source)).out.splitlines()[-1])
    assert not {"argparse", "requests", "PIL", "tqdm", "aiohttp", "sqlite3", "dotenv", "torch", "numpy"} & set(loaded)


def test_a_batch_needs_neither_torch_nor_numpy_nor_aiohttp(shell: Shell) -> None:
    source = "import sys; from grsai.cli import main\nmain(['--json'])\nprint(sorted(sys.modules), file=sys.stderr)"
    loaded = ast.literal_eval(shell.run(program=("-c", source)).err.splitlines()[-1])
    assert not {"torch", "numpy", "aiohttp"} & set(loaded)


@pytest.mark.parametrize(
    ("options", "unused"), [("'--estimate'", {"masks", "finishing", "review"}), ("'--json'", {"masks", "finishing"})]
)
def test_a_batch_loads_no_room_that_it_does_not_ask_for(shell: Shell, options: str, unused: set[str]) -> None:
    source = f"import sys; from grsai.cli import main\nmain([{options}])\nprint(sorted(sys.modules), file=sys.stderr)"
    loaded = set(ast.literal_eval(shell.run(program=("-c", source)).err.splitlines()[-1]))
    assert not {f"grsai.{room}" for room in (*unused, "cluster", "emulator")} & loaded


@pytest.mark.parametrize("name", ["run_batch.py", "batch_banana_concurrent.py"])
def test_the_files_of_the_original_tool_are_the_same_command(shell: Shell, name: str) -> None:
    done = shell.run("--json", program=("-I", str(ROOT / name)), PYTHONPATH="")
    assert (done.status, done.object["succeeded"]) == (0, 4)
    assert "python run_batch.py [options]" in shell.run("--help", program=("-I", str(ROOT / name)), PYTHONPATH="").out


def test_a_missing_package_is_one_sentence_with_the_command_that_installs_it(shell: Shell) -> None:
    done = shell.run("--estimate", program=("-S", str(ROOT / "run_batch.py")), PYTHONPATH="")
    assert (done.status, len(done.err.splitlines())) == (2, 1)
    assert '-m pip install -r "' in done.err


def test_a_python_that_is_too_old_can_read_run_batch_up_to_where_it_says_so() -> None:
    source = (ROOT / "run_batch.py").read_text("ascii")
    ast.parse((ROOT / "batch_banana_concurrent.py").read_text("ascii"), feature_version=(3, 4))
    loaded = [node for node in ast.parse(source, feature_version=(3, 4)).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert {name.name for node in loaded for name in node.names} <= {"os", "sys"}
    assert "sys.version_info < (3, 10)" in source


def test_the_batch_file_is_one_that_windows_reads() -> None:
    lines = (ROOT / "run_batch.bat").read_bytes().decode("ascii").split("\r\n")
    assert not [line for line in lines if "\n" in line]
    assert lines[0] == "@echo off"
    assert {"chcp 65001 >nul", 'pushd "%~dp0"'} <= set(lines)
    assert '    "%~dp0..\\..\\..\\python_embeded\\python.exe"' in lines
    assert "%PYTHON% -X utf8 run_batch.py %*" in lines
    assert "    type grsai\\no_python.zh.txt 1>&2" in lines, "in Chinese"
    assert "Python 3.10" in (ROOT / "grsai" / "no_python.zh.txt").read_text("utf-8")


@pytest.mark.parametrize("api", ["unified", "legacy"])
def test_a_batch_of_each_model(shell: Shell, api: str) -> None:
    """With a photo and without one, and all that the model lets one choose."""
    models = list(Catalogue().values())
    shell.write("grsai.toml", "".join(f'[models."{model.id}"]\nseconds = 0.1\n' for model in models))
    rows = [{"model": model.id, "prompt": f"a boat by {model.id}", **_last_choices(model)} for model in models]
    rows += [{**row, "image": "input/image/coffee.jpg"} for row in rows]
    shell.write("jobs.jsonl", "\n".join(map(json.dumps, rows)))
    done = shell.run("--jobs", "jobs.jsonl", "--json", "--concurrency", "12", GRSAI_API=api)
    jobs = done.object["jobs"]
    assert [(job["status"], job["model"]) for job in jobs] == [("succeeded", row["model"]) for row in rows], done.err
    assert len(shell.emulator.tasks) == len(rows) and done.status == 0
    assert shell.run("--jobs", "jobs.jsonl", GRSAI_API=api).status == 0
    assert len(shell.emulator.tasks) == len(rows)


def _last_choices(model: Model) -> dict[str, str]:
    found = {"image_size": model.sizes[:1], "quality": model.qualities[-1:], "background": model.backgrounds[-1:]}
    return {name: value for name, (value, *_) in ((name, values or ("",)) for name, values in found.items()) if value}
