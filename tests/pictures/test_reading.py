"""Small copies of pictures of every kind, upright and on white."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from grsai.errors import BadPicture
from grsai.pictures import thumbnail

TURNED = Image.Exif()
TURNED[0x0112] = 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr"])
def test_every_kind_of_picture_has_a_small_copy(tmp_path: Path, mode: str) -> None:
    kind = "PNG" if mode in ("LA", "P") else "TIFF"
    options = {"compression": "tiff_lzw"} if mode == "YCbCr" else {}  # not every Pillow reads what it writes without
    Image.new(mode, (64, 48)).save(tmp_path / "a", kind, **options)
    small = thumbnail(tmp_path / "a", 16)
    assert (small.mode, small.size) == ("RGB", (16, 12))


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "JPEG"), ("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("CMYK", "JPEG")])
def test_a_small_copy_stands_upright(tmp_path: Path, mode: str, kind: str) -> None:
    image = Image.new(mode, (64, 48))
    image.info["transparency"] = 0
    image.save(tmp_path / "a", kind, exif=TURNED)
    assert thumbnail(tmp_path / "a", 16).size == (12, 16)


def test_a_small_copy_opens_no_hidden_colours(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 48), (200, 0, 0, 0)).save(tmp_path / "a.png")
    assert thumbnail(tmp_path / "a.png", 16).getextrema() == ((255, 255),) * 3


def test_sixteen_bits_keep_their_brightness_in_a_small_copy(tmp_path: Path) -> None:
    Image.new("I;16", (64, 48), 32_768).save(tmp_path / "a.png")
    assert thumbnail(tmp_path / "a.png", 16).getpixel((3, 3)) == (128, 128, 128)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_has_no_small_copy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(BadPicture, match=r"a\.png is no picture that can be read"):
        thumbnail(tmp_path / "a.png", 16)
