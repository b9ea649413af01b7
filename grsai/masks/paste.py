"""The edit goes into its picture: aligned, in its colours, through the feathered mask. All other pixels are not touched."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from .align import Alignment, Move, aligned, moved_back
from .colours import Match, matched
from .options import MaskOptions
from .window import Box

Weights = npt.NDArray[np.float32]
Pixels = npt.NDArray[Any]
_LOOKED_AT = 1024  # pixels of the longer side at which a cut is aligned and matched
_SPILL = 0.015  # of a cut: so far beyond a mask models change things, such as shadows
_LEAST_RING = 0.04  # of a cut; less tells nothing
_FINE = 24  # pixels of feather that are measured one by one
_FEW_COLOURS = 8  # that must be free in a palette for new ones
_ROWS = 64  # that are blended at once
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LANCZOS = Image.Resampling.LANCZOS


class Pasted(NamedTuple):
    """The picture with the edit in it; of the alignment the pixels are those of the picture."""

    image: Image.Image
    alignment: Alignment
    match: Match


def cut_out(image: Image.Image, box: Box) -> Image.Image:
    """RGB, the values as they are; what lies beyond the picture mirrors it."""
    inside = box.within(image.size)
    piece = as_rgb(image.crop(inside.corners))
    if inside == box:
        return piece
    around = (inside.y - box.y, box.corners[3] - inside.corners[3]), (inside.x - box.x, box.corners[2] - inside.corners[2])
    return Image.fromarray(np.pad(np.asarray(piece), (*around, (0, 0)), mode="symmetric"))


def as_rgb(image: Image.Image) -> Image.Image:
    """The colours alone, also those under what is clear."""
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "LA":
        image = image.getchannel("L")
    return image if image.mode == "RGB" else image.convert("RGB")


def pasted(
    source: Image.Image, result: Image.Image, mask: Image.Image, *, part: Box, window: Box, options: MaskOptions, opens: bool
) -> Pasted:
    """The `source` with the `result`, which was made of its `window`, where the `mask` is white within `part`.

    `mask`: mode L, 0 or 255, as large as the source. `opens`: what is clear there becomes opaque.
    """
    alignment, match = _compared(source, result, mask, window, options)
    place = part.grown(options.feather).within(source.size)
    weights = _weights(mask, part, place, options.feather)
    patch = _patch(result, place, window, alignment.move)
    image = source.copy()
    image.info = dict(source.info)
    _put(image, place, patch, match if options.match else Match(), weights, opens=opens)
    return Pasted(image, alignment, match)


def _compared(
    source: Image.Image, result: Image.Image, mask: Image.Image, window: Box, options: MaskOptions
) -> tuple[Alignment, Match]:
    """How the result lies over its cut, and what its colours need, by what surrounds the mask."""
    shrink = min(1.0, _LOOKED_AT / max(window.width, window.height))
    size = max(round(window.width * shrink), 1), max(round(window.height * shrink), 1)
    ring = _ring(mask, window, size, options.feather * shrink)
    if ring.mean() < _LEAST_RING:
        return Alignment(Move(), 0.0, True), Match()
    ours = cut_out(source, window).resize(size, _LANCZOS, reducing_gap=3.0)
    theirs = as_rgb(result).resize(size, _LANCZOS, reducing_gap=3.0)
    gray, other = (np.asarray(each.convert("L"), np.float32) for each in (ours, theirs))
    found = aligned(gray, other, ring, move=options.align)
    back = np.stack([moved_back(np.asarray(each, np.float32), found.move) for each in theirs.split()], -1)
    match = matched(np.asarray(ours, np.float32), back, ring > 0.5)
    scale = window.width / size[0], window.height / size[1]
    shift = found.move.shift[0] * scale[0], found.move.shift[1] * scale[1]
    return Alignment(Move(found.move.scale, shift), found.off * scale[0], found.fits), match


def _ring(mask: Image.Image, window: Box, size: tuple[int, int], feather: float) -> Weights:
    """1 where a cut, at that size, shows what should not have changed."""
    inside = window.within(mask.size)
    shown = Image.new("L", (window.width, window.height), 255)  # beyond the picture is no ring
    shown.paste(mask.crop(inside.corners), (inside.x - window.x, inside.y - window.y))
    small = np.asarray(shown.resize(size, Image.Resampling.BOX)) > 0
    ring = np.zeros(small.shape, np.float32)
    for spill in (_SPILL * max(size), 0.0):
        ring = 1 - _near(small, math.ceil(feather + spill), lambda far: far < 1)
        if ring.mean() >= 2 * _LEAST_RING:
            break
    return ring


def _weights(mask: Image.Image, part: Box, place: Box, feather: int) -> Weights:
    """1 within the mask, 0 from `feather` pixels off it on, of all that lies in `place`."""
    white = np.zeros((place.height, place.width), bool)
    own = np.asarray(mask.crop(part.corners)) > 0
    y, x = part.y - place.y, part.x - place.x
    white[y : y + part.height, x : x + part.width] = own
    step = -(-feather // _FINE)
    if step <= 1:
        return _near(white, feather, _fading)
    # Measured on a coarser grid, so that it ends a little sooner, and never later.
    high, wide = (-(-side // step) for side in white.shape)
    padded = np.pad(white, ((0, high * step - white.shape[0]), (0, wide * step - white.shape[1])))
    coarse = np.logical_or.reduce(padded.reshape(high, step, wide, step), (1, 3))
    small = _near(coarse, max(feather // step - 3, 1), _fading)
    grown = Image.fromarray(small).resize((wide * step, high * step), Image.Resampling.BILINEAR)
    return np.maximum(np.asarray(grown)[: white.shape[0], : white.shape[1]], white)


def _fading(far: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From 1 to 0, without an edge at either end."""
    near = 1 - np.minimum(far, 1)
    return near * near * (3 - 2 * near)


def _near(white: npt.NDArray[np.bool_], most: int, weight: Callable[[npt.NDArray[np.float64]], npt.NDArray[Any]]) -> Weights:
    """For each pixel the `weight` of how far it lies from a white one, as a share of `most` pixels; beyond them that of 1."""
    reach = most + 1
    columns = np.arange(white.shape[1], dtype=np.int32)
    left = np.maximum.accumulate(np.where(white, columns, np.int32(-reach)), 1)
    right = np.minimum.accumulate(np.where(white, columns, np.int32(white.shape[1] + reach))[:, ::-1], 1)[:, ::-1]
    across = np.minimum(np.minimum(columns - left, right - columns), reach).astype(np.uint16) ** 2
    nearest = across.copy()
    for down in range(1, min(reach, white.shape[0])):
        np.minimum(nearest[down:], across[:-down] + np.uint16(down * down), out=nearest[down:])
        np.minimum(nearest[:-down], across[down:] + np.uint16(down * down), out=nearest[:-down])
    squares = np.arange(reach * reach + 1)
    return weight(np.minimum(np.sqrt(squares) / max(most, 1), 1)).astype(np.float32)[np.minimum(nearest, reach * reach)]


def _patch(result: Image.Image, place: Box, window: Box, move: Move) -> Image.Image:
    """What the result shows of a place in the picture, in its pixels: RGB, or RGBA where it is clear in parts."""
    if result.mode not in ("RGB", "RGBA"):
        result = result.convert("RGBA" if result.has_transparency_data else "RGB")
    if result.mode == "RGBA" and result.getchannel("A").getextrema() == (255, 255):
        result = result.convert("RGB")
    box = []
    for corner, start, side, made, scale, shift in zip(
        place.corners,
        (window.x, window.y) * 2,
        (window.width, window.height) * 2,
        result.size * 2,
        move.scale * 2,
        move.shift * 2,
        strict=True,
    ):
        box.append(((corner - start - side / 2) * scale + side / 2 + shift) * made / side)
    beyond = math.ceil(max(0.0, -box[0], -box[1], box[2] - result.width, box[3] - result.height))
    if beyond:
        result = Image.fromarray(np.pad(np.asarray(result), ((beyond, beyond), (beyond, beyond), (0, 0)), mode="edge"))
    left, upper, right, lower = (edge + beyond for edge in box)
    return result.resize((place.width, place.height), _LANCZOS, box=(left, upper, right, lower))


# Into the pixels of each kind of picture


def _put(image: Image.Image, place: Box, patch: Image.Image, match: Match, weights: Weights, *, opens: bool) -> None:
    """Blends the patch, in other colours, into the place, by the weights. Where these are 0 nothing changes."""
    piece = image.crop(place.corners)
    colours, clear = np.asarray(as_rgb(patch)), np.asarray(patch.getchannel("A")) if patch.mode == "RGBA" else None
    if image.mode == "P":
        mixed = _blended(np.asarray(piece.convert("RGB")), colours, match, weights)
        _put_into_palette(image, place, mixed, weights > 0)
        return
    ours = np.asarray(piece.convert("L") if image.mode == "1" else piece)
    bands = ours[..., None] if ours.ndim == 2 else ours
    count = 3 if image.mode in ("RGB", "RGBA") else 1
    made = [_blended(bands[..., :count], colours, match, weights)]
    if count < bands.shape[-1]:
        alpha = bands[..., count:]
        if opens or clear is not None:
            whole = np.broadcast_to(np.uint8(255), alpha.shape) if clear is None else clear[..., None]
            alpha = _blended(alpha, whole, None, weights)
        made.append(alpha)
    blended = Image.fromarray(np.concatenate(made, -1) if len(made) > 1 else made[0][..., 0] if count == 1 else made[0])
    if image.mode == "1":  # what did not change comes out as it was
        blended = blended.convert("1")
        blended.paste(piece, mask=Image.fromarray(np.where(weights > 0, 0, 255).astype(np.uint8)))
    image.paste(blended, place.corners[:2])


def _blended(ours: Pixels, theirs: Pixels, match: Match | None, weights: Weights) -> Pixels:
    """A share of theirs, `[H, W, bands]`, in our kind of values; row by row, so that little memory is needed at once."""
    top = 65535 if ours.dtype == np.uint16 else 255
    made = np.empty(ours.shape, ours.dtype)
    for start in range(0, len(ours), _ROWS):
        rows = slice(start, start + _ROWS)
        new = theirs[rows].astype(np.float32)
        if match is not None:
            new = match.of(new)
        if new.shape[-1] > ours.shape[-1]:
            new = (new @ _LUMA)[..., None]
        if top != 255:
            new *= top / 255
        new -= ours[rows]
        new *= weights[rows, :, None]
        new += ours[rows]
        new += np.float32(0.5)
        np.clip(new, 0, top, out=new)
        made[rows] = new  # the fraction is cut off: where the weight is 0 our own value comes back
    return made


def _put_into_palette(image: Image.Image, place: Box, mixed: Pixels, new: npt.NDArray[np.bool_]) -> None:
    """Colours that are new go where the palette has room; else each becomes the nearest one that the picture has."""
    indexes = np.array(image.crop(place.corners))
    palette = np.zeros((256, 3), np.uint8)
    known = np.array(image.getpalette() or [], np.uint8).reshape(-1, 3)
    palette[: len(known)] = known
    used = np.unique(np.asarray(image))
    clear = image.info.get("transparency")
    free = np.setdiff1d(np.arange(256), [*used, clear] if isinstance(clear, int) else used)
    changed = Image.fromarray(mixed[new][None])  # a line of the pixels that are new
    if len(free) >= _FEW_COLOURS:
        made = changed.quantize(len(free), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        found = np.array(made.getpalette() or [], np.uint8).reshape(-1, 3)[: len(free)]
        palette[free[: len(found)]] = found
        indexes[new] = free[np.asarray(made)[0]]
        if isinstance(clear, bytes):
            image.info["transparency"] = bytes(255 if index in free else value for index, value in enumerate(clear))
        image.putpalette(palette.tobytes())
    else:
        seen = [index for index in used if not _is_clear(int(index), clear)] or list(used)
        few = Image.new("P", (1, 1))
        few.putpalette(np.resize(palette[seen], (256, 3)).tobytes())
        nearest = np.asarray(changed.quantize(palette=few, dither=Image.Dither.NONE))[0]
        indexes[new] = np.resize(np.array(seen, np.uint8), 256)[nearest]
    made = Image.fromarray(indexes, "L")
    made.putpalette(palette.tobytes())
    image.paste(made, place.corners[:2])


def _is_clear(index: int, clear: Any) -> bool:
    if isinstance(clear, bytes):
        return index < len(clear) and clear[index] < 255
    return index == clear
