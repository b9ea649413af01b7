"""Which cuts a mask needs: their place, their shape and size, and how many."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from grsai.errors import WrongJob
from grsai.masks import Mask, MaskOptions, Original, edits_of
from grsai.masks.window import Box, window_of
from grsai.models import Catalogue
from tests.masks.scene import NANO, edits, mask_image, saved

MODELS = Catalogue()


def large(size: tuple[int, int] = (4000, 3000)) -> Original:
    return Original("large", "0" * 64, size, load=lambda: Image.new("RGB", size))


def planned(size: tuple[int, int], *ovals: tuple[float, float, float, float], margin: int = 128) -> list[Box]:
    mask = Mask.of_image(mask_image(size, *ovals), name="large")
    return [edit.window.box for edit in edits_of(large(size), mask, model=NANO, options=MaskOptions(margin=margin))]


@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.parametrize(
    "box",
    [Box(0, 0, 40, 40), Box(3900, 2900, 100, 100), Box(100, 1400, 3800, 60), Box(2000, 50, 30, 2900), Box(500, 500, 3000, 2000)],
    ids=["corner", "far corner", "wide", "high", "large"],
)
def test_a_cut_lies_within_the_picture_at_a_ratio_and_size_that_the_model_has(model: str, box: Box) -> None:
    window = window_of(box.grown(128), (4000, 3000), MODELS[model], "auto", None)
    cut, wanted = window.box, box.grown(128).within((4000, 3000))
    assert cut == cut.within((4000, 3000)) and cut == cut.united(wanted)
    width, height = map(int, window.ratio.split(":"))
    assert abs(cut.width / cut.height / (width / height) - 1) < 0.01
    assert MODELS[model].shape(window.ratio, window.size) == (window.ratio, window.size)
    assert cut.area >= 0.97 * 768 * 768
    assert window.sent[0] <= cut.width and abs(window.sent[0] / window.sent[1] - cut.width / cut.height) < 0.01


def test_a_larger_cut_is_asked_for_at_a_larger_size_unless_one_was_named() -> None:
    sizes = [window_of(Box(100, 100, side, side), (6000, 6000), NANO, "auto", None).size for side in (500, 1500, 3000)]
    assert sizes == ["1K", "2K", "4K"]
    named = window_of(Box(100, 100, 3000, 3000), (6000, 6000), NANO, "16:9", "1K")
    assert (named.ratio, named.size, named.sent[0]) == ("16:9", "1K", 1365)
    with pytest.raises(WrongJob, match="has no size"):
        window_of(Box(0, 0, 50, 50), (600, 600), MODELS["nano-banana-2-lite"], "auto", "4K")


def test_a_picture_of_no_ratio_that_the_model_has_is_continued_beyond_its_edge() -> None:
    window = window_of(Box(0, 0, 3000, 200), (3000, 200), MODELS["nano-banana-fast"], "auto", None)
    assert window.ratio == "21:9" and window.box.width == 3000 and window.box.y < 0


def test_areas_that_lie_near_share_a_cut_and_others_have_their_own() -> None:
    near, far = ((0.2, 0.2, 0.25, 0.25), (0.28, 0.2, 0.33, 0.25)), ((0.05, 0.05, 0.1, 0.1), (0.85, 0.85, 0.9, 0.9))
    assert len(planned((4000, 3000), *near)) == 1
    first, second = planned((4000, 3000), *far)
    assert first.y < second.y and not first.meets(second)
    assert len(planned((600, 450), *far)) == 1  # one small picture shows both


def test_of_many_areas_the_nearest_go_together_and_specks_do_not_count() -> None:
    size = (8000, 8000)
    dots = [(x / 10 + 0.02, y / 10 + 0.02, x / 10 + 0.03, y / 10 + 0.03) for x in range(0, 10, 3) for y in range(0, 10, 3)]
    assert 1 <= len(planned(size, *dots)) <= 6
    image = mask_image((4000, 3000), (0.4, 0.4, 0.6, 0.6))
    ImageDraw.Draw(image).rectangle((10, 10, 13, 13), fill=255)
    assert len(edits_of(large(), Mask.of_image(image, name="large"), model=NANO)) == 1


def test_only_what_is_sent_decides_what_is_paid(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.effect_noise((1500, 1500), 80).convert("RGB"))
    digests = []
    for options in (
        MaskOptions(),
        MaskOptions(feather=50, align=False, match=False),
        MaskOptions(margin=600),
    ):
        [edit] = edits(path, options=options)
        digests.append(edit.reference.digest)
    assert digests[0] == digests[1] != digests[2]
