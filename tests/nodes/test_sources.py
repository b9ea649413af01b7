"""What the graph tells of the files behind the pictures on a wire."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from grsai.pictures import Reference

PHOTOS = Path(__file__).resolve().parents[2] / "grsai" / "demo" / "image"


def test_a_loaded_picture_brings_its_file_and_its_name(graph: Any):
    _put(graph, "coffee.jpg")
    [traced] = _traced(graph, {"5": _load("coffee.jpg")}, ["5", 0], 1)
    assert (traced.name, traced.path) == ("coffee", graph.base / "input" / "coffee.jpg")
    assert traced.digest == "digest 0"


def test_a_folder_brings_its_files_in_order(graph: Any):
    for name in ("cat.jpg", "astronaut.jpg"):
        _put(graph, f"shoot/{name}")
    source = {"class_type": "LoadBananaFolder", "inputs": {"folder": "shoot", "prompts_file": ""}}
    assert [each.name for each in _traced(graph, {"5": source}, ["5", 0], 2)] == ["astronaut", "cat"]


def test_names_that_were_given_stay(graph: Any):
    _put(graph, "coffee.jpg")
    [traced] = _traced(graph, {"5": _load("coffee.jpg")}, ["5", 0], 1, renamed=False)
    assert (traced.name, traced.path) == ("image_1", graph.base / "input" / "coffee.jpg")


def test_an_item_of_a_list_brings_its_file_although_no_wire_tells_which(graph: Any):
    for name in ("cat.jpg", "coffee.jpg"):
        _put(graph, f"shoot/{name}")
    pictures, *_ = graph.run("LoadBananaFolder", folder="shoot", prompts_file="").args
    inputs, sources = graph.module("nodes.inputs"), graph.module("nodes.sources").Sources({}, "1")
    [cat] = inputs.references_of_sockets({"image_1": pictures[0]}, "images", sources)
    [copy] = inputs.references_of_sockets({"image_1": pictures[0].clone()}, "images", sources)
    assert (cat.name, cat.path, copy.path) == ("cat", graph.base / "input" / "shoot" / "cat.jpg", None)
    assert cat.digest == copy.digest


def test_what_the_graph_does_not_tell_stays_unknown(graph: Any):
    resize = {"class_type": "ImageScale", "inputs": {"image": ["6", 0]}}
    sources = {"5": resize, "6": _load("coffee.jpg"), "7": _load(["8", 0]), "9": {"class_type": "LoadImage"}}
    for link in (["5", 0], ["6", 1], ["7", 0], ["9", 0], ["404", 0], "no link", None):
        assert [each.path for each in _traced(graph, sources, link, 1)] == [None]
    assert [each.path for each in _traced(graph, {"6": _load("coffee.jpg")}, ["6", 0], 2)] == [None, None]
    assert [each.path for each in graph.module("nodes.sources").Sources(None, "1").traced(_references(1), "images")] == [None]


def _traced(graph: Any, sources: dict[str, Any], link: Any, count: int, **options: Any) -> list[Reference]:
    node = {"class_type": "NanoBananaGenerate", "inputs": {"images": link}}
    return graph.module("nodes.sources").Sources({**sources, "1": node}, "1").traced(_references(count), "images", **options)


def _references(count: int) -> list[Reference]:
    return [Reference(f"image_{number + 1}", f"digest {number}") for number in range(count)]


def _load(name: Any) -> dict[str, Any]:
    return {"class_type": "LoadImage", "inputs": {"image": name}}


def _put(graph: Any, name: str) -> None:
    target = graph.base / "input" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PHOTOS / "coffee.jpg", target)
