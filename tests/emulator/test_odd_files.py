"""Result files that are no plain PNG, and replies that drip or never end."""

from __future__ import annotations

import hashlib
import io
import socket
import struct
import time
import warnings

import pytest
import requests
from PIL import Image, ImageOps, features

from grsai.emulator import Emulator, Fault
from grsai.emulator.formats import MANY_PIXELS
from tests.emulator.caller import NETWORK_ERRORS, SUBMIT, Caller, finished, opened

WHOLE = {
    "avif": "AVIF",
    "bmp": "BMP",
    "gif": "GIF",
    "jpeg": "JPEG",
    "jpeg2000": "JPEG2000",
    "tiff": "TIFF",
    "webp": "WEBP",
    "cmyk": "JPEG",
    "broken_exif": "JPEG",
    "rgba": "PNG",
    "sixteen_bit": "PNG",
    "large": "PNG",
}


def sent(caller: Caller, fault: Fault) -> bytes:
    task = caller.emulator.tasks[finished(caller)]
    caller.emulator.add(fault)
    reply = caller.get(f"{caller.emulator.url}/file/{task.file}")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "image/png")
    assert (task.sha256, task.size) == (hashlib.sha256(reply.content).hexdigest(), len(reply.content))
    return reply.content


@pytest.mark.parametrize("kind", WHOLE)
def test_a_result_may_be_a_whole_file_of_another_format(caller: Caller, kind: str) -> None:
    if not features.check("avif") and kind == "avif":
        pytest.skip("this Pillow reads no AVIF")
    image = Image.open(io.BytesIO(sent(caller, Fault("download", kind, size=2 << 20))))
    assert (image.format, image.size) == (WHOLE[kind], (1024, 1024))
    image.load()
    modes = {"cmyk": "CMYK", "rgba": "RGBA", "sixteen_bit": "I;16", "gif": "P"}
    assert image.mode == modes.get(kind, "RGB")


def test_a_result_with_broken_exif_can_be_read_but_not_turned(caller: Caller) -> None:
    image = Image.open(io.BytesIO(sent(caller, Fault("download", "broken_exif"))))
    image.load()
    assert image.getexif()[0x0112] == 6
    with pytest.raises(struct.error):
        ImageOps.exif_transpose(image)


def test_a_result_may_be_larger_than_any_limit(caller: Caller) -> None:
    assert len(sent(caller, Fault("download", "large", size=30 << 20))) >= 30 << 20


def test_a_result_may_have_more_pixels_than_pillow_likes(caller: Caller) -> None:
    content = sent(caller, Fault("download", "many_pixels"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        assert Image.open(io.BytesIO(content)).size == MANY_PIXELS


def test_a_result_may_hold_a_text_that_pillow_refuses(caller: Caller) -> None:
    content = sent(caller, Fault("download", "long_chunk"))
    with pytest.raises(ValueError, match="too large"):
        Image.open(io.BytesIO(content)).load()


# replies that drip or never end


@pytest.mark.parametrize("kind", ["drip_head", "drip_body"])
def test_a_reply_that_drips_is_whole_in_the_end(caller: Caller, emulator: Emulator, kind: str) -> None:
    emulator.add(Fault("submit", kind, seconds=0.001), Fault("poll", kind, seconds=0.001))
    started = time.monotonic()
    reply = caller.order()
    assert time.monotonic() - started >= 0.001 * len(reply.content) and reply.headers["Content-Type"].startswith(
        "application/json"
    )
    assert caller.poll(reply.json()["data"]["id"])["code"] == 0


@pytest.mark.parametrize("kind", ["drip_head", "drip_body"])
def test_a_picture_may_drip(kind: str) -> None:
    with Emulator(seconds=0.0, render=False) as emulator:
        assert opened(sent(Caller(emulator), Fault("download", kind, seconds=0.0))).size == (1024, 1024)


def test_dripping_begins_with_the_first_header_or_with_the_body(emulator: Emulator) -> None:
    def first(kind: str) -> bytes:
        emulator.clear_faults()
        emulator.add(Fault("status", kind, seconds=30))
        with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
            connection.sendall(b"GET /client/common/getModelStatus HTTP/1.1\r\nHost: x\r\n\r\n")
            found = connection.recv(1)
            connection.settimeout(0.3)
            try:
                while more := connection.recv(10_000):
                    found += more
            except TimeoutError:
                pass
            return found

    assert first("drip_head") == b"H"
    head, _, body = first("drip_body").partition(b"\r\n\r\n")
    assert b"Content-Length: " in head and body == b"{"


@pytest.mark.parametrize("step", ["submit", "download"])
def test_a_reply_may_have_no_end(caller: Caller, emulator: Emulator, step: str) -> None:
    task = emulator.tasks[finished(caller)]
    emulator.add(Fault(step, "endless", seconds=30))
    if step == "submit":
        reply = caller.post(SUBMIT, {"model": "nano-banana-fast", "prompt": "x", "webHook": "-1"}, stream=True)
    else:
        reply = requests.get(f"{emulator.url}/file/{task.file}", stream=True, timeout=10)
    with reply:
        content = reply.raw.read(5 << 20)
    assert len(content) == 5 << 20 and content.startswith(b'{"code":' if step == "submit" else b"\x89PNG\r\n\x1a\n")
    assert len(emulator.tasks) == (2 if step == "submit" else 1)


@pytest.mark.parametrize("step", ["status", "download"])
def test_a_reply_may_unpack_to_far_more_than_was_sent(caller: Caller, emulator: Emulator, step: str) -> None:
    task = emulator.tasks[finished(caller)]
    emulator.add(Fault(step, "bomb", size=20 << 20))
    path = "/client/common/getModelStatus?model=nano-banana" if step == "status" else f"/file/{task.file}"
    with caller.get(emulator.url + path, stream=True) as reply:
        packed = int(reply.headers["Content-Length"])
        content = reply.content
    assert len(content) >= 20 << 20 and packed < len(content) / 20
    if step == "status":
        assert reply.json()["data"] == {"status": True, "error": ""}


def test_an_endless_reply_is_cut_in_the_end(caller: Caller, emulator: Emulator) -> None:
    emulator.add(Fault("status", "endless", seconds=0.05))
    with pytest.raises(NETWORK_ERRORS):
        caller.get(f"{emulator.url}/client/common/getModelStatus?model=x")
