"""The ledger's SQLite file: opened, checked, set aside where it is damaged, written by one thread at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..errors import LedgerBusy, LedgerError
from . import schema

Connection = sqlite3.Connection
_HURRIED_SECONDS = 0.1
# What SQLite says when the file itself is not to blame. Every other error while it is opened means damage.
_NOT_DAMAGED = ("locked", "busy", "readonly", "read-only", "full", "unable to open", "disk i/o", "permission", "protocol")
_UNUSABLE = "The ledger {path} cannot be used: {why}. Check free space and the permissions of its folder."


class Database:
    """Its methods may be called from any thread. Raises `LedgerError`s only.

    `complete` is called with each file that was opened, before it is used. A file that SQLite then finds damaged, or found so
    while opening it, is set aside, and a new one made.
    """

    def __init__(self, path: Path, *, busy_seconds: float, complete: Callable[[Connection], None]) -> None:
        self.path = path
        self.damage: LedgerError | None = None  # why an earlier file was set aside
        self._busy_seconds = self._waits = busy_seconds
        self._complete = complete
        self._lock = threading.RLock()
        with ledger_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open_or_set_aside()
            self.inode = path.stat().st_ino

    def close(self) -> None:
        with self._lock, ledger_errors(self.path):
            self._connection.close()

    def read(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock, ledger_errors(self.path):
            return self._connection.execute(query, values).fetchall()

    def write(self, query: str, values: tuple[Any, ...]) -> None:
        with self.transaction() as connection:
            connection.execute(query, values)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self._lock, ledger_errors(self.path):
            self._begin()
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it
                    self._connection.execute("ROLLBACK")
                raise

    def _begin(self) -> None:
        """Waits for another writer, but only once: while it stays locked, all others are told so quickly."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            self._wait_at_most(_HURRIED_SECONDS)
            raise
        self._wait_at_most(self._busy_seconds)

    def _wait_at_most(self, seconds: float) -> None:
        if self._waits != seconds:
            self._connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
            self._waits = seconds

    def _open_or_set_aside(self) -> Connection:
        try:
            return self._opened()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
        with FileLock(self.path.with_suffix(".lock"), thread_local=False):
            try:
                return self._opened()  # another process was quicker
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                aside = self._set_aside()
                text = "The ledger was damaged ({why}). It was set aside as {aside}, and made again from its journal."
                self.damage = LedgerError(text, why=error, aside=aside.name)
                return self._opened()

    def _opened(self) -> Connection:
        connection = _open(self.path, self._busy_seconds)
        try:
            self._complete(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> Path:
        now = time.strftime("%Y%m%d-%H%M%S")
        aside = self.path.with_name(f"{self.path.stem}.damaged-{now}-{uuid.uuid4().hex[:4]}{self.path.suffix}")
        for ending in ("", "-wal", "-shm"):
            file = self.path.with_name(self.path.name + ending)
            if file.exists():
                os.replace(file, aside.with_name(aside.name + ending))
        return aside


@contextlib.contextmanager
def ledger_errors(path: Path) -> Iterator[None]:
    """What SQLite or the disk says becomes a `LedgerError`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise LedgerBusy("The ledger {path} is locked by another program. Close it and run again.", path=path) from None
        raise LedgerError(_UNUSABLE, path=path, why=error) from None
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(_UNUSABLE, path=path, why=error) from None


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    said = str(error).lower()
    return not (isinstance(error, sqlite3.OperationalError) and any(each in said for each in _NOT_DAMAGED))


def _open(path: Path, busy_seconds: float) -> Connection:
    until = time.monotonic() + busy_seconds
    while True:
        try:
            return _connected(path, busy_seconds)
        except sqlite3.OperationalError as error:  # SQLite does not wait by itself for another process that opens it now
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _connected(path: Path, busy_seconds: float) -> Connection:
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    connection.text_factory = _text
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # what must survive a power cut is flushed into the journal
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("its check failed")
        _bring_up(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up(path: Path, connection: Connection) -> None:
    """Makes the tables of a new ledger, or of an older one those of today; what it holds stays."""
    version = _version(connection)
    if version > schema.VERSION:
        raise LedgerError(
            "The ledger {path} was written by a newer version of this program. Update it, or name another ledger.", path=path
        )
    if version == schema.VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) != schema.VERSION:  # else another process has done it meanwhile
        for statement in (*schema.FIRST, *schema.SECOND):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
    connection.execute("COMMIT")


def _version(connection: Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _text(content: bytes) -> str:
    """A row that was damaged must not make all others unreadable."""
    return content.decode("utf-8", "replace")
