"""The pictures that come out."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from grsai.emulator import Emulator
from grsai.emulator.models import NANO_PIXELS as PIXELS
from tests.emulator.caller import ROOT, Caller, opened, png

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
