"""The ledger's journal: one plain line for everything that happened to a paid task. It survives a damaged database.

A line is a JSON object that ends in `"sum"`, the CRC-32 of what stands before it. Lines of version 1.0 have none.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from filelock import FileLock

from .room import Room

Facts = dict[str, Any]
_SUM = len(',"sum":"01234567"}')
_CHUNK = 4 << 20  # bytes that are read at once
_LONGEST = 16 << 20  # bytes of a line; the longest prompt has a hundredth of it
_ENDING = 64  # bytes before a place by which it is known again


class Chunk(NamedTuple):
    """Lines that follow each other: what they say, and where they begin and end in the file."""

    facts: list[Facts]
    begin: int
    end: int


class Journal:
    """A file of lines. Processes may append to it at once; a line that was cut short or changed does not count."""

    def __init__(self, path: Path, room: Room | None = None) -> None:
        self.path = path
        self._room = room or Room(path)
        self._lock = threading.Lock()  # over the lines that wait
        self._writer = threading.Lock()
        self._waiting: list[_Line] = []

    def append(self, *facts: Facts) -> tuple[int, int]:
        """Where the line, or lines, begin and end, once they are safe on disk. Raises OSError.

        Threads that append at once share one write and one flush. On a full disk the line takes of the room that was kept.
        """
        line = _Line(b"".join(map(as_line, facts)))
        with self._lock:
            self._waiting.append(line)
        with self._writer:
            if not line.ended:
                with self._lock:
                    lines, self._waiting = self._waiting, []
                self._write(lines)
        if line.error is not None:
            raise OSError(line.error.errno, line.error.strerror or str(line.error))
        return line.begin, line.begin + len(line.text)

    def chunks(self, begin: int = 0) -> Iterator[Chunk]:
        """All whole lines from a place on, or from the next beginning of a line; some MB at once."""
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            if begin > 0:
                file.seek(begin - 1)
                file.readline()
            place = file.tell()
            while text := _whole_lines(file, place):
                yield Chunk([facts for line in text.splitlines() if (facts := facts_of(line))], place, place + len(text))
                place += len(text)

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def ending(self, place: int) -> str:
        """What stands before a place, for knowing again whether this is the file that was read up to there."""
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb") as file:
            file.seek(max(place - _ENDING, 0))
            return file.read(min(place, _ENDING)).hex()
        return ""

    def _write(self, lines: Sequence[_Line]) -> None:
        """Never raises: who waits for a line learns from it how it went."""
        try:
            with self._alone():
                end = self._append(b"".join(line.text for line in lines))
        except OSError as error:
            for line in lines:
                line.error, line.ended = error, True
            return
        for line in reversed(lines):
            line.begin, line.ended = end - len(line.text), True
            end = line.begin

    def _append(self, text: bytes) -> int:
        """Where the file ends then."""
        while True:
            try:
                with open(self.path, "ab+", buffering=0) as file:
                    whole = b"\n" + text if _is_cut(file) else text  # by a full disk
                    if file.write(whole) != len(whole):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file.fileno())
                    return file.tell()
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._room.give():
                    raise

    def _alone(self) -> contextlib.AbstractContextManager[Any]:
        """On Windows, appending is looking for the end and then writing there: two processes would write over each other."""
        return FileLock(self.path.with_name(f"{self.path.name}.lock")) if os.name == "nt" else contextlib.nullcontext()


def is_journal(path: Path) -> bool:
    """Whether the ledger that this file lies beside wrote it."""
    return any("task_id" in facts for chunk in Journal(path).chunks() for facts in chunk.facts)


class _Line:
    """A line that waits to be written, or several that stay together."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.begin = 0
        self.error: OSError | None = None
        self.ended = False


def as_line(facts: Facts) -> bytes:
    try:
        text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a name that is no text
        text = json.dumps(facts, separators=(",", ":")).encode()
    return b'%s,"sum":"%08x"}\n' % (text[:-1], zlib.crc32(text[:-1]))


def facts_of(line: bytes) -> Facts | None:
    """What a line says, its sum included; None for one that is not as it was written."""
    has_sum = line[-_SUM:].startswith(b',"sum":"') and line.endswith(b'"}')
    if has_sum and b"%08x" % zlib.crc32(line[:-_SUM]) != line[-10:-2]:
        return None
    try:
        facts = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) and ("sum" in facts) == has_sum else None


def _whole_lines(file: IO[bytes], place: int) -> bytes:
    """Some MB of lines from `place` on; nothing at the end, or where the last line is not finished."""
    file.seek(place)
    text = file.read(_CHUNK)
    while (end := text.rfind(b"\n")) < 0 and len(text) < _LONGEST and (more := file.read(_CHUNK)):
        text += more
    return text[: end + 1] if end >= 0 else text if len(text) >= _LONGEST else b""


def _is_cut(file: Any) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"
