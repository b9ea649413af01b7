"""A PNG is given texts on its way to the disk, and is the same picture."""

from __future__ import annotations

import io
import json
import random

import pytest
from PIL import Image

from grsai.pictures import WithMetadata
from grsai.pictures.whole import is_cut

WORKFLOW = {"prompt": json.dumps({"1": {"class_type": "BatchBanana"}}), "workflow": "工作流"}


def png(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((60, 40), 80).convert("RGB").save(buffer, "PNG", **options)
    return buffer.getvalue()


def written(data: bytes, pieces: list[int], metadata: dict[str, str]) -> bytes:
    file = io.BytesIO()
    target = WithMetadata(file, metadata)
    place = 0
    for size in pieces:
        target.write(data[place : place + size])
        place += size
    target.write(data[place:])
    target.finish()
    return file.getvalue()


@pytest.mark.parametrize("pieces", [[], [1] * 200, [8], [33], [7, 3, 100]])
def test_a_png_carries_the_texts_before_its_pixels_and_else_its_own_bytes(pieces: list[int]) -> None:
    data = png(icc_profile=b"profile" * 100, dpi=(300, 300))
    made = written(data, pieces, WORKFLOW)
    with Image.open(io.BytesIO(made)) as picture, Image.open(io.BytesIO(data)) as before:
        picture.load()
        assert {name: picture.info[name] for name in WORKFLOW} == WORKFLOW
        assert picture.tobytes() == before.tobytes()
        assert (picture.info["icc_profile"], picture.info["dpi"]) == (before.info["icc_profile"], before.info["dpi"])
    assert not is_cut(io.BytesIO(made), "PNG")
    first = made.index(b"IDAT")
    assert made[first:] == data[data.index(b"IDAT") :], "something changed behind the texts"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP"])
def test_a_picture_of_another_kind_stays_as_it_came(kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(buffer, kind)
    assert written(buffer.getvalue(), [1, 2, 3], WORKFLOW) == buffer.getvalue()


def test_what_is_no_picture_or_breaks_off_stays_as_it_came() -> None:
    rest = random.Random(1).randbytes(3000)
    for data in (b"", b"\x89P", png()[:20], png()[:40], rest, b"\x89PNG\r\n\x1a\n" + rest, b"\x89PNG\r\n\x1a\n" + b"\xff" * 5000):
        assert written(data, [1, 5, 50], WORKFLOW) == data


def test_without_texts_nothing_changes() -> None:
    data = png()
    assert written(data, [10], {}) == data
