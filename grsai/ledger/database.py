"""The ledger's SQLite file: opened, checked, set aside where it is damaged, written by one thread at a time."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import re
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from filelock import FileLock

from ..errors import GrsaiError, LedgerBusy, LedgerError
from . import schema

Connection = sqlite3.Connection
T = TypeVar("T")
_HURRIED_SECONDS = 0.1
# What SQLite says when the file itself is not to blame. Every other error means damage.
_NOT_DAMAGED = ("locked", "busy", "readonly", "read-only", "full", "unable to open", "disk i/o", "permission", "protocol", "too ")
_FAULTS = (sqlite3.Error, OSError, UnicodeDecodeError)
_UNUSABLE = "The ledger {path} cannot be used: {why}. Check free space and the permissions of its folder."
_MAGIC = b"SQLite format 3\0"
_OURS, _LOOKED_AT = b"tasks_by_job", 1 << 20  # what the first bytes of a damaged ledger still say
# Up to these sizes a file is checked at each start, above them only where its last process was killed, or damage was met.
_CHECKED_WHOLE, _CHECKED = 4 << 20, 16 << 20
_NOT_OF_DATABASES = (".journal", ".lock")  # what lies beside a ledger under its name
_log = logging.getLogger(__name__)


class Database:
    """Its methods may be called from any thread. Raises `LedgerError`s only.

    `complete` is called with each file that was opened, before it is used. A file that SQLite then finds damaged, or found so
    while opening it, is set aside, and a new one made. `unclean`: a process that had it open may have ended without closing it.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_seconds: float,
        complete: Callable[[Connection], None],
        unclean: bool = False,
    ) -> None:
        self.path = path
        self.damage: LedgerError | None = None  # why an earlier file was set aside
        self._busy_seconds = self._waits = busy_seconds
        self._complete = complete
        self._suspect = path.with_name(f"{path.name}-damaged")  # there if damage was met while it was in use
        self._unclean = unclean or self._suspect.exists()
        self._lock = threading.Lock()
        self._waiting: collections.deque[_Work[Any]] = collections.deque()
        self._process = os.getpid()
        with ledger_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open_or_set_aside()
            self._suspect.unlink(missing_ok=True)
            self.inode = path.stat().st_ino

    def close(self) -> None:
        """Does nothing in a process that was forked: the connection is its parent's."""
        if os.getpid() == self._process:
            with self._lock, ledger_errors(self.path):
                self._connection.close()

    def read(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._alone(lambda: self._connection.execute(query, values).fetchall())

    def write(self, query: str, values: Sequence[Any]) -> None:
        self.do(lambda connection: connection.execute(query, values))

    def do(self, work: Callable[[Connection], T]) -> T:
        """Within a transaction. What threads do at once shares one, so `work` may run again where another's failed."""
        mine = _Work(work)
        self._waiting.append(mine)
        return self._alone(lambda: self._result(mine))

    def alone(self, work: Callable[[Connection], T]) -> T:
        """Outside of a transaction: `work` begins and ends its own."""

        def whole() -> T:
            try:
                return work(self._connection)
            finally:
                self._roll_back()

        return self._alone(whole)

    def check_place(self) -> None:
        """Raises where the file is not the one that was opened: what is written now would be lost."""
        with ledger_errors(self.path):
            there = self.path.exists() and self.path.stat().st_ino == self.inode
        if not there:
            raise LedgerError("The ledger {path} was removed or replaced while it was in use. Start again.", path=self.path)

    def _alone(self, work: Callable[[], T]) -> T:
        """One thread after the other, and none of a forked process."""
        if os.getpid() != self._process:
            raise LedgerError("The ledger {path} was opened by another process. A forked one must open it anew.", path=self.path)
        with self._lock:
            try:
                return work()
            except _FAULTS as error:
                if not isinstance(error, OSError) and _is_damage(error):
                    with contextlib.suppress(OSError):
                        self._suspect.touch()  # so that the next start looks at all of it
                raise _ledger_error(self.path, error) from None

    def _result(self, mine: _Work[T]) -> T:
        """Once it is done, together with what else waits, unless another thread has done it by now."""
        if not mine.ended:
            works: list[_Work[Any]] = []
            while self._waiting:
                works.append(self._waiting.popleft())
            self._run(works)
        return mine.result()

    def _run(self, works: Sequence[_Work[Any]]) -> None:
        """All in one transaction; each in its own where one of them fails."""
        try:
            self._begin()
            for work in works:
                work.run(self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:
            self._roll_back()
            for work in works:
                work.failed(error)
            if len(works) > 1 and not _is_busy(error):
                self._run_each(works)
        except BaseException:  # Ctrl+C is for this thread alone
            self._roll_back()
            self._run_each(works)
            raise

    def _run_each(self, works: Sequence[_Work[Any]]) -> None:
        for work in works:
            self._run([work])

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # a full disk may have ended it
            self._connection.execute("ROLLBACK")

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
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not _is_damage(error):
                raise
        with FileLock(self.path.with_suffix(".lock"), thread_local=False):
            try:
                return self._opened()  # another process was quicker
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if not _is_damage(error):
                    raise
                aside = self._set_aside()
                _log.warning("the ledger %s was damaged and set aside as %s: %s", self.path, aside.name, error)
                text = "The ledger was damaged ({why}). It was set aside as {aside}, and made again from its journal."
                self.damage = LedgerError(text, why=error, aside=aside.name)
                return self._opened()

    def _opened(self) -> Connection:
        connection = _open(self.path, self._busy_seconds, thorough=self._unclean)
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


class _Work(Generic[T]):
    """What one thread wants done, and what came of it."""

    def __init__(self, work: Callable[[Connection], T]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._found: Any = None
        self.ended = False

    def run(self, connection: Connection) -> None:
        self._found, self._error, self.ended = self._work(connection), None, True

    def failed(self, error: BaseException) -> None:
        self._error, self.ended = error, True

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._found


@contextlib.contextmanager
def ledger_errors(path: Path) -> Iterator[None]:
    """What SQLite or the disk says becomes a `LedgerError`."""
    try:
        yield
    except _FAULTS as error:
        raise _ledger_error(path, error) from None


def _ledger_error(path: Path, error: Exception) -> GrsaiError:
    if _is_busy(error):
        return LedgerBusy("The ledger {path} is locked by another program. Close it and run again.", path=path)
    if isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError) and _is_damage(error):
        text = "The ledger {path} is damaged: {why}. Run again: it is then made again from its journal."
        return LedgerError(text, path=path, why=error)
    return LedgerError(_UNUSABLE, path=path, why=getattr(error, "strerror", None) or error)


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and any(each in str(error) for each in ("locked", "busy"))


def _is_damage(error: Exception) -> bool:
    said = str(error).lower()
    kind = sqlite3.OperationalError
    return not isinstance(error, sqlite3.ProgrammingError) and not (
        isinstance(error, kind) and any(each in said for each in _NOT_DAMAGED)
    )


def _no_ledger(path: Path) -> LedgerError:
    return LedgerError("{path} is no ledger of this program. It is left as it is; name another file with --ledger.", path=path)


def _open(path: Path, busy_seconds: float, *, thorough: bool) -> Connection:
    until = time.monotonic() + busy_seconds
    while True:
        try:
            return _connected(path, busy_seconds, thorough=thorough)
        except sqlite3.OperationalError as error:  # SQLite does not wait by itself for another process that opens it now
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _connected(path: Path, busy_seconds: float, *, thorough: bool) -> Connection:
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
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


@contextlib.contextmanager
def roomy(connection: Connection) -> Iterator[None]:
    """For very many rows: memory for the indexes that they go into, and a WAL that is not emptied all the time."""
    before = [(name, connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("cache_size", "wal_autocheckpoint")]
    connection.execute("PRAGMA cache_size = -65536")  # KiB
    connection.execute("PRAGMA wal_autocheckpoint = 16384")  # pages
    try:
        yield
    finally:
        for name, value in before:
            connection.execute(f"PRAGMA {name} = {value}")
        connection.execute("PRAGMA shrink_memory")


def refuse_foreign(path: Path, *, was_ours: Callable[[], bool]) -> None:
    """Raises for a file that is no ledger, before anything is written beside it.

    `was_ours` is asked of one that cannot be read: a ledger may have been damaged so that nothing in it tells what it was.
    """
    with ledger_errors(path):
        ours = path.suffix not in _NOT_OF_DATABASES
        if path.exists():
            ours = ours and path.is_file() and (_is_readable(path) or was_ours())
        if not ours:
            raise _no_ledger(path)


def _is_readable(path: Path) -> bool:
    """Whether it is a ledger, or nothing yet. Raises for a database of another program."""
    with open(path, "rb") as file:
        begin = file.read(_LOOKED_AT)
    if begin.startswith(_MAGIC):
        with contextlib.suppress(sqlite3.DatabaseError, UnicodeDecodeError):
            with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
                _refuse_foreign_tables(path, connection)
                return True
    return not begin or _OURS in begin


def _refuse_foreign_tables(path: Path, connection: Connection) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    ((program,),) = connection.execute("PRAGMA application_id").fetchall()
    columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(tasks)")}
    if tables and program != schema.PROGRAM and not {"fingerprint", "task_id"} <= columns:
        raise _no_ledger(path)


def _check(path: Path, connection: Connection, *, thorough: bool) -> None:
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


def _indexes_agree(connection: Connection) -> bool:
    """Whether each index of the tasks has as many entries as there are tasks: what it lacks would be paid again."""
    names = [name for _, name, *_ in connection.execute("PRAGMA index_list(tasks)")]
    counted = [
        connection.execute(f"SELECT count(*) FROM tasks {by}").fetchone()
        for by in ("NOT INDEXED", *map("INDEXED BY {}".format, names))
    ]
    return len(set(counted)) == 1


def _size_in_header(path: Path) -> int:
    """Bytes that the file had when it was last brought up to date from its WAL."""
    with open(path, "rb") as file:
        header = file.read(32)
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


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
        connection.execute(f"PRAGMA application_id = {schema.PROGRAM}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
    connection.execute("COMMIT")


def _version(connection: Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _text(content: bytes) -> str:
    """A row that was damaged must not make all others unreadable."""
    return content.decode("utf-8", "replace")
