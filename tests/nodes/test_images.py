"""Whatever a graph hands over as IMAGE becomes the right bytes, and files become the right IMAGE."""

from __future__ import annotations

import importlib
import io
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
from PIL import Image  # noqa: E402


@pytest.fixture
def images(pack: Any) -> ModuleType:
    return importlib.import_module("banana_pack.nodes.images")


def opened(encoded: Any) -> Any:
    return np.asarray(Image.open(io.BytesIO(encoded.data)))


def noise(*shape: int) -> Any:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("channels", [3, 4])
def test_a_png_holds_exactly_the_pixels(images: ModuleType, channels: int):
    frame = noise(37, 53, channels)
    [reference] = images.references(frame[None])
    encoded = reference.load()
    assert encoded.suffix == "png"
    assert np.array_equal(opened(encoded), np.floor(frame.numpy() * 255 + 0.5).astype(np.uint8))


def test_one_channel_becomes_three(images: ModuleType):
    grey = noise(8, 9, 1)
    assert opened(images.encode(images.pixels(grey))).shape == (8, 9, 3)


def test_batches_and_lists_are_taken_apart_in_order(images: ModuleType):
    batch, single, flat = noise(2, 8, 8, 3), noise(1, 4, 6, 3), noise(5, 5, 4)
    frames = images.frames([batch, [single], flat])
    assert [tuple(frame.shape) for frame in frames] == [(8, 8, 3), (8, 8, 3), (4, 6, 3), (5, 5, 4)]


def test_no_input_holds_no_picture(images: ModuleType):
    assert images.frames(None) == []


@pytest.mark.parametrize(
    ("value", "byte"),
    [(float("nan"), 0), (float("inf"), 255), (-float("inf"), 0), (-3.0, 0), (7.5, 255), (0.5, 128), (1.0, 255)],
)
def test_values_are_clamped_and_rounded(images: ModuleType, value: float, byte: int):
    assert images.pixels(torch.full((2, 2, 3), value)).flat[0] == byte


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64", "uint8", "int64", "bool"])
def test_every_kind_of_number_is_taken(images: ModuleType, kind: str):
    dtype = getattr(torch, kind)
    white = 1 if dtype.is_floating_point or dtype is torch.bool else 255
    assert images.pixels(torch.full((2, 2, 3), white).to(dtype)).min() == 255


@pytest.mark.parametrize(("value", "byte"), [(-7, 0), (0, 0), (200, 200), (255, 255), (300, 255)])
def test_whole_numbers_are_clamped(images: ModuleType, value: int, byte: int):
    assert images.pixels(torch.full((2, 2, 3), value, dtype=torch.int32)).flat[0] == byte


@pytest.mark.parametrize("rows", [63, 64, 65, 150])
def test_no_row_is_lost_where_a_picture_is_converted_in_bands(images: ModuleType, tmp_path: Path, rows: int):
    values = (noise(rows, 5, 3) * 255).to(torch.uint8).numpy()
    floats = torch.from_numpy(values / np.float32(255))
    assert np.array_equal(images.pixels(floats), values)
    Image.fromarray(values).save(tmp_path / "rows.png")
    assert torch.equal(images.decode(tmp_path / "rows.png")[0][0], floats)


def test_an_input_is_never_written_to(images: ModuleType):
    frame = noise(16, 16, 3) * 3 - 1
    before = frame.clone()
    images.references(frame)[0].load()
    assert torch.equal(frame, before)


def test_a_slice_of_a_larger_tensor_is_read_right(images: ModuleType):
    whole = noise(20, 20, 4)
    part = whole[3:11:2, 4:9, :3].flip(0)
    assert np.array_equal(opened(images.encode(images.pixels(part))), images.pixels(part.clone()))


def test_equal_pixels_have_one_digest_and_others_another(images: ModuleType):
    frame = noise(6, 8, 3)
    other = frame.clone()
    other[0, 0, 0] = 1 - other[0, 0, 0]
    digests = [images.references(each)[0].digest for each in (frame, frame.clone(), other, frame.reshape(8, 6, 3))]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.zeros(0, 8, 8, 3), "empty batch"),
        (torch.zeros(1, 0, 8, 3), "channels"),
        (torch.zeros(1, 8, 8, 2), "channels"),
        (torch.zeros(8, 8), "no picture"),
        ("text", "no picture"),
        (torch.zeros(1, 1, 1).expand(11_000, 11_000, 3), "pixels"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(images: ModuleType, value: Any, said: str):
    with pytest.raises(importlib.import_module("banana_pack.grsai.errors").BadPicture, match=said):
        images.references(value)


def test_a_picture_too_large_as_png_goes_up_as_jpeg(images: ModuleType):
    encoded = images.encode(images.pixels(noise(2800, 2800, 3)))
    assert encoded.suffix == "jpg"
    assert Image.open(io.BytesIO(encoded.data)).size == (2800, 2800)


def test_names_go_with_the_pictures_as_far_as_they_reach(images: ModuleType):
    assert [each.name for each in images.references(noise(3, 4, 4, 3), ["cat"])] == ["cat", "image_2", "image_3"]
    assert [each.name for each in images.references(noise(1, 4, 4, 3), ["cat", "dog"])] == ["cat"]


def test_files_come_back_in_order_and_in_their_own_sizes(images: ModuleType, tmp_path: Path):
    files = []
    for number, size in enumerate([(7, 5), (3, 9), (4, 4)]):
        files.append(tmp_path / f"{number}.png")
        Image.new("RGB", size, (number, 100, 255)).save(files[-1])
    loaded = images.load(files).images
    assert [tuple(each.shape) for each in loaded] == [(1, 5, 7, 3), (1, 9, 3, 3), (1, 4, 4, 3)]
    assert all(each.dtype is torch.float32 for each in loaded)
    assert [round(float(each[0, 0, 0, 0]) * 255) for each in loaded] == [0, 1, 2]


def test_an_image_survives_the_way_to_a_file_and_back(images: ModuleType, tmp_path: Path):
    every_value = torch.arange(256).repeat(3, 1).T.reshape(16, 16, 3) / 255
    (tmp_path / "all.png").write_bytes(images.encode(images.pixels(every_value)).data)
    assert torch.equal(images.decode(tmp_path / "all.png")[0][0], every_value)


def test_what_is_transparent_becomes_white(images: ModuleType, tmp_path: Path):
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert float(images.decode(tmp_path / "clear.png")[0].min()) == 1.0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "I", "F"])
def test_every_kind_of_file_becomes_rgb(images: ModuleType, tmp_path: Path, mode: str):
    suffix = "png" if mode not in ("CMYK", "I", "F") else "tiff"
    Image.new(mode, (3, 2)).save(tmp_path / f"picture.{suffix}")
    assert tuple(images.decode(tmp_path / f"picture.{suffix}")[0].shape) == (1, 2, 3, 3)


def test_a_turned_photo_stands_upright(images: ModuleType, tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 2)).save(tmp_path / "turned.jpg", exif=exif)
    assert tuple(images.decode(tmp_path / "turned.jpg")[0].shape) == (1, 8, 2, 3)


@pytest.mark.parametrize("left", [12, 2000], ids=["no header", "cut short"])
def test_a_broken_file_is_refused_by_its_name(images: ModuleType, tmp_path: Path, left: int):
    (tmp_path / "broken.png").write_bytes(images.encode(images.pixels(noise(100, 100, 3))).data[:left])
    with pytest.raises(importlib.import_module("banana_pack.grsai.errors").BadPicture, match="broken.png"):
        images.decode(tmp_path / "broken.png")


TURNED, RESOLUTION = struct.pack("<HHIHH", 0x112, 3, 1, 6, 0), struct.pack("<HHII", 0x11A, 10, 1, 38)
BROKEN_EXIF = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + TURNED + RESOLUTION + bytes(4) + struct.pack("<ii", -1, 0)  # -1 / 0


def test_a_photo_whose_exif_is_broken_is_read_and_stands_upright(images: ModuleType, tmp_path: Path):
    Image.new("RGB", (32, 24), "green").save(tmp_path / "a.jpg", exif=BROKEN_EXIF)
    picture, _ = images.decode(tmp_path / "a.jpg")
    assert tuple(picture.shape) == (1, 32, 24, 3)


def test_a_picture_without_alpha_has_an_empty_mask_like_load_image(images: ModuleType, tmp_path: Path):
    Image.new("RGB", (9, 5)).save(tmp_path / "a.png")
    _, mask = images.decode(tmp_path / "a.png")
    assert tuple(mask.shape) == (1, 64, 64) and not mask.any()


def test_a_mask_is_one_where_the_picture_is_clear(images: ModuleType, tmp_path: Path):
    picture = Image.new("RGBA", (3, 1), (10, 200, 30, 255))
    picture.putpixel((1, 0), (10, 200, 30, 51))
    picture.putpixel((2, 0), (10, 200, 30, 0))
    picture.save(tmp_path / "a.png")
    on_white, mask = images.decode(tmp_path / "a.png")
    own, same = images.decode(tmp_path / "a.png", clear=True)
    assert torch.allclose(mask, torch.tensor([[[0.0, 0.8, 1.0]]])) and torch.equal(mask, same)
    assert [round(value * 255) for value in own[0, 0, 2].tolist()] == [10, 200, 30]
    assert on_white[0, 0, 2].tolist() == [1.0, 1.0, 1.0]


def test_what_joins_image_and_mask_gets_the_picture_of_the_file_back(images: ModuleType, tmp_path: Path):
    values = (noise(7, 5, 4) * 255).to(torch.uint8).numpy()
    Image.fromarray(values).save(tmp_path / "a.png")
    own, mask = images.decode(tmp_path / "a.png", clear=True)
    joined = torch.cat([own, 1.0 - mask[..., None]], dim=-1)  # as JoinImageWithAlpha does
    assert np.array_equal(images.pixels(joined[0]), values)


def test_one_file_that_cannot_be_read_leaves_the_others_there(images: ModuleType, tmp_path: Path):
    files = [tmp_path / f"{name}.png" for name in "abc"]
    for file in files:
        Image.new("RGB", (4, 4)).save(file)
    files[1].write_bytes(b"no picture")
    loaded = images.load(files)
    assert [file.stem for file in loaded.files] == ["a", "c"] and len(loaded.images) == len(loaded.masks) == 2
    assert ["b.png" in str(error) for error in loaded.left_out] == [True]


def test_a_large_picture_with_alpha_goes_up_lighter_and_shows_no_hidden_colours(images: ModuleType):
    values = (noise(2400, 2400, 4) * 255).to(torch.uint8).numpy()
    values[:100, :100] = (255, 0, 0, 0)
    encoded = images.encode(values)
    assert encoded.suffix == "webp"
    assert opened(encoded)[10:90, 10:90, 3].max() == 0
    assert opened(encoded)[10:90, 10:90, :3].min() > 240


def test_what_would_start_a_program_is_no_picture(images: ModuleType, tmp_path: Path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.jpg")
    with pytest.raises(importlib.import_module("banana_pack.grsai.errors").BadPicture, match="EPS"):
        images.decode(tmp_path / "a.jpg")
