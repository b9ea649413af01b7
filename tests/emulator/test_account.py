"""The key, money and the status of models."""

from __future__ import annotations

import pytest
import requests

from grsai.emulator import Emulator
from tests.emulator.caller import KEY, RESULT, SUBMIT, TICKET, Caller


@pytest.mark.parametrize("path", [TICKET, SUBMIT, RESULT])
@pytest.mark.parametrize("key", ["", "sk-short", "0123456789abcdef" * 2, "sk-" + "g" * 32])
def test_a_malformed_key_is_refused_with_http_200(emulator: Emulator, key: str, path: str) -> None:
    caller = Caller(emulator, key)
    with caller.session:
        reply = caller.post(path, {"sux": "png", "model": "nano-banana", "prompt": "x", "id": "1-x"})
    assert (reply.status_code, reply.json()) == (200, {"code": -1, "data": None, "msg": "apikey error"})
    assert emulator.charged == 0


def test_a_named_key_is_the_only_good_one() -> None:
    with Emulator(key="sk-" + "f" * 32) as emulator:
        assert Caller(emulator).order().json() == {"code": -1, "data": None, "msg": "apikey not found"}
        assert Caller(emulator, "sk-" + "f" * 32).order().json()["code"] == 0


def test_a_key_must_be_announced_as_bearer(emulator: Emulator) -> None:
    for headers in ({}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}):
        reply = requests.post(emulator.url + TICKET, json={"sux": "png"}, headers=headers, timeout=10)
        assert reply.json()["msg"] == "apikey error"


def test_credits_are_taken_when_a_task_is_accepted(caller: Caller, emulator: Emulator) -> None:
    caller.submit(model="nano-banana-pro")
    caller.submit("[error]", model="nano-banana-2")
    assert (emulator.charged, emulator.credits) == (3000, 997_000)


def test_a_failure_is_refunded_only_if_the_service_does_so(caller: Caller, emulator: Emulator) -> None:
    caller.outcome(caller.submit("[error]"))
    assert emulator.charged == 440
    emulator.refund_failed = True
    task_id = caller.submit("[error]")
    caller.outcome(task_id)
    assert emulator.charged == 440 and emulator.tasks[task_id].refunded


def test_too_few_credits_are_a_refusal(caller: Caller, emulator: Emulator) -> None:
    emulator.credits = 879
    assert caller.order().json()["code"] == 0
    assert caller.order().json() == {"code": -1, "data": None, "msg": "insufficient credits"}
    emulator.credits, emulator.key_limit = 10_000, 439
    assert caller.order().json()["msg"] == "apikey credits not enough"
    assert emulator.charged == 440


def test_a_key_without_a_limit_shows_zero_and_the_account_the_balance(caller: Caller, emulator: Emulator) -> None:
    url = f"{emulator.url}/client/common/getCredits"
    assert caller.post("/client/openapi/getAPIKeyCredits", {"apiKey": KEY}).json()["data"] == {"credits": 0}
    shown = [caller.get(url, params={"apikey": KEY}).json()["data"]["credits"] for _ in range(2)]
    assert shown == [1_000_000, "1000000"]
    emulator.key_limit = 5000
    assert caller.post("/client/openapi/getAPIKeyCredits", {"apiKey": KEY}).json()["data"] == {"credits": 5000}
    assert caller.get(url, params={"apikey": "sk-no"}).json()["code"] == -1
    assert emulator.received[-1].path == "/client/common/getCredits"


def test_model_status_and_list_need_no_key(emulator: Emulator) -> None:
    url = f"{emulator.url}/client/common/getModelStatus"
    assert requests.get(url, {"model": "nano-banana-2"}, timeout=10).json()["data"] == {"status": True, "error": ""}
    assert requests.get(url, {"model": "nano-melon"}, timeout=10).json()["data"]["status"] is False
    rows = requests.post(f"{emulator.url}/client/serverGrsai/getModelList", json={}, timeout=10).json()["data"]
    assert len(rows) == 19 and {"model", "name", "credits", "maintenance"} <= set(rows[0])
