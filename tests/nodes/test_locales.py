"""Whatever the canvas shows of a node stands in both languages, and the English one is the node's own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LOCALES = Path(__file__).parents[2] / "locales"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Names that are the same in both languages.
SAME = {"Grsai"}


@pytest.fixture
def shown(pack: Any, place: Path) -> dict[str, Any]:
    """What the nodes say of themselves, laid out as in nodeDefs.json."""
    nodes = asyncio.run(pack.BananaExtension().get_node_list())
    return {node.GET_SCHEMA().node_id: _shown(node) for node in nodes}


def test_the_english_texts_are_those_of_the_nodes(shown: dict[str, Any]):
    assert _load("en", "nodeDefs") == shown


@pytest.mark.parametrize("name", ["nodeDefs", "settings", "main"])
def test_the_chinese_texts_are_as_many_and_are_chinese(name: str):
    english, chinese = (dict(_texts(_load(language, name))) for language in ("en", "zh"))
    assert chinese.keys() == english.keys()
    assert not [place for place, text in chinese.items() if not CHINESE.search(text) and text not in SAME]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_holds_what_the_frontend_takes_for_a_placeholder(language: str):
    for name in ("nodeDefs", "settings", "main"):
        assert not [text for _, text in _texts(_load(language, name)) if re.search(r"[{}@|]", text)]


def _shown(node: Any) -> dict[str, Any]:
    schema = node.GET_SCHEMA()
    inputs: dict[str, Any] = {}
    for kind in ("required", "optional"):
        for name, spec in node.INPUT_TYPES().get(kind, {}).items():
            _take(name, spec, inputs)
    outputs = {str(k): {"name": each.display_name, "tooltip": each.tooltip} for k, each in enumerate(schema.outputs)}
    return {"display_name": schema.display_name, "description": schema.description, "inputs": inputs, "outputs": outputs}


def _take(name: str, spec: tuple[str, dict[str, Any]], into: dict[str, Any]) -> None:
    """An input, and those that come with it: the widgets of a model, the sockets that grow."""
    kind, options = spec
    into.setdefault(name.replace(".", "_"), {"name": name.split(".")[-1], "tooltip": options["tooltip"]})
    if kind == "COMFY_DYNAMICCOMBO_V3":
        for option in options["options"]:
            for part in option["inputs"].values():
                for inner, inner_spec in part.items():
                    _take(f"{name}.{inner}", inner_spec, into)
    if kind == "COMFY_AUTOGROW_V3":
        (socket,) = options["template"]["input"]["required"].values()
        for inner in options["template"]["names"]:
            _take(f"{name}.{inner}", socket, into)
            if name != "images":  # two families in one node
                into[f"{name}_{inner}"]["name"] = inner.replace("image", name.removesuffix("s"))


def _texts(tree: dict[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{place}.{key}")
        else:
            yield f"{place}.{key}", value


def _load(language: str, name: str) -> dict[str, Any]:
    return json.loads((LOCALES / language / f"{name}.json").read_text("utf-8"))
