"""What was uploaded, submitted and received: SQLite, and beside it a journal of plain lines that survives a damaged database.

A job's way through the ledger: `submitting` (written before the paid request) → `open` (the task id, written before anything
else happens) → `done` (the file is whole on disk) or `failed`. One that stayed `submitting` when its process died is `uncertain`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from ..errors import GrsaiError, LedgerError, TaskFailed
from ..jobs import Job
from ..models import Api, Model
from ..redact import redact
from ..settings import HOSTS
from .claims import Claims, Owner
from .database import Connection, Database, ledger_errors
from .entries import COLUMNS, LATER, TASK_SECONDS, Entry, as_text, entry_of, is_entry, storable, with_sizes
from .journal import Facts, Journal

UPLOAD_SECONDS = 24 * 3600  # so long an upload is used again; the vendor names no lifetime, clients count on 3 days
BUSY_SECONDS = 10.0
OFFLINE = "offline"
_REPLAYED_BYTES = 1 << 20
_MOST_COPIES = 5
_NEWEST = 50  # entries of one job that are looked at
_NEVER_CHANGES = ("service", "fingerprint", "base_url", "created", "submitted")


def service_of(base_url: str) -> str:
    """The scope in which results are reused: the vendor's hosts are one service, every other address is its own."""
    return "grsai" if base_url in HOSTS.values() else urlsplit(base_url).netloc


class Ledger:
    """Opened once a process; its methods may be called from any thread. Raises `LedgerError`s only.

    `service` is the scope (`service_of`) in which jobs and uploads are looked up. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        service: str = "grsai",
        busy_seconds: float = BUSY_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self.service = service
        self.now = clock
        self.notices: list[GrsaiError] = []
        self._journal = Journal(self.path.with_suffix(".journal"))
        self._open: dict[int, Facts] = {}  # by row: what was submitted here, should the database fail meanwhile
        with ledger_errors(self.path):
            self._owner = Owner(self.path.parent / "owners")
        self._database = Database(self.path, busy_seconds=busy_seconds, complete=self._replay)
        self._claims = Claims(self._database, self._owner, service)
        if self._database.damage is not None:  # the only notice: that the new file was empty goes without saying
            self.notices = [self._database.damage]

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        with ledger_errors(self.path):
            self._claims.end()
            self._database.close()
            self._owner.leave()

    # Uploads

    def uploaded(self, digest: str) -> str | None:
        """The URL of a content that went up less than a day ago."""
        oldest = self.now() - UPLOAD_SECONDS
        rows = self._database.read(
            "SELECT url FROM uploads WHERE digest = ? AND service = ? AND created > ?", (digest, self.service, oldest)
        )
        return rows[0][0] if rows else None

    def record_upload(self, digest: str, url: str) -> None:
        self._database.write("INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?)", (digest, self.service, url, self.now()))

    def forget_upload(self, digest: str) -> None:
        self._database.write("DELETE FROM uploads WHERE digest = ? AND service = ?", (digest, self.service))

    def digest_of(self, url: str) -> str | None:
        """The content that was uploaded to that URL."""
        rows = self._database.read("SELECT digest FROM uploads WHERE url = ? AND service = ?", (url, self.service))
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
    ) -> int:
        """The paid request is about to be sent. Returns the row. `model`: the one that is used, if not the job's own."""
        used = model or job.model
        values = {
            "service": self.service, "fingerprint": job.fingerprint, "state": "submitting", "task_id": None, "base_url": base_url,
            "model": used.id, "prompt": redact(job.prompt), "aspect_ratio": job.aspect_ratio, "image_size": job.image_size,
            "seed": job.seed, "variation": job.variation, "credits": used.credits, "created": self.now(),
            "submitted": None, "finished": None, "reason": "", "error": "", "urls": "[]", "files": "[]", "copies": "[]",
            "name": storable(job.name), "folder": storable(folder),
            "sources": json.dumps([str(each.path or each.name) for each in job.references]),
            **LATER, "api": api, "run": run, "key_mark": key_mark,
            "asked_model": job.model.id if used.id != job.model.id else None,
            "quality": getattr(job, "quality", None), "background": getattr(job, "background", None),
        }  # fmt: skip
        row = self._insert(values)
        self._open[row] = values
        return row

    def submitted(self, row: int, task_id: str, *, base_url: str | None = None) -> None:
        """The service accepted it: the id, and with it the money, is safe on disk when this returns.

        `base_url`: the host that took it, if it is not the one that was to be asked.
        """
        host = {"base_url": base_url} if base_url else {}
        self._settle(row, state="open", task_id=task_id, submitted=self.now(), **host)

    def not_submitted(self, row: int) -> None:
        """The service surely did not take it."""
        self._open.pop(row, None)
        self._database.write("DELETE FROM tasks WHERE row = ?", (row,))

    def uncertain(self, row: int, error: GrsaiError) -> None:
        self._open.pop(row, None)
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
        with self._database.transaction() as database:
            (copies,) = database.execute("SELECT copies FROM tasks WHERE row = ?", (row,)).fetchone() or ("[]",)
            sets = [each for each in json.loads(copies) if each != json.loads(with_sizes(files))]
            database.execute(
                "UPDATE tasks SET copies = ? WHERE row = ?",
                (json.dumps([json.loads(with_sizes(files)), *sets][:_MOST_COPIES]), row),
            )

    def note_error(self, row: int, error: GrsaiError) -> None:
        """Why an open task was not collected; it stays open."""
        self._update(row, **_said(error))

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
            self.service, self.now() - 2 * TASK_SECONDS))  # fmt: skip
        return [each for each in found if each.collectable and (each.state == "open" or not each.whole)]

    def entries_of(self, task_ids: Sequence[str]) -> list[Entry]:
        """What is known of these tasks, oldest first."""
        marks = ", ".join("?" * len(task_ids))
        return self._entries(f"WHERE service = ? AND task_id IN ({marks}) ORDER BY row", (self.service, *task_ids))

    def counts(self) -> dict[str, int]:
        return dict(self._database.read("SELECT state, tasks FROM counts WHERE service = ? AND tasks > 0", (self.service,)))

    def usual_seconds(self, model: str, image_size: str | None, *, most: float = TASK_SECONDS) -> float | None:
        """The median time of the last pictures of that model and size. What took longer than `most` was fetched late."""
        rows = self._database.read(
            "SELECT finished - submitted FROM tasks WHERE service = ? AND model = ? AND image_size IS ? AND state = 'done'"
            " AND finished - submitted BETWEEN 0 AND ? ORDER BY row DESC LIMIT 15",
            (self.service, model, image_size, most),
        )
        return sorted(row[0] for row in rows)[len(rows) // 2] if len(rows) >= 3 else None

    # Below: the database and the journal

    def _entries(self, conditions: str, values: tuple[Any, ...]) -> list[Entry]:
        rows = self._database.read(f"SELECT {', '.join(COLUMNS)} FROM tasks {conditions}", values)
        return [entry for row in rows if (entry := entry_of(row, self.now)) is not None]

    def _insert(self, values: dict[str, Any]) -> int:
        names, places = ", ".join(values), ", ".join("?" * len(values))
        with self._database.transaction() as database:
            row = database.execute(f"INSERT INTO tasks ({names}) VALUES ({places})", tuple(values.values())).lastrowid
        assert row is not None
        return row

    def _update(self, row: int, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self._database.write(f"UPDATE tasks SET {names} WHERE row = ?", (*values.values(), row))

    def _settle(self, row: int, **values: Any) -> None:
        """Into the journal first, then into the database: with either one the task can be found again."""
        facts = self._open.pop(row, None) or self._facts(row)
        if facts is not None and values["state"] == "open":
            self._open[row] = {**facts, **values}
        try:
            if facts is not None:
                with ledger_errors(self.path):
                    self._journal.append(as_text({**facts, **values}))
        finally:
            self._update(row, **values)

    def _facts(self, row: int) -> Facts | None:
        """An entry as the columns that hold it."""
        rows = self._database.read(f"SELECT {', '.join(COLUMNS[1:])} FROM tasks WHERE row = ?", (row,))
        return dict(zip(COLUMNS[1:], rows[0], strict=True)) if rows else None

    def _replay(self, database: Connection) -> None:
        """Brings the database to what the journal knows: a power cut, a lock or damage may have left it behind."""
        empty = database.execute("SELECT 1 FROM tasks LIMIT 1").fetchone() is None
        journaled = [facts for facts in self._journal.read(None if empty else _REPLAYED_BYTES) if is_entry(facts)]
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


def _is_behind(database: Connection, facts: Facts) -> bool:
    """Whether the database does not know what a line of the journal says, or not any more."""
    row = database.execute(f"SELECT {', '.join(COLUMNS)} FROM tasks WHERE task_id = ?", (facts["task_id"],)).fetchone()
    entry = entry_of(row) if row else None
    if entry is None or any(getattr(entry, name) != facts[name] for name in _NEVER_CHANGES):
        return True
    return entry.state in ("submitting", "open") and facts["state"] in ("done", "failed")


def _bring_up(database: Connection, facts: Facts) -> None:
    """Writes an entry of the journal into its row, which may not know its task yet, or into a new one."""
    values = {**LATER, **facts}
    values |= {name: storable(values[name]) for name in ("name", "folder")}
    row = database.execute(
        "SELECT row FROM tasks WHERE task_id = ? OR (task_id IS NULL AND service = ? AND fingerprint = ? AND created = ?)",
        (facts["task_id"], facts["service"], facts["fingerprint"], facts["created"]),
    ).fetchone()
    names = COLUMNS[1:]
    if row is not None:
        database.execute(
            f"UPDATE tasks SET {', '.join(f'{name} = ?' for name in names)} WHERE row = ?",
            (*(values[name] for name in names), row[0]),
        )
    else:
        database.execute(
            f"INSERT INTO tasks ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", [values[name] for name in names]
        )


_NO_ERROR = {"reason": "", "error": "", "trouble": ""}


def _said(error: GrsaiError) -> dict[str, str]:
    """What a row holds of it: also as text, which can be stored although a folder that it names may be none."""
    text = str(error).encode("utf-8", "replace").decode()
    return {"reason": error.reason, "error": text, "trouble": json.dumps(error.as_object())}
