"""Faults: each strikes where and as often as it says."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import time
from typing import Any

import pytest
import requests

from grsai.emulator import KINDS, PLAIN, RUNNING, STEPS, Emulator, Fault
from grsai.emulator.refusals import REFUSALS
from grsai.emulator.server import REDIRECTS
from tests.emulator.caller import KEY, NETWORK_ERRORS, RESULT, TICKET, Caller, finished, opened, png


def every_step(caller: Caller, step: str) -> requests.Response:
    """One request of the step, after whatever must come before it."""
    url = caller.emulator.url
    match step:
        case "ticket":
            return caller.post(TICKET, {"sux": "png"})
        case "upload":
            ticket = caller.post(TICKET, {"sux": "png"}).json()["data"]
            form = {"token": ticket["token"], "key": ticket["key"]}
            return caller.session.post(ticket["url"], data=form, files={"file": png()}, timeout=10)
        case "submit":
            return caller.order()
        case "poll":
            return caller.post(RESULT, {"id": caller.submit()})
        case "download":
            return caller.get(f"{url}/file/{caller.emulator.tasks[finished(caller)].file}")
        case "credits":
            return caller.post("/client/openapi/getAPIKeyCredits", {"apiKey": KEY})
        case _:
            return caller.get(f"{url}/client/common/getModelStatus?model=nano-banana")


@pytest.mark.parametrize("step", STEPS)
def test_every_kind_strikes_where_it_exists_and_nowhere_does_the_emulator_fail(step: str) -> None:
    for kind in [name for name, kind in KINDS.items() if step in kind.steps]:
        with Emulator(seconds=0.0, render=False) as emulator, (caller := Caller(emulator)).session:
            path = "/v1/api/" if kind == "wrapped" else "/v1/draw/" if step == "submit" else ""
            running = step == "poll" and KINDS[kind].when == RUNNING
            task_id = caller.submit("[never]" if running else "x")
            while step in ("poll", "download") and not running and emulator.open:
                time.sleep(0.001)
            if kind == "forgotten":
                caller.poll(task_id)
            emulator.add(Fault(step, kind, seconds=60.0 if kind == "forgotten" else 0.0, size=1 << 20, path=path))
            try:
                status = struck(caller, step, kind, task_id).status_code
            except NETWORK_ERRORS:
                status = 0
            assert [seen.fault for seen in emulator.received if seen.fault] == [kind], kind
            assert status != 500 or kind.startswith("http_500"), kind


def struck(caller: Caller, step: str, kind: str, task_id: str) -> requests.Response:
    """One request of the step about this task."""
    if step == "poll":
        return caller.result(task_id) if kind == "wrapped" else caller.post(RESULT, {"id": task_id})
    if step == "download":
        return caller.get(f"{caller.emulator.url}/file/{caller.emulator.tasks[task_id].file}")
    return caller.generate() if kind == "wrapped" else every_step(caller, step)


UNPROCESSED = [kind for kind in ("reset_before", "hang", *REDIRECTS, *REFUSALS, *PLAIN) if "submit" in KINDS[kind].steps]
CUT = ["reset_after", "reset_middle", "short_body", "hang_taken", "endless"]
PROCESSED = [*CUT, "http_500_taken", "slow_reply", "slow_headers", "bom", "id_number", "id_and_code", "task_id_camel", "code_200"]
ANYWHERE = [(step, kind) for kind in PLAIN for step in KINDS[kind].steps]


@pytest.mark.parametrize(("step", "kind"), ANYWHERE)
def test_a_faulty_reply_comes_once_and_then_the_step_works(caller: Caller, emulator: Emulator, step: str, kind: str) -> None:
    emulator.add(Fault(step, kind, times=1))
    reply = every_step(caller, step)
    status, content_type, text = PLAIN[kind]
    assert (reply.status_code, reply.headers["Content-Type"].split(";")[0], reply.text) == (status, content_type, text)
    assert ("Retry-After" in reply.headers) == (kind == "http_429_retry_after")
    assert [seen.fault for seen in emulator.received if seen.fault] == [kind]
    again = every_step(caller, step)
    assert again.ok and again.text != text


@pytest.mark.parametrize("kind", UNPROCESSED)
def test_a_submit_that_failed_before_processing_costs_nothing(caller: Caller, emulator: Emulator, kind: str) -> None:
    emulator.add(Fault("submit", kind, seconds=0.05))
    try:
        caller.order(allow_redirects=False)
    except NETWORK_ERRORS:
        pass
    assert (emulator.charged, emulator.tasks, emulator.count("submit")) == (0, {}, 1)


@pytest.mark.parametrize("kind", PROCESSED)
def test_a_submit_that_failed_after_processing_is_paid(caller: Caller, emulator: Emulator, kind: str) -> None:
    emulator.add(Fault("submit", kind, seconds=0.05))
    try:
        assert caller.order().status_code == (500 if kind == "http_500_taken" else 200)
    except NETWORK_ERRORS:
        assert kind in CUT
    assert (emulator.charged, len(emulator.tasks)) == (440, 1)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "reset_middle", "short_body", "hang"])
def test_a_broken_connection_is_an_error_at_every_step(caller: Caller, emulator: Emulator, step: str, kind: str) -> None:
    emulator.add(Fault(step, kind, times=1, seconds=0.01))
    with pytest.raises(NETWORK_ERRORS):
        every_step(caller, step)
    assert every_step(caller, step).ok
    assert emulator.received[-1].status == 200


def test_a_short_body_promises_its_whole_length(caller: Caller, emulator: Emulator) -> None:
    task = emulator.tasks[finished(caller)]
    emulator.add(Fault("download", "short_body"))
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(f"GET /file/{task.file} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert f"Content-Length: {task.size}".encode() in head
    assert len(body) == task.size // 2


def test_a_reset_is_a_reset(emulator: Emulator) -> None:
    emulator.add(Fault("status", "reset_before"))
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(b"GET /client/common/getModelStatus?model=x HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_slow_headers_keep_the_caller_waiting(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("poll", "slow_headers", times=1, seconds=0.5))
    task_id = caller.submit()
    with pytest.raises(requests.ReadTimeout):
        caller.post(RESULT, {"id": task_id}, timeout=0.1)
    assert caller.poll(task_id)["code"] == 0


def test_a_redirect_leads_to_another_host_and_is_seen_there(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("poll", "redirect"), Fault("download", "redirect"))
    assert caller.post(RESULT, {"id": "x"}).json() == {}
    assert emulator.received[-1].step == "elsewhere" and emulator.leaks == []
    caller.get(f"{emulator.url}/elsewhere", headers=caller.auth)
    assert len(emulator.leaks) == 1
    emulator.clear_faults()
    emulator.add(Fault("download", "redirect"))
    reply = caller.get(f"{emulator.url}/file/{emulator.tasks[finished(caller)].file}")
    assert reply.url.startswith("http://localhost:") and opened(reply.content).format == "PNG"


def test_a_corrupt_download_is_never_a_whole_picture(caller: Caller, emulator: Emulator) -> None:
    task = emulator.tasks[finished(caller)]
    emulator.add(Fault("download", "corrupt", times=6))
    for _ in range(6):
        content = caller.get(f"{emulator.url}/file/{task.file}").content
        assert hashlib.sha256(content).hexdigest() != task.sha256
        with pytest.raises((OSError, SyntaxError)):
            opened(content)
    assert opened(caller.get(f"{emulator.url}/file/{task.file}").content).size == (1024, 1024)


def test_poll_faults_show_the_odd_views_of_the_contract(caller: Caller, emulator: Emulator) -> None:
    def seen(kind: str, task_id: str) -> dict[str, Any]:
        emulator.clear_faults()
        emulator.add(Fault("poll", kind))
        return caller.poll(task_id)

    done, running = finished(caller), caller.submit("[never]")
    assert seen("no_such_task", done)["code"] == -22
    assert {json.dumps(seen("empty_results", done)["data"]["results"]) for _ in range(2)} == {"[]", "null"}
    view = seen("top_level_url", done)["data"]
    assert "results" not in view and caller.get(view["url"]).ok
    stalled = seen("stall", done)["data"]
    assert (stalled["status"], stalled["progress"], stalled["results"]) == ("running", 33, None)
    assert seen("error_while_running", done)["data"]["status"] == "succeeded"
    early = seen("error_while_running", running)["data"]
    assert (early["status"], early["error"]) == ("running", "generate failed")
    assert seen("empty_results", running)["data"]["status"] == "running"
    assert seen("maintenance", done)["data"]["status"] == "succeeded"
    assert seen("maintenance", running)["data"]["error"] == "model maintenance"
    emulator.clear_faults()
    assert caller.poll(running)["data"]["status"] == "failed"


def test_a_submit_may_answer_a_bare_id(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "bare_id"))
    reply = caller.order().json()
    assert reply == {"code": 0, "msg": "success", "data": next(iter(emulator.tasks))}


def test_an_id_may_be_a_bare_uuid(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "no_prefix"))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", task_id := caller.submit())
    assert caller.outcome(task_id)["status"] == "succeeded"


def test_a_share_of_the_tasks_can_fail(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "task_output_moderation", times=1))
    assert caller.outcome(caller.submit())["failure_reason"] == "output_moderation"
    assert caller.outcome(caller.submit())["status"] == "succeeded"


def test_a_fault_strikes_as_often_as_it_says(caller: Caller, emulator: Emulator) -> None:
    def struck(fault: Fault, ids: list[str]) -> list[bool]:
        emulator.clear_faults()
        emulator.add(fault)
        return [caller.post(RESULT, {"id": task_id}).status_code == 500 for task_id in ids]

    assert struck(Fault("poll", "http_500", times=2), list("aaaa")) == [True, True, False, False]
    assert struck(Fault("poll", "http_500", after=3), list("aaaa")) == [False, False, False, True]
    assert struck(Fault("poll", "http_500", per_task=1), list("abab")) == [True, True, False, False]
    assert 30 < sum(struck(Fault("poll", "http_500", share=0.3), list("a" * 200))) < 90


def test_the_same_seed_brings_the_same_faults() -> None:
    def statuses(seed: int) -> list[int]:
        with Emulator(seed=seed, faults=[Fault("poll", "http_500", share=0.5)]) as emulator:
            caller = Caller(emulator)
            return [caller.post(RESULT, {"id": "x"}).status_code for _ in range(30)]

    assert statuses(3) == statuses(3) != statuses(4)


@pytest.mark.parametrize(("step", "kind"), [("submit", "http_418"), ("poll", "bare_id"), ("nowhere", "http_500")])
def test_a_fault_that_cannot_be_is_refused(step: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"there are|only at"):
        Fault(step, kind)
