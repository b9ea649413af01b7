"""Pictures on their way in and out: which files are pictures, what goes up, and whether what came back is whole."""

from __future__ import annotations

import hashlib
import io
import re
import types
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageFile, ImageOps

from .errors import BadPicture, DownloadError, GrsaiError, NotKept

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
MAX_UPLOAD_BYTES = 20 * 2**20  # clients of this API cap at 5 to 20 MB
MAX_PIXELS = 89_000_000  # where Pillow begins to suspect a decompression bomb
# What the service takes as it is, by Pillow's name. Other files are turned into PNG. MPO is a phone's JPEG.
_AS_IT_IS = types.MappingProxyType({"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp"})
_PLAIN_MODES = ("RGB", "RGBA", "L", "LA", "P")
_RESULTS = types.MappingProxyType({"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp", "GIF": ".gif"})
_ORIENTATION = 0x0112
_TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_RUNS_A_PROGRAM = ("EPS",)  # Pillow calls Ghostscript for it, whatever the name of the file ends in


class Encoded(NamedTuple):
    """A picture as it goes up: the bytes of a file and its extension without the dot."""

    data: bytes
    suffix: str


@dataclass(frozen=True)
class Reference:
    """A picture that a job refers to: read and encoded by `load` only when it goes up, or already at a public `url`.

    `digest` (SHA-256, hex) names the content: the same digest is uploaded once and is paid for once.
    """

    name: str
    digest: str
    load: Callable[[], Encoded] | None = field(default=None, compare=False, repr=False)
    url: str | None = None
    path: Path | None = None

    @classmethod
    def from_file(cls, path: str | Path) -> Reference:
        """A picture file, decoded once to be sure that it is whole. Raises `BadPicture`."""
        path = Path(path)
        data = _read(path)
        _check(path.name, data)
        digest = hashlib.sha256(data).hexdigest()
        return cls(path.stem, digest, load=lambda: _load_same(path, digest), path=path)

    @classmethod
    def from_url(cls, url: str) -> Reference:
        """A picture that is already on the web, such as one from `GrsaiUpload`."""
        name = url.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        return cls(name, hashlib.sha256(url.encode()).hexdigest(), url=url)


class Result(NamedTuple):
    """A received picture: suffix by its bytes, width and height in pixels."""

    suffix: str
    width: int
    height: int


def list_pictures(folder: Path) -> list[Path]:
    """The picture files of `folder` in natural order (2 before 10)."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]
    return sorted((path for path in files if not path.name.startswith(".")), key=lambda path: natural(path.name))


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key under which `photo 2` comes before `photo 10`."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name.lower())]


def encode(image: Image.Image, *, compress_level: int = 6) -> Encoded:
    """PNG; JPEG where PNG would be too large to go up."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=compress_level)
    if buffer.tell() <= MAX_UPLOAD_BYTES:
        return Encoded(buffer.getvalue(), "png")
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=95)
    return Encoded(buffer.getvalue(), "jpg")


def check_result(path: Path) -> Result:
    """Decodes a received file from start to end. Raises `DownloadError` if it is no whole picture, `NotKept` if never kept."""
    try:
        with Image.open(path) as image:
            kind = image.format or ""
            if kind not in _RESULTS:
                raise NotKept("The service sent a {format} file, which is no picture type that is kept.", format=kind)
            if image.width * image.height > MAX_PIXELS:
                raise NotKept("The service sent a picture of {size} pixels, more than is kept.", size=_size(image))
            image.load()
            result = Result(_RESULTS[kind], image.width, image.height)
            cut = is_cut(path.read_bytes(), kind)
    except GrsaiError:
        raise
    except _TOO_LARGE as error:
        raise NotKept("The service sent a picture of {size} pixels, more than is kept.", size=f"{_pixels(error):,}") from None
    except Exception as error:  # Pillow raises all kinds of errors over broken bytes
        why = str(error).replace(f" {str(path)!r}", "")  # a name that is gone in a moment
        raise DownloadError("What the service sent is no whole picture ({why}).", why=why) from None
    if cut:
        raise DownloadError("What the service sent is no whole picture ({why}).", why="its end is missing")
    return result


def is_cut(data: bytes, kind: str) -> bool:
    """Whether a picture ends too early or its PNG sums are wrong. Pillow does not tell where another pack has made it lenient."""
    if kind == "PNG":
        return not _is_whole_png(data)
    if kind in ("JPEG", "MPO"):
        return data.find(b"\xff\xd9", _scan_of(data)) < 0
    if kind == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return kind == "GIF" and not data.rstrip(b"\0").endswith(b";")


def _is_whole_png(data: bytes) -> bool:
    place = 8
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if zlib.crc32(data[place + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return False
        if data[place + 4 : place + 8] == b"IEND":
            return True
        place = end
    return False


def _scan_of(data: bytes) -> int:
    """Where the first scan of a JPEG begins: the thumbnail in its header has an end of its own."""
    place = 2
    while place + 4 <= len(data) and data[place + 1] != 0xDA:
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return place


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        text = "{name} cannot be read: {why}. Check that it is still there and that no other program locks it."
        raise BadPicture(text, name=path.name, why=error.strerror or error) from None
    if not data:
        raise BadPicture("{name} is empty (0 bytes). Remove it or put the picture back.", name=path.name)
    return data


def _check(name: str, data: bytes) -> None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            check_size(name, image.width, image.height)
            if image.format in _RUNS_A_PROGRAM:
                raise _unreadable(name, image.format)
            image.draft(image.mode, (1, 1))  # a JPEG is read to its end all the same, at an eighth of the work
            image.load()
            if ImageFile.LOAD_TRUNCATED_IMAGES and is_cut(data, image.format or ""):
                raise _unreadable(name, "its end is missing")
    except GrsaiError:
        raise
    except _TOO_LARGE as error:
        raise BadPicture(
            "{name} has {pixels} million pixels; at most {most} million are sent. Make it smaller.",
            name=name,
            pixels=_pixels(error) // 1_000_000,
            most=MAX_PIXELS // 1_000_000,
        ) from None
    except Exception as error:  # Pillow raises all kinds of errors over broken bytes
        raise _unreadable(name, _why(error)) from None


def _unreadable(name: str, why: str | None) -> BadPicture:
    return BadPicture("{name} is no picture that can be read ({why}). Remove it or save it again.", name=name, why=why)


def check_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BadPicture(
            "{name} has {width} × {height} pixels; at most {most} million are sent. Make it smaller.",
            name=name,
            width=width,
            height=height,
            most=MAX_PIXELS // 1_000_000,
        )


def _load_same(path: Path, digest: str) -> Encoded:
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise BadPicture("{name} has changed since the batch began. Run again.", name=path.name)
    try:
        return _ready(data)
    except Exception as error:  # Pillow raises all kinds of errors over broken bytes
        raise _unreadable(path.name, _why(error)) from None


def _ready(data: bytes) -> Encoded:
    """The file as it is where the service takes it, else its first frame, upright, as PNG."""
    with Image.open(io.BytesIO(data)) as image:
        if _goes_as_it_is(image) and len(data) <= MAX_UPLOAD_BYTES:
            return Encoded(data, _AS_IT_IS[image.format or ""])
        return encode(_plain(_upright(image)))


def _goes_as_it_is(image: Image.Image) -> bool:
    moving = getattr(image, "n_frames", 1) > 1 and image.format != "MPO"
    return image.format in _AS_IT_IS and image.mode in _PLAIN_MODES and _is_upright(image) and not moving


def _is_upright(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION, 1) in (0, 1)
    except Exception:  # its EXIF data is broken, the picture is not
        return True


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # its EXIF data is broken, the picture is not
        return image


def _plain(image: Image.Image) -> Image.Image:
    """8 bits a channel, RGB or RGBA."""
    if image.mode.startswith("I") or image.mode == "F":
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _why(error: Exception) -> str:
    """Pillow's reason without the address of a buffer in memory."""
    return re.sub(r" ?<[^>]+>", "", str(error)) or type(error).__name__


def _pixels(error: Exception) -> int:
    """How many pixels Pillow says that a picture has: more than it takes."""
    found = re.search(r"\((\d+) pixels", str(error))
    return int(found[1]) if found else MAX_PIXELS


def _size(image: Image.Image) -> str:
    return f"{image.width} × {image.height}"
