"""How cost grows with the number of jobs, what a run holds in memory, and what a second run costs."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import child
from .figure import Figure
from .service import Service, service
from .sources import different

COUNTS = (50, 200, 800)
CONCURRENCY = 10


def growth(folder: Path) -> list[Figure]:
    """50, 200 and 800 jobs without uploads, tasks of one second, side by side: time, CPU and memory of each."""
    with ThreadPoolExecutor(len(COUNTS)) as pool:
        runs = list(pool.map(lambda count: _prompts_alone(folder / str(count), count), COUNTS))
    seconds = [1000 * run["seconds"] / count for run, count in zip(runs, COUNTS, strict=True)]
    cpu = [1000 * run["cpu"] / count for run, count in zip(runs, COUNTS, strict=True)]
    peaks = [run["peak"] for run in runs]
    what, linear, flat = "50, 200 and 800 jobs", "linear, farthest from that of 200", "flat, largest above smallest"
    return [
        Figure(f"{what}: time per job", linear, _apart(seconds), 10.0, "%", made_of=_told(seconds, "ms")),
        Figure(f"{what}: CPU per job", linear, _apart(cpu), 10.0, "%", made_of=_told(cpu, "ms")),
        Figure(f"{what}: peak memory", flat, max(peaks) - min(peaks), 15.0, "MB", made_of=_told(peaks, "MB")),
    ]


def _apart(values: Sequence[float]) -> float:
    """How far the other values are from the middle one, in percent of it."""
    middle = values[len(values) // 2]
    return max(100 * abs(each / middle - 1) for each in values)


def _told(values: Sequence[float], unit: str) -> str:
    return f"{', '.join(f'{each:.1f}' for each in values)} {unit}"


def memory(folder: Path) -> list[Figure]:
    """The command, 200 pictures of 1K from 200 photos."""
    with service(seconds="0.2:0.4") as emulator:
        warm = _command(emulator, folder / "warm", _photos(folder / "warm", 1))
        run = child.run("command", arguments=_command(emulator, folder / "run", _photos(folder / "run", 200)), warm_up=warm)
    return [
        Figure(
            "peak memory, command, 200 × 1K",
            "above an idle start",
            run["peak"] - run["idle"],
            150.0,
            "MB",
            made_of=f"{run['peak']:.0f} MB",
        )
    ]


def again(folder: Path) -> list[Figure]:
    """The same 200 again, three times, the original's durations scaled; then 40 of which one picture has changed."""
    with service(seconds="2.2:6.2", upload_seconds=0.15) as emulator:
        arguments = _command(emulator, folder, _photos(folder, 200))
        first = child.run("command", arguments=arguments)
        emulator.forget()
        later = [child.run("command", arguments=arguments)["seconds"] for _ in range(3)]
        requests = emulator.read().requests
    changed = _changed(folder / "changed")
    return [
        Figure("second run of an unchanged batch of 200", "the first", statistics.median(later) / first["seconds"], 0.01,
               made_of=f"median of {', '.join(f'{each:.2f}' for each in later)} s against {first['seconds']:.2f} s"),
        Figure("requests of three such runs", "none", requests, 0.0, ""),
        Figure("one changed picture in 40: uploads", "all 40", changed["upload"], 1.0, ""),
        Figure("one changed picture in 40: submits", "all 40", changed["submit"], 1.0, ""),
    ]  # fmt: skip


def _prompts_alone(folder: Path, count: int) -> dict[str, float]:
    work = [(None, f"a red house {number}") for number in range(count)]
    with service(seconds="1:1", cheap=True) as emulator:
        return child.run("batch", url=emulator.url, folder=folder, work=work, concurrency=CONCURRENCY)


def _changed(folder: Path) -> dict[str, int]:
    with service(seconds="0.2:0.4") as emulator:
        photos = _photos(folder, 40)
        arguments = _command(emulator, folder, photos)
        child.run("command", arguments=arguments)
        emulator.forget()
        shutil.copyfile(different(folder / "other", 41)[40], sorted(photos.iterdir())[7])
        child.run("command", arguments=arguments)
        seen = emulator.read()
        return {step: seen.count(step) for step in ("upload", "submit")}


def _photos(folder: Path, count: int) -> Path:
    different(folder / "photos", count)
    return folder / "photos"


def _command(emulator: Service, folder: Path, photos: Path) -> list[str]:
    prompts = folder / "prompts.txt"
    prompts.write_text("make it red\n", "utf-8")
    options = {"--images": photos, "--prompts": prompts, "--output": folder / "out", "--ledger": folder / "ledger.sqlite3"}
    named = [str(word) for option in options.items() for word in option]
    return [*named, "--base-url", emulator.url, "--concurrency", "10", "--json"]
