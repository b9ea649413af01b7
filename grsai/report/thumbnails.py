"""Small copies of the pictures, made once: for the gallery page, and side by side for the contact sheet."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import math
import os
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from ..errors import BadPicture, OutputError
from ..files import relative, write_whole
from ..jobs import Outcome
from ..pictures import thumbnail as small_copy

SHEET_FILE = "contact_sheet.jpg"
FOLDER = "thumbnails"
PIXELS = 400  # the longer side
MAKERS = min(4, os.cpu_count() or 1)
_SHEET_WIDTH = 3600  # pixels, of a sheet with many pictures
_SMALLEST_CELL, _LARGEST_CELL = 72, 320
_LABELLED = 150  # from this size on a cell has room for a label and for the picture before
_GROUND, _INK = "#f4f2ee", "#3b3833"
# Fonts with Chinese of Windows, macOS and Linux.
_FONTS = ("msyh.ttc", "PingFang.ttc", "Hiragino Sans GB.ttc", "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc")


def make_thumbnails(outcomes: Sequence[Outcome], *, folder: Path, stop: threading.Event | None = None) -> None:
    """Makes those that are not there yet, until `stop` is set. A picture that cannot be read gets none.

    May be called for each outcome as it comes, so that little is left to do at the end; by one thread at a time.
    """
    missing = _missing(outcomes, folder)

    def make(thumbnail: Path) -> None:
        if stop is None or not stop.is_set():
            _make(thumbnail, missing[thumbnail])

    with ThreadPoolExecutor(MAKERS, "thumbnails") as makers:
        list(makers.map(make, missing))


def thumbnail_after(file: Path, folder: Path) -> Path:
    """Where the thumbnail of a picture that was made belongs: named after the place of its file."""
    place = relative(file, folder).encode("utf-8", "replace")
    return folder / FOLDER / f"{hashlib.sha256(place).hexdigest()[:16]}.jpg"


def thumbnail_before(outcome: Outcome, folder: Path) -> Path | None:
    """Where the thumbnail of the first reference belongs: named after its content, one for all jobs."""
    references = outcome.job.references
    return folder / FOLDER / f"{references[0].digest[:16]}.jpg" if references else None


def is_fresh(thumbnail: Path, file: Path) -> bool:
    """A thumbnail bears the time of its picture: one that was replaced, even by an older picture, has another."""
    with contextlib.suppress(OSError):
        return thumbnail.stat().st_mtime_ns == file.stat().st_mtime_ns
    return False


def picture_size(file: Path) -> tuple[int, int] | None:
    """Width and height, from the first bytes of the file."""
    with contextlib.suppress(Exception), Image.open(file) as image:
        return image.size
    return None


def common_ratio(sizes: Sequence[tuple[int, int]]) -> float:
    """Width by height as most of the pictures have it, within what looks well in a grid."""
    ratios = Counter(round(width / height, 2) for width, height in sizes)
    return min(max(ratios.most_common(1)[0][0], 0.6), 1.8) if ratios else 1.0


def write_contact_sheet(outcomes: Sequence[Outcome], *, folder: Path) -> Path | None:
    """All pictures at a glance in one JPEG, in plan order, each with what it was made from. None without thumbnails."""
    pairs = [(outcome, thumbnail_after(file, folder)) for outcome in outcomes for file in outcome.files]
    shown = [(outcome, thumbnail) for outcome, thumbnail in pairs if thumbnail.exists()]
    if not shown:
        return None
    path, content = folder / SHEET_FILE, _content(shown, folder)
    if _comment(path) != content:
        buffer = io.BytesIO()
        _sheet(shown, folder).save(buffer, "JPEG", quality=88, optimize=True, comment=content)
        write_whole(path, buffer.getvalue())
    return path


def _missing(outcomes: Sequence[Outcome], folder: Path) -> dict[Path, Path]:
    """Thumbnails that are to be made, each with its picture."""
    made = [(thumbnail_after(file, folder), file) for outcome in outcomes for file in outcome.files]
    missing = {thumbnail: file for thumbnail, file in made if not is_fresh(thumbnail, file)}
    for outcome in outcomes:
        thumbnail = thumbnail_before(outcome, folder)
        if thumbnail and outcome.job.source and not thumbnail.exists():
            missing[thumbnail] = outcome.job.source
    return missing


def _make(thumbnail: Path, picture: Path) -> None:
    with contextlib.suppress(BadPicture, OutputError, OSError):
        modified = picture.stat().st_mtime_ns
        write_whole(thumbnail, _shrunk(picture))
        os.utime(thumbnail, ns=(modified, modified))


def _shrunk(file: Path) -> bytes:
    buffer = io.BytesIO()
    small_copy(file, PIXELS).save(buffer, "JPEG", quality=84, optimize=True, progressive=True)
    return buffer.getvalue()


def _sheet(shown: Sequence[tuple[Outcome, Path]], folder: Path) -> Image.Image:
    ratio = common_ratio([size for _, thumbnail in shown if (size := picture_size(thumbnail))])
    columns = _columns(len(shown), ratio)
    cell = min(max(_SHEET_WIDTH // columns, _SMALLEST_CELL), _LARGEST_CELL)
    width, height = (cell, round(cell / ratio)) if ratio >= 1 else (round(cell * ratio), cell)
    gap = cell // 10
    label = 22 if cell >= _LABELLED else 0
    rows = math.ceil(len(shown) / columns)
    sheet = Image.new("RGB", (gap + columns * (width + gap), gap + rows * (height + label + gap)), _GROUND)
    for place, (outcome, thumbnail) in enumerate(shown):
        row, column = divmod(place, columns)
        left, top = gap + column * (width + gap), gap + row * (height + label + gap)
        corner = _paste(sheet, thumbnail, (left, top, width, height))
        if label:
            _paste_before(sheet, thumbnail_before(outcome, folder), corner, (width * 3 // 10, height * 3 // 10))
            _write(sheet, outcome.job.name, (left, top + height + 5), width)
    return sheet


def _content(shown: Sequence[tuple[Outcome, Path]], folder: Path) -> bytes:
    """What a sheet shows, as a digest that it carries: a run that made nothing new draws none."""
    facts = [(each.job.name, str(thumbnail_before(each, folder)), path.name, path.stat().st_mtime_ns) for each, path in shown]
    return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest().encode()


def _comment(path: Path) -> bytes | None:
    with contextlib.suppress(Exception), Image.open(path) as sheet:
        return sheet.info.get("comment")
    return None


def _columns(count: int, ratio: float) -> int:
    """So many that the sheet is a little wider than high and its last row is as full as it can be."""
    wished = round(math.sqrt(count * 1.4 / ratio))
    return min(range(max(wished - 1, 1), wished + 2), key=lambda columns: -count % columns)


def _paste(sheet: Image.Image, thumbnail: Path, box: tuple[int, int, int, int]) -> tuple[int, int]:
    """Fits a picture into the box (left, top, width, height) and returns its lower left corner."""
    left, top, width, height = box
    with contextlib.suppress(Exception), Image.open(thumbnail) as image:
        image.draft("RGB", (width, height))
        fitted = ImageOps.contain(image.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
        left, top = left + (width - fitted.width) // 2, top + (height - fitted.height) // 2
        sheet.paste(fitted, (left, top))
        return left, top + fitted.height
    return left, top + height


def _paste_before(sheet: Image.Image, thumbnail: Path | None, corner: tuple[int, int], most: tuple[int, int]) -> None:
    """The picture before, small and framed, in the lower left corner of what was made from it."""
    if thumbnail is None:
        return
    with contextlib.suppress(Exception), Image.open(thumbnail) as image:
        small = ImageOps.contain(image.convert("RGB"), most, Image.Resampling.LANCZOS)
        framed = ImageOps.expand(small, 3, "white")
        sheet.paste(framed, (corner[0] + 8, corner[1] - framed.height - 8))


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
