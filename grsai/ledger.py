"""What was uploaded, submitted and received: SQLite, and beside it a journal of plain lines that survives a damaged database.

A job's way through the ledger: `submitting` (written before the paid request) → `open` (the task id, written before anything
else happens) → `done` (the file is whole on disk) or `failed`. One that stayed `submitting` when its process died is `uncertain`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from .errors import DownloadError, GrsaiError, LedgerBusy, LedgerError, TaskFailed
from .jobs import Job
from .journal import Facts, Journal
from .pictures import check_result
from .redact import redact
from .settings import HOSTS

State = Literal["submitting", "open", "done", "failed", "uncertain"]
STATES = get_args(State)
TASK_SECONDS = 2 * 3600  # so long the service keeps a task and its pictures
UPLOAD_SECONDS = 24 * 3600  # so long an upload is used again; the vendor names no lifetime, clients count on 3 days
BUSY_SECONDS = 10.0
_HURRIED_SECONDS = 0.1
_OLD_OWNER_SECONDS = 60.0
OFFLINE = "offline"
_REPLAYED_BYTES = 1 << 20
_MOST_COPIES = 5
_NEWEST = 50  # entries of one job that are looked at
# What SQLite says when the file itself is not to blame. Every other error while it is opened means damage.
_NOT_DAMAGED = ("locked", "busy", "readonly", "read-only", "full", "unable to open", "disk i/o", "permission", "protocol")
_UNUSABLE = "The ledger {path} cannot be used: {why}. Check free space and the permissions of its folder."

_SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads (
    digest TEXT, service TEXT, url TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (digest, service));
CREATE TABLE IF NOT EXISTS claims (fingerprint TEXT PRIMARY KEY, owner TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
    row INTEGER PRIMARY KEY, service TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL, task_id TEXT,
    base_url TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT NOT NULL, aspect_ratio TEXT NOT NULL,
    image_size TEXT, seed INTEGER NOT NULL, variation INTEGER NOT NULL, credits INTEGER NOT NULL,
    created REAL NOT NULL, submitted REAL, finished REAL,
    reason TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', urls TEXT NOT NULL DEFAULT '[]',
    files TEXT NOT NULL DEFAULT '[]', copies TEXT NOT NULL DEFAULT '[]', name TEXT NOT NULL, folder TEXT NOT NULL,
    sources TEXT NOT NULL DEFAULT '[]');
CREATE INDEX IF NOT EXISTS tasks_by_job ON tasks (service, fingerprint, row);
CREATE INDEX IF NOT EXISTS tasks_by_state ON tasks (state, row);
CREATE INDEX IF NOT EXISTS tasks_by_id ON tasks (task_id);
"""
_VERSION = 1  # of the schema


Files = tuple[tuple[Path, int], ...]  # with the size in bytes


@dataclass(frozen=True)
class Entry:
    """One submit of a job. Times in seconds since 1970, `credits` as charged when it was accepted."""

    row: int
    service: str
    fingerprint: str
    state: State
    task_id: str | None
    base_url: str
    model: str
    prompt: str
    aspect_ratio: str
    image_size: str | None
    seed: int
    variation: int
    credits: int
    created: float
    submitted: float | None
    finished: float | None
    reason: str
    error: str
    urls: tuple[str, ...]
    files: Files  # where they were written first
    copies: tuple[Files, ...]  # where later runs put them too
    name: str
    folder: Path
    sources: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return (self.finished or time.time()) - (self.submitted or self.created)

    @property
    def age(self) -> float:
        """Seconds since its submit; one at least, as the clock may have been set back since."""
        return max(time.time() - (self.submitted or self.created), 1.0)

    @property
    def collectable(self) -> bool:
        """The service still has it."""
        return self.task_id is not None and self.age < TASK_SECONDS

    @property
    def kept(self) -> tuple[Path, ...]:
        """The files, or copies of them, that are all still there; none if some are gone or cut short."""
        for files in (self.files, *self.copies):
            if files and all(_is_kept(path, size) for path, size in files):
                return tuple(path for path, _ in files)
        return ()

    @property
    def whole(self) -> bool:
        return bool(self.kept)

    def moved_to(self, folder: Path) -> Entry:
        """The same, with its files in `folder` if they lie there now and where they were written is no more."""
        moved = tuple((folder / re.split(r"[/\\]", str(path))[-1], size) for path, size in self.files)
        if self.whole or not moved or any(path.parent.exists() for path, _ in self.files):
            return self
        return replace(self, files=moved) if all(_size(path) == size for path, size in moved) else self


_COLUMNS = ", ".join(Entry.__dataclass_fields__)
_NEVER_CHANGES = ("service", "fingerprint", "base_url", "created", "submitted")


def service_of(base_url: str) -> str:
    """The scope in which results are reused: the vendor's hosts are one service, every other address is its own."""
    return "grsai" if base_url in HOSTS.values() else urlsplit(base_url).netloc


class Ledger:
    """Opened once a process; its methods may be called from any thread. Raises `LedgerError`s only.

    `service` is the scope (`service_of`) in which jobs and uploads are looked up.
    """

    def __init__(self, path: str | Path, *, service: str = "grsai", busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = Path(path)
        self.service = service
        self.notices: list[GrsaiError] = []
        self._busy_seconds = self._waits = busy_seconds
        self._lock = threading.RLock()
        self._journal = Journal(self.path.with_suffix(".journal"))
        self._held: set[str] = set()
        self._open: dict[int, Facts] = {}  # by row: what was submitted here, should the database fail meanwhile
        with _ledger_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._owner = _Owner(self.path.parent / "owners")
            self._database = self._open_or_set_aside()
            self._inode = self.path.stat().st_ino

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        with self._lock, _ledger_errors(self.path):
            with contextlib.suppress(LedgerError):  # who finds the claims finds their owner gone
                self._write("DELETE FROM claims WHERE owner = ?", (self._owner.name,))
            self._database.close()
            self._owner.leave()

    # Uploads

    def uploaded(self, digest: str) -> str | None:
        """The URL of a content that went up less than a day ago."""
        oldest = time.time() - UPLOAD_SECONDS
        rows = self._read(
            "SELECT url FROM uploads WHERE digest = ? AND service = ? AND created > ?", (digest, self.service, oldest)
        )
        return rows[0][0] if rows else None

    def record_upload(self, digest: str, url: str) -> None:
        self._write("INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?)", (digest, self.service, url, time.time()))

    def forget_upload(self, digest: str) -> None:
        self._write("DELETE FROM uploads WHERE digest = ? AND service = ?", (digest, self.service))

    def digest_of(self, url: str) -> str | None:
        """The content that was uploaded to that URL."""
        rows = self._read("SELECT digest FROM uploads WHERE url = ? AND service = ?", (url, self.service))
        return rows[0][0] if rows else None

    def file_of(self, url: str) -> Path | None:
        """The file of a result that the service kept at that URL."""
        bare = url.partition("?")[0]
        for entry in self._entries("WHERE service = ? AND instr(urls, ?) > 0", (self.service, json.dumps(bare))):
            for path, its_url in zip(entry.kept, entry.urls, strict=False):
                if its_url == bare:
                    return path
        return None

    # Claims: one job is worked on by one thread of one process

    def claim(self, fingerprint: str) -> bool:
        """True: the job is the caller's until `release`. A claim of a process that died is taken over."""
        claimed = f"{self.service} {fingerprint}"
        with self._lock:
            if claimed in self._held or not self._claim_row(claimed):
                return False
            self._held.add(claimed)
            return True

    def release(self, fingerprint: str) -> None:
        claimed = f"{self.service} {fingerprint}"
        with self._lock:
            self._held.discard(claimed)
            with contextlib.suppress(LedgerError):  # must not hide what came of the job; the claim ends with the process
                self._write("DELETE FROM claims WHERE fingerprint = ? AND owner = ?", (claimed, self._owner.name))

    def mark(self, fingerprint: str) -> str:
        """A name for what is made under a claim. Another ledger, which does not see the claim, has another one."""
        place = os.fsencode(self.path.absolute())
        return hashlib.sha256(place + f" {self._inode} {self.service} {fingerprint}".encode()).hexdigest()

    def _claim_row(self, claimed: str) -> bool:
        with self._transaction() as database:
            row = database.execute("SELECT owner FROM claims WHERE fingerprint = ?", (claimed,)).fetchone()
            if row and row[0] != self._owner.name and self._owner.lives(row[0]):
                return False
            database.execute("INSERT OR REPLACE INTO claims VALUES (?, ?)", (claimed, self._owner.name))
            return True

    # Tasks

    def submitting(self, job: Job, *, base_url: str, folder: Path) -> int:
        """The paid request is about to be sent. Returns the row."""
        sources = [str(each.path or each.name) for each in job.references]
        values = {
            "service": self.service, "fingerprint": job.fingerprint, "state": "submitting", "base_url": base_url,
            "model": job.model.id, "prompt": redact(job.prompt), "aspect_ratio": job.aspect_ratio, "image_size": job.image_size,
            "seed": job.seed, "variation": job.variation, "credits": job.model.credits, "created": time.time(),
            "name": _storable(job.name), "folder": _storable(folder), "sources": json.dumps(sources),
            "task_id": None, "submitted": None, "finished": None, "reason": "", "error": "",
            "urls": "[]", "files": "[]", "copies": "[]",
        }  # fmt: skip
        row = self._insert(values)
        self._open[row] = values
        return row

    def submitted(self, row: int, task_id: str) -> None:
        """The service accepted it: the id, and with it the money, is safe on disk when this returns."""
        self._settle(row, state="open", task_id=task_id, submitted=time.time())

    def not_submitted(self, row: int) -> None:
        """The service surely did not take it."""
        self._open.pop(row, None)
        self._write("DELETE FROM tasks WHERE row = ?", (row,))

    def uncertain(self, row: int, error: GrsaiError) -> None:
        self._open.pop(row, None)
        self._update(row, state="uncertain", finished=time.time(), reason=error.reason, error=_writable(error))

    def failed(self, row: int, error: GrsaiError) -> None:
        """The task brought no picture and will not."""
        self._settle(row, state="failed", finished=time.time(), reason=error.reason, error=_writable(error))

    def done(self, row: int, files: Sequence[Path], urls: Sequence[str]) -> None:
        """The files are whole on disk."""
        bare = json.dumps([url.partition("?")[0] for url in urls])  # without a signature
        self._settle(row, state="done", finished=time.time(), files=_sizes(files), urls=bare, reason="", error="")

    def copied(self, row: int, files: Sequence[Path]) -> None:
        """A later run put them there, too: what was paid is known as long as either place keeps it."""
        with self._transaction() as database:
            (copies,) = database.execute("SELECT copies FROM tasks WHERE row = ?", (row,)).fetchone() or ("[]",)
            sets = [each for each in json.loads(copies) if each != json.loads(_sizes(files))]
            database.execute(
                "UPDATE tasks SET copies = ? WHERE row = ?",
                (json.dumps([json.loads(_sizes(files)), *sets][:_MOST_COPIES]), row),
            )

    def note_error(self, row: int, error: GrsaiError) -> None:
        """Why an open task was not collected; it stays open."""
        self._update(row, reason=error.reason, error=_writable(error))

    # Questions

    def tries(self, fingerprint: str, *, folder: Path | None = None) -> list[Entry]:
        """The submits of a job, newest first. The files of a place that is gone are looked for in `folder`."""
        found = self._entries(
            "WHERE service = ? AND fingerprint = ? ORDER BY row DESC LIMIT ?", (self.service, fingerprint, _NEWEST)
        )
        return [each.moved_to(folder) for each in found] if folder else found

    def find(self, fingerprint: str, *, folder: Path | None = None) -> Entry | None:
        """The entry that answers for a job: one with its files, else the newest that can be collected, else the newest."""
        newest = self.tries(fingerprint, folder=folder)
        with_files = (entry for entry in newest if entry.state == "done" and entry.whole)
        paid = (entry for entry in newest if entry.state in ("open", "done") and entry.collectable)
        return next(with_files, None) or next(paid, None) or (newest[0] if newest else None)

    def entry(self, row: int) -> Entry | None:
        found = self._entries("WHERE row = ?", (row,))
        return found[0] if found else None

    def entries(self, *, before: int | None = None, limit: int = 50, state: str | None = None, text: str = "") -> list[Entry]:
        """The history, newest first: rows below `before`, of one state, with `text` in prompt or file name."""
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        conditions = "WHERE service = ? AND row < ? AND (? IS NULL OR state = ?)"
        conditions += " AND (prompt LIKE ? ESCAPE '\\' OR name LIKE ? ESCAPE '\\') ORDER BY row DESC LIMIT ?"
        newest = before if before is not None else 2**62
        return self._entries(conditions, (self.service, newest, state, state, pattern, pattern, limit))

    def open_entries(self) -> list[Entry]:
        """What was paid and not collected, and can still be had, oldest first."""
        found = self._entries("WHERE service = ? AND state IN ('open', 'done') AND created > ? ORDER BY row", (
            self.service, time.time() - 2 * TASK_SECONDS))  # fmt: skip
        return [each for each in found if each.collectable and (each.state == "open" or not each.whole)]

    def entries_of(self, task_ids: Sequence[str]) -> list[Entry]:
        """What is known of these tasks, oldest first."""
        marks = ", ".join("?" * len(task_ids))
        return self._entries(f"WHERE service = ? AND task_id IN ({marks}) ORDER BY row", (self.service, *task_ids))

    def counts(self) -> dict[str, int]:
        return dict(self._read("SELECT state, count(*) FROM tasks WHERE service = ? GROUP BY state", (self.service,)))

    def usual_seconds(self, model: str, image_size: str | None, *, most: float = TASK_SECONDS) -> float | None:
        """The median time of the last pictures of that model and size. What took longer than `most` was fetched late."""
        rows = self._read(
            "SELECT finished - submitted FROM tasks WHERE service = ? AND model = ? AND image_size IS ? AND state = 'done'"
            " AND finished - submitted BETWEEN 0 AND ? ORDER BY row DESC LIMIT 15",
            (self.service, model, image_size, most),
        )
        return sorted(row[0] for row in rows)[len(rows) // 2] if len(rows) >= 3 else None

    # Below: the database and the journal

    def _entries(self, conditions: str, values: tuple[Any, ...]) -> list[Entry]:
        found = [_entry(row) for row in self._read(f"SELECT {_COLUMNS} FROM tasks {conditions}", values)]
        return [entry for entry in found if entry is not None]

    def _insert(self, values: dict[str, Any]) -> int:
        names, places = ", ".join(values), ", ".join("?" * len(values))
        with self._transaction() as database:
            row = database.execute(f"INSERT INTO tasks ({names}) VALUES ({places})", tuple(values.values())).lastrowid
        assert row is not None
        return row

    def _update(self, row: int, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._write(f"UPDATE tasks SET {names} WHERE row = ?", (*values.values(), row))

    def _settle(self, row: int, **values: Any) -> None:
        """Into the journal first, then into the database: with either one the task can be found again."""
        facts = self._open.pop(row, None) or self._facts(row)
        if facts is not None and values["state"] == "open":
            self._open[row] = {**facts, **values}
        try:
            if facts is not None:
                with _ledger_errors(self.path):
                    self._journal.append(_as_text({**facts, **values}))
        finally:
            self._update(row, **values)

    def _facts(self, row: int) -> Facts | None:
        """An entry as the columns that hold it."""
        names = [name for name in Entry.__dataclass_fields__ if name != "row"]
        rows = self._read(f"SELECT {', '.join(names)} FROM tasks WHERE row = ?", (row,))
        return dict(zip(names, rows[0], strict=True)) if rows else None

    def _read(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock, _ledger_errors(self.path):
            return self._database.execute(query, values).fetchall()

    def _write(self, query: str, values: tuple[Any, ...]) -> None:
        with self._transaction() as database:
            database.execute(query, values)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _ledger_errors(self.path):
            self._begin()
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk may have ended it
                    self._database.execute("ROLLBACK")
                raise

    def _begin(self) -> None:
        """Waits for another writer, but only once: while it stays locked, all others are told so quickly."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            self._wait_at_most(_HURRIED_SECONDS)
            raise
        self._wait_at_most(self._busy_seconds)

    def _wait_at_most(self, seconds: float) -> None:
        if self._waits != seconds:
            self._database.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
            self._waits = seconds

    def _open_or_set_aside(self) -> sqlite3.Connection:
        try:
            return self._opened()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
        with FileLock(self.path.with_suffix(".lock"), thread_local=False):
            try:
                return self._opened()  # another process was quicker
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                aside = self._set_aside()
                text = "The ledger was damaged ({why}). It was set aside as {aside}, and made again from its journal."
                self.notices.append(LedgerError(text, why=error, aside=aside.name))
                return self._opened()

    def _opened(self) -> sqlite3.Connection:
        database = _open(self.path, self._busy_seconds)
        try:
            self._replay(database)
        except BaseException:
            database.close()
            raise
        return database

    def _set_aside(self) -> Path:
        now = time.strftime("%Y%m%d-%H%M%S")
        aside = self.path.with_name(f"{self.path.stem}.damaged-{now}-{uuid.uuid4().hex[:4]}{self.path.suffix}")
        for ending in ("", "-wal", "-shm"):
            file = self.path.with_name(self.path.name + ending)
            if file.exists():
                os.replace(file, aside.with_name(aside.name + ending))
        return aside

    def _replay(self, database: sqlite3.Connection) -> None:
        """Brings the database to what the journal knows: a power cut, a lock or damage may have left it behind."""
        empty = database.execute("SELECT 1 FROM tasks LIMIT 1").fetchone() is None
        journaled = [facts for facts in self._journal.read(None if empty else _REPLAYED_BYTES) if _is_entry(facts)]
        if not any(_is_behind(database, facts) for facts in journaled):
            return
        database.execute("BEGIN IMMEDIATE")  # and looks again: another process may have done it meanwhile
        for facts in journaled:
            if _is_behind(database, facts):
                _bring_up(database, facts)
        database.execute("COMMIT")
        if empty and not self.notices:
            text = "The ledger {path} was empty. It was made again from its journal."
            self.notices.append(LedgerError(text, path=self.path))


class OfflineLedger(Ledger):
    """The ledger of one emulator: what an earlier one had in memory, uploads and tasks under way, is gone with it."""

    def __init__(self, path: str | Path, url: str) -> None:
        super().__init__(path, service=OFFLINE)
        self._url = url
        for entry in self.open_entries():
            if entry.base_url != url and not entry.kept:
                self.failed(entry.row, TaskFailed("The offline emulator was closed before this task was collected."))

    def uploaded(self, digest: str) -> str | None:
        url = super().uploaded(digest)
        return url if url and url.startswith(self._url) else None


class _Owner:
    """This process's name for its claims. It lives as long as it holds the lock on a file of that name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = uuid.uuid4().hex
        self._folder = folder
        self._lock = FileLock(folder / self.name, thread_local=False)
        self._lock.acquire()
        self._sweep()

    def lives(self, name: str) -> bool:
        """Whether the process of that name still runs; the lock of one that was killed is free."""
        path = self._folder / Path(name).name
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            return True
        with contextlib.suppress(OSError):
            path.unlink()
        return False

    def _sweep(self) -> None:
        """Removes what killed processes left; not what is so young that its process may be about to lock it."""
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _OLD_OWNER_SECONDS:
                    self.lives(path.name)

    def leave(self) -> None:
        self._lock.release()
        with contextlib.suppress(OSError):
            (self._folder / self.name).unlink()


def _open(path: Path, busy_seconds: float) -> sqlite3.Connection:
    until = time.monotonic() + busy_seconds
    while True:
        try:
            return _connected(path, busy_seconds)
        except sqlite3.OperationalError as error:  # SQLite does not wait by itself for another process that opens it now
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _connected(path: Path, busy_seconds: float) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    database.text_factory = _text
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")  # what must survive a power cut is flushed into the journal
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("its check failed")
        _refuse_newer(path, database)
        database.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
    except BaseException:
        database.close()
        raise
    return database


def _refuse_newer(path: Path, database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise LedgerError(
            "The ledger {path} was written by a newer version of this program. Update it, or name another ledger.", path=path
        )


def _text(content: bytes) -> str:
    """A row that was damaged must not make all others unreadable."""
    return content.decode("utf-8", "replace")


@contextlib.contextmanager
def _ledger_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise LedgerBusy("The ledger {path} is locked by another program. Close it and run again.", path=path) from None
        raise LedgerError(_UNUSABLE, path=path, why=error) from None
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(_UNUSABLE, path=path, why=error) from None


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    said = str(error).lower()
    return not (isinstance(error, sqlite3.OperationalError) and any(each in said for each in _NOT_DAMAGED))


def _is_behind(database: sqlite3.Connection, facts: Facts) -> bool:
    """Whether the database does not know what a line of the journal says, or not any more."""
    row = database.execute(f"SELECT {_COLUMNS} FROM tasks WHERE task_id = ?", (facts["task_id"],)).fetchone()
    entry = _entry(row) if row else None
    if entry is None or any(getattr(entry, name) != facts[name] for name in _NEVER_CHANGES):
        return True
    return entry.state in ("submitting", "open") and facts["state"] in ("done", "failed")


def _bring_up(database: sqlite3.Connection, facts: Facts) -> None:
    """Writes an entry of the journal into its row, which may not know its task yet, or into a new one."""
    values = {name: facts[name] for name in Entry.__dataclass_fields__ if name != "row"}
    values |= {name: _storable(values[name]) for name in ("name", "folder")}
    row = database.execute(
        "SELECT row FROM tasks WHERE task_id = ? OR (task_id IS NULL AND service = ? AND fingerprint = ? AND created = ?)",
        (facts["task_id"], facts["service"], facts["fingerprint"], facts["created"]),
    ).fetchone()
    names, places = ", ".join(("row", *values)), ", ".join("?" * (len(values) + 1))
    database.execute(f"INSERT OR REPLACE INTO tasks ({names}) VALUES ({places})", (row[0] if row else None, *values.values()))


def _is_entry(facts: Facts) -> bool:
    """Whether a line of the journal holds all that an entry needs."""
    missing = facts.keys() ^ Entry.__dataclass_fields__.keys() - {"row"}
    return not missing and _entry((0, *(facts[name] for name in Entry.__dataclass_fields__ if name != "row"))) is not None


def _entry(row: tuple[Any, ...]) -> Entry | None:
    """None for a row that was damaged."""
    values = dict(zip(Entry.__dataclass_fields__, row, strict=True))
    try:
        values["urls"] = tuple(json.loads(values["urls"]))
        values["files"] = _files(json.loads(values["files"]))
        values["copies"] = tuple(_files(files) for files in json.loads(values["copies"]))
        values["sources"] = tuple(json.loads(values["sources"]))
        values["folder"], values["name"] = Path(os.fsdecode(values["folder"])), os.fsdecode(values["name"])
        numbers = [float(values[name]) for name in ("seed", "variation", "credits", "created")]
    except (TypeError, ValueError):
        return None
    known = values["state"] in STATES and isinstance(values["task_id"], str | None) and len(numbers) == 4
    return Entry(**values) if known else None


def _files(rows: list[tuple[str, int]]) -> Files:
    return tuple((Path(path), int(size)) for path, size in rows)


def _sizes(files: Sequence[Path]) -> str:
    return json.dumps([[str(path), _size(path)] for path in files])


def _as_text(facts: Facts) -> Facts:
    return {**facts, "name": os.fsdecode(facts["name"]), "folder": os.fsdecode(facts["folder"])}


def _storable(name: str | Path) -> str | bytes:
    """A file name as SQLite takes it: one that is no text (on Linux, from a foreign ZIP file) as bytes."""
    try:
        str(name).encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return str(name)


def _writable(error: GrsaiError) -> str:
    """What it says, as text that can be stored: a folder that it names may be none."""
    return str(error).encode("utf-8", "replace").decode()


def _is_kept(path: Path, size: int) -> bool:
    """The file is there as it was written, or as a picture that the user has changed since."""
    now = _size(path)
    if now == size or now <= 0:
        return now == size and size >= 0
    try:
        check_result(path)
    except DownloadError:
        return False
    return True


def _size(path: Path) -> int:
    """Bytes; -1 for a file that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
