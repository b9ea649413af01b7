"""A picture that was made on the canvas carries the workflow that made it, and never the key."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch")


def carried(file: Path) -> dict[str, Any]:
    with Image.open(file) as picture:
        picture.load()
        return {name: json.loads(picture.info[name]) for name in ("prompt", "workflow") if name in picture.info}


def made(graph: Any) -> list[Path]:
    return [graph.base / "output" / name for name in graph.files]


@pytest.mark.parametrize("node", ["batch", "generate"])
def test_a_picture_carries_prompt_and_workflow(graph: Any, node: str):
    graph.extra_pnginfo = {"workflow": {"nodes": [{"id": 1, "title": "香蕉"}]}}
    getattr(graph, node)("a red boat")
    [file] = made(graph)
    found = carried(file)
    assert found["workflow"] == graph.extra_pnginfo["workflow"]
    assert str(found["prompt"]["1"]["inputs"]).count("a red boat") == 1


def test_it_is_known_with_what_it_carries_and_is_not_fetched_again(graph: Any):
    graph.extra_pnginfo = {"workflow": {"nodes": []}}
    graph.batch("a red boat")
    before = made(graph)
    graph.extra_pnginfo = {"workflow": {"nodes": [], "changed": True}}
    graph.batch("a red boat")
    assert graph.emulator.count("download") == 1
    assert made(graph) == before
    assert carried(before[0])["workflow"] == {"nodes": []}


def test_a_key_that_was_written_into_the_graph_is_not_carried(graph: Any):
    key = os.environ["GRSAI_API_KEY"]
    graph.extra_pnginfo = {"workflow": {"nodes": [{"widgets_values": [f"use {key} please", 7]}], key: "a title"}}
    graph.batch("a red boat", note=f"https://pictures.example/{key}.png")
    [file] = made(graph)
    assert carried(file)["workflow"]["nodes"][0]["widgets_values"][1] == 7
    assert key.encode() not in file.read_bytes()


def test_comfyui_may_forbid_it(graph: Any, monkeypatch: pytest.MonkeyPatch):
    import comfy.cli_args

    monkeypatch.setattr(comfy.cli_args.args, "disable_metadata", True)
    graph.extra_pnginfo = {"workflow": {"nodes": []}}
    graph.batch("a red boat")
    assert carried(made(graph)[0]) == {}
