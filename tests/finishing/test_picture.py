"""One picture, finished: its size, its format, its kB, its colours, and nothing else in it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw

from grsai.errors import BadPicture, WrongSetting
from grsai.finishing import PRESETS, Finish, finish_of
from grsai.finishing.picture import FinishedPicture, finished
from tests.cli.shell import PHOTOS

KINDS = {"jpg": "JPEG", "webp": "WEBP", "png": "PNG"}


def halves(size: tuple[int, int] = (400, 200), mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right, with a green frame of a tenth."""
    image = Image.new(mode, size, "green")
    draw, (width, height) = ImageDraw.Draw(image), size
    draw.rectangle((width // 10, height // 10, width // 2, height * 9 // 10), "red")
    draw.rectangle((width // 2, height // 10, width * 9 // 10, height * 9 // 10), "blue")
    return image


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def opened(made: FinishedPicture) -> Image.Image:
    image = Image.open(io.BytesIO(made.data))
    image.load()
    return image


def noise(path: Path, size: tuple[int, int] = (900, 900)) -> Path:
    return saved(path, Image.effect_noise(size, 90).convert("RGB"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("how", "size", "cut"),
    [("cover", (300, 300), 0.5), ("contain", (300, 150), 0.0), ("pad", (300, 300), 0.0)],
)
def test_a_picture_has_the_size_that_was_asked_for(tmp_path: Path, kind: Any, how: Any, size: Any, cut: float) -> None:
    path = saved(tmp_path / "a.png", halves())
    made = finished(path, Finish(fit=(300, 300), fit_how=how, format=kind))
    image = opened(made)
    assert (image.format, image.size, made.size, made.format) == (KINDS[kind], size, size, kind)
    assert made.cut == pytest.approx(cut, abs=0.001)


def test_cover_cuts_both_sides_alike_and_pad_fills_up_with_white(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", halves())
    cover = opened(finished(path, Finish(fit=(300, 300)))).convert("RGB")
    assert [cover.getpixel((x, 150)) for x in (5, 295)] == [(255, 0, 0), (0, 0, 255)]
    pad = opened(finished(path, Finish(fit=(300, 300), fit_how="pad"))).convert("RGB")
    assert [pad.getpixel((150, y)) for y in (0, 70, 230, 299)] == [(255, 255, 255)] * 4
    assert pad.getpixel((1, 150)) == (0, 128, 0)


def test_a_small_picture_grows_to_the_size(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", halves((40, 20)))
    assert finished(path, Finish(fit=(800, 800))).size == (800, 800)
    assert finished(path, Finish(fit=(800, 800), fit_how="contain")).size == (800, 400)


def test_a_line_of_pixels_is_fitted_too(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", halves((2000, 1)))
    for how, size in (("cover", (50, 50)), ("contain", (50, 1)), ("pad", (50, 50))):
        assert finished(path, Finish(fit=(50, 50), fit_how=how)).size == size  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [300, 60, 25])
def test_a_file_is_never_larger_than_it_may_be(tmp_path: Path, kind: Any, most: int) -> None:
    made = finished(noise(tmp_path / "a.png"), Finish(format=kind, max_kb=most))
    assert len(made.data) <= most * 1000
    assert opened(made).format == KINDS[kind]


def test_with_a_size_the_quality_falls_only_as_far_as_it_must(tmp_path: Path) -> None:
    path = noise(tmp_path / "a.png")
    sizes = [len(finished(path, Finish(fit=(800, 800), format="jpg", max_kb=most)).data) for most in (400, 200, 100)]
    assert all(most * 850 < size <= most * 1000 for size, most in zip(sizes, (400, 200, 100), strict=True)), sizes
    assert finished(path, Finish(fit=(800, 800), format="jpg", max_kb=100)).size == (800, 800)


def test_what_cannot_be_so_small_is_told(tmp_path: Path) -> None:
    path = noise(tmp_path / "a.png")
    with pytest.raises(BadPicture, match="a.png cannot be a png of 800 × 800 pixels with at most 5 kB"):
        finished(path, Finish(fit=(800, 800), format="png", max_kb=5))


def test_without_a_format_each_stays_what_it_is(tmp_path: Path) -> None:
    for name, kind in (("a.jpg", "jpg"), ("a.webp", "webp"), ("a.png", "png"), ("a.bmp", "png"), ("a.gif", "png")):
        assert finished(saved(tmp_path / name, halves()), Finish(fit=(50, 50))).format == kind


def test_colours_become_srgb_and_the_profile_goes(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    image = Image.new("LAB", (50, 50), (160, 200, 190))
    path = saved(tmp_path / "a.tif", image, icc_profile=lab.tobytes())
    made = opened(finished(path, Finish(format="png")))
    red, green, blue = made.convert("RGB").getpixel((25, 25))  # type: ignore[misc]
    assert red > 200 and green < 150 and blue < 150
    assert "icc_profile" not in made.info


def swapped_profile() -> bytes:
    """sRGB, but what it calls red is green, and the other way round."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {
        bytes(profile[place : place + 4]): place for place in range(132, 132 + 12 * int.from_bytes(profile[128:132], "big"), 12)
    }
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_profile_counts_in_every_mode(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGB", (50, 50), (255, 0, 0)).convert(mode)
    made = opened(finished(saved(tmp_path / "a.png", image, icc_profile=swapped_profile()), Finish(format="png")))
    red, green, _ = made.convert("RGB").getpixel((25, 25))  # type: ignore[misc]
    assert red < 5 and green > 250 and "icc_profile" not in made.info


def test_a_broken_profile_is_passed_over(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", halves(), icc_profile=b"no profile")
    assert opened(finished(path, Finish(format="png"))).convert("RGB").getpixel((0, 0)) == (0, 128, 0)


def test_gray_and_print_colours_become_rgb(tmp_path: Path) -> None:
    for mode in ("L", "CMYK", "I;16", "P", "1", "LA"):
        path = saved(tmp_path / f"{mode.replace(';', '')}.tif", Image.new(mode, (20, 20)))
        assert opened(finished(path, Finish(format="jpg"))).mode == "RGB"


def test_what_is_transparent_becomes_white_in_a_jpg_and_stays_in_others(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGBA", (50, 50), (255, 0, 0, 0)))
    assert opened(finished(path, Finish(format="jpg"))).getpixel((25, 25)) == (255, 255, 255)
    for kind in ("png", "webp"):
        pad = opened(finished(path, Finish(format=kind, fit=(50, 80), fit_how="pad")))
        assert pad.getpixel((25, 2))[3] == 0  # type: ignore[index]


def test_a_photo_is_turned_upright_and_nothing_but_its_pixels_is_left(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    path = saved(tmp_path / "a.jpg", halves(), exif=exif.tobytes(), comment=b"secret comment")
    for kind in KINDS:
        made = finished(path, Finish(format=kind), prompt="secret prompt")  # type: ignore[arg-type]
        assert opened(made).size == (200, 400)
        assert b"camera" not in made.data and b"secret" not in made.data and not opened(made).getexif()


@pytest.mark.parametrize("kind", KINDS)
def test_kept_metadata_is_the_prompt_and_nothing_else(tmp_path: Path, kind: Any) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    path = saved(tmp_path / "a.jpg", halves(), exif=exif.tobytes())
    made = finished(path, Finish(format=kind, metadata="keep"), prompt="一只猫, red")
    assert "一只猫, red".encode() in made.data and b"camera" not in made.data
    if kind != "png":
        assert opened(made).getexif()[0x010E].encode("latin-1").decode() == "一只猫, red"
    else:
        assert opened(made).text["Description"] == "一只猫, red"  # type: ignore[attr-defined]


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(BadPicture, match="a.png is no picture"):
        finished(tmp_path / "a.png", Finish(format="jpg"))


# Options and presets


def test_a_preset_is_a_row_and_options_count_before_it() -> None:
    assert finish_of({}, preset="taobao-main") == Finish(fit=(800, 800), format="jpg", max_kb=500)
    assert finish_of({"fit": "1000 × 500", "max_kb": None}, preset="taobao-main") == Finish((1000, 500), format="jpg", max_kb=500)
    assert finish_of({"format": ".JPEG", "quality_of_file": "80"}) == Finish(format="jpg", quality_of_file=80)
    assert finish_of({"fit": None}) is None


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_finishes_a_photo(name: str) -> None:
    finish = finish_of({}, preset=name)
    assert finish is not None and finish.max_kb
    made = finished(PHOTOS / "coffee.jpg", finish)
    assert len(made.data) <= finish.max_kb * 1000
    assert made.size == finish.fit or (finish.fit_how == "contain" and max(made.size) in finish.fit)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fit": "800"}, "800 is no size"),
        ({"fit": "0x800"}, "0x800 is no size"),
        ({"fit": "-1x800"}, "is no size"),
        ({"fit": "99999x1"}, "at most 16383 each"),
        ({"fit": "16000x16000"}, "89 million in all"),
        ({"fit_how": "stretch"}, "cover, contain, pad"),
        ({"format": "gif"}, "jpg, webp, png"),
        ({"quality_of_file": "0"}, "quality-of-file can be 1 to 100, not 0."),
        ({"quality_of_file": "high"}, "not high."),
        ({"max_kb": "0"}, "max-kb can be 1 to"),
        ({"max_kb": "1.5"}, "not 1.5."),
        ({"metadata": "all"}, "off, keep"),
    ],
)
def test_a_wrong_value_is_one_sentence(given: dict[str, str], said: str) -> None:
    with pytest.raises(WrongSetting) as told:
        finish_of(given)
    assert said in str(told.value) and "\n" not in str(told.value)


def test_presets_of_the_user_come_from_grsai_toml_and_a_wrong_one_is_told() -> None:
    own = {"my-shop": {"fit": "1200x1200", "fit_how": "pad", "max_kb": 400}, "bad": {"size": "1x1"}, "odd": {"max_kb": "many"}}
    assert finish_of({}, preset="my-shop", presets=own) == Finish((1200, 1200), "pad", max_kb=400)
    for name, said in (("bad", "says size, which is not known"), ("odd", "not many"), ("taobao", "did you mean taobao-main?")):
        with pytest.raises(WrongSetting, match=said):
            finish_of({}, preset=name, presets=own)
