"""Result files that are no plain PNG: whole ones of other formats, odd ones, large ones and broken ones."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image, features

from .painting import with_clear_corners
from .png import with_chunk

# 16 × 16 in one colour, for a Pillow that cannot write AVIF.
SMALL_AVIF = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5p"
    "bG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAJQAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAEAAA"
    "ABAAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAALW1kYXQSAAoJGAz/2yAhoNCAMhYcR4eF"
    "3cAALAAAAHV9Wbn8EO3h7PRA"
)
LONG_TEXT = 8 << 20  # bytes; Pillow unpacks 1 MiB at most
MANY_PIXELS = (12_000, 9_000)  # more than the 89 million at which Pillow warns of a bomb


def written(image: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def avif(image: Image.Image) -> bytes:
    return written(image, "AVIF", speed=10) if features.check("avif") else SMALL_AVIF


def broken_exif(image: Image.Image) -> bytes:
    """To be turned by a quarter, with a resolution of (-1, 0), which makes Pillow raise struct.error when it turns it."""
    turned = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)  # tag, kind, count, value
    resolution = struct.pack("<HHII", 0x011A, 10, 1, 38)  # tag, kind, count, place
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + turned + resolution + bytes(4) + struct.pack("<ii", -1, 0)
    return written(image, "JPEG", exif=exif)


FORMATS: Mapping[str, Callable[[Image.Image], bytes]] = {  # fault kind → the picture as such a file
    "avif": avif,
    "bmp": lambda image: written(image, "BMP"),
    "gif": lambda image: written(image, "GIF"),
    "jpeg": lambda image: written(image, "JPEG"),
    "jpeg2000": lambda image: written(image, "JPEG2000"),
    "tiff": lambda image: written(image, "TIFF"),
    "webp": lambda image: written(image, "WEBP"),
    "cmyk": lambda image: written(image.convert("CMYK"), "JPEG"),
    "broken_exif": broken_exif,
    "rgba": lambda image: written(with_clear_corners(image), "PNG", compress_level=1),
    "sixteen_bit": lambda image: written(image.convert("L").convert("I").point(lambda value: value * 257).convert("I;16"), "PNG"),
    "many_pixels": lambda image: written(image.convert("1").resize(MANY_PIXELS), "PNG"),
}

AS_FILE = {*FORMATS, "large", "long_chunk", "corrupt"}


def as_file(kind: str, png: bytes, size: int, turn: int) -> bytes:
    """The file that a fault of this kind makes of a result; `size` is the least of `large`, in bytes."""
    if kind in FORMATS:
        with Image.open(io.BytesIO(png)) as image:
            return FORMATS[kind](image.convert("RGB"))
    if kind == "large":
        return with_chunk(png, b"grSa", bytes(max(0, size - len(png))))  # a chunk that readers pass over
    if kind == "long_chunk":
        return with_chunk(png, b"zTXt", b"text\0\0" + zlib.compress(b" " * LONG_TEXT))
    middle = len(png) // 2
    return (b"this is no picture" * 50, png[:middle], png[:middle] + b"\0" * 64 + png[middle + 64 :])[turn % 3]
