"""What can be spent, which models there are and what they cost: read from every form, and never a guess."""

from __future__ import annotations

from typing import Any

import pytest

from grsai.client import Balance, GrsaiClient, ListedModel, ModelStatus
from grsai.errors import GrsaiError, KeyRefused, LostReply, Unreachable
from tests.client.caller import OK, settings_for


def credits(value: Any) -> dict[str, Any]:
    return {**OK, "data": {"credits": value}}


@pytest.mark.parametrize(
    ("limit", "account", "expected"),
    [
        (0, 5000, Balance(5000, 5000, 0, "account")),
        (10_000, 5000, Balance(5000, 5000, 10_000, "account")),
        (5000, 10_000, Balance(5000, 10_000, 5000, "key")),
        (5000, 5000, Balance(5000, 5000, 5000, "account")),
        (5000, 0, Balance(5000, 0, 5000, "key")),
        (0, 0, Balance(0, 0, 0, "account")),
        (-1, 5000, Balance(5000, 5000, None, "account")),
        (5000, -1, Balance(5000, None, 5000, "key")),
        (-1, -1, Balance(None, None, None, "account")),
        (None, "1,000,000", Balance(1_000_000, 1_000_000, None, "account")),
        ("10 000", 99_999.9, Balance(10_000, 99_999, 10_000, "key")),
        (True, True, Balance(None, None, None, "account")),
        ("∞", "1e400", Balance(None, None, None, "account")),
        ([1], {"credits": 1}, Balance(None, None, None, "account")),
    ],
)
def test_what_can_be_spent_is_the_lower_of_the_two_that_are_known(
    client: GrsaiClient, server, limit: Any, account: Any, expected: Balance
) -> None:
    server.will_say(credits(limit))
    server.will_say(credits(account))
    assert client.balance() == expected


@pytest.mark.parametrize("broken", ["<html></html>", "", {**OK, "data": None}, {"code": -1, "msg": "no"}, {**OK, "data": [1]}])
def test_one_of_the_two_is_enough(client: GrsaiClient, server, broken: Any) -> None:
    server.will_say(broken)
    server.will_say(credits(7))
    assert client.balance() == Balance(7, 7, None, "account")
    server.replies[:] = []
    server.will_say(credits(7))
    server.will_say(broken)
    assert client.balance() == Balance(7, None, 7, "key")


def test_a_key_that_is_refused_is_refused_at_once(client: GrsaiClient, server) -> None:
    server.will_say({"code": -1, "msg": "apikey error"})
    with pytest.raises(KeyRefused):
        client.balance()
    assert len(server.seen) == 1


def test_a_balance_of_nobody_is_an_error(client: GrsaiClient, server) -> None:
    server.will_say("<html></html>")
    with pytest.raises(LostReply):
        client.balance()


def test_a_host_that_is_not_there_is_asked_once() -> None:
    with GrsaiClient(settings_for("http://127.0.0.1:9")) as client, pytest.raises(Unreachable):
        client.balance()


# The service's own list

V2 = {
    "name": "nano-banana-2.1",
    "type": "image",
    "cost": 900,
    "costType": 0,
    "closeModel": False,
    "maintenance": False,
    "errorReturn": True,
    "violationReturn": False,
    "group": "x",
}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (V2, ListedModel("nano-banana-2.1", 900, False, False, True, False, "image")),
        ({**V2, "cost": "1,200"}, ListedModel("nano-banana-2.1", 1200, False, False, True, False, "image")),
        ({**V2, "closeModel": 1, "maintenance": "true"}, ListedModel("nano-banana-2.1", 900, True, True, True, False, "image")),
        (
            {**V2, "closeModel": "0", "maintenance": "false"},
            ListedModel("nano-banana-2.1", 900, False, False, True, False, "image"),
        ),
        ({**V2, "costType": 1}, ListedModel("nano-banana-2.1", None, False, False, True, False, "image")),
        ({**V2, "cost": None}, ListedModel("nano-banana-2.1", None, False, False, True, False, "image")),
        ({**V2, "cost": -1}, ListedModel("nano-banana-2.1", None, False, False, True, False, "image")),
        ({**V2, "type": "video"}, ListedModel("nano-banana-2.1", 900, False, False, True, False, "video")),
        ({"model": "sora", "name": "Sora", "credits": 7}, ListedModel("sora", 7)),
    ],
)
def test_a_row_of_the_list_is_read(client: GrsaiClient, server, row: dict[str, Any], expected: ListedModel) -> None:
    for data in ({"list": [row]}, [row], {"list": [None, {}, {"name": ""}, {"name": "a\x1b[2J"}, {"name": "x" * 999}, row, 7]}):
        server.replies.clear()
        server.will_say({**OK, "data": data})
        assert client.model_list() == (expected,)
    assert server.seen[0].path == "/client/serverGrsai/getModelListV2"
    assert "Authorization" not in server.seen[0].headers


@pytest.mark.parametrize(
    ("status", "body"), [(404, "<html>404</html>"), (200, "<html></html>"), (502, ""), (200, {**OK, "data": None})]
)
def test_the_older_list_stands_in_for_the_newer(client: GrsaiClient, server, status: int, body: Any) -> None:
    server.will_say(body, status)
    server.will_say({**OK, "data": [{"model": "nano-banana", "name": "Nano", "credits": 1400, "maintenance": True}]})
    assert client.model_list() == (ListedModel("nano-banana", 1400, maintenance=True),)
    assert [seen.path.rpartition("/")[2] for seen in server.seen] == ["getModelListV2", "getModelList"]


@pytest.mark.parametrize("body", ["<html></html>", {**OK, "data": {"list": "x"}}, {"code": -1, "msg": "no"}])
def test_a_list_that_is_none_is_an_error(client: GrsaiClient, server, body: Any) -> None:
    server.will_say(body)
    with pytest.raises(GrsaiError):
        client.model_list()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"status": "false", "error": "x"}, ModelStatus(False, "x")),
        ({"status": "true"}, ModelStatus(True)),
        ({"status": 1}, ModelStatus(True)),
        ({"status": 0}, ModelStatus(False)),
        ({"status": False, "error": {"message": "model maintenance"}}, ModelStatus(False, "model maintenance")),
    ],
)
def test_a_status_is_read_in_every_form(client: GrsaiClient, server, data: Any, expected: ModelStatus) -> None:
    for body in ({**OK, "data": data}, data):
        server.replies.clear()
        server.will_say(body)
        assert client.model_status("nano-banana") == expected
