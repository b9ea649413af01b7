"""Whether a picture file has its end and its right sums, read in small pieces. Pillow does not tell where it was made lenient."""

from __future__ import annotations

import os
import re
import types
import zlib
from collections.abc import Iterator
from typing import BinaryIO

_PIECE = 1 << 16
PNG_MARK = b"\x89PNG\r\n\x1a\n"
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")  # the chunks that make the pixels of a PNG

# Kinds by what stands where in a file, also those that Pillow does not know. The first one that fits counts.
_MARKS = (
    (0, rb"\x89PNG\r\n\x1a\n", ".png"),
    (0, rb"\xff\xd8\xff", ".jpg"),
    (0, rb"RIFF....WEBP", ".webp"),
    (0, rb"GIF8[79]a", ".gif"),
    (4, rb"ftypavi[fs]", ".avif"),
    (4, rb"ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", ".heic"),
    (0, rb"(\xff\x0a|\x00\x00\x00\x0cJXL )", ".jxl"),
    (0, rb"(\xff\x4f\xff\x51|\x00\x00\x00\x0cjP  )", ".jp2"),
    (0, rb"(II\*\x00|MM\x00\*)", ".tif"),
)
NEED_A_PLUGIN = types.MappingProxyType({".avif": "AVIF", ".heic": "HEIF", ".jxl": "JXL"})  # as Pillow calls them


def is_cut(file: BinaryIO, kind: str) -> bool:
    """Whether a picture of a kind, as Pillow calls it, ends too early, or the sums of a PNG are wrong."""
    size = file.seek(0, os.SEEK_END)
    if kind == "PNG":
        return not any(name == b"IEND" for name, _ in _chunks(file))
    if kind in ("JPEG", "MPO"):
        return not _holds(file, b"\xff\xd9", _scan_of(file))
    if kind == "JPEG2000":
        return not _holds(file, b"\xff\xd9", 12)
    if kind == "WEBP":
        return int.from_bytes(_at(file, 4, 4), "little") + 8 > size
    if kind == "BMP":
        return int.from_bytes(_at(file, 2, 4), "little") > size
    return kind == "GIF" and not _at(file, max(size - _PIECE, 0), _PIECE).rstrip(b"\0").endswith(b";")


def is_sound_png(file: BinaryIO, *, most_pixels: int) -> bool:
    """Whether a file is surely a whole PNG: all its sums are right, and its pixels begin as they should.

    That takes a tenth of decoding it. A file of which this is not sure may be one all the same.
    """
    if _at(file, 0, len(PNG_MARK)) != PNG_MARK:
        return False
    head = pixels = end = b""
    for name, (start, stop) in _chunks(file):
        head = head or name
        if name == b"IHDR":
            width, height = (int.from_bytes(_at(file, start + 8 + place, 4), "big") for place in (0, 4))
            if not 0 < width * height <= most_pixels:
                return False
        if name == b"IDAT" and not pixels:
            pixels = _at(file, start + 8, min(stop - start - 12, _PIECE))
        end = name
    try:
        return (head, end) == (b"IHDR", b"IEND") and bool(zlib.decompressobj().decompress(pixels, _PIECE))
    except zlib.error:
        return False


def bare_png(file: BinaryIO) -> bytes:
    """A PNG without texts, profile and all else that is beside its pixels."""
    kept = [PNG_MARK]
    for name, (start, end) in _chunks(file):
        if name in _NEEDED:
            kept.append(_at(file, start, end - start))
    return b"".join(kept)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The chunks of a PNG, name and place, up to its end or to the first one that is not whole."""
    place, name = 8, b""
    while name != b"IEND":
        head = _at(file, place, 8)
        left, name = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8:
            return
        end, total = place + 12 + left, zlib.crc32(name)
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                return
            total, left = zlib.crc32(piece, total), left - len(piece)
        if file.read(4) != total.to_bytes(4, "big"):
            return
        yield name, (place, end)
        place = end


def _scan_of(file: BinaryIO) -> int:
    """Where the first scan of a JPEG begins: the thumbnail in its header has an end of its own."""
    place = 2
    while len(head := _at(file, place, 4)) == 4 and head[1] != 0xDA:
        place += 2 + int.from_bytes(head[2:], "big")
    return place


def _holds(file: BinaryIO, mark: bytes, start: int) -> bool:
    file.seek(start)
    kept = b""
    while piece := file.read(_PIECE):
        if mark in kept + piece:
            return True
        kept = piece[-len(mark) + 1 :]
    return False


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def kind_by_bytes(head: bytes) -> str:
    """The suffix of a picture by its first bytes; empty for a kind that nobody knows."""
    return next((suffix for place, mark, suffix in _MARKS if re.match(mark, head[place:], re.DOTALL)), "")
