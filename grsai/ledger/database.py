"""The ledger's database: set aside where it is damaged, written by one thread at a time."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from filelock import FileLock

from ..errors import LedgerError
from .connection import FAULTS, Connection, connect, is_busy, is_damage, ledger_error, ledger_errors, make_beside, set_aside

T = TypeVar("T")
_HURRIED_SECONDS = 0.1
_log = logging.getLogger(__name__)


class Database:
    """Its methods may be called from any thread. Raises `LedgerError`s only.

    `complete` is called with each file that was opened, before it is used. A file that SQLite then finds damaged, or found so
    while opening it, is set aside, and a new one made. `unclean`: a process that had it open may have ended without closing it.
    `is_long`: whether so much is to be completed that a new file is better filled before it is put in place.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_seconds: float,
        complete: Callable[[Connection], None],
        unclean: bool = False,
        is_long: Callable[[], bool] = lambda: False,
    ) -> None:
        self.path = path
        self.damage: LedgerError | None = None  # why an earlier file was set aside
        self._busy_seconds = self._waits = busy_seconds
        self._complete = complete
        self._is_long = is_long
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
        self.do(lambda connection: connection.execute(query, values), one_statement=True)

    def do(self, work: Callable[[Connection], T], *, one_statement: bool = False) -> T:
        """Within a transaction. What threads do at once shares one, so `work` may run again where another's failed.

        `one_statement`: all that `work` does, which is a transaction by itself.
        """
        mine = _Work(work, one_statement)
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
            inode = None
            with contextlib.suppress(FileNotFoundError):
                inode = os.stat(self.path).st_ino
        if inode != self.inode:
            raise LedgerError("The ledger {path} was removed or replaced while it was in use. Start again.", path=self.path)

    def _alone(self, work: Callable[[], T]) -> T:
        """One thread after the other, and none of a forked process."""
        if os.getpid() != self._process:
            raise LedgerError("The ledger {path} was opened by another process. A forked one must open it anew.", path=self.path)
        with self._lock:
            try:
                return work()
            except FAULTS as error:
                if is_damage(error):
                    with contextlib.suppress(OSError):
                        self._suspect.touch()  # so that the next start looks at all of it
                raise ledger_error(self.path, error) from None

    def _result(self, mine: _Work[T]) -> T:
        """Once it is done, together with what else waits, unless another thread has done it by now."""
        if not mine.ended:
            works: list[_Work[Any]] = []
            while self._waiting:
                works.append(self._waiting.popleft())
            self._run(works)
        return mine.result()

    def _run(self, works: Sequence[_Work[Any]]) -> None:
        """All in one transaction; each in its own where one of them fails.

        Another writer is waited for, but only once: while it stays, all others are told so quickly.
        """
        whole = len(works) > 1 or not works[0].one_statement
        try:
            if whole:
                self._connection.execute("BEGIN IMMEDIATE")
            for work in works:
                work.run(self._connection)
            if whole:
                self._connection.execute("COMMIT")
            self._wait_at_most(self._busy_seconds)
        except Exception as error:
            self._roll_back()
            for work in works:
                work.failed(error)
            if is_busy(error):
                self._wait_at_most(_HURRIED_SECONDS)
            elif len(works) > 1:
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

    def _wait_at_most(self, seconds: float) -> None:
        if self._waits != seconds:
            self._connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
            self._waits = seconds

    def _open_or_set_aside(self) -> Connection:
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

    def _opened(self) -> Connection:
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


class _Work(Generic[T]):
    """What one thread wants done, and what came of it."""

    def __init__(self, work: Callable[[Connection], T], one_statement: bool) -> None:
        self.one_statement = one_statement
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
