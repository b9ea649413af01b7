"""IMAGE tensors ⇄ picture files. The only file with torch.

An IMAGE is float32, 0 to 1, `[B, H, W, C]`, on any device; other nodes also hand out half floats, bytes, `[H, W, C]`, NaN and
values out of range. All of it is taken, none of it is written to.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import struct
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from ..grsai.errors import BadPicture
from ..grsai.masks import Mask, Original, check_mask_size
from ..grsai.pictures import MAX_UPLOAD_BYTES, Encoded, Reference, check_size, lighter, on_white, picture, upright

_UP = 2  # PNG filter: each row as its difference from the row above
_COLOUR_TYPES = {3: 2, 4: 6}  # channels → PNG
_BAND = 64  # rows that are converted together, so that they stay in the processor's cache
_cores = min(4, os.cpu_count() or 1)
_loaded: dict[int, tuple[weakref.ref[torch.Tensor], Path]] = {}  # by id, while they live


def frames(images: Any, name: str = "images") -> list[torch.Tensor]:
    """Every picture `[H, W, C]` in a tensor, a batch, or a list of such. None: no picture; an empty batch is refused."""
    return [_checked(frame, name) for frame in _split(images, name)]


def references(images: Any, names: Sequence[str] = (), *, name: str = "images") -> list[Reference]:
    """Every picture of `images` as something that goes up, named by its place in `names`; `image_3` where that has none."""
    pictures = frames(images, name)
    titles = [*names, *[""] * (len(pictures) - len(names))]
    return [
        reference(picture, title or f"image_{number}")
        for number, (picture, title) in enumerate(zip(pictures, titles, strict=False), 1)
    ]


def reference(frame: torch.Tensor, name: str) -> Reference:
    """A picture by its pixels: equal pixels are uploaded and paid for once. Encoded only when it goes up."""
    check_size(name, frame.shape[1], frame.shape[0])
    values = pixels(frame)
    return Reference(name, _digest(values), load=lambda: encode(pixels(frame)), size=values.nbytes // 2)


def original(frame: torch.Tensor, reference: Reference) -> Original:
    """The picture of a reference as something to edit within a mask: its pixels as they come by the wire, 8 bits a channel."""
    size = frame.shape[1], frame.shape[0]
    return Original(reference.name, reference.digest, size, lambda: Image.fromarray(pixels(frame)), reference.path)


def mask_frames(masks: Any) -> list[torch.Tensor]:
    """Every mask `[H, W]` in a tensor, a batch, or a list of such. Raises `BadPicture` for what is none."""
    if isinstance(masks, (list, tuple)):
        return [frame for part in masks for frame in mask_frames(part)]
    if not isinstance(masks, torch.Tensor) or masks.ndim not in (2, 3, 4) or not masks.numel():
        raise BadPicture("mask holds something that is no mask. Wire a MASK into it.")
    return list(masks.reshape(-1, *masks.shape[-2:]))


def mask(frame: torch.Tensor, original: Original) -> Mask:
    """White where `frame` is at least half. Raises `BadPicture` for one that is empty or of another size.

    LoadImage gives an empty one of 64 × 64 for a picture on which nothing was painted.
    """
    gray = Image.fromarray(_bytes_of(frame), "L")
    if gray.getbbox() is not None:
        check_mask_size(gray.size, original.size, original.name)
    return Mask.of_image(gray, name=original.name)


def digest_of_file(file: Path) -> str:
    """The digest of the reference that `load` makes of the file. Raises `BadPicture`."""
    with picture(file.name, file) as opened:
        return _digest(np.asarray(on_white(upright(opened))))


def _digest(values: np.ndarray) -> str:
    digest = hashlib.sha256(f"pixels {values.shape}".encode())
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def pixels(frame: torch.Tensor) -> np.ndarray:
    """`[H, W, 3 or 4]` bytes: rounded, clamped, NaN as 0."""
    if frame.shape[-1] == 1:
        frame = frame.expand(*frame.shape[:-1], 3)
    values = np.empty(frame.shape, np.uint8)
    for rows in _bands(len(frame), _BAND):
        values[rows] = _bytes_of(frame[rows])
    return values


def encode(values: np.ndarray) -> Encoded:
    """PNG; something smaller where PNG would be too large to go up.

    One filter for all rows and run lengths with Huffman codes: about the size that Pillow makes, in a fifth of the time.
    """
    data = b"".join(_png(values))
    if len(data) <= MAX_UPLOAD_BYTES:
        return Encoded(data, "png")
    return lighter(Image.fromarray(values))


class Loaded(NamedTuple):
    """Files as IMAGE and MASK, in order, without those that cannot be read, which are in `left_out` with the reason."""

    files: list[Path]
    images: list[torch.Tensor]  # each [1, H, W, 3] in its own size
    masks: list[torch.Tensor]  # each [1, H, W], 1 where it is clear; [1, 64, 64] of 0 for one without alpha, as LoadImage's
    left_out: list[BadPicture]


def load(files: Sequence[Path], *, clear: bool = False, stop: threading.Event | None = None) -> Loaded:
    """Reads pictures in order. Nothing more is read once `stop` is set.

    Clear parts become white; with `clear` the colours under them stay as they are, as JoinImageWithAlpha wants them.
    """
    stop = stop or threading.Event()

    def load_one(file: Path) -> tuple[torch.Tensor, torch.Tensor] | BadPicture | None:
        try:
            return None if stop.is_set() else decode(file, clear=clear)
        except BadPicture as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(_cores) as pool:
        loaded = list(zip(files, pool.map(load_one, files), strict=True))
    whole = [(file, *pictures) for file, pictures in loaded if isinstance(pictures, tuple)]
    for file, image, _ in whole:
        _remember(image, file)
    return Loaded(
        [file for file, _, _ in whole],
        [image for _, image, _ in whole],
        [mask for _, _, mask in whole],
        [error for _, error in loaded if isinstance(error, BadPicture)],
    )


def _remember(image: torch.Tensor, file: Path) -> None:
    number = id(image)
    _loaded[number] = (weakref.ref(image, lambda _: _loaded.pop(number, None)), file)


def file_of(image: Any) -> Path | None:
    """The file that `load` made this very tensor of: the items of a list come to a node one by one, and no wire tells which."""
    found = _loaded.get(id(image))
    return found[1] if found and found[0]() is image else None


def decode(file: Path, *, clear: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture file as IMAGE and MASK, upright; see `load`. Raises `BadPicture`."""
    with picture(file.name, file) as opened:
        image = upright(opened)
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        floats = _floats_of(image.convert("RGB") if clear and alpha else on_white(image))
        mask = np.zeros((64, 64), np.float32) if alpha is None else 1 - np.asarray(alpha, np.float32) / np.float32(255)
    return torch.from_numpy(floats[None]), torch.from_numpy(mask[None])


def _split(images: Any, name: str) -> Iterator[torch.Tensor]:
    if images is None:
        return
    if isinstance(images, (list, tuple)):
        for part in images:
            yield from _split(part, name)
    elif not isinstance(images, torch.Tensor) or images.ndim not in (3, 4):
        raise BadPicture("{name} holds something that is no picture. Wire an IMAGE into it.", name=name)
    elif images.ndim == 4:
        if not len(images):
            raise BadPicture("{name} holds an empty batch: there is no picture in it. Wire in at least one.", name=name)
        yield from images
    else:
        yield images


def _checked(frame: torch.Tensor, name: str) -> torch.Tensor:
    if frame.shape[-1] not in (1, 3, 4) or 0 in frame.shape:
        shape = " × ".join(str(length) for length in frame.shape)
        text = "{name} holds a picture of the shape {shape}; it must have 3 or 4 channels. Convert it to RGB first."
        raise BadPicture(text, name=name, shape=shape)
    return frame


def _bytes_of(rows: torch.Tensor) -> np.ndarray:
    if rows.is_floating_point():
        values = np.fmax(rows.detach().float().cpu().numpy(), np.float32(0))  # fmax passes over NaN
        np.fmin(values, np.float32(1), out=values)
        values *= np.float32(255)
        values += np.float32(0.5)
        return values.astype(np.uint8)
    values = rows.cpu().numpy()
    if values.dtype == np.bool_:
        return values * np.uint8(255)
    return np.clip(values, 0, 255).astype(np.uint8)


def _floats_of(image: Image.Image) -> np.ndarray:
    """`[H, W, 3]`, 0 to 1, in bands: no second copy of the picture's bytes is made."""
    floats = np.empty((image.height, image.width, 3), np.float32)
    for rows in _bands(image.height, _BAND):
        floats[rows] = np.asarray(image.crop((0, rows.start, image.width, min(rows.stop, image.height))))
        floats[rows] /= np.float32(255)
    return floats


def _bands(height: int, rows: int) -> Iterator[slice]:
    return (slice(top, top + rows) for top in range(0, height, rows))


def _png(values: np.ndarray) -> Iterator[bytes]:
    height, width, channels = values.shape
    yield b"\x89PNG\r\n\x1a\n"
    yield from _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0))
    deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 8, zlib.Z_RLE)
    yield from _chunk(b"IDAT", deflate.compress(_filtered(values).data) + deflate.flush())
    yield from _chunk(b"IEND", b"")


def _filtered(values: np.ndarray) -> np.ndarray:
    rows = values.reshape(len(values), -1)
    filtered = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered


def _chunk(kind: bytes, data: bytes) -> Iterator[bytes]:
    yield struct.pack(">I", len(data)) + kind
    yield data
    yield struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
