"""A reply that can be understood is: what was paid is neither lost nor paid again for the way in which it is said."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from grsai.client import GrsaiClient, Task
from grsai.errors import (
    GrsaiError,
    KeyRefused,
    LostReply,
    ModelUnavailable,
    NoSuchTask,
    OutOfCredits,
    RateLimited,
    UnknownRefusal,
)
from grsai.models import Api
from tests.client.caller import OK, TASK, settings_for, submit

APIS = get_args(Api)
PICTURE = "https://x/1.png"
DONE = {"id": TASK, "status": "succeeded", "progress": 100, "results": [{"url": PICTURE}]}
MARK = b"\xef\xbb\xbf"


def failed(error: str) -> Task:
    return Task(TASK, "failed", 0, (), "", error)


# Submit: an id is an id

IDS: list[tuple[int, Any, str]] = [
    (200, MARK + json.dumps({**OK, "data": {"id": TASK}}).encode(), TASK),
    (200, {**OK, "data": {"id": 1234567890123}}, "1234567890123"),
    (200, {**OK, "data": 987654}, "987654"),
    (200, {"code": 200, "msg": "success", "data": {"id": TASK}}, TASK),
    (200, {"code": "success", "data": {"id": TASK}}, TASK),
    (200, {**OK, "data": {"taskId": TASK}}, TASK),
    (200, {**OK, "data": {"task_id": TASK}}, TASK),
    (200, {**OK, "taskId": TASK}, TASK),
    (200, {**OK, "data": {"data": {"id": TASK}}}, TASK),
    (200, {**OK, "data": [{"id": TASK}]}, TASK),
    (200, {"id": f" {TASK}\n"}, TASK),
    (200, f': hello\nevent: message\nid: 7\ndata: {{"id":"{TASK}","progress":1}}\n\n', TASK),
    (200, f'\n\n  data: {{"id":"{TASK}"}}\r\n\r\ndata: [DONE]\r\n', TASK),
    (200, json.dumps({**OK, "data": {"id": TASK}}) + "\n<script src='//ads.example'></script>", TASK),
    (200, "\n" * 300 + json.dumps({**OK, "data": {"id": TASK}}), TASK),
    (200, json.dumps(json.dumps({**OK, "data": {"id": TASK}})), TASK),
    (200, {**OK, "data": json.dumps({"id": TASK})}, TASK),
    (200, json.dumps({**OK, "data": {"id": TASK}}).encode("utf-16"), TASK),
    (200, json.dumps({**OK, "msg": "成功", "data": {"id": TASK}}, ensure_ascii=False).encode("gbk"), TASK),
    (200, b'{"code":0,"data":{"id":"%s"},"msg":"\xe6\\"ok"}' % TASK.encode(), TASK),  # a letter that was cut
    (400, {"id": TASK, "status": "failed", "error": "generate failed"}, TASK),
    (400, {"id": TASK, "status": "violation", "error": "no"}, TASK),
    (200, {"id": TASK, "status": "running"}, TASK),
    (502, {"id": TASK, "status": "running"}, TASK),
]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("status", "body", "expected"), IDS)
def test_an_id_is_an_id_however_it_is_told(client: GrsaiClient, server, api: Api, status: int, body: Any, expected: str) -> None:
    server.will_say(body, status)
    assert submit(client, api=api) == expected
    assert len(server.seen) == 1


@pytest.mark.parametrize("api", APIS)
def test_an_id_beside_a_refusal_is_accepted_if_the_service_knows_it(client: GrsaiClient, server, api: Api) -> None:
    server.will_say({"code": -1, "msg": "insufficient credits", "data": {"id": TASK}})
    server.will_say({**OK, "data": {"id": TASK, "status": "running", "progress": 3}})
    assert submit(client, api=api) == TASK


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"code": -1, "msg": "insufficient credits", "data": {"id": TASK}}),
        (400, {"id": "req-1", "error": "apikey error"}),
        (200, {"success": False, "message": "no", "id": "req-1"}),
    ],
)
def test_an_id_beside_a_refusal_is_at_least_uncertain(client: GrsaiClient, server, api: Api, status: int, body: Any) -> None:
    server.will_say(body, status)
    server.will_say({"code": -22, "data": None, "msg": "task not exist"})
    with pytest.raises(LostReply, match="names task"):
        submit(client, api=api)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"status": "failed", "error": "generate failed"}, failed("generate failed")),
        ({"status": "violation", "error": "no"}, Task(TASK, "failed", 0, (), "output_moderation", "no")),
        ({"status": "succeeded", "results": [{"url": PICTURE}]}, Task(TASK, "succeeded", 0, (PICTURE,))),
    ],
)
def test_an_end_that_the_submit_told_is_not_asked_for_again(client: GrsaiClient, server, told: Any, expected: Task) -> None:
    server.will_say({"id": TASK, **told}, 400 if told["status"] != "succeeded" else 200)
    server.will_say({"error": "result not exist, valid for 2 hours"}, 404)
    assert submit(client, api="unified") == TASK
    assert client.poll(TASK, api="unified") == expected
    assert len(server.seen) == 1
    with pytest.raises(NoSuchTask):
        client.poll(TASK, api="unified")


@pytest.mark.parametrize("api", APIS)
def test_an_empty_reply_is_a_bad_key_if_the_balance_says_so(client: GrsaiClient, server, api: Api) -> None:
    server.will_say("")
    server.will_say({"code": -1, "data": None, "msg": "apikey error"})
    with pytest.raises(KeyRefused):
        submit(client, api=api)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "balance", [{**OK, "data": {"credits": 7}}, "", "<html></html>", {"code": -1, "msg": "insufficient credits"}]
)
def test_an_empty_reply_is_else_a_reply_that_was_lost(client: GrsaiClient, server, api: Api, balance: Any) -> None:
    server.will_say("")
    server.will_say(balance)
    with pytest.raises(LostReply, match="answered with nothing"):
        submit(client, api=api)


def test_the_unified_api_refuses_without_an_id(client: GrsaiClient, server) -> None:
    for error, kind in {
        "apikey error": KeyRefused,
        "apikey credits not enough": OutOfCredits,
        "model not register": ModelUnavailable,
        "Too many requests": RateLimited,
        "something new": UnknownRefusal,
    }.items():
        for status in (200, 400):
            server.replies.clear()
            server.will_say({"id": "", "status": "failed", "error": error}, status)
            with pytest.raises(GrsaiError) as caught:
                submit(client, api="unified")
            assert type(caught.value) is kind, error


# Poll

POLLS: list[tuple[int, Any, Task]] = [
    (200, MARK + json.dumps({**OK, "data": DONE}).encode(), Task(TASK, "succeeded", 100, (PICTURE,))),
    (200, f": hello\ndata: {json.dumps(DONE)}\n\ndata: [DONE]\n", Task(TASK, "succeeded", 100, (PICTURE,))),
    *[
        (200, {**OK, "data": {**DONE, "status": word}}, Task(TASK, "succeeded", 100, (PICTURE,)))
        for word in ("completed", "COMPLETED", "finished", "done", "complete", "SUCCESS", " succeeded ", "成功")
    ],
    # Whatever the state is called: the picture is there.
    *[
        (200, {**OK, "data": {**DONE, "status": word}}, Task(TASK, "succeeded", 100, (PICTURE,)))
        for word in ("ready", 2, None, "running", "archived")
    ],
    (200, {"id": TASK, "status": "ready", "results": [{"url": PICTURE}]}, Task(TASK, "succeeded", 0, (PICTURE,))),
    (200, {**OK, "data": {**DONE, "progress": "100%"}}, Task(TASK, "succeeded", 100, (PICTURE,))),
    (200, {**OK, "data": {**DONE, "progress": None}}, Task(TASK, "succeeded", 0, (PICTURE,))),
    (200, {**OK, "data": [DONE]}, Task(TASK, "succeeded", 100, (PICTURE,))),
    (200, {"id": TASK, "status": "running", "progress": "45%", "results": []}, Task(TASK, "running", 45)),
    # But for one that failed.
    (200, {**OK, "data": {**DONE, "status": "failed", "error": "late"}}, Task(TASK, "failed", 100, (PICTURE,), "", "late")),
    *[
        (200, {"id": TASK, "status": word, "error": "no"}, failed("no"))
        for word in ("canceled", "CANCELLED", "timeout", "timed_out", "rejected", "expired", "failure", "aborted", "失败")
    ],
    (400, {"id": TASK, "status": "failed", "error": "google gemini timeout..."}, failed("google gemini timeout...")),
    (400, {"id": TASK, "status": "violation"}, Task(TASK, "failed", 0, (), "output_moderation")),
    (200, {"id": TASK, "status": "failed", "error": {"code": 500, "message": "upstream broke"}}, failed("upstream broke")),
    (200, {"id": TASK, "status": "failed", "message": "generate failed"}, failed("generate failed")),
    (200, {"id": TASK, "status": "failed", "detail": [{"msg": "generate failed"}]}, failed("generate failed")),
    (200, {"id": TASK, "state": "running", "progress": 7}, Task(TASK, "running", 7)),
    (200, {"id": TASK}, Task(TASK, "running")),
]  # fmt: skip


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("status", "body", "expected"), POLLS)
def test_a_task_is_what_its_reply_says(client: GrsaiClient, server, api: Api, status: int, body: Any, expected: Task) -> None:
    server.will_say(body, status)
    assert client.poll(TASK, api=api) == expected


FINAL = {
    "The image format is incorrect. Please check the reference images.": "input",
    "invalid image": "input",
    "prompt is too long": "input",
    "图片格式错误": "input",
    "Request contains an invalid argument.": "input",
    "content violates our policy": "moderation (violat)",
    "blocked by safety filter": "moderation (safety)",
    "内容违规": "moderation (违规)",
    "提示词包含敏感词": "moderation (敏感)",
}
PASSING = (
    "google gemini timeout...",
    "generate failed",
    "model maintenance",
    "Upstream rate limit exceeded",
    "failed to fetch image",
    "",
)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("error", "reason"), [*FINAL.items(), *((error, "") for error in PASSING)])
def test_why_a_task_failed_is_told_where_trying_again_cannot_help(
    client: GrsaiClient, server, api: Api, error: str, reason: str
) -> None:
    server.will_say({"id": TASK, "status": "failed", "error": error})
    assert client.poll(TASK, api=api) == Task(TASK, "failed", 0, (), reason, error)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"code": -22, "data": None, "msg": "task not exist"}),
        (404, {"error": "result not exist, valid for 2 hours"}),
        (200, {"error": "result not exist, valid for 2 hours"}),
        (200, {"code": -1, "msg": "任务不存在"}),
    ],
)
def test_a_task_that_is_unknown_is_its_own_error(client: GrsaiClient, server, api: Api, status: int, body: Any) -> None:
    server.will_say(body, status)
    with pytest.raises(NoSuchTask):
        client.poll(TASK, api=api)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"id": "", "status": "failed", "error": "apikey error"}, KeyRefused),
        (200, {"id": "", "status": "failed", "error": "apikey error"}, KeyRefused),
        (200, {"code": -1, "msg": "apikey error", "id": "req-7"}, KeyRefused),
        (401, {"status": "error", "message": "Unauthorized"}, KeyRefused),
        (200, {"status": "error", "code": 50001, "message": "try later"}, UnknownRefusal),
        (200, "<html>login</html>", LostReply),
        (200, {}, LostReply),
        (200, "[]", LostReply),
        (500, {"status": "error"}, LostReply),
    ],
)
def test_a_refusal_to_a_poll_is_no_failed_task(
    client: GrsaiClient, server, api: Api, status: int, body: Any, kind: type[GrsaiError]
) -> None:
    """The task is paid: it has failed only where the service speaks of it."""
    server.will_say(body, status)
    with pytest.raises(GrsaiError) as caught:
        client.poll(TASK, api=api)
    assert type(caught.value) is kind


def test_a_client_of_one_host_keeps_what_it_was_told_to_itself(client: GrsaiClient, server) -> None:
    server.will_say({"id": TASK, "status": "failed", "error": "generate failed"}, 400)
    server.will_say({"id": TASK, "status": "running"})
    submit(client, api="unified")
    with GrsaiClient(settings_for(server.url)) as other:
        assert other.poll(TASK, api="unified") == Task(TASK, "running")
