"""Pictures on their way up take a bounded amount of memory, however many jobs run at once."""

from __future__ import annotations

import threading
import time

import pytest

from grsai.engine.gate import ROOM_BYTES, Room
from grsai.errors import Stopped
from grsai.jobs import plan
from grsai.pictures import Encoded, Reference


def test_who_needs_more_than_there_is_waits_until_there_is(studio) -> None:
    room, stop, inside = Room(100), threading.Event(), threading.Event()

    def enter() -> None:
        with room.taken(60, stop):
            inside.set()

    with room.taken(60, stop):
        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not inside.wait(0.2)
    assert inside.wait(5)
    waiting.join()


def test_what_is_larger_than_all_of_it_goes_alone() -> None:
    room, stop = Room(100), threading.Event()
    with room.taken(1_000_000, stop):
        stop.set()
        with pytest.raises(Stopped), room.taken(1, stop):
            pass
    with room.taken(100, stop):
        pass


def test_a_stop_ends_the_wait() -> None:
    room, stop = Room(100), threading.Event()
    with room.taken(100, stop):
        threading.Timer(0.05, stop.set).start()
        begun = time.monotonic()
        with pytest.raises(Stopped), room.taken(100, stop):
            pass
    assert time.monotonic() - begun < 2


def test_many_large_pictures_do_not_go_up_all_at_once(studio) -> None:
    lock, held, peak = threading.Lock(), 0, 0

    def load() -> Encoded:
        nonlocal held, peak
        with lock:
            held += 1
            peak = max(peak, held)
        time.sleep(0.02)
        with lock:
            held -= 1
        return Encoded(b"\x89PNG", "png")

    large = ROOM_BYTES // 3
    references = [Reference(f"{number}", f"{number:064}", load=load, size=large) for number in range(12)]
    jobs = plan(["a"], references, model=studio.settings().catalogue["nano-banana-fast"])
    studio.run(jobs, concurrency=12)
    assert peak <= 3 and len(studio.emulator.uploads) == 12
