"""How a repainted picture lies over the one that it was made of: shift and scale, by phase correlation on the ring.

The ring is what surrounds the mask and should not have changed. Pictures are gray, float32, `[H, W]`, 0 to 255, both of one size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

Gray = npt.NDArray[np.float32]
_COARSE = 512  # pixels of the longer side, where the first guess is made
_SCALES = tuple(1 + step / 100 for step in range(-5, 6))  # that the first guess tries
_MOST_SCALE, _MOST_SHIFT = 0.08, 0.1  # of 1, and of the longer side: what lies farther off was not moved but painted anew
_ROUNDS = 3
_TILE, _SMALLEST_TILE = 96, 32  # pixels
_RING_IN_TILE = 0.55  # of a tile that is looked at must be ring
_TEXTURE = 1.2  # of 255, standard deviation: below it there is nothing to hold on to
_SAME = 0.35  # correlation from which on two tiles show the same
_NEAR = 2.0  # pixels that a tile may lie off after all
_EDGE = 0.25  # of a tile, on which it fades out


class Move(NamedTuple):
    """A place `p` of the source, measured from the centre, lies at `scale * p + shift` in the result (x and y, pixels)."""

    scale: tuple[float, float] = (1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)


class Alignment(NamedTuple):
    """`off`: pixels by which the ring still lies off once the move is undone. `fits`: whether it is the same picture there."""

    move: Move
    off: float
    fits: bool


def aligned(source: Gray, result: Gray, ring: Gray, *, move: bool = True) -> Alignment:
    """How the `result` lies over the `source`. `ring`: 0 to 1. Without `move` it is only measured how far off it is."""
    guess = _first_guess(source, result, ring)
    found = guess if move and not _is_too_far(guess, max(source.shape)) else Move()
    for _ in range(_ROUNDS if move else 0):
        tiles = _Tiles(source, moved_back(result, found), ring)
        better = tiles.fitted(found)
        if better is None or _is_too_far(better, max(source.shape)):
            break
        found = better
    tiles = _Tiles(source, moved_back(result, found), ring)
    if tiles.fit:
        return Alignment(found, tiles.off, True)
    rest = tuple(ours - theirs for ours, theirs in zip(guess.shift, found.shift, strict=True))  # what tiles are too small to see
    return Alignment(found, max(tiles.off, math.hypot(*rest)), False)


def moved_back(result: Gray, move: Move) -> Gray:
    """The result with the move undone, at its own size."""
    high, wide = result.shape
    (sx, sy), (tx, ty) = move
    x0, y0 = wide / 2 * (1 - sx) + tx, high / 2 * (1 - sy) + ty  # where the corner of the source lies
    image = Image.fromarray(result)
    return np.asarray(image.transform((wide, high), Image.Transform.AFFINE, (sx, 0, x0, 0, sy, y0), Image.Resampling.BICUBIC))


def _first_guess(source: Gray, result: Gray, ring: Gray) -> Move:
    """One scale and one shift for all, on small pictures."""
    shrink = min(1.0, _COARSE / max(source.shape))
    small, other, weight = (_resized(each, shrink) for each in (source, result, ring))
    window = weight * _taper(small.shape)
    spectrum = np.conj(np.fft.rfft2(_detail(small) * window))
    best, guess = 0.0, Move()
    for scale in _SCALES:
        surface = _correlation(np.fft.rfft2(_detail(moved_back(other, Move((scale, scale)))) * window), spectrum, small.shape)
        (y, x), peak = _peak(surface)
        if peak > best:
            best, guess = peak, Move((scale, scale), (x * scale / shrink, y * scale / shrink))
    return guess


def _is_too_far(move: Move, side: int) -> bool:
    return max(abs(scale - 1) for scale in move.scale) > _MOST_SCALE or max(map(abs, move.shift)) > _MOST_SHIFT * side


class _Tiles:
    """Small squares on the ring, each with where it lies in the other picture."""

    def __init__(self, source: Gray, result: Gray, ring: Gray) -> None:
        side = int(min(_TILE, max(_SMALLEST_TILE, min(source.shape) // 6), *source.shape))
        places = list(_places(ring, side))
        self._centres = np.array([(x + side / 2, y + side / 2) for x, y in places], np.float64).reshape(-1, 2)
        self._centres -= np.array([source.shape[1], source.shape[0]]) / 2
        self._shifts = np.zeros((len(places), 2))
        self._same = np.zeros(len(places))
        if not places:
            return
        window = (_taper((side, side)) * _cut(ring, places, side)).astype(np.float32)
        ours, theirs = ((_cut(_detail(each), places, side) * window).astype(np.float32) for each in (source, result))
        spectrum = np.conj(np.fft.rfft2(ours))
        surfaces = _correlation(np.fft.rfft2(theirs), spectrum, (side, side))
        textured = _strength(ours, window) > _TEXTURE
        for place, surface in enumerate(surfaces):
            (y, x), _ = _peak(surface)
            self._shifts[place] = x, y
        self._same = _likeness(ours, theirs, self._shifts)
        keep = np.nonzero(textured)[0]
        self._centres, self._shifts, self._same = self._centres[keep], self._shifts[keep], self._same[keep]

    @property
    def off(self) -> float:
        """Pixels, as half of the tiles have it or less."""
        return float(np.median(np.hypot(*self._shifts.T))) if len(self._shifts) else 0.0

    @property
    def fit(self) -> bool:
        """Whether most tiles show the same at the same place. Where there is nothing to see, nothing is wrong."""
        if not len(self._shifts):
            return True
        good = (self._same >= _SAME) & (np.hypot(*self._shifts.T) <= _NEAR)
        return float(good.mean()) >= 0.5

    def fitted(self, move: Move) -> Move | None:
        """The move that most tiles agree on, on top of the one that was undone already."""
        good = self._same >= _SAME
        if good.sum() < 3:
            return None
        scale, shift = zip(*(_line(self._centres[good, axis], self._shifts[good, axis]) for axis in (0, 1)), strict=True)
        return Move(
            (move.scale[0] * (1 + scale[0]), move.scale[1] * (1 + scale[1])),
            (move.shift[0] + move.scale[0] * shift[0], move.shift[1] + move.scale[1] * shift[1]),
        )


def _line(places: npt.NDArray[np.float64], shifts: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Slope and height of a line through the shifts; those far from it count little. Flat where places are too close."""
    slope, height = 0.0, float(np.median(shifts))
    if np.ptp(places) < _TILE or len(places) < 4:
        return slope, height
    weights = np.ones(len(shifts))
    for _ in range(6):
        mean, middle = np.average(shifts, weights=weights), np.average(places, weights=weights)
        spread = np.average((places - middle) ** 2, weights=weights)
        slope = float(np.average((places - middle) * (shifts - mean), weights=weights) / max(spread, 1.0))
        height = float(mean - slope * middle)
        left = np.abs(shifts - slope * places - height)
        scale = max(1.5 * float(np.median(left)), 0.05)
        weights = 1 / (1 + (left / scale) ** 2)
    return slope, height


def _places(ring: Gray, side: int) -> Iterator[tuple[int, int]]:
    """Corners of tiles that lie on the ring."""
    sums = np.pad(ring.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    step = max(side * 2 // 3, 1)
    for y in range(0, ring.shape[0] - side + 1, step):
        for x in range(0, ring.shape[1] - side + 1, step):
            inside = sums[y + side, x + side] - sums[y, x + side] - sums[y + side, x] + sums[y, x]
            if inside >= _RING_IN_TILE * side * side:
                yield x, y


def _cut(picture: Gray, places: list[tuple[int, int]], side: int) -> Gray:
    return np.stack([picture[y : y + side, x : x + side] for x, y in places])


def _correlation(
    ours: npt.NDArray[np.complexfloating], others: npt.NDArray[np.complexfloating], shape: tuple[int, ...]
) -> npt.NDArray[np.floating]:
    """How well each shift explains the difference, half whitened: what is strong in both counts more than noise."""
    cross = ours * others
    size = np.abs(cross)
    return np.fft.irfft2(cross / np.sqrt(size + 1e-3 * size.mean((-2, -1), keepdims=True) + 1e-9), s=shape[-2:])


def _peak(surface: npt.NDArray[np.floating]) -> tuple[tuple[float, float], float]:
    """Row and column of the highest place, between pixels, and how much higher it is than the rest."""
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    high, wide = surface.shape
    top = float(surface[row, column])
    y = row + _vertex(surface[(row - 1) % high, column], top, surface[(row + 1) % high, column])
    x = column + _vertex(surface[row, (column - 1) % wide], top, surface[row, (column + 1) % wide])
    return ((y + high / 2) % high - high / 2, (x + wide / 2) % wide - wide / 2), top / (float(surface.std()) + 1e-9)


def _vertex(before: float, top: float, behind: float) -> float:
    curve = before - 2 * top + behind
    return 0.0 if curve >= 0 else float(np.clip((before - behind) / (2 * curve), -0.5, 0.5))


def _likeness(ours: Gray, theirs: Gray, shifts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Correlation of each pair of tiles once they lie one over the other, to whole pixels."""
    found = np.zeros(len(ours))
    for place, (x, y) in enumerate(shifts):
        back = np.roll(theirs[place], (-round(y), -round(x)), (0, 1))
        power = float((ours[place] ** 2).sum() * (back**2).sum())
        found[place] = float((ours[place] * back).sum()) / power**0.5 if power > 0 else 0.0
    return found


def _strength(tiles: Gray, window: Gray) -> npt.NDArray[np.floating]:
    return np.sqrt((tiles**2).sum((1, 2)) / np.maximum((window**2).sum((1, 2)), 1e-9))


def _detail(picture: Gray) -> Gray:
    """Without its slow changes of brightness, which a cast or other light bring about."""
    radius = max(3, min(picture.shape) // 40)
    return picture - _blurred(picture, radius)


def _blurred(picture: Gray, radius: int) -> Gray:
    """The mean of a square around each pixel."""
    side = 2 * radius + 1
    padded = np.pad(picture, ((radius + 1, radius), (radius + 1, radius)), mode="edge").astype(np.float64)
    sums = padded.cumsum(0).cumsum(1)
    total = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return (total / side**2).astype(np.float32)


def _taper(shape: tuple[int, ...]) -> Gray:
    """1 in the middle, fading to 0 at the edges."""

    def line(length: int) -> npt.NDArray[np.float64]:
        from_edge = np.minimum(np.arange(length) + 0.5, length - np.arange(length) - 0.5)
        return np.sin(np.clip(from_edge / (length * _EDGE), 0, 1) * np.pi / 2) ** 2

    return (line(shape[0])[:, None] * line(shape[1])[None, :]).astype(np.float32)


def _resized(picture: Gray, factor: float) -> Gray:
    if factor == 1.0:
        return picture
    size = max(round(picture.shape[1] * factor), 1), max(round(picture.shape[0] * factor), 1)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX if factor < 0.5 else Image.Resampling.BILINEAR))
