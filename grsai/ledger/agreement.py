"""What all processes that share a ledger agree upon for one key: an object that one after the other reads and changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from .database import Connection, Database
from .server import Session

T = TypeVar("T")
_LOST = (
    "SELECT count(*) FROM tasks WHERE service = ? AND key_mark = ? AND state IN ('submitting', 'open', 'uncertain')"
    " AND begun + busy * INTERVAL '1 second' > clock_timestamp() AND (state = 'uncertain' OR session IS NULL"
    " OR NOT EXISTS (SELECT 1 FROM sessions WHERE id = session AND until > clock_timestamp()))"
)


class Standing(NamedTuple):
    """How things stand. `now`: seconds since 1970 by the clock that all share. `living`: the names of the processes that live.

    `lost`: tasks that may be open at the service, and that none of them watches.
    """

    me: str
    now: float
    living: frozenset[str]
    lost: int


class Agreement:
    """Raises `LedgerError`s only. Its methods may be called from any thread."""

    def __init__(self, database: Database, session: Session, service: str, key_mark: str) -> None:
        self._database = database
        self._session = session
        self._of = (service, key_mark)
        self._scope = f"{service} {key_mark}"

    def change(self, work: Callable[[dict[str, Any], Standing], T]) -> T:
        """`work` changes the object, alone among all processes. It may run again, with what stands there then."""

        def within(database: Connection) -> T:
            database.execute("INSERT INTO agreements VALUES (?, '{}') ON CONFLICT DO NOTHING", (self._scope,))
            query = "SELECT said FROM agreements WHERE scope = ? FOR UPDATE"
            ((said,),) = database.execute(query, (self._scope,)).fetchall()
            agreed = json.loads(said)
            result = work(agreed, self._standing(database))
            if (text := json.dumps(agreed)) != said:
                database.execute("UPDATE agreements SET said = ? WHERE scope = ?", (text, self._scope))
            return result

        return self._database.do(within)

    def _standing(self, database: Connection) -> Standing:
        rows = database.execute(
            "SELECT id, extract(epoch FROM clock_timestamp())::FLOAT8 FROM sessions WHERE until > clock_timestamp()"
        )
        living = rows.fetchall()
        # Only now: a session that ends between the two is counted twice rather than not at all.
        ((lost,),) = database.execute(_LOST, self._of).fetchall()
        now = float(living[0][1]) if living else 0.0
        return Standing(self._session.name, now, frozenset(str(each) for each, _ in living), lost)
