"""What a refusal means, by its code, its HTTP status or its words, in English and in Chinese, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grsai.client import GrsaiClient
from grsai.errors import (
    GatewayError,
    GrsaiError,
    KeyRefused,
    LostReply,
    ModelUnavailable,
    NotKept,
    OutOfCredits,
    RateLimited,
    RequestRefused,
    StorageError,
    UnknownRefusal,
)
from grsai.pictures import Encoded
from tests.client.caller import OK, TASK, submit

CALLS: dict[str, Callable[[GrsaiClient], object]] = {
    "ticket": lambda client: client.upload(Encoded(b"\x89PNG", "png")),
    "submit": submit,
    "unified submit": lambda client: submit(client, api="unified"),
    "poll": lambda client: client.poll(TASK),
    "unified poll": lambda client: client.poll(TASK, api="unified"),
    "balance": lambda client: client.balance(),
    "status": lambda client: client.model_status("nano-banana"),
}
WORDS: dict[str, type[GrsaiError]] = {
    "insufficient credits": OutOfCredits,
    "apikey credits not enough": OutOfCredits,
    "Sorry, your account balance is insufficient": OutOfCredits,
    "Insufficient quota": OutOfCredits,
    "insufficient_user_quota": OutOfCredits,
    "no available image quota": OutOfCredits,
    "You exceeded your current quota, please check your plan and billing details": OutOfCredits,
    "余额不足，请充值": OutOfCredits,
    "积分不足": OutOfCredits,
    "令牌额度已用尽": OutOfCredits,
    "账户已欠费": OutOfCredits,
    "余额不足，请稍后再试": OutOfCredits,
    "apikey error": KeyRefused,
    "invalid api key": KeyRefused,
    "Incorrect API_KEY provided": KeyRefused,
    "无效的密钥": KeyRefused,
    "无效的令牌": KeyRefused,
    "Unauthorized": KeyRefused,
    "Upstream rate limit exceeded": RateLimited,
    "Too many requests": RateLimited,
    "Requests are too frequent": RateLimited,
    "quota of 60 requests per minute": RateLimited,
    "apikey requests too frequent": RateLimited,
    "操作过于频繁": RateLimited,
    "请稍后再试": RateLimited,
    "system is busy": RateLimited,
    "服务器繁忙": RateLimited,
    "model not found": ModelUnavailable,
    "model not register": ModelUnavailable,
    "模型不存在": ModelUnavailable,
    "该模型已下线": ModelUnavailable,
    "model maintenance": ModelUnavailable,
    "系统维护中": ModelUnavailable,
    "提示词包含敏感词": RequestRefused,
    "content violates the policy": RequestRefused,
    "bad ratio": UnknownRefusal,
    "case-insensitive names only": UnknownRefusal,
}
SAID = {
    "model maintenance": "in maintenance",
    "系统维护中": "in maintenance",
    "模型不存在": "does not have this model",
    "model not register": "does not have this model",
    "提示词包含敏感词": "refuses the prompt or a picture",
}


@pytest.mark.parametrize(("words", "kind"), WORDS.items())
def test_a_refusal_is_understood_by_its_words(client: GrsaiClient, server, words: str, kind: type[GrsaiError]) -> None:
    for body in (
        {"code": -1, "msg": words, "data": None},
        {"code": 30001, "message": words},
        {"code": -1, "error": {"message": words, "type": "new_api_error"}},
        {"code": 500, "detail": words},
        {"code": -1, "msg": "success", "error": words},
        {"success": False, "message": words},
    ):
        server.replies.clear()
        server.will_say(body)
        with pytest.raises(GrsaiError) as caught:
            submit(client)
        assert type(caught.value) is kind and words in str(caught.value), body
        assert SAID.get(words, "") in str(caught.value)


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (402, "", OutOfCredits),
        (402, {"error": {"message": "Insufficient quota", "code": "insufficient_user_quota"}}, OutOfCredits),
        (403, {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}, OutOfCredits),
        (429, {"code": -1, "msg": "no available image quota"}, OutOfCredits),
        (500, {"code": -1, "msg": "余额不足"}, OutOfCredits),
        (429, {"code": -1, "msg": "Upstream rate limit exceeded"}, RateLimited),
        (429, {"code": -1, "msg": "quota of 60 requests per minute"}, RateLimited),
        (429, "<html>insufficient balance</html>", RateLimited),
        (401, "", KeyRefused),
        (403, {"msg": "无效的密钥"}, KeyRefused),
        (403, {"msg": "内容违规"}, RequestRefused),
        (413, "<html>413 Request Entity Too Large</html>", RequestRefused),
        (408, "", GatewayError),
        (503, {"error": {"message": "no server"}}, GatewayError),
        (500, {"error": {"message": "panic"}}, LostReply),
    ],
)
def test_a_refusal_is_understood_by_its_status(client: GrsaiClient, server, call, status: int, body: Any, kind: Any) -> None:
    server.will_say(body, status)
    with pytest.raises(GrsaiError) as caught:
        call(client)
    assert type(caught.value) is kind


@pytest.mark.parametrize("api", ["legacy", "unified"])
def test_a_refusal_without_a_code_counts_only_where_its_words_are_known(client: GrsaiClient, server, api: Any) -> None:
    server.will_say({"error": {"message": "Insufficient quota"}})
    server.will_say({"error": {"message": "who knows"}})
    with pytest.raises(OutOfCredits):
        submit(client, api=api)
    with pytest.raises(LostReply):
        submit(client, api=api)


def test_a_refusal_is_understood_in_the_encoding_of_china(client: GrsaiClient, server) -> None:
    server.will_say('{"code":-1,"msg":"余额不足"}'.encode("gbk"))
    with pytest.raises(OutOfCredits, match="余额不足"):
        submit(client)


@pytest.mark.parametrize("api", ["legacy", "unified"])
def test_a_reply_that_is_not_packed_as_it_says_still_has_its_id(client: GrsaiClient, server, api: Any) -> None:
    server.will_say({**OK, "data": {"id": TASK}}, Content_Encoding="gzip")
    assert submit(client, api=api) == TASK


# The storage


def ticket(**changed: str) -> dict[str, Any]:
    return {
        **OK,
        "data": {"token": "t", "key": "k.png", "url": "https://up.invalid", "domain": "https://files.example", **changed},
    }


@pytest.mark.parametrize(
    ("changed", "address"),
    [
        ({"domain": "files.example"}, "https://files.example/k.png"),
        ({"domain": "https://files.example/"}, "https://files.example/k.png"),
        ({"domain": " https://files.example "}, "https://files.example/k.png"),
        ({"key": "a b/ü#1?.png"}, "https://files.example/a%20b/%C3%BC%231%3F.png"),
    ],
)
def test_the_address_of_an_upload_can_be_asked(client: GrsaiClient, server, changed: dict[str, str], address: str) -> None:
    server.will_say(ticket(**{"url": f"{server.url}/storage", **changed}))
    server.will_say({"hash": "x", "key": "k.png"})
    assert client.upload(Encoded(b"\x89PNG", "png")) == address


@pytest.mark.parametrize(
    "changed",
    [
        {"domain": "http://files.example"},
        {"domain": "ftp://files.example"},
        {"domain": "https://"},
        {"domain": "https://["},
        {"url": "http://up.example"},
        {"url": "https://["},
        {"url": "file:///etc/passwd"},
        {"domain": ""},
        {"token": None},
        {"key": 7},
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_before_anything_goes_up(client: GrsaiClient, server, changed: Any) -> None:
    server.will_say(ticket(**{"url": f"{server.url}/storage", **changed}))
    with pytest.raises(StorageError) as caught:
        client.upload(Encoded(b"\x89PNG", "png"))
    assert not isinstance(caught.value, NotKept) and len(server.seen) == 1


@pytest.mark.parametrize("body", [{"error": "file is not specified"}, {"error": {"message": "expired token"}, "code": 401}])
def test_a_storage_that_says_an_error_has_taken_nothing(client: GrsaiClient, server, body: Any) -> None:
    server.will_say(ticket(url=f"{server.url}/storage"))
    server.will_say(body)
    with pytest.raises(StorageError, match="did not take the picture"):
        client.upload(Encoded(b"\x89PNG", "png"))
