"""Every example workflow and the blueprint, in the real frontend: nothing is lost on loading, and Run makes pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.comfy import PACK, Comfy

EXAMPLES = sorted((PACK / "example_workflows").glob("*.json"))
OFFLINE = {"en": "offline · free", "zh": "离线 · 免费"}


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "vue"])
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_every_example_runs_to_pictures_as_it_stands(browse: Callable[..., Any], comfy: Comfy, locale: str, vue: bool):
    answer = browse("workflows", comfy, locale=locale, vue=vue, files=[str(file) for file in EXAMPLES])
    assert [report["name"] for report in answer["reports"]] == [file.stem for file in EXAMPLES]
    for report in answer["reports"]:
        _assert_whole(report)
        _assert_made(report)
        assert set(report["badges"]) == {OFFLINE[locale]}
        assert all(("Banana 批量生成" in title or "Banana 生成" in title) == (locale == "zh") for title in report["titles"])
    _assert_app([report["app"] for report in answer["reports"] if report["app"]], locale)


def test_every_example_has_its_picture():
    assert len(EXAMPLES) == 10
    assert all(file.with_suffix(".jpg").is_file() for file in EXAMPLES)


def test_an_example_names_nothing_of_the_machine_it_was_made_on():
    for file in [*EXAMPLES, *(PACK / "subgraphs").glob("*.json")]:
        text = file.read_text("utf-8")
        assert not any(word in text for word in ("sk-", "/home/", "/root/", "C:\\\\", "127.0.0.1")), file


def test_an_example_uses_core_nodes_and_ours_only():
    ours = {"BatchBanana", "GrsaiMaskOptions", "GrsaiUpload", "LoadBananaFolder", "LoadBananaSheet", "NanoBananaGenerate"}
    core = {"ImageGrid", "JoinImageWithAlpha", "LoadImage", "MarkdownNote", "PreviewAny", "PreviewImage", "SaveImage"}
    for file in EXAMPLES:
        assert {node["type"] for node in json.loads(file.read_text("utf-8"))["nodes"]} <= ours | core, file


def test_the_blueprint_runs_as_it_stands_and_shows_its_pictures_outside(browse: Callable[..., Any], comfy: Comfy):
    (blueprint,) = (PACK / "subgraphs").glob("*.json")
    (report,) = browse("workflows", comfy, locale="en", vue=True, files=[str(blueprint)])["reports"]
    assert report["missing"] == report["values"] == report["errors"] == []
    assert report["done"] == "execution_success", report["error"]
    assert (len(report["images"]), report["tiles"]) == (16, 16)


def _assert_whole(report: dict[str, Any]) -> None:
    saved, loaded = report["links"]
    assert saved == loaded
    assert report["missing"] == report["values"] == report["errors"] == report["dialogs"] == report["warnings"] == [], report


def _assert_app(apps: list[dict[str, Any]], locale: str) -> None:
    """One of them is an app: a folder, a prompt, Run."""
    [app] = apps
    assert (app["pictures"], app["prompts"]) == (8, "Turn the picture into a soft watercolour painting")
    assert ("8 pictures" if locale == "en" else "8 张") in app["text"] and "nano-banana-fast" in app["text"]


def _assert_made(report: dict[str, Any]) -> None:
    assert report["done"] == "execution_success", report["error"]
    assert report["images"] and all(report["images"])
    assert report["drawn"]
