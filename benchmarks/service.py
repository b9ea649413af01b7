"""The emulator in a process of its own, so that its work is not counted as the engine's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PLENTY = 10**9  # credits


@dataclass(frozen=True)
class Task:
    """One generation as the emulator recorded it: seconds since 1970, and how long it was to take."""

    id: str
    created: float
    seconds: float
    polls: int

    @property
    def finished(self) -> float:
        return self.created + self.seconds


@dataclass
class Service:
    """A running emulator."""

    url: str
    _record: dict[str, Any] = field(default_factory=dict)

    def read(self) -> Service:
        """Fetches the record of everything so far."""
        with urllib.request.urlopen(f"{self.url}/emulator/record", timeout=30) as reply:
            self._record = json.load(reply)
        return self

    def forget(self) -> None:
        """Empties the record; tasks and uploads are forgotten, too."""
        with urllib.request.urlopen(f"{self.url}/emulator/reset", data=b"", timeout=30):
            pass

    @property
    def requests(self) -> int:
        return sum(self._record["counts"].values())

    def count(self, step: str, *, status: int | None = None) -> int:
        return sum(seen["step"] == step and status in (None, seen["status"]) for seen in self._record["received"])

    @property
    def tasks(self) -> dict[str, Task]:
        return {row["id"]: Task(row["id"], row["created"], row["seconds"], row["polls"]) for row in self._record["tasks"]}

    @property
    def prompts(self) -> dict[str, str]:
        """Of each task."""
        return {row["id"]: row["prompt"] for row in self._record["tasks"]}

    @property
    def peak_open(self) -> int:
        return self._record["peak_open"]

    @property
    def last_download(self) -> float:
        """When the last picture was asked for, in seconds since 1970."""
        return max(seen["time"] for seen in self._record["received"] if seen["step"] == "download")

    def notices(self) -> list[float]:
        """Seconds from the end of each task to the first poll that could tell of it."""
        polls: dict[str, list[float]] = {}
        for seen in self._record["received"]:
            if seen["step"] == "poll":
                polls.setdefault(seen["task_id"], []).append(seen["time"])
        told = ((task, [at for at in polls.get(task.id, ()) if at >= task.finished]) for task in self.tasks.values())
        return [min(after) - task.finished for task, after in told if after]


@contextmanager
def service(**options: Any) -> Iterator[Service]:
    """An emulator with the options of its command: `upload_seconds=0.15` is `--upload-seconds 0.15`; True stands alone."""
    command = [sys.executable, "-m", "grsai.emulator", "--credits", str(PLENTY)]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stdout is not None
    try:
        yield Service(process.stdout.readline().split()[-1])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def settled() -> None:
    """Lets what the last line left behind (sockets, write-back) pass before the next one begins."""
    time.sleep(0.5)
