"""The emulator against the service's contract, spoken to with nothing but `requests` and sockets."""

from __future__ import annotations

import ast
import base64
import hashlib
import http.server
import io
import json
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from grsai import emulator as emulator_module
from grsai.emulator import FAULTS, PIXELS, PLAIN, STEPS, Emulator, Fault, main

KEY = "sk-" + "0123456789abcdef" * 2
ROOT = Path(__file__).parent.parent
TICKET, SUBMIT, RESULT = "/client/resource/newUploadTokenZH", "/v1/draw/nano-banana", "/v1/draw/result"
NETWORK_ERRORS = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


class Caller:
    """A user of the API: one session, one key."""

    def __init__(self, emulator: Emulator, key: str = KEY) -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env = False
        self.auth = {"Authorization": f"Bearer {key}"}

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.session.post(self.emulator.url + path, json=body, headers=self.auth, **{"timeout": 10, **options})

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.session.get(url, timeout=10, **options)

    def upload(self, content: bytes, suffix: str = "png") -> str:
        ticket = self.post(TICKET, {"sux": suffix}).json()["data"]
        form = {"token": ticket["token"], "key": ticket["key"]}
        assert self.session.post(ticket["url"], data=form, files={"file": content}, timeout=10).ok
        return f"{ticket['domain']}/{ticket['key']}"

    def order(self, prompt: str = "a banana", **fields: Any) -> requests.Response:
        """A submit that asks for the id at once."""
        return self.post(SUBMIT, {"model": "nano-banana-fast", "prompt": prompt, "webHook": "-1", **fields})

    def submit(self, prompt: str = "a banana", **fields: Any) -> str:
        return self.order(prompt, **fields).json()["data"]["id"]

    def poll(self, task_id: str) -> dict[str, Any]:
        reply = self.post(RESULT, {"id": task_id})
        assert reply.status_code == 200
        return reply.json()

    def outcome(self, task_id: str) -> dict[str, Any]:
        end = time.monotonic() + 10
        while (view := self.poll(task_id)["data"])["status"] == "running":
            assert time.monotonic() < end
            time.sleep(0.01)
        return view

    def picture(self, prompt: str = "a banana", **fields: Any) -> bytes:
        view = self.outcome(self.submit(prompt, **fields))
        return self.get(view["results"][0]["url"]).content


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(seconds=0.05) as running:
        yield running
    assert running.count("unknown") == 0


@pytest.fixture
def caller(emulator: Emulator) -> Iterator[Caller]:
    user = Caller(emulator)
    with user.session:
        yield user


def png(colour: str = "red", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def events(body: bytes) -> list[Any]:
    lines = [line for line in body.decode().splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    return [line[6:] if line == "data: [DONE]" else json.loads(line[6:]) for line in lines]


# the key


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


# storage


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


# submit and poll


def test_a_submit_with_web_hook_minus_one_answers_the_id_at_once(caller: Caller, emulator: Emulator) -> None:
    reply = caller.order().json()
    assert (reply["code"], reply["msg"], list(reply["data"])) == (0, "success", ["id"])
    assert re.fullmatch(r"\d+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", reply["data"]["id"])
    assert emulator.received[-1].task_id == reply["data"]["id"]


def test_a_task_runs_and_then_shows_its_result(caller: Caller, emulator: Emulator) -> None:
    task_id = caller.submit("[slow 0.3] a banana")
    seen = []
    while not seen or seen[-1]["status"] == "running":
        seen.append(caller.poll(task_id)["data"])
    assert {tuple(view) for view in seen} == {("id", "results", "progress", "status", "failure_reason", "error")}
    assert (seen[0]["results"], seen[0]["failure_reason"], seen[0]["error"]) == (None, "", "")
    progress = [view["progress"] for view in seen]
    assert progress == sorted(progress) and len(set(progress)) > 3 and progress[-1] == 100 and progress[-2] < 100
    (result,) = seen[-1]["results"]
    assert re.fullmatch(re.escape(emulator.url) + r"/file/[0-9a-f]{32}\.png", result["url"]) and result["content"] == ""
    reply = caller.get(result["url"])
    assert reply.headers["Content-Type"] == "image/png"
    task = emulator.tasks[task_id]
    assert (task.sha256, task.size) == (hashlib.sha256(reply.content).hexdigest(), len(reply.content))
    assert (task.status, task.polls, task.downloads, task.credits) == ("succeeded", len(seen), 1, 440)


def test_an_unknown_task_is_minus_22(caller: Caller) -> None:
    reply = caller.poll("14-5f3cf761-a4bb-486a-8016-77f490998f80")
    assert (reply["code"], reply["data"]) == (-22, None)


def test_a_task_can_be_invisible_right_after_its_submit(caller: Caller, emulator: Emulator) -> None:
    emulator.visible_after = 0.2
    task_id = caller.submit()
    assert caller.poll(task_id)["code"] == -22
    while caller.poll(task_id)["code"] == -22:
        assert emulator.tasks[task_id].age < 5
    assert emulator.tasks[task_id].age >= 0.2


def test_results_live_for_a_limited_time(caller: Caller, emulator: Emulator) -> None:
    task_id = caller.submit()
    url = caller.outcome(task_id)["results"][0]["url"]
    emulator.lifetime = 0.0
    assert caller.poll(task_id)["code"] == -22
    assert caller.get(url).status_code == 404


UNPARSABLE = [
    {"json": None, "data": b"{"},
    {"json": []},
    {"json": {"model": "nano-banana", "prompt": 7}},
    {"json": {"model": "nano-banana"}},
    {"json": {"model": "nano-banana", "prompt": "x", "urls": "http://x"}},
    {"json": {"model": "nano-banana", "prompt": "x", "shutProgress": "no"}},
]


@pytest.mark.parametrize("body", UNPARSABLE)
def test_a_body_that_cannot_be_parsed_is_minus_4(caller: Caller, emulator: Emulator, body: dict[str, Any]) -> None:
    reply = caller.session.post(emulator.url + SUBMIT, headers=caller.auth, timeout=10, **body)
    assert (reply.status_code, reply.json()["code"], emulator.tasks) == (200, -4, {})


def test_an_unknown_model_is_refused(caller: Caller) -> None:
    assert caller.order(model="nano-melon").json() == {"code": -1, "data": None, "msg": "model not found"}


def test_a_submit_beyond_the_most_open_tasks_gets_429(caller: Caller, emulator: Emulator) -> None:
    emulator.max_open, emulator.retry_after = 2, 3
    first = caller.submit("[slow 0.3]")
    caller.submit("[slow 0.3]")
    reply = caller.order()
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "3")
    caller.outcome(first)
    assert caller.order().status_code == 200
    assert (emulator.peak_open, len(emulator.tasks), emulator.received[2].status) == (2, 3, 429)


# pictures

SIZED = [*((ratio, "1K", 1) for ratio in PIXELS), ("16:9", "2K", 2), ("1:1", "4K", 4)]


@pytest.mark.parametrize(("ratio", "size", "scale"), SIZED)
def test_a_picture_has_the_asked_ratio_and_size(caller: Caller, ratio: str, size: str, scale: int) -> None:
    image = opened(caller.picture(model="nano-banana-2", aspectRatio=ratio, imageSize=size))
    wide, high = map(int, ratio.split(":"))
    assert image.format == "PNG"
    assert image.size == tuple(side * scale for side in PIXELS[ratio])
    assert image.width / image.height == pytest.approx(wide / high, rel=0.03)


@pytest.mark.parametrize("size", [(300, 200), (100, 900), (64, 64), (5000, 10)])
def test_auto_follows_the_first_reference(caller: Caller, size: tuple[int, int]) -> None:
    image = opened(caller.picture(urls=[caller.upload(png(size=size)), caller.upload(png())], aspectRatio="auto"))
    assert image.width / image.height == pytest.approx(min(8.0, max(1 / 8, size[0] / size[1])), rel=0.05)


def test_a_picture_comes_from_its_references_and_its_prompt(caller: Caller) -> None:
    photo = Path(ROOT, "grsai/demo/image/coffee.jpg").read_bytes()
    url, other = caller.upload(photo, "jpg"), caller.upload(png("blue"))
    fields = [("a", [url]), ("b", [url]), ("a", [other]), ("a", [url, other]), ("a", [])]
    shown = {opened(caller.picture(prompt, urls=urls, aspectRatio="1:1")).tobytes() for prompt, urls in fields}
    assert len(shown) == len(fields)


def test_the_same_order_makes_the_same_picture_in_another_run() -> None:
    shown = []
    for _ in range(2):
        with Emulator(seconds=0.05, seed=7) as emulator:
            caller = Caller(emulator)
            shown.append(opened(caller.picture("变成水彩画", urls=[caller.upload(png())])).tobytes())
    assert shown[0] == shown[1]


def test_paying_twice_for_the_same_brings_two_pictures(caller: Caller) -> None:
    first, second = caller.picture(), caller.picture()
    assert opened(first).tobytes() != opened(second).tobytes()


def test_cheap_pictures_have_the_right_size_and_are_files_of_their_own() -> None:
    with Emulator(seconds=0.0, render=False) as emulator:
        caller = Caller(emulator)
        first, second = caller.picture(aspectRatio="16:9"), caller.picture(aspectRatio="16:9")
    assert opened(first).size == PIXELS["16:9"] and first != second


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_a_reference_may_be_sent_inline(caller: Caller, prefix: str) -> None:
    inline = prefix + base64.b64encode(png(size=(200, 100))).decode()
    assert opened(caller.picture(urls=[inline])).size == (1456, 720)


@pytest.mark.parametrize("url", ["https://example.invalid/cat.png", "no base64!", "uploaded text"])
def test_a_bad_reference_is_not_refused_but_fails_the_task(caller: Caller, emulator: Emulator, url: str) -> None:
    task_id = caller.submit(urls=[caller.upload(b"only text") if url == "uploaded text" else url])
    view = caller.outcome(task_id)
    assert (view["status"], view["failure_reason"]) == ("failed", "error")
    assert view["error"].startswith("The image format is incorrect.")
    assert emulator.charged == 440


@pytest.mark.parametrize("prompt", ["🍌 العربية", "\ud800\x00\x07", "x" * 20_000, "字" * 500, "<b>&amp;</b>\n\nline"])
def test_any_prompt_can_be_written_on_a_picture(caller: Caller, prompt: str) -> None:
    assert opened(caller.picture(prompt)).size == (1024, 1024)


# outcomes that a prompt asks for

OUTCOMES = [
    ("[input_moderation]", "failed", "input_moderation", ""),
    ("[output_moderation]", "failed", "output_moderation", ""),
    ("[error]", "failed", "error", "google gemini timeout..."),
]


@pytest.mark.parametrize(("prompt", "status", "reason", "error"), OUTCOMES)
def test_a_prompt_can_ask_for_a_failure(caller: Caller, prompt: str, status: str, reason: str, error: str) -> None:
    view = caller.outcome(caller.submit(f"a cat {prompt}"))
    assert (view["status"], view["failure_reason"], view["error"]) == (status, reason, error)
    assert (view["results"], view["progress"]) == ([], 0)


def test_a_failure_is_not_told_before_the_end(caller: Caller) -> None:
    view = caller.poll(caller.submit("[error] [slow 5]"))["data"]
    assert (view["status"], view["failure_reason"], view["error"]) == ("running", "", "")


def test_a_prompt_can_ask_for_one_error_per_reference(caller: Caller) -> None:
    urls = [caller.upload(png("red")), caller.upload(png("blue"))]
    statuses = [[caller.outcome(caller.submit("[error once]", urls=[url]))["status"] for _ in range(3)] for url in urls]
    assert statuses == [["failed", "succeeded", "succeeded"]] * 2


def test_a_prompt_can_ask_for_no_result_and_for_no_end(caller: Caller) -> None:
    view = caller.outcome(caller.submit("[empty]"))
    assert (view["status"], view["results"], view["progress"]) == ("succeeded", [], 100)
    assert caller.poll(caller.submit("[never]"))["data"]["status"] == "running"


# money


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
    assert len(rows) == 12 and {"model", "name", "credits", "maintenance"} <= set(rows[0])


# the stream


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


# the unified generation


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


# faults


def every_step(caller: Caller, step: str) -> requests.Response:
    """One request of the step, after whatever must come before it."""
    url = caller.emulator.url
    match step:
        case "ticket":
            return caller.post(TICKET, {"sux": "png"})
        case "upload":
            ticket = caller.post(TICKET, {"sux": "png"}).json()["data"]
            form = {"token": ticket["token"], "key": ticket["key"]}
            return caller.session.post(ticket["url"], data=form, files={"file": png()}, timeout=10)
        case "submit":
            return caller.order()
        case "poll":
            return caller.post(RESULT, {"id": caller.submit()})
        case "download":
            return caller.get(f"{url}/file/{caller.emulator.tasks[finished(caller)].file}")
        case "credits":
            return caller.post("/client/openapi/getAPIKeyCredits", {"apiKey": KEY})
        case _:
            return caller.get(f"{url}/client/common/getModelStatus?model=nano-banana")


def finished(caller: Caller) -> str:
    task_id = caller.submit()
    caller.outcome(task_id)
    return task_id


UNPROCESSED = ["reset_before", "hang", "redirect", "key_refused", "unparsable", "out_of_credits", "maintenance"]
UNPROCESSED += [kind for kind in PLAIN if "submit" in FAULTS[kind]]
PROCESSED = ["reset_after", "reset_middle", "short_body", "hang_taken", "http_500_taken", "slow_headers"]
ANYWHERE = [(step, kind) for kind in PLAIN for step in FAULTS[kind]]


@pytest.mark.parametrize(("step", "kind"), ANYWHERE)
def test_a_faulty_reply_comes_once_and_then_the_step_works(caller: Caller, emulator: Emulator, step: str, kind: str) -> None:
    emulator.add(Fault(step, kind, times=1))
    reply = every_step(caller, step)
    status, content_type, text = PLAIN[kind]
    assert (reply.status_code, reply.headers["Content-Type"].split(";")[0], reply.text) == (status, content_type, text)
    assert ("Retry-After" in reply.headers) == (kind == "http_429_retry_after")
    assert [seen.fault for seen in emulator.received if seen.fault] == [kind]
    again = every_step(caller, step)
    assert again.ok and again.text != text


@pytest.mark.parametrize("kind", UNPROCESSED)
def test_a_submit_that_failed_before_processing_costs_nothing(caller: Caller, emulator: Emulator, kind: str) -> None:
    emulator.add(Fault("submit", kind, seconds=0.05))
    try:
        caller.order(allow_redirects=False)
    except NETWORK_ERRORS:
        pass
    assert (emulator.charged, emulator.tasks, emulator.count("submit")) == (0, {}, 1)


@pytest.mark.parametrize("kind", PROCESSED)
def test_a_submit_that_failed_after_processing_is_paid(caller: Caller, emulator: Emulator, kind: str) -> None:
    emulator.add(Fault("submit", kind, seconds=0.05))
    try:
        assert caller.order().status_code == (500 if kind == "http_500_taken" else 200)
    except NETWORK_ERRORS:
        assert kind in ("reset_after", "reset_middle", "short_body", "hang_taken")
    assert (emulator.charged, len(emulator.tasks)) == (440, 1)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "reset_middle", "short_body", "hang"])
def test_a_broken_connection_is_an_error_at_every_step(caller: Caller, emulator: Emulator, step: str, kind: str) -> None:
    emulator.add(Fault(step, kind, times=1, seconds=0.01))
    with pytest.raises(NETWORK_ERRORS):
        every_step(caller, step)
    assert every_step(caller, step).ok
    assert emulator.received[-1].status == 200


def test_a_short_body_promises_its_whole_length(caller: Caller, emulator: Emulator) -> None:
    task = emulator.tasks[finished(caller)]
    emulator.add(Fault("download", "short_body"))
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(f"GET /file/{task.file} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert f"Content-Length: {task.size}".encode() in head
    assert len(body) == task.size // 2


def test_a_reset_is_a_reset(emulator: Emulator) -> None:
    emulator.add(Fault("status", "reset_before"))
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(b"GET /client/common/getModelStatus?model=x HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_slow_headers_keep_the_caller_waiting(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("poll", "slow_headers", times=1, seconds=0.5))
    task_id = caller.submit()
    with pytest.raises(requests.ReadTimeout):
        caller.post(RESULT, {"id": task_id}, timeout=0.1)
    assert caller.poll(task_id)["code"] == 0


def test_a_redirect_leads_to_another_host_and_is_seen_there(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("poll", "redirect"), Fault("download", "redirect"))
    assert caller.post(RESULT, {"id": "x"}).json() == {}
    assert emulator.received[-1].step == "elsewhere" and emulator.leaks == []
    caller.get(f"{emulator.url}/elsewhere", headers=caller.auth)
    assert len(emulator.leaks) == 1
    emulator.clear_faults()
    emulator.add(Fault("download", "redirect"))
    reply = caller.get(f"{emulator.url}/file/{emulator.tasks[finished(caller)].file}")
    assert reply.url.startswith("http://localhost:") and opened(reply.content).format == "PNG"


def test_a_corrupt_download_is_never_a_whole_picture(caller: Caller, emulator: Emulator) -> None:
    task = emulator.tasks[finished(caller)]
    emulator.add(Fault("download", "corrupt", times=6))
    for _ in range(6):
        content = caller.get(f"{emulator.url}/file/{task.file}").content
        assert hashlib.sha256(content).hexdigest() != task.sha256
        with pytest.raises((OSError, SyntaxError)):
            opened(content)
    assert opened(caller.get(f"{emulator.url}/file/{task.file}").content).size == (1024, 1024)


def test_poll_faults_show_the_odd_views_of_the_contract(caller: Caller, emulator: Emulator) -> None:
    def seen(kind: str, task_id: str) -> dict[str, Any]:
        emulator.clear_faults()
        emulator.add(Fault("poll", kind))
        return caller.poll(task_id)

    done, running = finished(caller), caller.submit("[never]")
    assert seen("no_such_task", done)["code"] == -22
    assert {json.dumps(seen("empty_results", done)["data"]["results"]) for _ in range(2)} == {"[]", "null"}
    view = seen("top_level_url", done)["data"]
    assert "results" not in view and caller.get(view["url"]).ok
    stalled = seen("stall", done)["data"]
    assert (stalled["status"], stalled["progress"], stalled["results"]) == ("running", 33, None)
    assert seen("error_while_running", done)["data"]["status"] == "succeeded"
    early = seen("error_while_running", running)["data"]
    assert (early["status"], early["error"]) == ("running", "generate failed")
    assert seen("empty_results", running)["data"]["status"] == "running"
    assert seen("maintenance", done)["data"]["status"] == "succeeded"
    assert seen("maintenance", running)["data"]["error"] == "model maintenance"
    emulator.clear_faults()
    assert caller.poll(running)["data"]["status"] == "failed"


def test_a_submit_may_answer_a_bare_id(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "bare_id"))
    reply = caller.order().json()
    assert reply == {"code": 0, "msg": "success", "data": next(iter(emulator.tasks))}


def test_an_id_may_be_a_bare_uuid(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "no_prefix"))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", task_id := caller.submit())
    assert caller.outcome(task_id)["status"] == "succeeded"


def test_a_share_of_the_tasks_can_fail(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("submit", "task_output_moderation", times=1))
    assert caller.outcome(caller.submit())["failure_reason"] == "output_moderation"
    assert caller.outcome(caller.submit())["status"] == "succeeded"


def test_a_fault_strikes_as_often_as_it_says(caller: Caller, emulator: Emulator) -> None:
    def struck(fault: Fault, ids: list[str]) -> list[bool]:
        emulator.clear_faults()
        emulator.add(fault)
        return [caller.post(RESULT, {"id": task_id}).status_code == 500 for task_id in ids]

    assert struck(Fault("poll", "http_500", times=2), list("aaaa")) == [True, True, False, False]
    assert struck(Fault("poll", "http_500", after=3), list("aaaa")) == [False, False, False, True]
    assert struck(Fault("poll", "http_500", per_task=1), list("abab")) == [True, True, False, False]
    assert 30 < sum(struck(Fault("poll", "http_500", share=0.3), list("a" * 200))) < 90


def test_the_same_seed_brings_the_same_faults() -> None:
    def statuses(seed: int) -> list[int]:
        with Emulator(seed=seed, faults=[Fault("poll", "http_500", share=0.5)]) as emulator:
            caller = Caller(emulator)
            return [caller.post(RESULT, {"id": "x"}).status_code for _ in range(30)]

    assert statuses(3) == statuses(3) != statuses(4)


@pytest.mark.parametrize(("step", "kind"), [("submit", "http_418"), ("poll", "bare_id"), ("nowhere", "http_500")])
def test_a_fault_that_cannot_be_is_refused(step: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"there are|only at"):
        Fault(step, kind)


# the emulator itself


def test_what_arrived_is_on_record(caller: Caller, emulator: Emulator) -> None:
    started = time.time()
    task_id = caller.submit("a cat", urls=[caller.upload(png())])
    steps = [(seen.step, seen.method, seen.status) for seen in emulator.received]
    assert steps == [("ticket", "POST", 200), ("upload", "POST", 200), ("submit", "POST", 200)]
    ticket, upload, submit = emulator.received
    assert ticket.headers["Authorization"] == f"Bearer {KEY}" and ticket.body == {"sux": "png"}
    assert sorted(upload.body) == ["file", "key", "token"] and upload.task_id in emulator.uploads
    assert submit.body["prompt"] == "a cat" and submit.task_id == task_id
    assert all(abs(seen.time - started) < 5 for seen in emulator.received)


def test_an_unknown_route_is_404_and_on_record() -> None:
    with Emulator() as emulator:
        reply = requests.get(f"{emulator.url}/v1/draw/result", timeout=10)
        assert (reply.status_code, emulator.count("unknown")) == (404, 1)
        assert "error" in reply.json()


def test_a_process_can_be_steered_over_http(caller: Caller, emulator: Emulator) -> None:
    control = f"{emulator.url}/emulator"
    caller.submit(urls=["data:image/png;base64," + "A" * 10_000])
    record = caller.get(f"{control}/record").json()
    assert record["counts"] == {"submit": 1} and record["charged"] == 440 and len(record["tasks"]) == 1
    assert KEY not in json.dumps(record) and len(json.dumps(record)) < 5000
    faults = [{"step": "submit", "kind": "http_500"}]
    assert caller.session.post(f"{control}/faults", json=faults, timeout=10).ok
    assert caller.order().status_code == 500
    assert caller.session.post(f"{control}/faults", json=[{"step": "x"}], timeout=10).status_code == 400
    assert caller.session.post(f"{control}/reset", timeout=10).ok
    assert (emulator.received, emulator.tasks, emulator.charged, emulator.credits) == ([], {}, 0, 1_000_000)
    assert caller.order().status_code == 200


def test_reset_forgets_everything(caller: Caller, emulator: Emulator) -> None:
    url = caller.upload(png())
    caller.submit("[never]", urls=[url])
    emulator.add(Fault("submit", "http_500"))
    emulator.reset()
    assert (emulator.received, emulator.tasks, emulator.uploads, emulator.open, emulator.charged) == ([], {}, {}, 0, 0)
    assert caller.order().status_code == 200


def test_stopped_and_started_again_it_keeps_its_port_and_its_tasks(caller: Caller, emulator: Emulator) -> None:
    task_id, port = caller.submit("[slow 0.2]"), emulator.port
    failing = caller.submit("[slow 0.2] [output_moderation]")
    emulator.stop()
    with pytest.raises(requests.ConnectionError):
        caller.poll(task_id)
    emulator.start()
    assert emulator.port == port
    assert opened(caller.get(caller.outcome(task_id)["results"][0]["url"]).content)
    assert caller.outcome(failing)["failure_reason"] == "output_moderation"


def test_it_stops_at_once_although_callers_hang(emulator: Emulator) -> None:
    emulator.add(Fault("status", "hang", seconds=60))
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        connection.sendall(b"GET /client/common/getModelStatus HTTP/1.1\r\nHost: x\r\n\r\n")
        while emulator.count("status") == 0:
            time.sleep(0.01)
        started = time.monotonic()
        emulator.stop()
        assert time.monotonic() - started < 2


def test_lag_and_upload_time_are_kept(caller: Caller, emulator: Emulator) -> None:
    emulator.lag, emulator.upload_seconds = 0.1, 0.2
    started = time.monotonic()
    caller.upload(png())
    assert time.monotonic() - started >= 0.4


def test_durations_may_differ_by_model(caller: Caller, emulator: Emulator) -> None:
    emulator.seconds = {"nano-banana-2": 7.0, "nano-banana-pro": (20.0, 30.0)}
    tasks = [emulator.tasks[caller.submit(model=f"nano-banana-{name}")] for name in ("2", "pro", "fast")]
    assert tasks[0].seconds == 7.0 and 20 <= tasks[1].seconds <= 30 and tasks[2].seconds < 1


def test_a_hundred_jobs_at_once_are_open_together() -> None:
    with Emulator(seconds=0.5, render=False) as emulator, ThreadPoolExecutor(50) as pool:
        ids = list(pool.map(lambda _: Caller(emulator).submit(), range(100)))
        states = list(pool.map(lambda task_id: Caller(emulator).outcome(task_id)["status"], ids))
        assert emulator.peak_open > 50 and emulator.open == 0
    assert states == ["succeeded"] * 100 and len(set(ids)) == 100


def test_a_taken_port_is_an_error(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError):
        Emulator(port=emulator.port).start()
    for port in (emulator.port, 99_999):
        assert main(["--port", str(port)]) == 2
        assert str(port) in capsys.readouterr().err


def test_it_imports_nothing_else_of_the_project() -> None:
    tree = ast.parse(Path(emulator_module.__file__).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "." for node in imports if isinstance(node, ast.ImportFrom)}
    roots = {name.partition(".")[0] for name in names}
    assert roots - set(sys.stdlib_module_names) == {"aiohttp", "PIL"}
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in imports)


# the command


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--fault", "poll:bare_id:1"], ["--fault", "poll"]])
def test_wrong_use_of_the_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2 and "usage" in capsys.readouterr().err


def test_the_command_says_where_it_listens_and_ends_quietly() -> None:
    options = ["--seconds", "22:62", "--speed", "1000", "--fault", "submit:http_500:1:1", "--cheap", "--credits", "900"]
    flags = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
    command = [sys.executable, "-m", "grsai.emulator", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, creationflags=flags
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            url = process.stdout.readline().removeprefix("Grsai emulator on ").strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
            emulator = Emulator(port=int(url.rpartition(":")[2]))  # only its address is used
            caller = Caller(emulator)
            assert caller.order().status_code == 500
            assert caller.outcome(caller.submit())["status"] == "succeeded"
            assert [task["credits"] for task in caller.get(f"{url}/emulator/record").json()["tasks"]] == [440]
            process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
            if sys.platform != "win32":
                assert (process.wait(10), process.stderr.read()) == (0, "")
        finally:
            process.kill()
