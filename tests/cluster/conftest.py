"""A cluster as its users start one: `dask scheduler` and plain `dask worker`s, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grsai.emulator import Emulator
from tests.conftest import ROOT

WORKERS_KEY = "sk-" + "fedcba9876543210" * 2  # not the command's, by which it is seen whose is used


class Cluster:
    """A scheduler, and workers that are killed and started anew. What they log is in `folder`."""

    def __init__(self, folder: Path, base_url: str, *, key: str = WORKERS_KEY) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.scheduler: subprocess.Popen[bytes] | None = None
        self._settings = {"GRSAI_API_KEY": key, "GRSAI_BASE_URL": base_url, "GRSAI_HOME": str(folder / "home")}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"

    def start_scheduler(self) -> None:
        port = self.address.rpartition(":")[2]
        options = ["--host", "127.0.0.1", "--port", port, "--no-dashboard", "--no-show"]
        self.scheduler = self._start("scheduler", ["distributed.cli.dask_scheduler", *options], {})

    def start_worker(self, name: str, **settings: str) -> None:
        options = ["--no-nanny", "--nthreads", "1", "--name", name, "--no-dashboard", "--memory-limit", "0"]
        options += ["--local-directory", str(self.folder / "scratch")]
        known = {**self._settings, "PYTHONPATH": str(ROOT), **settings}
        self.workers[name] = self._start(name, ["distributed.cli.dask_worker", self.address, *options], known)

    def mend(self) -> None:
        """Scheduler and both workers are there, whatever a test has killed."""
        if self.scheduler is None:
            for name in list(self.workers):
                self.kill(name)
            self.start_scheduler()
        for name, process in list(self.workers.items()):
            if name not in ("one", "two") or process.poll() is not None:
                self.kill(name)
        for name in ("one", "two"):
            if name not in self.workers:
                self.start_worker(name)
        self.wait_for(2)

    def wait_for(self, count: int, seconds: float = 60.0) -> None:
        from distributed import Client

        with Client(self.address, timeout=seconds, set_as_default=False) as client:
            until = time.monotonic() + seconds
            while len(client.nthreads()) != count:
                assert time.monotonic() < until, "the workers do not come"
                time.sleep(0.1)

    def logs(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in self.folder.glob("*.log"))

    def kill(self, name: str) -> None:
        process = self.workers.pop(name)
        process.kill()
        process.wait()

    def kill_scheduler(self) -> None:
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()
        self.scheduler = None

    def close(self) -> None:
        for process in [*self.workers.values(), *([self.scheduler] if self.scheduler else [])]:
            process.terminate()
        for process in [*self.workers.values(), *([self.scheduler] if self.scheduler else [])]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
            process.wait()

    def _start(self, name: str, command: list[str], settings: dict[str, str]) -> subprocess.Popen[bytes]:
        kept = {each: value for each, value in os.environ.items() if not each.startswith("GRSAI_") and each != "PYTHONPATH"}
        with open(self.folder / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.folder,
                env={**kept, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emulator, Cluster]]:
    """They take seconds to start, so the tests of a file share them."""
    pytest.importorskip("distributed")
    with Emulator(seconds=0.05, render=False) as emulator:
        cluster = Cluster(tmp_path_factory.mktemp("cluster") / "here", emulator.url)
        try:
            cluster.mend()
            yield emulator, cluster
        finally:
            cluster.close()
        assert not emulator.leaks


@pytest.fixture
def emulator(running: tuple[Emulator, Cluster]) -> Emulator:
    emulator = running[0]
    emulator.reset()
    emulator.clear_faults()
    emulator.seconds = 0.05
    return emulator


@pytest.fixture
def cluster(running: tuple[Emulator, Cluster]) -> Cluster:
    """A scheduler with two workers, "one" and "two"."""
    running[1].mend()
    return running[1]
