"""Submit and poll, and the ends that a prompt can ask for."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest

from grsai.emulator import Emulator
from tests.emulator.caller import SUBMIT, Caller, png


def test_a_submit_with_web_hook_minus_one_answers_the_id_at_once(caller: Caller, emulator: Emulator) -> None:
    reply = caller.order().json()
    assert (reply["code"], reply["msg"], list(reply["data"])) == (0, "success", ["id"])
    assert re.fullmatch(r"\d+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", reply["data"]["id"])
    assert emulator.received[-1].task_id == reply["data"]["id"]


def test_a_task_runs_and_then_shows_its_result(caller: Caller, emulator: Emulator) -> None:
    task_id = caller.submit("[slow 0.3] a banana")
    seen = []
    while not seen or seen[-1]["status"] == "running":
        seen.append(caller.poll(task_id)["data"])
    assert {tuple(view) for view in seen} == {("id", "results", "progress", "status", "failure_reason", "error")}
    assert (seen[0]["results"], seen[0]["failure_reason"], seen[0]["error"]) == (None, "", "")
    progress = [view["progress"] for view in seen]
    assert progress == sorted(progress) and len(set(progress)) > 3 and progress[-1] == 100 and progress[-2] < 100
    (result,) = seen[-1]["results"]
    assert re.fullmatch(re.escape(emulator.url) + r"/file/[0-9a-f]{32}\.png", result["url"]) and result["content"] == ""
    reply = caller.get(result["url"])
    assert reply.headers["Content-Type"] == "image/png"
    task = emulator.tasks[task_id]
    assert (task.sha256, task.size) == (hashlib.sha256(reply.content).hexdigest(), len(reply.content))
    assert (task.status, task.polls, task.downloads, task.credits) == ("succeeded", len(seen), 1, 440)


def test_an_unknown_task_is_minus_22(caller: Caller) -> None:
    reply = caller.poll("14-5f3cf761-a4bb-486a-8016-77f490998f80")
    assert (reply["code"], reply["data"]) == (-22, None)


def test_a_task_can_be_invisible_right_after_its_submit(caller: Caller, emulator: Emulator) -> None:
    emulator.visible_after = 0.2
    task_id = caller.submit()
    assert caller.poll(task_id)["code"] == -22
    while caller.poll(task_id)["code"] == -22:
        assert emulator.tasks[task_id].age < 5
    assert emulator.tasks[task_id].age >= 0.2


def test_results_live_for_a_limited_time(caller: Caller, emulator: Emulator) -> None:
    task_id = caller.submit()
    url = caller.outcome(task_id)["results"][0]["url"]
    emulator.lifetime = 0.0
    assert caller.poll(task_id)["code"] == -22
    assert caller.get(url).status_code == 404


UNPARSABLE = [
    {"json": None, "data": b"{"},
    {"json": []},
    {"json": {"model": "nano-banana", "prompt": 7}},
    {"json": {"model": "nano-banana"}},
    {"json": {"model": "nano-banana", "prompt": "x", "urls": "http://x"}},
    {"json": {"model": "nano-banana", "prompt": "x", "shutProgress": "no"}},
]


@pytest.mark.parametrize("body", UNPARSABLE)
def test_a_body_that_cannot_be_parsed_is_minus_4(caller: Caller, emulator: Emulator, body: dict[str, Any]) -> None:
    reply = caller.session.post(emulator.url + SUBMIT, headers=caller.auth, timeout=10, **body)
    assert (reply.status_code, reply.json()["code"], emulator.tasks) == (200, -4, {})


def test_an_unknown_model_is_refused(caller: Caller) -> None:
    assert caller.order(model="nano-melon").json() == {"code": -1, "data": None, "msg": "model not found"}


def test_a_submit_beyond_the_most_open_tasks_gets_429(caller: Caller, emulator: Emulator) -> None:
    emulator.max_open, emulator.retry_after = 2, 3
    first = caller.submit("[slow 0.3]")
    caller.submit("[slow 0.3]")
    reply = caller.order()
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "3")
    caller.outcome(first)
    assert caller.order().status_code == 200
    assert (emulator.peak_open, len(emulator.tasks), emulator.received[2].status) == (2, 3, 429)


OUTCOMES = [
    ("[input_moderation]", "failed", "input_moderation", ""),
    ("[output_moderation]", "failed", "output_moderation", ""),
    ("[error]", "failed", "error", "google gemini timeout..."),
]


@pytest.mark.parametrize(("prompt", "status", "reason", "error"), OUTCOMES)
def test_a_prompt_can_ask_for_a_failure(caller: Caller, prompt: str, status: str, reason: str, error: str) -> None:
    view = caller.outcome(caller.submit(f"a cat {prompt}"))
    assert (view["status"], view["failure_reason"], view["error"]) == (status, reason, error)
    assert (view["results"], view["progress"]) == ([], 0)


def test_a_failure_is_not_told_before_the_end(caller: Caller) -> None:
    view = caller.poll(caller.submit("[error] [slow 5]"))["data"]
    assert (view["status"], view["failure_reason"], view["error"]) == ("running", "", "")


def test_a_prompt_can_ask_for_one_error_per_reference(caller: Caller) -> None:
    urls = [caller.upload(png("red")), caller.upload(png("blue"))]
    statuses = [[caller.outcome(caller.submit("[error once]", urls=[url]))["status"] for _ in range(3)] for url in urls]
    assert statuses == [["failed", "succeeded", "succeeded"]] * 2


def test_a_prompt_can_ask_for_no_result_and_for_no_end(caller: Caller) -> None:
    view = caller.outcome(caller.submit("[empty]"))
    assert (view["status"], view["results"], view["progress"]) == ("succeeded", [], 100)
    assert caller.poll(caller.submit("[never]"))["data"]["status"] == "running"
