"""What was uploaded, submitted and received: a database, and a journal of plain lines that survives its damage or its absence.

A job's way through the ledger: `submitting` (written before the paid request) → `open` (the task id, written before anything
else happens) → `done` (the file is whole on disk) or `failed`. One that stayed `submitting` when its process died is `uncertain`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import Forgotten, GrsaiError, LedgerError, TaskFailed
from ..jobs import Job
from ..models import Api, Model
from ..pictures import Reference
from ..places import Address
from ..redact import redact
from ..settings import Settings
from .claims import Claims
from .connection import ledger_errors
from .database import Connection
from .entries import COLUMNS, LATER, OFFLINE, SELDOM, Entry, as_text, service_of, storable, with_sizes
from .journal import Facts, Journal, as_line
from .questions import Questions, Sums
from .remarks import Remark
from .remarks import write as write_remarks
from .replay import Replay, unsent
from .room import Room
from .stores import store_at

if TYPE_CHECKING:
    from .agreement import Agreement

Allow = Callable[[Sums], None]
BUSY_SECONDS = 10.0
LEASE_SECONDS = 30.0  # after so long a machine that a server does not hear of is taken to be lost
_MOST_COPIES = 5
_LATER_SECONDS = 0.001  # by which a remark is newer than the one before, whatever the clock says
_MOST_SUBMITTING = 500  # as many requests of a killed run are looked after
_log = logging.getLogger(__name__)
_LINES = 3072  # bytes that a task takes in the journal, without its prompt


class Ledger(Questions):
    """Opened once a process; its methods may be called from any thread. Raises `LedgerError`s only.

    `place`: a file, or the address of a server, whose journal then lies in `home`. `service` is the scope (`service_of`) in which
    jobs and uploads are looked up. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        place: str | Path | Address,
        *,
        service: str = "grsai",
        busy_seconds: float = BUSY_SECONDS,
        clock: Callable[[], float] = time.time,
        home: Path | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        store = store_at(place, busy_seconds=busy_seconds, lease_seconds=lease_seconds, home=home)
        self.place, self.path, self._owner = store.place, store.path, store.owner
        self.notices: list[GrsaiError] = []
        self._remarking = threading.Lock()  # one remark after the other: a later one has a later time
        self._under_way: dict[int, _UnderWay] = {}  # by row: what was submitted here, should the database fail meanwhile
        self._room = Room(self._owner.path.with_suffix(".room"))
        self._journal = Journal(self.path.with_suffix(".journal"), self._room)
        self._replay = Replay(self._journal, store.journal)
        super().__init__(store.opened(self._replay), service, clock, shared=isinstance(store.place, Address))
        self._session = store.session
        self._claims = Claims(self.database, store.holder, service)
        if store.damage is not None:
            self.notices = [store.damage]
        elif self._replay.made_again:
            self.notices = [LedgerError("The ledger {path} was empty. It was made again from its journal.", path=self.path)]

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Does nothing in a process that was forked."""
        if self._owner.is_mine:
            with ledger_errors(self.path):
                with contextlib.suppress(LedgerError):
                    self.database.do(self._replay.remember)
                self._claims.end()
                if self._session is not None:
                    self._session.leave()
                self.database.close()
                self._room.leave()
                self._owner.leave()

    # Uploads

    def record_upload(self, digest: str, url: str) -> None:
        query = "INSERT INTO uploads (digest, service, url, created) VALUES (?, ?, ?, ?) ON CONFLICT (digest, service)"
        query += " DO UPDATE SET url = excluded.url, created = excluded.created"
        self.database.write(query, (digest, self.service, url, self.now()))

    def forget_upload(self, digest: str) -> None:
        self.database.write("DELETE FROM uploads WHERE digest = ? AND service = ?", (digest, self.service))

    # Claims: one job is worked on by one thread of one process

    def claim(self, fingerprint: str) -> bool:
        """True: the job is the caller's until `release`. A claim of a process that died is taken over."""
        if self._replay.postponed:
            self.database.alone(self._replay.finish)
        return self._claims.claim(fingerprint)

    def release(self, fingerprint: str) -> None:
        self._claims.release(fingerprint)

    def mark(self, fingerprint: str) -> str:
        """A name for what is made under a claim. Another ledger, which does not see the claim, has another one."""
        return self._claims.mark(fingerprint)

    # Tasks

    def submitting(
        self,
        job: Job,
        *,
        base_url: str,
        folder: Path,
        api: Api = "legacy",
        model: Model | None = None,
        run: str | None = None,
        key_mark: str = "",
        allow: Allow | None = None,
    ) -> int:
        """The paid request is about to be sent. Returns the row. `model`: the one that is used, if not the job's own.

        `allow` is asked before the row is written, while nobody else writes one: it raises where too much was spent.
        """
        used = model or job.model
        values = {
            "service": self.service, "fingerprint": job.fingerprint, "state": "submitting", "task_id": None, "base_url": base_url,
            "model": used.id, "prompt": redact(job.prompt), "aspect_ratio": job.aspect_ratio, "image_size": job.image_size,
            "seed": job.seed, "variation": job.variation, "credits": used.credits, "created": self.now(),
            "submitted": None, "finished": None, "reason": "", "error": "", "urls": "[]", "files": "[]", "copies": "[]",
            "name": storable(job.name), "folder": storable(folder),
            "sources": json.dumps([str(each.path.absolute() if each.path else each.name) for each in job.references]),
            **LATER, "api": api, "run": run, "key_mark": key_mark,
            "asked_model": job.model.id if used.id != job.model.id else None,
            "quality": job.quality, "background": job.background, "numbered": int(job.numbered),
            "digests": json.dumps([_named(each) for each in job.references]),
        }  # fmt: skip
        session = self._session
        if session is not None:
            values |= {"who": session.who, "busy": used.usual_seconds(job.image_size)}
        self.database.check_place()
        begun = session.now() if session is not None else 0.0
        try:
            row = self.database.do(
                lambda database: self._write_submitting(database, values, allow), one_statement=session is None and allow is None
            )
        except LedgerError:
            self._remember_unsent(as_text(values))  # the row may stand there all the same
            raise
        values = {name: value for name, value in values.items() if name in COLUMNS}
        needed = _LINES + len(values["prompt"].encode("utf-8", "replace")) + len(values["digests"])
        self._under_way[row] = _UnderWay(as_text(values), needed, begun)
        try:
            with ledger_errors(self.path):
                self._room.keep(needed)
        except LedgerError:
            self.not_submitted(row)
            raise
        return row

    def check_sendable(self, row: int) -> None:
        """Right before the request is sent: raises where another machine may have taken the job over by now."""
        if self._session is not None:
            self._session.check_sendable(self._under_way[row].begun)

    def submitted(self, row: int, task_id: str, *, base_url: str | None = None) -> None:
        """The service accepted it: the id, and with it the money, is safe on disk when this returns.

        `base_url`: the host that took it, if it is not the one that was to be asked.
        """
        host = {"base_url": base_url} if base_url else {}
        self._settle(row, state="open", task_id=task_id, submitted=self.now(), **host)

    def not_submitted(self, row: int) -> None:
        """The service surely did not take it."""
        under_way = self._under_way.get(row)
        self._no_longer_under_way(row)
        try:
            self.database.write("DELETE FROM tasks WHERE row = ?", (row,))
        except LedgerError:
            if under_way is not None:
                self._remember_unsent(under_way.facts)
            raise

    def uncertain(self, row: int, error: GrsaiError) -> None:
        self._no_longer_under_way(row)
        self._update(row, state="uncertain", finished=self.now(), **_said(error))

    def failed(self, row: int, error: GrsaiError, *, refunded: bool = False) -> None:
        """The task brought no picture and will not. `refunded`: the service gave its credits back."""
        self._settle(row, state="failed", finished=self.now(), refunded=int(refunded), **_said(error))

    def done(self, row: int, files: Sequence[Path], urls: Sequence[str]) -> None:
        """The files are whole on disk."""
        bare = json.dumps([url.partition("?")[0] for url in urls])  # without a signature
        self._settle(row, state="done", finished=self.now(), files=with_sizes(files), urls=bare, **_NO_ERROR)

    def copied(self, row: int, files: Sequence[Path]) -> None:
        """A later run put them there, too: what was paid is known as long as either place keeps it."""
        if (facts := self._facts(row)) is not None:
            newest = json.loads(with_sizes(files))
            copies = [newest, *(each for each in json.loads(facts["copies"]) if each != newest)]
            self._settle(row, copies=json.dumps(copies[:_MOST_COPIES]))

    def forget(self, task_id: str) -> bool:
        """Gives up a paid task whose picture is not here, so that its job may be paid for again. False: there is none."""
        given_up = [entry for entry in self.entries_of([task_id]) if entry.state in ("open", "done") and not entry.whole]
        for entry in given_up:
            self.failed(entry.row, Forgotten("Task {task} was given up; what it cost is lost.", task=task_id))
        return bool(given_up)

    def note_error(self, row: int, error: GrsaiError) -> None:
        """Why an open task was not collected; it stays open."""
        self._update(row, **_said(error))

    # Remarks

    def remark(self, kind: str, said: Mapping[str, Facts], *, service: str | None = None) -> None:
        """Writes down what the user says of things, by the name of each; nothing for one takes it back. On disk when it returns.

        A disk that is full refuses it: the room that is kept there is for what is paid.
        """
        service = service or self.service
        with self._remarking:
            before = {each.about: each.changed for each in super().remarks(kind, list(said))}
            now = self.now()
            remarks = [
                Remark(kind, about, service, dict(facts), max(now, before.get(about, 0.0) + _LATER_SECONDS))
                for about, facts in said.items()
            ]
            lines = [each.line() for each in remarks]
            needed = sum(len(as_line(line)) for line in lines)
            with ledger_errors(self.path):
                self._room.keep(needed)
                try:
                    part = self._journal.append(*lines)
                finally:
                    self._room.spare(needed)
            self.database.do(lambda database: write_remarks(database, remarks))
        if self._replay.wrote(part):
            self.database.do(self._replay.remember)

    # Questions, asked of what was written down elsewhere too

    def tries(self, fingerprint: str, *, folder: Path | None = None) -> list[Entry]:
        found = super().tries(fingerprint, folder=folder)
        return super().tries(fingerprint, folder=folder) if self._take_in(found) else found

    def tries_many(self, fingerprints: Sequence[str], *, folder: Path | None = None) -> dict[str, list[Entry]]:
        found = super().tries_many(fingerprints, folder=folder)
        newest = [entry for entries in found.values() for entry in entries]
        return super().tries_many(fingerprints, folder=folder) if self._take_in(newest) else found

    def open_entries(self) -> list[Entry]:
        self._take_in(self.entries(state="submitting", limit=_MOST_SUBMITTING))
        self._take_in(super().open_entries())
        return super().open_entries()

    def uncollected(self) -> list[Entry]:
        """Those of `open_entries` that nobody works on, here or in another process."""
        before = self._claims.under_way()  # one that ends meanwhile is open no more
        found = self.open_entries()
        worked_on = before | self._claims.under_way()
        return [entry for entry in found if entry.fingerprint not in worked_on]

    # With others

    def agreement(self, key_mark: str) -> Agreement | None:
        """What is agreed upon by all that use a key with this ledger; None where this computer has it for itself."""
        if self._session is None:
            return None
        from .agreement import Agreement

        return Agreement(self.database, self._session, self.service, key_mark)

    def keep_in_journal(self, facts: Sequence[Facts]) -> None:
        """What was brought into the database from elsewhere: with a journal alone that holds it, it can be made again."""
        lines = [_line_of(each, SELDOM) if "fingerprint" in each else each for each in facts]
        if lines and self._session is None:  # a server does not depend on the journals of those who use it
            with ledger_errors(self.path):
                part = self._journal.append(*({name: each[name] for name in each if name != "row"} for each in lines))
            self._replay.wrote(part)

    # Below: the database and the journal

    def _write_submitting(self, database: Connection, values: Facts, allow: Allow | None) -> int:
        if allow is not None:
            database.lock(f"spent {self.service}")
            allow(Sums(self, database, values["run"]))
        if self._session is not None:
            return self._session.submitting(database, self._claims.held(values["fingerprint"]), values)
        return database.insert(tuple(values), tuple(values.values()))

    def _remember_unsent(self, facts: Facts) -> None:
        """Of a row that a server may keep: nothing was sent for it. Brought in when the server is back."""
        if self._session is not None:
            with contextlib.suppress(OSError):
                self._journal.append(unsent(facts))

    def _update(self, row: int, *, light: bool = False, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self.database.write(f"UPDATE tasks SET {names} WHERE row = ?", (*values.values(), row), light=light)

    def _settle(self, row: int, **values: Any) -> None:
        """Into the journal first, then into the database: with either one the task can be found again."""
        under_way = self._under_way.get(row)
        before = under_way.facts if under_way else self._facts(row)
        part = None
        try:
            if before is not None:
                facts = as_text({**before, **values})
                known = before if under_way and under_way.written else SELDOM
                if under_way is not None:
                    under_way.facts, under_way.written = facts, False
                part = self._write_down(facts, known)
                if under_way is not None:
                    under_way.written = True
        finally:
            if values.get("state") in ("done", "failed"):
                self._no_longer_under_way(row)
            # An end that a server lost is in the journal, and without that the task is asked for again.
            self._update(row, light=values.get("state") in ("done", "failed"), **values)
        if part is not None and self._replay.wrote(part):
            self.database.do(self._replay.remember)

    def _write_down(self, facts: Facts, known: Facts) -> tuple[int, int]:
        """In the journal; where that cannot be written, beside the pictures, to be found from there."""
        try:
            return self._journal.append(_line_of(facts, known))
        except OSError as error:
            with contextlib.suppress(OSError):
                _rescue_of(Path(facts["folder"])).append(_line_of(facts, SELDOM))
            with ledger_errors(self.path):
                raise error from None

    def _take_in(self, entries: Sequence[Entry]) -> bool:
        """What was written down where the pictures of these entries are, as the ledger's own disk was full or gone."""
        rescues = [_rescue_of(folder) for folder in {entry.folder for entry in entries}]
        rescues = [rescue for rescue in rescues if os.path.isfile(rescue.path)]
        for rescue in rescues:
            lines = [facts for chunk in rescue.chunks() for facts in chunk.facts]
            self.database.alone(lambda database, lines=lines: self._replay.take(database, lines))
            with contextlib.suppress(OSError):  # what the journal still cannot hold stays where it is
                for facts in lines:
                    self._journal.append({name: value for name, value in facts.items() if name != "sum"})
                rescue.path.unlink()
                _log.info("what was written down in %s is in the ledger now", rescue.path.parent)
        return bool(rescues)

    def _no_longer_under_way(self, row: int) -> None:
        if (ended := self._under_way.pop(row, None)) is not None:
            self._room.spare(ended.needed)

    def _facts(self, row: int) -> Facts | None:
        """An entry as the columns that hold it."""
        rows = self.database.read(f"SELECT {', '.join(COLUMNS[1:])} FROM tasks WHERE row = ?", (row,))
        return dict(zip(COLUMNS[1:], rows[0], strict=True)) if rows else None


def ledger_of(settings: Settings) -> Ledger:
    """That of the settings, for the service that they name."""
    return Ledger(settings.ledger, service=service_of(settings.base_url), home=settings.home)


class OfflineLedger(Ledger):
    """The ledger of one emulator: what an earlier one had in memory, uploads and tasks under way, is gone with it."""

    def __init__(self, place: str | Path | Address, url: str, *, home: Path | None = None) -> None:
        super().__init__(place, service=OFFLINE, home=home)
        self._url = url
        for entry in self.open_entries():
            if entry.base_url != url and not entry.kept:
                self.failed(entry.row, TaskFailed("The offline emulator was closed before this task was collected."))

    def uploaded(self, digest: str) -> str | None:
        url = super().uploaded(digest)
        return url if url and url.startswith(self._url) else None


@dataclass
class _UnderWay:
    """What this process has submitted and not ended yet. `needed`: bytes that the journal will take for it."""

    facts: Facts
    needed: int
    begun: float
    written: bool = False  # whether the journal holds the line that begins it


_NO_ERROR = {"reason": "", "error": "", "trouble": ""}


def _said(error: GrsaiError) -> dict[str, Any]:
    """What a row holds of it: also as text, which can be stored although a folder that it names may be none."""
    text = str(error).encode("utf-8", "replace").decode()
    return {"reason": error.reason, "error": text, "trouble": json.dumps(error.as_object())}


def _named(reference: Reference) -> str:
    """By what a reference can be had again: its content, or where it lies on the web, without a signature."""
    return reference.url.partition("?")[0] if reference.url else reference.digest


def _rescue_of(folder: Path) -> Journal:
    return Journal(folder / ".grsai.journal")


def _line_of(facts: Facts, known: Facts) -> Facts:
    """A line of the journal: the task that it is about, and what of it is not known."""
    news = {name: value for name, value in facts.items() if name not in known or known[name] != value}
    return {"service": facts["service"], "task_id": facts["task_id"], **news}
