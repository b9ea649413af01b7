"""How cost grows with the number of jobs, what a run holds in memory, and what a second run costs."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import child
from .figure import Figure
from .service import Service, service
from .sources import different

COUNTS = (50, 200, 800)
CONCURRENCY = 50


def growth(folder: Path) -> list[Figure]:
    """50, 200 and 800 jobs without uploads, tasks of one length: time, CPU and memory of each."""
    runs = {count: _prompts_alone(folder / str(count), count) for count in COUNTS}
    waves = {count: count / CONCURRENCY for count in COUNTS}
    seconds = {count: run["seconds"] / waves[count] for count, run in runs.items()}
    cpu = {count: run["cpu"] / count for count, run in runs.items()}
    peaks = {count: run["peak"] for count, run in runs.items()}
    told = ", ".join(f"{count}: {seconds[count]:.2f} s, {1000 * cpu[count]:.1f} ms, {peaks[count]:.0f} MB" for count in COUNTS)
    return [
        Figure("time per job at 800, against 200 jobs", "linear", seconds[800] / seconds[200], 1.1, made_of=told),
        Figure("CPU per job at 800, against 200 jobs", "linear", cpu[800] / cpu[200], 1.1),
        Figure("peak memory at 800, above 200 jobs", "flat", peaks[800] - peaks[200], 15.0, "MB"),
    ]


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
    """The same 200 again, the original's durations scaled; then 40 of which one picture has changed."""
    with service(seconds="2.2:6.2", upload_seconds=0.15) as emulator:
        arguments = _command(emulator, folder, _photos(folder, 200))
        first = child.run("command", arguments=arguments)
        emulator.forget()
        second = child.run("command", arguments=arguments)
        requests = emulator.read().requests
    changed = _changed(folder / "changed")
    return [
        Figure("second run of an unchanged batch of 200", "the first", second["seconds"] / first["seconds"], 0.01,
               made_of=f"{second['seconds']:.2f} s against {first['seconds']:.2f} s"),
        Figure("requests of that second run", "none", requests, 0.0, ""),
        Figure("one changed picture in 40: uploads", "all 40", changed["upload"], 1.0, ""),
        Figure("one changed picture in 40: submits", "all 40", changed["submit"], 1.0, ""),
    ]  # fmt: skip


def _prompts_alone(folder: Path, count: int) -> dict[str, float]:
    work = [(None, f"a red house {number}") for number in range(count)]
    with service(seconds="2:2", cheap=True) as emulator:
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
