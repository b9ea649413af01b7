"""What a node would make and cost is known before it runs, as far as the graph tells."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import graphs

PHOTOS = Path(__file__).resolve().parents[2] / "grsai" / "demo" / "image"


@pytest.fixture
def outlook(graph: Any) -> Any:
    graph.module("nodes.paths").place_demo()
    return graph.module("nodes.outlook").outlook


def folder_batch(**inputs: Any) -> dict[str, Any]:
    folder = graphs.folder(prompts_file="banana_demo/text/text.txt")
    return {"1": folder, "2": graphs.batch(["1", 2], images=["1", 0], names=["1", 1], **inputs)}


def run_folder_batch(graph: Any) -> Any:
    loaded = graph.run("LoadBananaFolder", folder="banana_demo/image", prompts_file="banana_demo/text/text.txt").result
    return graph.batch(loaded[2], images=loaded[0], names=loaded[1])


def test_a_folder_times_prompts_is_counted_and_priced(outlook: Any):
    said = outlook(folder_batch(), "2")
    assert (said["pictures"], said["new"], said["reused"], said["credits"], said["each"]) == (16, 16, 0, 16 * 440, 440)
    assert said["seconds"] == pytest.approx(0.1 * 4)  # five at once, each of the usual time of this model


def test_what_was_made_earlier_is_subtracted(graph: Any, outlook: Any):
    run_folder_batch(graph)
    said = outlook(folder_batch(), "2")
    assert (said["pictures"], said["new"], said["reused"], said["credits"], said["seconds"]) == (16, 0, 16, 0, 0)
    assert outlook(folder_batch(seed=1), "2")["new"] == 16
    shutil.copyfile(PHOTOS / "coffee.jpg", graph.base / "input" / "banana_demo" / "image" / "rocket.jpg")
    assert outlook(folder_batch(), "2")["new"] == 2


def test_a_picture_that_cannot_be_read_is_not_counted(graph: Any, outlook: Any):
    (graph.base / "input" / "banana_demo" / "image" / "broken.png").write_bytes(b"no picture")
    assert outlook(folder_batch(), "2")["pictures"] == 16


def test_one_to_one_makes_as_many_as_there_are_prompts(outlook: Any):
    said = outlook({"1": graphs.folder(), "2": graphs.batch("1\n2\n3\n4\n5\n6\n7\n8", images=["1", 0], pairing="zip")}, "2")
    assert said["pictures"] == 8


def test_generate_is_priced_by_its_count_and_by_the_list_wired_into_it(graph: Any, outlook: Any):
    assert outlook({"1": graphs.generate(count=3)}, "1")["credits"] == 3 * 440
    graph.generate(count=2)
    assert outlook({"1": graphs.generate(count=3)}, "1")["new"] == 1
    listed = {"1": graphs.folder(), "2": graphs.generate(count=2, **{"images.image_1": ["1", 0]})}
    assert outlook(listed, "2")["pictures"] == 16


@pytest.mark.parametrize(
    "inputs", [{"prompts": ["9", 0]}, {"images": ["9", 0]}, {"references.image_1": ["9", 0]}, {"prompts": ["404", 0]}]
)
def test_what_only_the_run_can_tell_stays_unknown(outlook: Any, inputs: dict[str, Any]):
    graph = {"9": {"class_type": "ImageScale", "inputs": {}}, "1": graphs.batch(**inputs)}
    said = outlook(graph, "1")
    assert (said["pictures"], said["new"], said["credits"], said["each"]) == (None, None, None, 440)


def test_a_model_without_a_price_has_none(outlook: Any):
    said = outlook({"1": graphs.batch(model="nano-banana-2.1", **{"model.image_size": "1K"})}, "1")
    assert (said["pictures"], said["credits"], said["each"]) == (1, None, None)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "coffee.jpg [temp]"])
def test_no_file_outside_of_comfyuis_folders_is_looked_at(outlook: Any, name: str):
    load = {"class_type": "LoadImage", "inputs": {"image": name}}
    said = outlook({"9": load, "1": graphs.batch(images=["9", 0])}, "1")
    assert said["pictures"] is None


def test_another_node_has_no_price(graph: Any, outlook: Any):
    for node_id in ("1", "404"):
        with pytest.raises(graph.module("grsai.errors").WrongJob, match="makes no pictures"):
            outlook({"1": graphs.folder()}, node_id)


def test_a_folder_tells_what_it_holds_before_it_is_read(graph: Any, outlook: Any):
    (graph.base / "input" / "banana_demo" / "image" / "notes.doc").write_bytes(b"no picture")
    said = graph.module("nodes.outlook").folder("banana_demo/image", "banana_demo/text/text.txt")
    assert (said["pictures"], said["prompts"], len(said["first"])) == (8, 2, 8)
    assert said["first"][0] == {"filename": "astronaut.jpg", "subfolder": "banana_demo/image", "type": "input"}
    assert ["notes.doc" in str(error) for error in said["left_out"]] == [True]


def test_the_folders_and_text_files_on_offer_are_those_below_input(graph: Any, outlook: Any):
    said = graph.module("nodes.paths").folders()
    assert said["folders"] == [{"folder": "banana_demo/image", "pictures": 8}]
    assert said["prompts_files"] == ["banana_demo/text/text.txt"]
