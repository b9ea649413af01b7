"""Odd ways to tell an id or a task, in both generations."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from grsai.emulator import Emulator, Fault
from grsai.emulator.oddities import ENDED, MANY, VIEWS
from tests.emulator.caller import SUBMIT, Caller, opened, png

both = pytest.mark.parametrize("unified", [False, True], ids=["legacy", "unified"])


def submitted(caller: Caller, unified: bool, **fields: Any) -> Any:
    """What a submit tells, without the envelope."""
    return caller.generate(**fields).json() if unified else caller.order(**fields).json()["data"]


def polled(caller: Caller, unified: bool, task_id: str) -> dict[str, Any]:
    return caller.result(task_id).json() if unified else caller.poll(task_id)["data"]


def ended(caller: Caller, unified: bool, **fields: Any) -> str:
    """The id of a task that has ended."""
    task_id = submitted(caller, unified, **fields)["id"]
    while polled(caller, unified, task_id)["status"] == "running":
        time.sleep(0.01)
    return task_id


# the id


@both
def test_an_id_may_be_a_number_that_can_be_asked_for_as_words(caller: Caller, emulator: Emulator, unified: bool) -> None:
    emulator.add(Fault("submit", "id_number"))
    told = submitted(caller, unified)["id"]
    assert isinstance(told, int) and str(told) in emulator.tasks
    assert polled(caller, unified, str(told))["id"] == str(told)
    if not unified:
        assert caller.poll(told)["code"] == 0


@both
@pytest.mark.parametrize(("kind", "name"), [("task_id_camel", "taskId"), ("task_id_snake", "task_id")])
def test_an_id_may_have_another_name(caller: Caller, emulator: Emulator, unified: bool, kind: str, name: str) -> None:
    emulator.add(Fault("submit", kind))
    told = submitted(caller, unified)
    assert "id" not in told and told[name] in emulator.tasks


def test_an_id_may_come_beside_another_code(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "id_and_code"))
    legacy = caller.order()
    assert (legacy.status_code, legacy.json()["code"], legacy.json()["msg"]) == (200, -1, "Upstream rate limit exceeded")
    unified = caller.generate()
    assert (unified.status_code, unified.json()["error"]) == (400, "Upstream rate limit exceeded")
    assert [legacy.json()["data"]["id"], unified.json()["id"]] == list(emulator.tasks) and emulator.charged == 880


def test_code_may_be_200_and_the_unified_reply_wrapped(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "code_200", times=2), Fault("submit", "wrapped"), Fault("poll", "wrapped"))
    for reply in (caller.order().json(), caller.generate().json()):
        assert reply["code"] == 200 and reply["data"]["id"] in emulator.tasks
    wrapped = caller.generate().json()
    assert wrapped["code"] == 0 and wrapped["data"]["id"] in emulator.tasks
    assert caller.result(wrapped["data"]["id"]).json()["data"]["status"] in ("running", "succeeded")


@both
def test_a_reply_may_stand_behind_a_byte_order_mark(caller: Caller, emulator: Emulator, unified: bool) -> None:
    emulator.add(Fault("submit", "bom"), Fault("poll", "bom"))
    reply = caller.generate() if unified else caller.order()
    assert reply.content.startswith(b"\xef\xbb\xbf{")
    (task_id,) = emulator.tasks
    assert json.loads(reply.content.decode("utf-8-sig"))
    assert (caller.result(task_id) if unified else caller.post("/v1/draw/result", {"id": task_id})).content[3:4] == b"{"


@both
@pytest.mark.parametrize(("kind", "status"), [("failed_at_once", "failed"), ("violation_at_once", "violation")])
def test_a_task_may_have_failed_at_once(caller: Caller, emulator: Emulator, unified: bool, kind: str, status: str) -> None:
    emulator.add(Fault("submit", kind))
    if unified:
        reply = caller.generate()
        assert (reply.status_code, reply.json()["status"]) == (400, status) and reply.json()["error"]
        task_id = reply.json()["id"]
    else:
        task_id = caller.submit()
    assert emulator.tasks[task_id].status == "failed" and emulator.charged == 440
    assert polled(caller, unified, task_id)["status"] == (status if unified else "failed")


# the state


@both
@pytest.mark.parametrize("word", ["completed", "finished", "done", "success"])
def test_a_success_may_be_told_in_other_words(caller: Caller, emulator: Emulator, unified: bool, word: str) -> None:
    task_id = ended(caller, unified)
    emulator.add(Fault("poll", f"state_{word}"))
    view = polled(caller, unified, task_id)
    assert (view["status"], view["progress"]) == (word, 100) and caller.get(view["results"][0]["url"]).ok


@both
@pytest.mark.parametrize("word", ["pending", "queued", "processing"])
def test_a_running_task_may_be_told_in_other_words(caller: Caller, emulator: Emulator, unified: bool, word: str) -> None:
    emulator.add(Fault("poll", f"state_{word}"))
    task_id = submitted(caller, unified, prompt="[slow 0.3]")["id"]
    assert polled(caller, unified, task_id)["status"] == word
    while (view := polled(caller, unified, task_id))["status"] == word:
        time.sleep(0.01)
    assert view["status"] == "succeeded"


@both
@pytest.mark.parametrize("word", ENDED)
def test_a_task_may_end_under_another_word(caller: Caller, emulator: Emulator, unified: bool, word: str) -> None:
    emulator.add(Fault("poll", f"state_{word}", times=1))
    task_id = submitted(caller, unified, prompt="[never]")["id"]
    view = polled(caller, unified, task_id)
    assert (view["status"], view.get("results") or [], view.get("error", "")) == (word, [], "")
    assert (polled(caller, unified, task_id)["status"], emulator.tasks[task_id].error) == ("failed", word)


@both
def test_a_known_task_may_be_forgotten_for_a_while(caller: Caller, emulator: Emulator, unified: bool) -> None:
    emulator.add(Fault("poll", "forgotten", seconds=0.3))
    task_id = submitted(caller, unified)["id"]

    def found() -> bool:
        return caller.result(task_id).status_code == 200 if unified else caller.poll(task_id)["code"] == 0

    assert found()
    started = time.monotonic()
    while not found():
        time.sleep(0.01)
    assert 0.2 < time.monotonic() - started < 5 and found()


# the result


@both
@pytest.mark.parametrize("kind", ["inline_base64", "inline_data_uri", "inline_url"])
def test_a_picture_may_come_within_the_reply(caller: Caller, emulator: Emulator, unified: bool, kind: str) -> None:
    task_id = ended(caller, unified)
    emulator.add(Fault("poll", kind))
    (result,) = polled(caller, unified, task_id)["results"]
    told = result["url" if kind == "inline_url" else "content"]
    assert told.startswith("data:image/png;base64,") == (kind != "inline_base64")
    assert opened(base64.b64decode(told.rpartition(",")[2])).size == (1024, 1024)
    assert not result.get("content" if kind == "inline_url" else "url")


@both
def test_an_address_may_be_written_oddly(caller: Caller, emulator: Emulator, unified: bool) -> None:
    task_id = ended(caller, unified)

    def address(kind: str) -> str:
        emulator.clear_faults()
        emulator.add(*([Fault("poll", kind)] if kind else []))
        return polled(caller, unified, task_id)["results"][0]["url"]

    plain = address("")
    assert address("url_spaces") == f" {plain}\r\n"
    assert address("url_upper") == plain.replace("http://127.0.0.1", "HTTP://127.0.0.1")
    assert emulator.url + address("url_relative") == plain


@both
def test_there_may_be_many_results(caller: Caller, emulator: Emulator, unified: bool) -> None:
    task_id = ended(caller, unified)
    emulator.add(Fault("poll", "many_results"))
    urls = [each["url"] for each in polled(caller, unified, task_id)["results"]]
    assert len(set(urls)) == MANY and caller.get(urls[-1]).ok


@both
def test_the_odd_results_of_a_success_come_at_its_end_alone(caller: Caller, emulator: Emulator, unified: bool) -> None:
    task_id = ended(caller, unified)
    emulator.add(Fault("poll", "top_level_url", times=1), Fault("poll", "empty_results", times=2))
    view = polled(caller, unified, task_id)
    assert "results" not in view and caller.get(view["url"]).ok
    assert [polled(caller, unified, task_id).get("results") for _ in range(2)] in ([None, []], [[], None])
    assert len(polled(caller, unified, task_id)["results"]) == 1


@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_no_odd_view_strikes_a_task_in_another_state(caller: Caller, emulator: Emulator, kind: str) -> None:
    done, running = ended(caller, False), caller.submit("[never]")
    emulator.add(Fault("poll", kind))
    seen = [caller.poll(task_id)["data"] for task_id in (done, running)]
    assert [received.fault for received in emulator.received[-2:]].count(kind) == (2 if kind == "stall" else 1)
    assert all(view["id"] in (done, running) for view in seen)


# what is told as an error


@both
def test_an_error_may_be_an_object(caller: Caller, emulator: Emulator, unified: bool) -> None:
    emulator.add(Fault("poll", "error_object"))
    task_id = submitted(caller, unified, prompt="[error]")["id"]
    while (view := polled(caller, unified, task_id))["status"] == "running":
        time.sleep(0.01)
    assert view["error"] == {"message": "google gemini timeout..."}
    emulator.add(Fault("submit", "error_object"))
    emulator.credits = 0
    refused = (caller.generate() if unified else caller.order()).json()
    assert unified or refused["error"] == {"message": "insufficient credits"}


@both
def test_an_error_may_have_any_words(caller: Caller, emulator: Emulator, unified: bool) -> None:
    words = "\x1b[31m失败\x07" + "x" * 100_000
    emulator.add(Fault("submit", "task_error", text=words))
    assert polled(caller, unified, ended(caller, unified))["error"] == words


def test_a_fault_can_be_kept_to_one_generation(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "http_500", path="/v1/api/"))
    assert (caller.order().status_code, caller.generate().status_code) == (200, 500)


def test_a_stream_is_late_and_paid_at_once(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "slow_reply", seconds=0.3))
    started = time.monotonic()
    caller.post(SUBMIT, {"model": "nano-banana-fast", "prompt": "x"})
    assert time.monotonic() - started >= 0.3 and emulator.charged == 440


@both
def test_a_slow_reply_is_taken_at_once(caller: Caller, emulator: Emulator, unified: bool) -> None:
    emulator.add(Fault("submit", "slow_reply", seconds=0.4))
    started = time.time()
    task_id = submitted(caller, unified, images=[caller.upload(png())])["id"]
    assert time.time() - started >= 0.4 and emulator.tasks[task_id].created - started < 0.3
