"""From a ComfyUI that nobody has used yet to pictures, without a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.comfy import PACK, Comfy

EXAMPLE = "1 Text to picture"
WAYS = {
    "en": ["Try it offline – free test pictures", "Enter my key"],
    "zh": ["离线试用，免费生成测试图片", "填写我的密钥"],
}
CHOSEN = {"en": "Offline emulator chosen", "zh": "已选择离线模拟器"}
OFFLINE = {"en": "Offline emulator", "zh": "离线模拟器"}


@pytest.fixture(scope="module")
def newcomers(new_comfy: Callable[..., Comfy]) -> Iterator[Comfy]:
    comfy = new_comfy()
    yield comfy
    comfy.stop()


@pytest.fixture(scope="module", params=["en", "zh"])
def said(browse: Callable[..., Any], newcomers: Comfy, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a newcomer saw, step by step; nobody has set anything."""
    for settings in (newcomers.base / "user" / "default" / "comfy.settings.json", newcomers.private / "settings.json"):
        settings.unlink(missing_ok=True)
    return {"locale": request.param, **browse("start", newcomers, locale=request.param, example=EXAMPLE)}


def test_five_clicks_lead_to_a_picture(said: dict[str, Any]):
    assert said["clicks"] <= 5
    assert (PACK / "example_workflows" / f"{EXAMPLE}.json").is_file()


def test_nothing_but_the_choice_is_told(said: dict[str, Any]):
    assert len(said["toasts"]) == 1 and said["toasts"][0].startswith(CHOSEN[said["locale"]])
    assert said["dialogs"] == 0


def test_the_dialog_offers_two_ways_and_can_be_left(said: dict[str, Any]):
    assert all(way in said["closed"]["words"] for way in WAYS[said["locale"]])
    assert said["closed"]["links"] == ["https://grsai.com/"]


def test_no_key_yet_is_no_failure(said: dict[str, Any]):
    assert (said["closed"]["others"], said["closed"]["failed"]) == (0, False)


def test_the_keyboard_leads_to_the_box_for_the_key(said: dict[str, Any]):
    assert said["focused"] == "Grsai.Key"


def test_only_what_works_is_offered_where_the_environment_decides(said: dict[str, Any]):
    assert said["locked"] == WAYS[said["locale"]][1:]


def test_what_runs_once_more_is_what_failed(said: dict[str, Any]):
    assert said["apart"][0] == f"not on the canvas {said['locale']}" and "a boat" not in said["apart"]


def test_the_sidebar_offers_the_same_two_ways(said: dict[str, Any]):
    panel = said["panel"]
    assert (panel["ways"], panel["then"]) == (WAYS[said["locale"]], OFFLINE[said["locale"]])
    first, second = panel["boxes"]
    assert (first["left"], first["right"]) == (second["left"], second["right"]) and second["top"] - first["bottom"] >= 4
