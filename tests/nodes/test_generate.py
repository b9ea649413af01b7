"""NanoBananaGenerate and GrsaiUpload, called as ComfyUI calls them, against the emulator."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from typing import Any

import pytest

torch = pytest.importorskip("torch")


def picture(value: float = 0.5, height: int = 32, width: int = 48) -> Any:
    return torch.full((1, height, width, 3), value)


def errors(graph: Any) -> Any:
    return graph.module("grsai.errors")


def test_a_prompt_becomes_a_picture_its_address_and_a_report(graph: Any):
    pictures, urls, report, _ = graph.generate("a red boat").result
    assert [tuple(each.shape) for each in pictures] == [(1, 1024, 1024, 3)]
    assert pictures[0].dtype is torch.float32
    assert 0 <= float(pictures[0].min()) < float(pictures[0].max()) <= 1
    assert urls.startswith(graph.emulator.url)
    assert "1 of 1" in report
    assert len(graph.files) == 1 and graph.files[0].startswith("banana/a_red_boat_")


def test_ratio_and_size_reach_the_service(graph: Any):
    values = {"model": "nano-banana-2", "model.aspect_ratio": "16:9", "model.image_size": "2K"}
    [made] = graph.generate("wide", **values).result[0]
    [task] = graph.emulator.tasks.values()
    assert (task.model, task.aspect_ratio, task.image_size) == ("nano-banana-2", "16:9", "2K")
    assert tuple(made.shape[1:3]) == (1536, 2752)


def test_a_model_without_sizes_is_asked_for_none(graph: Any):
    graph.generate()
    [submit] = [seen.body for seen in graph.emulator.received if seen.step == "submit"]
    assert "imageSize" not in submit


def test_count_pictures_are_made_and_differ(graph: Any):
    pictures, urls, *_ = graph.generate(count=3).result
    assert len(pictures) == len(urls.splitlines()) == graph.emulator.count("submit") == 3
    assert not torch.equal(pictures[0], pictures[1])


def test_references_keep_the_order_of_their_sockets_gaps_and_batches_included(graph: Any):
    values = {"images.image_10": picture(0.9), "images.image_2": picture(0.1).repeat(2, 1, 1, 1), "images.image_1": picture(0.5)}
    graph.generate(**values)
    [task] = graph.emulator.tasks.values()
    assert len(task.urls) == 4
    assert task.urls[1] == task.urls[2]
    assert graph.emulator.count("upload") == 3


def test_unchanged_inputs_are_not_paid_again_and_another_seed_is(graph: Any):
    first = graph.generate(**{"images.image_1": picture()}).result
    again = graph.generate(**{"images.image_1": picture()}).result
    assert graph.emulator.count("submit") == 1
    assert torch.equal(first[0][0], again[0][0]) and first[1] == again[1]
    graph.generate(seed=1, **{"images.image_1": picture()})
    assert graph.emulator.count("submit") == 2


def test_uploaded_once_used_by_many(graph: Any):
    [urls] = graph.run("GrsaiUpload", images=[torch.cat([picture(0.2), picture(0.4)]), picture(0.6)]).result
    assert len(urls.splitlines()) == 3
    graph.generate("one", image_urls=urls)
    graph.generate("two", image_urls=urls)
    assert graph.emulator.count("upload") == 3
    assert [list(task.urls) for task in graph.emulator.tasks.values()] == [urls.splitlines()] * 2


def test_an_address_counts_as_the_picture_that_was_uploaded_to_it(graph: Any):
    [urls] = graph.run("GrsaiUpload", images=picture()).result
    graph.generate(image_urls=urls)
    graph.generate(**{"images.image_1": picture()})
    assert graph.emulator.count("submit") == 1


def test_a_result_goes_on_to_the_next_node_by_its_address(graph: Any):
    _, urls, *_ = graph.generate("first").result
    graph.generate("second", image_urls=urls)
    second = list(graph.emulator.tasks.values())[-1]
    assert len(second.urls) == 1
    graph.generate("second", image_urls=urls)
    assert graph.emulator.count("submit") == 2


def test_some_failures_are_reported_and_the_rest_is_given(graph: Any):
    graph.emulator.add(importlib.import_module("grsai.emulator").Fault("submit", "task_output_moderation", times=1))
    pictures, _, report, _ = graph.generate(count=3).result
    assert len(pictures) == 2
    assert "moderation" in report


def test_a_failure_says_model_reason_and_task(graph: Any):
    with pytest.raises(errors(graph).Moderated) as failed:
        graph.generate("[output_moderation]")
    [task] = graph.emulator.tasks.values()
    assert all(part in str(failed.value) for part in ("nano-banana-fast", "output_moderation", task.id, "Change"))
    assert type(failed.value).__module__ == "grsai"


def test_errors_speak_chinese_where_comfyui_does(graph: Any, in_chinese: None):
    with pytest.raises(errors(graph).WrongJob, match="[\u4e00-\u9fff]"):
        graph.generate(model="gone-model")


@pytest.mark.parametrize("model", [{"model": "gone-model"}, {}])
def test_a_model_that_left_the_catalogue_is_refused_before_anything_is_sent(graph: Any, model: dict[str, str]):
    with pytest.raises(errors(graph).WrongJob, match="model"):
        graph.run("NanoBananaGenerate", prompt="a boat", count=1, seed=0, **model)
    assert not graph.emulator.received


def test_an_empty_prompt_is_refused_before_anything_is_sent(graph: Any):
    with pytest.raises(errors(graph).WrongJob, match="prompt is empty"):
        graph.generate("  \n ")
    assert not graph.emulator.received


@pytest.mark.parametrize("line", ["no address", "file:///etc/passwd", "javascript:alert(1)"])
def test_what_is_no_address_is_refused(graph: Any, line: str):
    with pytest.raises(errors(graph).WrongJob, match="image_urls"):
        graph.generate(image_urls=line)
    assert not graph.emulator.received


def test_an_empty_batch_is_refused_by_the_name_of_its_socket(graph: Any):
    with pytest.raises(errors(graph).BadPicture, match="images.image_1"):
        graph.generate(**{"images.image_1": torch.zeros(0, 8, 8, 3)})


def test_nothing_to_upload_is_an_error(graph: Any):
    with pytest.raises(errors(graph).BadPicture, match="no picture"):
        graph.run("GrsaiUpload", images=[torch.zeros(0, 8, 8, 3)])


def test_a_broken_file_of_models_is_refused_on_run(graph: Any):
    (graph.base / "user" / "__grsai" / "grsai.toml").write_text("models = [", "utf-8")
    with pytest.raises(errors(graph).WrongSetting, match="grsai.toml"):
        graph.generate()


def test_cancel_ends_the_wait_at_once_and_the_next_run_collects(graph: Any):
    management = importlib.import_module("comfy.model_management")
    graph.emulator.seconds = 1.5
    canceller = threading.Thread(target=_interrupt_when, args=(lambda: graph.emulator.tasks, management))
    canceller.start()
    begun = time.monotonic()
    try:
        with pytest.raises(management.InterruptProcessingException):
            graph.generate()
        took = time.monotonic() - _interrupted_at[0]
    finally:
        canceller.join()
        management.interrupt_current_processing(False)
    assert took < 0.5, (took, begun)
    graph.generate()
    assert graph.emulator.count("submit") == 1


_interrupted_at = [0.0]


def _interrupt_when(condition: Any, management: Any) -> None:
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    _interrupted_at[0] = time.monotonic()
    management.interrupt_current_processing(True)


def test_cancel_ends_the_wait_while_the_service_hangs(graph: Any):
    management = importlib.import_module("comfy.model_management")
    graph.emulator.add(importlib.import_module("grsai.emulator").Fault("credits", "hang", seconds=3))
    canceller = threading.Thread(target=_interrupt_when, args=(lambda: graph.emulator.received, management))
    canceller.start()
    try:
        with pytest.raises(management.InterruptProcessingException):
            graph.generate()
        assert time.monotonic() - _interrupted_at[0] < 0.5
    finally:
        canceller.join()
        management.interrupt_current_processing(False)


def test_a_failing_neighbour_loses_nothing(graph: Any):
    """ComfyUI ends the event loop of a prompt, and with it every running node, when one node fails."""
    graph.emulator.seconds = 0.6

    async def prompt() -> None:
        values = {"count": 1, "seed": 0, "model": "nano-banana-fast", "model.aspect_ratio": "auto"}
        node = asyncio.create_task(graph.start("NanoBananaGenerate", prompt="a boat", **values))
        while not graph.emulator.tasks:
            await asyncio.sleep(0.01)
        assert not node.done()
        raise ValueError("the neighbour failed")

    with pytest.raises(ValueError, match="neighbour"):
        asyncio.run(prompt())
    graph.generate("a boat")
    assert graph.emulator.count("submit") == 1


def test_a_cancellation_from_within_becomes_an_ordinary_error(graph: Any):
    """A CancelledError that leaves `execute` on its own would end ComfyUI's worker for good."""
    bridge = graph.module("nodes.bridge")

    async def prompt() -> None:
        async with bridge.running("NanoBananaGenerate", "1"):
            raise asyncio.CancelledError

    with pytest.raises(errors(graph).Stopped, match="cut short"):
        asyncio.run(prompt())


def test_many_runs_at_once_are_bounded(graph: Any):
    graph.emulator.seconds = 0.2

    async def prompt() -> None:
        values = {"count": 1, "seed": 0, "model": "nano-banana-fast", "model.aspect_ratio": "auto"}
        nodes = [graph.start("NanoBananaGenerate", prompt=f"boat {number}", **values) for number in range(20)]
        await asyncio.gather(*nodes)

    asyncio.run(prompt())
    assert len(graph.emulator.tasks) == 20
    assert graph.emulator.peak_open <= 5
