"""IMAGE tensors to PNG and back, against the usual way of other packs. Needs torch and numpy; no ComfyUI."""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .figure import Figure
from .service import ROOT
from .sources import PHOTOS

SIDE = 2048
RUNS = 11
AT_ONCE = 16


def images(folder: Path) -> list[Figure]:
    """A photo with grain, 2048²: encoded, decoded, and sixteen of them at once."""
    if importlib.util.find_spec("torch") is None:
        return [Figure("IMAGE → PNG bytes", "the usual way", None, 3.0, at_least=True, made_of="no torch here")]
    ours, photo = images_module(), grainy()
    encode = lambda: ours.encode(ours.pixels(photo[0])).data  # noqa: E731
    usual = lambda: _usual_encode(photo)  # noqa: E731
    fast, slow = _medians(encode, usual)
    file = folder / "photo.png"
    file.write_bytes(usual())
    fast_back, slow_back = _medians(lambda: ours.decode(file), lambda: _usual_decode(file))
    size = len(encode()) / len(usual())
    return [
        Figure(
            "IMAGE → PNG bytes, 2048² with grain",
            "the usual way, faster",
            slow / fast,
            3.0,
            at_least=True,
            made_of=_ms(slow, fast),
        ),
        Figure("bytes of that PNG", "the usual way's", size, 1.2, made_of=f"{len(encode()) / 1e6:.2f} MB"),
        Figure(
            "PNG bytes → IMAGE",
            "the usual way, faster",
            slow_back / fast_back,
            1.1,
            at_least=True,
            made_of=_ms(slow_back, fast_back),
        ),
        _side_by_side(encode),
    ]


def images_module() -> types.ModuleType:
    """nodes/images.py, which imports nothing of ComfyUI, loaded as a part of the pack."""
    for name, place in (("banana_pack", ROOT), ("banana_pack.nodes", ROOT / "nodes")):
        package = types.ModuleType(name)
        package.__path__ = [str(place)]
        sys.modules.setdefault(name, package)
    return importlib.import_module("banana_pack.nodes.images")


def grainy() -> Any:
    """A photo of the demo, enlarged, with the grain of a camera: float32 `[1, 2048, 2048, 3]`, 0 to 1."""
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(PHOTOS / "chelsea.jpg") as image:
        values = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.float32) / 255
    grain = np.random.default_rng(1).normal(0, 0.012, values.shape).astype(np.float32)
    return torch.from_numpy(np.clip(values + grain, 0, 1))[None]


def _usual_encode(photo: Any) -> bytes:
    """What most packs do: scale, clip, Pillow's default level, a temporary file, and read it again."""
    import numpy as np
    from PIL import Image

    values = np.clip(255.0 * photo[0].cpu().numpy(), 0, 255).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        Image.fromarray(values).save(path)
        return path.read_bytes()


def _usual_decode(file: Path) -> Any:
    import numpy as np
    import torch
    from PIL import Image

    image = Image.open(io.BytesIO(file.read_bytes())).convert("RGB")
    return torch.from_numpy(np.array(image).astype(np.float32) / 255.0)[None,]


def _side_by_side(encode: Callable[[], bytes]) -> Figure:
    """Sixteen pictures, one after another and by as many threads as there are cores."""
    cores = os.cpu_count() or 1
    encode()
    ratios, said = [], ""
    for _ in range(5):
        alone = _seconds(lambda: [encode() for _ in range(AT_ONCE)])
        with ThreadPoolExecutor(cores) as pool:
            together = _seconds(lambda: list(pool.map(lambda _: encode(), range(AT_ONCE))))
        ratios.append(alone / together)
        said = f"{alone:.2f} s against {together:.2f} s"
    what = f"encoding {AT_ONCE} pictures at once on {cores} cores"
    return Figure(what, "one core, faster", statistics.median(ratios), 1.7, at_least=True, made_of=said)


def _medians(*ways: Callable[[], Any]) -> list[float]:
    """The median seconds of each way, measured in turn."""
    times: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    for _ in range(RUNS):
        for way, taken in zip(ways, times, strict=True):
            taken.append(_seconds(way))
    return [statistics.median(taken) for taken in times]


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _ms(slow: float, fast: float) -> str:
    return f"{1000 * slow:.0f} ms against {1000 * fast:.0f} ms"


def bytes_of(tensors: Sequence[Any]) -> int:
    return sum(each.element_size() * each.nelement() for each in tensors)
