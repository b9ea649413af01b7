"""The unified generation of the API."""

from __future__ import annotations

import base64
import re

import pytest
import requests

from grsai.emulator import Emulator
from tests.emulator.caller import GENERATE, KEY, UNIFIED_RESULT, Caller, events, opened, png

FAST = {"model": "nano-banana-fast", "prompt": "a banana"}


def test_a_submit_answers_the_id_and_a_poll_shows_only_what_there_is(caller: Caller, emulator: Emulator) -> None:
    reply = caller.generate("[slow 0.2]", images=[caller.upload(png())])
    assert (reply.status_code, set(reply.json()), reply.json()["status"]) == (200, {"id", "status"}, "running")
    task_id = reply.json()["id"]
    assert re.fullmatch(r"\d+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", task_id)
    early = caller.result(task_id)
    assert (early.status_code, set(early.json()), early.json()["status"]) == (200, {"id", "status", "progress"}, "running")
    done = caller.unified_outcome(task_id)
    assert (done.status_code, set(done.json())) == (200, {"id", "status", "progress", "results"})
    (result,) = done.json()["results"]
    assert set(result) == {"url"} and opened(caller.get(result["url"]).content).size == (1184, 880)
    assert emulator.charged == 440 and emulator.tasks[task_id].unified


def test_a_poll_looks_at_no_key(caller: Caller, emulator: Emulator) -> None:
    task_id = caller.generate().json()["id"]
    assert requests.get(emulator.url + UNIFIED_RESULT, {"id": task_id}, timeout=10).json()["id"] == task_id


def test_an_id_is_known_to_the_generation_that_gave_it_alone(caller: Caller) -> None:
    unified, legacy = caller.generate().json()["id"], caller.submit()
    assert caller.poll(unified)["code"] == -22
    missing = caller.result(legacy)
    assert (missing.status_code, missing.json()) == (404, {"error": "result not exist, valid for 2 hours"})
    assert caller.poll(legacy)["code"] == 0 and caller.result(unified).status_code == 200


def test_a_result_does_not_exist_right_after_its_submit_and_after_its_lifetime(caller: Caller, emulator: Emulator) -> None:
    emulator.visible_after = 60.0
    task_id = caller.generate().json()["id"]
    assert caller.result(task_id).status_code == 404
    emulator.visible_after = 0.0
    assert caller.result(task_id).status_code == 200
    emulator.lifetime = 0.0
    assert caller.result(task_id).status_code == 404


@pytest.mark.parametrize("fields", [{}, {"replyType": "json"}])
def test_a_json_reply_waits_and_its_id_cannot_be_asked_for(caller: Caller, emulator: Emulator, fields: dict[str, str]) -> None:
    view = caller.post(GENERATE, {**FAST, **fields}).json()
    assert (view["status"], view["progress"]) == ("succeeded", 100) and caller.get(view["results"][0]["url"]).ok
    assert caller.result(view["id"]).status_code == 404 and emulator.charged == 440


def test_a_json_reply_of_a_failed_task_has_status_400(caller: Caller) -> None:
    failed = caller.post(GENERATE, {**FAST, "prompt": "[error]", "replyType": "json"})
    assert (failed.status_code, failed.json()["status"], failed.json()["error"]) == (400, "failed", "google gemini timeout...")
    refused = caller.post(GENERATE, {**FAST, "prompt": "[input_moderation]", "replyType": "json"})
    assert (refused.status_code, refused.json()["status"]) == (400, "violation")
    assert set(refused.json()) == {"id", "status", "error"}


def test_a_stream_shows_flat_views_and_its_id_cannot_be_asked_for(caller: Caller) -> None:
    reply = caller.post(GENERATE, {**FAST, "prompt": "[slow 0.3]", "replyType": "stream"})
    seen = events(reply.content)
    assert {tuple(view) for view in seen[:-1]} == {("id", "progress", "status")} and len(seen) > 2
    assert seen[-1]["status"] == "succeeded" and opened(caller.get(seen[-1]["results"][0]["url"]).content)
    assert caller.result(seen[-1]["id"]).status_code == 404


def test_failed_results_come_with_200_and_with_400(caller: Caller) -> None:
    failed, refused = (caller.generate(prompt).json()["id"] for prompt in ("[error]", "[output_moderation]"))
    for task_id, status in ((failed, "failed"), (refused, "violation")):
        replies = [caller.unified_outcome(task_id), caller.result(task_id)]
        assert {reply.status_code for reply in replies} == {200, 400}
        assert {reply.json()["status"] for reply in replies} == {status}
        assert all(set(reply.json()) == {"id", "status", "error"} and reply.json()["error"] for reply in replies)


# refusals


def test_a_bad_key_gets_an_empty_reply_if_the_id_is_asked_for_at_once(emulator: Emulator) -> None:
    stranger = Caller(emulator, "sk-bad")
    assert (stranger.generate().status_code, stranger.generate().content) == (200, b"")
    refused = stranger.generate(replyType="json")
    assert (refused.status_code, refused.json()) == (400, {"id": "", "status": "failed", "error": "apikey error"})
    emulator.key = "sk-" + "f" * 32
    assert (Caller(emulator).generate().status_code, Caller(emulator).generate().content) == (200, b"")
    assert emulator.tasks == {}


@pytest.mark.parametrize(("credits", "limit"), [(0, None), (10_000, 439)])
def test_a_refusal_for_want_of_credits_holds_an_id_that_is_none(
    caller: Caller, emulator: Emulator, credits: int, limit: int | None
) -> None:
    emulator.credits, emulator.key_limit = credits, limit
    reply = caller.generate()
    assert (reply.status_code, reply.json()["status"], reply.json()["error"]) == (400, "failed", "apikey credits not enough")
    assert reply.json()["id"] and caller.result(reply.json()["id"]).status_code == 404
    assert emulator.tasks == {} and emulator.charged == 0


UNPARSABLE = [
    [],
    {"model": "nano-banana"},
    {**FAST, "prompt": 7},
    {**FAST, "images": "x"},
    {**FAST, "images": [7]},
    {**FAST, "replyType": "soon"},
]


@pytest.mark.parametrize("body", UNPARSABLE)
def test_a_body_that_cannot_be_parsed_is_refused(caller: Caller, emulator: Emulator, body: object) -> None:
    reply = caller.post(GENERATE, body)
    assert (reply.status_code, reply.json()["id"], reply.json()["status"], emulator.tasks) == (400, "", "failed", {})


def test_an_unknown_model_is_not_registered(caller: Caller) -> None:
    reply = caller.generate(model="nano-melon")
    assert (reply.status_code, reply.json()) == (400, {"id": "", "status": "failed", "error": "model not register"})


def test_a_body_that_is_too_large_is_413_from_the_gateway(caller: Caller, emulator: Emulator) -> None:
    emulator.body_limit = 2000
    for reply in (caller.generate(images=["A" * 3000]), caller.order(urls=["A" * 3000])):
        assert (reply.status_code, reply.headers["Content-Type"].split(";")[0]) == (413, "text/html")
    assert caller.generate().status_code == 200 and len(emulator.tasks) == 1


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_references_may_be_addresses_and_pictures_mixed(caller: Caller, prefix: str) -> None:
    inline = prefix + base64.b64encode(png("blue", (200, 100))).decode()
    assert opened(caller.unified_picture(images=[inline, caller.upload(png())])).size == (1456, 720)


def test_no_key_is_in_the_record_of_an_inline_submit(caller: Caller, emulator: Emulator) -> None:
    caller.generate(images=["data:image/png;base64," + base64.b64encode(png()).decode()])
    assert KEY not in str(emulator.record())
