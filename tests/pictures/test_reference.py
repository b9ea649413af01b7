"""What goes up: colours and alpha as they are, hidden colours hidden, broken metadata no trouble, nothing too large."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from grsai.errors import BadPicture
from grsai.pictures import MAX_UPLOAD_BYTES, Encoded, Reference, lighter, read_all

CORRUPT_EXIF = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def of_space(space: bytes) -> bytes:
    """A profile that says it is for another kind of picture."""
    return SRGB[:16] + space + SRGB[20:]


def noise(mode: str = "RGB", side: int = 2700) -> Image.Image:
    """A picture that no format makes small: as PNG it is too large to go up."""
    image = Image.frombytes("RGB", (side, side), random.Random(7).randbytes(3 * side * side))
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def sent(tmp_path: Path, name: str, content: bytes) -> tuple[Encoded, Image.Image]:
    """What goes up for a file, and that as a picture."""
    (tmp_path / name).write_bytes(content)
    load = Reference.from_file(tmp_path / name).load
    assert load is not None
    encoded = load()
    with Image.open(io.BytesIO(encoded.data)) as image:
        image.load()
    return encoded, image


def test_a_large_picture_keeps_its_profile(tmp_path: Path) -> None:
    profile = SRGB + b"told apart"
    encoded, image = sent(tmp_path, "a.png", saved(noise("RGB"), "PNG", icc_profile=profile, compress_level=0))
    assert encoded.suffix == "jpg" and len(encoded.data) <= MAX_UPLOAD_BYTES
    assert image.info["icc_profile"] == profile and image.size == (2700, 2700)


def test_a_large_picture_keeps_its_alpha_and_its_profile(tmp_path: Path) -> None:
    encoded, image = sent(tmp_path, "a.png", saved(noise("RGBA"), "PNG", icc_profile=SRGB, compress_level=0))
    assert encoded.suffix == "webp" and len(encoded.data) <= MAX_UPLOAD_BYTES
    assert image.mode == "RGBA" and image.size == (2700, 2700) and image.info["icc_profile"] == SRGB
    assert image.getchannel("A").getextrema()[0] < 5


def test_what_goes_up_as_png_keeps_every_pixel(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (64, 64), (200, 0, 0, 0))  # as where a picture is to be changed
    _, image = sent(tmp_path, "a.tif", saved(clear, "TIFF"))
    assert image.getpixel((9, 9)) == (200, 0, 0, 0)


def test_what_goes_up_lighter_opens_no_colours_under_what_is_wholly_clear() -> None:
    secret = Image.new("RGBA", (64, 64), (200, 0, 0, 0))
    with Image.open(io.BytesIO(lighter(secret).data)) as image:
        assert image.convert("RGBA").getpixel((9, 9)) == (255, 255, 255, 0)
    assert secret.getpixel((9, 9)) == (200, 0, 0, 0), "the picture itself was changed"


def test_a_large_and_wholly_clear_picture_opens_no_colours(tmp_path: Path) -> None:
    hidden = noise("RGB")
    hidden.putalpha(0)
    _, image = sent(tmp_path, "a.png", saved(hidden, "PNG", compress_level=0))
    assert image.convert("RGBA").getextrema()[3] == (0, 0)
    assert image.convert("RGB").getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(("mode", "space"), [("CMYK", b"CMYK"), ("L", b"GRAY")])
def test_a_profile_of_another_kind_of_picture_is_not_left_on_rgb(tmp_path: Path, mode: str, space: bytes) -> None:
    content = saved(Image.linear_gradient("L").convert(mode), "TIFF", icc_profile=of_space(space))
    encoded, image = sent(tmp_path, "a.tif", content)
    assert (encoded.suffix, image.mode) == ("png", "RGB")
    assert "icc_profile" not in image.info


def test_a_profile_that_fits_goes_along_with_what_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _, image = sent(tmp_path, "a.jpg", saved(Image.new("RGB", (64, 48), "red"), "JPEG", exif=exif, icc_profile=SRGB))
    assert image.size == (48, 64) and image.info["icc_profile"] == SRGB
    assert not image.getexif()


def test_lab_goes_up_in_its_colours(tmp_path: Path) -> None:
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (64, 48), (200, 40, 30)), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    _, image = sent(tmp_path, "a.tif", saved(lab, "TIFF"))
    red, green, blue = image.getpixel((9, 9))
    assert (abs(red - 200), abs(green - 40), abs(blue - 30)) < (6, 6, 6) and image.mode == "RGB"


@pytest.mark.parametrize(("mode", "value"), [("I;16", 32_768), ("I", 32_768), ("F", 0.5), ("F", 128.0), ("F", 32_768.0)])
def test_more_than_eight_bits_keep_their_brightness(tmp_path: Path, mode: str, value: float) -> None:
    image = Image.new(mode, (64, 48), value)
    image.putpixel((0, 0), value / 2 if mode == "F" else value // 2)
    _, up = sent(tmp_path, "a.tif", saved(image, "TIFF"))
    assert up.mode == "RGB"
    assert all(abs(band - 128) <= 1 for band in up.getpixel((9, 9))) and abs(up.getpixel((0, 0))[0] - 64) <= 1


@pytest.mark.parametrize("big", [False, True], ids=["little-endian", "big-endian"])
def test_sixteen_bit_tiffs_of_either_order_keep_their_brightness(tmp_path: Path, big: bool) -> None:
    head = b"MM\0*\0\0\0\x08" if big else b"II*\0\x08\0\0\0"
    order = ">" if big else "<"
    entries = [(256, 3, 64), (257, 3, 48), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8 + 2 + 8 * 12 + 4), (278, 3, 48),
               (279, 4, 64 * 48 * 2)]  # fmt: skip
    rows = b"".join(struct.pack(order + {3: "HHIHxx", 4: "HHII"}[kind], tag, kind, 1, value) for tag, kind, value in entries)
    content = head + struct.pack(f"{order}H", len(entries)) + rows + bytes(4) + struct.pack(f"{order}H", 32_768) * (64 * 48)
    _, image = sent(tmp_path, "a.tif", content)
    assert (image.mode, image.getpixel((9, 9))) == ("RGB", (128, 128, 128))


def exif(*, orientation: int, broken: bytes) -> bytes:
    """EXIF data whose orientation is right and whose resolution is no rational number."""
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack("<HHII", 0x011A, 5, 1, 38)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + bytes(4) + broken


BROKEN = {
    "a resolution of (-1, 0)": exif(orientation=6, broken=struct.pack("<ii", -1, 0)),
    "a resolution that is missing": exif(orientation=6, broken=b""),
    "half": exif(orientation=6, broken=b"")[:29],
    "zeros": b"Exif\0\0" + bytes(80),
    "a doubled header": b"Exif\0\0" + exif(orientation=6, broken=struct.pack("<ii", 72, 1)),
    "nothing": b"Exif\0\0",
}


@pytest.mark.parametrize("case", BROKEN)
@CORRUPT_EXIF
def test_broken_exif_stops_no_whole_picture(tmp_path: Path, case: str) -> None:
    content = saved(Image.new("RGB", (64, 48), "red"), "JPEG", exif=BROKEN[case])
    encoded, image = sent(tmp_path, "a.jpg", content)
    assert (encoded.data == content) == (image.size == (64, 48))
    if case == "a resolution of (-1, 0)":
        assert image.size == (48, 64), "what it says of its orientation is right"


def test_a_heavy_jpeg_goes_up_lighter_and_in_its_size(tmp_path: Path) -> None:
    content = saved(noise(), "JPEG", quality=100, subsampling=0)
    assert len(content) > MAX_UPLOAD_BYTES
    encoded, image = sent(tmp_path, "a.jpg", content)
    assert encoded.suffix == "jpg" and len(encoded.data) <= MAX_UPLOAD_BYTES
    assert image.size == (2700, 2700)


def test_what_a_webp_cannot_hold_is_made_smaller() -> None:
    encoded = lighter(Image.new("RGBA", (20_000, 30), (9, 9, 9, 9)))
    with Image.open(io.BytesIO(encoded.data)) as image:
        assert image.mode == "RGBA" and image.width <= 16_383


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".tif", ".tiff", ".avif"])
def test_more_kinds_are_read(tmp_path: Path, suffix: str) -> None:
    kind = {".avif": "AVIF", ".tif": "TIFF", ".tiff": "TIFF"}.get(suffix, "JPEG")
    encoded, image = sent(tmp_path, f"a{suffix}", saved(Image.new("RGB", (64, 48), "red"), kind))
    assert encoded.suffix == ("jpg" if kind == "JPEG" else "png") and image.size == (64, 48)


def test_all_pictures_that_cannot_be_read_are_named_and_stop_no_other(tmp_path: Path) -> None:
    whole = saved(Image.new("RGB", (64, 48), "red"), "PNG")
    for name, content in {"1.png": whole, "2.png": whole[:-40], "3.png": b"", "4.png": whole, "5.jpg": b"a letter"}.items():
        (tmp_path / name).write_bytes(content)
    read = read_all([*sorted(tmp_path.iterdir()), tmp_path / "6.png"])
    assert [reference.name for reference in read.references] == ["1", "4"]
    assert all(isinstance(failure, BadPicture) for failure in read.failures)
    assert [str(failure).split()[0] for failure in read.failures] == ["2.png", "3.png", "5.jpg", "6.png"]


def test_a_file_that_no_picture_fills_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with open(tmp_path / "a.tif", "wb") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(BadPicture, match=r"a\.tif is larger than 1024 MB"):
        Reference.from_file(tmp_path / "a.tif")


def test_a_profile_that_nobody_reads_again_does_not_go_along(tmp_path: Path) -> None:
    endless = SRGB + bytes(2**20)
    _, image = sent(tmp_path, "a.tif", saved(Image.new("RGB", (64, 48)), "TIFF", icc_profile=endless))
    assert "icc_profile" not in image.info


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_of_several_pages_or_frames_the_first_one_goes_up(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue", "green")]
    _, image = sent(tmp_path, "a.png", saved(frames[0], kind, save_all=True, append_images=frames[1:]))
    red, green, blue = image.convert("RGB").getpixel((9, 9))
    assert red > 240 and green < 16 and blue < 16


def test_frames_behind_the_first_one_may_be_broken(tmp_path: Path) -> None:
    frames = [Image.effect_noise((640, 480), 90).convert("RGB") for _ in range(4)]
    content = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    _, image = sent(tmp_path, "a.tif", content[: len(content) * 2 // 3])
    assert image.size == (640, 480)


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("LA", "PNG"), ("1", "TIFF")])
def test_a_broken_profile_stops_no_picture(tmp_path: Path, mode: str, kind: str) -> None:
    content = saved(Image.new(mode, (64, 48)), kind, icc_profile=b"\0" * 16 + b"CMYK" + b"\0" * 200)
    (tmp_path / "a").write_bytes(content)
    load = Reference.from_file(tmp_path / "a").load
    assert load is not None and load().data


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400)


@pytest.mark.parametrize(("content", "kind"), [(HEIC, "HEIF"), (b"\xff\x0a" + bytes(400), "JXL")])
def test_a_kind_that_is_not_read_is_named_whatever_the_file_is_called(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(BadPicture, match=rf"a\.jpg holds a {kind} picture, which is not read here\. Save it as JPEG or PNG\."):
        Reference.from_file(tmp_path / "a.jpg")
