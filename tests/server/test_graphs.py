"""Graphs on a real ComfyUI: pictures, previews, Cancel, neighbours, restart."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from PIL import Image

from grsai.emulator import Fault
from grsai.models import Catalogue, Model

KEY = "sk-" + "0123456789abcdef" * 2


def submits(room: Any) -> int:
    return room.service.count("submit")


def prompts_of(room: Any) -> list[str]:
    return [task.prompt for task in room.service.tasks.values()]


def test_the_pack_loads_without_a_warning_of_its_own(room: Any):
    assert "IMPORT FAILED" not in room.comfy.log
    own = [line for line in room.comfy.log.splitlines() if "grsai" in line.lower() and "[INFO]" not in line]
    assert [line for line in own if "seconds:" not in line] == []


def test_a_folder_times_prompts_becomes_pictures_in_order(room: Any):
    graph = {
        "1": room.folder("banana_demo/image", "banana_demo/text/text.txt"),
        "2": room.batch(["1", 2], images=["1", 0], names=["1", 1]),
        "3": room.save("2"),
    }
    before = submits(room)
    outputs = room.run(graph)
    names = [file["filename"] for file in outputs["2"]["images"]]
    assert len(names) == len(outputs["3"]["images"]) == submits(room) - before == 16
    assert names[:3] == ["Task_1_astronaut_1.png", "Task_2_astronaut_1.png", "Task_3_cameraman_1.png"]
    assert {file["subfolder"] for file in outputs["2"]["images"]} == {"banana"}
    kept = [Image.open(room.comfy.output / "banana" / name) for name in names]
    saved = [Image.open(room.comfy.output / file["filename"]) for file in outputs["3"]["images"]]
    assert [image.size for image in kept] == [image.size for image in saved]
    assert all(left.convert("RGB").tobytes() == right.convert("RGB").tobytes() for left, right in zip(kept, saved, strict=True))


def test_every_finished_picture_is_seen_while_the_others_are_made(room: Any):
    room.service.seconds = (0.3, 2.0)
    with room.listen() as ear:
        room.run({"1": room.batch("\n".join(f"preview {number}" for number in range(6)))})
        room.wait_until(lambda: "execution_success" in dict(ear.events))
    assert len(ear.previews) == 6
    assert all(facts["node_id"] == "1" for facts, _ in ear.previews)
    assert all(max(Image.open(io.BytesIO(data)).size) == 512 for _, data in ear.previews)
    percents = [percent for percent in ear.percents("1") if percent != 1.0]
    assert percents == sorted(percents)
    assert len({round(percent) for percent in percents}) > 5
    shown = [text for text in ear.texts if text != "preparing"]
    assert shown[0] == "pictures: 6 · will cost ¥0.264"
    assert any(" running · " in text for text in ear.texts)
    assert ear.texts[-1].startswith("6/6 done · ") and ear.texts[-1].endswith("¥0.264")


def test_messages_are_few_however_many_events_there_are(room: Any):
    begun = time.monotonic()
    with room.listen() as ear:
        room.run({"1": room.batch("\n".join(f"many {number}" for number in range(40)), concurrency=20)})
        seconds = time.monotonic() - begun
        runs = ear.all("grsai.run")
    assert len(ear.texts) <= 10 * seconds + 2
    assert len(runs) <= 10 * seconds + 2
    assert runs[-1]["finished"] and runs[-1]["done"] == 40
    assert "prompt" not in runs[-1]


def test_a_second_run_sends_nothing_also_after_a_restart(room: Any):
    graph = {"1": room.batch("again 1\nagain 2"), "2": room.generate("again 3"), "3": room.save("2")}
    first = room.run(graph)
    before = len(room.service.received)
    room.comfy.stop()
    room.comfy.start()
    with room.listen() as ear:
        assert room.run(graph)["1"] == first["1"]
    assert "2 made earlier, nothing paid" in ear.texts
    assert len(room.service.received) == before


def test_cancel_makes_comfyui_idle_at_once_and_the_next_run_collects(room: Any):
    room.service.seconds = 2.0
    graph = {"1": room.batch("\n".join(f"cancel {number}" for number in range(10)), concurrency=4)}
    before = submits(room)
    with room.listen() as ear:
        room.comfy.queue(graph)
        room.wait_until(lambda: ear.texts and ear.texts[-1].startswith("0/10 done · 4 running"))
        assert room.cancel() < 0.5
        time.sleep(0.5)
    assert ear.texts[-1].startswith("0/10 done · 4 paid, fetched by the next run · 6 not started")
    assert submits(room) == before + 4
    room.service.seconds = 0.2
    assert len(room.run(graph)["1"]["images"]) == 10
    assert submits(room) == before + 10


def test_cancel_makes_comfyui_idle_while_the_service_hangs(room: Any):
    room.service.add(Fault("submit", "hang_taken", seconds=5.0))
    before = submits(room)
    room.comfy.queue({"1": room.batch("hanging")})
    room.wait_until(lambda: submits(room) > before)
    assert room.cancel() < 0.5
    room.service.clear_faults()
    assert room.run({"1": room.batch("not hanging")})["1"]["images"]


def test_a_list_into_generate_is_bounded(room: Any):
    room.service.seconds = 0.4
    room.service.peak_open = 0
    before = submits(room)
    graph = {"1": room.folder(), "2": room.generate("list", **{"images.image_1": ["1", 0]}), "3": room.save("2")}
    assert len(room.run(graph)["3"]["images"]) == 8
    assert submits(room) == before + 8
    assert room.service.peak_open <= 5


def test_independent_nodes_run_at_the_same_time_under_one_limit(room: Any):
    room.service.seconds = 0.5
    room.service.peak_open = 0
    names = {node: [f"{node} {number}" for number in range(6)] for node in ("left", "right")}
    room.run({"1": room.batch("\n".join(names["left"])), "2": room.batch("\n".join(names["right"]))})
    order = [prompt.split()[0] for prompt in prompts_of(room)[-12:]]
    assert len(set(order[:6])) == 2, order
    assert room.service.peak_open <= 5


def test_a_failing_neighbour_loses_nothing_that_was_paid(room: Any):
    room.service.seconds = 1.5
    paid = room.batch("neighbour 1\nneighbour 2")
    before = submits(room)
    error = room.fail({"1": paid, "2": room.generate("[input_moderation] [slow 0.3] bad"), "3": room.save("2")})
    assert error["node_type"] == "NanoBananaGenerate"
    accepted = [prompt for prompt in prompts_of(room) if prompt.startswith("neighbour")]
    assert len(accepted) == 2
    assert len(room.run({"1": paid})["1"]["images"]) == 2
    assert submits(room) == before + 3


def test_a_failure_is_one_message_with_model_reason_task_and_advice(room: Any):
    error = room.fail({"1": room.generate("[output_moderation]"), "2": room.save("1")})
    task = list(room.service.tasks.values())[-1]
    message = error["exception_message"]
    assert all(part in message for part in ("nano-banana-fast", "output_moderation", task.id, "Change prompt or picture"))
    assert error["exception_type"] == "grsai.Moderated"


def test_no_failure_opens_comfyuis_own_dialogs(room: Any):
    for kind in ("key_refused", "out_of_credits"):
        room.service.clear_faults()
        room.service.add(Fault("submit", kind))
        message = room.fail({"1": room.batch(f"dialog {kind}")})["exception_message"]
        assert not message.startswith(("Unauthorized: Please login", "Payment Required:", "Rate Limit Exceeded:")), message
        room.service.clear_faults()


def test_errors_and_texts_are_chinese_where_comfyui_is(room: Any):
    room.comfy.post("/settings", {"Comfy.Locale": "zh"})
    try:
        with room.listen() as ear:
            message = room.fail({"1": room.batch("[input_moderation] chinese")})["exception_message"]
        assert "审核" in message
        assert any("已完成" in text or "预计花费" in text for text in ear.texts)
    finally:
        room.comfy.post("/settings", {"Comfy.Locale": "en"})


@pytest.mark.parametrize(("languages", "word"), [("zh-CN,zh;q=0.9,en;q=0.8", "审核"), ("en-US,en;q=0.9", "moderation")])
def test_where_no_language_was_chosen_the_browsers_counts(room: Any, languages: str, word: str):
    """As on the canvas, which takes the browser's language and stores it nowhere."""
    room.comfy.post("/settings", {"Comfy.Locale": None})
    asked = urllib.request.Request(f"{room.comfy.url}/grsai/history?limit=1", headers={"Accept-Language": languages})
    try:
        urllib.request.urlopen(asked, timeout=20).close()
        assert word in room.fail({"1": room.batch(f"[input_moderation] browser {word}")})["exception_message"]
        with urllib.request.urlopen(asked, timeout=20) as reply:
            (entry,) = json.load(reply)["entries"]
        assert word in entry["error"]
    finally:
        room.comfy.post("/settings", {"Comfy.Locale": "en"})


def test_what_the_price_is_over_the_budget_is_not_begun(room: Any):
    before = submits(room)
    with room.listen() as ear:
        message = room.fail({"1": room.batch("1\n2\n3", budget=0.1)})["exception_message"]
        room.wait_until(lambda: ear.texts[-1:] == [message.strip()])  # on the node too, where "preparing" was
    assert "¥" in message and submits(room) == before


def test_the_worker_lives_on_after_every_kind_of_end(room: Any):
    assert room.run({"1": room.batch("still alive")})["1"]["images"]


def test_the_key_is_in_no_file_no_reply_and_no_log(room: Any):
    room.run({"1": room.batch("secret 1"), "2": room.save("1", "secret")})
    room.fail({"1": room.batch("[output_moderation] secret")})
    files = [path for path in room.comfy.base.rglob("*") if path.is_file() and not path.is_symlink()]
    inside = [path for path in files if "custom_nodes" not in path.parts]
    assert not [path for path in inside if KEY.encode() in path.read_bytes()]
    assert (room.comfy.private / "ledger.sqlite3").is_file()
    for route in ("key", "settings", "balance", "catalogue", "history?limit=200", "running"):
        assert KEY not in str(room.comfy.get(f"/grsai/{route}"))
    for route in ("/history", "/object_info/BatchBanana", "/internal/logs/raw", "/settings", "/queue"):
        assert KEY not in str(room.comfy.get(route))


def test_queueing_again_makes_up_what_is_missing_and_then_nothing(room: Any):
    """Seven of twenty submits are taken and their replies lost. The same graph sends those anew; then it is cached."""
    prompts = "\n".join(f"made up {number}" for number in range(20))
    graph = {"1": room.batch(prompts, concurrency=10), "2": report_of("1")}
    room.service.add(Fault("submit", "reset_after", after=3, times=7))
    before = submits(room)
    first = room.run(graph)
    assert (len(first["1"]["images"]), submits(room) - before) == (13, 20)
    assert "7 uncertain" in first["2"]["text"][0]
    second = room.run(graph)
    assert (len(second["1"]["images"]), submits(room) - before) == (20, 27)
    assert "may have been paid too" in second["2"]["text"][0]
    requests = len(room.service.received)
    assert cached(room, graph) >= {"1", "2"}
    assert len(room.service.received) == requests


@pytest.mark.parametrize("kind", ["batch", "generate"])
def test_a_picture_that_was_deleted_is_fetched_or_made_again_by_the_same_graph(room: Any, kind: str):
    node = room.generate("deleted 1", count=2) if kind == "generate" else room.batch("deleted 2\ndeleted 3")
    graph = {"1": node, "2": room.save("1")}
    room.run(graph)
    files = set((room.comfy.output / "banana").glob("*deleted*" if kind == "generate" else "Task_*_text_*"))
    assert cached(room, graph) >= {"1"}
    newest = max(files, key=lambda file: file.stat().st_mtime)
    newest.unlink()
    assert "1" not in cached(room, graph)
    assert newest.is_file()
    assert cached(room, graph) >= {"1"}


def test_what_is_refused_for_good_is_not_asked_for_again(room: Any):
    graph = {"1": room.batch("refused 1\n[input_moderation] refused 2")}
    before = submits(room)
    room.run(graph)
    assert cached(room, graph) >= {"1"}
    assert submits(room) == before + 2


def test_a_failure_that_passed_is_made_up_by_the_list_that_met_it(room: Any):
    """A list runs NanoBananaGenerate once for each item, all in one prompt."""
    graph = {"1": room.folder(), "2": room.generate("list again", count=2, **{"images.image_1": ["1", 0]}), "3": room.save("2")}
    room.service.add(Fault("submit", "reset_after", after=2, times=1))
    assert len(room.run(graph)["3"]["images"]) == 15
    assert len(room.run(graph)["3"]["images"]) == 16
    assert cached(room, graph) >= {"1", "2"}


@pytest.mark.parametrize(
    ("node", "value", "said"),
    [
        ({"count": ["3", 0]}, 100, "count is 100. It must be a whole number from 1 to 12"),
        ({"concurrency": ["3", 0]}, 400, "concurrency is 400. It must be a whole number from 1 to 50"),
        ({"concurrency": ["3", 0]}, -5, "concurrency is -5"),
        ({"seed": ["3", 0]}, 2**63 - 1, "seed is 9223372036854775807"),
    ],
)
def test_what_a_wire_brings_is_checked_like_what_is_typed(room: Any, node: dict[str, Any], value: int, said: str):
    ours = room.generate(**node) if "count" in node else room.batch(**node)
    before = len(room.service.received)
    error = room.fail({"1": ours, "2": room.save("1"), "3": {"class_type": "PrimitiveInt", "inputs": {"value": value}}})
    assert error["exception_message"].startswith(said)
    assert len(room.service.received) == before


def report_of(node_id: str) -> dict[str, Any]:
    return {"class_type": "PreviewAny", "inputs": {"source": [node_id, 2]}}


def cached(room: Any, graph: dict[str, Any]) -> set[str]:
    """The nodes that ComfyUI did not run when it ran the graph."""
    status = room.comfy.run(graph)["status"]
    assert status["status_str"] == "success", status
    return set(dict(status["messages"])["execution_cached"]["nodes"])


def test_a_model_with_a_transparent_background_hands_out_masks(room: Any):
    model = {"model": "gpt-image-2.5-flare", "model.aspect_ratio": "1024x768", "model.image_size": "1K"}
    graph = {
        "1": room.generate("a cut-out boat", **model, **{"model.quality": "low", "model.background": "transparent"}),
        "2": {"class_type": "JoinImageWithAlpha", "inputs": {"image": ["1", 0], "alpha": ["1", 3]}},
        "3": room.save("2", "joined"),
        "4": room.save("1", "flat"),
    }
    outputs = room.run(graph)
    [joined], [flat] = (outputs[node]["images"] for node in ("3", "4"))
    [kept] = (room.comfy.output / "banana").glob("a_cut-out_boat*.png")
    with Image.open(kept) as file, Image.open(room.comfy.output / joined["filename"]) as picture:
        assert file.mode == picture.mode == "RGBA"
        assert file.getchannel("A").getextrema() == (0, 255)
        assert file.tobytes() == picture.tobytes()
    with Image.open(room.comfy.output / flat["filename"]) as picture:
        assert picture.mode == "RGB"


@pytest.mark.parametrize(("ratio", "refused"), [("1024x768", False), ("1024x770", True), ("9:99", True)])
def test_pixels_stand_for_a_ratio_where_the_model_makes_them(room: Any, ratio: str, refused: bool):
    node = room.batch(f"pixels {ratio}", model="gpt-image-2", **{"model.aspect_ratio": ratio, "model.image_size": "1K"})
    if refused:
        with pytest.raises(AssertionError, match="Value not in list"):
            room.comfy.queue({"1": node})
    else:
        assert len(room.run({"1": node})["1"]["images"]) == 1
        assert list(room.service.tasks.values())[-1].aspect_ratio == ratio


def test_the_price_before_a_run_leaves_out_what_was_made_of_the_same_photo(room: Any):
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "banana_demo_coffee.jpg"}},
        "2": room.generate("priced before", count=2, **{"images.image_1": ["1", 0]}),
        "3": room.save("2"),
    }
    ask = {"prompt": graph, "node": "2"}
    assert room.comfy.post("/grsai/estimate", ask)["credits"] == 880
    room.run(graph)
    said = room.comfy.post("/grsai/estimate", ask)
    assert (said["pictures"], said["new"], said["reused"], said["credits"]) == (2, 0, 2, 0)
    assert room.comfy.get("/grsai/folders")["folders"]
    folder = room.comfy.get("/grsai/folder?folder=banana_demo/image&prompts_file=banana_demo/text/text.txt")
    assert (folder["pictures"], folder["prompts"]) == (8, 2)


def test_a_whole_graph_is_priced_by_what_would_run(room: Any):
    graph = {
        "1": room.batch("whole\ngraph"),
        "2": room.generate("not run"),
        "3": room.generate("run", model="none"),
        "4": room.save("3"),
    }
    said = room.comfy.post("/grsai/estimate", {"prompt": graph})
    assert (said["total"]["pictures"], said["total"]["credits"], said["asks"], said["offline"]) == (2, 880, False, False)
    assert said["nodes"]["2"]["credits"] == 440 and set(said["nodes"]["3"]["error"]) == {"en", "zh"}
    assert room.comfy.post("/grsai/estimate", {"prompt": graph, "targets": []})["total"]["pictures"] == 0
    assert room.comfy.post("/grsai/estimate", {"prompt": graph, "times": 2, "quick": True})["total"]["credits"] == 1760


@pytest.mark.parametrize("wrong", [{"prompt": []}, {"node": 1}, {"targets": "2"}, {"times": 0}])
def test_an_odd_question_for_a_price_is_refused(room: Any, wrong: dict[str, Any]):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        room.comfy.post("/grsai/estimate", {"prompt": {"1": room.batch()}, **wrong})


def test_a_graph_that_is_posted_is_never_asked_about(room: Any):
    room.comfy.post("/grsai/settings", {"ask_above": 0.01})
    try:
        assert room.comfy.post("/grsai/estimate", {"prompt": {"1": room.batch("posted")}})["asks"]
        assert len(room.run({"1": room.batch("posted")})["1"]["images"]) == 1
    finally:
        room.comfy.post("/grsai/settings", {"ask_above": None})


def test_a_picture_brings_its_workflow_as_the_canvas_sent_it(room: Any):
    workflow = {"nodes": [{"id": 1, "type": "BatchBanana"}], "version": 0.4}
    graph = {"1": room.batch("carried", filename_prefix="carried/Task")}
    prompt = {"prompt": graph, "client_id": "test", "extra_data": {"extra_pnginfo": {"workflow": workflow}}}
    prompt_id = room.comfy.post("/prompt", prompt)["prompt_id"]
    room.wait_until(lambda: prompt_id in room.comfy.get(f"/history/{prompt_id}"))
    [file] = (room.comfy.output / "carried").iterdir()
    with Image.open(file) as picture:
        assert json.loads(picture.info["workflow"]) == workflow
        assert json.loads(picture.info["prompt"])["1"]["inputs"]["prompts"] == "carried"
    assert cached(room, graph) >= {"1"}


@pytest.mark.parametrize("words", ["grsai", "nano banana", "香蕉"])
def test_every_node_is_found_by_what_people_search_for(room: Any, words: str):
    for name in ("BatchBanana", "NanoBananaGenerate", "GrsaiUpload", "LoadBananaFolder"):
        assert words in room.comfy.get(f"/object_info/{name}")[name]["search_aliases"]
    assert {"gemini", "image edit", "text to image"} <= set(
        room.comfy.get("/object_info/NanoBananaGenerate")["NanoBananaGenerate"]["search_aliases"]
    )
    assert {"batch", "批量"} <= set(room.comfy.get("/object_info/BatchBanana")["BatchBanana"]["search_aliases"])


def test_a_batch_of_each_model(room: Any):
    """One node for each, with all that the model lets one choose."""
    models = [model for model in Catalogue().values() if not model.delisted]
    photo = {"class_type": "LoadImage", "inputs": {"image": "banana_demo/image/coffee.jpg"}}
    chosen = {model.id: {"model": model.id, **_choices(model)} for model in models}
    graph = {name: room.batch(f"each by {name}", **{"model.aspect_ratio": "3:2", **values}) for name, values in chosen.items()}
    for node in list(graph.values())[::2]:
        node["inputs"]["images"] = ["photo", 0]
    room.run({"photo": photo, **graph}, seconds=240)
    made = [task for task in room.service.tasks.values() if task.prompt.startswith("each by ")]
    assert sorted((task.model, task.prompt) for task in made) == sorted((name, f"each by {name}") for name in chosen)


def _choices(model: Model) -> dict[str, str]:
    found = {"image_size": model.sizes[:1], "quality": model.qualities[-1:], "background": model.backgrounds[-1:]}
    return {f"model.{name}": values[0] for name, values in found.items() if values}
