"""Uploads: ticket, file, public address."""

from __future__ import annotations

import hashlib
import re

from grsai.emulator import Emulator
from tests.emulator.caller import TICKET, Caller, png


def test_an_upload_takes_three_steps_and_ends_as_a_public_url(caller: Caller, emulator: Emulator) -> None:
    reply = caller.post(TICKET, {"sux": "png"}).json()
    assert (reply["code"], reply["msg"], set(reply["data"])) == (0, "success", {"token", "key", "url", "domain"})
    assert re.fullmatch(r"[0-9a-f-]{36}\.png", reply["data"]["key"])
    url, content = caller.upload(png()), png()
    key = url.rpartition("/")[2]
    assert caller.get(url).content == content
    assert caller.session.head(url, timeout=10).headers["Content-Length"] == str(len(content))
    stored = emulator.uploads[key]
    assert (stored.sha256, stored.size, stored.suffix) == (hashlib.sha256(content).hexdigest(), len(content), ".png")
    assert emulator.leaks == []


def test_an_upload_needs_the_token_of_its_key_and_a_file(caller: Caller, emulator: Emulator) -> None:
    ticket = caller.post(TICKET, {"sux": "jpg"}).json()["data"]
    form = {"token": ticket["token"], "key": "other.jpg"}
    assert caller.session.post(ticket["url"], data=form, files={"file": b"x"}, timeout=10).status_code == 401
    form["key"] = ticket["key"]
    assert caller.session.post(ticket["url"], files={k: (None, v) for k, v in form.items()}).status_code == 400
    assert emulator.uploads == {}


def test_a_key_that_went_to_the_storage_is_noticed(caller: Caller, emulator: Emulator) -> None:
    url = caller.upload(png())
    caller.get(url, headers=caller.auth)
    assert [leak.step for leak in emulator.leaks] == ["reference"]
