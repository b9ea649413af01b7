"""What a ledger of a million tasks costs: its start, the questions that a page asks, and making it again from its journal."""

from __future__ import annotations

import hashlib
import statistics
import time
from pathlib import Path
from typing import Any

from . import child
from .figure import Figure

TASKS = 1_000_000
_DAYS = 30  # so long ago the first of them was made


def ledger(folder: Path) -> list[Figure]:
    """The journal as the library writes it; the database is made from it, which is one of the figures."""
    path = folder / "ledger.sqlite3"
    _write_journal(path.with_suffix(".journal"), TASKS)
    again = child.run("ledger", path=path)
    asked = [child.run("ledger", path=path, ask=True) for _ in range(3)]
    middle = {name: statistics.median(each[name] for each in asked) for name in asked[0]}
    each = {place.suffix: place.stat().st_size / TASKS for place in (path, path.with_suffix(".journal"))}
    what, sizes = f"ledger of {TASKS:,} tasks", f"{each['.sqlite3']:.0f} and {each['.journal']:.0f} bytes a task"
    return [
        Figure(f"{what}: made again from its journal", "", again["opened"], 90.0, "s", made_of=sizes),
        Figure(f"{what}: memory while it is made again", "", again["peak"], 300.0, "MB"),
        Figure(f"{what}: start", "median of 3", middle["opened"], 0.5, "s"),
        Figure(f"{what}: first page of the history", "median of 3", middle["page"], 50.0, "ms"),
        Figure(f"{what}: counts", "median of 3", middle["counts"], 50.0, "ms"),
        Figure(f"{what}: open tasks", "median of 3", middle["open"], 50.0, "ms"),
        Figure(f"{what}: a text that is nowhere", "median of 3", middle["text"], 2_000.0, "ms"),
        Figure(f"{what}: 20,000 jobs looked up", "median of 3", middle["many"], 3.0, "s"),
    ]


def way(folder: Path) -> list[Figure]:
    """The steps of a task in the ledger, from its claim to its release, by 200 threads at once."""
    run = child.run("way", folder=folder, count=2_000, threads=200)
    return [
        Figure(
            "steps of a task in the ledger, 200 threads", "CPU", run["cpu"], 1.0, "ms", made_of=f"{run['wall']:.1f} ms of time"
        )
    ]


def _write_journal(path: Path, count: int) -> None:
    from grsai.ledger.journal import as_line

    begun = time.time() - _DAYS * 86400
    with open(path, "wb") as journal:
        for number in range(count):
            created = begun + number * (_DAYS - 1) * 86400 / count
            journal.write(as_line(_opened(number, created)) + as_line(_done(number, created)))


def _opened(number: int, created: float) -> dict[str, Any]:
    return {
        "service": "grsai", "task_id": _id(number), "fingerprint": fingerprint(number), "state": "open",
        "base_url": "https://grsaiapi.com", "model": "nano-banana-fast", "aspect_ratio": "auto", "credits": 440,
        "prompt": f"a photo of a street in the rain at night, soft light, 35 mm, number {number}", "created": created,
        "submitted": created + 0.4, "name": f"Task_{number}_photo {number}", "folder": "/home/user/batch_outputs",
        "api": "unified", "sources": f'["/home/user/input/image/photo {number}.jpg"]',
    }  # fmt: skip


def _done(number: int, created: float) -> dict[str, Any]:
    return {
        "service": "grsai", "task_id": _id(number), "state": "done", "finished": created + 40,
        "urls": f'["https://file.example/file/{number:032x}.png"]',
        "files": f'[["/home/user/batch_outputs/Task_{number}_photo {number}_1.png", 1234567]]',
    }  # fmt: skip


def _id(number: int) -> str:
    return f"14-{number:08x}-5c1f-4a4b-9d0c-2b1f0d9e7a11"


def fingerprint(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()
