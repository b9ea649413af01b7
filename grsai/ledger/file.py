"""The ledger's database in a file of this computer: set aside where it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from ..errors import GrsaiError, LedgerError
from .connection import (
    FAULTS,
    FileConnection,
    connect,
    is_busy,
    is_damage,
    ledger_error,
    ledger_errors,
    make_beside,
    set_aside,
)
from .database import Connection, Database

_HURRIED_SECONDS = 0.1
_log = logging.getLogger(__name__)


class FileDatabase(Database):
    """`complete` is called with each file that was opened, before it is used. A file that SQLite then finds damaged, or found so
    while opening it, is set aside, and a new one made. `unclean`: a process that had it open may have ended without closing it.
    `is_long`: whether so much is to be completed that a new file is better filled before it is put in place.
    """

    _faults = FAULTS
    _connection: FileConnection

    def __init__(
        self,
        path: Path,
        *,
        busy_seconds: float,
        complete: Callable[[Connection], None],
        unclean: bool = False,
        is_long: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(path)
        self.path = path
        self.damage: LedgerError | None = None  # why an earlier file was set aside
        self._busy_seconds = self._waits = busy_seconds
        self._complete = complete
        self._is_long = is_long
        self._suspect = path.with_name(f"{path.name}-damaged")  # there if damage was met while it was in use
        self._unclean = unclean or self._suspect.exists()
        with ledger_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open_or_set_aside()
            self._suspect.unlink(missing_ok=True)
            self._inode = path.stat().st_ino

    @property
    def identity(self) -> bytes:
        return os.fsencode(self.path.absolute()) + f" {self._inode}".encode()

    def close(self) -> None:
        if os.getpid() == self._process:
            with self._lock, ledger_errors(self.path):
                self._connection.close()

    def check_place(self) -> None:
        """Raises where the file is not the one that was opened: what is written now would be lost."""
        with ledger_errors(self.path):
            inode = None
            with contextlib.suppress(FileNotFoundError):
                inode = os.stat(self.path).st_ino
        if inode != self._inode:
            raise LedgerError("The ledger {path} was removed or replaced while it was in use. Start again.", path=self.path)

    def _begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # a full disk may have ended it
            self._connection.execute("ROLLBACK")

    def _told(self, error: BaseException) -> GrsaiError:
        assert isinstance(error, Exception)
        if is_damage(error):
            with contextlib.suppress(OSError):
                self._suspect.touch()  # so that the next start looks at all of it
        return ledger_error(self.path, error)

    def _went_well(self) -> None:
        self._wait_at_most(self._busy_seconds)

    def _is_for_all(self, error: Exception) -> bool:
        if is_busy(error):
            self._wait_at_most(_HURRIED_SECONDS)
            return True
        return False

    def _wait_at_most(self, seconds: float) -> None:
        if self._waits != seconds:
            self._connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
            self._waits = seconds

    def _open_or_set_aside(self) -> FileConnection:
        try:
            return self._opened()
        except FAULTS as error:
            if not is_damage(error):
                raise
        with self._lock_of_file():
            try:
                if self._is_there():
                    return self._opened()  # another process was quicker
            except FAULTS as error:
                if not is_damage(error):
                    raise
                aside = set_aside(self.path)
                _log.warning("the ledger %s was damaged and set aside as %s: %s", self.path, aside.name, error)
                text = "The ledger was damaged ({why}). It was set aside as {aside}, and made again from its journal."
                self.damage = LedgerError(text, why=error, aside=aside.name)
        return self._opened()

    def _opened(self) -> FileConnection:
        if not self._is_there() and self._is_long():
            with self._lock_of_file():
                if not self._is_there():
                    make_beside(self.path, self._complete)
        connection = connect(self.path, self._busy_seconds, thorough=self._unclean)
        try:
            self._complete(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_there(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > 0

    def _lock_of_file(self) -> FileLock:
        """Held by the process that sets the file aside, or makes it."""
        return FileLock(self.path.with_suffix(".lock"), thread_local=False)
