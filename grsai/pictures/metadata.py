"""Texts that a PNG carries beside its pixels, as ComfyUI's own pictures carry their workflow. All its other bytes stay."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import BinaryIO

from .whole import PNG_MARK

_MOST_AHEAD = 1 << 20  # bytes before the pixels: a profile may be long


class WithMetadata:
    """A file open to write. A PNG goes into it with `metadata` (texts by name) before its pixels; all else as it comes."""

    def __init__(self, file: BinaryIO, metadata: Mapping[str, str]) -> None:
        self._file = file
        self._chunks = b"".join(_chunk(name, text) for name, text in metadata.items())
        self._head: bytes | None = b""  # what came before the pixels; None: it is written

    def write(self, data: bytes) -> int:
        if self._head is None:
            return self._file.write(data)
        self._head += data
        place = _pixels_of(self._head)
        if place is not None or len(self._head) > _MOST_AHEAD or not PNG_MARK.startswith(self._head[: len(PNG_MARK)]):
            self._write_head(place)
        return len(data)

    def finish(self) -> None:
        """Nothing more comes."""
        if self._head is not None:
            self._write_head(None)

    def _write_head(self, place: int | None) -> None:
        head, self._head = self._head or b"", None
        self._file.write(head if place is None else head[:place] + self._chunks + head[place:])


def _pixels_of(head: bytes) -> int | None:
    """Where the first IDAT chunk of a PNG begins; None as long as it has not come."""
    place = len(PNG_MARK)
    while head.startswith(PNG_MARK) and place + 8 <= len(head):
        if head[place + 4 : place + 8] == b"IDAT":
            return place
        place += 12 + int.from_bytes(head[place : place + 4], "big")
    return None


def _chunk(name: str, text: str) -> bytes:
    """As Pillow writes it: tEXt, or iTXt where a letter is not in Latin-1."""
    try:
        kind, data = b"tEXt", name.encode("latin-1") + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        kind, data = b"iTXt", name.encode("latin-1") + b"\0" * 5 + text.encode("utf-8", "replace")
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
