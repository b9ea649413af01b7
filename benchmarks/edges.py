"""Where a run is at its limits: many tiny tasks, refusals, large pictures, and all that is not the making of pictures."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from . import child
from .figure import Figure
from .schedule import list_schedule
from .service import ROOT, Service, service

THREADS = 200


def twenty(folder: Path) -> list[Figure]:
    """20 jobs of 2 to 6 s, 5 at once: the batch, and the whole command around it."""
    draw = random.Random(20)
    seconds = [round(draw.uniform(2.0, 6.0), 2) for _ in range(20)]
    prompts = folder / "prompts.txt"
    prompts.write_text("\n".join(f"a red house {number} [slow {each}]" for number, each in enumerate(seconds)), "utf-8")
    limit = list_schedule(seconds, 5)
    with service() as emulator:
        begun = time.perf_counter()
        _command(folder, emulator, "--prompts", str(prompts))
        whole = time.perf_counter() - begun
        emulator.read()
        tasks, polled = list(emulator.tasks.values()), emulator.count("poll")
        batch = emulator.last_download - min(task.created for task in tasks)
    made_of = f"{batch:.2f} s against {limit:.2f} s"
    beside = f"{whole:.2f} s in all, {batch:.2f} s from the first submit to the last picture"
    what = "20 jobs of 2 to 6 s, 5 at once"
    return [
        Figure(what, "list schedule", batch / limit, 1.01, made_of=made_of),
        Figure(what, "polls a job", polled / len(tasks), 6.0, "", made_of=f"{polled} of {len(tasks)}"),
        Figure("the whole command beside that batch", "start, plan, report, gallery", whole - batch, 0.5, "s", made_of=beside),
    ]


def tiny(folder: Path) -> list[Figure]:
    """1,000 tasks of 0.05 to 0.1 s, 200 at once, against a plain pool of 200 threads that streams; and the same once more."""
    work: list[tuple[str | None, str]] = [(None, f"a red house {number}") for number in range(1000)]
    with service(seconds="0.05:0.1", cheap=True) as emulator:
        prompts_alone = [prompt for _, prompt in work]
        plain = child.run("plain", url=emulator.url, folder=folder / "plain", prompts=prompts_alone, threads=THREADS)
    prompts = folder / "prompts.txt"
    prompts.write_text("\n".join(prompt for _, prompt in work), "utf-8")
    with service(seconds="0.05:0.1", cheap=True) as emulator:
        ours = child.run("batch", url=emulator.url, folder=folder / "ours", work=work, concurrency=THREADS)
        _command(folder, emulator, "--prompts", str(prompts), "--concurrency", str(THREADS))
        begun = time.perf_counter()
        _command(folder, emulator, "--prompts", str(prompts), "--concurrency", str(THREADS))
        again = time.perf_counter() - begun
    what, other = "1,000 tasks of 0.05 to 0.1 s, 200 at once", "a plain pool of 200 threads"
    made_of = f"{ours['seconds']:.2f} s against {plain['seconds']:.2f} s"
    cpu = f"{ours['cpu']:.2f} s against {plain['cpu']:.2f} s"
    return [
        Figure(what, other, ours["seconds"] / plain["seconds"], 1.3, made_of=made_of),
        Figure(f"{what}: CPU", other, ours["cpu"] / plain["cpu"], 1.4, made_of=cpu),
        Figure("the second run of these 1,000", "the whole command", again, 0.8, "s"),
    ]


def refused(folder: Path) -> list[Figure]:
    """20 tasks of 0.5 to 1.5 s, 5 at once, where a random fifth of the submits is refused for 1 s; the mean of five draws."""
    took = [_refused(folder / str(seed), seed) for seed in range(1, 6)]
    what, made_of = "429 for a fifth of the submits, Retry-After: 1", ", ".join(f"{each:.1f}" for each in took) + " s"
    return [Figure(what, "20 tasks, 5 at once", sum(took) / len(took), 12.0, "s", made_of=made_of)]


def large(folder: Path) -> list[Figure]:
    """50 results of 4K that arrive together."""
    work: list[tuple[str | None, str]] = [(None, f"a red house {number}") for number in range(50)]
    with service(seconds="3:3") as emulator:
        run = child.run("batch", url=emulator.url, folder=folder, work=work, concurrency=50, model="nano-banana-2", size="4K")
    made_of = f"{run['made']} made in {run['seconds']:.0f} s, {run['idle']:.0f} MB before"
    return [Figure("50 pictures of 4K that arrive together", "peak memory", run["peak"], 700.0, "MB", made_of=made_of)]


def twenty_thousand(folder: Path) -> list[Figure]:
    """20,000 jobs in one run of the command, and the same once more."""
    prompts = folder / "prompts.txt"
    prompts.write_text("\n".join(f"a red house {number}" for number in range(20_000)), "utf-8")
    with service(seconds="0.01:0.02", cheap=True, side=64) as emulator:
        first = _command(folder, emulator, "--prompts", str(prompts), "--concurrency", "50")
        second = _command(folder, emulator, "--prompts", str(prompts), "--concurrency", "50")
    return [
        Figure("20,000 jobs in one run", "peak memory", first["peak"], 200.0, "MB", made_of=f"{first['seconds']:.0f} s"),
        Figure("the second run of these 20,000", "the whole command", second["seconds"], 12.0, "s"),
    ]


def _refused(folder: Path, seed: int) -> float:
    work: list[tuple[str | None, str]] = [(None, f"a red house {number}") for number in range(20)]
    with service(seconds="0.5:1.5", cheap=True, seed=seed, fault="submit:http_429_retry_after:0.2") as emulator:
        return child.run("batch", url=emulator.url, folder=folder, work=work, concurrency=5)["seconds"]


def _command(folder: Path, emulator: Service, *arguments: str) -> dict[str, Any]:
    """The command in a process of its own, as a user starts it: seconds, and MB at its peak."""
    environment = child.environment(GRSAI_BASE_URL=emulator.url, GRSAI_HOME=str(folder / "home"))
    command = [sys.executable, "-m", "grsai", *arguments, "--output", str(folder / "made"), "--lang", "en"]
    begun = time.perf_counter()
    with open(folder / "said.txt", "wb") as said:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said)
    status, peak = child.ended(process)
    if status:
        raise RuntimeError(f"exit status {status}: {(folder / 'said.txt').read_bytes()[-1000:]!r}")
    return {"seconds": time.perf_counter() - begun, "peak": peak}
