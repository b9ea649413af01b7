"""The history by runs, and what is seen of a run while one looks elsewhere."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.comfy import Comfy

TEXTS = {
    "en": {
        "some": "2 of 3 made · 1 failed · free · ",
        "all": "pictures: 1 · free · ",
        "again": "Make all again · offline · free",
        "found": "1 found",
    },
    "zh": {
        "some": "完成 2 / 3 · 失败 1 · 免费 · ",
        "all": "1 张 · 免费 · ",
        "again": "全部重新生成 · 离线 · 免费",
        "found": "找到 1 条",
    },
}


@pytest.fixture(scope="module")
def workshop(new_comfy: Callable[..., Comfy]) -> Iterator[Comfy]:
    comfy = new_comfy(DISPLAY="", WAYLAND_DISPLAY="")
    comfy.post("/grsai/settings", {"host": "offline"})
    yield comfy
    comfy.stop()


@pytest.fixture(scope="module", params=[("en", True), ("zh", False)], ids=["en-vue", "zh-classic"])
def seen(browse: Callable[..., Any], workshop: Comfy, request: pytest.FixtureRequest) -> dict[str, Any]:
    locale, vue = request.param
    words = uuid.uuid4().hex[:8]
    return {"locale": locale, "words": words, **browse("runs", workshop, locale=locale, vue=vue, words=words)}


def test_the_icon_says_how_many_pictures_are_to_come(seen: dict[str, Any]):
    assert seen["number"] in ("1", "2", "3")


def test_a_run_is_one_row_with_its_pictures_its_cost_and_its_time(seen: dict[str, Any]):
    alone, batch = seen["rows"]
    texts, words = TEXTS[seen["locale"]], seen["words"]
    assert (alone["title"], alone["states"]) == (f"alone {words}", ["done"])
    assert (batch["title"], batch["states"]) == (f"[slow 3] first {words}", ["done", "failed", "done"])
    assert alone["facts"].startswith(texts["all"]) and batch["facts"].startswith(texts["some"])
    assert re.search(r"· \d+ (s|秒) · \d\d:\d\d$", batch["facts"])


def test_a_filter_says_what_it_leaves_and_leaves_that(seen: dict[str, Any]):
    narrowed, words = seen["narrowed"], seen["words"]
    assert narrowed["title"] == f"[slow 3] first {words}"
    counted = {name: _number(option) for option in narrowed["before"][1:] for name in [re.split(r" ?[(（]", option)[0]]}
    assert counted["nano-banana-fast"] == narrowed["listed"] == _number(narrowed["states"][0])
    assert sum(map(_number, narrowed["states"][1:])) == narrowed["listed"]
    assert _number(narrowed["before"][0]) == sum(counted.values())


def test_a_run_opens_to_its_pictures_and_closes_to_its_row(seen: dict[str, Any]):
    words = seen["words"]
    assert list(dict.fromkeys(seen["inside"]["prompts"])) == [
        f"[slow 3] first {words}",
        f"[error] second {words}",
        f"[slow 3] third {words}",
    ]  # what failed was tried again
    assert seen["inside"]["back"] == "1"


def test_a_run_is_found_by_its_words(seen: dict[str, Any]):
    assert seen["searched"] == [f"alone {seen['words']}", TEXTS[seen["locale"]]["found"]]


def test_a_run_comes_as_a_zip_and_its_folder_is_named(seen: dict[str, Any]):
    assert re.fullmatch(r"banana_[\d_-]+\.zip", seen["zip"]["name"]) and seen["zip"]["failed"] is None
    assert seen["folder"] == "banana"


def test_a_run_is_made_anew_as_a_run_of_its_own(seen: dict[str, Any]):
    again = {"label": TEXTS[seen["locale"]]["again"], "fresh": True, "pictures": 3, "canvas": 2}
    assert seen["again"] == again


def test_all_pictures_can_be_listed_instead(seen: dict[str, Any]):
    assert seen["pictures"] == 0


def test_the_browser_tells_only_of_a_long_run_that_ends_in_the_background(seen: dict[str, Any]):
    assert seen["notices"] == ["run 9003"]


def _number(text: str) -> int:
    [number] = re.findall(r"[(（](\d+)[)）]|(\d+) found|找到 (\d+)", text)
    return int(next(filter(None, number)))
