"""Nothing that the service sends is without an end: not its size, not its time, not its texts."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from grsai.client import GrsaiClient, Task
from grsai.errors import DownloadError, GrsaiError, LostReply, RequestRefused, TooLarge
from grsai.pictures import Encoded
from tests.client.caller import OK, TASK, listening, settings_for, submit

CALLS: dict[str, Callable[[GrsaiClient], object]] = {
    "ticket": lambda client: client.upload(Encoded(b"\x89PNG", "png")),
    "poll": lambda client: client.poll(TASK),
    "unified poll": lambda client: client.poll(TASK, api="unified"),
    "balance": lambda client: client.balance(),
    "status": lambda client: client.model_status("nano-banana"),
    "list": lambda client: client.model_list(),
    "submit": submit,
    "unified submit": lambda client: submit(client, api="unified"),
}
SHORT = {name: call for name, call in CALLS.items() if "submit" not in name}


def a_client(address: str, **settings: Any) -> GrsaiClient:
    return GrsaiClient(settings_for(f"http://{address}", **settings))


def one_after_another(head: bytes, byte: bytes = b"x", *, seconds: float = 0.05) -> Callable[[socket.socket], None]:
    """Says `head`, and then a byte after another without an end."""

    def answer(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(head)
        while True:
            connection.sendall(byte)
            time.sleep(seconds)

    return answer


HEADERS = b"HTTP/1.1 200 OK\r\nX: "
BODY = b'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{"code":0,"data":{"a":"'


@pytest.mark.parametrize("head", [HEADERS, BODY], ids=["headers", "body"])
@pytest.mark.parametrize("call", SHORT.values(), ids=list(SHORT))
def test_a_reply_that_drips_ends_with_its_time(call, head: bytes) -> None:
    with (
        listening(one_after_another(head)) as address,
        a_client(address, read_seconds=0.3) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(GrsaiError, match="takes too long|no reply in time"):
            call(client)
        assert time.monotonic() - begun < 8


@pytest.mark.parametrize("head", [HEADERS, BODY.replace(b'{"code"', b"x")], ids=["headers", "body"])
def test_a_picture_that_drips_ends_with_its_time(head: bytes) -> None:
    with (
        listening(one_after_another(head)) as address,
        a_client(address, read_seconds=0.3) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(DownloadError, match="takes too long|no reply in time"):
            client.download(f"http://{address}/a.png", io.BytesIO())
        assert time.monotonic() - begun < 8


def test_a_slow_picture_that_goes_on_arrives() -> None:
    content = bytes(range(256)) * 160

    def answer(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content))
        for place in range(0, len(content), 4096):
            connection.sendall(content[place : place + 4096])
            time.sleep(0.15)

    with listening(answer) as address, a_client(address, read_seconds=1) as client:
        file = io.BytesIO()
        assert client.download(f"http://{address}/a.png", file) == len(content)
    assert file.getvalue() == content


def test_the_reply_to_a_submit_is_waited_for_while_it_comes() -> None:
    """To give up on it may cost a picture: it may take longer than another one."""
    body = json.dumps({**OK, "data": {"id": TASK}}).encode()

    def answer(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for place in range(0, len(body), 4):
            connection.sendall(body[place : place + 4])
            time.sleep(0.12)

    with listening(answer) as address, a_client(address, read_seconds=1) as client:
        assert submit(client) == TASK


@pytest.mark.parametrize("api", ["legacy", "unified"])
def test_the_id_in_a_reply_that_breaks_off_is_an_id(api: Any) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"code":0,"data":{"id":"%s","sta' % TASK.encode())

    with listening(answer) as address, a_client(address) as client:
        assert submit(client, api=api) == TASK


@pytest.mark.parametrize("hint", [b"103 Early Hints\r\nLink: </a.css>", b"102 Processing", b"100 Continue"])
@pytest.mark.parametrize("call", ["submit", "poll"])
def test_what_is_said_before_the_reply_is_passed_over(hint: bytes, call: str) -> None:
    body = json.dumps({**OK, "data": {"id": TASK, "status": "running"}}).encode()

    def answer(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 %s\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (hint, len(body)) + body)

    with listening(answer) as address, a_client(address) as client:
        assert CALLS[call](client) == (TASK if call == "submit" else Task(TASK, "running"))


def endless(connection: socket.socket) -> None:
    connection.recv(10_000)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    block = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    for _ in range(2000):
        connection.sendall(block)


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_a_reply_without_an_end_is_read_to_a_limit(call) -> None:
    settings = {"max_result_mb": 1, "read_seconds": 20}
    with listening(endless) as address, a_client(address, **settings) as client:
        with pytest.raises(LostReply, match="replies without an end"):
            call(client)


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_a_reply_that_unpacks_to_too_much_is_read_to_a_limit(server, call) -> None:
    server.will_say(gzip.compress(b" " * (40 << 20), 1), Content_Encoding="gzip")
    with GrsaiClient(settings_for(server.url, max_result_mb=1)) as client, pytest.raises(LostReply, match="without an end"):
        call(client)


def test_a_picture_that_is_too_large_says_which_setting_it_is(server) -> None:
    server.will_say(b"x" * 300_000)
    with GrsaiClient(settings_for(server.url, max_result_mb=0.1)) as client:
        with pytest.raises(TooLarge, match="Raise max_result_mb") as caught:
            client.download(f"{server.url}/x.png", io.BytesIO())
    assert caught.value.lasting


EVIL = "\x1b]0;owned\x07\x1b[2J\u202eYour key was stolen\n" * 100


@pytest.mark.parametrize("api", ["legacy", "unified"])
def test_what_the_service_says_is_one_harmless_line(client: GrsaiClient, server, api: Any) -> None:
    server.will_say({"code": -1, "msg": EVIL, "error": EVIL}, 200 if api == "legacy" else 400)
    server.will_say({**OK, "data": {"id": TASK, "status": "failed", "failure_reason": EVIL, "error": EVIL}})
    with pytest.raises(RequestRefused) as caught:
        submit(client, api=api)
    task = client.poll(TASK, api=api)
    for text in (str(caught.value), caught.value.say("zh"), task.error, task.reason):
        assert "Your key was stolen" in text and text.isprintable() and len(text) < 500


def test_an_id_of_any_length_is_none(client: GrsaiClient, server) -> None:
    server.will_say({**OK, "data": {"id": "x" * 100_000}})
    with pytest.raises(LostReply, match="without a task id") as caught:
        submit(client)
    assert len(str(caught.value)) < 500


def test_a_task_has_so_many_pictures_and_no_more(client: GrsaiClient, server) -> None:
    rows = [{"url": f"https://x/{number}.png"} for number in range(1000)]
    server.will_say({**OK, "data": {"id": TASK, "status": "succeeded", "results": rows}})
    assert client.poll(TASK).urls == tuple(f"https://x/{number}.png" for number in range(16))


def test_a_download_is_led_on_so_often_and_no_more(client: GrsaiClient, server) -> None:
    server.will_say("", 302, Location=f"{server.url}/again")
    with pytest.raises(DownloadError, match="again and again"):
        client.download(f"{server.url}/a.png", io.BytesIO())
    assert len(server.seen) == 6


@pytest.mark.parametrize(
    "where", ["http://files.example/x.png", "http://192.168.0.1/x.png", "ftp://127.0.0.1/x", "file:///etc/passwd"]
)
def test_a_redirect_to_an_address_that_is_not_safe_is_not_asked(where: str) -> None:
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        asked.append(connection.recv(10_000))
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())

    with listening(answer) as address, a_client(address) as client:
        with pytest.raises(DownloadError, match="not safe"):
            client.download(f"http://{address}/x.png", io.BytesIO())
    assert len(asked) == 1


def test_a_disk_that_is_full_is_no_matter_of_the_network(client: GrsaiClient, server) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    server.will_say(b"x" * 1000)
    with pytest.raises(OSError, match="No space"), contextlib.closing(Full()) as file:
        client.download(f"{server.url}/x.png", file)
