"""The ledger's SQLite file: told from what is none, opened, checked, its tables made. The one file that knows SQLite."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import GrsaiError, LedgerBusy, LedgerError
from . import schema

FAULTS = (sqlite3.Error, OSError, UnicodeDecodeError, NotImplementedError)  # the last one: a disk that has no locks
# What SQLite says when the file itself is not to blame. Every other error means damage.
_NOT_DAMAGED = ("locked", "busy", "readonly", "read-only", "full", "unable to open", "disk i/o", "permission", "protocol", "too ")
_UNUSABLE = "The ledger {path} cannot be used: {why}. Check free space and the permissions of its folder."
_OURS, _LOOKED_AT = b"tasks_by_job", 1 << 20  # what the first bytes of a damaged ledger still say
_LEAST_PAGE = 512  # bytes
_NOT_OF_DATABASES = (".journal", ".lock")  # what lies beside a ledger under its name
# Up to these sizes a file is checked at each start, above them only where its last process was killed, or damage was met.
_CHECKED_WHOLE, _CHECKED = 4 << 20, 16 << 20
_log = logging.getLogger(__name__)


class FileConnection(sqlite3.Connection):
    """SQLite's own, which the ledger asks as it asks any other database."""

    def insert(self, names: Sequence[str], values: Sequence[Any]) -> int:
        places = ", ".join("?" * len(names))
        row = self.execute(f"INSERT INTO tasks ({', '.join(names)}) VALUES ({places})", values).lastrowid
        assert row is not None
        return row

    def begin_alone(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def lock(self, name: str) -> None:
        """Who writes is alone anyway."""

    @contextlib.contextmanager
    def roomy(self) -> Iterator[None]:
        """For very many rows: memory for the indexes that they go into, and a WAL that is not emptied all the time."""
        before = [(name, self.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("cache_size", "wal_autocheckpoint")]
        self.execute("PRAGMA cache_size = -65536")  # KiB
        self.execute("PRAGMA wal_autocheckpoint = 16384")  # pages
        try:
            yield
        finally:
            for name, value in before:
                self.execute(f"PRAGMA {name} = {value}")
            self.execute("PRAGMA shrink_memory")


@contextlib.contextmanager
def ledger_errors(path: Path) -> Iterator[None]:
    """What SQLite or the disk says becomes a `LedgerError`."""
    try:
        yield
    except FAULTS as error:
        raise ledger_error(path, error) from None


def ledger_error(path: Path, error: Exception) -> GrsaiError:
    if is_busy(error):
        return LedgerBusy("The ledger {path} is locked by another program. Close it and run again.", path=path)
    if is_damage(error):
        text = "The ledger {path} is damaged: {why}. Run again: it is then made again from its journal."
        return LedgerError(text, path=path, why=error)
    return LedgerError(_UNUSABLE, path=path, why=getattr(error, "strerror", None) or error)


def is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and any(each in str(error) for each in ("locked", "busy"))


def is_damage(error: BaseException) -> bool:
    """Whether an error says that the file itself is damaged."""
    if not isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError):
        return False
    said = str(error).lower()
    kind = sqlite3.OperationalError
    return not isinstance(error, sqlite3.ProgrammingError) and not (
        isinstance(error, kind) and any(each in said for each in _NOT_DAMAGED)
    )


def _no_ledger(path: Path) -> LedgerError:
    return LedgerError("{path} is no ledger of this program. It is left as it is; name another file with --ledger.", path=path)


def connect(path: Path, busy_seconds: float, *, thorough: bool) -> FileConnection:
    """An open ledger, checked, its tables those of today. `thorough`: checked whole, whatever its size."""
    until = time.monotonic() + busy_seconds
    while True:
        try:
            return _connected(path, busy_seconds, thorough=thorough)
        except sqlite3.OperationalError as error:  # SQLite does not wait by itself for another process that opens it now
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _connected(path: Path, busy_seconds: float, *, thorough: bool) -> FileConnection:
    connection = sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, factory=FileConnection
    )
    connection.text_factory = _text
    try:
        _refuse_foreign_tables(path, connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # what must survive a power cut is flushed into the journal
        _check(path, connection, thorough=thorough)
        _bring_up(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def refuse_foreign(path: Path, *, was_ours: Callable[[], bool]) -> None:
    """Raises for a file that is no ledger, before anything is written beside it.

    `was_ours` is asked of one that cannot be read: a ledger may have been damaged so that nothing in it tells what it was.
    """
    with ledger_errors(path):
        ours = path.suffix not in _NOT_OF_DATABASES and "\0" not in str(path)
        if ours and path.exists():
            ours = path.is_file() and (_is_readable(path) or was_ours())
        if not ours:
            raise _no_ledger(path)


def _is_readable(path: Path) -> bool:
    """Whether it is a ledger, or nothing yet. Raises for a database of another program."""
    size = path.stat().st_size
    if size >= _LEAST_PAGE:  # SQLite takes anything smaller for an empty file
        with contextlib.suppress(sqlite3.DatabaseError, UnicodeDecodeError):
            with _as_it_lies(path) as connection:
                _refuse_foreign_tables(path, connection)
                return True
    if not size:
        return True
    with open(path, "rb") as file:
        return _OURS in file.read(_LOOKED_AT)


@contextlib.contextmanager
def _as_it_lies(path: Path) -> Iterator[sqlite3.Connection]:
    """To read a file without its WAL and without locks.

    Only SQLite may open a ledger that this process has in use: closing a file gives up all locks that the process has on it, and
    the next process that closes the ledger would then take away its WAL.
    """
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
        yield connection


def _refuse_foreign_tables(path: Path, connection: sqlite3.Connection) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    ((program,),) = connection.execute("PRAGMA application_id").fetchall()
    columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(tasks)")}
    if tables and program != schema.PROGRAM and not {"fingerprint", "task_id"} <= columns:
        raise _no_ledger(path)


def set_aside(path: Path) -> Path:
    """Where the file then is, with what belongs to it."""
    now = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{now}-{uuid.uuid4().hex[:4]}{path.suffix}")
    for ending in ("", "-wal", "-shm"):
        file = path.with_name(path.name + ending)
        if file.exists():
            os.replace(file, aside.with_name(aside.name + ending))
    return aside


def make_beside(path: Path, fill: Callable[[FileConnection], None]) -> None:
    """A new ledger of very many rows: filled under another name, without what slows that down, then put in place whole."""
    for left in path.parent.glob(f"{path.name}.*.new"):  # by a process that was killed
        left.unlink()
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.new")
    with contextlib.closing(sqlite3.connect(draft, isolation_level=None, factory=FileConnection)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -98304")  # KiB: the index by id fits
        _bring_up(path, connection)
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
        later = [(name, sql) for name, sql in indexes if name != "tasks_by_id"]
        for name, _ in later:
            connection.execute(f"DROP INDEX {name}")
        fill(connection)
        for _, sql in later:
            connection.execute(sql)
    with open(draft, "r+b") as file:
        os.fsync(file.fileno())
    for ending in ("-wal", "-shm"):  # of a file that is gone
        path.with_name(path.name + ending).unlink(missing_ok=True)
    os.replace(draft, path)


def _check(path: Path, connection: sqlite3.Connection, *, thorough: bool) -> None:
    size = path.stat().st_size
    if size <= _CHECKED_WHOLE or (thorough and not _indexes_agree(connection)):
        said = [text for (text,) in connection.execute("PRAGMA integrity_check(100)")]
        if said != ["ok"] and all(re.search(r"missing from index|entries in index|non-unique entry", text) for text in said):
            _log.warning("the indexes of the ledger %s are made again: %s", path, said[0])
            connection.execute("REINDEX")
            said = [text for (text,) in connection.execute("PRAGMA integrity_check(1)")]
    elif size <= _CHECKED or thorough:
        said = [text for (text,) in connection.execute("PRAGMA quick_check(1)")]
    else:
        said = ["ok"]
        if size < _size_in_header(path):
            raise sqlite3.DatabaseError("its end is missing")
    if said != ["ok"]:
        raise sqlite3.DatabaseError("its check failed")


def _indexes_agree(connection: sqlite3.Connection) -> bool:
    """Whether each index of the tasks has as many entries as there are tasks: what it lacks would be paid again."""
    names = [name for _, name, *_ in connection.execute("PRAGMA index_list(tasks)")]
    counted = [
        connection.execute(f"SELECT count(*) FROM tasks {by}").fetchone()
        for by in ("NOT INDEXED", *map("INDEXED BY {}".format, names))
    ]
    return len(set(counted)) == 1


def _size_in_header(path: Path) -> int:
    """Bytes that the file had when it was last brought up to date from its WAL."""
    with _as_it_lies(path) as connection:
        ((pages,), (size,)) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return pages * size


def _bring_up(path: Path, connection: sqlite3.Connection) -> None:
    """Makes the tables of a new ledger, or of an older one those of today; what it holds stays."""
    version = _version(connection)
    if version > schema.VERSION:
        raise LedgerError(
            "The ledger {path} was written by a newer version of this program. Update it, or name another ledger.", path=path
        )
    if version == schema.VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if (version := _version(connection)) != schema.VERSION:  # else another process has done it meanwhile
        for number, step in schema.STEPS.items():
            for statement in step if number == 1 or number > version else ():
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.PROGRAM}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _text(content: bytes) -> str:
    """A row that was damaged must not make all others unreadable."""
    return content.decode("utf-8", "replace")
