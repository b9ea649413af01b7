"""The catalogue: what each model takes, how what a user types is read, and what goes into the request for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grsai.errors import WrongJob, WrongSetting
from grsai.models import CREDITS_PER_YUAN, GPT_LONG, PIXELS, SIZES, WIDE, Catalogue, kin, yuan
from grsai.settings import load

MODELS = Catalogue()
BY_PIXELS = ("gpt-image-2-vip", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst")
BY_RATIO = ("gpt-image-2", "gpt-image-2.5")


@pytest.mark.parametrize("model", [*BY_PIXELS, *BY_RATIO, "nano-banana-2.1"])
def test_new_models_are_on_the_unified_api_only(model: str) -> None:
    assert MODELS[model].apis == ("unified",)
    assert MODELS[model].api("legacy") == "unified"


def test_the_models_of_before_go_by_the_api_that_is_preferred() -> None:
    assert MODELS["nano-banana-fast"].api("legacy") == "legacy"
    assert MODELS["nano-banana-fast"].api("unified") == "unified"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("16:9", "16:9"), ("16：9", "16:9"), ("16x9", "16:9"), ("16X9", "16:9"), ("16×9", "16:9"), (" 16 : 9 ", "16:9"),
        ("１６:９", "16:9"), ("16∶9", "16:9"), ("16/9", "16:9"), ("AUTO", "auto"), ("", "auto"), (None, "auto"),
    ],
)  # fmt: skip
def test_a_ratio_is_read_as_it_is_meant(typed: str | None, meant: str) -> None:
    assert [MODELS[name].ratio(typed) for name in ("nano-banana-fast", "nano-banana-2", "gpt-image-2-vip")] == [meant] * 3


@pytest.mark.parametrize("typed", ["2K", "2k", " 2k", "2 K", "２Ｋ"])
def test_a_size_is_read_as_it_is_meant(typed: str) -> None:
    assert MODELS["nano-banana-2"].size(typed) == "2K"


@pytest.mark.parametrize("typed", ["Nano-Banana-Pro", " nano-banana-pro\n", "ｎano-banana-pro"])
def test_a_model_is_found_as_it_is_meant(typed: str) -> None:
    assert MODELS.named(typed) is MODELS["nano-banana-pro"]


@pytest.mark.parametrize("typed", ["1024x1024", "1024 × 1024", "1024＊1024", "1024X1024"])
def test_pixels_are_read_as_they_are_meant(typed: str) -> None:
    assert MODELS["gpt-image-2"].ratio(typed) == "1024x1024"


@pytest.mark.parametrize("ratio", ["7:5", "16:", "1.5:1", "square", "-1:1", "0x0", "99999999x1"])
@pytest.mark.parametrize("model", ["nano-banana-fast", "gpt-image-2", "gpt-image-2-vip"])
def test_a_ratio_that_a_model_has_not_is_refused(model: str, ratio: str) -> None:
    with pytest.raises(WrongJob, match=f"^{model} has no ratio {re.escape(ratio)}"):
        MODELS[model].ratio(ratio)


def test_pixels_are_refused_where_a_model_takes_only_ratios() -> None:
    with pytest.raises(WrongJob, match="nano-banana-2 has no ratio 1024x1024"):
        MODELS["nano-banana-2"].ratio("1024x1024")


@pytest.mark.parametrize("model", BY_PIXELS)
@pytest.mark.parametrize("size", SIZES)
def test_each_ratio_is_sent_as_the_pixels_of_its_size(model: str, size: str) -> None:
    for ratio in GPT_LONG[1:]:
        if size in PIXELS[ratio]:
            shape = MODELS[model].shape(ratio, size)
            assert shape == (ratio, size)
            assert MODELS[model].sent_ratio(*shape) == PIXELS[ratio][size]
            assert MODELS[model].sent_size(size) is None


@pytest.mark.parametrize("model", BY_RATIO)
def test_a_ratio_is_sent_as_it_is_where_the_model_takes_ratios(model: str) -> None:
    for ratio in MODELS[model].ratios:
        assert MODELS[model].sent_ratio(*MODELS[model].shape(ratio, None)) == ratio


def test_nano_banana_gets_ratio_and_size() -> None:
    model = MODELS["nano-banana-2.1"]
    assert (model.sent_ratio("8:1", "4K"), model.sent_size("4K")) == ("8:1", "4K")


def test_pixels_of_the_table_and_pixels_given_are_the_same_request_and_the_same_size() -> None:
    model = MODELS["gpt-image-2-vip"]
    for sizes in PIXELS.values():
        for size, pixels in sizes.items():
            assert model.shape(pixels, None) == (pixels, size)
            assert model.sent_ratio(pixels, size) == pixels


@pytest.mark.parametrize(("ratio", "other"), [("3:1", "1:3"), ("1:3", "3:1")])
def test_a_size_that_a_ratio_has_not_is_refused_with_what_it_has(ratio: str, other: str) -> None:
    with pytest.raises(WrongJob, match=f"gpt-image-2-vip has no 2K at {ratio}. Allowed: 1K, 4K."):
        MODELS["gpt-image-2-vip"].shape(ratio, "2k")


def test_a_size_is_not_silently_lost_where_the_model_decides_it() -> None:
    with pytest.raises(WrongJob, match="gpt-image-2.5-flare decides the size itself where the ratio is auto"):
        MODELS["gpt-image-2.5-flare"].shape("auto", "4K")
    assert MODELS["gpt-image-2.5-flare"].shape("auto", "1K") == ("auto", "1K")
    assert MODELS["nano-banana-2"].shape("auto", "4K") == ("auto", "4K")


@pytest.mark.parametrize("pixels", ["3856x2160", "3840x1264", "800x800", "2896x2896", "64x64"])
def test_pixels_against_the_rules_are_refused_with_the_rules(pixels: str) -> None:
    with pytest.raises(WrongJob, match=rf"makes no {pixels}: .* multiples of 16, .* 3840 .* 655,360 to 8,294,400"):
        MODELS["gpt-image-2-vip"].ratio(pixels)


def test_the_nearest_pixels_are_named_where_only_the_steps_are_wrong() -> None:
    with pytest.raises(WrongJob, match="makes no 1920x1080, as both sides must be multiples of 16. The nearest is 1920x1088"):
        MODELS["gpt-image-2-vip"].ratio("1920x1080")


@pytest.mark.parametrize("pixels", ["832x1216", "3840x2160", "3840x1280", "816x816", "2880x2880"])
def test_free_pixels_within_the_rules_are_taken(pixels: str) -> None:
    assert MODELS["gpt-image-2-vip"].ratio(pixels) == pixels


def test_a_model_of_1k_takes_pixels_of_1k_only() -> None:
    assert MODELS["gpt-image-2"].shape("1536x1024", None) == ("1536x1024", "1K")
    with pytest.raises(WrongJob, match="gpt-image-2 makes no 2048x2048: .* 655,360 to 1,572,864"):
        MODELS["gpt-image-2"].ratio("2048x2048")


def test_quality_and_background_are_the_models_own() -> None:
    sunburst, vip, plain = MODELS["gpt-image-2.5-sunburst"], MODELS["gpt-image-2-vip"], MODELS["gpt-image-2"]
    assert (sunburst.quality("XHigh"), sunburst.background("Transparent")) == ("xhigh", "transparent")
    assert [model.quality(unset) for model in (sunburst, vip, plain) for unset in (None, "", "auto", "Auto")] == [None] * 12
    for wrong, match in (
        (lambda: vip.quality("high"), "gpt-image-2-vip has no quality high. Allowed: medium."),
        (lambda: plain.quality("high"), "gpt-image-2 takes no quality. Leave it out."),
        (lambda: vip.background("blue"), "gpt-image-2-vip has no background blue. Allowed: transparent."),
        (lambda: MODELS["nano-banana-2"].background("transparent"), "nano-banana-2 takes no background. Leave it out."),
    ):
        with pytest.raises(WrongJob, match=match):
            wrong()


def test_a_row_of_the_user_may_say_all_that_a_model_has(tmp_path: Path) -> None:
    row = (
        '[models."gpt-image-3"]\ncredits = 900\npixels = "always"\nratios = "gpt-long"\nsizes = ["1K", "4K"]\n'
        'qualities = ["draft", "fine"]\nbackgrounds = ["transparent", "white"]\napis = "unified"\nreferences = 4\n'
    )
    (tmp_path / "grsai.toml").write_text(row, "utf-8")
    model = load(environment={}, folders=(tmp_path,)).catalogue["gpt-image-3"]
    assert model.shape("16:9", "4K") == ("16:9", "4K") and model.sent_ratio("16:9", "4K") == "3840x2160"
    assert (model.quality("fine"), model.background("white"), model.apis, model.references) == ("fine", "white", ("unified",), 4)


@pytest.mark.parametrize("line", ['apis = "v3"', "apis = []", 'pixels = "yes"', "references = -1", 'qualities = "high"'])
def test_a_wrong_row_of_the_user_is_refused_with_its_model(line: str, tmp_path: Path) -> None:
    (tmp_path / "grsai.toml").write_text(f'[models."nano-banana-3"]\n{line}\n', "utf-8")
    with pytest.raises(WrongSetting, match="The row of nano-banana-3 in grsai.toml is wrong"):
        load(environment={}, folders=(tmp_path,))


@pytest.mark.parametrize(
    ("name", "sizes", "ratios"),
    [
        ("nano-banana-3", SIZES, WIDE),
        ("nano-banana-3-4k-cl", ("4K",), WIDE),
        ("nano-banana-pro-9", SIZES, MODELS["nano-banana-pro"].ratios),
        ("gpt-image-9", ("1K",), MODELS["gpt-image-2"].ratios),
    ],
)
def test_a_model_that_nobody_knows_takes_what_its_kin_takes(name: str, sizes: tuple[str, ...], ratios: tuple[str, ...]) -> None:
    model = kin(name)
    assert model is not None
    assert (model.id, model.credits, model.sizes, model.ratios) == (name, 0, sizes, ratios)


def test_a_model_of_no_family_has_no_kin() -> None:
    assert kin("veo-3") is None


def test_yuan_are_what_the_user_paid_for_them() -> None:
    assert yuan(CREDITS_PER_YUAN) == 1
    assert yuan(20_000, per_yuan=20_000) == 1
