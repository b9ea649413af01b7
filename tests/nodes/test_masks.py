"""Edits within masks on the canvas, called as ComfyUI calls its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.masks.scene import far_from

torch = pytest.importorskip("torch")
PHOTOS = Path(__file__).parents[2] / "grsai" / "demo" / "image"


@pytest.fixture
def cuts(graph: Any) -> Iterator[Any]:
    """The graph with a service that answers a cut as the models do."""
    from grsai.emulator import AS_MODELS, Drift

    graph.emulator.faithful, graph.emulator.drift = True, AS_MODELS
    yield graph
    graph.emulator.faithful, graph.emulator.drift = False, Drift()


def photo(name: str = "coffee") -> Any:
    with Image.open(PHOTOS / f"{name}.jpg") as image:
        return torch.from_numpy(np.asarray(image.convert("RGB"), np.float32) / np.float32(255))[None]


def oval(like: Any, left: float = 0.4, top: float = 0.4, right: float = 0.6, bottom: float = 0.6) -> Any:
    """A mask `[1, H, W]` of the size of a picture, 1 in a rectangle of it."""
    _, high, wide, _ = like.shape
    mask = torch.zeros((1, high, wide))
    mask[:, int(high * top) : int(high * bottom), int(wide * left) : int(wide * right)] = 1
    return mask


def sent(graph: Any) -> int:
    return graph.emulator.count("submit")


def assert_only_within(made: Any, source: Any, mask: Any, feather: int = 16) -> None:
    differs = (made[0] != source[0]).any(-1).numpy()
    white = mask[0].numpy() > 0.5
    assert differs[white].mean() > 0.2
    assert not differs[far_from(white, feather) >= feather].any()


def test_a_mask_keeps_all_other_pixels_of_image_1(cuts: Any):
    picture = photo()
    mask = oval(picture)
    images, urls, report, _ = cuts.generate("a red disc", **{"images.image_1": picture, "mask": mask}).result
    assert len(images) == 1 and images[0].shape == picture.shape and "1 of 1" in report and "fit" not in report
    assert_only_within(images[0], picture, mask)
    assert len(urls.splitlines()) == 1
    assert len([name for name in cuts.files if ".plain." in name]) == 1 and len(cuts.files) == 2


def test_other_mask_options_pay_nothing(cuts: Any):
    picture = photo()
    given = {"images.image_1": picture, "mask": oval(picture)}
    options = cuts.run("GrsaiMaskOptions", margin=128, feather=40, align=True, colour_match=True).result[0]
    cuts.generate("a red disc", **given)
    [made], *_ = cuts.generate("a red disc", **given, mask_options=options).result
    assert sent(cuts) == 1
    assert_only_within(made, picture, given["mask"], feather=40)


def test_a_batch_takes_one_mask_for_all_or_one_for_each(cuts: Any):
    pictures = [photo("coffee"), photo("raccoon")]
    masks = [oval(pictures[0]), oval(pictures[1], 0.5, 0.3, 0.8, 0.6)]
    made, *_ = cuts.batch(["red", "blue"], images=pictures, mask=masks).result
    assert len(made) == 4 and sent(cuts) == 4
    for place, image in enumerate(made):
        assert_only_within(image, pictures[place // 2], masks[place // 2])
    same, *_ = cuts.batch(["red"], images=[pictures[0], pictures[0] * 0.5], mask=[masks[0]]).result
    assert len(same) == 2


def test_a_list_of_masks_of_another_length_or_size_is_refused(cuts: Any):
    pictures = [photo("coffee"), photo("raccoon"), photo("rocket")]
    errors = cuts.module("grsai.errors")
    with pytest.raises(errors.GrsaiError, match="2 masks for 3 pictures"):
        cuts.batch(["red"], images=pictures, mask=[oval(each) for each in pictures[:2]])
    with pytest.raises(errors.GrsaiError, match="as large as the picture"):
        cuts.batch(["red"], images=pictures, mask=[oval(pictures[0])])
    with pytest.raises(errors.GrsaiError, match="is empty"):
        cuts.generate("red", **{"images.image_1": pictures[0], "mask": torch.zeros((1, 64, 64))})
    with pytest.raises(errors.GrsaiError, match="mask is for image_1"):
        cuts.generate("red", **{"images.image_2": pictures[0], "mask": oval(pictures[0])})
    assert sent(cuts) == 0


def test_far_areas_are_each_paid_and_bring_one_picture(cuts: Any):
    small = photo()
    picture = torch.nn.functional.interpolate(small.movedim(-1, 1), scale_factor=5, mode="bicubic").movedim(1, -1).clamp(0, 1)
    picture = (picture * 255).round() / 255
    mask = torch.maximum(oval(picture, 0.03, 0.05, 0.1, 0.15), oval(picture, 0.85, 0.8, 0.95, 0.9))
    images, _, report, _ = cuts.generate("red", **{"images.image_1": picture, "mask": mask}).result
    assert len(images) == 1 and sent(cuts) == 2 and "2 of 2" in report
    differs = (images[0][0] != picture[0]).any(-1).numpy()
    assert not differs[far_from(mask[0].numpy() > 0.5, 16) >= 16].any()


def test_a_model_that_moved_everything_is_told_in_the_report(cuts: Any):
    from grsai.emulator import Drift

    cuts.emulator.drift = Drift(shift=(200, 0))
    picture = photo()
    report = cuts.generate("red", **{"images.image_1": picture, "mask": oval(picture)}).result[2]
    assert "does not fit the picture" in report


def test_only_the_run_knows_the_price_where_the_mask_is_not_known(cuts: Any, place: Path):
    outlook = cuts.module("nodes.outlook").outlook
    inputs = {"prompt": "red", "count": 1, "seed": 0, "model": "nano-banana-2", "model.aspect_ratio": "auto"}
    node = {"class_type": "NanoBananaGenerate", "inputs": {**inputs, "model.image_size": "1K"}}
    assert outlook({"2": node}, "2")["credits"] == 1200
    assert outlook({"2": {**node, "inputs": {**node["inputs"], "mask": ["9", 0]}}}, "2")["credits"] is None
