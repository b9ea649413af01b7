"""How close a batch comes to what the service allows."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import child
from .figure import Figure
from .schedule import list_schedule
from .service import Service, service
from .sources import different, durations, prompt

UPLOAD_SECONDS = 0.15
Work = list[tuple[Path | None, str]]


def batch(folder: Path) -> list[Figure]:
    """40 jobs at concurrency 5, and the same ones by the original's way at the same time."""
    seconds = durations(40, seed=40)
    work = list(zip(different(folder / "photos", 40), map(prompt, seconds), strict=True))
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda way: way(work, folder), (_ours, _originals))
    limit = list_schedule([each + UPLOAD_SECONDS for each in seconds], 5)
    what = "batch time, 40 jobs, concurrency 5"
    return [
        Figure(what, "list schedule", ours / limit, 1.02, made_of=f"{ours:.2f} s against {limit:.2f} s"),
        Figure(what, "the original's way", ours / theirs, 1.0, made_of=f"{ours:.2f} s against {theirs:.2f} s"),
    ]


def headline(folder: Path) -> list[Figure]:
    """10 pictures, 5 at once; three draws of durations, side by side."""
    draws = [durations(10, seed=seed) for seed in (1, 2, 3)]
    with ThreadPoolExecutor(len(draws)) as pool:
        took = list(pool.map(lambda draw: _timed(_work(folder, draw), folder / str(draw[0]), 5), draws))
    serial = sum(map(sum, draws)) + 30 * UPLOAD_SECONDS
    limit = sum(list_schedule([each + UPLOAD_SECONDS for each in draw], 5) for draw in draws)
    made_of = f"{sum(took):.2f} s against {serial:.2f} s; a list schedule takes {limit / serial:.3f} ×"
    return [Figure("10 pictures, 5 at once (three draws)", "one after another", sum(took) / serial, 0.25, made_of=made_of)]


def many(folder: Path) -> list[Figure]:
    """500 jobs, 4 photos × 125 prompts, at concurrency 100. The schedule is not given the uploads."""
    work: Work = [(photo, "make it red") for photo in different(folder / "photos", 4) for _ in range(125)]
    with service(seconds="2.2:6.2", upload_seconds=UPLOAD_SECONDS) as emulator:
        run = _run(emulator, work, folder, 100)
        limit = list_schedule(_in_order(emulator, run), 100)
    cpu = 1000 * (run["cpu"] - run["pictures_cpu"]) / len(work)
    what = "500 jobs at concurrency 100, 1K pictures"
    made_of = f"{1000 * run['cpu'] / len(work):.1f} ms with decoding"
    return [
        Figure(what, "list schedule", run["seconds"] / limit, 1.06, made_of=f"{run['seconds']:.2f} s against {limit:.2f} s"),
        Figure("CPU of each of the 500 jobs", "beside encoding and decoding", cpu, 25.0, "ms", made_of=made_of),
    ]


def limit(folder: Path) -> list[Figure]:
    """80 jobs at a service that has 8 tasks open at most, with concurrency 50 and, at the same time, with 8."""
    work = _work(folder, durations(80, seed=80))
    with ThreadPoolExecutor(2) as pool:
        (knowing, _), (finding, refused) = pool.map(lambda concurrency: _at_most_8(work, folder, concurrency), (8, 50))
    what = "a batch set to 50, where the service takes 8"
    made_of = f"{finding:.2f} s against {knowing:.2f} s"
    return [
        Figure(what, "a limit of 8", finding / knowing, 1.15, made_of=made_of),
        Figure(
            what,
            "submits refused",
            100 * refused / (len(work) + refused),
            5.0,
            "%",
            made_of=f"{refused} of {len(work) + refused}",
        ),
    ]


def polls(folder: Path) -> list[Figure]:
    """100 open tasks of 40 s, from the first of them to the last."""
    with service(seconds="40:40", cheap=True) as emulator:
        _run(emulator, [(None, f"a red house {number}") for number in range(100)], folder, 100)
        emulator.read()
        notices, polled = emulator.notices(), emulator.count("poll")
    mean, each_second = sum(notices) / len(notices), 100 * 40
    return [
        Figure(
            "polls, 100 open tasks of 40 s", "one a second each", polled / each_second, 0.35, made_of=f"{polled} of {each_second}"
        ),
        Figure(
            "from a task's end to its notice", "mean of the same 100", mean, 1.0, "s", made_of=f"{max(notices):.2f} s at most"
        ),
    ]


def _work(folder: Path, seconds: Sequence[float]) -> Work:
    photos = different(folder / f"photos {len(seconds)} {seconds[0]}", len(seconds))
    return list(zip(photos, map(prompt, seconds), strict=True))


def _ours(work: Work, folder: Path) -> float:
    return _timed(work, folder / "ours", 5)


def _originals(work: Work, folder: Path) -> float:
    with service(upload_seconds=UPLOAD_SECONDS) as emulator:
        return child.run("original", url=emulator.url, folder=folder / "original", work=work, workers=5)["seconds"]


def _timed(work: Work, folder: Path, concurrency: int) -> float:
    with service(upload_seconds=UPLOAD_SECONDS) as emulator:
        return _run(emulator, work, folder, concurrency)["seconds"]


def _at_most_8(work: Work, folder: Path, concurrency: int) -> tuple[float, int]:
    """Seconds and refused submits."""
    with service(upload_seconds=UPLOAD_SECONDS, max_open=8) as emulator:
        run = _run(emulator, work, folder / str(concurrency), concurrency)
        return run["seconds"], emulator.read().count("submit", status=429)


def _run(emulator: Service, work: Work, folder: Path, concurrency: int) -> dict[str, Any]:
    run = child.run("batch", url=emulator.url, folder=folder, work=work, concurrency=concurrency)
    if run["made"] != len(work):
        raise RuntimeError(f"only {run['made']} of {len(work)} were made: {run['errors']}")
    return run


def _in_order(emulator: Service, run: dict[str, Any]) -> list[float]:
    """The seconds that the emulator gave to each job's task, in the order of the jobs."""
    tasks = emulator.read().tasks
    return [tasks[task].seconds for task in run["tasks"]]
