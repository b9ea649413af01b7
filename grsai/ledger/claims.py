"""Claims: one job is worked on by one thread of one process. A claim ends with the process that made it, however that ends."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from ..errors import LedgerError
from .database import Connection, Database

_OLD_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Holder(Protocol):
    """Whose claims they are."""

    @property
    def name(self) -> str: ...
    def has_ended(self, name: str, database: Connection) -> bool:
        """Whether the holder of that name has ended: from then on it may write nothing under its claims."""
        ...


class Owner:
    """This process's name for its claims. It lives as long as it holds the lock on a file of that name.

    `found_killed`: there was a process that ended without closing its ledger.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = uuid.uuid4().hex
        self.path = folder / self.name
        self._process = os.getpid()
        self._folder = folder
        self._lock = FileLock(self.path, thread_local=False)
        self._lock.acquire()
        self.found_killed = self._sweep()

    @property
    def is_mine(self) -> bool:
        """False in a process that was forked: lock and file are its parent's."""
        return os.getpid() == self._process

    def lives(self, name: str) -> bool:
        """Whether the process of that name still runs; the lock of one that was killed is free."""
        path = self._folder / Path(name).name
        if not path.exists():
            return False
        if _is_locked(path):
            return True
        _remove(path)
        return False

    def has_ended(self, name: str, database: Connection) -> bool:
        return not self.lives(name)

    def _sweep(self) -> bool:
        """Removes what killed processes left; not what is so young that its process may be about to lock it."""
        found = False
        for path in self._folder.iterdir():
            owner = path.with_suffix("")  # of a file that belongs to one
            with contextlib.suppress(OSError):
                age = time.time() - path.stat().st_mtime  # before a look at its lock, which may count as a change
                if owner != self.path and not (owner.exists() and _is_locked(owner)):
                    found = found or path == owner
                    if age > _OLD_SECONDS:
                        _remove(path)
        return found

    def leave(self) -> None:
        self._lock.release()
        _remove(self.path)


def _is_locked(path: Path) -> bool:
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


class Claims:
    """What this process works on, in one service's scope. Its methods may be called from any thread."""

    def __init__(self, database: Database, holder: Holder, service: str) -> None:
        self._database = database
        self._holder = holder
        self._service = service
        self._lock = threading.Lock()  # never held while the database is asked
        self._held: dict[str, str] = {}  # with the name under which each was claimed

    def claim(self, fingerprint: str) -> bool:
        """True: the job is the caller's until `release`. A claim of a process that died is taken over."""
        claimed = self._name(fingerprint)
        with self._lock:
            if claimed in self._held:
                return False
            self._held[claimed] = self._holder.name
        won = False
        try:
            won = self._claim_row(claimed)
            _log.debug("%s: %s", claimed, "claimed" if won else "another process works on it")
        finally:
            if not won:
                with self._lock:
                    self._held.pop(claimed, None)
        return won

    def held(self, fingerprint: str) -> tuple[str, str] | None:
        """The claim of this process on a job, and the name under which it was made; None without one."""
        claimed = self._name(fingerprint)
        return (claimed, self._held[claimed]) if claimed in self._held else None

    def release(self, fingerprint: str) -> None:
        claimed = self._name(fingerprint)
        with contextlib.suppress(LedgerError):  # must not hide what came of the job; the claim ends with the process
            held_as = self._held.get(claimed, self._holder.name)
            query = "DELETE FROM claims WHERE fingerprint = ? AND owner = ?"
            self._database.write(query, (claimed, held_as), light=True)
        with self._lock:
            self._held.pop(claimed, None)

    def under_way(self) -> set[str]:
        """The jobs that somebody works on who has not ended: a thread of this process, or another one."""
        begin = self._name("")
        rows = self._database.do(lambda database: self._living(database, begin), light=True)
        return {claimed.removeprefix(begin) for claimed in rows}

    def _living(self, database: Connection, begin: str) -> list[str]:
        query = "SELECT fingerprint, owner FROM claims WHERE substr(fingerprint, 1, ?) = ?"
        rows = database.execute(query, (len(begin), begin)).fetchall()
        ended = {owner: self._holder.has_ended(owner, database) for _, owner in rows if owner != self._holder.name}
        return [claimed for claimed, owner in rows if (claimed in self._held if owner == self._holder.name else not ended[owner])]

    def mark(self, fingerprint: str) -> str:
        """A name for what is made under a claim. Another ledger, which does not see the claim, has another one."""
        return hashlib.sha256(self._database.identity + f" {self._name(fingerprint)}".encode()).hexdigest()

    def end(self) -> None:
        """All of them. Should the database refuse, who finds the claims finds their owner gone."""
        with contextlib.suppress(LedgerError):
            self._database.write("DELETE FROM claims WHERE owner = ?", (self._holder.name,))

    def _name(self, fingerprint: str) -> str:
        return f"{self._service} {fingerprint}"

    def _claim_row(self, claimed: str) -> bool:
        query, values = "INSERT INTO claims VALUES (?, ?) ON CONFLICT DO NOTHING", (claimed, self._held[claimed])
        made = self._database.do(lambda database: database.execute(query, values).rowcount, one_statement=True, light=True)
        return made == 1 or self._database.do(lambda database: self._take_over(database, claimed), light=True)

    def _take_over(self, database: Connection, claimed: str) -> bool:
        mine = self._held[claimed]
        rows = database.execute("SELECT owner FROM claims WHERE fingerprint = ?", (claimed,)).fetchall()
        if not rows:  # released in between
            return database.execute("INSERT INTO claims VALUES (?, ?) ON CONFLICT DO NOTHING", (claimed, mine)).rowcount == 1
        ((owner,),) = rows
        if owner != mine:  # its own is left where a release found the ledger locked
            if not self._holder.has_ended(owner, database):
                return False
            _log.info("the claim of a process that ended is taken over: %s", claimed)
        taken = database.execute("UPDATE claims SET owner = ? WHERE fingerprint = ? AND owner = ?", (mine, claimed, owner))
        return taken.rowcount == 1
