"""Brings the history of one ledger into another. What stands there already stays, and the same may be done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import remarks
from .database import Connection
from .entries import COLUMNS, as_text, is_whole
from .journal import Facts
from .ledger import Ledger
from .remarks import remarks_in
from .replay import INSERT, UPDATE, later, values_of

_AT_ONCE = 500  # rows
_ALL = f"SELECT {', '.join(COLUMNS)} FROM tasks WHERE row > ? ORDER BY row LIMIT ?"
_KNOWN = f"SELECT {', '.join(COLUMNS)} FROM tasks INDEXED BY tasks_by_job WHERE service = ? AND fingerprint IN ({{places}})"
_UPLOADS = (
    "INSERT INTO uploads (digest, service, url, created) VALUES (?, ?, ?, ?) ON CONFLICT (digest, service)"
    " DO UPDATE SET url = excluded.url, created = excluded.created WHERE excluded.created > uploads.created"
)
_SAID = "SELECT kind, about, service, said, changed FROM remarks"
Change = tuple[int | None, Facts]  # the row that changes, or none for a new one, and what it holds then


class Copied(NamedTuple):
    """How many tasks there are in the one ledger, and how many of them the other one did not know, or not as far."""

    tasks: int
    news: int


def copy(source: Ledger, target: Ledger, *, on_progress: Callable[[int], object] = lambda tasks: None) -> Copied:
    """All services. Raises `LedgerError`; what is copied by then stays, and the same again goes on."""
    row, tasks, news = 0, 0, 0
    while found := source.database.read(_ALL, (row, _AT_ONCE)):
        facts = [dict(zip(COLUMNS, each, strict=True)) for each in found]
        row = facts[-1]["row"]
        whole = [as_text(each) for each in facts if is_whole(each)]
        changes = target.database.do(lambda database, whole=whole: _write(database, whole))
        target.keep_in_journal([facts for _, facts in changes if facts["task_id"] is not None])
        tasks, news = tasks + len(whole), news + len(changes)
        on_progress(tasks)
    target.database.do(lambda database: database.executemany(_UPLOADS, source.database.read("SELECT * FROM uploads", ())))
    _copy_remarks(source, target)
    return Copied(tasks, news)


def _copy_remarks(source: Ledger, target: Ledger) -> None:
    said = [each for row in source.database.read(_SAID, ()) if (each := remarks.of_row(row)) is not None]
    for begin in range(0, len(said), _AT_ONCE):
        part = remarks_in([each.line() for each in said[begin : begin + _AT_ONCE]])
        unknown = target.database.do(lambda database, part=part: remarks.unknown(database, part))
        target.database.do(lambda database, unknown=unknown: remarks.write(database, unknown))
        target.keep_in_journal([each.line() for each in unknown])


def _write(database: Connection, tries: Sequence[Facts]) -> list[Change]:
    """Within a transaction: what of these tries was news."""
    database.lock("copy")
    known = _known(database, tries)
    changes: list[Change] = []
    for facts in tries:
        row = known.get(_try_of(facts))
        wanted = later(row, facts)
        if wanted is not None:
            changes.append((row["row"] if row else None, wanted))
    database.executemany(INSERT, [values_of(facts) for row, facts in changes if row is None])
    database.executemany(UPDATE, [(*values_of(facts), row) for row, facts in changes if row is not None])
    return changes


def _known(database: Connection, tries: Sequence[Facts]) -> dict[tuple[Any, ...], Facts]:
    found: dict[tuple[Any, ...], Facts] = {}
    for service in {facts["service"] for facts in tries}:
        asked = list({facts["fingerprint"] for facts in tries if facts["service"] == service})
        query = _KNOWN.format(places=", ".join("?" * len(asked)))
        for each in database.execute(query, (service, *asked)):
            facts = dict(zip(COLUMNS, each, strict=True))
            found[_try_of(facts)] = facts
    return found


def _try_of(facts: Facts) -> tuple[Any, ...]:
    return facts["service"], facts["fingerprint"], facts["created"]
