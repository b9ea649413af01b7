"""The edit in its picture: where it lies, how the seam looks, and that nothing else changed."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from grsai.errors import BadPicture
from grsai.masks import Edit, Mask, MaskOptions, edits_of
from grsai.masks.paste import cut_out, pasted
from grsai.pictures import list_pictures
from tests.masks.scene import NANO, edits, far_from, hole_in, mask_image, moved, original_of, pixels, saved

SLOW = 1.5  # a machine that others work on too
PHOTOS = Path(__file__).parents[2] / "grsai" / "demo" / "image"
ALL = list_pictures(PHOTOS)
FEATHER = MaskOptions().feather
CAST = (1.06, 0.98, 0.9)


def result_of(edit: Edit, *, scale: float = 1.0, shift: tuple[float, float] = (0, 0), cast: Any = (1, 1, 1)) -> Image.Image:
    """What a model makes of the cut, `shift` in pixels of the picture: at 1K, with a red disc in its middle."""
    cut = cut_out(edit.original.load(), edit.window.box)
    size = 1024, round(1024 * cut.height / cut.width)
    more = size[0] / cut.width
    made = moved(cut, size, scale=scale, shift=(shift[0] * more, shift[1] * more), cast=cast)
    x, y, radius = size[0] / 2, size[1] / 2, min(size) / 14
    ImageDraw.Draw(made).ellipse((x - radius, y - radius, x + radius, y + radius), fill="red")
    return made


def paste(edit: Edit, result: Image.Image) -> Any:
    box, mask = edit.window.box, edit.mask
    return pasted(edit.original.load(), result, mask.image, part=edit.area, window=box, options=edit.options, opens=mask.opens)


@pytest.mark.parametrize("scale", [0.98, 1.0, 1.02])
@pytest.mark.parametrize("photo", ALL, ids=lambda path: path.stem)
def test_what_was_shifted_scaled_and_tinted_comes_back_without_a_seam(photo: Path, scale: float) -> None:
    [edit] = edits(photo)
    white = pixels(edit.mask.image) > 0
    far = far_from(white, FEATHER)
    for shift in ((12, -12), (-12, 7.5)):
        made = paste(edit, result_of(edit, scale=scale, shift=shift, cast=CAST))
        # Where a corner of the mask's box lies in the result, as found and as it is.
        for axis, half in ((0, edit.area.width / 2), (1, edit.area.height / 2)):
            middle = (edit.area[axis] + half) - (edit.window.box[axis] + edit.window.box[axis + 2] / 2)
            for place in (middle - half, middle + half):
                found = made.alignment.move.scale[axis] * place + made.alignment.move.shift[axis]
                assert abs(found - (scale * place + shift[axis])) <= 1
        source = edit.original.load()
        differs = np.abs(pixels(made.image) - pixels(source)).reshape(*white.shape, -1).max(-1)
        assert made.alignment.fits and not differs[far >= FEATHER].any()
        assert differs[(far > 0) & (far < FEATHER)].mean() <= 2


@pytest.mark.parametrize("feather", [0, 1, 16, 40, 200])
def test_the_edit_fades_out_within_its_feather_and_never_beyond(feather: int) -> None:
    [edit] = edits(PHOTOS / "coffee.jpg", (0.4, 0.4, 0.55, 0.6), options=MaskOptions(feather=feather, match=False, align=False))
    made = paste(edit, Image.new("RGB", (1024, 1024), "magenta"))
    differs = (pixels(made.image) != pixels(edit.original.load())).any(-1)
    far = far_from(pixels(edit.mask.image) > 0, feather)
    assert differs[far == 0].all() and not differs[far >= max(feather, 1)].any()
    assert feather < 2 or differs[(far > 0) & (far < feather / 2)].mean() > 0.95


def test_colour_matching_can_be_left_out() -> None:
    photo = PHOTOS / "astronaut.jpg"
    means = []
    for match in (True, False):
        [edit] = edits(photo, options=MaskOptions(match=match))
        made = paste(edit, result_of(edit, cast=(1, 1, 0.7)))
        inside = (far_from(pixels(edit.mask.image) > 0, 1) == 0) & (pixels(made.image)[..., 0] < 200)
        means.append(np.abs(pixels(made.image) - pixels(edit.original.load()))[inside].mean())
    assert means[0] * 2 < means[1]


def test_a_model_that_moved_everything_is_told_with_how_far_off_it_is() -> None:
    [edit] = edits(PHOTOS / "astronaut.jpg")
    other = Image.open(PHOTOS / "coffee.jpg").convert("RGB")
    assert not paste(edit, other).alignment.fits
    [still] = edits(PHOTOS / "astronaut.jpg", options=MaskOptions(align=False))
    told = paste(still, result_of(still, shift=(9, 0))).alignment
    assert not told.fits and 8 <= told.off <= 10
    assert paste(still, result_of(still)).alignment.fits


def test_a_pattern_that_repeats_does_not_mislead(tmp_path: Path) -> None:
    tiles = (np.indices((600, 800)) // 20).sum(0) % 2 * 120 + 60
    image = Image.fromarray(tiles.astype(np.uint8)).convert("RGB")
    [edit] = edits(saved(tmp_path / "a.png", image))
    for shift in ((0, 0), (6, -4)):
        told = paste(edit, result_of(edit, shift=shift)).alignment
        assert told.fits and max(abs(found - given) for found, given in zip(told.move.shift, shift, strict=True)) < 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16"])
def test_every_kind_of_picture_stays_of_its_kind(tmp_path: Path, mode: str) -> None:
    photo = Image.open(PHOTOS / "coffee.jpg")
    if mode == "I;16":
        values = pixels(photo.convert("L")) * 257 + np.arange(photo.width) % 200
        image = Image.fromarray(np.clip(values, 0, 65535).astype(np.uint16))
    else:
        image = photo.convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"icc_profile": profile} if mode in ("RGB", "RGBA") else {}
    [edit] = edits(saved(tmp_path / "a.png", image, dpi=(300, 300), **options))
    plain = saved(tmp_path / "plain.png", result_of(edit, shift=(4, -3), cast=(0.95, 1, 1)))
    made = Image.open(Edit.paste(edit.named("b"), plain, tmp_path).file)
    differs = (pixels(made) != pixels(image)).reshape(*image.size[::-1], -1).any(-1)
    far = far_from(pixels(edit.mask.image) > 0, FEATHER)
    assert (made.mode, made.size, made.info.get("icc_profile")) == (image.mode, image.size, options.get("icc_profile"))
    assert round(made.info["dpi"][0]) == 300
    assert differs[far == 0].mean() > 0.1 and not differs[far >= FEATHER].any()
    if mode in ("LA", "RGBA"):  # the alpha stays, as the model made none
        assert not (pixels(made)[..., -1] != pixels(image)[..., -1]).any()


@pytest.mark.parametrize("colours", [40, 256])
def test_a_palette_stays_and_takes_new_colours_where_it_has_room(tmp_path: Path, colours: int) -> None:
    image = Image.open(PHOTOS / "coffee.jpg").quantize(colours)
    [edit] = edits(saved(tmp_path / "a.png", image, transparency=3))
    made = paste(edit, result_of(edit)).image
    before, after = (each.convert("RGBA") for each in (edit.original.load(), made))
    differs = (pixels(before) != pixels(after)).any(-1)
    far = far_from(pixels(edit.mask.image) > 0, FEATHER)
    assert made.mode == "P" and not differs[far >= FEATHER].any()
    assert (pixels(made) == pixels(edit.original.load()))[far >= FEATHER].all()
    red, green, blue, alpha = pixels(after)[round(edit.area.y + edit.area.height / 2), round(edit.area.x + edit.area.width / 2)]
    assert alpha == 255 and (colours == 256 or (red > 180 and green < 80 and blue < 80))


def test_a_photo_that_was_taken_sideways_comes_out_upright(tmp_path: Path) -> None:
    photo = Image.open(PHOTOS / "coffee.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.png", photo.transpose(Image.Transpose.ROTATE_90), exif=exif)
    original = original_of(path)
    assert original.size == photo.size and (pixels(original.load()) == pixels(photo)).all()
    upright = saved(tmp_path / "m.png", mask_image(photo.size, (0.1, 0.1, 0.4, 0.3)))
    sideways = saved(tmp_path / "n.png", Image.open(upright).transpose(Image.Transpose.ROTATE_90))
    masks = [Mask.from_file(each, original) for each in (upright, sideways)]
    assert masks[0] == masks[1]
    [edit] = edits_of(original, masks[0], model=NANO)
    plain = saved(tmp_path / "plain.png", result_of(edit, shift=(5, 5)))
    made = Image.open(edit.named("b").paste(plain, tmp_path).file)
    assert made.size == photo.size and made.getexif().get(0x0112, 1) == 1
    far = far_from(pixels(masks[0].image) > 0, FEATHER)
    assert not (pixels(made) != pixels(photo)).any(-1)[far >= FEATHER].any()


def test_what_is_clear_in_the_picture_itself_can_be_its_mask_and_becomes_opaque(tmp_path: Path) -> None:
    photo = Image.open(PHOTOS / "coffee.jpg")
    original = original_of(saved(tmp_path / "a.png", hole_in(photo, (0.4, 0.4, 0.6, 0.6))))
    mask = Mask.from_alpha(original)
    assert (pixels(mask.image) > 0).sum() == (pixels(original.load())[..., 3] < 128).sum()
    [edit] = edits_of(original, mask, model=NANO)
    made = pixels(paste(edit, result_of(edit)).image)
    assert made.shape[-1] == 4 and (made[..., 3] == 255).all()
    with pytest.raises(BadPicture, match="has no alpha"):
        Mask.from_alpha(original_of(PHOTOS / "coffee.jpg"))


def test_a_clear_background_that_the_model_made_is_pasted_too(tmp_path: Path) -> None:
    image = Image.open(PHOTOS / "coffee.jpg").convert("RGBA")
    [edit] = edits(saved(tmp_path / "a.png", image))
    result = result_of(edit).convert("RGBA")
    result.putalpha(Image.new("L", result.size, 40))
    alpha = pixels(paste(edit, result).image)[..., 3]
    assert alpha[round(edit.area.y + edit.area.height / 2), round(edit.area.x + edit.area.width / 2)] == 40
    assert alpha[0, 0] == 255


@pytest.mark.parametrize(
    ("image", "said"),
    [(Image.new("CMYK", (90, 90)), "colours of a kind"), (Image.new("F", (90, 90)), "colours of a kind")],
    ids=["CMYK", "F"],
)
def test_pictures_whose_pixels_could_not_stay_are_refused(tmp_path: Path, image: Image.Image, said: str) -> None:
    with pytest.raises(BadPicture, match=said):
        original_of(saved(tmp_path / "a.tif", image))


def test_sixteen_bits_in_colour_are_refused(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    path = tmp_path / "a.png"
    data = chunk(b"IDAT", zlib.compress(bytes(13)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b""))
    with pytest.raises(BadPicture, match="16 bits a channel"):
        original_of(path)


@pytest.mark.parametrize("side", [-3, 0])
def test_a_mask_of_another_size_or_without_white_is_refused(tmp_path: Path, side: int) -> None:
    original = original_of(PHOTOS / "coffee.jpg")
    wrong = Image.new("L", (original.size[0] + side, original.size[1]))
    with pytest.raises(BadPicture, match="as large as the picture" if side else "is empty"):
        Mask.from_file(saved(tmp_path / "m.png", wrong), original)


def test_a_large_picture_takes_few_seconds(tmp_path: Path) -> None:
    size = (3840, 2160)
    path = saved(tmp_path / "a.png", Image.open(PHOTOS / "raccoon.jpg").resize(size), compress_level=1)
    [edit] = edits(path, (0.3, 0.3, 0.7, 0.7))
    assert edit.window.size == "2K"
    plain = saved(tmp_path / "plain.png", result_of(edit, scale=1.01, shift=(8, 5), cast=CAST), compress_level=1)
    begun = time.process_time()
    made = edit.named("b").paste(plain, tmp_path)
    spent = time.process_time() - begun
    assert not made.notes and spent <= 3 * SLOW
    assert (made.file, made.notes) == (edit.named("b").paste(plain, tmp_path).file, ())
