"""Where a ledger is kept: in a file of this computer, or on a server that many machines share. Only here the two are told apart.

Either way a journal on this computer holds what was submitted here.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LedgerError
from ..places import HERE, Address
from .claims import Holder, Owner
from .connection import ledger_errors, refuse_foreign
from .database import Database
from .file import FileDatabase
from .journal import is_journal
from .replay import Replay

if TYPE_CHECKING:
    from .server import Session

_BELOW = "studio"  # the folder of what belongs to ledgers on servers


class Store:
    """`place`: what messages call it. `path`: beside it lies the journal. `journal`: its name, where there are several."""

    place: Path | Address
    path: Path
    owner: Owner
    journal = ""
    damage: LedgerError | None = None  # why an earlier file was set aside
    session: Session | None = None  # where the ledger is shared

    def opened(self, replay: Replay) -> Database:
        raise NotImplementedError

    @property
    def holder(self) -> Holder:
        """Of the claims."""
        return self.session or self.owner


def store_at(place: str | Path | Address, *, busy_seconds: float, lease_seconds: float, home: Path | None) -> Store:
    """`home`: the user's data folder, where the journal of a ledger on a server lies."""
    if isinstance(place, str) and Address.is_one(place):
        place = Address(place)
    if isinstance(place, Address):
        return _Server(place, busy_seconds, lease_seconds, home or Path(HERE))
    return _File(Path(place), busy_seconds)


class _File(Store):
    def __init__(self, path: Path, busy_seconds: float) -> None:
        self.path = Path(os.path.realpath(path)) if os.path.islink(path) else path  # one ledger has one journal, one lock
        self.place = self.path
        self._busy_seconds = busy_seconds
        journal = self.path.with_suffix(".journal")
        refuse_foreign(self.path, was_ours=lambda: is_journal(journal))
        with ledger_errors(self.path):
            self.owner = Owner(self.path.parent / "owners")

    def opened(self, replay: Replay) -> Database:
        database = FileDatabase(
            self.path,
            busy_seconds=self._busy_seconds,
            complete=replay.at_start,
            unclean=self.owner.found_killed,
            is_long=replay.is_long,
        )
        self.damage = database.damage
        return database


class _Server(Store):
    def __init__(self, address: Address, busy_seconds: float, lease_seconds: float, home: Path) -> None:
        import platform

        from .server import ServerDatabase

        self.place = address
        self._lease_seconds = lease_seconds
        self._database = ServerDatabase(address, patience=busy_seconds)
        host = re.sub(r"[^\w.-]", "_", platform.node()) or "_"
        folder = home / _BELOW / self._database.id[:12] / host  # a home may be that of several machines
        self.path = folder / "ledger"
        with ledger_errors(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self.owner = Owner(folder / "owners")
            self.journal = _name_in(folder / "journal.name")

    def opened(self, replay: Replay) -> Database:
        from .server import Session

        self._database.at_each_connection(replay.at_start)
        self.session = Session(self._database, self.owner, self.journal, lease_seconds=self._lease_seconds)
        return self._database


def _name_in(file: Path) -> str:
    """What a file says; the first who asks writes something into it that no other file says."""
    draft = file.with_name(uuid.uuid4().hex)
    draft.write_text(draft.name, "utf-8")
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    except OSError:  # a disk without hard links
        if not file.exists():
            os.replace(draft, file)
    draft.unlink(missing_ok=True)
    return file.read_text("utf-8")
