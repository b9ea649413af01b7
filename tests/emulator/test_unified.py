"""The unified generation of the API."""

from __future__ import annotations

from grsai.emulator import Emulator
from tests.emulator.caller import Caller, png


def test_the_unified_endpoints_submit_and_answer_flat(caller: Caller, emulator: Emulator) -> None:
    body = {"model": "gpt-image-1", "prompt": "x", "images": [caller.upload(png())], "replyType": "async"}
    reply = caller.post("/v1/api/generate", body).json()
    assert (set(reply), reply["status"]) == ({"id", "status"}, "running")
    url = f"{emulator.url}/v1/api/result?id={reply['id']}"
    caller.outcome(reply["id"])
    view = caller.get(url, headers=caller.auth).json()
    assert set(view) == {"id", "status", "progress", "results", "error"} and view["status"] == "succeeded"
    assert caller.get(view["results"][0]["url"]).ok


def test_the_unified_endpoints_say_no_in_their_own_way(caller: Caller, emulator: Emulator) -> None:
    unified = f"{emulator.url}/v1/api/result"
    missing = caller.get(unified, params={"id": "13-x"}, headers=caller.auth)
    assert (missing.status_code, missing.json()) == (404, {"error": "result not exist, valid for 2 hours"})
    wrong = caller.post("/v1/api/generate", {"model": "nano-melon", "prompt": "x"})
    assert (wrong.status_code, set(wrong.json())) == (400, {"id", "status", "error"})
    refused = Caller(emulator, "sk-bad").post("/v1/api/generate", {"model": "nano-banana", "prompt": "x"})
    assert (refused.status_code, refused.content) == (200, b"")
    task_id = caller.post("/v1/api/generate", {"model": "nano-banana", "prompt": "[output_moderation]"}).json()["id"]
    caller.outcome(task_id)
    assert caller.get(unified, params={"id": task_id}, headers=caller.auth).json()["status"] == "violation"
