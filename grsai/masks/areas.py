"""The separate areas of a mask: one cut for all of them if it is not much larger than those of each, else several."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .reading import Mask
from .window import Box

_GRID = 256  # cells on the longer side, in which areas are told apart
_LARGER = 1.5  # times as large as two cuts together may be one for both
MOST_AREAS = 6  # each is paid for: of more, the nearest go together
_SPECK = 64  # pixels below which an area is a slip of the brush, if another is a thousand times as large
_MANY = 40  # areas that are grouped carefully


def areas_of(mask: Mask, cut: Callable[[Box], int]) -> list[Box]:
    """The boxes of the areas, from the top. `cut`: the pixels of the cut that a box would need."""
    boxes = _touching(_boxes(mask))
    while len(boxes) > 1:
        pairs = itertools.combinations(boxes, 2) if len(boxes) <= _MANY else itertools.pairwise(boxes)
        ours, theirs = min(pairs, key=lambda pair: cut(pair[0].united(pair[1])) - cut(pair[0]) - cut(pair[1]))
        alone, together = cut(ours) + cut(theirs), cut(ours.united(theirs))
        if len(boxes) <= MOST_AREAS and together > _LARGER * alone:
            break
        boxes = _touching([*(box for box in boxes if box not in (ours, theirs)), ours.united(theirs)])
    return sorted(boxes, key=lambda box: (box.y, box.x))


def _touching(boxes: list[Box]) -> list[Box]:
    """Boxes that lie one over the other become one: what of the mask is whose could not be told by its box."""
    done = list[Box]()
    for box in boxes:
        while met := [other for other in done if other.meets(box)]:
            for other in met:
                done.remove(other)
                box = box.united(other)
        done.append(box)
    return done


def _boxes(mask: Mask) -> list[Box]:
    """One around each area, in the mask's own pixels."""
    image = mask.image
    cell = -(-max(mask.size) // _GRID)
    white = np.asarray(image) > 0
    grid = _grid(white, cell)
    numbers = _numbered(grid)
    found, sizes = list[Box](), Counter[Box]()
    for number in range(1, int(numbers.max()) + 1):
        rows, columns = np.nonzero(numbers == number)
        top, left = int(rows.min()) * cell, int(columns.min()) * cell
        piece = white[top : (int(rows.max()) + 1) * cell, left : (int(columns.max()) + 1) * cell]
        down, across = np.nonzero(piece.any(1))[0], np.nonzero(piece.any(0))[0]
        box = Box(left + int(across[0]), top + int(down[0]), int(np.ptp(across)) + 1, int(np.ptp(down)) + 1)
        found.append(box)
        sizes[box] = int(piece.sum())
    largest = max(sizes.values())
    return [box for box in found if sizes[box] >= _SPECK or sizes[box] * 1000 >= largest]


def _grid(white: npt.NDArray[np.bool_], cell: int) -> npt.NDArray[np.bool_]:
    """Whether anything is white in each cell."""
    high, wide = (-(-side // cell) for side in white.shape)
    padded = np.zeros((high * cell, wide * cell), bool)
    padded[: white.shape[0], : white.shape[1]] = white
    return np.logical_or.reduce(padded.reshape(high, cell, wide, cell), (1, 3))


def _numbered(grid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """The cells of each area with its number, from 1. Cells that touch at a corner belong together."""
    numbers, number = np.zeros(grid.shape, np.int32), 0
    high, wide = grid.shape
    for start in zip(*np.nonzero(grid), strict=True):
        if numbers[start]:
            continue
        number += 1
        numbers[start], todo = number, [start]
        while todo:
            row, column = todo.pop()
            for y in range(max(row - 1, 0), min(row + 2, high)):
                for x in range(max(column - 1, 0), min(column + 2, wide)):
                    if grid[y, x] and not numbers[y, x]:
                        numbers[y, x] = number
                        todo.append((y, x))
    return numbers
