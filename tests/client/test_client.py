"""The client: every reply variant of the contract understood, and the key sent to the API host only."""

from __future__ import annotations

import io
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from grsai.client import GrsaiClient, ModelStatus, Task
from grsai.emulator import Emulator, Fault
from grsai.errors import (
    DownloadError,
    GatewayError,
    GrsaiError,
    KeyRefused,
    LostReply,
    ModelUnavailable,
    NoSuchTask,
    NotKept,
    OutOfCredits,
    RateLimited,
    RequestRefused,
    StorageError,
    UnknownRefusal,
    Unreachable,
    WrongSetting,
)
from grsai.pictures import Encoded
from tests.client.caller import KEY, OK, TASK, hang_up, listening, settings_for, submit

PICTURE = Encoded(b"\x89PNG, more or less", "png")


# Submit


def test_a_submit_says_what_the_contract_asks_for(client: GrsaiClient, server) -> None:
    server.will_say({**OK, "data": {"id": TASK}})
    submit(client, model="nano-banana-2", prompt="像素 🍌", urls=["https://x/a.png"], aspect_ratio="16:9", image_size="2K")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/draw/nano-banana")
    assert seen.headers["Authorization"] == f"Bearer {KEY}"
    assert json.loads(seen.body) == {
        "model": "nano-banana-2",
        "prompt": "像素 🍌",
        "urls": ["https://x/a.png"],
        "aspectRatio": "16:9",
        "imageSize": "2K",
        "webHook": "-1",
        "shutProgress": False,
    }


def test_a_model_without_sizes_is_sent_none(client: GrsaiClient, server) -> None:
    server.will_say({**OK, "data": {"id": TASK}})
    submit(client)
    assert "imageSize" not in json.loads(server.seen[0].body)


def test_a_submit_over_the_unified_api_asks_for_the_id_at_once(client: GrsaiClient, server) -> None:
    server.will_say({"id": TASK, "status": "running"})
    given = {"model": "gpt-image-2.5-flare", "urls": ["https://x/a.png"], "aspect_ratio": "1024x1024", "api": "unified"}
    assert submit(client, **given, quality="high", background="transparent") == TASK
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.headers["Authorization"]) == ("POST", "/v1/api/generate", f"Bearer {KEY}")
    assert json.loads(seen.body) == {
        "model": "gpt-image-2.5-flare",
        "prompt": "a banana",
        "images": ["https://x/a.png"],
        "aspectRatio": "1024x1024",
        "quality": "high",
        "background": "transparent",
        "replyType": "async",
    }


def test_a_task_of_the_unified_api_is_asked_for_there(client: GrsaiClient, server) -> None:
    server.will_say({"id": TASK, "status": "succeeded", "progress": 100, "results": [{"url": "https://x/1.png"}]})
    server.will_say({"error": "result not exist, valid for 2 hours"}, 404)
    assert client.poll(TASK, api="unified") == Task(TASK, "succeeded", 100, ("https://x/1.png",))
    assert (server.seen[0].method, server.seen[0].path) == ("GET", f"/v1/api/result?id={TASK}")
    with pytest.raises(NoSuchTask, match="result not exist"):
        client.poll(TASK, api="unified")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {**OK, "data": {"id": TASK}}, TASK),
        (200, {**OK, "data": {"id": "5f3cf761-a4bb-486a-8016-77f490998f80"}}, "5f3cf761-a4bb-486a-8016-77f490998f80"),
        (200, {**OK, "data": TASK}, TASK),  # a bare string
        (200, {"code": "0", "data": {"id": TASK}}, TASK),
        (200, {"id": TASK, "status": "running"}, TASK),  # as the unified API says it
        (200, {**OK, "data": None, "id": TASK}, TASK),
        (200, f'data: {{"id":"{TASK}","status":"running","progress":1}}\n\n', TASK),  # a stream all the same
        (200, f'data: {{"id":"{TASK}","progress":1}}\ndata: {{"id":"{TASK}","progress":5}}\n\ndata: [DONE]\n', TASK),
        (500, {**OK, "data": {"id": TASK}}, TASK),  # an id is an id
        (201, {**OK, "data": {"id": TASK}}, TASK),
        (200, {"code": -1, "data": None, "msg": "insufficient credits"}, OutOfCredits),
        (200, {"code": -1, "data": None, "msg": "apikey credits not enough"}, OutOfCredits),
        (200, {"code": -1, "data": None, "msg": "apikey error"}, KeyRefused),
        (200, {"code": -1, "data": None, "msg": "apikey not found"}, KeyRefused),
        (200, {"code": -1, "data": None, "msg": "invalid apikey"}, KeyRefused),
        (401, {"error": "Unauthorized"}, KeyRefused),
        (403, "", KeyRefused),
        (403, "<html>403 Forbidden</html>", RequestRefused),  # a gateway that dislikes the prompt or the network
        (200, {"code": -1, "data": None, "msg": "model not found"}, ModelUnavailable),
        (200, {"code": -1, "data": None, "msg": "Upstream rate limit exceeded"}, RateLimited),
        (200, {"code": -4, "data": None, "msg": "parse body error"}, UnknownRefusal),
        (400, {"id": "", "status": "failed", "error": "bad ratio"}, UnknownRefusal),
        (404, "<html>404</html>", RequestRefused),
        (302, "", RequestRefused),
        (429, "", RateLimited),
        (502, "<html>502</html>", GatewayError),
        (503, "", GatewayError),
        (504, "<html>504</html>", GatewayError),
        (500, "Internal Server Error", LostReply),
        (524, "<html>a time-out</html>", LostReply),
        (200, "<!DOCTYPE html><html>Under construction</html>", LostReply),
        (200, "", LostReply),
        (200, '{"code":0,"msg":"success","data":{"id":"14-', LostReply),
        (200, {**OK, "data": None}, LostReply),
        (200, {**OK, "data": {}}, LostReply),
        (200, {**OK, "data": {"id": None}}, LostReply),
        (200, {**OK, "data": {"id": 17}}, "17"),
        (200, "[]", LostReply),
        (200, "null", LostReply),
        (200, b"\xff\xfe\x00", LostReply),
    ],
)
def test_every_reply_to_a_submit_is_an_id_or_the_right_error(
    client: GrsaiClient, server, status: int, body: Any, expected: Any
) -> None:
    server.will_say(body, status)
    if isinstance(expected, str):
        assert submit(client) == expected
    else:
        with pytest.raises(GrsaiError) as caught:
            submit(client)
        assert type(caught.value) is expected
    assert [seen.path for seen in server.seen].count("/v1/draw/nano-banana") == 1, "a paid request is sent once"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "The service answered with nothing."),
        (" \n", "The service answered with nothing."),
        ("<html><style>p{}</style><h1>502 Bad\nGateway</h1></html>", "no JSON (502 Bad Gateway)."),
        ("<html></html>", "The service answered with nothing."),
        ("oops", "no JSON (oops)."),
    ],
)
def test_a_reply_that_is_no_json_is_told_in_words_and_not_in_tags(client: GrsaiClient, server, body: str, said: str) -> None:
    server.will_say(body)
    with pytest.raises(LostReply) as caught:
        submit(client)
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7.0), ("0", 0.0), ("1e9", 300.0), ("-3", 0.0), ("Wed, 21 Oct 2026", None), ("nan", None)],
)
def test_retry_after_is_read_and_bounded(client: GrsaiClient, server, said: str, seconds: float | None) -> None:
    server.will_say("", 429, Retry_After=said)
    with pytest.raises(RateLimited) as caught:
        submit(client)
    assert caught.value.retry_after == seconds


def test_every_submit_goes_over_a_connection_of_its_own(client: GrsaiClient, server) -> None:
    server.will_say({**OK, "data": {"id": TASK, "status": "running"}})
    for _ in range(2):
        client.poll(TASK)
        submit(client)
    polls = {seen.port for seen in server.seen if seen.path.endswith("result")}
    submits = [seen.port for seen in server.seen if seen.path.endswith("banana")]
    assert len(polls) == 1 and len({*submits, *polls}) == 3


# Poll


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"results": None, "progress": 33, "status": "running", "failure_reason": "", "error": ""}, Task(TASK, "running", 33)),
        (
            {"results": [{"url": "https://x/1.png", "content": ""}], "progress": 100, "status": "succeeded"},
            Task(TASK, "succeeded", 100, ("https://x/1.png",)),
        ),
        (
            {"results": [{"url": "https://x/1.png"}, {"url": "https://x/2.png"}], "status": "succeeded"},
            Task(TASK, "succeeded", 0, ("https://x/1.png", "https://x/2.png")),
        ),
        (
            {"results": [], "progress": 0, "status": "failed", "failure_reason": "output_moderation", "error": ""},
            Task(TASK, "failed", 0, (), "output_moderation"),
        ),
        (
            {"status": "failed", "failure_reason": "error", "error": "google gemini timeout..."},
            Task(TASK, "failed", 0, (), "error", "google gemini timeout..."),
        ),
        ({"status": "violation"}, Task(TASK, "failed", 0, (), "output_moderation")),
        ({"status": "running", "error": "generate failed"}, Task(TASK, "running", 0, (), "", "generate failed")),
        ({"status": "succeeded", "results": []}, Task(TASK, "succeeded")),
        ({"status": "succeeded", "results": None}, Task(TASK, "succeeded")),
        ({"status": "succeeded"}, Task(TASK, "succeeded")),
        ({"status": "succeeded", "results": [], "url": "https://x/1.png"}, Task(TASK, "succeeded", 0, ("https://x/1.png",))),
        (
            {"status": "succeeded", "results": [{"url": ""}], "url": "https://x/1.png"},
            Task(TASK, "succeeded", 0, ("https://x/1.png",)),
        ),
        ({"status": "succeeded", "results": ["https://x/1.png"]}, Task(TASK, "succeeded", 0, ("https://x/1.png",))),
        ({"status": "succeeded", "results": [None, 3, {"url": "file:///etc/passwd"}]}, Task(TASK, "succeeded")),
        ({"status": "SUCCEEDED", "results": [{"url": "https://x/1.png"}]}, Task(TASK, "succeeded", 0, ("https://x/1.png",))),
        *[
            ({"status": each}, Task(TASK, "running"))
            for each in ("pending", "queued", "submitted", "in_progress", "processing", "", None)
        ],
        ({"status": "running", "progress": "57"}, Task(TASK, "running", 57)),
        ({"status": "running", "progress": 250}, Task(TASK, "running", 100)),
        ({"status": "running", "progress": None}, Task(TASK, "running", 0)),
        ({"status": "running", "progress": float("nan")}, Task(TASK, "running", 0)),
        ({"status": "running", "progress": float("inf")}, Task(TASK, "running", 0)),
        ({"status": "running", "progress": "soon"}, Task(TASK, "running", 0)),
    ],
)
def test_every_reply_to_a_poll_is_understood(client: GrsaiClient, server, data: dict[str, Any], expected: Task) -> None:
    server.will_say({**OK, "data": {"id": TASK, **data}})
    assert client.poll(TASK) == expected
    assert json.loads(server.seen[0].body) == {"id": TASK}


@pytest.mark.parametrize("code", [-22, "-22"])
def test_an_unknown_task_is_its_own_error(client: GrsaiClient, server, code: Any) -> None:
    server.will_say({"code": code, "data": None, "msg": "task not exist"})
    with pytest.raises(NoSuchTask, match="task not exist"):
        client.poll(TASK)


def test_an_address_beside_the_task_is_its_picture_where_the_task_names_none(client: GrsaiClient, server) -> None:
    done = {"id": TASK, "status": "succeeded", "progress": 100}
    server.will_say({**OK, "url": "https://x/1.png", "data": {**done, "results": [], "url": ""}})
    server.will_say({**OK, "url": "https://x/1.png", "data": {**done, "results": [{"url": "https://x/2.png"}]}})
    assert client.poll(TASK).urls == ("https://x/1.png",)
    assert client.poll(TASK).urls == ("https://x/2.png",)


def test_a_flat_reply_to_a_poll_is_understood(client: GrsaiClient, server) -> None:
    server.will_say({"id": TASK, "status": "succeeded", "progress": 100, "results": [{"url": "https://x/1.png"}]})
    assert client.poll(TASK) == Task(TASK, "succeeded", 100, ("https://x/1.png",))


# Credits and status


@pytest.mark.parametrize(
    ("own", "account", "expected"),
    [
        ({**OK, "data": {"credits": 10000}}, {**OK, "data": {"credits": 0}}, 10000),
        ({**OK, "data": {"credits": "10000"}}, {**OK, "data": {"credits": 20000}}, 10000),
        ({**OK, "data": {"credits": 10000}}, {**OK, "data": {"credits": 5000}}, 5000),
        ({**OK, "data": {"credits": 10000}}, None, 10000),
        ({**OK, "data": {"credits": 0}}, {**OK, "data": {"credits": 5000}}, 5000),
        ({**OK, "data": {"credits": 0}}, {**OK, "data": {"credits": "5000.0"}}, 5000),
        ({**OK, "data": {"credits": 0}}, {**OK, "data": {"credits": 0}}, 0),
        ({**OK, "data": None}, {**OK, "data": {"credits": 5000}}, 5000),
    ],
)
def test_the_balance_is_the_lower_of_the_keys_own_and_the_accounts(
    client: GrsaiClient, server, own: Any, account: Any, expected: int
) -> None:
    server.will_say(own)
    server.will_say(account)
    assert client.credits() == expected
    assert len(server.seen) == 2


@pytest.mark.parametrize("data", [None, {}, [], {"credits": None}, {"credits": ""}, {"credits": "x"}, {"credits": float("nan")}])
def test_a_balance_without_a_number_is_unknown_and_not_zero(client: GrsaiClient, server, data: Any) -> None:
    server.will_say({**OK, "data": {"credits": 0}})
    server.will_say({**OK, "data": data})
    with pytest.raises(LostReply, match="how many credits"):
        client.credits()


def test_a_balance_that_cannot_be_asked_is_an_error(client: GrsaiClient, server) -> None:
    server.will_say("<html></html>")
    with pytest.raises(LostReply):
        client.credits()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"status": True, "error": ""}, ModelStatus(True)),
        ({"status": False, "error": "model maintenance"}, ModelStatus(False, "model maintenance")),
        ({"status": None}, ModelStatus(False)),
    ],
)
def test_the_status_of_a_model_needs_no_key(client: GrsaiClient, server, data: Any, expected: ModelStatus) -> None:
    server.will_say({**OK, "data": data})
    assert client.model_status("nano-banana-2") == expected
    assert server.seen[0].path == "/client/common/getModelStatus?model=nano-banana-2"
    assert "Authorization" not in server.seen[0].headers


# Upload


def test_an_upload_takes_a_ticket_sends_the_file_and_returns_its_address(emulator: Emulator) -> None:
    with GrsaiClient(settings_for(emulator.url)) as client:
        url = client.upload(PICTURE)
    ticket, upload = emulator.received
    assert (ticket.step, ticket.body, upload.step, sorted(upload.body)) == (
        "ticket",
        {"sux": "png"},
        "upload",
        ["file", "key", "token"],
    )
    (key,) = emulator.uploads
    assert url == f"{emulator.url}/files/{key}" and key.endswith(".png")
    assert "Authorization" in ticket.headers and "Authorization" not in upload.headers


@pytest.mark.parametrize("ticket", [{}, {"token": "t"}, [], None, "x"])
def test_a_ticket_that_is_none_can_be_asked_for_again(client: GrsaiClient, server, ticket: Any) -> None:
    server.will_say({**OK, "data": ticket})
    with pytest.raises(LostReply):
        client.upload(PICTURE)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, StorageError),
        (403, StorageError),
        (404, StorageError),
        (302, StorageError),
        (500, StorageError),
        (502, GatewayError),
        (429, RateLimited),
    ],
)
def test_a_storage_that_refuses_says_nothing_about_the_key(
    client: GrsaiClient, server, status: int, expected: type[GrsaiError]
) -> None:
    ticket = {"token": "t", "key": "k.png", "url": f"{server.url}/storage", "domain": "https://files.example"}
    server.will_say({**OK, "data": ticket})
    server.will_say("no", status)
    with pytest.raises(GrsaiError) as caught:
        client.upload(PICTURE)
    assert type(caught.value) is expected
    assert "Authorization" not in server.seen[1].headers


def test_a_picture_that_the_storage_finds_too_large_is_not_sent_again(client: GrsaiClient, server) -> None:
    ticket = {"token": "t", "key": "k.png", "url": f"{server.url}/storage", "domain": "https://files.example"}
    server.will_say({**OK, "data": ticket})
    server.will_say("no", 413)
    with pytest.raises(RequestRefused, match="Make it smaller"):
        client.upload(PICTURE)


@pytest.mark.parametrize(("suffix", "kind"), [("png", "image/png"), ("jpg", "image/jpeg"), ("webp", "image/webp")])
def test_the_storage_is_told_what_kind_of_picture_it_gets(client: GrsaiClient, server, suffix: str, kind: str) -> None:
    """Else it may hand the picture out as text, and the service finds that its format is incorrect."""
    ticket = {"token": "t", "key": f"k.{suffix}", "url": f"{server.url}/storage", "domain": "https://files.example"}
    server.will_say({**OK, "data": ticket})
    server.will_say({})
    client.upload(Encoded(b"picture", suffix))
    assert f"Content-Type: {kind}\r\n\r\npicture".encode() in server.seen[1].body


def test_any_2xx_of_the_storage_is_a_success(client: GrsaiClient, server) -> None:
    ticket = {"token": "t", "key": "k.png", "url": f"{server.url}/storage", "domain": "https://files.example/"}
    server.will_say({**OK, "data": ticket})
    server.will_say("<html>fine</html>", 204)
    assert client.upload(PICTURE) == "https://files.example/k.png"


# Download


def download(client: GrsaiClient, url: str) -> bytes:
    file = io.BytesIO()
    assert client.download(url, file) == len(file.getvalue())
    return file.getvalue()


def test_a_download_is_the_bytes_as_they_are_and_without_the_key(client: GrsaiClient, server) -> None:
    content = bytes(range(256)) * 1000
    server.will_say(content)
    assert download(client, f"{server.url}/x.png") == content
    assert "Authorization" not in server.seen[0].headers


@pytest.mark.parametrize("status", [204, 206, 403, 404, 500])
def test_a_picture_that_is_not_there_is_an_error_that_may_pass(client: GrsaiClient, server, status: int) -> None:
    server.will_say(b"" if status == 204 else b"x", status)
    with pytest.raises(DownloadError) as caught:
        download(client, f"{server.url}/x.png")
    assert type(caught.value) is DownloadError


@pytest.mark.parametrize("told", [True, False])
def test_a_picture_that_is_too_large_is_left_there(server, told: bool) -> None:
    server.will_say(b"x" * 300_000, **({} if told else {"Connection": "close", "Content_Length": "300000"}))
    with GrsaiClient(settings_for(server.url, max_result_mb=0.1)) as client:
        file = io.BytesIO()
        with pytest.raises(NotKept, match="larger than"):
            client.download(f"{server.url}/x.png", file)
        assert len(file.getvalue()) <= 0.1 * 2**20 + (1 << 16)


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/x.png",
        "ftp://files.example/x.png",
        "file:///etc/passwd",
        "http://192.168.0.1/x.png",
        "//x",
        "",
        "None",
    ],
)
def test_only_https_is_fetched(client: GrsaiClient, server, url: str) -> None:
    with pytest.raises(NotKept, match="not safe"):
        download(client, url)
    assert not server.seen


NO_ADDRESS = ["https://[", "http://[", "https://[::1", "https://ex\u2100mple.com/a.png", "https://\ud800/a.png", "https://"]


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_an_address_that_is_none_is_an_error_of_ours(client: GrsaiClient, server, url: str) -> None:
    with pytest.raises(DownloadError):
        client.download(url, io.BytesIO())
    server.will_say({**OK, "data": {"token": "t", "key": "k.png", "url": url, "domain": "https://files.example"}})
    with pytest.raises(GrsaiError):
        client.upload(PICTURE)


@pytest.mark.parametrize("url", ["https://[", "//[", "\xff\xfe", "https://", "ftp://x/a.png"])
def test_a_redirect_that_leads_nowhere_is_an_error_of_ours(client: GrsaiClient, server, url: str) -> None:
    server.will_say("", 302, Location=url)
    with pytest.raises(DownloadError):
        client.download(f"{server.url}/a.png", io.BytesIO())


def test_half_a_letter_in_a_reply_becomes_a_whole_one(client: GrsaiClient, server) -> None:
    server.will_say('{"code":0,"data":{"id":"14-x\\ud83d","status":"failed","error":"a \\ud83d, a \\ud83c\\udf4c"}}')
    assert submit(client) == "14-x?"
    assert client.poll(TASK).error == "a ?, a 🍌"


def test_a_real_service_cannot_send_us_to_this_machine() -> None:
    with GrsaiClient(settings_for("overseas")) as client, pytest.raises(NotKept, match="not safe"):
        download(client, "http://127.0.0.1:9/x.png")


@pytest.mark.parametrize("kind", ["short_body", "reset_middle", "reset_before", "hang"])
def test_a_picture_that_breaks_off_is_an_error(emulator: Emulator, kind: str) -> None:
    with GrsaiClient(settings_for(emulator.url, read_seconds=0.3)) as client:
        task = submit(client)
        while not (found := client.poll(task)).urls:
            pass
        emulator.add(Fault("download", kind, seconds=1))
        with pytest.raises(DownloadError, match="did not arrive"):
            download(client, found.urls[0])


# What reached the service and what did not


def test_a_refused_connection_was_surely_not_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with GrsaiClient(settings_for(f"http://127.0.0.1:{free.getsockname()[1]}")) as client, pytest.raises(Unreachable):
            submit(client)


def test_an_unknown_host_was_surely_not_sent() -> None:
    with GrsaiClient(settings_for("https://grsai.invalid", proxy=False)) as client, pytest.raises(Unreachable):
        submit(client)


def read_and_close(connection: socket.socket) -> None:
    connection.recv(10_000)


def read_and_reset(connection: socket.socket) -> None:
    connection.recv(10_000)
    hang_up(connection)


def answer_nonsense(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("answer", [read_and_close, read_and_reset, answer_nonsense])
def test_a_tls_handshake_that_fails_was_surely_not_sent(answer: Any) -> None:
    with listening(answer) as address, GrsaiClient(settings_for(f"https://{address}")) as client:
        with pytest.raises(Unreachable, match="cannot be reached"):
            submit(client)


def answer_half(connection: socket.socket) -> None:
    connection.recv(10_000)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"code":0')


def answer_no_http(connection: socket.socket) -> None:
    connection.recv(10_000)
    connection.sendall(b"\0\1\2 what is this\r\n\r\n")


@pytest.mark.parametrize("answer", [read_and_close, read_and_reset, answer_half, answer_no_http])
def test_a_reply_that_breaks_off_may_have_been_sent(answer: Any) -> None:
    with listening(answer) as address, GrsaiClient(settings_for(f"http://{address}")) as client:
        with pytest.raises(LostReply, match="gave no reply"):
            submit(client)


@pytest.mark.parametrize("kind", ["hang", "hang_taken", "slow_headers"])
def test_a_reply_that_comes_too_late_may_have_been_sent(emulator: Emulator, kind: str) -> None:
    emulator.add(Fault("submit", kind, seconds=1))
    with GrsaiClient(settings_for(emulator.url, read_seconds=0.2)) as client, pytest.raises(LostReply):
        submit(client)


# Proxies


def refuse_tunnel(connection: socket.socket) -> None:
    connection.recv(10_000)
    connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


def open_tunnel_and_wait(connection: socket.socket) -> None:
    connection.recv(10_000)
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    connection.recv(10_000)  # the beginning of the handshake, then the end of it


@pytest.mark.parametrize("answer", [refuse_tunnel, open_tunnel_and_wait, read_and_reset, read_and_close])
def test_a_proxy_that_fails_to_connect_has_sent_nothing(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    asked: list[bytes] = []

    def note(connection: socket.socket) -> None:
        asked.append(connection.recv(10_000, socket.MSG_PEEK))
        answer(connection)

    with listening(note) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        with GrsaiClient(settings_for("https://grsai.invalid")) as client, pytest.raises(Unreachable):
            submit(client)
    assert asked[0].startswith(b"CONNECT grsai.invalid:443")
    assert KEY.encode() not in b"".join(asked)


def test_the_proxy_of_the_system_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[socket.socket] = []
    with listening(asked.append) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        with GrsaiClient(settings_for("https://grsai.invalid", proxy=False)) as client, pytest.raises(Unreachable):
            submit(client)
    assert not asked


def test_an_emulator_on_this_machine_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    asked: list[socket.socket] = []
    with listening(asked.append) as address:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://{address}")
        with GrsaiClient(settings_for(emulator.url)) as client:
            client.upload(PICTURE)
            submit(client)
            client.credits()
    assert not asked and emulator.count("submit") == 1


# The key


def test_a_netrc_of_the_user_replaces_no_key_and_goes_nowhere(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with GrsaiClient(settings_for(emulator.url)) as client:
        client.upload(PICTURE)
        task = submit(client)
        while not (found := client.poll(task)).urls:
            pass
        download(client, found.urls[0])
        client.model_status("nano-banana")
    sent = {seen.step: seen.headers.get("Authorization") for seen in emulator.received}
    assert sent == {
        **dict.fromkeys(("ticket", "submit", "poll"), f"Bearer {KEY}"),
        **dict.fromkeys(("upload", "download", "status")),
    }


@pytest.mark.parametrize("step", ["ticket", "submit", "poll", "credits", "status"])
def test_the_key_does_not_follow_a_redirect(emulator: Emulator, step: str) -> None:
    emulator.add(Fault(step, "redirect"))
    calls = {
        "ticket": lambda: client.upload(PICTURE),
        "submit": lambda: submit(client),
        "poll": lambda: client.poll(TASK),
        "credits": lambda: client.credits(),
        "status": lambda: client.model_status("nano-banana"),
    }
    with GrsaiClient(settings_for(emulator.url)) as client, pytest.raises(RequestRefused, match="HTTP 302"):
        calls[step]()
    assert emulator.count("elsewhere") == 0


def test_a_picture_may_lie_behind_a_redirect(emulator: Emulator) -> None:
    with GrsaiClient(settings_for(emulator.url)) as client:
        task = submit(client)
        while not (found := client.poll(task)).urls:
            pass
        emulator.add(Fault("download", "redirect"))
        assert download(client, found.urls[0]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "url",
    [
        "http://grsaiapi.com",
        "http://192.168.0.7:8000",
        "http://127.0.0.1.example",
        "ftp://grsaiapi.com",
        "grsaiapi.com",
        "https://",
        "",
    ],
)
def test_a_host_that_would_get_the_key_unprotected_is_refused(url: str) -> None:
    with pytest.raises(WrongSetting):
        settings_for(url)


@pytest.mark.parametrize("url", ["https://user:password@grsaiapi.com", "https://grsaiapi.com?x=1"])
def test_a_host_is_an_address_and_nothing_else(url: str) -> None:
    with pytest.raises(WrongSetting):
        settings_for(url)


def test_a_task_of_another_host_is_asked_for_there_with_the_same_key(server, emulator: Emulator) -> None:
    server.will_say({**OK, "data": {"id": TASK, "status": "running"}})
    with GrsaiClient(settings_for(emulator.url)) as client:
        assert client.at(emulator.url) is client
        assert client.at(server.url) is client.at(server.url)
        client.at(server.url).poll(TASK)
    assert server.seen[0].headers["Authorization"] == f"Bearer {KEY}"
    assert not emulator.received


def test_an_unsafe_host_of_a_ledger_gets_no_key(emulator: Emulator) -> None:
    with GrsaiClient(settings_for(emulator.url)) as client, pytest.raises(WrongSetting):
        client.at("http://evil.example")


def test_threads_share_a_client(emulator: Emulator) -> None:
    with GrsaiClient(settings_for(emulator.url)) as client, ThreadPoolExecutor(8) as pool:
        tasks = list(pool.map(lambda number: submit(client, prompt=f"{number}"), range(24)))
        assert [client.poll(task).id for task in tasks] == tasks
    assert {emulator.tasks[task].prompt for task in tasks} == {str(number) for number in range(24)}
