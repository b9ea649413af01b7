"""The pack in a real ComfyUI: what it adds to the start, how soon Cancel is through, what a large batch holds in memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .child import KEY
from .figure import Figure
from .service import ROOT

HANGING = 50
PICTURES, SIDE = 64, 2048
_IMPORT = """
import importlib, importlib.util, json, sys, time
comfyui, pack = sys.argv[1:]
sys.argv = sys.argv[:1]
sys.path.insert(0, comfyui)
importlib.import_module("comfy.cli_args").args.cpu = True
loaded = "torch numpy PIL.Image aiohttp requests tqdm comfy.model_management comfy_api.latest folder_paths"
for name in loaded.split():
    importlib.import_module(name)
begun = time.perf_counter()
spec = importlib.util.spec_from_file_location("banana_pack", pack + "/__init__.py", submodule_search_locations=[pack])
sys.modules["banana_pack"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
importlib.import_module("banana_pack.nodes")
print(json.dumps(1000 * (time.perf_counter() - begun)))
"""


def canvas(folder: Path) -> list[Figure]:
    """Needs a ComfyUI checkout that runs: `COMFYUI_PATH`, or ~/ComfyUI."""
    sys.path.insert(0, str(ROOT))
    from tests import comfy

    path = comfy.comfyui_path()
    python = comfy.comfyui_python(path) if path else None
    if path is None or python is None:
        return [Figure("the pack in ComfyUI", "–", None, 0.0, made_of="no ComfyUI: name a checkout with COMFYUI_PATH")]
    place = comfy.Comfy(path, python, folder / "comfyui", {"GRSAI_API_KEY": KEY})
    return [_start(path, python), *_running(place)]


def _start(path: Path, python: str) -> Figure:
    command = [python, "-c", _IMPORT, str(path), str(ROOT)]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)]
    taken = sorted(json.loads(each.splitlines()[-1]) for each in said)
    made_of = "median of 3, " + ", ".join(f"{each:.0f}" for each in taken) + " ms"
    return Figure("import of the pack", "added to ComfyUI's start", taken[1], 150.0, "ms", made_of=made_of)


def _running(place: Any) -> list[Figure]:
    with _emulator() as emulator:
        place.environment = {**place.environment, "GRSAI_BASE_URL": emulator.url}
        place.start()
        try:
            return [_memory(place), _cancel(place, emulator)]
        finally:
            place.stop()


@contextmanager
def _emulator() -> Iterator[Any]:
    from grsai.emulator import Emulator

    with Emulator(seconds=0.5, render=False) as emulator:
        yield emulator


def _memory(place: Any) -> Figure:
    tensors = PICTURES * SIDE * SIDE * 3 * 4 / 2**20
    place.run(_graph("warm up", "1:1", "2K"), 120)
    idle = _kept(place, "VmRSS:")
    done = place.run(_graph("\n".join(f"house {number}" for number in range(PICTURES)), "1:1", "2K"), 240)
    assert len(done["outputs"]["1"]["images"]) == PICTURES
    peak = _kept(place, "VmHWM:")
    what = f"peak memory, BatchBanana, {PICTURES} × 2K out"
    made_of = f"{peak - idle:.0f} MB against {tensors:.0f} MB"
    return Figure(what, "the output tensors", (peak - idle) / tensors, 1.25, made_of=made_of)


def _cancel(place: Any, emulator: Any) -> Figure:
    """The median of three: after some runs, and then before it answers again, ComfyUI collects garbage."""
    taken = sorted(_seconds_to_idle(place, emulator, f"hanging {time.monotonic()}") for _ in range(3))
    made_of = "median of 3, " + ", ".join(f"{each:.2f}" for each in taken) + " s"
    return Figure(f"Cancel while {HANGING} jobs hang", "until ComfyUI is idle", taken[1], 0.5, "s", made_of=made_of)


def _seconds_to_idle(place: Any, emulator: Any, prompt: str) -> float:
    from grsai.emulator import Fault

    emulator.add(Fault("poll", "hang", seconds=20.0))
    before = emulator.count("submit")
    place.queue(_graph("\n".join(f"{prompt} {number}" for number in range(HANGING)), "1:1", "1K", concurrency=HANGING))
    place.wait_until(lambda: emulator.count("submit") == before + HANGING, 60)
    time.sleep(1.0)
    begun = time.perf_counter()
    place.post("/interrupt")
    while place.get("/queue")["queue_running"]:
        time.sleep(0.005)
    seconds = time.perf_counter() - begun
    emulator.clear_faults()
    return seconds


def _graph(prompts: str, ratio: str, size: str, concurrency: int = 16) -> dict[str, Any]:
    inputs = {
        "prompts": prompts, "pairing": "product", "concurrency": concurrency, "seed": 0, "on_failure": "keep going",
        "budget": 0.0, "filename_prefix": "banana/Task",
        "model": "nano-banana-2", "model.aspect_ratio": ratio, "model.image_size": size,
    }  # fmt: skip
    return {"1": {"class_type": "BatchBanana", "inputs": inputs}}


def _kept(place: Any, line: str) -> float:
    """MB of the server's process."""
    lines = Path(f"/proc/{place.process.pid}/status").read_text("utf-8").splitlines()
    return next(int(each.split()[1]) / 1024 for each in lines if each.startswith(line))
