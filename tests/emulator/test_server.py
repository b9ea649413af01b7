"""The emulator as a server and a record."""

from __future__ import annotations

import ast
import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from grsai import emulator as emulator_module
from grsai.emulator import Emulator, Fault, main
from tests.emulator.caller import KEY, Caller, opened, png


def test_what_arrived_is_on_record(caller: Caller, emulator: Emulator) -> None:
    started = time.time()
    task_id = caller.submit("a cat", urls=[caller.upload(png())])
    steps = [(seen.step, seen.method, seen.status) for seen in emulator.received]
    assert steps == [("ticket", "POST", 200), ("upload", "POST", 200), ("submit", "POST", 200)]
    ticket, upload, submit = emulator.received
    assert ticket.headers["Authorization"] == f"Bearer {KEY}" and ticket.body == {"sux": "png"}
    assert sorted(upload.body) == ["file", "key", "token"] and upload.task_id in emulator.uploads
    assert submit.body["prompt"] == "a cat" and submit.task_id == task_id
    assert all(abs(seen.time - started) < 5 for seen in emulator.received)


def test_an_unknown_route_is_404_and_on_record() -> None:
    with Emulator() as emulator:
        reply = requests.get(f"{emulator.url}/v1/draw/result", timeout=10)
        assert (reply.status_code, emulator.count("unknown")) == (404, 1)
        assert "error" in reply.json()


def test_a_process_can_be_steered_over_http(caller: Caller, emulator: Emulator) -> None:
    control = f"{emulator.url}/emulator"
    caller.submit(urls=["data:image/png;base64," + "A" * 10_000])
    record = caller.get(f"{control}/record").json()
    assert record["counts"] == {"submit": 1} and record["charged"] == 440 and len(record["tasks"]) == 1
    assert KEY not in json.dumps(record) and len(json.dumps(record)) < 5000
    faults = [{"step": "submit", "kind": "http_500"}]
    assert caller.session.post(f"{control}/faults", json=faults, timeout=10).ok
    assert caller.order().status_code == 500
    assert caller.session.post(f"{control}/faults", json=[{"step": "x"}], timeout=10).status_code == 400
    assert caller.session.post(f"{control}/reset", timeout=10).ok
    assert (emulator.received, emulator.tasks, emulator.charged, emulator.credits) == ([], {}, 0, 1_000_000)
    assert caller.order().status_code == 200


def test_reset_forgets_everything(caller: Caller, emulator: Emulator) -> None:
    url = caller.upload(png())
    caller.submit("[never]", urls=[url])
    emulator.add(Fault("submit", "http_500"))
    emulator.reset()
    assert (emulator.received, emulator.tasks, emulator.uploads, emulator.open, emulator.charged) == ([], {}, {}, 0, 0)
    assert caller.order().status_code == 200


def test_stopped_and_started_again_it_keeps_its_port_and_its_tasks(caller: Caller, emulator: Emulator) -> None:
    task_id, port = caller.submit("[slow 0.2]"), emulator.port
    failing = caller.submit("[slow 0.2] [output_moderation]")
    emulator.stop()
    with pytest.raises(requests.ConnectionError):
        caller.poll(task_id)
    emulator.start()
    assert emulator.port == port
    assert opened(caller.get(caller.outcome(task_id)["results"][0]["url"]).content)
    assert caller.outcome(failing)["failure_reason"] == "output_moderation"


def test_it_stops_at_once_although_callers_hang(emulator: Emulator) -> None:
    emulator.add(Fault("status", "hang", seconds=60))
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(b"GET /client/common/getModelStatus HTTP/1.1\r\nHost: x\r\n\r\n")
        while emulator.count("status") == 0:
            time.sleep(0.01)
        started = time.monotonic()
        emulator.stop()
        assert time.monotonic() - started < 2


def test_lag_and_upload_time_are_kept(caller: Caller, emulator: Emulator) -> None:
    emulator.lag, emulator.upload_seconds = 0.1, 0.2
    started = time.monotonic()
    caller.upload(png())
    assert time.monotonic() - started >= 0.4


def test_durations_may_differ_by_model(caller: Caller, emulator: Emulator) -> None:
    emulator.seconds = {"nano-banana-2": 7.0, "nano-banana-pro": (20.0, 30.0)}
    tasks = [emulator.tasks[caller.submit(model=f"nano-banana-{name}")] for name in ("2", "pro", "fast")]
    assert tasks[0].seconds == 7.0 and 20 <= tasks[1].seconds <= 30 and tasks[2].seconds < 1


def test_a_hundred_jobs_at_once_are_open_together() -> None:
    with Emulator(seconds=0.5, render=False) as emulator, ThreadPoolExecutor(50) as pool:
        ids = list(pool.map(lambda _: Caller(emulator).submit(), range(100)))
        states = list(pool.map(lambda task_id: Caller(emulator).outcome(task_id)["status"], ids))
        assert emulator.peak_open > 50 and emulator.open == 0
    assert states == ["succeeded"] * 100 and len(set(ids)) == 100


def test_a_taken_port_is_an_error(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError):
        Emulator(port=emulator.port).start()
    assert main(["--port", str(emulator.port)]) == 2
    assert str(emulator.port) in capsys.readouterr().err
    with pytest.raises(OverflowError):
        Emulator(port=99_999).start()


def test_it_imports_nothing_else_of_the_project() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in Path(emulator_module.__file__).parent.glob("*.py")]
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "." for node in imports if isinstance(node, ast.ImportFrom) and not node.level}
    roots = {name.partition(".")[0] for name in names}
    assert roots - set(sys.stdlib_module_names) == {"aiohttp", "PIL"}
    assert {node.level for node in imports if isinstance(node, ast.ImportFrom)} == {0, 1}
