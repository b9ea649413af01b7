"""The vendor's two names lead to one service: a run that cannot reach the one goes on at the other."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Studio


class Name:
    """Another address of an emulator, which can go out of reach. What comes over it is passed on as it is."""

    def __init__(self, url: str) -> None:
        self._to = int(url.rpartition(":")[2])
        self._port, self.passed = 0, 0
        self._open: list[socket.socket] = []
        self.come_back()
        self.url = f"http://localhost:{self._port}"

    def come_back(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def go_out_of_reach(self) -> None:
        """No connection comes about any more; those that are open end."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self.passed += 1
                self._open += [near, far]
                threading.Thread(target=_pass_both_ways, args=(near, far), daemon=True).start()


def _pass_both_ways(near: socket.socket, far: socket.socket) -> None:
    with near, far:
        back = threading.Thread(target=_pass_on, args=(far, near), daemon=True)
        back.start()
        _pass_on(near, far)
        back.join()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@pytest.fixture(params=["unified", "legacy"])
def studio(studio: Studio, request: pytest.FixtureRequest) -> Studio:
    studio.api = request.param
    return studio


@pytest.fixture
def first(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Name]:
    """The name that the settings hold; the emulator's own address is the other host of the same service."""
    name = Name(studio.emulator.url)
    monkeypatch.setattr(sys.modules["grsai.engine.run"], "OTHER_HOSTS", {name.url: studio.emulator.url})
    monkeypatch.setattr(sys.modules["grsai.ledger.entries"], "HOSTS", {"one": name.url, "two": studio.emulator.url})
    yield name
    name.go_out_of_reach()


@pytest.fixture
def forgotten(first: Name, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names that nobody knows any more, once they are put in; `localhost` is one for `first`."""
    names, look_up = set[str](), socket.getaddrinfo

    def known(host: Any, *arguments: Any, **options: Any) -> Any:
        if host in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", known)
    return names


def _run(studio: Studio, name: Name, jobs: list[Any], **options: Any) -> list[Any]:
    return studio.run(jobs, settings=studio.settings(base_url=name.url), **options)


def test_a_whole_run_goes_over_to_the_other_host_and_a_second_one_sends_nothing(studio: Studio, first: Name, photos) -> None:
    first.go_out_of_reach()
    jobs = studio.with_references(studio.jobs(6), photos[:1])
    outcomes = _run(studio, first, jobs)
    studio.assert_right(outcomes)
    assert studio.emulator.count("submit") == 6 and first.passed == 0
    again = _run(studio, first, jobs)
    assert all(outcome.reused for outcome in again) and studio.emulator.count("submit") == 6
    studio.assert_nothing_left()


def test_a_host_that_goes_down_in_the_middle_costs_nothing_twice(studio: Studio, first: Name) -> None:
    """What it accepted is asked for there, once it is back; all others are made at the other host."""
    studio.emulator.seconds = 0.3
    jobs, settings = studio.jobs(30), studio.settings(base_url=first.url, deadline_seconds=4)
    started = studio.start(jobs, settings=settings, concurrency=4)
    studio.wait_until(lambda: studio.emulator.count("submit") >= 8)
    first.go_out_of_reach()
    outcomes = started.outcomes(60)
    made = [outcome for outcome in outcomes if outcome.status == "succeeded"]
    studio.assert_right(made)
    assert 26 <= len(made) < 30, "those under way wait for their host, and no others"
    first.come_back()
    again = _run(studio, first, jobs)
    studio.assert_right(again)
    assert len({outcome.task_id for outcome in again}) == 30
    cut = sum(outcome.status == "uncertain" for outcome in outcomes)  # sent again by the second run, which the user starts
    assert len(studio.emulator.tasks) <= 30 + cut
    studio.assert_nothing_left()


def test_what_waits_at_a_host_that_nobody_knows_stops_no_other_job(studio: Studio, first: Name, forgotten: set[str]) -> None:
    studio.emulator.seconds = 60
    started = studio.start(studio.jobs(1), settings=studio.settings(base_url=first.url))
    studio.wait_until(lambda: any(event.kind == "submitted" for event in studio.events))
    started.stopped()
    studio.emulator.seconds = 0.05
    forgotten.add("localhost")
    waiting, *made = studio.run(studio.jobs(3))
    assert waiting.status == "failed" and "paid" in str(waiting.error)
    studio.assert_right(made)
    assert studio.emulator.count("submit") == 3
