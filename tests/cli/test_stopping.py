"""Leaving while money is on its way, and what the last lines say of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from grsai.emulator import Fault
from tests.cli.shell import Shell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
DEAF = "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); from grsai.cli import main; sys.exit(main())"
COUNT = 30


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.01)


@pytest.fixture
def begin(shell: Shell):
    """Starts a batch of prompts, and waits until three submits are paid whose answers take `seconds` each."""
    processes: list[subprocess.Popen[str]] = []

    def start(seconds: float, *arguments: str, program: tuple[str, ...] = ("-m", "grsai")) -> subprocess.Popen[str]:
        shell.write("input/text/text.txt", "".join(f"p{number}\n" for number in range(COUNT)))
        (shell.folder / "input" / "image").rename(shell.folder / "input" / "none")
        process = shell.start("--concurrency", "6", *arguments, program=program)
        processes.append(process)
        wait_for(lambda: len(shell.emulator.tasks) >= 6)  # by then several go at once
        quick = len(shell.emulator.tasks)
        shell.emulator.add(Fault("submit", "slow_reply", seconds=seconds))
        wait_for(lambda: len(shell.emulator.tasks) >= quick + 4)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def said_first(process: subprocess.Popen[str]) -> str:
    """The first line after those of the pictures that were made."""
    assert process.stderr is not None
    return next(line for line in process.stderr if not line.startswith("["))


def paid_twice(shell: Shell) -> int:
    prompts = [task.prompt for task in shell.emulator.tasks.values()]
    return len(prompts) - len(set(prompts))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_stop_waits_for_the_answers_to_what_is_paid(shell: Shell, begin, name: str) -> None:
    process = begin(1.5)
    process.send_signal(getattr(signal, name))
    said = said_first(process)
    paid = len(shell.emulator.tasks)
    found = re.match(r"Stopping\. Nothing new is sent; (\d) paid requests wait for their answer, at most 15 s\.", said)
    assert found and 3 <= int(found[1]) <= 6, said
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err.count("Traceback"), len(shell.emulator.tasks)) == (1, 0, paid)
    assert "uncertain" not in out and "within 2 hours: nothing is paid for twice." in out
    assert 0 < int(out.partition("Paid and on their way: ")[2].partition(".")[0]) <= paid
    assert out.splitlines()[-1].startswith("Gallery: ")
    shell.emulator.clear_faults()
    assert shell.run("--concurrency", "6").status == 0
    assert paid_twice(shell) == 0


def test_a_second_signal_leaves_at_once_and_names_what_is_uncertain(begin) -> None:
    process = begin(30)
    process.send_signal(signal.SIGINT)
    waiting = int(re.findall(r"(\d+) paid requests", said_first(process))[0])
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, time.monotonic() - before < 5) == (1, True)
    assert err.splitlines()[-1].startswith("Left at once. Without an answer, and so perhaps charged: Task_")
    assert len(set(re.findall(r"Task_\d+_text", err.splitlines()[-1]))) == waiting >= 3


def test_what_got_no_answer_is_not_said_to_be_paid_once(begin) -> None:
    process = begin(40)
    process.send_signal(signal.SIGINT)
    waiting = int(re.findall(r"(\d+) paid requests", said_first(process))[0])
    out, _ = process.communicate(timeout=40)
    assert process.returncode == 1 and f"{waiting} uncertain, " in out
    assert "nothing is paid for twice" not in out
    assert "only what is uncertain may be paid for twice" in out


def test_a_signal_that_was_ignored_at_the_start_stays_ignored(begin) -> None:
    process = begin(0.3, program=("-c", DEAF))
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and f"{COUNT} of {COUNT} pictures made" in out


def test_a_stop_is_said_with_json_too(begin) -> None:
    process = begin(1.0, "--json")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1 and '"stopped"' in out and err.startswith("Stopping. Nothing new is sent; ")
