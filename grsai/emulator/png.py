"""PNG files, written by hand."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

from PIL import Image, ImageChops

BANDS = {"RGB": 2, "RGBA": 6}  # the colour type in the header


@lru_cache(maxsize=64)
def blank(size: tuple[int, int]) -> bytes:
    """A plain picture that costs nothing."""
    return as_png(Image.linear_gradient("L").resize(size).convert("RGB"))


def as_png(image: Image.Image) -> bytes:
    """RGB or RGBA as PNG, every row with the Sub filter: twice as fast as Pillow, which tries all filters."""
    left = ImageChops.offset(image, 1, 0)
    left.paste((0,) * len(image.mode), (0, 0, 1, image.height))
    raw, step = ImageChops.subtract_modulo(image, left).tobytes(), len(image.mode) * image.width
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    rows = packer.compress(b"".join([b"\1" + raw[at : at + step] for at in range(0, len(raw), step)])) + packer.flush()
    header = struct.pack(">IIBBBBB", *image.size, 8, BANDS[image.mode], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def stamped(png: bytes, task_id: str) -> bytes:
    """The same picture with the task's id in a text chunk: every paid picture is a file of its own."""
    return with_chunk(png, b"tEXt", b"task\0" + task_id.encode("latin-1"))


def with_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    return png[:-12] + chunk(name, content) + png[-12:]  # before IEND


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))
