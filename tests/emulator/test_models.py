"""The models: what is sold on which generation, at which price, in which pixels."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
import requests
from PIL import Image, ImageChops, ImageStat

from grsai.emulator import MODELS, Drift, Emulator
from tests.emulator.caller import Caller, opened, png

LISTS = ("/client/serverGrsai/getModelList", "/client/serverGrsai/getModelListV2")
UNIFIED_ONLY = [name for name, model in MODELS.items() if model.unified_only]
PIXELS_ONLY = ["gpt-image-2-vip", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst"]


def rows(emulator: Emulator) -> dict[str, dict[str, Any]]:
    """The newer list, by name; the older one says the same."""
    old, new = (requests.post(emulator.url + path, json={}, timeout=10).json()["data"] for path in LISTS)
    assert [(row["model"], row["credits"], row["maintenance"]) for row in old] == [
        (row["name"], row["cost"], row["maintenance"]) for row in new["list"]
    ]
    return {row["name"]: row for row in new["list"]}


def test_the_list_needs_no_key_and_tells_prices_and_kinds(emulator: Emulator) -> None:
    listed = rows(emulator)
    assert listed["nano-banana-fast"]["cost"] == 440 and listed["gpt-image-2.5-sunburst"]["cost"] == 2400
    assert {row["type"] for row in listed.values()} == {"image", "video"}
    told = {"name", "type", "cost", "costType", "desc", "closeModel", "maintenance", "errorReturn", "violationReturn", "group"}
    assert all(set(row) == told for row in listed.values())


def test_prices_can_be_set_and_new_models_added() -> None:
    with Emulator(seconds=0.05, prices={"nano-banana-fast": 500, "nano-banana-9": 700, "gpt-image-9": 800}) as emulator:
        caller = Caller(emulator)
        assert [rows(emulator)[name]["cost"] for name in ("nano-banana-fast", "nano-banana-9", "gpt-image-9")] == [500, 700, 800]
        caller.submit()
        caller.submit(model="nano-banana-9", imageSize="4K")
        assert caller.generate(model="gpt-image-9", aspectRatio="1024x1024").ok
        assert emulator.charged == 2000
        emulator.change("nano-banana-9", credits=1)
        caller.submit(model="nano-banana-9")
        assert emulator.charged == 2001
        emulator.reset()
        assert rows(emulator)["nano-banana-9"]["cost"] == 700


@pytest.mark.parametrize("name", UNIFIED_ONLY)
def test_the_newer_models_are_sold_on_the_unified_generation_alone(caller: Caller, emulator: Emulator, name: str) -> None:
    assert caller.order(model=name).json() == {"code": -1, "data": None, "msg": "model not found"}
    assert caller.generate(model=name).status_code == 200 and emulator.charged == MODELS[name].credits


def test_a_video_is_no_picture(caller: Caller) -> None:
    assert caller.order(model="veo-3-fast").json()["msg"] == "model not found"
    assert caller.generate(model="veo-3-fast").json()["error"] == "model not register"


def test_a_closed_model_and_one_in_maintenance_are_refused_and_listed_so(caller: Caller, emulator: Emulator) -> None:
    emulator.change("nano-banana-fast", closed=True)
    emulator.change("nano-banana-2", maintenance=True)
    assert caller.order().json()["msg"] == "model closed"
    assert caller.generate().json() == {"id": "", "status": "failed", "error": "model closed"}
    assert caller.order(model="nano-banana-2").json()["msg"] == "model maintenance"
    assert caller.generate(model="nano-banana-2").json()["error"] == "model maintenance"
    listed, status = rows(emulator), emulator.url + "/client/common/getModelStatus"
    assert [listed[name]["closeModel"] for name in ("nano-banana-fast", "nano-banana-2")] == [True, False]
    assert [listed[name]["maintenance"] for name in ("nano-banana-fast", "nano-banana-2")] == [False, True]
    told = [caller.get(status, params={"model": name}).json()["data"]["error"] for name in ("nano-banana-fast", "nano-banana-2")]
    assert told == ["model closed", "model maintenance"] and emulator.charged == 0


def test_refunds_differ_by_model_and_are_listed(caller: Caller, emulator: Emulator) -> None:
    emulator.change("nano-banana-fast", refunds_errors=True, refunds_refusals=False)
    listed = rows(emulator)
    flags = [(listed[name]["errorReturn"], listed[name]["violationReturn"]) for name in ("nano-banana-fast", "nano-banana-2")]
    assert flags == [(True, False), (False, False)]
    caller.outcome(caller.submit("[error]"))
    assert emulator.charged == 0
    caller.outcome(caller.submit("[output_moderation]"))
    caller.outcome(caller.submit("[error]", model="nano-banana-2"))
    assert emulator.charged == 440 + 1200


def test_models_can_be_changed_over_http(caller: Caller, emulator: Emulator) -> None:
    control = emulator.url + "/emulator/models"
    assert caller.session.post(control, json={"nano-banana-fast": {"credits": 5}}, timeout=10).ok
    caller.submit()
    assert emulator.charged == 5
    assert caller.session.post(control, json={"nano-banana-fast": {"colour": "red"}}, timeout=10).status_code == 400


@pytest.mark.parametrize(
    ("model", "asked", "side"),
    [("nano-banana-fast", "4K", 1024), ("nano-banana-2-2k-cl", "1K", 2048), ("nano-banana-pro-vip", "4K", 1024)],
)
def test_a_size_that_a_model_has_not_becomes_one_that_it_has(caller: Caller, model: str, asked: str, side: int) -> None:
    assert opened(caller.picture(model=model, imageSize=asked, aspectRatio="1:1")).size == (side, side)


RATIOS = {"16:9": (1280, 720), "2:1": (1536, 768), "9:21": (624, 1456), "auto": (1024, 1024), "1024x1536": (1024, 1536)}


@pytest.mark.parametrize("ratio", RATIOS)
def test_gpt_image_2_takes_ratios_and_small_pixels(caller: Caller, ratio: str) -> None:
    assert opened(caller.unified_picture(model="gpt-image-2", aspectRatio=ratio)).size == RATIOS[ratio]


@pytest.mark.parametrize("size", [(1024, 1024), (688, 2048), (2880, 2880), (3840, 1280), (1600, 912), (1280, 720)])
def test_the_larger_gpt_models_take_pixels(caller: Caller, size: tuple[int, int]) -> None:
    picture = caller.unified_picture(model="gpt-image-2-vip", aspectRatio=f"{size[0]}x{size[1]}")
    assert (opened(picture).size, opened(picture).mode) == (size, "RGB")


def test_auto_follows_the_reference_of_gpt_image(caller: Caller) -> None:
    image = opened(
        caller.unified_picture(model="gpt-image-2.5-flare", aspectRatio="auto", images=[caller.upload(png(size=(300, 100)))])
    )
    assert image.width / image.height == pytest.approx(3, rel=0.05)


REFUSED = [
    ("gpt-image-2", {"aspectRatio": "2048x2048"}),
    ("gpt-image-2", {"aspectRatio": "7:3"}),
    ("gpt-image-2", {"aspectRatio": "1:4"}),
    ("gpt-image-2", {"quality": "high"}),
    ("gpt-image-2-vip", {"aspectRatio": "1:1"}),
    ("gpt-image-2-vip", {"aspectRatio": "1000x1000"}),
    ("gpt-image-2-vip", {"aspectRatio": "3856x1600"}),
    ("gpt-image-2-vip", {"aspectRatio": "3840x1264"}),
    ("gpt-image-2-vip", {"aspectRatio": "512x512"}),
    ("gpt-image-2-vip", {"aspectRatio": "3840x3840"}),
    ("gpt-image-2-vip", {"aspectRatio": "wide"}),
    ("gpt-image-2-vip", {"quality": "low"}),
    ("gpt-image-2.5-flare", {"quality": "max"}),
    ("gpt-image-2.5-flare", {"images": ["AAAA"] * 17}),
]


@pytest.mark.parametrize(("model", "fields"), REFUSED)
def test_what_gpt_image_does_not_take_is_refused(caller: Caller, emulator: Emulator, model: str, fields: dict[str, Any]) -> None:
    reply = caller.generate(model=model, **fields)
    assert (reply.status_code, reply.json()["id"], reply.json()["status"]) == (400, "", "failed")
    assert reply.json()["error"].startswith(("invalid", "too many")) and emulator.charged == 0


def test_every_quality_of_a_model_is_taken(caller: Caller) -> None:
    orders = [(name, quality) for name, model in MODELS.items() for quality in model.qualities]
    assert len(orders) == 11 and all(caller.generate(model=name, quality=quality).ok for name, quality in orders)


@pytest.mark.parametrize("name", ["gpt-image-2", *PIXELS_ONLY])
def test_a_transparent_background_is_clear_where_the_model_has_it(caller: Caller, name: str) -> None:
    image = opened(caller.unified_picture(model=name, background="transparent"))
    if name == "gpt-image-2":
        assert image.mode == "RGB"
    else:
        assert image.mode == "RGBA" and image.getpixel((0, 0))[3] == 0 and image.getpixel((512, 512))[3] == 255


def test_a_faithful_picture_keeps_what_its_reference_shows_but_for_a_disc() -> None:
    source = noise((512, 384))
    with Emulator(seconds=0.05, faithful=True) as emulator:
        made = opened(Caller(emulator).picture("a red hat", urls=[inline(source)], aspectRatio="4:3"))
    expected = source.resize(made.size, Image.Resampling.BICUBIC)
    differs = ImageChops.difference(made, expected).convert("L").point(lambda value: 255 * (value > 8))
    width, height = made.size
    left, top, right, bottom = differs.getbbox() or (0, 0, 0, 0)
    assert width * 0.3 < left < width / 2 < right < width * 0.7 and height * 0.3 < top < height / 2 < bottom < height * 0.7


@pytest.mark.parametrize("shift", [(5, 0), (-3, 4)])
def test_a_picture_can_be_shifted_and_tinted_and_is_aligned_otherwise(shift: tuple[int, int]) -> None:
    source = noise((512, 512))
    with Emulator(seconds=0.05, faithful=True) as emulator:
        url = inline(source)
        exact = opened(Caller(emulator).picture(urls=[url], aspectRatio="1:1"))
        emulator.drift = Drift(size=(6, -2), shift=shift, cast=(1.0, 1.0, 0.9))
        off = opened(Caller(emulator).picture(urls=[url], aspectRatio="1:1"))
    assert (exact.size, off.size) == ((1024, 1024), (1030, 1022))
    corner = source.resize(off.size, Image.Resampling.BICUBIC).crop((20, 20, 320, 320))
    back = off.crop((20 + shift[0], 20 + shift[1], 320 + shift[0], 320 + shift[1]))
    red, green, blue = (ImageStat.Stat(band).mean[0] for band in ImageChops.difference(back, corner).split())
    assert max(red, green) < 0.01 and blue > 3


def test_what_a_picture_shows_can_come_enlarged_from_its_middle() -> None:
    source = noise((128, 128)).resize((1024, 1024), Image.Resampling.BICUBIC)
    with Emulator(seconds=0.05, faithful=True, drift=Drift(scale=1.25, shift=(10, 0))) as emulator:
        made = opened(Caller(emulator).picture(urls=[inline(source)], aspectRatio="1:1"))
    expected = source.resize((1280, 1280), Image.Resampling.BICUBIC).crop((118, 128, 1142, 1152))
    corner = (20, 20, 320, 320)
    assert max(ImageStat.Stat(ImageChops.difference(made.crop(corner), expected.crop(corner))).mean) < 1


def noise(size: tuple[int, int]) -> Image.Image:
    """A pattern that shows every shift."""
    return Image.effect_noise(size, 60).resize(size).convert("RGB")


def inline(image: Image.Image) -> str:
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_pictures_can_come_a_few_pixels_off() -> None:
    with Emulator(seconds=0.05, drift=Drift(size=(-4, 6))) as emulator:
        caller = Caller(emulator)
        picture = caller.unified_picture(model="gpt-image-2.5-flare", aspectRatio="1088x1440")
        assert opened(picture).size == (1084, 1446)
        assert opened(caller.picture(aspectRatio="1:1")).size == (1020, 1030)
    with Emulator(seconds=0.05, render=False, drift=Drift(size=(3, 0))) as emulator:
        assert opened(Caller(emulator).picture()).size == (1027, 1024)
