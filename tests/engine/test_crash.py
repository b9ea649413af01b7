"""Real processes that are killed, stopped, run at once, or meet a full disk and a damaged ledger: what is paid is never lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from grsai.emulator import Emulator, Fault
from grsai.ledger import Ledger, service_of

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals or limits")
ENDED_WITHIN = 2.0  # promised: 1 s; the rest is for a busy machine
# A process that may write files of so many bytes and no more, which is what a full disk does to a file.
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from grsai.cli.main import main
sys.exit(main(sys.argv[2:]))
"""

# A process that is killed at one of its steps: each statement to the ledger, each open, link, removal of a file, each connection
# counts, from the first job on.
KILLED_AT = """
import os, signal, sqlite3, sys
left, connect = [int(sys.argv[1]), False], sqlite3.connect
def step(what):
    left[1] = left[1] or "INSERT INTO tasks" in what
    left[0] -= left[1]
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
def traced(*arguments, **options):
    database = connect(*arguments, **options)
    database.set_trace_callback(step)
    return database
sqlite3.connect = traced
def hook(event, arguments):
    written = event == "open" and str(arguments[0]).endswith((".part", ".journal"))
    if written or event in ("os.link", "os.remove", "socket.connect"):
        step(event)
sys.addaudithook(hook)
from grsai.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def ended(process: subprocess.Popen[str], seconds: float = 60.0) -> tuple[int, str, str]:
    """Exit status and both outputs."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=10)


def output(studio: Any) -> Path:
    return studio.folder / "batch_outputs"


def made_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("Task_*"))


def assert_whole(studio: Any, folder: Path) -> None:
    """Every file under a final name is a picture of the service, bit for bit."""
    hashes = {task.sha256 for task in studio.emulator.tasks.values()}
    for path in made_files(folder):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in hashes, path


def ledger_of(studio: Any, **options: Any) -> Ledger:
    return Ledger(studio.folder / ".grsai" / "ledger.sqlite3", service=service_of(studio.emulator.url), **options)


def told(studio: Any) -> set[str]:
    """The tasks whose ids reached the ledger."""
    with ledger_of(studio) as ledger:
        return {entry.task_id for entry in ledger.entries(limit=10_000) if entry.task_id}


def assert_paid_once(studio: Any, jobs: int) -> int:
    """Each job has one task that the ledger knows. Returns how many were accepted without that the reply ever arrived."""
    known = told(studio)
    live = [task for task in studio.emulator.tasks.values() if task.status != "failed"]
    of_each = Counter(
        (task.prompt, *[studio.emulator.uploads[url.rpartition("/")[2]].sha256 for url in task.urls])
        for task in live
        if task.id in known
    )
    assert len(of_each) == jobs
    assert set(of_each.values()) == {1}, "a task that the service had accepted was submitted again"
    return len([task for task in live if task.id not in known])


# Killed


def test_a_batch_that_is_killed_at_twenty_random_moments_is_completed_and_paid_once(studio, photos) -> None:
    studio.emulator.seconds, studio.emulator.lag = (0.6, 1.0), 0.01
    studio.furnish([f"prompt {number}" for number in range(50)], photos[:2])
    dice = random.Random(20)
    for _ in range(20):
        before = len(studio.emulator.received)
        process = studio.command("--concurrency", "5")
        studio.wait_until(lambda: len(studio.emulator.received) > before or process.poll() is not None, seconds=30)  # noqa: B023
        assert process.poll() is None, "the batch was done before it could be killed as often as wanted"
        time.sleep(dice.uniform(0.0, 0.45))
        killed(process)
        assert_whole(studio, output(studio))
    in_sight = len(made_files(output(studio)))
    status, out, err = ended(studio.command("--concurrency", "40"))
    assert status == 0, err
    assert in_sight <= len(made_files(output(studio))) == 100
    assert_whole(studio, output(studio))
    assert not list(output(studio).glob(".*.part")), "a half file was left"
    unheard = assert_paid_once(studio, 100)
    with ledger_of(studio) as ledger:
        counts = ledger.counts()
        assert counts["done"] == 100
        assert unheard <= counts.get("uncertain", 0), "a submit whose reply never arrived is counted as uncertain"
        assert set(counts) <= {"done", "uncertain"}
    report = json.loads((output(studio) / "report.json").read_text("utf-8"))
    assert report["succeeded"] == 100
    unwritten = in_sight - report["reused"]  # had their names in the moment of the kill, and were fetched onto themselves
    assert 0 <= unwritten <= 7, "as many as there were threads"


def assert_completed_after_a_kill(studio: Any, step: int) -> bool:
    """A job that is killed before that step is made by the next run. Returns whether there was such a step."""
    studio.furnish([f"killed at {step}"])
    before = len(made_files(output(studio)))
    status, _, err = ended(studio.command(str(step), program=("-c", KILLED_AT)))
    if status == 0:
        return False
    assert status == -signal.SIGKILL, err
    assert_whole(studio, output(studio))
    in_sight = len(made_files(output(studio)))
    studio.emulator.add(Fault("download", "short_body", times=2))
    status, _, err = ended(studio.command())
    studio.emulator.clear_faults()
    assert status == 0, err
    assert len(made_files(output(studio))) == before + 1 >= in_sight
    assert_whole(studio, output(studio))
    assert not list(output(studio).glob(".*.part")), "a half file was left"
    return True


@POSIX
@pytest.mark.parametrize("step", [pytest.param(step, marks=pytest.mark.full if step % 6 else ()) for step in range(1, 34)])
def test_a_process_that_is_killed_between_any_two_steps_loses_nothing(studio, step: int) -> None:
    if not assert_completed_after_a_kill(studio, step):
        pytest.skip("the job has no more steps")
    assert assert_paid_once(studio, 1) <= 1


def test_a_process_that_is_killed_in_a_submit_leaves_it_uncertain_and_the_next_run_says_so(studio) -> None:
    studio.furnish(["only one"])
    studio.emulator.add(Fault("submit", "hang_taken", seconds=20, times=1))
    process = studio.command()
    studio.wait_until(lambda: studio.emulator.tasks)
    killed(process)
    status, out, err = ended(studio.command())
    assert status == 0, err
    assert "An earlier submit got no reply and may have been paid too" in out
    assert len(studio.emulator.tasks) == 2
    status, out, _ = ended(studio.command("history", "--state", "uncertain", "--json", program=("-m", "grsai")))
    assert status == 0 and "only one" in out


def test_a_process_that_is_killed_after_a_submit_is_polled_on_by_the_next(studio) -> None:
    studio.furnish(["[slow 1] a", "[slow 1] b", "[slow 1] c"])
    process = studio.command()
    studio.wait_until(lambda: studio.emulator.count("poll") >= 3)
    killed(process)
    status, _, err = ended(studio.command())
    assert status == 0, err
    assert len(studio.emulator.tasks) == studio.emulator.count("submit") == 3
    assert assert_paid_once(studio, 3) == 0


def test_a_process_that_is_killed_in_a_download_leaves_no_half_file(studio) -> None:
    studio.furnish(["a"])
    studio.emulator.add(Fault("download", "slow_headers", seconds=20, times=1))
    process = studio.command()
    studio.wait_until(lambda: studio.emulator.count("download"))
    killed(process)
    assert not made_files(output(studio))
    status, _, err = ended(studio.command())
    assert status == 0, err
    assert len(studio.emulator.tasks) == 1
    assert [path.name for path in output(studio).iterdir() if path.name.startswith(".") and path.suffix == ".part"] == []


@POSIX
@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.full if seed > 0 else ()) for seed in range(10)])
def test_a_batch_that_is_stopped_at_random_moments_of_slow_submits_is_paid_once(studio, seed: int) -> None:
    """The service takes a submit at once and answers up to two seconds later: whoever leaves meanwhile loses the id."""
    studio.emulator.seconds, studio.emulator.submit_seconds = (0.1, 0.4), (0.0, 2.0)
    studio.api = ("unified", "legacy")[seed % 2]
    studio.furnish([f"prompt {number}" for number in range(30)])
    dice = random.Random(seed)
    for kind in dice.choices([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], k=4):
        before = studio.emulator.count("submit")
        process = studio.command("--concurrency", "4")
        studio.wait_until(lambda: studio.emulator.count("submit") > before or process.poll() is not None, seconds=30)  # noqa: B023
        time.sleep(dice.uniform(0.0, 1.5))
        process.send_signal(kind)
        status, _, err = ended(process)
        assert status == 1 or process.returncode == 0, err
    status, _, err = ended(studio.command("--concurrency", "30"))
    assert status == 0, err
    assert len(studio.emulator.tasks) == 30, "a submit was sent again whose answer was on its way"
    assert_whole(studio, output(studio))


# Two at once


@pytest.mark.parametrize("folders", ["one folder", "a folder each"])
def test_two_processes_with_the_same_batch_pay_once_together(studio, photos, folders: str) -> None:
    studio.emulator.seconds = (0.1, 0.4)
    studio.furnish([f"prompt {number}" for number in range(5)], photos[:3])
    names = ["one", "one" if folders == "one folder" else "two"]
    processes = [studio.command("--output", name, "--json") for name in names]
    results = [ended(process) for process in processes]
    assert [status for status, _, _ in results] == [0, 0], results
    reports = [json.loads(out) for _, out, _ in results]
    assert studio.emulator.count("submit") == 15
    assert sum(report["credits"] for report in reports) == studio.emulator.charged
    assert sum(report["reused"] for report in reports) == 15
    for name in set(names):
        assert len(made_files(studio.folder / name)) == 15
        assert_whole(studio, studio.folder / name)


def test_a_process_that_waits_for_another_takes_over_when_that_is_killed(studio) -> None:
    studio.furnish(["[slow 1.5] a"])
    first = studio.command()
    studio.wait_until(lambda: studio.emulator.count("poll"))
    second = studio.command()
    time.sleep(0.7)  # it has begun to wait
    killed(first)
    status, _, err = ended(second)
    assert status == 0, err
    assert studio.emulator.count("submit") == 1


# Stopped


@POSIX
@pytest.mark.parametrize("step", ["credits", "ticket", "submit", "poll", "download"])
def test_ctrl_c_ends_the_command_at_once_although_the_service_hangs(studio, photos, step: str) -> None:
    studio.furnish([f"prompt {number}" for number in range(10)], photos[:2])
    studio.emulator.add(Fault(step, "hang", seconds=30))
    process = studio.command("--concurrency", "4")
    studio.wait_until(lambda: studio.emulator.count(step))
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    if step == "submit":  # the answers to what is paid are waited for, unless the user says it twice
        time.sleep(1.0)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
    status, out, err = ended(process, 20)
    assert time.monotonic() - begun < ENDED_WITHIN
    assert status == 1 and "Traceback" not in err
    submits = studio.emulator.count("submit")
    studio.emulator.clear_faults()
    if step in ("poll", "download"):
        assert "run the same command again" in out
    status, _, err = ended(studio.command())
    assert status == 0, err
    uncertain = submits if step == "submit" else 0
    assert studio.emulator.count("submit") == 20 + uncertain


@POSIX
def test_ctrl_c_ends_a_collection_at_once_although_the_service_hangs(studio) -> None:
    leave_open(studio, ["[slow 0.2] a"])
    studio.emulator.add(Fault("poll", "hang", seconds=30))
    polls = studio.emulator.count("poll")
    process = studio.command("collect")
    studio.wait_until(lambda: studio.emulator.count("poll") > polls)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    status, _, err = ended(process, 20)
    assert time.monotonic() - begun < ENDED_WITHIN
    assert status == 1 and "Traceback" not in err


# Collecting


def leave_open(studio: Any, prompts: list[str]) -> None:
    """Tasks that are paid and not collected, because their process was killed."""
    studio.furnish(prompts)
    process = studio.command("--concurrency", "12")
    studio.wait_until(lambda: studio.emulator.count("poll") >= len(prompts))
    killed(process)
    studio.wait_until(lambda: studio.emulator.open == 0)
    assert not made_files(output(studio))


SLOW = [f"[slow 0.8] prompt {number}" for number in range(5)]


def test_collect_fetches_what_a_killed_process_left(studio) -> None:
    leave_open(studio, SLOW)
    status, _, err = ended(studio.command("collect"))
    assert status == 0, err
    assert len(made_files(output(studio))) == 5
    assert_whole(studio, output(studio))
    status, _, err = ended(studio.command())
    assert (status, studio.emulator.count("submit")) == (0, 5), err


def test_collect_fetches_again_what_was_lost_with_the_output_folder(studio) -> None:
    studio.furnish(["a", "b", "c"])
    assert ended(studio.command())[0] == 0
    shutil.rmtree(output(studio))
    status, _, err = ended(studio.command("collect"))
    assert status == 0, err
    assert len(made_files(output(studio))) == 3
    assert_whole(studio, output(studio))
    assert studio.emulator.count("submit") == 3


@pytest.mark.parametrize("damage", ["overwritten", "cut", "emptied", "deleted"])
def test_collect_fetches_what_is_paid_after_the_ledger_was_damaged(studio, damage: str) -> None:
    leave_open(studio, SLOW)
    ledger = studio.folder / ".grsai" / "ledger.sqlite3"
    with closing(sqlite3.connect(ledger)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = ledger.read_bytes()
    for ending in ("-wal", "-shm"):
        ledger.with_name(ledger.name + ending).unlink(missing_ok=True)
    if damage == "overwritten":
        ledger.write_bytes(b"\x13" * len(content))
    elif damage == "cut":
        ledger.write_bytes(content[:5000])
    elif damage == "emptied":
        ledger.write_bytes(b"")
    else:
        ledger.unlink()
    status, _, err = ended(studio.command("collect"))
    assert status == 0, err
    assert len(made_files(output(studio))) == 5
    assert_whole(studio, output(studio))
    if damage in ("overwritten", "cut"):
        (aside,) = ledger.parent.glob("*.damaged-*.sqlite3")
        assert aside.stat().st_size, "a damaged ledger is set aside as it was"
    status, _, err = ended(studio.command())
    assert (status, studio.emulator.count("submit")) == (0, 5), err


def test_a_batch_with_a_damaged_ledger_says_so_and_pays_nothing_again(studio) -> None:
    studio.furnish(["a", "b"])
    assert ended(studio.command())[0] == 0
    ledger = studio.folder / ".grsai" / "ledger.sqlite3"
    ledger.write_bytes(b"no ledger any more" * 500)
    status, _, err = ended(studio.command())
    assert status == 0
    assert "The ledger was damaged" in err and ".damaged-" in err
    assert studio.emulator.count("submit") == 2


# Full, read-only, locked


@POSIX
def test_a_disk_that_is_full_is_a_clear_error_and_what_is_paid_is_fetched_later(tmp_path: Path, photos, Studio) -> None:
    with Emulator(seconds=0.1) as emulator:  # real pictures: more than a megabyte each
        studio = Studio(emulator, tmp_path)
        studio.furnish(["a", "b", "c", "d", "e", "f"], photos[:1])
        status, out, err = ended(studio.command("800000", "--concurrency", "2", program=("-c", LIMITED)))
        assert status == 1
        said = out + err
        assert "cannot be written" in said and "Free space or choose another output folder" in said
        assert "is paid: run again, or collect within 2 hours" in said
        assert 1 <= emulator.count("submit") <= 4, "nothing more is paid once a picture could not be stored"
        assert_whole(studio, output(studio))
        assert not list(output(studio).glob(".*.part"))
        paid = emulator.count("submit")
        assert len(made_files(output(studio))) < paid
        status, _, err = ended(studio.command("collect"))
        assert status == 0, err
        assert len(made_files(output(studio))) == paid
        status, _, err = ended(studio.command())
        assert status == 0, err
        assert emulator.count("submit") == 6
        assert_whole(studio, output(studio))
        assert assert_paid_once(studio, 6) == 0


@POSIX
@pytest.mark.parametrize("limit", [60_000, 150_000])
def test_a_ledger_that_cannot_grow_is_a_clear_error_and_loses_nothing(studio, limit: int) -> None:
    studio.emulator.seconds = 0.3
    studio.furnish([f"prompt {number} {'x' * 2000}" for number in range(20)])
    status, out, err = ended(studio.command(str(limit), "--concurrency", "3", program=("-c", LIMITED)))
    assert status in (1, 2)
    assert "cannot be used" in out + err and "Traceback" not in err
    paid = {task.prompt for task in studio.emulator.tasks.values()}
    assert len(paid) < 20
    status, _, err = ended(studio.command())
    assert status == 0, err
    tasks = Counter(task.prompt for task in studio.emulator.tasks.values())
    assert len(tasks) == 20
    lost = sum(tasks.values()) - 20
    assert lost == 0, "what was paid while the ledger could not be written stands in the journal"
    assert_whole(studio, output(studio))


@pytest.mark.parametrize("name", ["a file/inside", "a file"])
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_sent(studio, name: str) -> None:
    studio.furnish(["a"])
    (studio.folder / "a file").write_text("in the way")
    status, out, err = ended(studio.command("--output", name))
    assert status == 2
    assert "cannot be written" in err and "choose another output folder" in err and "Traceback" not in err
    assert not studio.emulator.received


def test_a_ledger_that_cannot_be_made_is_refused_before_anything_is_sent(studio) -> None:
    studio.furnish(["a"])
    (studio.folder / "a file").write_text("in the way")
    status, _, err = ended(studio.command("--ledger", "a file/ledger.sqlite3"))
    assert status == 2
    assert "ledger" in err and "cannot be used" in err and "Traceback" not in err
    assert not studio.emulator.received


@pytest.mark.full  # the command waits ten seconds for whoever holds the ledger
def test_a_ledger_that_another_program_holds_is_refused_before_anything_is_sent(studio) -> None:
    studio.furnish(["a"])
    ledger_of(studio).close()
    with closing(sqlite3.connect(studio.folder / ".grsai" / "ledger.sqlite3", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        status, _, err = ended(studio.command())
        other.execute("ROLLBACK")
    assert status == 2
    assert "is locked by another program. Close it and run again." in err and "Traceback" not in err
    assert not studio.emulator.received
