"""What was paid is kept: every kind of whole picture under its own name, all else as it came."""

from __future__ import annotations

import io
import struct
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin, features

from grsai import files
from grsai.errors import DownloadError, NotKept
from grsai.jobs import Outcome, plan
from grsai.ledger import Ledger, service_of
from grsai.models import Catalogue
from grsai.pictures import check_result, kept_as_it_came, thumbnail
from grsai.pictures.reading import DECODERS
from grsai.settings import Settings

FAST = Catalogue().with_rows({"nano-banana-fast": {"seconds": 0.1}}).named("nano-banana-fast")
CORRUPT_EXIF = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert(mode)


def with_chunk(name: bytes, content: bytes, png: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    chunk = struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return png[:33] + chunk + png[33:]


def exif_of_a_resolution(numerator: int, denominator: int, *, orientation: int = 6) -> bytes:
    """EXIF data of a turned photo, with a resolution that no rational number of EXIF can be."""
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack("<HHII", 0x011A, 5, 1, 38)
    behind = struct.pack("<Iii", 0, numerator, denominator)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + behind


def turned(**options: int) -> bytes:
    return saved(photo(), "JPEG", exif=exif_of_a_resolution(-1, 0, **options))


TOO_LONG = zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK + 9))  # for Pillow
WHOLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "AVIF": (lambda: saved(photo(), "AVIF"), ".avif"),
    "BMP": (lambda: saved(photo(), "BMP"), ".bmp"),
    "TIFF": (lambda: saved(photo(), "TIFF"), ".tif"),
    "JPEG 2000": (lambda: saved(photo(), "JPEG2000"), ".jp2"),
    "GIF": (lambda: saved(photo("P"), "GIF"), ".gif"),
    "ICO": (lambda: saved(photo(size=(32, 32)), "ICO"), ".ico"),
    "RGBA": (lambda: saved(photo("RGBA"), "PNG"), ".png"),
    "16 bit": (lambda: saved(Image.new("I;16", (64, 48), 30_000), "PNG"), ".png"),
    "CMYK": (lambda: saved(photo("CMYK"), "JPEG"), ".jpg"),
    "clear WebP": (lambda: saved(photo("RGBA"), "WEBP"), ".webp"),
    "EXIF with an impossible resolution": (turned, ".jpg"),
    "a text that is too long": (lambda: with_chunk(b"zTXt", b"Workflow\0\0" + TOO_LONG, saved(photo(), "PNG")), ".png"),
    "a profile that is too long": (lambda: with_chunk(b"iCCP", b"Profile\0\0" + TOO_LONG, saved(photo(), "PNG")), ".png"),
    "a text that is none": (lambda: with_chunk(b"iTXt", b"\xff\0\1\0\xff\0\xff\0nothing", saved(photo(), "PNG")), ".png"),
    "broken EXIF in a PNG": (lambda: with_chunk(b"eXIf", b"\xff\xd8nothing", saved(photo(), "PNG")), ".png"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
@CORRUPT_EXIF
def test_every_whole_picture_is_kept_under_its_own_suffix(tmp_path: Path, case: str) -> None:
    if case == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    make, suffix = WHOLE[case]
    content = make()
    path = files.save(tmp_path, "Task_1_text_1", "owner", lambda file: file.write(content))
    assert path.name == f"Task_1_text_1{suffix}" and path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
    assert kept_as_it_came(path) is None, "it is said that it cannot be read"
    assert thumbnail(path, 32).width == 32 or thumbnail(path, 32).height == 32


def run(studio: Any, settings: Settings) -> list[Outcome]:
    """One picture from another service than the emulator."""
    with Ledger(studio.ledger_path, service=service_of(settings.base_url)) as ledger:
        return studio.run(plan(["a"], model=FAST), settings=settings, ledger=ledger)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(range(256)) * 4
JXL = b"\xff\x0a" + bytes(range(200)) * 4


@pytest.mark.parametrize(("content", "suffix"), [(HEIC, ".heic"), (JXL, ".jxl")])
def test_a_kind_that_is_not_read_is_kept_and_told_and_not_paid_again(studio, server, content: bytes, suffix: str) -> None:
    for _ in ("of the key", "of the account"):
        server.will_say({"code": 0, "data": {"credits": 1_000_000}})
    server.will_say({"code": 0, "data": {"id": "14-x"}})
    server.will_say({"code": 0, "data": {"id": "14-x", "status": "succeeded", "results": [{"url": f"{server.url}/a"}]}})
    server.will_say(content)
    settings = studio.settings(base_url=server.url, api="legacy")
    (outcome,) = run(studio, settings)
    assert outcome.status == "succeeded" and outcome.file.name == f"Task_1_text_1{suffix}"
    assert outcome.file.read_bytes() == content
    assert f"Task_1_text_1{suffix} was kept as it came" in str(outcome.notes[0])
    asked = len(server.seen)
    (again,) = run(studio, settings)
    assert again.reused and len(server.seen) == asked


DAMAGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a PNG with a wrong sum": (lambda: saved(photo(), "PNG").replace(b"IDAT", b"IDAT\0", 1), ".png.unreadable"),
    "half a JPEG": (lambda: saved(photo(size=(640, 480)), "JPEG")[:-600], ".jpg.unreadable"),
    "half a JPEG 2000": (lambda: saved(photo(size=(640, 480)), "JPEG2000")[:-200], ".jp2.unreadable"),
    "nothing that is known": (lambda: bytes(range(256)) * 9, ".unreadable"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_damaged_is_kept_beside_and_stays_to_be_fetched(studio, server, case: str) -> None:
    make, suffix = DAMAGED[case]
    content = make()
    for _ in ("of the key", "of the account"):
        server.will_say({"code": 0, "data": {"credits": 1_000_000}})
    server.will_say({"code": 0, "data": {"id": "14-x"}})
    done = {"code": 0, "data": {"id": "14-x", "status": "succeeded", "results": [{"url": f"{server.url}/a"}]}}
    server.will_say(done)
    server.will_say(content)
    settings = studio.settings(base_url=server.url, api="legacy")
    (outcome,) = run(studio, settings)
    assert outcome.status == "failed" and f"What came is kept as Task_1_text_1{suffix}." in str(outcome.error)
    assert [path.name for path in studio.pictures] == [f"Task_1_text_1{suffix}"]
    assert studio.pictures[0].read_bytes() == content
    submits = [seen for seen in server.seen if seen.path.endswith("nano-banana")]
    server.replies.clear()
    server.will_say(done)
    server.will_say(saved(photo(), "PNG"))
    (again,) = run(studio, settings)
    assert again.status == "succeeded" and again.file.name == "Task_1_text_1.png"
    assert [seen for seen in server.seen if seen.path.endswith("nano-banana")] == submits, "it was paid twice"
    assert not list(studio.output.glob("*.part"))


PAGES = (b"", b"<html>Bad gateway</html>", b'{"error":"expired"}', b"upstream connect error", b"\xef\xbb\xbf<?xml?>")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_instead_of_a_picture_is_not_kept(tmp_path: Path, page: bytes) -> None:
    with pytest.raises(DownloadError, match="no whole picture"):
        files.save(tmp_path, "Task_1", "owner", lambda file: file.write(page))
    assert files.keep_damaged(tmp_path, "Task_1", "owner") is None
    assert not list(tmp_path.iterdir())


def test_what_is_kept_replaces_no_other_picture(tmp_path: Path) -> None:
    for content in (JXL, JXL + b"another", JXL):
        files.save(tmp_path, "Task_1", "owner", lambda file, content=content: file.write(content))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Task_1 (2).jxl", "Task_1.jxl"]


def test_a_kind_that_runs_a_program_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "a.part"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(NotKept, match=r"of a kind that is not read here \(EPS\)"):
        check_result(path)


@pytest.mark.parametrize("spoil", [
    lambda png: png[:-20],
    lambda png: png[:60] + bytes(255 - each for each in png[60:80]) + png[80:],
    lambda png: png.replace(b"IDAT", b"IDAQ", 1),
], ids=["cut", "overwritten", "another chunk"])  # fmt: skip
def test_a_png_whose_sums_are_wrong_is_no_whole_picture(tmp_path: Path, spoil: Any) -> None:
    path = tmp_path / "a.part"
    path.write_bytes(saved(photo(), "PNG"))
    assert check_result(path) == ".png"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DownloadError):
        check_result(path)


def test_a_png_with_right_sums_over_what_are_no_pixels_is_no_picture(tmp_path: Path) -> None:
    whole = saved(photo(), "PNG")
    start = whole.index(b"IDAT") - 4
    junk = b"IDAT" + b"no pixels"
    path = tmp_path / "a.part"
    path.write_bytes(whole[:start] + struct.pack(">I", 9) + junk + struct.pack(">I", zlib.crc32(junk)) + whole[-12:])
    with pytest.raises(DownloadError):
        check_result(path)


def test_only_as_many_pictures_are_decoded_at_once_as_there_are_cores(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(saved(photo(), "JPEG"))
    places = 0
    while DECODERS.acquire(blocking=False):
        places += 1
    try:
        waiting = threading.Thread(target=check_result, args=(path,))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive(), "it did not wait for a place"
    finally:
        for _ in range(places):
            DECODERS.release()
    waiting.join(10)
    assert not waiting.is_alive() and 2 <= places <= 4


def test_the_sums_of_a_large_picture_are_checked_without_a_copy_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(saved(Image.effect_noise((1500, 1500), 200), "PNG"))
    tracemalloc.start()
    check_result(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2
