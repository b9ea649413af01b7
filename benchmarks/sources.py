"""The pictures that the runs begin with, and how long their tasks take."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from .service import ROOT

PHOTOS = ROOT / "grsai" / "demo" / "image"
SECONDS = (22.0, 62.0)  # what a picture took the original tool
SCALE = 0.1


def different(folder: Path, count: int) -> list[Path]:
    """So many JPEG files of different content: the demo's photos, each with a comment of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    photos = sorted(PHOTOS.iterdir())
    return [_commented(photos[number % len(photos)], folder, number) for number in range(count)]


def durations(count: int, *, seed: int) -> list[float]:
    """Seconds for so many tasks, drawn from the original's and scaled down."""
    draw = random.Random(seed)
    return [round(draw.uniform(*SECONDS) * SCALE, 2) for _ in range(count)]


def prompt(seconds: float, text: str = "make it red") -> str:
    """One at which the emulator takes just so long."""
    return f"{text} [slow {seconds}]"


def _commented(photo: Path, folder: Path, number: int) -> Path:
    data, text = photo.read_bytes(), str(number).encode()
    file = folder / f"{photo.stem}_{number}.jpg"
    file.write_bytes(data[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + data[2:])
    return file
