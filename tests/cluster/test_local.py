"""Workers that the command starts itself, and what is said where a cluster cannot be had."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from grsai.emulator import Emulator
from tests.cluster.test_killed import ended

POSIX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes in /proc")
WITHOUT_DASK = """
import sys
sys.modules["distributed"] = None
from grsai.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(seconds=0.05, render=False) as emulator:
        yield emulator


def processes_of(folder: Path) -> list[int]:
    """Those that were started with this home, and live."""
    mark = f"GRSAI_HOME={folder / 'home'}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
        except OSError:
            continue
    return found


@POSIX
def test_workers_are_started_here_and_end_with_the_command(studio) -> None:
    pytest.importorskip("distributed")
    studio.emulator.seconds = 0.5
    studio.furnish([f"prompt {number}" for number in range(6)])
    process = studio.command("--cluster", "local:2", "--concurrency", "4", "--json")
    status, jobs, err = ended(process)
    assert status == 0, err
    assert {job["worker"] for job in jobs} == {"worker-0", "worker-1"} and len(studio.emulator.tasks) == 6
    studio.wait_until(lambda: not processes_of(studio.folder), seconds=20)


@POSIX
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl+C", "killed"])
def test_workers_end_with_a_command_that_is_stopped(studio, how: signal.Signals) -> None:
    pytest.importorskip("distributed")
    studio.emulator.seconds = 8.0
    studio.furnish([f"prompt {number}" for number in range(6)])
    process = studio.command("--cluster", "local:2", "--concurrency", "4", "--json")
    studio.wait_until(lambda: len(studio.emulator.tasks) == 4, seconds=90)
    process.send_signal(how)
    assert ended(process, 40)[0] == (1 if how == signal.SIGINT else -signal.SIGKILL)
    studio.wait_until(lambda: not processes_of(studio.folder), seconds=40)
    studio.emulator.seconds = 0.1
    assert ended(studio.command("--json"))[0] == 0, "the engine alone goes on, too"
    assert len(studio.emulator.tasks) == 6


def test_without_dask_one_sentence_says_what_to_install(studio) -> None:
    studio.furnish(["prompt"])
    process = studio.command("--cluster", "local:2", program=("-c", WITHOUT_DASK))
    status, _, err = ended(process)
    assert status == 2 and 'pip install "psycopg[binary]" distributed' in err and "Traceback" not in err
    assert not studio.emulator.tasks


def test_a_scheduler_that_does_not_answer_is_one_sentence(studio) -> None:
    pytest.importorskip("distributed")
    studio.furnish(["prompt"])
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
    status, _, err = ended(studio.command("--cluster", address))
    assert status == 2 and "No scheduler answers" in err and address in err and "Traceback" not in err
    assert len(err.strip().splitlines()) <= 2


def test_tls_without_certificates_is_one_sentence(studio) -> None:
    pytest.importorskip("distributed")
    studio.furnish(["prompt"])
    status, _, err = ended(studio.command("--cluster", "tls://198.51.100.7:8786"))
    assert status == 2 and "needs certificates" in err and "Traceback" not in err
