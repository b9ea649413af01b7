"""Refusals in other words, pages of other servers, and odd balances."""

from __future__ import annotations

from typing import Any

import pytest

from grsai.emulator import Emulator, Fault
from grsai.emulator.refusals import LOGIN, REFUSALS
from tests.emulator.caller import GENERATE, KEY, SUBMIT, Caller

WORDS = [kind for kind in REFUSALS if kind not in ("key_refused", "out_of_credits", "out_of_key_credits", "no_such_task")]
KEY_CREDITS, CREDITS = "/client/openapi/getAPIKeyCredits", "/client/common/getCredits"


@pytest.mark.parametrize("kind", WORDS)
def test_each_generation_refuses_in_its_own_way(caller: Caller, emulator: Emulator, kind: str) -> None:
    emulator.add(Fault("submit", kind))
    code, message = REFUSALS[kind]
    legacy = caller.order()
    assert (legacy.status_code, legacy.json()) == (200, {"code": code, "data": None, "msg": message})
    unified = caller.generate()
    assert (unified.status_code, unified.json()) == (400, {"id": "", "status": "failed", "error": message})
    assert (emulator.tasks, emulator.charged) == ({}, 0)


def test_a_refusal_may_have_words_of_ones_own(caller: Caller, emulator: Emulator) -> None:
    emulator.add(
        Fault("submit", "refused", text="欠费"), Fault("poll", "refused", text="繁忙"), Fault("ticket", "busy", text="x")
    )
    assert caller.order().json()["msg"] == caller.generate().json()["error"] == "欠费"
    polled = caller.result("13-x")
    assert (polled.status_code, polled.json()) == (400, {"error": "繁忙"})  # without a state: the task has none
    assert caller.poll("14-x")["msg"] == "繁忙"
    assert caller.post("/client/resource/newUploadTokenZH", {"sux": "png"}).json()["msg"] == "x"


def test_the_words_hold_what_they_are_for() -> None:
    assert {"\x1b", "\x07", "\r", "\x9b", "\u202e"} <= set(REFUSALS["escapes"][1])
    assert len(REFUSALS["long_text"][1]) > 1_000_000
    assert [REFUSALS[kind][1] for kind in ("no_money", "no_points")] == ["余额不足", "积分不足，请充值"]
    assert ["频繁" in REFUSALS["too_frequent"][1], "稍后" in REFUSALS["later"][1], "繁忙" in REFUSALS["busy"][1]] == [True] * 3


@pytest.mark.parametrize(("kind", "status"), [("http_402_quota", 402), ("http_403_balance", 403), ("http_429_quota", 429)])
def test_want_of_money_may_be_an_http_status(caller: Caller, emulator: Emulator, kind: str, status: int) -> None:
    emulator.add(Fault("submit", kind))
    for reply in (caller.order(), caller.generate()):
        words = reply.json().get("message") or reply.json()["error"]["message"]
        assert reply.status_code == status and any(word in words for word in ("quota", "balance"))
    assert emulator.charged == 0


@pytest.mark.parametrize(("kind", "status"), [("redirect", 302), ("redirect_301", 301), ("redirect_308", 308)])
def test_the_api_may_have_moved(caller: Caller, emulator: Emulator, kind: str, status: int) -> None:
    emulator.add(Fault("submit", kind))
    for path in (SUBMIT, GENERATE):
        reply = caller.post(path, {"model": "nano-banana-fast", "prompt": "x"}, allow_redirects=False)
        assert (reply.status_code, reply.headers["Location"]) == (status, f"http://localhost:{emulator.port}/elsewhere")
    assert emulator.tasks == {}


def test_a_moved_api_that_keeps_the_method_is_followed_with_the_body_but_seen(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "redirect_308"))
    caller.order()
    arrived = emulator.received[-1]
    assert (arrived.step, arrived.method, arrived.body["prompt"]) == ("elsewhere", "POST", "a banana")
    assert emulator.leaks == []


@pytest.mark.parametrize(("kind", "status"), [("portal_302", 200), ("portal_200", 200), ("portal_511", 511)])
@pytest.mark.parametrize("step", ["ticket", "submit", "poll", "download", "credits", "status"])
def test_a_network_may_ask_for_a_login(caller: Caller, emulator: Emulator, step: str, kind: str, status: int) -> None:
    emulator.add(Fault(step, kind))
    paths = {"ticket": "/client/resource/newUploadTokenZH", "submit": "/v1/draw/nano-banana", "poll": "/v1/draw/result"}
    if step in paths:
        reply = caller.post(paths[step], {"sux": "png"})
    else:
        path = {"download": "/file/x.png", "credits": CREDITS, "status": "/client/common/getModelStatus"}[step]
        reply = caller.get(emulator.url + path)
    assert (reply.status_code, reply.headers["Content-Type"].split(";")[0], reply.text) == (status, "text/html", LOGIN)


BALANCES = [("no_number", {}), ("negative", {"credits": -1}), ("text", {"credits": "plenty"}), ("null", {"credits": None})]


@pytest.mark.parametrize(("kind", "data"), BALANCES)
def test_a_balance_may_be_no_number(caller: Caller, emulator: Emulator, kind: str, data: dict[str, Any]) -> None:
    emulator.add(Fault("credits", kind))
    assert caller.post(KEY_CREDITS, {"apiKey": KEY}).json() == {"code": 0, "msg": "success", "data": data}
    assert caller.get(emulator.url + CREDITS, params={"apikey": KEY}).json()["data"] == data
    emulator.clear_faults()
    emulator.add(Fault("credits", kind, path="openapi"))
    assert int(caller.get(emulator.url + CREDITS, params={"apikey": KEY}).json()["data"]["credits"]) == 1_000_000


def test_a_balance_below_zero_is_shown_and_buys_nothing(caller: Caller, emulator: Emulator) -> None:
    emulator.credits = -5
    assert caller.get(emulator.url + CREDITS, params={"apikey": KEY}).json()["data"]["credits"] == -5
    assert caller.order().json()["msg"] == "insufficient credits"


# storage


def domain(caller: Caller) -> str:
    return caller.post("/client/resource/newUploadTokenZH", {"sux": "png"}).json()["data"]["domain"]


def test_the_domain_of_uploads_may_be_written_oddly(caller: Caller, emulator: Emulator) -> None:
    emulator.add(*(Fault("ticket", kind, times=1) for kind in ("domain_bare", "domain_odd", "domain_slash")))
    told = [domain(caller) for _ in range(4)]
    assert told == [
        f"127.0.0.1:{emulator.port}/files",
        f"{emulator.url}/files/图 片",
        f"{emulator.url}/files//",
        f"{emulator.url}/files",
    ]


def test_an_address_with_odd_letters_is_found(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("ticket", "domain_odd"))
    url = caller.upload(b"a picture")
    assert "图 片" in url and caller.get(url).content == b"a picture"


def test_an_upload_may_fail_with_status_200(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("upload", "upload_error"))
    caller.upload(b"a picture")
    assert emulator.uploads == {} and emulator.received[-1].status == 200


def test_the_ticket_route_may_fail_for_good_while_inline_pictures_work(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("ticket", "not_found"))
    assert [caller.post("/client/resource/newUploadTokenZH", {"sux": "png"}).status_code for _ in range(3)] == [404] * 3
    assert caller.order().json()["code"] == 0
