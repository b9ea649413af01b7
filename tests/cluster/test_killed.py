"""Workers, schedulers and commands that are killed: nothing is paid twice, and the next run goes on."""

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

from grsai.emulator import Fault
from grsai.ledger import Ledger, service_of

COMMAND = ("--concurrency", "8", "--json")


def started(studio: Any, cluster: Any, *options: str) -> subprocess.Popen[str]:
    return studio.command(*COMMAND, "--cluster", cluster.address, *options)


def ended(process: subprocess.Popen[str], seconds: float = 120.0) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, what `--json` says of the jobs, and stderr."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, json.loads(out)["jobs"] if out.strip() else [], err


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=10)


def is_submitting(studio: Any) -> bool:
    return any(seen.step == "submit" for seen in list(studio.emulator.received))


def ledger_of(studio: Any) -> Ledger:
    return Ledger(studio.folder / ".grsai" / "ledger.sqlite3", service=service_of(studio.emulator.url))


def assert_right(studio: Any, jobs: list[dict[str, Any]]) -> None:
    """Every picture that is told of is that of its prompt, bit for bit."""
    hashes = {(task.prompt, task.sha256) for task in studio.emulator.tasks.values()}
    for job in jobs:
        if job["status"] == "succeeded":
            with open(job["file"], "rb") as picture:
                assert (job["prompt"], hashlib.sha256(picture.read()).hexdigest()) in hashes


def assert_paid_once(studio: Any, count: int) -> int:
    """Each prompt has one task that the ledger knows. Returns how many were taken without that the reply ever arrived."""
    with ledger_of(studio) as ledger:
        known = {entry.task_id for entry in ledger.entries(limit=10_000) if entry.task_id}
        uncertain = ledger.counts().get("uncertain", 0)
    live = [task for task in studio.emulator.tasks.values() if task.status != "failed"]
    of_each = Counter(task.prompt for task in live if task.id in known)
    assert len(of_each) == count and set(of_each.values()) == {1}, "a task that the service had accepted was submitted again"
    unheard = len([task for task in live if task.id not in known])
    assert unheard <= uncertain, "a submit whose reply never arrived is counted as uncertain"
    return unheard


def test_what_a_killed_worker_had_open_is_polled_by_another(studio, cluster) -> None:
    studio.emulator.seconds = 3.0
    studio.furnish([f"prompt {number}" for number in range(12)])
    process = started(studio, cluster)
    studio.wait_until(lambda: len(studio.emulator.tasks) == 8, seconds=60)
    with ledger_of(studio) as ledger:
        studio.wait_until(lambda: ledger.counts().get("open", 0) == 8)
    cluster.kill("one")
    status, jobs, err = ended(process)
    assert status == 0, err
    assert len(studio.emulator.tasks) == 12 and assert_paid_once(studio, 12) == 0
    assert {job["worker"] for job in jobs} == {"two"} and sum(job["credits"] for job in jobs) == 12 * 440
    assert_right(studio, jobs)


def test_what_a_killed_worker_had_under_way_is_uncertain_and_not_sent_again(studio, cluster) -> None:
    studio.furnish([f"prompt {number}" for number in range(8)])
    studio.emulator.add(Fault("submit", "hang_taken", seconds=20.0))
    process = started(studio, cluster, "--concurrency", "4")
    studio.wait_until(lambda: len(studio.emulator.tasks) == 4, seconds=60)
    cluster.kill("two")
    cluster.kill("one")
    studio.emulator.clear_faults()
    cluster.start_worker("one")
    status, jobs, err = ended(process)
    assert status == 1, err
    assert Counter(job["status"] for job in jobs) == {"succeeded": 4, "uncertain": 4}
    assert "lost before the reply" in next(job["error"] for job in jobs if job["status"] == "uncertain")
    assert len(studio.emulator.tasks) == 8, "an uncertain one was sent again"
    status, jobs, err = ended(started(studio, cluster))
    assert status == 0, err
    assert assert_paid_once(studio, 8) == 4
    assert_right(studio, jobs)


def test_a_slot_is_kept_for_what_may_be_open_on_a_killed_worker(studio, cluster) -> None:
    """Nobody knows when it ends: it counts for the usual time of its model, here 2 s."""
    studio.furnish([f"prompt {number}" for number in range(6)])
    toml = studio.folder / "grsai.toml"
    toml.write_text(toml.read_text("utf-8").replace("seconds = 0.1", "seconds = 2.0"), "utf-8")
    studio.emulator.seconds = 3.0
    studio.emulator.add(Fault("submit", "hang_taken", seconds=20.0, times=3))
    process = started(studio, cluster, "--concurrency", "3")
    studio.wait_until(lambda: len(studio.emulator.tasks) == 3, seconds=60)
    cluster.kill("one")
    cluster.kill("two")
    cluster.start_worker("one")
    status, jobs, err = ended(process)
    assert Counter(job["status"] for job in jobs) == {"succeeded": 3, "uncertain": 3}, err
    assert studio.emulator.peak_open <= 3


def test_the_run_ends_with_its_scheduler_and_the_next_one_goes_on(studio, cluster) -> None:
    studio.emulator.seconds = 3.0
    studio.furnish([f"prompt {number}" for number in range(12)])
    process = started(studio, cluster)
    studio.wait_until(lambda: len(studio.emulator.tasks) == 8, seconds=60)
    with ledger_of(studio) as ledger:
        studio.wait_until(lambda: ledger.counts().get("open", 0) == 8)
    cluster.kill_scheduler()
    status, jobs, err = ended(process, 60)
    assert status == 1 and "Traceback" not in err
    assert {job["status"] for job in jobs} == {"stopped"}
    assert any("scheduler is gone" in (job["error"] or "") for job in jobs)
    cluster.mend()
    status, jobs, err = ended(started(studio, cluster))
    assert status == 0, err
    assert len(studio.emulator.tasks) == 12 and assert_paid_once(studio, 12) == 0
    assert_right(studio, jobs)


def test_a_killed_command_pays_for_nothing_more_and_the_next_run_goes_on(studio, cluster) -> None:
    studio.emulator.seconds = 2.0
    studio.furnish([f"prompt {number}" for number in range(24)])
    process = started(studio, cluster)
    studio.wait_until(lambda: len(studio.emulator.tasks) == 8, seconds=60)
    killed(process)
    paid = len(studio.emulator.tasks)
    time.sleep(4.0)
    assert len(studio.emulator.tasks) <= paid + 8, "no more than was handed out"
    status, jobs, err = ended(started(studio, cluster))
    assert status == 0, err
    assert len(studio.emulator.tasks) == 24 and assert_paid_once(studio, 24) == 0
    assert_right(studio, jobs)


# Twenty times each


@pytest.mark.full
@pytest.mark.parametrize("turn", range(5))
@pytest.mark.parametrize("victim", ["worker", "scheduler", "command"])
def test_twenty_kills_at_random_moments_cost_nothing_twice(studio, cluster, victim: str, turn: int) -> None:
    """Four in each of five turns."""
    count = 100
    studio.emulator.seconds, studio.emulator.lag = (0.6, 1.4), 0.01
    studio.furnish([f"prompt {number}" for number in range(count)])
    dice = random.Random(f"{victim} {turn}")
    kills, process = 0, started(studio, cluster)
    while kills < 4:
        before = len(studio.emulator.received)
        studio.wait_until(lambda: len(studio.emulator.received) > before + 5 or process.poll() is not None, seconds=90)  # noqa: B023
        time.sleep(dice.uniform(0.0, 1.0))
        assert process.poll() is None, "the batch was done before it could be killed as often as wanted"
        kills += 1
        if victim == "worker":
            cluster.kill(dice.choice(list(cluster.workers)))
        elif victim == "scheduler":
            cluster.kill_scheduler()
            assert ended(process, 60)[0] == 1
        else:
            killed(process)
        cluster.mend()
        if process.poll() is not None:
            process = started(studio, cluster)
    status, jobs, err = ended(process, 200)
    for _ in range(3):  # what was uncertain in a run is sent again by the next one
        if status == 0:
            break
        assert {job["status"] for job in jobs} <= {"succeeded", "uncertain"}, err
        status, jobs, err = ended(started(studio, cluster), 200)
    assert status == 0, err
    assert_right(studio, jobs)
    assert assert_paid_once(studio, count) <= 4 * 8
    assert len({job["file"] for job in jobs}) == count
