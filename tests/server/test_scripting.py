"""The graphs that the documents tell to post run as they stand, and what they say of refusals is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests import graphs

DOCS = Path(__file__).resolve().parents[2] / "docs"
GRAPHS = [
    pytest.param(json.loads(text), id=f"{doc.stem} {number}")
    for doc in sorted(DOCS.glob("SCRIPTING*.md"))
    for number, text in enumerate(re.findall(r"^```json\n(.*?)^```$", doc.read_text("utf-8"), re.MULTILINE | re.DOTALL), 1)
]


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_documented_graph_runs_as_it_is(room: Any, graph: dict[str, Any]):
    room.service.seconds = 0.05
    outputs = room.run(graph)
    assert all(output["images"] for output in outputs.values() if "images" in output)
    assert any("images" in output for output in outputs.values())


def test_the_documented_graphs_are_the_same_in_both_languages():
    shapes = [re.sub(r'"prompt": "[^"]*"', "", json.dumps(graph.values[0], ensure_ascii=False)) for graph in GRAPHS]
    half = len(shapes) // 2
    assert half == 5 and shapes[:half] == shapes[half:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model.aspect_ratio": None, "aspect_ratio": "16:9"}, "model.aspect_ratio"),
        ({"model.aspect_ratio": "17:9"}, "Value not in list"),
        ({"count": None}, "Required input is missing"),
    ],
)
def test_what_comfyui_refuses_names_what_is_missing(room: Any, change: dict[str, Any], said: str):
    node = graphs.generate(**change)
    node["inputs"] = {name: value for name, value in node["inputs"].items() if value is not None}
    with pytest.raises(AssertionError, match=re.escape(said)):
        room.comfy.queue({"1": node, "2": room.save("1")})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nano-banana-9", "There is no model nano-banana-9; did you mean nano-banana"),
        (None, "No model came in. Choose one of: nano"),
    ],
)
def test_a_model_that_is_none_is_refused_with_what_there_is(room: Any, model: str | None, said: str):
    node = {"class_type": "NanoBananaGenerate", "inputs": {"prompt": "a boat", "count": 1, "seed": 0}}
    if model is not None:
        node["inputs"]["model"] = model
    before = len(room.service.received)
    error = room.fail({"1": node, "2": room.save("1")})
    assert error["exception_message"].startswith(said)
    assert len(room.service.received) == before
