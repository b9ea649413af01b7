"""Edits within masks on a real ComfyUI, with pictures and masks as LoadImage gives them."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from grsai.emulator import AS_MODELS, Drift
from tests.masks.scene import far_from, pixels

PAINTED = "banana_demo_painted.png"  # a photo on which something was painted in the mask editor


@pytest.fixture
def cuts(room: Any) -> Iterator[Any]:
    """The room with a service that answers a cut as the models do."""
    room.service.faithful, room.service.drift = True, AS_MODELS
    yield room
    room.service.faithful, room.service.drift = False, Drift()


def painted(room: Any, name: str = PAINTED) -> tuple[Any, Any]:
    """The photo, and where it was painted."""
    with Image.open(room.comfy.input / name) as image:
        return pixels(image.convert("RGB")), pixels(image.getchannel("A")) < 128


def load(name: str = PAINTED) -> dict[str, Any]:
    return {"class_type": "LoadImage", "inputs": {"image": name}}


def options(**values: Any) -> dict[str, Any]:
    return {
        "class_type": "GrsaiMaskOptions",
        "inputs": {"margin": 128, "feather": 16, "align": True, "colour_match": True, **values},
    }


def assert_only_within(file: Path, source: Any, white: Any, feather: int = 16) -> None:
    differs = (pixels(Image.open(file).convert("RGB")) != source).any(-1)
    assert differs[white].mean() > 0.2
    assert not differs[far_from(white, feather) >= feather].any()


def test_generate_edits_what_was_painted_and_another_feather_costs_nothing(cuts: Any):
    source, white = painted(cuts)
    before = cuts.service.count("submit")
    for feather in (16, 40):
        wires = {"images.image_1": ["1", 0], "mask": ["1", 1], "mask_options": ["4", 0]}
        graph = {
            "1": load(),
            "2": cuts.generate("a red disc", **wires),
            "3": cuts.save("2", "edit"),
            "4": options(feather=feather),
        }
        outlook = cuts.comfy.post("/grsai/estimate", {"prompt": graph, "node": "2"})
        saved = cuts.run(graph)["3"]["images"]
        assert len(saved) == 1
        assert_only_within(cuts.comfy.output / saved[0]["filename"], source, white, feather)
        assert (outlook["pictures"], outlook["new"]) == (1, 1 if feather == 16 else 0)
    assert cuts.service.count("submit") == before + 1
    kept = [path.name for path in (cuts.comfy.output / "banana").glob("a_red_disc_*")]
    assert len([name for name in kept if ".plain." in name]) == 1 and len(kept) == 3


def test_a_batch_edits_within_one_mask_for_all_and_tells_the_history_of_it(cuts: Any):
    source, white = painted(cuts)
    before = cuts.service.count("submit")
    graph = {"1": load(), "2": cuts.batch("red\nblue", images=["1", 0], mask=["1", 1], filename_prefix="edits/Task")}
    files = cuts.run(graph)["2"]["images"]
    assert [file["filename"] for file in files] == ["Task_1_banana_demo_painted_1.png", "Task_2_banana_demo_painted_1.png"]
    assert cuts.service.count("submit") == before + 2
    for file in files:
        assert_only_within(cuts.comfy.output / file["subfolder"] / file["filename"], source, white)
    entry = cuts.comfy.get("/grsai/history?limit=1")["entries"][0]
    assert entry["masked"] and entry["files"][0]["filename"] in [file["filename"] for file in files]
    query = f"filename={entry['files'][0]['filename']}&subfolder=edits&type=output"
    with urllib.request.urlopen(f"{cuts.comfy.url}/grsai/outline?{query}") as reply:
        drawn = Image.open(io.BytesIO(reply.read()))
    clear = np.asarray(drawn.convert("LA"))[..., 1] == 0
    assert drawn.size == source.shape[1::-1] and 0 < (~clear).mean() < 0.1


def test_the_areas_of_a_mask_are_priced_where_pictures_have_partners(cuts: Any):
    with Image.open(cuts.comfy.input / "banana_demo_coffee.jpg") as photo:
        large = photo.convert("RGBA").resize((3000, 2000))
    for place in ((100, 100, 300, 300), (2500, 1600, 2800, 1800)):
        large.paste((0, 0, 0, 0), place)
    large.save(cuts.comfy.input / "two_areas.png")
    wires = {"images": ["1", 0], "paired.image_1": ["3", 0], "mask": ["1", 1]}
    graph = {"1": load("two_areas.png"), "2": cuts.batch("a red disc", **wires), "3": load("banana_demo_coffee.jpg")}
    before = cuts.service.count("submit")
    outlook = cuts.comfy.post("/grsai/estimate", {"prompt": graph, "node": "2"})
    assert len(cuts.run(graph)["2"]["images"]) == 1
    assert (outlook["pictures"], outlook["new"], cuts.service.count("submit") - before) == (2, 2, 2)


def test_a_mask_that_was_not_painted_is_refused_before_anything_is_sent(cuts: Any):
    before = len(cuts.service.received)
    wires = {"images.image_1": ["1", 0], "mask": ["1", 1]}
    error = cuts.fail({"1": load("banana_demo_coffee.jpg"), "2": cuts.generate("red", **wires), "3": cuts.save("2")})
    assert "nothing of it is white" in error["exception_message"]
    assert len(cuts.service.received) == before
