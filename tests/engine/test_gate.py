"""The gate: how many at once, who first, and when everybody holds back. With real threads."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from grsai.engine.gate import DEFAULT_LIMIT, POLLS_PER_SECOND, Entrance, Gate


class Crowd:
    """Threads that each want a slot, and what they saw."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.inside = 0
        self.most = 0
        self.entered: list[object] = []
        self.turned_away = 0
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def wants(
        self, run: Entrance, order: int, *, name: object = None, stop: threading.Event | None = None, stay: Callable[[], object]
    ) -> None:
        """One more thread. `stay` says how long it keeps its slot."""

        def walk() -> None:
            with run.slot(order, stop or threading.Event()) as mine:
                if not mine:
                    self.turned_away += 1
                    return
                with self._lock:
                    self.inside += 1
                    self.most = max(self.most, self.inside)
                    self.entered.append(order if name is None else name)
                self.gate.accepted()
                stay()
                self.gate.finished()
                with self._lock:
                    self.inside -= 1

        self._threads.append(threading.Thread(target=walk, daemon=True))
        self._threads[-1].start()

    def goes_home(self, seconds: float = 10.0) -> None:
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "somebody waits for ever"


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.002)


def briefly() -> None:
    time.sleep(0.01)


def test_no_more_than_a_runs_concurrency_are_inside() -> None:
    gate = Gate()
    crowd = Crowd(gate)
    with gate.joined(3) as run:
        for order in range(20):
            crowd.wants(run, order, stay=briefly)
        crowd.goes_home()
    assert crowd.most == 3 and len(crowd.entered) == 20


def test_all_runs_together_keep_to_the_limit() -> None:
    gate = Gate(limit=4)
    crowd = Crowd(gate)
    with gate.joined(4) as first, gate.joined(4) as second:
        for order in range(12):
            crowd.wants(first, order, stay=briefly)
            crowd.wants(second, order, stay=briefly)
        crowd.goes_home()
    assert crowd.most == 4 and len(crowd.entered) == 24


def test_without_a_limit_the_largest_run_counts_and_at_least_five() -> None:
    gate = Gate()
    crowd = Crowd(gate)
    with gate.joined(2) as first, gate.joined(2) as second, gate.joined(2) as third:
        for order in range(6):
            for run in (first, second, third):
                crowd.wants(run, order, stay=briefly)
        crowd.goes_home()
    assert crowd.most <= DEFAULT_LIMIT


def test_those_in_front_of_the_plan_come_first() -> None:
    gate = Gate(limit=1)
    crowd, leave = Crowd(gate), threading.Event()
    with gate.joined(1) as run:
        crowd.wants(run, 0, stay=leave.wait)
        until(lambda: crowd.inside)
        orders = list(range(1, 15))
        random.Random(1).shuffle(orders)
        for order in orders:
            crowd.wants(run, order, stay=lambda: None)
        time.sleep(0.05)
        leave.set()
        crowd.goes_home()
    assert crowd.entered == list(range(15))


def test_a_run_that_is_full_does_not_hold_another_one_up() -> None:
    gate = Gate(limit=5)
    crowd, leave = Crowd(gate), threading.Event()
    with gate.joined(1) as full, gate.joined(4) as other:
        crowd.wants(full, 0, stay=leave.wait)
        until(lambda: crowd.inside)
        crowd.wants(full, 1, stay=briefly)
        for order in range(2, 6):
            crowd.wants(other, order, name="other", stay=briefly)
        until(lambda: crowd.entered.count("other") == 4)
        leave.set()
        crowd.goes_home()


def test_jobs_of_equal_place_do_not_forget_each_other() -> None:
    gate = Gate(limit=2)
    crowd = Crowd(gate)
    with gate.joined(2) as run:
        for number in range(30):
            crowd.wants(run, 1, name=number, stay=lambda: time.sleep(0.002))
        crowd.goes_home()
    assert sorted(crowd.entered) == list(range(30))


def test_who_is_stopped_while_waiting_is_turned_away_and_leaves_no_gap() -> None:
    gate = Gate(limit=1)
    crowd, leave, stop = Crowd(gate), threading.Event(), threading.Event()
    with gate.joined(1) as run:
        crowd.wants(run, 0, stay=leave.wait)
        until(lambda: crowd.inside)
        for order in range(1, 6):
            crowd.wants(run, order, stop=stop, stay=briefly)
        crowd.wants(run, 9, name="the one that stays", stay=briefly)
        stop.set()
        until(lambda: crowd.turned_away == 5)
        leave.set()
        crowd.goes_home()
    assert crowd.entered == [0, "the one that stays"]


def test_a_slot_comes_back_although_its_job_failed() -> None:
    gate = Gate(limit=1)
    with gate.joined(1) as run:
        for _ in range(3):
            with pytest.raises(RuntimeError):
                with run.slot(0, threading.Event()) as mine:
                    assert mine
                    raise RuntimeError
        with run.slot(0, threading.Event()) as mine:
            assert mine


def test_retry_after_holds_everybody_back_and_ends() -> None:
    gate = Gate()
    crowd = Crowd(gate)
    with gate.joined(5) as run:
        gate.refused(retry_after=0.3)
        begun = time.monotonic()
        assert 0.2 < gate.cool_pause() <= 0.3
        for order in range(5):
            crowd.wants(run, order, stay=briefly)
        time.sleep(0.1)
        assert not crowd.entered
        crowd.goes_home()
    assert len(crowd.entered) == 5
    assert time.monotonic() - begun >= 0.3


def test_the_longest_retry_after_counts() -> None:
    gate = Gate()
    gate.refused(retry_after=5.0)
    gate.refused(retry_after=1.0)
    gate.refused()
    assert gate.cool_pause() > 4.0


def test_a_service_that_takes_two_at_once_is_soon_asked_for_two_at_once() -> None:
    """The refused ones come back, as the engine's do; in the end hardly anybody is refused any more."""
    gate, taken, refused = Gate(), threading.BoundedSemaphore(2), Counter[str]()
    done = threading.Semaphore(0)

    def walk(run: Entrance, order: int) -> None:
        while True:
            with run.slot(order, threading.Event()):
                if taken.acquire(blocking=False):
                    gate.accepted()
                    time.sleep(0.005)
                    taken.release()
                    gate.finished()
                    done.release()
                    return
                refused["late" if order >= 40 else "early"] += 1
                gate.refused()
            time.sleep(0.002)

    with gate.joined(12) as run, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda order: walk(run, order), range(80)))
    assert all(done.acquire(timeout=1) for _ in range(80))
    assert refused["early"] < 80 and refused["late"] < 20


def test_a_refusal_while_nothing_is_open_does_not_hold_back_what_comes_later() -> None:
    """It says that the service is busy, not how many tasks it takes at once: a node of long ago must not slow a batch."""
    gate, leave = Gate(), threading.Event()
    crowd = Crowd(gate)
    for _ in range(3):
        gate.refused()
    with gate.joined(12) as run:
        for order in range(12):
            crowd.wants(run, order, stay=leave.wait)
        until(lambda: crowd.inside == 12)
        leave.set()
        crowd.goes_home()


def test_again_and_again_broken_counts_like_refused() -> None:
    gate, leave = Gate(), threading.Event()
    crowd = Crowd(gate)
    with gate.joined(5) as run:
        for order in range(4):
            crowd.wants(run, order, stay=leave.wait)
        until(lambda: crowd.inside == 4)
        for _ in range(12):
            gate.broke()
        crowd.wants(run, 9, stay=leave.wait)
        time.sleep(0.05)
        assert crowd.inside == 4, "as many as are open are too many already"
        leave.set()
        crowd.goes_home()


def test_polls_of_many_tasks_are_spread_out() -> None:
    gate = Gate()
    pauses = [gate.poll_pause() for _ in range(81)]
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(80 / POLLS_PER_SECOND, rel=0.1)


def test_a_poll_now_and_then_is_not_held_back() -> None:
    gate = Gate()
    for _ in range(5):
        assert gate.poll_pause() < 0.001
        time.sleep(1.2 / POLLS_PER_SECOND)


def test_a_content_has_one_lock_and_others_have_others() -> None:
    gate = Gate()
    with gate.upload_of("a"):
        assert not gate.upload_of("a").acquire(blocking=False)
        with gate.upload_of("b"):
            pass
    assert gate.upload_of("a").acquire(blocking=False)


def test_any_mixture_of_runs_stops_and_failures_leaves_the_gate_as_it_was() -> None:
    gate, dice = Gate(limit=6), random.Random(5)
    crowd = Crowd(gate)
    stops = [threading.Event() for _ in range(4)]

    def visit(number: int) -> None:
        with gate.joined(dice.randint(1, 8)) as run:
            for order in range(30):
                crowd.wants(run, dice.randint(0, 5), name=(number, order), stop=stops[number], stay=lambda: time.sleep(0.001))
                if dice.random() < 0.2:
                    gate.refused()
                if dice.random() < 0.1:
                    gate.broke()
            if number % 2:
                stops[number].set()
            crowd.goes_home(30)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))
    assert crowd.most <= 6
    assert len(crowd.entered) + crowd.turned_away == 120
    with gate.joined(1) as run, run.slot(0, threading.Event()) as mine:
        assert mine
