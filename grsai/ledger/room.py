"""Room on the disk, kept before a request is paid for what must be written down once it is: the disk may be full by then."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

_STEP = 1 << 16
_SHARE = 1 << 14  # bytes that are given at once: what else is written, pictures for one, takes what is free


class Room:
    """A file of this process that holds nothing. It is made smaller where a line finds no room."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0
        self._needed = 0
        self._lock = threading.Lock()

    def keep(self, more: int) -> None:
        """Holds so many bytes more, until they are spared. Raises OSError where the disk has no such room."""
        with self._lock:
            self._needed += more
            if self._size >= self._needed:
                return
            self._size = self._path.stat().st_size if self._path.exists() else 0
            missing = -(-max(self._needed - self._size, 1) // _STEP) * _STEP
            try:
                self._grow(missing)
            except OSError:
                self._shrink(self._size)  # what was written of it leaves no room for anything else
                raise
            self._size += missing

    def spare(self, less: int) -> None:
        with self._lock:
            self._needed -= less

    def give(self) -> bool:
        """Frees a share of it; False if nothing is left."""
        with self._lock:
            if self._size == 0:
                return False
            self._size = self._shrink(max(self._size - _SHARE, 0))
            return True

    def leave(self) -> None:
        with self._lock:
            self._path.unlink(missing_ok=True)
            self._size = 0

    def _grow(self, missing: int) -> None:
        with open(self._path, "ab", buffering=0) as file:
            if file.write(os.urandom(missing)) != missing:  # zeros may need no room
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())

    def _shrink(self, size: int) -> int:
        """The size that it then has: none if somebody has removed it."""
        try:
            os.truncate(self._path, size)
        except OSError:
            return 0
        return size
