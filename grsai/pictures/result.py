"""Pictures that came: what was paid is kept, whatever kind of file it is."""

from __future__ import annotations

import codecs
import contextlib
import re
import types
from pathlib import Path

from PIL import Image

from ..errors import DownloadError, GrsaiError, NotKept
from .reading import DECODERS, MAX_PIXELS, RUNS_A_PROGRAM, TooManyPixels, loaded, why
from .whole import NEED_A_PLUGIN, is_cut, is_sound_png, kind_by_bytes

_SUFFIXES = types.MappingProxyType(
    {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "HEIF": ".heic", "DIB": ".bmp"}
)  # others are called as Pillow calls them
_PAGE = re.compile(rb"\s*(\xef\xbb\xbf)?\s*[<{\[]")  # HTML, XML or JSON that says why there is no picture


def check_result(path: Path) -> str:
    """Returns the suffix of a whole received picture by its bytes. All but sound PNGs are decoded from start to end for it, only
    so many at once as the process has cores.

    Raises `DownloadError` if it is no whole picture, and `NotKept` if it may be one that cannot be read here.
    """
    with contextlib.suppress(OSError), open(path, "rb") as file:
        if is_sound_png(file, most_pixels=MAX_PIXELS):
            return ".png"
    with DECODERS:
        try:
            with loaded(path, side=1) as image:
                kind = image.format or ""
            with open(path, "rb") as file:
                cut = is_cut(file, kind)
        except TooManyPixels as error:
            raise NotKept(
                "The service sent a picture of {size} million pixels, more than the {most} million that are read here.",
                size=error.args[0] // 1_000_000,
                most=MAX_PIXELS // 1_000_000,
            ) from None
        except Exception as error:
            raise _not_read(path, error) from None
    if cut:
        raise DownloadError("What the service sent is no whole picture ({why}).", why="its end is missing")
    return _SUFFIXES.get(kind, f".{kind.lower()}")


def suffix_of(path: Path) -> str:
    """The suffix of a picture file by its first bytes; empty for a kind that nobody knows."""
    return kind_by_bytes(_head(path))


def is_page(path: Path) -> bool:
    """Whether it is empty or a text: what a server says instead of a picture."""
    head = _head(path)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeError:
        text = "\0"
    return _PAGE.match(head) is not None or all(letter.isprintable() or letter.isspace() for letter in text)


def kept_as_it_came(path: Path) -> GrsaiError | None:
    """What is to be said of a file that was kept although it cannot be read here; None for one whose header can."""
    head = _head(path)
    if suffix_of(path) == ".png" and int.from_bytes(head[16:20], "big") * int.from_bytes(head[20:24], "big") <= MAX_PIXELS:
        return None  # without Pillow, which may stumble over a text beside the pixels
    try:
        with Image.open(path) as image:
            if image.width * image.height <= MAX_PIXELS and image.format not in RUNS_A_PROGRAM:
                return None
    except Exception:  # Pillow raises all kinds of errors over what it cannot read
        pass
    return NotKept("{file} was kept as it came: it cannot be read here. Open it with another program.", file=path.name)


def _not_read(path: Path, error: Exception) -> DownloadError:
    """Whether it is of a kind that is not read here, or damaged on its way."""
    needed = NEED_A_PLUGIN.get(suffix_of(path))
    kind = str(error) if str(error) in RUNS_A_PROGRAM else needed if needed not in Image.OPEN else None
    if kind:
        return NotKept("The service sent a file of a kind that is not read here ({kind}).", kind=kind)
    return DownloadError("What the service sent is no whole picture ({why}).", why=why(error))


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1024)
    except OSError:
        return b""
