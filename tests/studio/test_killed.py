"""Commands and their server, killed at random moments: every picture comes, and only what was on its way may be paid twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import subprocess
import time
from collections import Counter
from typing import Any

import pytest

from grsai.ledger import Ledger, service_of

JOBS = 60
OPTIONS = ("--output", "made", "--concurrency", "8", "--json")
FEW_AND_MANY = [2, pytest.param(20, marks=pytest.mark.full)]


def started(studio: Any, address: str, machine: str = "one") -> subprocess.Popen[str]:
    home = str(studio.folder / machine)
    return studio.command(*OPTIONS, GRSAI_LEDGER=address, GRSAI_HOME=home, GRSAI_LIMIT="8")


def ended(process: subprocess.Popen[str], seconds: float = 180.0) -> tuple[int, dict[str, Any], str]:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert "Traceback" not in err, err
    return process.returncode, json.loads(out) if out.strip() else {"jobs": []}, err


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=10)


def furnished(studio: Any, seconds: tuple[float, float]) -> random.Random:
    studio.furnish([f"prompt {number}" for number in range(JOBS)])
    studio.emulator.seconds, studio.emulator.submit_seconds = seconds, (0.0, 0.2)
    return random.Random(studio.folder.name)


def assert_all_came_and_were_paid_once(studio: Any, address: str, jobs: list[dict[str, Any]]) -> None:
    hashes = {(task.prompt, task.sha256) for task in studio.emulator.tasks.values()}
    for job in jobs:
        assert job["status"] == "succeeded", job
        with open(job["file"], "rb") as picture:
            assert (job["prompt"], hashlib.sha256(picture.read()).hexdigest()) in hashes
    with Ledger(address, service=service_of(studio.emulator.url), home=studio.folder / "one") as ledger:
        known = {entry.task_id for entry in ledger.entries(limit=10_000) if entry.task_id}
        uncertain = ledger.counts().get("uncertain", 0)
    of_each = Counter(task.prompt for task in studio.emulator.tasks.values() if task.id in known)
    assert len(of_each) == JOBS and set(of_each.values()) == {1}, "a task that was accepted was submitted again"
    unheard = sum(task.id not in known for task in studio.emulator.tasks.values())
    assert unheard <= uncertain, "what never had an answer is counted as uncertain"


@pytest.mark.parametrize("kills", FEW_AND_MANY)
def test_a_command_that_is_killed_again_and_again_pays_for_each_picture_once(studio: Any, address: str, kills: int) -> None:
    chance = furnished(studio, (0.5, 1.5))
    for number in range(kills):
        process = started(studio, address, ("one", "two")[number % 2])
        time.sleep(chance.uniform(0.8, 4.0))
        killed(process)
    status, report, err = ended(started(studio, address))
    assert status == 0, err
    assert_all_came_and_were_paid_once(studio, address, report["jobs"])
    assert studio.emulator.peak_open <= 8


@pytest.mark.parametrize("kills", FEW_AND_MANY)
def test_a_server_that_is_killed_again_and_again_loses_nothing_that_was_paid(studio: Any, mortal: Any, kills: int) -> None:
    chance, address = furnished(studio, (0.5, 1.5)), mortal.database()
    process, deaths = started(studio, address), 0
    while True:
        time.sleep(chance.uniform(0.3, 4.0))
        if deaths < kills:
            mortal.kill()
            deaths += 1
            time.sleep(chance.uniform(0.0, 2.0))
            mortal.start()
        if process.poll() is None and deaths < kills:
            continue
        status, report, err = ended(process)
        if status == 0 and deaths == kills:
            break
        process = started(studio, address)
    assert_all_came_and_were_paid_once(studio, address, report["jobs"])
    assert studio.emulator.peak_open <= 8
