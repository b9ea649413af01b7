"""The ledger's database on a server that many machines share: connected anew where it was away, and this process's session in it.

A session is a number with a time up to which it counts, by the clock of the server, which the process puts off again and again.
Who finds a claim of one whose time is over removes the session, takes the claim, and treats what that session was submitting as
uncertain. A paid request is sent only soon after its row was written in a session that was there: so a machine that is cut off
sends nothing.
"""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import platform
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..errors import GrsaiError, LedgerError
from ..places import Address
from .claims import Owner
from .database import Connection, Database, Work
from .postgres import ServerConnection, connect, faults, is_in_the_way, told

T = TypeVar("T")
SEND_SECONDS = 10.0  # so long after its row was written a paid request may be sent
_RENEWALS = 6  # in the time of a lease
_LOOK_SECONDS = 0.25  # how often a server that is away is looked for
_AWAY_SECONDS = 5.0  # so long it is taken to be away still, once it was not found
_MOST_RETRIES = 8
_FORGOTTEN_DAYS = 7
_BEGIN = "BEGIN; SET LOCAL synchronous_commit TO on"
_log = logging.getLogger(__name__)


class ServerDatabase(Database):
    """`patience`: seconds for which a server that went away is looked for, once; then all are told quickly until it is back."""

    _connection: ServerConnection

    def __init__(self, address: Address, *, patience: float) -> None:
        super().__init__(address)
        self._address = address
        self._patience = self._waits = patience
        self._looked = 0.0  # when it was looked for in vain
        self._missing: GrsaiError | None = None
        self._on_connect: list[Callable[[Connection], object]] = []
        self._closed = False
        self._connection = connect(address)
        self._faults = faults()

    @property
    def id(self) -> str:
        return self._connection.id

    @property
    def identity(self) -> bytes:
        return self.id.encode()

    def at_each_connection(self, work: Callable[[Connection], object]) -> None:
        """`work` is done now, and whenever the server is back before anything else is asked of it."""
        self._on_connect.append(work)
        self.alone(work)

    def close(self) -> None:
        if os.getpid() == self._process:
            with self._lock:
                self._closed = True
                self._connection.close()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(*self._faults):
                self._connection.execute("ROLLBACK")

    def _transaction(self, works: list[Work]) -> None:
        """The light ones each by itself: so none waits for a claim of another process while it holds one.

        Statements whose results nobody asks for go over together.
        """
        for work in works:
            if work.light and work.statement is None:
                work.run(self._connection)
        self._run_together([], [work for work in works if work.light and work.statement is not None], [])
        asking = [work for work in works if not work.light and work.statement is None]
        telling = [work for work in works if not work.light and work.statement is not None]
        try:
            if asking:
                self._connection.execute(_BEGIN)
                for work in asking:
                    work.run(self._connection)
            if asking or telling:
                self._run_together([] if asking else [_BEGIN], telling, ["COMMIT"])
        except BaseException:
            self._roll_back()
            raise

    def _run_together(self, before: list[str], works: list[Work], after: list[str]) -> None:
        statements = [work.statement for work in works if work.statement is not None]
        if statements or after:
            self._connection.execute_all([*((each, ()) for each in before), *statements, *((each, ()) for each in after)])
        for work in works:
            work.done()

    def _kept_up(self, work: Callable[[], T]) -> T:
        retries = 0
        while True:
            try:
                return work()
            except self._faults as error:
                if self._connection.is_lost:
                    if retries or self._closed:
                        raise
                    self._connect_again(error)
                elif not is_in_the_way(error) or retries > _MOST_RETRIES:
                    raise
                retries += 1

    def _connect_again(self, error: BaseException) -> None:
        if self._missing is not None and time.monotonic() - self._looked < _AWAY_SECONDS:
            raise LedgerError(self._missing.text, **self._missing.values)  # of this thread alone
        _log.info("the ledger's server went away: %s", told(self._address, error))
        until = time.monotonic() + self._waits
        while True:
            try:
                self._connection = connect(self._address)
                for work in self._on_connect:
                    work(self._connection)
            except (LedgerError, *self._faults) as error:
                self._connection.close()
                self._missing = error if isinstance(error, LedgerError) else told(self._address, error)
                self._looked = time.monotonic()
                if self._looked > until:
                    self._waits = 0.0
                    raise self._missing from None
                time.sleep(_LOOK_SECONDS)
            else:
                _log.info("the ledger's server is back")
                self._missing, self._waits = None, self._patience
                return

    def _told(self, error: BaseException) -> GrsaiError:
        return told(self._address, error)

    def _is_for_all(self, error: Exception) -> bool:
        return isinstance(error, LedgerError) or self._connection.is_lost


class Session:
    """This process among those that share the ledger. `place`: of this machine, by which its processes know each other."""

    def __init__(self, database: ServerDatabase, owner: Owner, place: str, *, lease_seconds: float) -> None:
        self.who = f"{_user()}@{platform.node()}"
        self._send_seconds = min(SEND_SECONDS, lease_seconds / 3)
        self._until = f"clock_timestamp() + INTERVAL '{lease_seconds} seconds'"
        self._pause = lease_seconds / _RENEWALS
        self._database = database
        self._owner = owner
        self._place = place
        self._number = 0
        self._ended = threading.Event()
        database.at_each_connection(self._resume)
        database.write("DELETE FROM sessions WHERE until < clock_timestamp() - ? * INTERVAL '1 day'", (_FORGOTTEN_DAYS,))
        gone = "NOT EXISTS (SELECT 1 FROM sessions WHERE id = claims.owner::BIGINT)"
        database.write(f"DELETE FROM claims WHERE {gone}", ())
        threading.Thread(target=_renew, args=(weakref.ref(self), self._ended, self._pause), name="lease", daemon=True).start()

    @property
    def name(self) -> str:
        return str(self._number)

    def has_ended(self, name: str, database: Connection) -> bool:
        """Whether the session of that name is over; then it is removed, so that it writes nothing any more."""
        row = database.execute("SELECT place, owner FROM sessions WHERE id = ?", (int(name),)).fetchone()
        if row is None:
            return True
        place, owner = row
        killed = place == self._place and not self._owner.lives(owner)
        condition = "" if killed else " AND until < clock_timestamp()"
        if database.execute(f"DELETE FROM sessions WHERE id = ?{condition}", (int(name),)).rowcount:
            _log.info("session %s is over", name)
            return True
        return database.execute("SELECT 1 FROM sessions WHERE id = ?", (int(name),)).fetchone() is None

    def submitting(self, database: Connection, claim: tuple[str, str] | None, values: Mapping[str, Any]) -> int:
        """Writes the row of a submit, and puts the end of the session off. Raises where this process was given up.

        `claim`: the claim under which it is sent, and the name under which that was made.
        """
        assert isinstance(database, ServerConnection)
        number = int(claim[1]) if claim else self._number
        values = {**values, "session": number}
        condition, of_claim = "TRUE", ()
        if claim is not None:
            condition, of_claim = "EXISTS (SELECT 1 FROM claims WHERE fingerprint = ? AND owner = ?)", claim
        mine = f"UPDATE sessions SET until = {self._until} WHERE id = ? AND {condition} RETURNING 1"
        row = database.insert_if(mine, (number, *of_claim), values)
        if row is None and claim is not None and self._claimed_anew(database, claim):
            row = database.insert_if(mine, (number, *of_claim), values)
        if row is None:
            raise _cut_off(self._database.place)
        return row

    def _claimed_anew(self, database: Connection, claim: tuple[str, str]) -> bool:
        """Whether the server had lost a claim, as it may lose the newest ones when it is killed, and nobody else has taken it."""
        its = f"UPDATE sessions SET until = {self._until} WHERE id = ?"
        again = "INSERT INTO claims VALUES (?, ?) ON CONFLICT DO NOTHING"
        return bool(database.execute(its, (int(claim[1]),)).rowcount and database.execute(again, claim).rowcount)

    def now(self) -> float:
        """For `check_sendable`, asked before the row of a submit is written."""
        return _now()

    def check_sendable(self, begun: float) -> None:
        """Right before the request is sent: raises where another machine may have taken the job over since `begun`."""
        if _now() - begun > self._send_seconds:
            raise _cut_off(self._database.place)

    def leave(self) -> None:
        self._ended.set()
        with contextlib.suppress(LedgerError):  # its time runs out by itself
            self._database.write("DELETE FROM sessions WHERE id = ?", (self._number,))

    def renew(self) -> None:
        self._database.do(self._resume)

    def _resume(self, database: Connection) -> None:
        """Puts the end of the session off. One that was given up meanwhile is followed by a new one."""
        put_off = f"UPDATE sessions SET until = {self._until} WHERE id = ?"
        if not self._number or not database.execute(put_off, (self._number,)).rowcount:
            begin = f"INSERT INTO sessions (place, owner, who, until) VALUES (?, ?, ?, {self._until}) RETURNING id"
            row = database.execute(begin, (self._place, self._owner.name, self.who)).fetchone()
            before, self._number = self._number, row[0]
            if before:
                _log.warning("session %d was given up while this machine was cut off; it is number %d now", before, self._number)
                database.execute("UPDATE tasks SET session = ? WHERE session = ?", (self._number, before))


def _cut_off(place: object) -> LedgerError:
    text = "The ledger {path} was out of reach for so long that another machine may go on. Nothing was sent; run again."
    return LedgerError(text, path=place)


def _now() -> float:
    """Seconds of a clock that goes on while the computer sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _renew(session: weakref.ref[Session], ended: threading.Event, pause: float) -> None:
    while not ended.wait(pause):
        if (living := session()) is None:
            return
        with contextlib.suppress(LedgerError):  # tried again soon
            living.renew()
        del living


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a number without a name, as in containers
        return "?"
