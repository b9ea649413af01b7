"""What the ledger answers."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from . import remarks
from .database import Connection, Database
from .entries import COLUMNS, TASK_SECONDS, Entry, entry_of, is_of_its_service, storable, text_of
from .remarks import Remark
from .runs import RunSum, Tally, newest_runs, tallies
from .wanted import Wanted

UPLOAD_SECONDS = 24 * 3600  # so long an upload is used again; the vendor names no lifetime, clients count on 3 days
_NEWEST = 50  # entries of one job that are looked at
_LATEST = 2_000  # pictures by which the usual time is told
_ASKED = 500  # values in one question
_NAMED = 10_000  # names in one question that reads all tasks
_SUMMED_SECONDS = 5.0  # so long a sum of older tasks is used again
_SUMMED_APART = 600.0  # by so much the clocks of machines that share a ledger may differ
_SUMS = 8
_MOST = 2**62  # rows
_KEYS = {
    "day": "CAST(submitted / 900 AS INTEGER)",  # quarters of an hour, which lie within one day of every time zone
    "month": "CAST(submitted / 900 AS INTEGER)",
    "model": "model",
    "folder": "folder",
}
_DATES = {"day": "%Y-%m-%d", "month": "%Y-%m"}


Read = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


class Spent(NamedTuple):
    """What was spent on a day, in a month, with a model or for a folder, as `key` says: pictures made, credits charged."""

    key: str
    pictures: int
    credits: int


class Questions:
    """What is asked of the ledger, in the scope of one service. `now` gives seconds since 1970."""

    def __init__(self, database: Database, service: str, now: Callable[[], float], *, shared: bool) -> None:
        self.database = database
        self.service = service
        self.now = now
        self._summed_apart = _SUMMED_APART if shared else _SUMMED_SECONDS  # so new is what is summed each time
        self._spent: dict[float, tuple[float, int]] = {}  # since when: when it was summed, and up to shortly before

    # One job

    def tries(self, fingerprint: str, *, folder: Path | None = None) -> list[Entry]:
        """The submits of a job, newest first. The files of a place that is gone are looked for in `folder`."""
        found = self._entries(
            "INDEXED BY tasks_by_job WHERE service = ? AND fingerprint = ? ORDER BY row DESC LIMIT ?",
            (self.service, fingerprint, _NEWEST),
        )
        return [each.moved_to(folder) for each in found] if folder else found

    def tries_many(self, fingerprints: Sequence[str], *, folder: Path | None = None) -> dict[str, list[Entry]]:
        """The same for many jobs, with a question for some hundred of them; a job that was never seen is not in it."""
        found: dict[str, list[Entry]] = {}
        entries = self._of("tasks_by_job", "fingerprint", fingerprints)
        for entry in sorted(entries, key=lambda entry: -entry.row):
            newest = found.setdefault(entry.fingerprint, [])
            if len(newest) < _NEWEST:
                newest.append(entry.moved_to(folder) if folder else entry)
        return found

    def find(self, fingerprint: str, *, folder: Path | None = None) -> Entry | None:
        """The entry that answers for a job: one with its files, else the newest that can be collected, else the newest."""
        newest = self.tries(fingerprint, folder=folder)
        with_files = (entry for entry in newest if entry.state == "done" and entry.whole)
        paid = (entry for entry in newest if entry.state in ("open", "done") and entry.collectable)
        return next(with_files, None) or next(paid, None) or (newest[0] if newest else None)

    # Entries

    def entry(self, row: int) -> Entry | None:
        found = self._entries("WHERE row = ?", (min(max(row, 0), _MOST),))
        return found[0] if found else None

    def entries(
        self,
        *,
        before: int | None = None,
        limit: int = 50,
        state: str | None = None,
        text: str = "",
        service: str | None = None,
        model: str = "",
        since: float = 0.0,
        run: str | None = None,
        oldest_first: bool = False,
    ) -> list[Entry]:
        """The history, newest first: rows below `before` of what is `Wanted`, also of other services."""
        wanted = Wanted(service or self.service, state or "", model, since, run, text)
        where, values = wanted.where()
        order = "row" if oldest_first else "row DESC"
        conditions = f"INDEXED BY {wanted.index} WHERE {where} AND row < ? ORDER BY {order} LIMIT ?"
        return self._entries(conditions, (*values, _row(before), max(min(limit, _MOST), 0)))

    def runs(self, wanted: Wanted, *, before: int | None = None, limit: int = 20) -> list[RunSum]:
        """The runs that have what is wanted, newest first: those whose newest row of it is below `before`."""
        return newest_runs(self.database.read, wanted, before=_row(before), limit=max(min(limit, _MOST), 0))

    def tallies(self, wanted: Wanted, times: Sequence[float]) -> list[Tally]:
        """How many tasks there are of each model and state of what is wanted, and how many of those since each of `times`."""
        return tallies(self.database.read, wanted, times)

    def open_entries(self) -> list[Entry]:
        """What was paid and not collected, and can still be had, oldest first."""
        conditions = "INDEXED BY tasks_by_time WHERE service = ? AND submitted > ? AND state IN ('open', 'done') ORDER BY row"
        found = self._entries(conditions, (self.service, self.now() - TASK_SECONDS))
        return [each for each in found if each.collectable and (each.state == "open" or not each.whole)]

    def entries_of(self, task_ids: Sequence[str]) -> list[Entry]:
        """What is known of these tasks, oldest first."""
        return sorted(self._of("tasks_by_id", "task_id", task_ids), key=lambda entry: entry.row)

    def made_in(self, folder: Path) -> list[Entry]:
        """What was written into a folder or below it, also with other services, oldest first."""
        here, below = storable(folder), storable(f"{folder}{os.sep}")
        return self._entries(
            "WHERE state = 'done' AND (folder = ? OR substr(folder, 1, ?) = ?) ORDER BY row", (here, len(below), below)
        )

    def made_as(self, names: Sequence[str]) -> list[Entry]:
        """What was written under these names of jobs, into whatever folder, also with other services, oldest first."""
        found: list[Entry] = []
        for begin in range(0, len(names), _NAMED):
            asked = [storable(name) for name in names[begin : begin + _NAMED]]
            found += self._entries(f"WHERE state = 'done' AND name IN ({', '.join('?' * len(asked))}) ORDER BY row", asked)
        return sorted(found, key=lambda entry: entry.row)

    # Remarks

    def remarks(self, kind: str, abouts: Sequence[str] | None = None) -> list[Remark]:
        """What the user said of some things, or of all, also with other services."""
        rows = [row for query in remarks.question(kind, abouts) for row in self.database.read(*query)]
        return [remark for row in rows if (remark := remarks.of_row(row)) is not None]

    # Uploads and results

    def uploaded(self, digest: str) -> str | None:
        """The URL of a content that went up less than a day ago."""
        oldest = self.now() - UPLOAD_SECONDS
        rows = self.database.read(
            "SELECT url FROM uploads WHERE digest = ? AND service = ? AND created > ?", (digest, self.service, oldest)
        )
        return rows[0][0] if rows else None

    def digest_of(self, url: str) -> str | None:
        """The content that was uploaded to that URL."""
        rows = self.database.read("SELECT digest FROM uploads WHERE url = ? AND service = ?", (text_of(url), self.service))
        return rows[0][0] if rows else None

    def file_of(self, url: str) -> Path | None:
        """The file of a result that the service kept at that URL."""
        bare = text_of(url.partition("?")[0])
        alone = "INDEXED BY tasks_by_url WHERE urls = ? AND urls <> '[]' AND service = ?"
        among = "INDEXED BY tasks_of_urls WHERE instr(urls, '\", \"') > 0 AND instr(urls, ?) > 0 AND service = ?"
        found = self._entries(alone, (json.dumps([bare]), self.service))
        for entry in found or self._entries(among, (json.dumps(bare), self.service)):
            for path, its_url in zip(entry.kept, entry.urls, strict=False):
                if its_url == bare:
                    return path
        return None

    # Sums

    def counts(self, *, text: str = "", service: str | None = None) -> dict[str, int]:
        """How many tasks there are of each state; with `text`, of those that `entries` finds."""
        service = service or self.service
        if text:
            where, values = Wanted(service, text=text).where()
            return dict(self.database.read(f"SELECT state, count(*) FROM tasks WHERE {where} GROUP BY state", values))
        return dict(self.database.read("SELECT state, tasks FROM counts WHERE service = ? AND tasks > 0", (text_of(service),)))

    def elsewhere(self) -> dict[str, int]:
        """How many tasks there are with each of the other services."""
        query = "SELECT service, sum(tasks) FROM counts WHERE service != ? AND tasks > 0 GROUP BY service"
        return dict(self.database.read(query, (self.service,)))

    def spent(self, since: float, read: Read | None = None) -> int:
        """The credits of what was accepted since then, without what the service is known to have given back.

        Asked before each submit: what is older than some seconds is summed anew only now and then.
        """
        summed_at, older = self._spent.get(since, (0.0, 0))
        now = self.now()
        if not summed_at <= now < summed_at + _SUMMED_SECONDS:
            summed_at, older = now, self._sum(since, now - self._summed_apart, read)
            self._spent = {**(self._spent if len(self._spent) < _SUMS else {}), since: (now, older)}
        return older + self._sum(max(since, summed_at - self._summed_apart), float("inf"), read)

    def spend(self, by: Literal["day", "month", "model", "folder"], *, since: float = 0.0) -> list[Spent]:
        """What was spent, in order of the keys; days and months are those of this computer's time zone."""
        rows = self.database.read(
            f"SELECT {_KEYS[by]} AS key, count(CASE state WHEN 'done' THEN 1 END),"
            " sum(CASE refunded WHEN 0 THEN credits ELSE 0 END) FROM tasks"
            " WHERE service = ? AND submitted >= ? GROUP BY key ORDER BY key",
            (self.service, since),
        )
        sums: dict[str, tuple[int, int]] = {}
        for key, pictures, credits in rows:
            name = _name_of(key, _DATES.get(by))
            before = sums.get(name, (0, 0))
            sums[name] = before[0] + pictures, before[1] + credits
        return [Spent(name, *sums[name]) for name in sums]

    def usual_seconds(self, model: str, image_size: str | None, *, most: float = TASK_SECONDS) -> float | None:
        """The median time of the last pictures of that model and size. What took longer than `most` was fetched late."""
        rows = self.database.read(
            "SELECT finished - submitted FROM (SELECT * FROM tasks INDEXED BY tasks_by_state"
            " WHERE service = ? AND state = 'done' ORDER BY row DESC LIMIT ?) AS latest"
            " WHERE model = ? AND image_size IS ? AND finished - submitted BETWEEN 0 AND ? LIMIT 15",
            (self.service, _LATEST, model, image_size, most),
        )
        return sorted(row[0] for row in rows)[len(rows) // 2] if len(rows) >= 3 else None

    def _sum(self, begin: float, end: float, read: Read | None) -> int:
        query = "SELECT coalesce(sum(credits), 0) FROM tasks INDEXED BY tasks_by_time"
        query += " WHERE service = ? AND submitted >= ? AND submitted < ? AND refunded = 0"
        return (read or self.database.read)(query, (self.service, begin, end))[0][0]

    def _of(self, index: str, column: str, values: Sequence[str]) -> list[Entry]:
        found: list[Entry] = []
        wanted = list(dict.fromkeys(map(text_of, values)))
        for begin in range(0, len(wanted), _ASKED):
            asked = wanted[begin : begin + _ASKED]
            conditions = f"INDEXED BY {index} WHERE service = ? AND {column} IN ({', '.join('?' * len(asked))})"
            found += self._entries(conditions, (self.service, *asked))
        return found

    def _entries(self, conditions: str, values: Sequence[Any]) -> list[Entry]:
        """Without those that were damaged, and those that name a host of another service: the key must not go there."""
        rows = self.database.read(f"SELECT {', '.join(COLUMNS)} FROM tasks {conditions}", values)
        found = [entry for row in rows if (entry := entry_of(row, self.now)) is not None]
        return [entry for entry in found if is_of_its_service(entry.base_url, entry.service)]


class Sums:
    """What was spent, or may have been: with what is on its way, and what a `run` is uncertain of. Within a transaction."""

    def __init__(self, questions: Questions, database: Connection, run: str | None) -> None:
        self._questions = questions
        self._database = database
        self._run = run

    def since(self, moment: float) -> int:
        """By all, since then."""
        query = "SELECT coalesce(sum(credits), 0) FROM tasks INDEXED BY tasks_by_state WHERE service = ?"
        query += " AND state IN ('submitting', 'uncertain') AND created >= ? AND (state = 'submitting' OR run = ?)"
        ((under_way,),) = self._read(query, (self._questions.service, moment, self._run))
        return self._questions.spent(moment, self._read) + under_way

    def of_run(self, begun: float) -> int:
        """By the run alone, which began then."""
        query = "SELECT coalesce(sum(credits), 0) FROM tasks WHERE service = ? AND run = ? AND created >= ? AND refunded = 0"
        return self._read(query, (self._questions.service, self._run, begun))[0][0]

    def _read(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._database.execute(query, values).fetchall()


def _name_of(key: Any, date: str | None) -> str:
    """A sum's key as it is read: a quarter of an hour as the day or month of this computer's time zone that it lies in."""
    if date is not None:
        return time.strftime(date, time.localtime(int(key) * 900))
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else key or ""


def _row(before: int | None) -> int:
    return _MOST if before is None else min(max(before, 0), _MOST)
