"""Prices of today, sums over time, and tasks that are given up."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import pytest

from grsai.emulator import Fault
from tests.cli.shell import Shell


def test_models_asks_the_service_and_remembers_its_prices(shell: Shell) -> None:
    shell.emulator.change("nano-banana-fast", credits=500)
    assert shell.run("--estimate", "--json").object["credits"] == 4 * 440
    rows = {row["id"]: row for row in shell.run("models", "--refresh", "--json").object["models"]}
    assert (rows["nano-banana-fast"]["credits"], rows["nano-banana-fast"]["model"]) == (500, "nano-banana-fast")
    assert shell.run("--estimate", "--json").object["credits"] == 4 * 500
    done = shell.run("--budget", "0.19")
    assert done.status == 2 and "¥0.20" in done.err, "a budget goes by the prices of today"
    assert "Prices as the service gave them on " in shell.run("models").out
    assert not [seen for seen in shell.emulator.received if seen.step == "submit"]


def test_the_prices_of_one_service_are_not_those_of_another(shell: Shell) -> None:
    shell.emulator.change("nano-banana-fast", credits=500)
    shell.run("models", "--refresh")
    assert shell.run("--estimate", "--json", GRSAI_BASE_URL="china").object["credits"] == 4 * 440


def test_a_model_that_is_closed_is_marked_and_refused_before_anything_is_paid(shell: Shell) -> None:
    shell.emulator.change("nano-banana-fast", closed=True)
    assert "closed" in shell.run("models", "--refresh").out
    for arguments in ([], ["--estimate"]):
        done = shell.run(*arguments)
        assert (done.status, shell.emulator.count("submit")) == (2, 0)
        assert "The service has closed nano-banana-fast." in done.err


def test_yuan_are_what_the_user_paid_for_a_credit(shell: Shell) -> None:
    rate = {"GRSAI_CREDITS_PER_YUAN": "20000"}
    assert "1,760 credits (¥0.088)" in shell.run("--estimate", **rate).out
    assert shell.run("--estimate", "--json", **rate).object["yuan"] == 0.088
    assert "Paid: 1,760 credits (¥0.088)" in shell.run(**rate).out
    assert "¥0.088" in (shell.folder / "batch_outputs/index.html").read_text("utf-8")
    shell.emulator.credits = 44_000
    assert shell.run("balance", **rate).out.startswith("44,000 credits (¥2.20)\n")
    assert shell.run("spend", "--json", **rate).object["yuan"] == 0.088


@pytest.mark.parametrize("by", ["day", "month", "model", "folder"])
def test_spend_sums_up_what_was_paid(shell: Shell, by: str) -> None:
    shell.run("--json")
    shell.run("--json", "--model", "nano-banana-2", "--output", "made")
    found = shell.run("spend", "--by", by, "--json").object
    today = time.strftime("%Y-%m-%d")
    keys = {
        "day": {today: (8, 4 * 440 + 4 * 1200)},
        "month": {today[:7]: (8, 4 * 440 + 4 * 1200)},
        "model": {"nano-banana-fast": (4, 1760), "nano-banana-2": (4, 4800)},
        "folder": {str(shell.folder / "batch_outputs"): (4, 1760), str(shell.folder / "made"): (4, 4800)},
    }[by]
    assert {row[by]: (row["pictures"], row["credits"]) for row in found["rows"]} == keys
    assert (found["by"], found["pictures"], found["credits"], found["yuan"]) == (by, 8, 6560, 0.656)
    out = shell.run("spend", "--by", by, "--csv", "sums.csv").out
    assert out.splitlines()[-1].split() == ["in", "all", "8", "6,560", "0.656"]
    content = (shell.folder / "sums.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[0] == [by, "pictures", "credits", "yuan"] and {row[0] for row in rows[1:]} == set(keys)


def test_what_can_be_summed_up_is_said(shell: Shell) -> None:
    done = shell.run("spend", "--by", "year")
    assert (done.status, done.err) == (2, "There are no sums by year. There are: day, month, model, folder.\n")


def test_a_task_that_cannot_be_had_is_given_up_and_paid_anew(shell: Shell) -> None:
    shell.write("input/text/text.txt", "red\n")
    (shell.folder / "input/image/rocket.jpg").unlink()
    fault = Fault("download", "not_found")
    shell.emulator.add(fault)
    (job,) = shell.run("--json").object["jobs"]
    assert (job["status"], shell.emulator.count("submit")) == ("failed", 1)
    done = shell.run("collect", "--forget", job["task_id"])
    assert (done.status, done.out) == (0, f"Task {job['task_id']} is given up: the next run pays for its job again.\n")
    again = shell.run("collect", "--forget", job["task_id"])
    assert (again.status, again.out) == (1, "")
    shell.emulator.clear_faults()
    assert shell.run("--json").object["succeeded"] == 1
    assert shell.emulator.count("submit") == 2


def test_the_balance_says_where_it_is_the_keys_own_limit(shell: Shell) -> None:
    shell.emulator.credits, shell.emulator.key_limit = 44_000, 4_400
    assert shell.run("balance").out.splitlines()[:2] == [
        "4,400 credits (¥0.44)", "This is what the key may spend; the account may hold more.",
    ]  # fmt: skip
    assert shell.run("balance", "--json").object["of"] == "key"


def test_quality_and_background_reach_the_service(shell: Shell) -> None:
    options = ["--model", "gpt-image-2.5-flare", "--quality", "high", "--background", "transparent", "--aspect-ratio", "1:1"]
    assert shell.run("--json", *options).status == 0
    sent = [seen.body for seen in shell.emulator.received if seen.step == "submit"]
    assert {(body["quality"], body["background"]) for body in sent} == {("high", "transparent")}


@pytest.mark.parametrize("api", ["unified", "legacy"])
def test_the_generation_of_the_api_can_be_chosen(shell: Shell, api: str) -> None:
    assert shell.run("--json", "--api", api).status == 0
    paths = {seen.path for seen in shell.emulator.received if seen.step == "submit"}
    assert paths == {"/v1/api/generate" if api == "unified" else "/v1/draw/nano-banana"}


def test_what_the_models_have_not_is_refused_before_a_picture_is_read(shell: Shell) -> None:
    for option in (["--quality", "high"], ["--background", "transparent"]):
        done = shell.run(*option)
        assert done.status == 2 and "nano-banana-fast takes no" in done.err
    assert not Path(shell.folder, "batch_outputs").exists()
