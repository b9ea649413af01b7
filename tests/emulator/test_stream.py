"""The stream and the web hook."""

from __future__ import annotations

import http.server
import json
import queue
import threading
from typing import Any

import pytest

from grsai.emulator import Emulator, Fault
from tests.emulator.caller import NETWORK_ERRORS, SUBMIT, Caller, events, opened


def test_a_submit_without_web_hook_is_a_stream_of_task_objects(caller: Caller, emulator: Emulator) -> None:
    body = caller.post(SUBMIT, {"model": "nano-banana-fast", "prompt": "[slow 0.3] 香蕉"}).content
    seen = events(body)
    assert [view["status"] for view in seen[:-1]] == ["running"] * (len(seen) - 1) and len(seen) > 2
    assert {tuple(view) for view in seen} == {("id", "results", "progress", "status", "failure_reason", "error")}
    assert opened(caller.get(seen[-1]["results"][0]["url"]).content).size == (1024, 1024)
    assert emulator.charged == 440


def test_streams_come_in_every_form_that_was_seen(caller: Caller) -> None:
    replies = [caller.post(SUBMIT, {"model": "nano-banana-fast", "prompt": "x"}) for _ in range(12)]
    types = {reply.headers.get("Content-Type") for reply in replies}
    assert types == {"text/event-stream", "application/json", None}
    assert {b"\n\n" in reply.content for reply in replies} == {True, False}
    assert {events(reply.content)[-1] == "[DONE]" for reply in replies} == {True, False}


def test_a_stream_is_cut_anywhere(caller: Caller, emulator: Emulator) -> None:
    body = {"model": "nano-banana-fast", "prompt": "[slow 0.5]"}
    with caller.post(SUBMIT, body, stream=True) as reply:
        pieces = list(reply.raw.stream(decode_content=False))
    assert any(not piece.endswith(b"\n") for piece in pieces[:-1])
    assert events(b"".join(pieces))[-1]["status"] == "succeeded"


def test_shut_progress_leaves_one_final_event(caller: Caller) -> None:
    reply = caller.post(SUBMIT, {"model": "nano-banana-fast", "prompt": "[error]", "shutProgress": True})
    (view,) = events(reply.content)
    assert (view["status"], view["failure_reason"]) == ("failed", "error")


def test_a_refused_stream_is_a_plain_body(caller: Caller, emulator: Emulator) -> None:
    emulator.credits = 0
    reply = caller.post(SUBMIT, {"model": "nano-banana-fast", "prompt": "x"})
    assert reply.json() == {"code": -1, "data": None, "msg": "insufficient credits"}


def test_a_cut_stream_is_billed_and_its_task_goes_on(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "reset_middle"))
    with pytest.raises(NETWORK_ERRORS):
        caller.post(SUBMIT, {"model": "nano-banana-fast", "prompt": "x"})
    (task_id,) = emulator.tasks
    assert caller.outcome(task_id)["status"] == "succeeded" and emulator.charged == 440


def test_a_web_hook_is_pushed_to() -> None:
    pushed: queue.Queue[Any] = queue.Queue()

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            pushed.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server, Emulator(seconds=0.05) as emulator:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/done"
        task_id = Caller(emulator).submit(webHook=url, shutProgress=True)
        view = pushed.get(timeout=10)
        server.shutdown()
    assert (view["id"], view["status"]) == (task_id, "succeeded")
