"""A connection to PostgreSQL that takes the statements of the ledger as SQLite does. The one file that knows psycopg."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..errors import LedgerError
from ..places import Address
from ..redact import redact
from . import tables

if TYPE_CHECKING:
    import psycopg

_MAKING = 0x67727361  # "grsa": of the lock under which the tables are made
_BYTES = "\x02"  # begins what is stored for a name that is no text
_CONNECT = {
    "connect_timeout": 5, "application_name": "grsai",
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000,
}  # fmt: skip
_RETRIED = ("40001", "40P01")  # two that were in each other's way
# What each thing is called here that SQLite calls otherwise.
_WORDS = (
    (r" INDEXED BY \w+", ""),
    (r"CAST\((\w+ / \d+) AS INTEGER\)", r"floor(\1)"),
    (r"\binstr\(", "strpos("),
    (r"\bLIKE\b", "ILIKE"),
    (r"\bIS \?", "IS NOT DISTINCT FROM ?"),
    ("%", "%%"),
    (r"\?", "%s"),
)


class ServerConnection:
    """As `Connection`."""

    def __init__(self, raw: psycopg.Connection[Any], id: str) -> None:
        import psycopg

        self._raw = raw
        self._quoting = psycopg.ClientCursor(raw)
        self.id = id  # of the ledger
        self._process = os.getpid()

    def __del__(self) -> None:
        if os.getpid() == self._process:  # not its parent's
            self._raw.close()

    @property
    def is_lost(self) -> bool:
        return self._raw.closed

    @property
    def in_transaction(self) -> bool:
        return not self._raw.closed and self._raw.info.transaction_status != 0

    def execute(self, query: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        if not values:
            return self._raw.execute(_translated(query).replace("%%", "%"))  # type: ignore[call-overload]
        return self._raw.execute(_translated(query), [_given(value) for value in values])  # type: ignore[call-overload]

    def executemany(self, query: str, values: Iterable[Sequence[Any]], /) -> None:
        rows = [[_given(value) for value in row] for row in values]
        if rows:
            with self._raw.cursor() as cursor:
                cursor.executemany(_translated(query), rows)  # type: ignore[arg-type]

    def execute_all(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """One after the other, sent together."""
        whole = [self._whole(query, values) for query, values in statements]
        self._raw.execute("; ".join(whole))  # type: ignore[call-overload]

    def _whole(self, query: str, values: Sequence[Any]) -> str:
        """With its values in it, quoted as the server reads them."""
        if not values:
            return _translated(query).replace("%%", "%")
        given = [_given(value) for value in values]
        return self._quoting.mogrify(_translated(query), given)  # type: ignore[arg-type]

    def insert(self, names: Sequence[str], values: Sequence[Any]) -> int:
        """A new row of the tasks: its number."""
        row = self.insert_if("SELECT 1", (), dict(zip(names, values, strict=True)))
        assert row is not None
        return row

    def insert_if(self, question: str, asked: Sequence[Any], values: Mapping[str, Any]) -> int | None:
        """A new row of the tasks where the `question` has an answer: its number; else None.

        The same try once more, as the answer to the first statement was lost, is the same row.
        """
        places = ", ".join("?" * len(values))
        query = f"WITH mine AS ({question}) INSERT INTO tasks ({', '.join(values)}) SELECT {places} FROM mine"
        query += " ON CONFLICT (service, fingerprint, created) DO UPDATE SET row = tasks.row RETURNING row"
        made = self.execute(query, (*asked, *values.values())).fetchone()
        return made[0] if made is not None else None

    def begin_alone(self) -> None:
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        self.execute("LOCK TABLE journal_read IN SHARE ROW EXCLUSIVE MODE")

    def lock(self, name: str) -> None:
        self.execute("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", (name,))

    def roomy(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def close(self) -> None:
        self._raw.close()


def faults() -> tuple[type[BaseException], ...]:
    import psycopg

    return (psycopg.Error, OSError, UnicodeError)


def connect(address: Address) -> ServerConnection:
    """Connected, its tables those of today. Raises `LedgerError`."""
    raw = _connected(address)
    try:
        return ServerConnection(raw, _brought_up(raw, address))
    except faults() as error:
        raw.close()
        raise told(address, error) from None
    except BaseException:
        raw.close()
        raise


def told(address: Address, error: BaseException) -> LedgerError:
    """What the server, or the way to it, says."""
    why = redact(" ".join(str(error).split()), *address.secrets)
    state = getattr(error, "sqlstate", None)
    if state is None or state.startswith(("08", "57P", "28", "3D")):  # connection, shutdown, password, no such database
        text = "The ledger {path} does not answer: {why}. Check its server and its address, then run again."
        return LedgerError(text, path=address, why=why)
    return LedgerError("The ledger {path} refused what was asked: {why}.", path=address, why=why)


def is_in_the_way(error: BaseException) -> bool:
    """Whether the same would go well when it is done again."""
    return getattr(error, "sqlstate", None) in _RETRIED


def _connected(address: Address) -> psycopg.Connection[Any]:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        text = "The ledger {path} needs a package that is not installed. Install it: pip install psycopg[binary] distributed"
        raise LedgerError(text, path=address) from None
    try:
        given = conninfo_to_dict(address.reveal())
    except psycopg.Error:  # what it says may quote the password
        text = "{path} is no address of a PostgreSQL server. It is written postgresql://user:password@host:5432/database."
        raise LedgerError(text, path=address) from None
    try:
        options = {**_CONNECT, **given}
        return psycopg.connect(**options, autocommit=True, row_factory=_rows)  # type: ignore[arg-type]
    except (psycopg.Error, OSError, UnicodeError, ValueError) as error:
        raise told(address, error) from None


def _brought_up(raw: psycopg.Connection[Any], address: Address) -> str:
    """Makes the tables of a new ledger, or of an older one those of today. The id of the ledger."""
    raw.execute(f"SET search_path TO {tables.SCHEMA}")
    raw.execute("SET synchronous_commit TO off")  # for claims alone: all else is written within a transaction, which sets it
    known = _known(raw)
    if known is None or known[0] < tables.VERSION:
        raw.execute("SELECT pg_advisory_lock(%s)", (_MAKING,))  # before the transaction, which then sees what others have made
        try:
            with raw.transaction():
                _make(raw, _known(raw))
            known = _known(raw)
        finally:
            raw.execute("SELECT pg_advisory_unlock(%s)", (_MAKING,))
    assert known is not None
    if known[0] > tables.VERSION:
        text = "The ledger {path} was written by a newer version of this program. Update it, or name another ledger."
        raise LedgerError(text, path=address)
    return known[1]


def _make(raw: psycopg.Connection[Any], known: tuple[int, str] | None) -> None:
    """What is missing of the tables of today."""
    if known is None:
        for statement in (f"CREATE SCHEMA IF NOT EXISTS {tables.SCHEMA}", *tables.TABLES):
            raw.execute(statement)  # type: ignore[call-overload]
        raw.execute("INSERT INTO about (version, id) VALUES (1, %s)", (uuid.uuid4().hex,))
    for statement in (each for step in tables.LATER[known[0] - 1 if known else 0 :] for each in step):
        raw.execute(statement)  # type: ignore[call-overload]
    raw.execute("UPDATE about SET version = %s WHERE version < %s", (tables.VERSION, tables.VERSION))


def _known(raw: psycopg.Connection[Any]) -> tuple[int, str] | None:
    """Version and id of the ledger, if there is one."""
    there = raw.execute("SELECT to_regclass(%s)", (f"{tables.SCHEMA}.about",)).fetchone()
    return raw.execute("SELECT version, id FROM about").fetchone() if there and there[0] is not None else None


@functools.lru_cache(maxsize=512)
def _translated(query: str) -> str:
    for sqlite, here in _WORDS:
        query = re.sub(sqlite, here, query)
    return query


def _given(value: Any) -> Any:
    """As a text column takes it, which holds neither bytes nor NUL."""
    if isinstance(value, bytes):
        return _BYTES + value.decode("latin-1")
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) and "\0" in value else value


def _rows(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    return lambda values: tuple(map(_found, values))


def _found(value: Any) -> Any:
    """As SQLite gives it back: sums of whole numbers, and names that are no text."""
    if isinstance(value, str):
        return value[1:].encode("latin-1") if value.startswith(_BYTES) else value
    return int(value) if isinstance(value, Decimal) else value
