"""What the nodes show on the classic and on the Vue canvas, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.comfy import Comfy

TASK = r"\b1[34]-[0-9a-f]{8}-"  # the beginning of an id
PRICES = {
    "en": [
        "¥0.044 · 440 credits",
        "¥0.132 · 1,320 credits",
        "¥0.36 · 3,600 credits",
        "2 pictures · ¥0.088",
        "16 pictures · ¥0.70",
        "¥0.088 · 880 credits",
        "¥0.044 per picture",
    ],
    "zh": [
        "¥0.044 · 440 积分",
        "¥0.132 · 1,320 积分",
        "¥0.36 · 3,600 积分",
        "2 张 · ¥0.088",
        "16 张 · ¥0.70",
        "¥0.088 · 880 积分",
        "每张 ¥0.044",
    ],
}
TITLES = {
    "en": ["# Nano Banana Generate", "# Batch Banana", "# Grsai Upload", "# Load Banana Folder"],
    "zh": ["# Nano Banana 生成", "# Nano Banana 批量生成", "# Grsai 上传图片", "# 读取图片文件夹"],
}


@pytest.fixture(scope="module", params=[("en", False), ("zh", True), ("en", True)], ids=["en-classic", "zh-vue", "en-vue"])
def seen(browse: Callable[..., Any], comfy: Comfy, request: pytest.FixtureRequest) -> dict[str, Any]:
    locale, vue = request.param
    return {"locale": locale, "vue": vue, **browse("canvas", comfy, locale=locale, vue=vue)}


def test_the_price_follows_the_widgets_and_the_links(seen: dict[str, Any]):
    assert seen["badges"] == PRICES[seen["locale"]]


def test_sockets_grow_as_they_are_wired(seen: dict[str, Any]):
    assert seen["sockets"] == ["images.image_1", "images.image_2"]


def test_a_model_brings_its_own_choices(seen: dict[str, Any]):
    ratio, size = "model.aspect_ratio", "model.image_size"
    assert seen["choices"] == [["model", ratio, size], ["model", ratio]]


def test_every_picture_has_a_tile_from_the_start(seen: dict[str, Any]):
    assert seen["live"]["begun"] == 2


def test_a_finished_picture_is_on_the_node_while_the_others_are_made(seen: dict[str, Any]):
    assert seen["live"]["states"] == {"late": ["open", 0], "early": ["done", 1]}
    assert seen["live"]["meanwhile"] == ["making", "done"]


def test_the_grid_shows_all_in_plan_order_and_alone(seen: dict[str, Any]):
    assert [name.split("_text_")[0] for name in seen["live"]["shown"]] == ["Task_1", "Task_2"]
    assert seen["live"]["others"] == 0


def test_the_grid_is_no_value_of_the_workflow_and_stays_when_it_is_opened_anew(seen: dict[str, Any]):
    assert (seen["live"]["kept"], seen["live"]["reloaded"]) == (True, True)


def test_what_failed_is_tried_again_alone(seen: dict[str, Any]):
    label = {"en": "Try the 1 failed again · offline · free", "zh": "重试失败的 1 张 · 离线 · 免费"}[seen["locale"]]
    assert (seen["retried"]["label"], seen["retried"]["more"], seen["retried"]["canvas"]) == (label, True, 2)


def test_a_failure_is_told_once_in_the_users_language(seen: dict[str, Any]):
    said = seen["failed"]["text"]
    assert ("could not finish" if seen["locale"] == "en" else "未能完成") in said
    assert "nano-banana-fast" in said and re.search(TASK, said), said
    assert seen["failed"]["others"] == 0


def test_what_was_told_of_a_failure_goes_when_the_node_runs_well(seen: dict[str, Any]):
    assert seen["mended"] == 0


def test_a_failure_opens_no_window(seen: dict[str, Any]):
    assert seen["failed"]["dialogs"] == []


def test_some_failures_are_told_although_the_batch_goes_on(seen: dict[str, Any]):
    said = seen["some"]["text"]
    assert ("1 of 2 pictures failed" if seen["locale"] == "en" else "2 张图片中有 1 张失败") in said


def test_a_button_leads_from_the_message_to_what_failed(seen: dict[str, Any]):
    assert seen["shown"]["states"] == ["failed"]


def test_the_reason_comes_first_and_is_told_once(seen: dict[str, Any]):
    assert not re.search(TASK, seen["shown"]["reason"])
    assert (seen["shown"]["told"], seen["shown"]["buttons"]) == (1, True)


def test_a_list_into_a_node_is_one_row_in_the_tab(seen: dict[str, Any]):
    assert seen["listed"]["most"] == 1
    assert "/8 " in seen["listed"]["text"], seen["listed"]


def test_every_node_has_its_help_with_its_picture(seen: dict[str, Any]):
    assert seen["help"] == [[title, "image/jpeg"] for title in TITLES[seen["locale"]]]
