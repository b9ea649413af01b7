"""Which process works on a job: a name that lives as long as its process."""

from __future__ import annotations

import contextlib
import time
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

_OLD_SECONDS = 60.0


class Owner:
    """This process's name for its claims. It lives as long as it holds the lock on a file of that name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = uuid.uuid4().hex
        self._folder = folder
        self._lock = FileLock(folder / self.name, thread_local=False)
        self._lock.acquire()
        self._sweep()

    def lives(self, name: str) -> bool:
        """Whether the process of that name still runs; the lock of one that was killed is free."""
        path = self._folder / Path(name).name
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
        with contextlib.suppress(OSError):
            path.unlink()
        return False

    def _sweep(self) -> None:
        """Removes what killed processes left; not what is so young that its process may be about to lock it."""
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _OLD_SECONDS:
                    self.lives(path.name)

    def leave(self) -> None:
        self._lock.release()
        with contextlib.suppress(OSError):
            (self._folder / self.name).unlink()
