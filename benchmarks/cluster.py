"""A batch over a Dask cluster: against one process, with ten thousand jobs, and with a worker that is killed."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import child
from .figure import Figure
from .service import ROOT, Service, service

OPEN = 200
WORKERS = ("one", "two", "three", "four")
_TICK_SECONDS = 0.5


@dataclass
class Cluster:
    """`dask scheduler` and plain `dask worker`s, as a user starts them."""

    folder: Path
    url: str
    address: str = ""
    scheduler: int = 0
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        options = ["--no-nanny", "--nthreads", "1", "--name", name, "--no-dashboard", "--memory-limit", "0"]
        options += ["--local-directory", str(self.folder / "scratch")]
        self.workers[name] = _dask("worker", self.address, *options, folder=self.folder, GRSAI_BASE_URL=self.url)

    def kill(self, name: str) -> None:
        self.workers[name].kill()
        self.workers[name].wait()


@contextlib.contextmanager
def cluster(folder: Path, url: str) -> Iterator[Cluster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    folder.mkdir(parents=True, exist_ok=True)
    options = ("--host", "127.0.0.1", "--port", port, "--no-dashboard", "--no-show")
    scheduler = _dask("scheduler", *options, folder=folder)
    running = Cluster(folder, url, f"tcp://127.0.0.1:{port}", scheduler.pid)
    try:
        for name in WORKERS:
            running.start(name)
        _wait_for_workers(running.address, len(WORKERS))
        yield running
    finally:
        for process in [*running.workers.values(), scheduler]:
            process.terminate()
        for process in [*running.workers.values(), scheduler]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


def against_one(folder: Path) -> list[Figure]:
    """2,000 jobs of 10 s, 200 open, on four workers; and the same in one process."""
    count = 2000
    with service(seconds="10:10", cheap=True, side=64) as emulator:
        alone = _command(folder / "alone", emulator, count)
    with service(seconds="10:10", cheap=True, side=64) as emulator, cluster(folder / "cluster", emulator.url) as running:
        spread = _command(folder / "spread", emulator, count, running)
        peak = emulator.read().peak_open
    what = f"{count:,} jobs of 10 s, {OPEN} open, on 4 workers"
    cpu = 1000 * (spread.cpu + spread.scheduler_cpu) / count
    return [
        Figure(what, "one process", spread.seconds / alone.seconds, 1.1,
               made_of=f"{spread.seconds:.1f} s against {alone.seconds:.1f} s; {peak} open at most"),
        Figure("the same: CPU a job", "command and scheduler", cpu, 12.0, "ms",
               made_of=f"{1000 * spread.cpu / count:.1f} and {1000 * spread.scheduler_cpu / count:.1f} ms"
               f"; alone {1000 * alone.cpu / count:.1f} ms"),
        Figure("the same: memory of the command", "growth after half of them", spread.grown("command", count // 2), 15.0, "MB",
               made_of=f"{spread.peak('command'):.0f} MB at most"),
    ]  # fmt: skip


def queued(folder: Path) -> list[Figure]:
    """10,000 jobs of 2 s at once."""
    count = 10_000
    with service(seconds="2:2", cheap=True, side=64) as emulator, cluster(folder / "cluster", emulator.url) as running:
        run = _command(folder / "run", emulator, count, running)
    what = f"{count:,} jobs queued at once: memory"
    return [
        Figure(what, f"growth of the {name} after the first 1,000", run.grown(name, 1000), 25.0, "MB",
               made_of=f"{run.at(name, 1000):.0f} MB then, {run.peak(name):.0f} MB at most; {run.seconds:.0f} s")
        for name in ("command", "scheduler")
    ]  # fmt: skip


def killed(folder: Path) -> list[Figure]:
    """2,000 jobs of 10 s, in which one of the four workers is killed three times; then the next run, for what was uncertain."""
    count, run = 2000, folder / "run"
    with (
        service(seconds="10:10", cheap=True, side=64) as emulator,
        cluster(folder / "cluster", emulator.url) as running,
        ThreadPoolExecutor(1) as pool,
    ):
        killing = pool.submit(_kill_thrice, running, run, count)
        first = _command(run, emulator, count, running, ends=(0, 1))
        under_way = killing.result(60)
        if first.status:
            _command(run, emulator, count, running)
        right = _right(run, emulator.read())
    uncertain = first.statuses["uncertain"]
    kinds = ", ".join(f"{number} {status}" for status, number in first.statuses.most_common())
    what = f"one of 4 workers killed 3 times in {count:,} jobs"
    return [
        Figure(what, "right pictures", float(right), float(count), "", at_least=True,
               made_of=f"{kinds}, {first.seconds:.0f} s; and the next run"),
        Figure(what, "paid twice", float(_paid_twice(run, emulator.url)), 0.0, ""),
        Figure(what, "uncertain, beyond the submits under way", float(max(uncertain - sum(under_way), 0)), 0.0, "",
               made_of=f"{uncertain} of {', '.join(map(str, under_way))}"),
    ]  # fmt: skip


@dataclass
class Run:
    """One run of the command: seconds, seconds of CPU, and MB in memory as its pictures were made."""

    status: int
    seconds: float
    cpu: float
    scheduler_cpu: float
    statuses: Counter[str]
    memory: list[tuple[int, float, float]] = field(default_factory=list)  # pictures made, MB of command and of scheduler

    def at(self, name: str, made: int) -> float:
        """MB when so many pictures were made."""
        return next(self._of(each, name) for each in self.memory if each[0] >= made)

    def peak(self, name: str) -> float:
        return max(self._of(each, name) for each in self.memory)

    def grown(self, name: str, made: int) -> float:
        return max(self._of(each, name) for each in self.memory if each[0] >= made) - self.at(name, made)

    @staticmethod
    def _of(tick: tuple[int, float, float], name: str) -> float:
        return tick[1] if name == "command" else tick[2]


def _command(folder: Path, emulator: Service, count: int, on: Cluster | None = None, *, ends: tuple[int, ...] = (0,)) -> Run:
    """The command in a process of its own, as a user starts it, looked at until its last picture is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prompts.txt").write_text("\n".join(f"a red house {number}" for number in range(count)), "utf-8")
    environment = child.environment(GRSAI_BASE_URL=emulator.url, GRSAI_HOME=str(folder / "home"))
    named = {"--prompts": folder / "prompts.txt", "--output": folder / "made", "--ledger": folder / "ledger.sqlite3"}
    words = [str(word) for option in named.items() for word in option] + ["--concurrency", str(OPEN), "--lang", "en"]
    words += ["--cluster", on.address] if on else []
    begun, before = time.perf_counter(), _cpu(on.scheduler) if on else 0.0
    ticks: list[tuple[int, float, float]] = []
    with open(folder / "said.txt", "wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "grsai", *words], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said
        )
        while (ended := _ended(process)) is None:
            if 0 < (made := _made(folder)) < count:
                ticks.append((made, _memory(process.pid), _memory(on.scheduler) if on else 0.0))
            time.sleep(_TICK_SECONDS)
    seconds, (status, cpu) = time.perf_counter() - begun, ended
    scheduler_cpu = _cpu(on.scheduler) - before if on else 0.0
    if status not in ends:
        raise RuntimeError(f"exit status {status}: {(folder / 'said.txt').read_text('utf-8')[-1000:]}")
    told = json.loads((folder / "made" / "report.json").read_text("utf-8"))["jobs"]
    return Run(status, seconds, cpu, scheduler_cpu, Counter(job["status"] for job in told), ticks)


def _made(folder: Path) -> int:
    """How many pictures are there."""
    try:
        with os.scandir(folder / "made") as there:
            return sum(each.name.startswith("Task_") for each in there)
    except OSError:
        return 0


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, float] | None:
    """Exit status and seconds of CPU of a process that has ended."""
    pid, status, used = os.wait4(process.pid, os.WNOHANG)
    if not pid:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """MB of a process that are in memory."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def _kill_thrice(running: Cluster, run: Path, count: int) -> list[int]:
    """Kills a worker when a quarter, a half, three quarters of the pictures are there, and starts it again.

    Returns how many requests were under way in the whole run each time, of all workers.
    """
    under_way = []
    for share in (1, 2, 3):
        while _made(run) < count * share // 4:
            time.sleep(_TICK_SECONDS)
        running.kill(WORKERS[share])
        with _ledger(run, running.url) as ledger:
            under_way.append(len(ledger.entries(state="submitting", limit=1000)))
        running.start(WORKERS[share])
    return under_way


def _right(run: Path, emulator: Service) -> int:
    """How many pictures stand in the report whose job is that of their task."""
    told = json.loads((run / "made" / "report.json").read_text("utf-8"))["jobs"]
    made = [job for job in told if job["file"] and (run / "made" / job["file"]).is_file()]
    return len({job["file"] for job in made if emulator.prompts.get(job["task_id"]) == job["prompt"]})


def _paid_twice(run: Path, url: str) -> int:
    """How many jobs have more than one task whose id is known."""
    with _ledger(run, url) as ledger:
        known = Counter(entry.prompt for entry in ledger.entries(limit=100_000) if entry.task_id and entry.state != "failed")
    return sum(times > 1 for times in known.values())


def _ledger(run: Path, url: str) -> Any:
    from grsai.ledger import Ledger, service_of

    return Ledger(run / "ledger.sqlite3", service=service_of(url))


def _dask(what: str, *options: str, folder: Path, **settings: str) -> subprocess.Popen[bytes]:
    with open(folder / f"{what}.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", *options],
            cwd=folder,
            env=child.environment(GRSAI_HOME=str(folder / "home"), **settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)
