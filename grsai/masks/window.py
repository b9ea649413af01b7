"""Which part of a picture a model gets to see for an edit: around the mask, at a ratio and a size that the model has."""

from __future__ import annotations

import contextlib
import math
import types
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import WrongJob
from ..models import PIXELS, Model

LEAST_SIDE = 768  # pixels, of a square as large as the smallest cut: what is smaller, models see too little of
_SIDES = types.MappingProxyType({"1K": 1024, "2K": 2048, "4K": 4096})  # of a square that the service makes
_ENOUGH = 0.8  # of the pixels of a cut must a picture have that was made of it


class Box(NamedTuple):
    """Pixels from the upper left corner of the picture."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """As Pillow has a box: left, upper, right, lower."""
        return self.x, self.y, self.x + self.width, self.y + self.height

    def united(self, other: Box) -> Box:
        x, y = min(self.x, other.x), min(self.y, other.y)
        right, low = (max(ours, theirs) for ours, theirs in zip(self.corners[2:], other.corners[2:], strict=True))
        return Box(x, y, right - x, low - y)

    def meets(self, other: Box) -> bool:
        ours, theirs = self.corners, other.corners
        return ours[0] < theirs[2] and theirs[0] < ours[2] and ours[1] < theirs[3] and theirs[1] < ours[3]

    def grown(self, by: int) -> Box:
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def within(self, size: tuple[int, int]) -> Box:
        """What of it lies in a picture of that size."""
        x, y = max(self.x, 0), max(self.y, 0)
        return Box(x, y, min(self.x + self.width, size[0]) - x, min(self.y + self.height, size[1]) - y)


class Window(NamedTuple):
    """A cut: its place, which may reach beyond the picture, what to ask the model for, and in which pixels to send it."""

    box: Box
    ratio: str
    size: str | None
    sent: tuple[int, int]


def window_of(wanted: Box, picture: tuple[int, int], model: Model, ratio: str, size: str | None) -> Window:
    """The smallest cut around what is `wanted` that the model does well, within the picture if any of its ratios allows that.

    `ratio` and `size` as they were asked for: `auto`, None: whatever fits. Raises `WrongJob` for what the model has not.
    """
    model.size(size)
    wanted = wanted.within(picture)
    boxes = [(_box(wanted, picture, shape), name) for name, shape in _ratios(model, ratio, size)]
    box, name = min(boxes, key=lambda each: (_beyond(each[0], picture), max(LEAST_SIDE**2 - each[0].area, 0), each[0].area))
    chosen, made = _size(box, model, name, size)
    shrink = min(1.0, made[0] / box.width)
    sent = (box.width, box.height) if shrink == 1 else (made[0], max(round(box.height * shrink), 1))
    return Window(box, name, chosen, sent)


def _ratios(model: Model, ratio: str, size: str | None) -> Iterator[tuple[str, float]]:
    """Those that a cut may have, each as width by height."""
    given = model.ratio(ratio)
    for name in (given,) if given != "auto" else model.ratios:
        if name != "auto":
            if ratio == "auto":
                with contextlib.suppress(WrongJob):  # the model has not this ratio at that size
                    model.shape(name, size)
                    yield name, _shape(name)
            else:
                yield name, _shape(name)


def _shape(ratio: str) -> float:
    width, height = ratio.replace("x", ":").split(":")
    return int(width) / int(height)


def _box(wanted: Box, picture: tuple[int, int], shape: float) -> Box:
    """Around what is wanted, of that shape, and as large as models do well where the picture is so large."""
    width = max(wanted.width, wanted.height * shape)
    fits = min(picture[0], picture[1] * shape)
    width = max(width, min(LEAST_SIDE * math.sqrt(shape), fits))
    across, down = max(round(width), wanted.width), max(round(width / shape), wanted.height)
    return Box(
        _start(wanted.x, wanted.width, across, picture[0]), _start(wanted.y, wanted.height, down, picture[1]), across, down
    )


def _start(place: int, length: int, side: int, most: int) -> int:
    """Where a side begins that has the wanted piece in its middle, or as near as the picture allows."""
    if side >= most:
        return (most - side) // 2
    return min(max(place + (length - side) // 2, 0), most - side)


def _beyond(box: Box, picture: tuple[int, int]) -> int:
    """Pixels of it that lie beyond the picture."""
    return box.area - box.within(picture).area


def _size(box: Box, model: Model, ratio: str, size: str | None) -> tuple[str | None, tuple[int, int]]:
    """The size to ask for and its pixels: the one that was asked for, else the smallest that is sharp enough."""
    sizes = [size] if size else list(model.sizes) or [None]
    offered = []
    for each in sizes:
        with contextlib.suppress(WrongJob):
            chosen = model.shape(ratio, each)[1]
            offered.append((chosen, _pixels(model, ratio, chosen)))
    if not offered:  # says why
        model.shape(ratio, size)
    enough = [each for each in offered if each[1][0] * each[1][1] >= _ENOUGH * box.area]
    return enough[0] if enough else offered[-1]


def _pixels(model: Model, ratio: str, size: str | None) -> tuple[int, int]:
    """Width and height of what the model makes, as nearly as one knows before."""
    sides = PIXELS[ratio].get(size or "") if model.pixels == "always" and ratio in PIXELS else None
    if sides or "x" in ratio:
        width, height = (sides or ratio).split("x")
        return int(width), int(height)
    side, shape = _SIDES.get(size or "1K", 1024), math.sqrt(_shape(ratio))
    return round(side * shape), round(side / shape)
