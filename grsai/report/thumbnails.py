"""Small copies of the pictures, made once: for the gallery page, and side by side for the contact sheet."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import itertools
import logging
import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont, ImageOps

from ..files import relative, write_whole
from ..jobs import Outcome
from ..pictures import thumbnail as small_copy

SHEET_FILE = "contact_sheet.jpg"
FOLDER = "thumbnails"
PIXELS = 400  # the longer side
MAKERS = min(4, os.cpu_count() or 1)
MOST_ON_SHEET = 2000  # pictures: 12 million pixels at most, which are 40 MB while it is drawn
_SHEET_WIDTH = 3600  # pixels, of a sheet with many pictures
_SMALLEST_CELL, _LARGEST_CELL = 72, 320
_MOST_SOURCES = 3  # that a cell has room for
_LABELLED = 150  # from this size on a cell has room for a label and for the picture before
_SAMPLE = 48  # pictures that tell which shape most of them have
_GROUND, _INK = "#f4f2ee", "#3b3833"
# Fonts with Chinese of Windows, macOS and Linux.
_FONTS = ("msyh.ttc", "PingFang.ttc", "Hiragino Sans GB.ttc", "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc")
_log = logging.getLogger(__name__)


def make_thumbnails(outcomes: Sequence[Outcome], *, folder: Path, stop: threading.Event | None = None) -> dict[Path, int]:
    """Makes those that are not there yet, until `stop` is set. Returns those that are there, each with the time of its picture.

    May be called for each outcome as it comes, so that little is left to do at the end; by one thread at a time. What cannot be
    made into a thumbnail gets none: nothing that a picture brings about is raised.
    """
    there, missing = _look(outcomes, folder)
    with contextlib.ExitStack() as stack:
        run = map if len(missing) < 2 else stack.enter_context(ThreadPoolExecutor(MAKERS, "thumbnails")).map
        made = run(lambda thumbnail: None if stop and stop.is_set() else _make(thumbnail, missing[thumbnail]), missing)
        there.update({thumbnail: time for thumbnail, time in zip(missing, made, strict=True) if time is not None})
    return there


def thumbnail_after(file: Path, folder: Path) -> Path:
    """Where the thumbnail of a picture that was made belongs: named after the place of its file."""
    place = relative(file, folder).encode("utf-8", "replace")
    return folder / FOLDER / f"{hashlib.sha256(place).hexdigest()[:16]}.jpg"


def thumbnail_of(digest: str, folder: Path) -> Path:
    """The same of a picture that something was made from: named after its content."""
    return folder / FOLDER / f"{digest[:16]}.jpg"


def is_made(thumbnail: Path, picture: Path) -> bool:
    """Whether the thumbnail of a picture is there now: made, if it was not, or is of another picture."""
    time = _time(picture)
    return time is not None and (_time(thumbnail) == time or _make(thumbnail, picture) is not None)


def thumbnail_before(outcome: Outcome, folder: Path) -> Path | None:
    """Where the thumbnail of the first reference belongs: named after its content, one for all jobs."""
    references = outcome.job.references
    return folder / FOLDER / f"{references[0].digest[:16]}.jpg" if references else None


def thumbnails_beside(outcome: Outcome, folder: Path) -> list[Path]:
    """The same of the references behind the first one, each content once."""
    digests = dict.fromkeys(reference.digest for reference in outcome.job.references[1:])
    return [folder / FOLDER / f"{digest[:16]}.jpg" for digest in digests]


def outline_beside(file: Path, folder: Path) -> Path | None:
    """The outline of the mask of a picture that was edited within one, made if it is not there; None for any other."""
    path = thumbnail_after(file, folder).with_suffix(".mask.png")
    with contextlib.suppress(Exception):  # Pillow may raise anything; the page does without
        if not path.is_file():
            from ..masks import outline_of

            data = outline_of(file)
            if data is None:
                return None
            write_whole(path, data)
        return path
    return None


def picture_size(file: Path) -> tuple[int, int] | None:
    """Width and height, from the first bytes of the file."""
    with contextlib.suppress(Exception), Image.open(file) as image:
        return image.size
    return None


def common_ratio(files: Sequence[Path]) -> float:
    """Width by height as most of the pictures have it, within what looks well in a grid. A sample tells."""
    sample = files[:: max(len(files) // _SAMPLE, 1)]
    ratios = Counter(round(size[0] / size[1], 2) for size in map(picture_size, sample) if size)
    return min(max(ratios.most_common(1)[0][0], 0.6), 1.8) if ratios else 1.0


class _Shown(NamedTuple):
    """A picture on the sheet."""

    outcome: Outcome
    thumbnail: Path
    label: str


def write_contact_sheet(
    outcomes: Sequence[Outcome], made: Mapping[Path, int], *, folder: Path, label: Callable[[Outcome, Path], str]
) -> Path | None:
    """The first pictures at a glance in one JPEG, in plan order, each with what it was made from.

    `made`: as `make_thumbnails` returned it; None if there are none. `label`: what is written below a file of an outcome. Raises
    `OutputError`.
    """
    pairs = ((outcome, file, thumbnail_after(file, folder)) for outcome in outcomes for file in outcome.files)
    there = (_Shown(outcome, thumbnail, label(outcome, file)) for outcome, file, thumbnail in pairs if thumbnail in made)
    shown = list(itertools.islice(there, MOST_ON_SHEET))
    if not shown:
        return None
    facts = [(each.label, *map(str, _sources(each.outcome, folder)), each.thumbnail.name, made[each.thumbnail]) for each in shown]
    path, content = folder / SHEET_FILE, hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest().encode()
    with contextlib.suppress(Exception), Image.open(path) as sheet:
        if sheet.info.get("comment") == content:  # it carries what it shows, as a digest: nothing new is to be drawn
            return path
    buffer = io.BytesIO()
    _sheet(shown, folder).save(buffer, "JPEG", quality=88, comment=content)
    write_whole(path, buffer.getvalue())
    return path


def _look(outcomes: Sequence[Outcome], folder: Path) -> tuple[dict[Path, int], dict[Path, Path]]:
    """The thumbnails that are there, with the times of their pictures; and those that are to be made, with the pictures.

    One bears the time of its picture: one that was replaced, even by an older picture, has another.
    """
    there, missing = dict[Path, int](), dict[Path, Path]()
    for outcome in outcomes:
        for file in outcome.files:
            thumbnail, time = thumbnail_after(file, folder), _time(file)
            if time is not None and _time(thumbnail) == time:
                there[thumbnail] = time
            else:
                missing[thumbnail] = file
        for reference in outcome.job.references:
            thumbnail = folder / FOLDER / f"{reference.digest[:16]}.jpg"
            if thumbnail in there or thumbnail in missing:
                continue
            time = _time(thumbnail)
            if time is not None:
                there[thumbnail] = time
            elif reference.path:
                missing[thumbnail] = reference.path
    return there, missing


def _time(path: Path) -> int | None:
    """When it was written, in nanoseconds; None if it is not there."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _sources(outcome: Outcome, folder: Path) -> list[Path]:
    """The thumbnails of what a picture was made from."""
    before = thumbnail_before(outcome, folder)
    return [before, *thumbnails_beside(outcome, folder)] if before else []


def _make(thumbnail: Path, picture: Path) -> int | None:
    try:
        time = os.stat(picture).st_mtime_ns
        buffer = io.BytesIO()
        small_copy(picture, PIXELS).save(buffer, "JPEG", quality=84)
        write_whole(thumbnail, buffer.getvalue())
        os.utime(thumbnail, ns=(time, time))
    except Exception as error:  # Pillow may raise anything; the page shows the picture itself where there is no thumbnail
        _log.info("%s has no thumbnail: %s", picture.name, error)
        return None
    return time


def _sheet(shown: Sequence[_Shown], folder: Path) -> Image.Image:
    ratio = common_ratio([each.thumbnail for each in shown])
    wished = round(math.sqrt(len(shown) * 1.4 / ratio))  # a sheet that is a little wider than high
    near = range(max(wished - 1, 1), wished + 2)
    columns = min(near, key=lambda each: (-len(shown) % each, abs(each - wished)))  # and a last row as full as it can be
    cell = min(max(_SHEET_WIDTH // columns, _SMALLEST_CELL), _LARGEST_CELL)
    width, height = (cell, round(cell / ratio)) if ratio >= 1 else (round(cell * ratio), cell)
    gap = cell // 10
    label = 22 if cell >= _LABELLED else 0
    rows = math.ceil(len(shown) / columns)
    sheet = Image.new("RGB", (gap + columns * (width + gap), gap + rows * (height + label + gap)), _GROUND)

    def fitted(each: _Shown) -> tuple[Image.Image | None, list[Image.Image]]:
        sources = _sources(each.outcome, folder)[:_MOST_SOURCES] if label else ()
        small = [_fitted(source, (width * 3 // 10, height * 3 // 10)) for source in sources]
        return _fitted(each.thumbnail, (width, height)), [image for image in small if image]

    with ThreadPoolExecutor(MAKERS, "sheet") as makers:
        for place, (each, (picture, sources)) in enumerate(zip(shown, makers.map(fitted, shown), strict=True)):
            row, column = divmod(place, columns)
            left, top = gap + column * (width + gap), gap + row * (height + label + gap)
            if picture:
                corner = left + (width - picture.width) // 2, top + (height - picture.height) // 2
                sheet.paste(picture, corner)
                beside = corner[0] + 8
                for source in sources:  # small and framed, from the lower left corner on, of what was made from them
                    framed = ImageOps.expand(source, 3, "white")
                    sheet.paste(framed, (beside, corner[1] + picture.height - framed.height - 8))
                    beside += framed.width + 4
            if label:
                _write(sheet, each.label, (left, top + height + 5), width)
    return sheet


def _fitted(thumbnail: Path | None, most: tuple[int, int]) -> Image.Image | None:
    """At most so many pixels wide and high; None where there is no picture."""
    if thumbnail is None:
        return None
    with contextlib.suppress(Exception), Image.open(thumbnail) as image:
        image.draft("RGB", most)
        return ImageOps.contain(image.convert("RGB"), most, Image.Resampling.BICUBIC)
    return None


def _write(sheet: Image.Image, text: str, corner: tuple[int, int], width: int) -> None:
    """One line, cut to `width` pixels."""
    while len(text) > 4 and _font().getlength(text) > width:
        text = text.removesuffix("…")[:-1] + "…"
    ImageDraw.Draw(sheet).text(corner, text, _INK, _font())


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """One of the system that knows Chinese, else the one that comes with Pillow."""
    for name in _FONTS:
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, 14)
    return ImageFont.load_default(14)
