"""Brings the database to what the journal knows: a power cut, a lock, damage or an old copy may have left it behind.

The database remembers up to which byte it has taken the journal in. A line adds what the database does not know; it never
changes a row that is sound, but for the end of a task which the row does not know yet.
"""

from __future__ import annotations

import contextlib
import logging
import operator
import re
import threading
from collections.abc import Sequence
from typing import Any

from . import remarks
from .database import Connection
from .entries import COLUMNS, FACTS, LATER, SELDOM, is_of_its_service, is_whole, storable
from .journal import Chunk, Facts, Journal
from .remarks import remarks_in

Tries = dict[tuple[str, str], list[list[Facts]]]
_NAMES, _FACTS = COLUMNS[1:], set(FACTS)
_columns = operator.itemgetter(*_NAMES)
_FINGERPRINT = re.compile("[0-9a-f]{64}")
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM tasks"
INSERT = f"INSERT INTO tasks ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"
UPDATE = f"UPDATE tasks SET {', '.join(f'{name} = ?' for name in _NAMES)} WHERE row = ?"
_OF_A_TRY = ("service", "fingerprint", "created")  # no two tries have the same
_UNSENT = "DELETE FROM tasks WHERE service = ? AND fingerprint = ? AND created = ? AND task_id IS NULL"
_OF_AN_END = ("state", "finished", "reason", "error", "trouble", "urls", "files")
_RANKS = {"submitting": 0, "uncertain": 0, "open": 1, "failed": 2, "done": 3}  # a later state is never undone by a line
_LOOKED_AT_AGAIN = 1 << 16  # bytes of the end that are compared at each start: a row may have been damaged unseen
_AT_ONCE = 8 << 20  # bytes that are read while a ledger is opened
_REMEMBERED = 1 << 20  # bytes that may be read twice after a kill
_ASKED = 500  # task ids in one question
_log = logging.getLogger(__name__)


class Replay:
    """What one process knows of how far the database has taken the journal in."""

    def __init__(self, journal: Journal, name: str = "") -> None:
        self._journal = journal
        self._name = name  # of the journal, where a database takes in several
        self._lock = threading.Lock()
        self._stored = 0
        self._written: list[tuple[int, int]] = []  # parts of the journal that this process wrote, and the database knows
        self.postponed = False  # whether a long part is still to be read: before anything is paid, at the latest
        self.made_again = False  # whether an empty database got its tasks from the journal

    def is_long(self) -> bool:
        """Whether reading the journal from its beginning takes a while."""
        return self._journal.size() > _AT_ONCE

    def at_start(self, database: Connection) -> None:
        """Reads what is new. A long part whose end the database knows all the same is postponed, not to delay the start."""
        size, taken = self._journal.size(), self._taken(database)
        if size - taken > _AT_ONCE and not _is_empty(database):
            self.postponed = not self._bring_up(database, max(size - _LOOKED_AT_AGAIN, 0), only_look=True)
        if not self.postponed:
            self.all(database)

    def all(self, database: Connection) -> None:
        """Reads all that the database has not taken in, and the end of it once more."""
        self.postponed = False
        taken, size, empty = self._taken(database), self._journal.size(), _is_empty(database)
        with database.roomy() if size - taken > _AT_ONCE else contextlib.nullcontext():
            news = self._bring_up(database, max(min(taken, size - _LOOKED_AT_AGAIN), 0))
        self.made_again = self.made_again or (news and empty)
        if news:
            _log.info("the database was brought to what the journal says, from byte %d on", taken)

    def finish(self, database: Connection) -> None:
        """Reads what was postponed."""
        if self.postponed:
            _log.info("reads all of the journal once, before anything is paid: %d MB", self._journal.size() >> 20)
            self.all(database)

    def wrote(self, part: tuple[int, int]) -> bool:
        """A line of this process whose content the database has, too. True: it is time to `remember`."""
        with self._lock:
            begin, end = part
            for known in [each for each in self._written if begin <= each[1] and each[0] <= end]:
                self._written.remove(known)
                begin, end = min(begin, known[0]), max(end, known[1])
            self._written.append((begin, end))
            return not self.postponed and begin <= self._stored and end - self._stored > _REMEMBERED

    def remember(self, database: Connection) -> None:
        """Within a transaction: moves the place on over what this process wrote, up to a line of another one."""
        taken = self._taken(database)
        with self._lock:
            ends = [end for begin, end in self._written if begin <= taken < end]
        if ends and not self.postponed:
            self._store(database, ends[0])

    def _bring_up(self, database: Connection, begin: int, *, only_look: bool = False) -> bool:
        """Whether anything was news. Some MB are one transaction: it can be stopped, and other processes get their turn."""
        news = False
        for chunk in self._journal.chunks(begin):
            if only_look or chunk.end <= self._taken(database):  # looked at again; it is seldom that anything is missing
                if not (_changes(database, _tries(chunk.facts)) or remarks.unknown(database, remarks_in(chunk.facts))):
                    continue
                if only_look:
                    return True
            news = self.take(database, chunk.facts, chunk) or news
        return news

    def take(self, database: Connection, lines: Sequence[Facts], chunk: Chunk | None = None) -> bool:
        """Brings the database to what lines say, which may be a chunk of the journal. Whether anything of it was news."""
        tries, said = _tries(lines), remarks_in(lines)
        database.begin_alone()
        database.executemany(_UNSENT, [tuple(line["unsent"]) for line in lines if "unsent" in line])
        news = _write(database, _changes(database, tries))
        if said := remarks.unknown(database, said):
            remarks.write(database, said)
            news = True
        if chunk is not None:
            self._take(database, chunk)
        database.execute("COMMIT")
        return news

    def _take(self, database: Connection, chunk: Chunk) -> None:
        taken = self._taken(database)
        if chunk.begin <= taken < chunk.end:
            self._store(database, chunk.end)

    def _taken(self, database: Connection) -> int:
        """Up to where the journal was read; 0 if it is not the one that was read up to there."""
        rows = database.execute("SELECT bytes, ending FROM journal_read WHERE journal = ?", (self._name,)).fetchall()
        place, ending = rows[0] if rows else (0, "")
        return place if 0 < place <= self._journal.size() and self._journal.ending(place) == ending else 0

    def _store(self, database: Connection, place: int) -> None:
        database.execute("DELETE FROM journal_read WHERE journal = ?", (self._name,))
        values = (place, self._journal.ending(place), self._name)
        database.execute("INSERT INTO journal_read (bytes, ending, journal) VALUES (?, ?, ?)", values)
        self._stored = place


def unsent(facts: Facts) -> Facts:
    """The line of a try that was not sent although a row of it may stand in the database."""
    return {"unsent": [facts[name] for name in _OF_A_TRY]}


def _tries(lines: Sequence[Facts]) -> Tries:
    """What lines say of each task, by service and id: of each of its tries the line that begins it and those that follow."""
    found: Tries = {}
    for line in lines:
        service, task_id = line.get("service"), line.get("task_id")
        if isinstance(service, str) and isinstance(task_id, str):
            of_task = found.setdefault((service, task_id), [])
            if of_task and not ("fingerprint" in line and _another_try(of_task[-1][0], line)):
                of_task[-1].append(line)
            else:
                of_task.append([line])
    return found


def _another_try(one: Facts, other: Facts) -> bool:
    return any(one.get(name) != other.get(name) for name in _OF_A_TRY)


def _changes(database: Connection, tries: Tries) -> list[tuple[int | None, Facts]]:
    """What the database lacks: rows, or none for a new one, with what they are to hold."""
    changes: list[tuple[int | None, Facts]] = []
    known, nameless = _rows(database, tries), _has_nameless(database)
    for name, of_task in tries.items():
        rows = known.get(name, [])
        for lines in of_task:
            begun = _begun(lines[0]) if "fingerprint" in lines[0] else None
            row = _row_of(lines[0], rows) or (_nameless(database, begun) if begun and nameless else None)
            facts = _after(begun or row, lines[1:] if begun else lines)
            if facts is not None and (wanted := _wanted(row, facts)) is not None:
                changes.append((row["row"] if row else None, wanted))
    return changes


def _write(database: Connection, changes: Sequence[tuple[int | None, Facts]]) -> bool:
    database.executemany(INSERT, [values_of(facts) for row, facts in changes if row is None])
    database.executemany(UPDATE, [(*values_of(facts), row) for row, facts in changes if row is not None])
    return bool(changes)


def _begun(line: Facts) -> Facts | None:
    """A line that stands for itself, as the columns of its row. Those of version 1.0 name all the columns that it had."""
    if "sum" in line:
        facts = {**SELDOM, **line}
    elif line.keys() == _FACTS:
        facts = {**LATER, **line}
    else:
        return None
    return facts if facts.keys() >= _FACTS else None


def _after(begun: Facts | None, lines: Sequence[Facts]) -> Facts | None:
    """What is known of a try once its later lines are read, too; None if that is nothing whole."""
    states = [begun] if begun is not None else []
    for line in lines if states else ():
        later = _begun(line) if "fingerprint" in line else {**states[-1], **line}
        if later is not None and _RANKS.get(later["state"], -1) >= _RANKS.get(states[-1]["state"], -1):
            states.append(later)
    return next((facts for facts in reversed(states) if is_whole(facts)), None)


def _rows(database: Connection, tries: Tries) -> dict[tuple[str, str], list[Facts]]:
    """What the database holds of those tasks, by service and id."""
    ids = [task_id for _, task_id in tries]
    found: dict[tuple[str, str], list[Facts]] = {}
    for begin in range(0, len(ids), _ASKED):
        asked = ids[begin : begin + _ASKED]
        query = f"{_SELECT} INDEXED BY tasks_by_id WHERE task_id IN ({', '.join('?' * len(asked))})"
        for row in sorted(database.execute(query, asked)):
            facts = dict(zip(COLUMNS, row, strict=True))
            found.setdefault((facts["service"], facts["task_id"]), []).append(facts)
    return found


def _row_of(line: Facts, rows: Sequence[Facts]) -> Facts | None:
    """The row of that try; or one whose own try cannot be told any more, as it was damaged."""
    if "fingerprint" not in line:
        return rows[-1] if rows else None
    same = [row for row in rows if not _another_try(row, line)]
    alike = (row for row in rows if row["fingerprint"] == line["fingerprint"] or row["created"] == line.get("created"))
    return next(iter((*same, *alike, *(row for row in rows if not _is_sound(row)))), None)


def _has_nameless(database: Connection) -> bool:
    return database.execute("SELECT 1 FROM tasks INDEXED BY tasks_by_id WHERE task_id IS NULL LIMIT 1").fetchone() is not None


def _nameless(database: Connection, facts: Facts) -> Facts | None:
    """The row that was written before the request was sent."""
    row = database.execute(
        f"{_SELECT} INDEXED BY tasks_by_job WHERE service = ? AND fingerprint = ? AND created = ? AND task_id IS NULL",
        tuple(facts[name] for name in _OF_A_TRY),
    ).fetchone()
    return dict(zip(COLUMNS, row, strict=True)) if row else None


def _wanted(row: Facts | None, facts: Facts) -> Facts | None:
    """What a row is to hold; None if it may stay as it is."""
    if row is None or row["task_id"] is None or not _is_sound(row):
        return facts
    proved = "sum" in facts  # so it is the row that is damaged
    if proved and facts["fingerprint"] != row["fingerprint"]:
        return facts
    changed: dict[str, Any] = {}
    other_files = proved and facts["state"] == row["state"] == "done" and facts["files"] != row["files"]
    if other_files or _RANKS[facts["state"]] > _RANKS[row["state"]]:
        changed = {name: facts[name] for name in _OF_AN_END}
    if row["copies"] == "[]" != facts["copies"]:
        changed["copies"] = facts["copies"]
    if facts["refunded"] and not row["refunded"]:
        changed["refunded"] = 1
    return {**row, **changed} if changed else None


def later(row: Facts | None, facts: Facts) -> Facts | None:
    """What the row of a try is to hold by what another ledger knows of it; None if it may stay as it is."""
    if row is not None and facts["task_id"] is None:
        gave_up = row["task_id"] is None and (row["state"], facts["state"]) == ("submitting", "uncertain")
        return facts if gave_up else None
    return _wanted(row, facts)


def _is_sound(row: Facts) -> bool:
    return (
        is_whole(row)
        and bool(_FINGERPRINT.fullmatch(row["fingerprint"]))
        and is_of_its_service(row["base_url"], row["service"])
        and _is_time(row["created"], row["submitted"])
    )


def _is_time(*seconds: float | None) -> bool:
    return all(each is None or 1e9 < each < 1e11 for each in seconds)


def values_of(facts: Facts) -> tuple[Any, ...]:
    return _columns({**facts, "name": storable(facts["name"]), "folder": storable(facts["folder"])})


def _is_empty(database: Connection) -> bool:
    return database.execute("SELECT 1 FROM tasks LIMIT 1").fetchone() is None
