"""What Run would make and cost is said before it is pressed, and above the user's own sum it asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.comfy import PACK, Comfy

COUNTED = {
    "en": [
        ["16 pictures · ¥0.70 · about 3 min", "16 pictures · ¥0.70 · about 3 min"],
        ["16 pictures · ¥1.92 · about 3 min", "16 pictures · ¥1.92 · about 3 min"],
        ["16 pictures · ¥0.70 · about 3 min", "18 pictures · ¥0.79 · about 3 min"],
    ],
    "zh": [
        ["16 张 · ¥0.70 · 约 3 分钟", "16 张 · ¥0.70 · 约 3 分钟"],
        ["16 张 · ¥1.92 · 约 3 分钟", "16 张 · ¥1.92 · 约 3 分钟"],
        ["16 张 · ¥0.70 · 约 3 分钟", "18 张 · ¥0.79 · 约 3 分钟"],
    ],
}


@pytest.fixture(scope="module", params=[("en", False), ("zh", True)], ids=["en-classic", "zh-vue"])
def seen(browse: Callable[..., Any], comfy: Comfy, request: pytest.FixtureRequest) -> dict[str, Any]:
    locale, vue = request.param
    (file,) = (PACK / "subgraphs").glob("*.json")
    blueprint = json.loads(file.read_text("utf-8"))
    return {"locale": locale, **browse("outlook", comfy, locale=locale, vue=vue, blueprint=blueprint)}


def test_badge_and_tab_say_what_run_would_make_of_a_folder(seen: dict[str, Any]):
    assert seen["counted"] == COUNTED[seen["locale"]]


def test_a_subgraph_says_on_its_outside_what_it_would_make(seen: dict[str, Any]):
    words = {"en": "24 pictures · ¥2.88 · about 4 min", "zh": "24 张 · ¥2.88 · 约 4 分钟"}
    assert seen["subgraph"]["before"] == COUNTED[seen["locale"]][0][0]
    assert seen["subgraph"]["after"].startswith(words[seen["locale"]])


def test_a_subgraph_says_on_its_outside_which_size_is_sent_where_none_was_chosen(seen: dict[str, Any]):
    words = {"en": " · at 1K, its smallest size", "zh": " · 按最小尺寸 1K"}
    assert seen["subgraph"]["after"].endswith(words[seen["locale"]])


def test_a_model_that_is_chosen_outside_has_what_it_needs(seen: dict[str, Any]):
    assert seen["subgraph"]["model"] == ["nano-banana-2", "1K"]


def test_what_becomes_of_the_seed_has_the_name_that_others_look_for(seen: dict[str, Any]):
    assert seen["control"] == "control_after_generate"


def test_below_the_sum_and_without_one_run_does_not_ask(seen: dict[str, Any]):
    assert (seen["asked"]["below"], seen["asked"]["never"]) == ([True, 1], [True, 2])


def test_above_the_sum_run_asks_and_does_what_it_is_told(seen: dict[str, Any]):
    assert COUNTED[seen["locale"]][0][0] in seen["asked"]["words"] and "¥0.70" in seen["asked"]["words"]
    assert (seen["asked"]["cancelled"], seen["asked"]["run"]) == (2, 3)


def test_further_runs_count_only_where_they_would_make_something_new(seen: dict[str, Any]):
    assert seen["asked"]["fixed"] == [True, 6]
    assert "¥2.11" in seen["asked"]["random"] and "48" in seen["asked"]["random"]
