"""Joins the frames of tools/record_batch.mjs into one moving WebP: python tools/join_frames.py FOLDER FILE [SECONDS]."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

from PIL import Image

WIDTH = 838  # pixels, those of a README's column
LAST_MILLISECONDS = 2500
QUALITY = 70


def main(folder: str, file: str, seconds: float = 10.0) -> None:
    """Played in `seconds`, however long it took; the last frame stands a little longer."""
    paths = sorted(Path(folder).glob("*.png"))
    times = [int(path.stem) for path in paths]
    pace = (1000 * seconds - LAST_MILLISECONDS) / (times[-1] - times[0])
    durations = [round((after - before) * pace) for before, after in pairwise(times)] + [LAST_MILLISECONDS]
    frames = [_narrow(Image.open(path).convert("RGB")) for path in paths]
    rest = {"append_images": frames[1:], "duration": durations, "loop": 0}
    frames[0].save(file, save_all=True, quality=QUALITY, method=6, minimize_size=True, **rest)


def _narrow(image: Image.Image) -> Image.Image:
    return image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(float, sys.argv[3:]))
