"""The ledger's journal: one plain line for everything that happened to a paid task. It survives a damaged database."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any

Facts = dict[str, Any]


class Journal:
    """A file of JSON lines. Processes may append to it at once; a line that was cut short does not count."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def append(self, facts: Facts) -> None:
        """Returns when the line is safe on disk. Raises OSError."""
        line = json.dumps(facts).encode() + b"\n"
        with self._lock, open(self.path, "ab+", buffering=0) as file:
            if _is_cut(file):  # by a full disk
                line = b"\n" + line
            if file.write(line) != len(line):
                raise OSError("the disk is full")
            os.fsync(file.fileno())

    def read(self, last_bytes: int | None = None) -> list[Facts]:
        """What it says last of each task, oldest task first; of its end only if `last_bytes` is given."""
        found: dict[str, Facts] = {}
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            if last_bytes is not None:
                file.seek(max(file.seek(0, os.SEEK_END) - last_bytes, 0))
            for line in file:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    facts = json.loads(line)
                    found[facts["task_id"]] = facts
        return list(found.values())


def _is_cut(file: Any) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"
