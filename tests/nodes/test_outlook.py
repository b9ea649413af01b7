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


def test_a_text_or_a_number_that_a_node_holds_is_known(outlook: Any):
    graph = {
        "1": graphs.folder(prompts_file="banana_demo/text/text.txt"),
        "2": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a third"}},
        "3": {"class_type": "StringConcatenate", "inputs": {"string_a": ["1", 2], "string_b": ["2", 0], "delimiter": "\n"}},
        "4": {"class_type": "PrimitiveInt", "inputs": {"value": 7}},
        "5": graphs.batch(["3", 0], seed=["4", 0]),
        "6": {"class_type": "StringConcatenate", "inputs": {"string_a": ["6", 0], "string_b": "round", "delimiter": ""}},
        "7": graphs.batch(["6", 0]),
    }
    assert (outlook(graph, "5")["pictures"], outlook(graph, "5")["reused"]) == (3, 0)
    assert outlook(graph, "7")["pictures"] is None


def test_one_to_one_is_counted_by_its_prompts_whatever_is_wired(outlook: Any):
    said = outlook({"1": graphs.batch("1\n2", images=["9", 0], pairing="zip")}, "1")
    assert (said["pictures"], said["new"], said["reused"]) == (2, 2, None)


def test_quickly_all_count_as_new_and_no_picture_is_read(graph: Any, outlook: Any):
    run_folder_batch(graph)
    (graph.base / "input" / "banana_demo" / "image" / "broken.png").write_bytes(b"no picture")
    said = outlook(folder_batch(), "2", quick=True)
    assert (said["pictures"], said["new"], said["reused"]) == (18, 18, None)


def test_a_folder_with_a_text_for_each_picture_is_counted(graph: Any, outlook: Any):
    texts = graph.base / "input" / "texts"
    texts.mkdir()
    for photo in (graph.base / "input" / "banana_demo" / "image").iterdir():
        (texts / f"{photo.stem}.txt").write_text(f"a poster of {photo.stem}", "utf-8")
    wired = {"1": graphs.folder(prompts_file="texts"), "2": graphs.batch("", jobs=["1", 4])}
    assert outlook(wired, "2")["pictures"] == 8
    assert graph.module("nodes.outlook").folder("banana_demo/image", "texts")["prompts"] == 8
    graph.batch("", jobs=graph.run("LoadBananaFolder", folder="banana_demo/image", prompts_file="texts").result[4])
    assert outlook(wired, "2")["reused"] == 8


def test_with_a_wire_that_is_not_understood_all_count_as_new(graph: Any, outlook: Any):
    graph.batch("a red boat")
    assert outlook({"1": graphs.batch("a red boat")}, "1")["reused"] == 1
    said = outlook({"1": graphs.batch("a red boat", lamp=["9", 0])}, "1")
    assert (said["pictures"], said["new"], said["reused"]) == (1, 1, None)


@pytest.fixture
def of_graph(graph: Any, outlook: Any) -> Any:
    return graph.module("nodes.outlook").of_graph


def two_batches() -> dict[str, Any]:
    return {**folder_batch(), "3": graphs.generate(count=2), "4": graphs.save("3"), "5": graphs.batch(["404", 0])}


def test_a_whole_graph_is_the_sum_of_what_is_known_of_its_nodes(of_graph: Any):
    said = of_graph(two_batches())
    assert {node: facts["pictures"] for node, facts in said["nodes"].items()} == {"2": 16, "3": 2, "5": None}
    total = said["total"]
    assert (total["pictures"], total["new"], total["reused"], total["credits"]) == (18, 18, 0, 18 * 440)
    assert total["seconds"] == pytest.approx(0.5)


def test_several_runs_cost_several_times_as_much(of_graph: Any):
    assert of_graph(two_batches(), times=3)["total"]["credits"] == 3 * 18 * 440


def test_what_only_the_run_can_tell_is_counted(of_graph: Any):
    assert (of_graph(two_batches())["unknown"], of_graph(two_batches(), ["4"])["unknown"]) == (1, 0)


def test_only_what_would_run_is_in_the_sum(of_graph: Any):
    assert of_graph(two_batches(), ["4"])["total"]["pictures"] == 2
    assert of_graph(two_batches(), ["404"])["total"]["pictures"] == 0


def test_what_a_run_would_refuse_is_told_and_counted_nowhere(of_graph: Any, graph: Any):
    said = of_graph({"1": graphs.batch(model="nano-banana-9"), "2": graphs.batch()})
    assert isinstance(said["nodes"]["1"]["error"], graph.module("grsai.errors").WrongJob)
    assert said["total"]["pictures"] == 1


def test_the_canvas_asks_above_the_users_own_sum(of_graph: Any, graph: Any, monkeypatch: pytest.MonkeyPatch):
    panel = graph.module("nodes.panel")
    assert (of_graph(two_batches())["asks"], of_graph(two_batches())["ask_above"]) == (False, 5.0)
    dear = {"1": graphs.batch("\n".join(map(str, range(114))))}  # ¥5.016
    assert of_graph(dear)["asks"]
    for most, asks in ((0, False), (0.79, True), (0.792, False)):
        panel.change_panel({"ask_above": most})
        assert of_graph(two_batches())["asks"] is asks
    panel.change_panel({"ask_above": None, "credits_per_yuan": 20_000})
    assert not of_graph(dear)["asks"]
    monkeypatch.setenv("GRSAI_ASK_ABOVE", "0.01")
    assert of_graph(two_batches())["ask_above"] == 0.01


def test_what_was_made_earlier_is_no_reason_to_ask(of_graph: Any, graph: Any):
    graph.module("nodes.panel").change_panel({"ask_above": 0.5})
    assert of_graph(folder_batch())["asks"]
    run_folder_batch(graph)
    assert not of_graph(folder_batch())["asks"]


def test_nothing_is_asked_where_nothing_is_paid(of_graph: Any, graph: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GRSAI_BASE_URL")
    graph.module("nodes.panel").change_panel({"ask_above": 0.01, "host": "offline"})
    said = of_graph(two_batches())
    assert (said["asks"], said["offline"], said["total"]["pictures"]) == (False, True, 18)


@pytest.mark.parametrize("odd", [None, [], "text", {}, {"class_type": "BatchBanana"}, {"inputs": []}])
def test_an_odd_graph_harms_nobody(of_graph: Any, odd: Any):
    assert of_graph({"1": odd, "2": graphs.batch()})["total"]["pictures"] == 1


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
    assert (said["prompts_files"], said["sheets"]) == (["banana_demo/text/text.txt"], ["banana_demo/jobs.csv"])


def test_a_folder_of_texts_is_on_offer_and_tells_what_is_missing_in_it(graph: Any, outlook: Any):
    for name in ("coffee", "rocket", "more"):
        (graph.base / "input" / "banana_demo" / "text" / f"{name}.txt").write_text(f"a {name}", "utf-8")
    assert "banana_demo/text/" in graph.module("nodes.paths").folders()["prompts_files"]
    said = graph.module("nodes.outlook").folder("banana_demo/image", "banana_demo/text/")
    assert (said["pictures"], said["prompts"]) == (8, 4)
    told = [str(error) for error in said["left_out"]]
    assert len([each for each in told if "has no partner in" in each]) == 6
    assert "belong to no picture: more.txt, text.txt" in told[-1]


# Row by row


def sheet_batch(**inputs: Any) -> dict[str, Any]:
    sheet = {"class_type": "LoadBananaSheet", "inputs": {"file": "banana_demo/jobs.csv"}}
    return {"1": sheet, "2": graphs.batch("", jobs=["1", 0], **inputs)}


def test_a_sheet_is_priced_row_by_row_with_the_models_of_its_rows(graph: Any, outlook: Any):
    said = outlook(sheet_batch(), "2")
    assert (said["pictures"], said["new"], said["credits"], said["each"]) == (9, 9, 6 * 440 + 3 * 1200, 440)
    wire = graph.run("LoadBananaSheet", file="banana_demo/jobs.csv").result[0]
    graph.batch("", jobs=wire)
    said = outlook(sheet_batch(), "2")
    assert (said["pictures"], said["new"], said["reused"], said["credits"]) == (9, 0, 9, 0)
    assert outlook(sheet_batch(seed=1), "2")["new"] == 9
    assert outlook(sheet_batch(), "2", quick=True)["new"] == 9


def test_what_is_wrong_in_a_sheet_is_told_before_it_is_run(graph: Any, outlook: Any):
    (graph.base / "input" / "banana_demo" / "jobs.csv").write_text("prompt,model\nred,nano-bananna\n,\n,nano-banana-2\n", "utf-8")
    with pytest.raises(graph.module("grsai.errors").WrongSheet) as told:
        outlook(sheet_batch(), "2")
    assert [row for row, _ in told.value.faults] == [2, 4]


def test_pairs_are_counted_and_what_was_made_is_known(graph: Any, outlook: Any):
    asked = graphs.batch("red\nblue", images=["1", 0], **{"paired.image_1": ["2", 0]})
    said = outlook({"1": graphs.folder(), "2": graphs.folder(), "3": asked}, "3")
    assert (said["pictures"], said["credits"]) == (16, 16 * 440)
    load = {"class_type": "LoadImage", "inputs": {"image": "banana_demo_coffee.jpg"}}
    with pytest.raises(graph.module("grsai.errors").WrongJob, match="paired.image_1 holds 1 pictures for the 8 of images"):
        outlook({"1": graphs.folder(), "2": load, "3": asked}, "3")
    assert outlook({"1": graphs.folder(), "2": {"class_type": "ImageScale", "inputs": {}}, "3": asked}, "3")["pictures"] is None


def test_texts_of_a_folder_are_counted(graph: Any, outlook: Any):
    for photo in (graph.base / "input" / "banana_demo" / "image").iterdir():
        photo.with_suffix(".txt").write_text(f"a picture of {photo.stem}", "utf-8")
    asked = graphs.folder("banana_demo/image", "banana_demo/image")
    said = outlook({"1": asked, "2": graphs.batch("", jobs=["1", 4])}, "2")
    assert (said["pictures"], said["credits"]) == (8, 8 * 440)
    assert outlook({"1": asked, "2": graphs.batch("", jobs=["1", 3])}, "2")["pictures"] is None
