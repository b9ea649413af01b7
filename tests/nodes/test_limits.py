"""What a widget does not allow is refused also where it comes by a link or a script, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
NOTHING = float("nan")


def picture(count: int = 1) -> Any:
    return torch.rand((count, 8, 8, 3), generator=torch.Generator().manual_seed(1))


def errors(graph: Any) -> Any:
    return graph.module("grsai.errors")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("concurrency", 400, "concurrency is 400. It must be a whole number from 1 to 50"),
        ("concurrency", -5, "concurrency is -5"),
        ("concurrency", 0, "concurrency is 0"),
        ("concurrency", 2.5, "concurrency is 2.5"),
        ("concurrency", True, "concurrency is True"),
        ("concurrency", None, "concurrency is None"),
        ("seed", 2**31, "seed is 2147483648. It must be a whole number from 0 to 2147483647"),
        ("seed", -1, "seed is -1"),
        ("seed", "7", "seed is '7'"),
        ("budget", NOTHING, "budget is nan. It must be a number from 0 to 100,000"),
        ("budget", float("inf"), "budget is inf"),
        ("budget", -5.0, "budget is -5.0"),
        ("on_failure", "Stop", "on_failure is 'Stop'. Allowed: keep going, stop"),
        ("pairing", "cross", "pairing is 'cross'. Allowed: product, zip"),
        ("prompts", 7, "prompts is 7. It must be a text"),
        ("filename_prefix", 7, "filename_prefix is 7. It must be a text"),
    ],
)
def test_a_batch_refuses_what_its_widgets_do_not_allow(graph: Any, name: str, value: Any, said: str):
    with pytest.raises(errors(graph).WrongJob) as refused:
        graph.batch(**{"images": picture(), name: [value]})
    assert str(refused.value).startswith(said)
    assert not graph.emulator.received


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("count", 100, "count is 100. It must be a whole number from 1 to 12"),
        ("count", 0, "count is 0"),
        ("count", -1, "count is -1"),
        ("seed", 2**63 - 1, "seed is 9223372036854775807"),
        ("prompt", None, "The prompt is empty"),
        ("image_urls", 7, "image_urls is 7. It must be a text"),
    ],
)
def test_generate_refuses_what_its_widgets_do_not_allow(graph: Any, name: str, value: Any, said: str):
    with pytest.raises(errors(graph).WrongJob) as refused:
        graph.generate(**{name: value})
    assert str(refused.value).startswith(said)
    assert not graph.emulator.received


def test_a_value_of_any_length_is_told_in_short(graph: Any):
    with pytest.raises(errors(graph).WrongJob) as refused:
        graph.batch(pairing=["x" * 100_000])
    assert len(str(refused.value)) < 200


def test_a_whole_number_may_come_as_a_float(graph: Any):
    assert len(graph.batch("red\nblue", concurrency=[2.0]).result[0]) == 2


def test_references_are_counted_as_pictures_and_not_as_sockets(graph: Any):
    with pytest.raises(errors(graph).WrongJob, match="30 pictures are too many for one job: nano-banana-fast takes at most 14"):
        graph.generate(**{"images.image_1": picture(30)})
    with pytest.raises(errors(graph).WrongJob, match="21 pictures are too many"):
        graph.batch(images=picture(2), **{"references.image_1": picture(20)})
    assert not graph.emulator.received


def test_a_batch_without_end_is_refused_before_it_is_planned(graph: Any):
    with pytest.raises(errors(graph).WrongJob, match="100,100 pictures are too many for one batch; at most 100,000"):
        graph.batch("\n".join(map(str, range(1001))), images=picture(100))
    assert not graph.emulator.received


@pytest.mark.parametrize(
    "prefix", ["a" * 300 + "/x", "x" * 5000, "图" * 90, "/".join("abcdefghijklmnopqrstuvwxyz"), "/" * 9 + "a" * 300]
)
def test_a_name_that_no_system_takes_is_refused_in_words(graph: Any, prefix: str):
    with pytest.raises(errors(graph).OutputError, match="too long|deep|absolute"):
        graph.batch(filename_prefix=prefix)
    assert not graph.emulator.received


@pytest.mark.parametrize(("folder", "file"), [("a" * 300, ""), ("banana_demo/image", "b" * 5000)])
def test_a_folder_or_file_with_an_endless_name_is_refused_in_words(graph: Any, folder: str, file: str):
    graph.module("nodes.paths").place_demo()
    with pytest.raises(errors(graph).WrongSetting, match="too long"):
        graph.run("LoadBananaFolder", folder=folder, prompts_file=file)


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        ({"model": "nano-banana-9"}, "did you mean nano-banana"),
        ({}, "Choose one of: nano-banana-fast, nano-banana-2-lite"),
        (
            {"model": "nano-banana-2", "model.aspect_ratio": "16:9", "model.image_size": ["8K"]},
            "has no size 8K. Allowed: 1K, 2K, 4K",
        ),
    ],
)
def test_a_model_that_is_none_is_told_with_what_there_is(graph: Any, model: dict[str, Any], allowed: str):
    with pytest.raises(errors(graph).WrongJob) as refused:
        graph.run("NanoBananaGenerate", prompt="a boat", count=1, seed=0, **model)
    assert allowed in str(refused.value)
    assert not graph.emulator.received
