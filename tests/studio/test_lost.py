"""A server that goes away, and a machine that is cut off: what is paid is written down, and nobody pays for it twice."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grsai.errors import LedgerError, Uncertain
from grsai.jobs import Job, plan
from grsai.ledger import Ledger, service_of
from grsai.models import Catalogue

MODEL = Catalogue().named("nano-banana-fast")
HOST = "https://grsaiapi.com"


class Wire:
    """A way to the server that can be cut: what comes is not answered, or refused."""

    def __init__(self, socket_folder: str, address: str) -> None:
        self._target = next(Path(socket_folder).glob(".s.PGSQL.*[0-9]"))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.cut = False
        name = address.partition("://")[2].partition("?")[0].rpartition("/")[2]
        self.address = f"postgresql://postgres:@127.0.0.1:{self._listener.getsockname()[1]}/{name}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                if self.cut:
                    here.close()
                    continue
                there = socket.socket(socket.AF_UNIX)
                there.connect(str(self._target))
                self._pairs.append((here, there))
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def break_off(self) -> None:
        """Nobody reaches the server this way any more, until it is `mended`."""
        self.cut = True
        for pair in self._pairs:
            for each in pair:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def mend(self) -> None:
        self.cut = False

    def close(self) -> None:
        self.break_off()
        self._listener.close()


@pytest.fixture
def wire(address: str) -> Iterator[Wire]:
    folder = address.partition("?host=")[2]
    if not folder:
        pytest.skip("needs a server at a socket")
    wire = Wire(folder, address)
    yield wire
    wire.close()


def opened(address: str, home: Path) -> Ledger:
    return Ledger(address, home=home, busy_seconds=0.2, lease_seconds=1.5)


def jobs(count: int = 1) -> list[Job]:
    return plan([f"picture {number}" for number in range(count)], model=MODEL)


def submitting(ledger: Ledger, job: Job, folder: Path) -> int:
    return ledger.submitting(job, base_url=HOST, folder=folder)


def until(claim: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.05)


def test_what_is_paid_while_the_server_is_away_is_known_when_it_is_back(address: str, wire: Wire, tmp_path: Path) -> None:
    first, second = jobs(2)
    with opened(wire.address, tmp_path) as ledger, opened(address, tmp_path / "other") as other:
        row, lost = submitting(ledger, first, tmp_path), submitting(ledger, second, tmp_path)
        wire.break_off()
        with pytest.raises(LedgerError, match="does not answer"):
            ledger.submitted(row, "14-first")
        with pytest.raises(LedgerError, match="does not answer"):
            ledger.submitted(lost, "14-second")
        with pytest.raises(LedgerError):
            ledger.done(row, [tmp_path / "first.png"], ["https://file.example/first.png"])
        with pytest.raises(LedgerError):
            submitting(ledger, jobs(3)[2], tmp_path)
        assert [each.state for each in other.entries()] == ["submitting", "submitting"]
        wire.mend()
        until(lambda: [each.state for each in other.entries()] == ["open", "done"])
        assert [each.task_id for each in other.entries()] == ["14-second", "14-first"]


def test_the_journal_of_a_process_that_died_meanwhile_is_brought_in_by_the_next(wire: Wire, tmp_path: Path) -> None:
    (job,) = jobs()
    ledger = opened(wire.address, tmp_path)
    row = submitting(ledger, job, tmp_path)
    wire.break_off()
    with pytest.raises(LedgerError):
        ledger.submitted(row, "14-first")
    ledger.close()
    wire.mend()
    with opened(wire.address, tmp_path) as again:
        assert [(each.state, each.task_id) for each in again.entries()] == [("open", "14-first")]


def test_a_machine_that_is_cut_off_sends_nothing_once_another_has_taken_over(address: str, wire: Wire, tmp_path: Path) -> None:
    (job,) = jobs()
    with opened(wire.address, tmp_path) as cut, opened(address, tmp_path / "other") as other:
        assert cut.claim(job.fingerprint) and not other.claim(job.fingerprint)
        row = submitting(cut, job, tmp_path)
        wire.break_off()
        until(lambda: other.claim(job.fingerprint))
        (entry,) = other.tries(job.fingerprint)
        assert (entry.row, entry.state) == (row, "submitting")  # which is uncertain from now on
        other.uncertain(row, Uncertain("Nobody knows."))
        with pytest.raises(LedgerError, match="another machine may go on"):
            cut.check_sendable(row)
        wire.mend()
        until(lambda: _is_there(cut))
        with pytest.raises(LedgerError, match="another machine may go on"):  # under the claim that it had
            submitting(cut, job, tmp_path)
        cut.release(job.fingerprint)
        assert not cut.claim(job.fingerprint)
        assert len(other.entries()) == 1


def _is_there(ledger: Ledger) -> bool:
    with contextlib.suppress(LedgerError):
        return bool(ledger.entries())
    return False


def test_a_request_that_would_be_sent_late_is_not_sent(address: str, tmp_path: Path) -> None:
    with opened(address, tmp_path) as ledger:
        row = submitting(ledger, jobs()[0], tmp_path)
        ledger.check_sendable(row)
        time.sleep(0.6)  # a third of the lease
        with pytest.raises(LedgerError, match="Nothing was sent"):
            ledger.check_sendable(row)


def test_an_id_that_comes_late_is_written_down_although_another_machine_gave_it_up(
    address: str, wire: Wire, tmp_path: Path
) -> None:
    (job,) = jobs()
    with opened(wire.address, tmp_path) as cut, opened(address, tmp_path / "other") as other:
        assert cut.claim(job.fingerprint)
        row = submitting(cut, job, tmp_path)
        wire.break_off()
        until(lambda: other.claim(job.fingerprint))
        other.uncertain(row, Uncertain("Nobody knows."))
        with pytest.raises(LedgerError):
            cut.submitted(row, "14-late")
        wire.mend()
        until(lambda: [(each.state, each.task_id) for each in other.entries()] == [("open", "14-late")])


def test_what_a_lost_machine_has_open_counts_until_its_usual_time_is_over(address: str, wire: Wire, tmp_path: Path) -> None:
    quick = Catalogue().with_rows({MODEL.id: {"seconds": 4}}).named(MODEL.id)
    one, two = plan(["one", "two"], model=quick)

    def lost(ledger: Ledger) -> int:
        agreement = ledger.agreement("")
        assert agreement is not None
        return agreement.change(lambda agreed, standing: standing.lost)

    with opened(wire.address, tmp_path) as cut, opened(address, tmp_path / "other") as other:
        ended = submitting(cut, one, tmp_path)
        cut.submitted(ended, "14-one")
        cut.submitted(submitting(cut, two, tmp_path), "14-two")
        assert lost(other) == 0  # the other one counts them itself
        begun = time.monotonic()
        wire.break_off()
        until(lambda: lost(other) == 2)
        other.done(ended, [], [])
        assert lost(other) == 1
        until(lambda: lost(other) == 0)
        assert time.monotonic() - begun > 2.0


def test_a_command_whose_server_goes_away_pays_for_nothing_new_and_says_it_once(studio, address: str, wire: Wire) -> None:
    studio.furnish([f"picture {number}" for number in range(30)])
    studio.emulator.seconds = (1.0, 1.5)
    options = {"GRSAI_LEDGER": wire.address, "GRSAI_CONCURRENCY": "5", "GRSAI_HOME": str(studio.folder / "home")}
    command = studio.command("--output", "made", "--json", **options)
    studio.wait_until(lambda: len(studio.emulator.tasks) >= 8, 60)
    wire.break_off()
    out, err = command.communicate(timeout=90)
    sent = len(studio.emulator.tasks)
    report = json.loads(out)
    assert command.returncode == 1 and "Traceback" not in err
    made = [job for job in report["jobs"] if job["status"] == "succeeded"]
    assert 8 <= sent < 30 and len(made) == sent  # what was paid came all the same
    wire.mend()
    again = studio.command("--output", "made", "--json", **options)
    report = json.loads(again.communicate(timeout=120)[0])
    assert [job["status"] for job in report["jobs"]] == ["succeeded"] * 30
    assert len(studio.emulator.tasks) == 30 and report["reused"] == sent
    with Ledger(address, service=service_of(studio.emulator.url), home=studio.folder / "home") as ledger:
        assert ledger.counts() == {"done": 30}
