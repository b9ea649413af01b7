"""Load Banana Folder shows what it would read, lets choose among the folders, and takes what is dropped on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.comfy import PACK, Comfy

PHOTOS = PACK / "grsai" / "demo" / "image"
WORDS = {
    "en": [
        "8 pictures · prompts: 2",
        "1 picture · prompts: 2 · left out: 1",
        "2 pictures · prompts: 3",
        "3 pictures · prompts: 3",
    ],
    "zh": ["8 张 · 提示词 2 条", "1 张 · 提示词 2 条 · 跳过 1 个", "2 张 · 提示词 3 条", "3 张 · 提示词 3 条"],
}


def _workflow() -> dict[str, Any]:
    """As version 1.0 saved it."""
    inputs = [{"name": name, "type": "STRING", "widget": {"name": name}, "link": None} for name in ("folder", "prompts_file")]
    outputs = [{"name": name, "type": kind, "links": None} for name, kind in (("images", "IMAGE"), ("names", "STRING"))]
    node = {"id": 1, "type": "LoadBananaFolder", "pos": [40, 60], "size": [300, 150], "flags": {}, "order": 0, "mode": 0}
    values = ["banana_demo/image", "banana_demo/text/text.txt"]
    nodes = [{**node, "inputs": inputs, "outputs": outputs, "properties": {}, "widgets_values": values}]
    return {"last_node_id": 1, "last_link_id": 0, "nodes": nodes, "links": [], "groups": [], "version": 0.4}


@pytest.fixture(scope="module", params=[("en", False), ("zh", True)], ids=["en-classic", "zh-vue"])
def seen(
    browse: Callable[..., Any], comfy: Comfy, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    locale, vue = request.param
    mine, shoes = tmp_path_factory.mktemp("mine"), tmp_path_factory.mktemp("shoes")
    for name, target in (("cat", mine), ("rocket", mine), ("coffee", shoes), ("hopper", shoes), ("raccoon", shoes)):
        source = {"cat": "chelsea"}.get(name, name)
        shutil.copyfile(PHOTOS / f"{source}.jpg", target / f"{name}.jpg")
    for folder in (mine, shoes):
        (folder / "words.txt").write_text("one\ntwo\nthree\n", "utf-8")
        (folder / "notes.doc").write_bytes(b"not taken")
    single = comfy.input / "single"
    single.mkdir(exist_ok=True)
    shutil.copyfile(PHOTOS / "coffee.jpg", single / "coffee.jpg")
    (single / "notes.doc").write_bytes(b"no picture")
    files = [str(file) for file in sorted(mine.iterdir())]
    told = browse("folder", comfy, locale=locale, vue=vue, folder=str(shoes), files=files, chosen="single", old=_workflow())
    return {"words": WORDS[locale], "shoes": shoes.name, "comfy": comfy, **told}


def test_a_fresh_node_says_what_it_would_read_and_shows_the_first_pictures(seen: dict[str, Any]):
    fresh = seen["fresh"]
    assert (fresh["words"], fresh["pictures"], fresh["fits"]) == (seen["words"][0], 8, True)
    assert fresh["values"] == ["banana_demo/image", "banana_demo/text/text.txt"]


def test_another_folder_can_be_chosen_and_says_what_is_left_out(seen: dict[str, Any]):
    chosen = seen["chosen"]
    assert (chosen["words"], chosen["values"][0], chosen["pictures"]) == (seen["words"][1], "single", 1)
    assert "notes.doc" in chosen["why"]


def test_a_folder_that_is_not_there_is_told_at_once(seen: dict[str, Any]):
    assert (seen["odd"]["kind"], seen["odd"]["pictures"]) == ("error", 0)


def test_files_that_are_dropped_come_into_a_folder_of_their_own(seen: dict[str, Any]):
    files = seen["files"]
    folder, prompts = files["values"]
    assert (files["words"], files["pictures"]) == (seen["words"][2], 2)
    assert sorted(path.name for path in (seen["comfy"].input / folder).iterdir()) == ["cat.jpg", "rocket.jpg"]
    assert Path(prompts).parent.as_posix() == "banana_dropped"
    assert (seen["comfy"].input / prompts).read_text("utf-8") == "one\ntwo\nthree\n"


def test_more_that_is_dropped_comes_to_what_is_chosen_and_nothing_comes_twice(seen: dict[str, Any]):
    assert (seen["more"]["values"], seen["more"]["words"]) == (seen["files"]["values"], seen["files"]["words"])


def test_a_folder_that_is_dropped_is_taken_over_under_its_name(seen: dict[str, Any]):
    folder = seen["folder"]
    assert (folder["words"], folder["values"][0], folder["pictures"]) == (seen["words"][3], seen["shoes"], 3)
    assert not (seen["comfy"].input / seen["shoes"] / "notes.doc").exists()


def test_both_stay_texts_for_saved_workflows(seen: dict[str, Any]):
    assert seen["saved"] == seen["folder"]["values"]
    assert seen["old"]["values"] == ["banana_demo/image", "banana_demo/text/text.txt"]
    assert (seen["old"]["words"], seen["old"]["fits"]) == (seen["words"][0], True)
