"""The small copies of the pictures: for the page, and side by side for the contact sheet."""

from __future__ import annotations

import os
import struct
import zlib

import pytest
from PIL import Image, ImageFile

from grsai.errors import OutputError
from grsai.jobs import Outcome
from grsai.report.thumbnails import MOST_ON_SHEET, make_thumbnails
from tests.report.shop import Shop


def exif(*entries: bytes) -> bytes:
    """EXIF data with an orientation of 6, and with entries after it."""
    rows = (struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0), *entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(rows)) + b"".join(rows) + b"\0\0\0\0"


BROKEN_EXIF = {
    "cut": b"Exif\0\0II*\0\x08\0\0\0\x05",
    "no data": b"Exif\0\0",
    "far away": exif(struct.pack("<HHII", 0x010F, 2, 4000, 0x7FFFFFFF)),
    "negative resolution": exif(struct.pack("<HHII", 0x011A, 10, 1, 38)) + struct.pack("<ii", -1, 0),
}


def test_thumbnails_are_made_once(shop: Shop) -> None:
    outcome = shop.made(source=shop.source("photo.jpg"))
    make_thumbnails([outcome], folder=shop.output)
    first = shop.thumbnails()
    assert len(first) == 2
    shop.page(outcome)
    assert shop.thumbnails() == first


def test_a_picture_that_was_replaced_even_by_an_older_one_gets_a_new_thumbnail(shop: Shop) -> None:
    outcome = shop.made()
    make_thumbnails([outcome], folder=shop.output)
    os.utime(shop.result("Task_1_photo_1.png", "red"), (1e9, 1e9))
    make_thumbnails([outcome], folder=shop.output)
    (thumbnail,) = shop.thumbnails()
    with Image.open(thumbnail) as image:
        red, green, _ = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert red > 200 > 50 > green


def test_thumbnails_are_small_upright_and_opaque(shop: Shop) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = shop.source("turned.jpg", (1200, 800), exif=exif)
    clear = shop.output / "clear.png"
    Image.new("RGBA", (1000, 500), (0, 0, 0, 0)).save(clear)
    make_thumbnails([shop.made(source=source, files=(clear,))], folder=shop.output)
    sizes = []
    for path in shop.thumbnails():
        with Image.open(path) as image:
            sizes.append(image.size)
            assert image.format == "JPEG"
            assert image.size != (400, 200) or min(image.convert("L").getextrema()) > 250
    assert sorted(sizes) == [(267, 400), (400, 200)]


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (16, 4), (40, 8)])
def test_the_contact_sheet_holds_every_picture(shop: Shop, count: int, columns: int) -> None:
    file = shop.result("square.png", size=(400, 400))
    outcomes = [shop.made(task, files=(file,), source=shop.source("photo.jpg")) for task in range(1, count + 1)]
    path = shop.sheet(*outcomes)
    assert path is not None
    with Image.open(path) as sheet:
        assert sheet.width == 32 + columns * 352
        assert sheet.height == 32 + -(-count // columns) * 374


def test_without_pictures_there_is_no_contact_sheet(shop: Shop) -> None:
    assert shop.sheet(Outcome(shop.job(), "stopped")) is None


def test_a_contact_sheet_of_many_holds_the_first_and_the_page_says_so(shop: Shop) -> None:
    file = shop.result("one.png", size=(60, 40))
    outcomes = [shop.made(task, files=(file,)) for task in range(1, MOST_ON_SHEET + 2)]
    page = shop.page(*outcomes)
    assert ["contact_sheet.jpg", "Contact sheet of the first 2,000"] in page.data["links"]
    with Image.open(shop.output / "contact_sheet.jpg") as sheet:
        assert sheet.width * sheet.height < 13_000_000
    page = shop.page(*outcomes[:-1])
    assert ["contact_sheet.jpg", "Contact sheet"] in page.data["links"]


@pytest.mark.filterwarnings(r"ignore:::PIL\..*")  # as the command does
@pytest.mark.parametrize("name", BROKEN_EXIF)
def test_broken_metadata_of_a_whole_photo_costs_nothing_not_even_its_thumbnail(shop: Shop, name: str) -> None:
    photo, result = shop.source("turned.jpg", (120, 80), exif=BROKEN_EXIF[name]), shop.output / "result.jpg"
    Image.new("RGB", (120, 80), "teal").save(result, exif=BROKEN_EXIF[name])
    page = shop.page(shop.made(source=photo, files=(result,)))
    assert len(shop.thumbnails()) == 2
    for address in page.shown():
        with Image.open(shop.output / address) as image:
            assert image.size in ((80, 120), (120, 80))


@pytest.mark.parametrize("error", [struct.error("out of range"), KeyError("x"), MemoryError(), RecursionError(), zlib.error("x")])
def test_whatever_a_decoder_raises_leaves_out_that_thumbnail_only(shop: Shop, error: Exception) -> None:
    class Odd(ImageFile.ImageFile):
        format = "ODD"

        def _open(self) -> None:
            raise error

    Image.register_open("ODD", Odd, lambda start: start.startswith(b"ODD"))
    try:
        odd = shop.output / "odd.png"
        odd.write_bytes(b"ODD picture")
        page = shop.page(shop.made(1), shop.made(2, files=(odd,)))
    finally:
        Image.ID.remove("ODD")
        del Image.OPEN["ODD"]
    assert len(shop.thumbnails()) == 1 and page.shown()[1] == "odd.png"
    assert (shop.output / "contact_sheet.jpg").is_file()


def test_sixteen_bits_a_pixel_are_shown_in_all_their_shades(shop: Shop) -> None:
    ramp = b"".join((column * 1024).to_bytes(2, "little") for column in range(64)) * 64
    deep = shop.output / "deep.png"
    Image.frombytes("I;16", (64, 64), ramp).save(deep)
    make_thumbnails([shop.made(files=(deep,))], folder=shop.output)
    (thumbnail,) = shop.thumbnails()
    with Image.open(thumbnail) as image:
        shades = image.convert("L").tobytes()
    assert len(set(shades)) > 50 and sum(shade > 250 for shade in shades) < len(shades) / 20


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(shop: Shop) -> None:
    outcome = shop.made()
    (shop.output / "thumbnails").write_text("a file where the folder should be")
    (shop.output / "contact_sheet.jpg").mkdir()
    page = shop.page(outcome)
    assert page.shown() == ["Task_1_photo_1.png"]
    (shop.output / "index.html").unlink()
    (shop.output / "index.html").mkdir()
    with pytest.raises(OutputError, match=r"index\.html cannot be written"):
        shop.page(outcome)
