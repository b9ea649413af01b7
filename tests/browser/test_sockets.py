"""A node that is copied keeps its sockets and wires, and what is read on a node is in the user's language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.comfy import Comfy

SOCKETS = ["images.image_1", "images.image_2", "images.image_3", "image_urls"]
WIRED = ["image_urls", "images.image_1", "images.image_2"]
CHOICES = {
    "en": [["product", ["product", "zip"]], ["keep going", ["keep going", "stop"]]],
    "zh": [
        ["product", ["全部组合 (product)", "一一对应 (zip)"]],
        ["keep going", ["继续其余的 (keep going)", "停止 (stop)"]],
    ],
}
GROWN = {
    "en": [["reference_1", "paired_1"], ["reference_1", "paired_1", "paired_2"]],
    "zh": [["参考图 1", "配对图 1"], ["参考图 1", "配对图 1", "配对图 2"]],
}


@pytest.fixture(scope="module", params=[("en", False), ("zh", True)], ids=["en-classic", "zh-vue"])
def seen(browse: Callable[..., Any], comfy: Comfy, request: pytest.FixtureRequest) -> dict[str, Any]:
    locale, vue = request.param
    return {"locale": locale, **browse("sockets", comfy, locale=locale, vue=vue)}


@pytest.mark.parametrize("when", ["pasted", "reloaded"])
def test_a_copy_keeps_the_order_of_its_sockets_and_all_of_its_wires(seen: dict[str, Any], when: str):
    assert seen[when]["sockets"] == [SOCKETS, SOCKETS]
    assert [sorted(wires) for wires in seen[when]["wires"]] == [WIRED, WIRED]


def test_choices_are_read_in_the_users_language_and_kept_as_they_are(seen: dict[str, Any]):
    assert seen["choices"] == CHOICES[seen["locale"]]


def test_a_socket_of_prompts_has_a_name_where_its_box_was(seen: dict[str, Any]):
    assert seen["named"] == [[], ["prompts" if seen["locale"] == "en" else "提示词"]]


def test_the_sockets_of_two_families_have_names_of_their_own(seen: dict[str, Any]):
    new, wired = GROWN[seen["locale"]]
    assert seen["grown"] == [new, wired, wired]


def test_a_wired_prompt_leaves_no_hole_in_the_classic_canvas(seen: dict[str, Any]):
    if "heights" not in seen:
        pytest.skip("the Vue canvas has no such place")
    free, wired = seen["heights"]
    assert free >= 90 and wired < 40
