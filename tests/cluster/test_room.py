"""What a worker heeds by itself: whose key goes where, whether the folders are the same, whether the command lives."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grsai.cluster.order import Order, outcome_of, packed, travelling, unpacked
from grsai.cluster.room import GONE_SECONDS, LEASE_SECONDS, Room
from grsai.emulator import Emulator
from grsai.errors import NoKey, OutputError, WrongSetting
from grsai.ledger import service_of
from tests.conftest import KEY, ROOT


@pytest.fixture
def emulator() -> Any:
    with Emulator(seconds=0.05, render=False) as emulator:
        yield emulator


def order_of(studio: Any, **facts: Any) -> Order:
    studio.output.mkdir(exist_ok=True)
    (studio.output / ".grsai-seen-1").write_text("a mark", "ascii")
    settings = studio.settings(ledger=str(studio.ledger_path))
    known = {
        "run": "run", "values": travelling(settings), "catalogue": settings.catalogue, "service": service_of(settings.base_url),
        "output": studio.output, "sources": (), "concurrency": 4, "total": 4, "begun_at": time.time(),
        "seen": (".grsai-seen-1", "a mark"),
    }  # fmt: skip
    return Order(**known | facts)


def test_the_order_travels_without_the_key_and_shows_nothing(studio: Any) -> None:
    order = order_of(studio)
    assert KEY.encode() not in packed(order) and repr(order) == "Order(run)"
    assert unpacked(packed(order)).settings(studio.settings()).api_key == studio.settings().api_key


def test_a_worker_that_sees_another_folder_is_not_fit(studio: Any) -> None:
    for facts in (
        {"seen": (".grsai-seen-1", "another mark")},
        {"seen": (".grsai-seen-2", "a mark")},
        {"sources": (Path("/nowhere"),)},
    ):
        with pytest.raises(OutputError, match="does not see the folder"):
            Room(order_of(studio, **facts), studio.settings())


def test_the_key_goes_to_no_address_that_the_workers_own_settings_do_not_name(studio: Any) -> None:
    order = order_of(studio)
    with pytest.raises(WrongSetting, match="do not allow"):
        Room(order, replace(studio.settings(), base_url="https://grsaiapi.com"))
    vendors = replace(order, values={**order.values, "base_url": "https://grsaiapi.com"})
    room = Room(vendors, studio.settings())
    room.leave()
    with pytest.raises(NoKey):
        Room(order, replace(studio.settings(), api_key=None))


def test_nothing_new_is_paid_while_nobody_hears_of_the_command(studio: Any) -> None:
    [job] = studio.jobs(1)
    room = Room(order_of(studio), studio.settings())
    room.share.heard -= LEASE_SECONDS + 1
    made: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: made.append(room.make(0, unpacked(packed(job)), "one")), daemon=True)
    thread.start()
    time.sleep(0.6)
    assert not studio.emulator.tasks and not made
    assert room.heard(stop=False, halted=None)["jobs"] == {0: (0, 0, False)}
    thread.join(10)
    outcome = outcome_of(job, made[0])
    assert (outcome.status, outcome.worker, outcome.credits) == ("succeeded", "one", 440)
    pickle.dumps(made[0])
    room.leave()


def test_a_command_that_does_not_come_back_is_not_waited_for(studio: Any) -> None:
    [job] = studio.jobs(1)
    room = Room(order_of(studio), studio.settings())
    room.share.heard -= GONE_SECONDS + 1
    facts = room.make(0, job, "one")
    assert facts["status"] == "stopped" and not studio.emulator.tasks
    assert "Nothing was heard" in str(outcome_of(job, facts).error) and room.is_silent
    room.leave()


def test_an_error_is_told_within_another_sentence_where_dask_is_loaded() -> None:
    """Dask has a way of its own to copy errors that exist when it is loaded."""
    program = (
        "from grsai.errors import Unreachable; import distributed\n"
        "try: raise Unreachable('{host} is gone.', host='h', lasting=True)\n"
        "except Unreachable as error: told = error.within('{why} Task {task} is paid.', task='t')\n"
        "print(told, type(told).__name__, told.lasting)"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == "h is gone. Task t is paid. Unreachable True\n", ended.stderr
