"""What is measured in a process of its own: `run("batch", …)` here, `python -m benchmarks.child` there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .service import ROOT

if TYPE_CHECKING:
    from grsai.jobs import Job, Outcome
    from grsai.settings import Settings

KEY = "sk-" + "0123456789abcdef" * 2


def run(what: str, *, python: str = sys.executable, **given: Any) -> dict[str, Any]:
    """The figures that a fresh process measured. Raises RuntimeError with what it said if it failed."""
    asked = json.dumps({"what": what, **given}, default=str)
    command = [python, "-m", "benchmarks.child"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, encoding="utf-8", env=environment(), cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{what} failed:\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def environment(**more: str) -> dict[str, str]:
    """Of a process that finds the library, and a key made up for the emulator."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRSAI_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "GRSAI_API_KEY": KEY, **more}


def ended(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """The exit status of a process, and the most MB of it that were ever in memory; 0 where the system does not tell.

    What `wait4` tells of it holds the memory of this process, too, from before the other program was loaded."""
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _memory("VmHWM:", "peak_wset", process.pid))
        time.sleep(0.05)
    return process.returncode, peak


def batch(
    url: str,
    folder: str,
    work: list[tuple[str | None, str]],
    concurrency: int,
    limit: int | None = None,
    model: str = "nano-banana-fast",
    size: str | None = None,
) -> dict[str, Any]:
    """One run of the engine over photos and prompts."""
    from grsai import engine
    from grsai.cli.batch import keep_memory_flat
    from grsai.ledger import Ledger, service_of

    keep_memory_flat()
    settings, place = _settings(url, limit), Path(folder)
    jobs, idle = _jobs(work, settings, model, size), memory()
    with Ledger(place / "ledger.sqlite3", service=service_of(url)) as ledger:
        begun, cpu = time.perf_counter(), time.process_time()
        outcomes = engine.run(jobs, settings=settings, ledger=ledger, output=place / "pictures", concurrency=concurrency)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {
        "seconds": seconds,
        "cpu": cpu,
        "idle": idle,
        "peak": peak_memory(),
        "pictures_cpu": _pictures_cpu(jobs, outcomes),
        "made": sum(outcome.status == "succeeded" for outcome in outcomes),
        "errors": sorted({str(outcome.error) for outcome in outcomes if outcome.error})[:3],
        "tasks": [outcome.task_id for outcome in outcomes],
    }


def command(arguments: list[str], warm_up: list[str] | None = None) -> dict[str, Any]:
    """The command, as a user starts it; `warm_up` are the arguments of a first, uncounted one in the same process."""
    import contextlib
    import io

    from grsai import cli

    os.environ["GRSAI_API_KEY"] = KEY
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        if warm_up:
            cli.main(warm_up)
        idle, begun, cpu = memory(), time.perf_counter(), time.process_time()
        status = cli.main(arguments)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    if status:
        raise RuntimeError(f"exit status {status}: {said.getvalue()[-1000:]}")
    return {"seconds": seconds, "cpu": cpu, "idle": idle, "peak": peak_memory()}


def original(url: str, folder: str, work: list[tuple[str, str]], workers: int) -> dict[str, Any]:
    """The same by the original tool's way."""
    from . import original

    begun = time.perf_counter()
    original.run(url, KEY, [(Path(photo), prompt) for photo, prompt in work], workers=workers, output=Path(folder))
    return {"seconds": time.perf_counter() - begun}


def plain(url: str, folder: str, prompts: list[str], threads: int) -> dict[str, Any]:
    """A plain pool of threads, each holding the stream until its picture is done."""
    from . import original

    Path(folder).mkdir(parents=True)
    begun, cpu = time.perf_counter(), time.process_time()
    original.run_without_pictures(url, KEY, prompts, workers=threads, output=Path(folder))
    return {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}


def ledger(path: str, ask: bool = False) -> dict[str, Any]:
    """Opens a ledger and asks it what a page asks: seconds of the opening, milliseconds of the answers."""
    from grsai.ledger import Ledger

    from .ledger import fingerprint

    def taken(question: Callable[[], object]) -> float:
        begun = time.perf_counter()
        question()
        return time.perf_counter() - begun

    begun = time.perf_counter()
    with Ledger(path) as ledger:
        found = {"opened": time.perf_counter() - begun, "peak": peak_memory()}
        if ask:
            found |= {
                "page": 1000 * taken(ledger.entries),
                "counts": 1000 * taken(ledger.counts),
                "open": 1000 * taken(ledger.open_entries),
                "text": 1000 * taken(lambda: ledger.entries(text="a text that is nowhere")),
                "many": taken(lambda: ledger.tries_many([fingerprint(number) for number in range(20_000)])),
            }
    return found


def way(folder: str, count: int, threads: int, place: str = "") -> dict[str, Any]:
    """Milliseconds that a task takes in the ledger, its file being there already. `place`: of another ledger than one there."""
    from concurrent.futures import ThreadPoolExecutor

    from grsai.jobs import plan
    from grsai.ledger import Ledger
    from grsai.models import Catalogue

    home = Path(folder)
    picture = home / "picture.png"
    picture.write_bytes(b"x")
    jobs = plan([f"a red house {number}" for number in range(count)], model=Catalogue().named("nano-banana-fast"))

    def go(job: Job) -> None:
        ledger.claim(job.fingerprint)
        if not place:
            ledger.tries(job.fingerprint)
        row = ledger.submitting(job, base_url="https://grsaiapi.com", folder=home)
        ledger.submitted(row, f"14-{job.fingerprint[:16]}")
        ledger.done(row, [picture], [])
        ledger.release(job.fingerprint)

    with Ledger(place or home / "ledger.sqlite3", home=home) as ledger, ThreadPoolExecutor(threads) as pool:
        begun, cpu = time.perf_counter(), time.process_time()
        list(pool.map(go, jobs))
        wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {"wall": 1000 * wall / count, "cpu": 1000 * cpu / count}


def memory() -> float:
    """MB of this process that are in memory now; 0 where neither the system nor psutil tells."""
    return _memory("VmRSS:", "rss")


def peak_memory() -> float:
    """The most MB of this process that were ever in memory."""
    return _memory("VmHWM:", "peak_wset")


def _memory(line: str, field: str, pid: int | None = None) -> float:
    try:
        lines = Path(f"/proc/{pid or 'self'}/status").read_text("utf-8").splitlines()
    except OSError:
        return _counted(field, pid)
    return next((int(each.split()[1]) / 1024 for each in lines if each.startswith(line)), 0.0)


def _counted(field: str, pid: int | None) -> float:
    try:
        import psutil
    except ImportError:
        return 0.0
    try:
        return getattr(psutil.Process(pid).memory_info(), field, 0) / 2**20
    except psutil.Error:
        return 0.0


def _settings(url: str, limit: int | None) -> Settings:
    from grsai.settings import load

    return load({"api_key": KEY, "base_url": url, **({"limit": limit} if limit else {})}, environment={})


def _jobs(work: Sequence[tuple[str | None, str]], settings: Settings, model_id: str, size: str | None) -> list[Job]:
    """One for each photo and prompt; a photo is read once, however often it comes."""
    from grsai.jobs import plan
    from grsai.pictures import Reference

    model = settings.catalogue.named(model_id)
    read = {photo: Reference.from_file(photo) for photo, _ in work if photo is not None}
    pictures = [read[photo] for photo, _ in work if photo is not None]
    return plan([prompt for _, prompt in work], pictures, model=model, image_size=size, pairing="zip" if pictures else "product")


def _pictures_cpu(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> float:
    """Seconds of CPU that encoding the references and decoding the results take: done once more, alone."""
    from grsai.pictures import check_result

    loads = {each.digest: each.load for job in jobs for each in job.references}
    begun = time.process_time()
    for load in filter(None, loads.values()):
        load()
    for outcome in outcomes:
        for file in () if outcome.reused else outcome.files:
            check_result(file)
    return time.process_time() - begun


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "batch": batch,
    "command": command,
    "original": original,
    "plain": plain,
    "ledger": ledger,
    "way": way,
}

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(TASKS[asked.pop("what")](**asked)))
