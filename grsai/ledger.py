"""What was uploaded, submitted and received: SQLite, and beside it a journal of plain lines that survives a damaged database.

A job's way through the ledger: `submitting` (written before the paid request) → `open` (the task id, written before anything
else happens) → `done` (the file is whole on disk) or `failed`. One that stayed `submitting` when its process died is `uncertain`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from .errors import GrsaiError, LedgerBusy, LedgerError
from .jobs import Job
from .redact import redact
from .settings import HOSTS

State = Literal["submitting", "open", "done", "failed", "uncertain"]
TASK_SECONDS = 2 * 3600  # so long the service keeps a task and its pictures
UPLOAD_SECONDS = 24 * 3600  # so long an upload is used again; the vendor names no lifetime, clients count on 3 days
BUSY_SECONDS = 10.0
OFFLINE = "offline"
_REPLAYED_BYTES = 1 << 20

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
    files TEXT NOT NULL DEFAULT '[]', name TEXT NOT NULL, folder TEXT NOT NULL, sources TEXT NOT NULL DEFAULT '[]');
CREATE INDEX IF NOT EXISTS tasks_by_job ON tasks (service, fingerprint, row);
CREATE INDEX IF NOT EXISTS tasks_by_state ON tasks (state, row);
PRAGMA user_version = 1;
"""


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
    files: tuple[tuple[Path, int], ...]  # with the size in bytes
    name: str
    folder: Path
    sources: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return (self.finished or time.time()) - (self.submitted or self.created)

    @property
    def collectable(self) -> bool:
        """The service still has it."""
        return self.task_id is not None and time.time() - (self.submitted or self.created) < TASK_SECONDS

    @property
    def whole(self) -> bool:
        """Every file that was written is still there, in its full size."""
        return bool(self.files) and all(_size(path) == size for path, size in self.files)


def service_of(base_url: str) -> str:
    """The scope in which results are reused: the vendor's hosts are one service, every other address is its own."""
    return "grsai" if base_url in HOSTS.values() else urlsplit(base_url).netloc


class Ledger:
    """Opened once a process; its methods may be called from any thread. Raises `LedgerError`s only.

    `service` is the scope (`service_of`) in which jobs and uploads are looked up.
    """

    def __init__(self, path: str | Path, *, service: str = "grsai") -> None:
        self.path = Path(path)
        self.service = service
        self.notices: list[GrsaiError] = []
        self._lock = threading.RLock()
        self._journal_lock = threading.Lock()
        self._held: set[str] = set()
        with _ledger_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._owner = _Owner(self.path.parent / "owners")
            self._database = self._open_or_set_aside()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock, _ledger_errors(self.path):
            self._database.execute("DELETE FROM claims WHERE owner = ?", (self._owner.name,))
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
            for (path, size), kept in zip(entry.files, entry.urls, strict=False):
                if kept == bare and _size(path) == size:
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
            self._write("DELETE FROM claims WHERE fingerprint = ? AND owner = ?", (claimed, self._owner.name))

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
            "name": job.name, "folder": str(folder), "sources": json.dumps(sources),
        }  # fmt: skip
        return self._insert(values)

    def submitted(self, row: int, task_id: str) -> None:
        """The service accepted it: the id, and with it the money, is safe on disk when this returns."""
        self._journal(row, state="open", task_id=task_id, submitted=time.time())

    def not_submitted(self, row: int) -> None:
        """The service surely did not take it."""
        self._write("DELETE FROM tasks WHERE row = ?", (row,))

    def uncertain(self, row: int, error: GrsaiError) -> None:
        self._update(row, state="uncertain", finished=time.time(), reason=error.reason, error=str(error))

    def failed(self, row: int, error: GrsaiError) -> None:
        """The task brought no picture and will not."""
        self._journal(row, state="failed", finished=time.time(), reason=error.reason, error=str(error))

    def done(self, row: int, files: Sequence[Path], urls: Sequence[str]) -> None:
        """The files are whole on disk."""
        sizes = json.dumps([[str(path), path.stat().st_size] for path in files])
        bare = json.dumps([url.partition("?")[0] for url in urls])  # without a signature
        self._journal(row, state="done", finished=time.time(), files=sizes, urls=bare, reason="", error="")

    def note_error(self, row: int, error: GrsaiError) -> None:
        """Why an open task was not collected; it stays open."""
        self._update(row, reason=error.reason, error=str(error))

    # Questions

    def find(self, fingerprint: str) -> Entry | None:
        """The newest entry of a job; one that is done counts before all others."""
        order = "ORDER BY state = 'done' DESC, row DESC LIMIT 1"
        found = self._entries(f"WHERE service = ? AND fingerprint = ? {order}", (self.service, fingerprint))
        return found[0] if found else None

    def entry(self, row: int) -> Entry | None:
        found = self._entries("WHERE row = ?", (row,))
        return found[0] if found else None

    def entries(
        self, *, before: int | None = None, limit: int = 50, state: str | None = None, text: str = ""
    ) -> list[Entry]:
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

    def counts(self) -> dict[str, int]:
        return dict(self._read("SELECT state, count(*) FROM tasks WHERE service = ? GROUP BY state", (self.service,)))

    def usual_seconds(self, model: str, image_size: str | None) -> float | None:
        """The median time of the last pictures of that model and size."""
        rows = self._read(
            "SELECT finished - submitted FROM tasks WHERE service = ? AND model = ? AND image_size IS ? AND state = 'done'"
            " AND submitted IS NOT NULL ORDER BY row DESC LIMIT 15",
            (self.service, model, image_size),
        )
        return sorted(row[0] for row in rows)[len(rows) // 2] if len(rows) >= 3 else None

    # Below: the database and the journal

    def _entries(self, conditions: str, values: tuple[Any, ...]) -> list[Entry]:
        names = ", ".join(Entry.__dataclass_fields__)
        return [_entry(row) for row in self._read(f"SELECT {names} FROM tasks {conditions}", values)]

    def _insert(self, values: dict[str, Any]) -> int:
        names, places = ", ".join(values), ", ".join("?" * len(values))
        with self._transaction() as database:
            row = database.execute(f"INSERT INTO tasks ({names}) VALUES ({places})", tuple(values.values())).lastrowid
        assert row is not None
        return row

    def _update(self, row: int, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._write(f"UPDATE tasks SET {names} WHERE row = ?", (*values.values(), row))

    def _journal(self, row: int, **values: Any) -> None:
        """Into the journal first, then into the database: with either one the task can be found again."""
        entry = self.entry(row)
        try:
            if entry is not None:
                self._append({**_facts(entry), **values})
        finally:
            self._update(row, **values)

    def _append(self, facts: dict[str, Any]) -> None:
        line = redact(json.dumps(facts, ensure_ascii=False)) + "\n"
        with self._journal_lock, _ledger_errors(self.path), open(self._journal_path, "a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    @property
    def _journal_path(self) -> Path:
        return self.path.with_suffix(".journal")

    def _read(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock, _ledger_errors(self.path):
            return self._database.execute(query, values).fetchall()

    def _write(self, query: str, values: tuple[Any, ...]) -> None:
        with self._transaction() as database:
            database.execute(query, values)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _ledger_errors(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _open_or_set_aside(self) -> sqlite3.Connection:
        try:
            database = _open(self.path)
            self._replay(database, _REPLAYED_BYTES)
        except sqlite3.OperationalError:
            raise  # busy, read-only or full: the file itself is not to blame
        except sqlite3.DatabaseError as error:
            aside = self._set_aside()
            database = _open(self.path)
            self._replay(database)
            text = "The ledger was damaged ({why}). It was set aside as {aside}, and made again from its journal."
            self.notices.append(LedgerError(text, why=error, aside=aside.name))
        return database

    def _set_aside(self) -> Path:
        aside = self.path.with_name(f"{self.path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}{self.path.suffix}")
        for ending in ("", "-wal", "-shm"):
            file = self.path.with_name(self.path.name + ending)
            if file.exists():
                os.replace(file, aside.with_name(aside.name + ending))
        return aside

    def _replay(self, database: sqlite3.Connection, last_bytes: int | None = None) -> None:
        """Brings the database to what the journal knows: a power cut, or damage, may have left it behind."""
        known = dict(database.execute("SELECT task_id, state FROM tasks WHERE task_id IS NOT NULL"))
        behind = [
            facts for facts in self._journaled(last_bytes) if _is_behind(known.get(facts["task_id"]), facts["state"])
        ]
        if not behind:
            return
        database.execute("BEGIN IMMEDIATE")
        for facts in behind:
            values = {name: facts[name] for name in Entry.__dataclass_fields__ if name in facts and name != "row"}
            database.execute("DELETE FROM tasks WHERE task_id = ?", (facts["task_id"],))
            places = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO tasks ({', '.join(values)}) VALUES ({places})", tuple(values.values()))
        database.execute("COMMIT")

    def _journaled(self, last_bytes: int | None) -> list[dict[str, Any]]:
        """What the journal says last of each task; a line that was cut short does not count."""
        found: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(FileNotFoundError), open(self._journal_path, "rb") as file:
            if last_bytes and file.seek(0, os.SEEK_END) > last_bytes:
                file.seek(-last_bytes, os.SEEK_END)
            for line in file:
                with contextlib.suppress(ValueError, KeyError):
                    facts = json.loads(line)
                    found[facts["task_id"]] = facts
        return list(found.values())


class _Owner:
    """This process's name for its claims. It lives as long as it holds the lock on a file of that name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = uuid.uuid4().hex
        self._folder = folder
        self._lock = FileLock(folder / self.name)
        self._lock.acquire()

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
        path.unlink(missing_ok=True)
        return False

    def leave(self) -> None:
        self._lock.release()
        (self._folder / self.name).unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")  # what must survive a power cut is flushed into the journal
        if database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("its check failed")
        database.executescript(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


@contextlib.contextmanager
def _ledger_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise LedgerBusy(
                "The ledger {path} is locked by another program. Close it and run again.", path=path
            ) from None
        raise LedgerError("The ledger {path} cannot be used: {why}.", path=path, why=error) from None
    except (sqlite3.Error, OSError) as error:
        raise LedgerError("The ledger {path} cannot be used: {why}.", path=path, why=error) from None


def _is_behind(state: State | None, journaled: State) -> bool:
    return state is None or (state in ("submitting", "open") and journaled in ("done", "failed"))


def _entry(row: tuple[Any, ...]) -> Entry:
    values = dict(zip(Entry.__dataclass_fields__, row, strict=True))
    values["urls"] = tuple(json.loads(values["urls"]))
    values["files"] = tuple((Path(path), size) for path, size in json.loads(values["files"]))
    values["sources"] = tuple(json.loads(values["sources"]))
    values["folder"] = Path(values["folder"])
    return Entry(**values)


def _facts(entry: Entry) -> dict[str, Any]:
    """An entry as the columns that hold it."""
    facts = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    files = [[str(path), size] for path, size in entry.files]
    lists = {"urls": list(entry.urls), "files": files, "sources": list(entry.sources)}
    return {**facts, **{name: json.dumps(value) for name, value in lists.items()}, "folder": str(entry.folder)}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
