"""What the tests of masks share: photos, masks, and results that lie off as a test says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from grsai.masks import Edit, Mask, MaskOptions, Original, edits_of
from grsai.models import Catalogue, Model
from grsai.pictures import Reference

NANO = Catalogue().named("nano-banana-2")
Ints = npt.NDArray[np.int64]
Oval = tuple[float, float, float, float]  # left, upper, right, lower, as shares of the picture


def mask_image(size: tuple[int, int], *ovals: Oval) -> Image.Image:
    """White ovals on black."""
    image = Image.new("L", size)
    for oval in ovals or ((0.36, 0.36, 0.64, 0.64),):
        box = [share * side for share, side in zip(oval, size * 2, strict=True)]
        ImageDraw.Draw(image).ellipse(box, fill=255)
    return image


def original_of(path: Path) -> Original:
    return Original.from_reference(Reference.from_file(path))


def edits(path: Path, *ovals: Oval, model: Model = NANO, options: MaskOptions | None = None) -> tuple[Edit, ...]:
    original = original_of(path)
    mask = Mask.of_image(mask_image(original.size, *ovals), name=path.name)
    return edits_of(original, mask, model=model, options=options or MaskOptions())


def moved(
    image: Image.Image, size: tuple[int, int], *, scale: float, shift: tuple[float, float], cast: tuple[float, ...]
) -> Image.Image:
    """The picture at another size, enlarged from its middle, shifted by pixels of that size, and tinted."""
    back, image = 1 / scale, image.resize(size, Image.Resampling.BICUBIC)
    x, y = ((1 - back) * side / 2 - each * back for side, each in zip(size, shift, strict=True))
    image = image.transform(size, Image.Transform.AFFINE, (back, 0, x, 0, back, y), Image.Resampling.BICUBIC)
    return image.point([min(255, round(value * factor)) for factor in cast for value in range(256)])


def far_from(white: npt.NDArray[np.bool_], most: int) -> npt.NDArray[np.float64]:
    """Pixels from each place to the nearest white one, up to `most`, measured the plain way."""
    far = np.full(white.shape, np.inf)
    rows, columns = np.nonzero(white)
    down, across = np.arange(white.shape[0])[:, None], np.arange(white.shape[1])[None]
    border = white & ~(np.roll(white, 1, 0) & np.roll(white, -1, 0) & np.roll(white, 1, 1) & np.roll(white, -1, 1))
    for row, column in zip(*np.nonzero(border), strict=True):
        top, left = max(row - most - 1, 0), max(column - most - 1, 0)
        rows_near, columns_near = slice(top, row + most + 2), slice(left, column + most + 2)
        near = np.hypot(down[rows_near] - row, across[:, columns_near] - column)
        far[rows_near, columns_near] = np.minimum(far[rows_near, columns_near], near)
    far[rows, columns] = 0
    return far


def pixels(image: Image.Image) -> Ints:
    return np.asarray(image).astype(np.int64)


def hole_in(image: Image.Image, oval: Oval) -> Image.Image:
    """RGBA, clear within the oval."""
    clear = image.convert("RGBA")
    clear.putalpha(mask_image(image.size, oval).point([255 - value for value in range(256)]))
    return clear


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path
