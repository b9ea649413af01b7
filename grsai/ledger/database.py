"""A database that many threads ask: one at a time writes, and does what the others wait for."""

from __future__ import annotations

import collections
import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from ..errors import GrsaiError, LedgerError

T = TypeVar("T")


class Cursor(Protocol):
    """What a statement brought."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection to either kind of database. Statements are those of SQLite, with `?` for values."""

    def execute(self, query: str, values: Sequence[Any] = ..., /) -> Cursor: ...
    def executemany(self, query: str, values: Iterable[Sequence[Any]], /) -> object: ...
    def insert(self, names: Sequence[str], values: Sequence[Any]) -> int:
        """A new row of the tasks: its number."""
        ...

    def begin_alone(self) -> None:
        """Begins a transaction beside which nobody else takes a journal in."""
        ...

    def lock(self, name: str) -> None:
        """Until the transaction ends nobody else holds the lock of that name."""
        ...

    def roomy(self) -> contextlib.AbstractContextManager[None]:
        """For very many rows."""
        ...

    def close(self) -> None: ...


class Database:
    """Its methods may be called from any thread. Raises `LedgerError`s only. `place`: what messages call it."""

    _connection: Any
    _faults: tuple[type[BaseException], ...]

    def __init__(self, place: object) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._waiting: collections.deque[Work] = collections.deque()
        self._process = os.getpid()

    @property
    def identity(self) -> bytes:
        """Tells this ledger from all others."""
        raise NotImplementedError

    def close(self) -> None:
        """Does nothing in a process that was forked: the connection is its parent's."""
        raise NotImplementedError

    def check_place(self) -> None:
        """Raises where what is written now would be lost."""

    def read(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._alone(lambda: self._kept_up(lambda: self._connection.execute(query, values).fetchall()))

    def write(self, query: str, values: Sequence[Any], *, light: bool = False) -> None:
        """One statement, whose result nobody asks for. `light`: where its loss by a crash does no harm."""
        self._do(Work(lambda connection: connection.execute(query, values), True, light, (query, values)))

    def do(self, work: Callable[[Connection], T], *, one_statement: bool = False, light: bool = False) -> T:
        """Within a transaction. What threads do at once shares one, so `work` may run again where another's failed.

        `one_statement`: all that `work` does, which is a transaction by itself. `light`: where its loss by a crash does no harm.
        """
        return self._do(Work(work, one_statement, light))

    def _do(self, mine: Work) -> Any:
        self._waiting.append(mine)
        return self._alone(lambda: self._result(mine))

    def alone(self, work: Callable[[Connection], T]) -> T:
        """Outside of a transaction: `work` begins and ends its own. It may run again."""

        def whole() -> T:
            try:
                return work(self._connection)
            finally:
                self._roll_back()

        return self._alone(lambda: self._kept_up(whole))

    # What each kind of database does in its own way

    def _begin(self) -> None:
        raise NotImplementedError

    def _roll_back(self) -> None:
        raise NotImplementedError

    def _kept_up(self, work: Callable[[], T]) -> T:
        """`work` on the connection, which may have to be made anew for it."""
        return work()

    def _told(self, error: BaseException) -> GrsaiError:
        """What one of the `_faults` is called."""
        raise NotImplementedError

    def _went_well(self) -> None:
        pass

    def _is_for_all(self, error: Exception) -> bool:
        """Whether an error would meet every transaction now."""
        raise NotImplementedError

    # Turns

    def _alone(self, work: Callable[[], T]) -> T:
        """One thread after the other, and none of a forked process."""
        if os.getpid() != self._process:
            text = "The ledger {path} was opened by another process. A forked process must open it again."
            raise LedgerError(text, path=self.place)
        with self._lock:
            try:
                return work()
            except self._faults as error:
                raise self._told(error) from None

    def _result(self, mine: Work) -> Any:
        """Once it is done, together with what else waits, unless another thread has done it by now."""
        if not mine.ended:
            works: list[Work] = []
            while self._waiting:
                works.append(self._waiting.popleft())
            self._run(works)
        return mine.result()

    def _run(self, works: list[Work]) -> None:
        """All in one transaction; each in its own where one of them fails.

        Another writer, or a server that is away, is waited for, but only once: while it stays so, all others are told so quickly.
        """
        try:
            self._kept_up(lambda: self._transaction(works))
            self._went_well()
        except Exception as error:
            for work in works:
                work.failed(error)
            if not self._is_for_all(error) and len(works) > 1:
                self._run_each(works)
        except BaseException:  # Ctrl+C is for this thread alone
            self._run_each(works)
            raise

    def _transaction(self, works: list[Work]) -> None:
        whole = not self._one_statement(works)
        try:
            if whole:
                self._begin()
            for work in works:
                work.run(self._connection)
            if whole:
                self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _one_statement(self, works: list[Work]) -> bool:
        """Whether they are a transaction by themselves."""
        return len(works) == 1 and works[0].one_statement

    def _run_each(self, works: list[Work]) -> None:
        for work in works:
            self._run([work])


class Work:
    """What one thread wants done, and what came of it. `statement`: all of it, where nobody asks for its result."""

    def __init__(
        self,
        work: Callable[[Connection], Any],
        one_statement: bool,
        light: bool,
        statement: tuple[str, Sequence[Any]] | None = None,
    ) -> None:
        self.one_statement = one_statement
        self.light = light
        self.statement = statement
        self._work = work
        self._error: BaseException | None = None
        self._found: Any = None
        self.ended = False

    def run(self, connection: Connection) -> None:
        self._found, self._error, self.ended = self._work(connection), None, True

    def done(self) -> None:
        self._error, self.ended = None, True

    def failed(self, error: BaseException) -> None:
        self._error, self.ended = error, True

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._found
