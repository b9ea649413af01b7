"""Picture files as pixels, whatever is odd about them. Pillow may raise anything over a broken one, and it is caught here."""

from __future__ import annotations

import contextlib
import io
import os
import re
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from PIL import Image, ImageFile

from ..errors import BadPicture, GrsaiError
from .whole import NEED_A_PLUGIN, PNG_MARK, bare_png, is_cut, kind_by_bytes

MAX_PIXELS = 89_000_000  # where Pillow begins to suspect a decompression bomb
DECODERS = threading.BoundedSemaphore(max(2, min(4, os.cpu_count() or 1)))  # in this process; a 4K picture takes 64 MB
RUNS_A_PROGRAM = ("EPS", "WMF")  # Pillow calls Ghostscript or Windows for them, whatever the name of the file ends in
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_ORIENTATION = 0x0112
_TURNS = types.MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)  # fmt: skip


class TooManyPixels(ValueError):
    """`args`: how many."""


@contextlib.contextmanager
def picture(name: str, source: Path | bytes, *, side: int | None = None) -> Iterator[Image.Image]:
    """A picture with its pixels, first frame. Only so many at once in a process as it has cores: others wait.

    Whatever goes wrong, also with what is done to it inside, is a `BadPicture` with `name`. `side`: a JPEG need not be decoded
    larger than that many pixels wide and high.
    """
    with DECODERS:
        try:
            with loaded(source, side) as image:
                yield image
        except GrsaiError:
            raise
        except TooManyPixels as error:
            raise BadPicture(
                "{name} has {pixels} million pixels; at most {most} million are sent. Make it smaller.",
                name=name,
                pixels=error.args[0] // 1_000_000,
                most=MAX_PIXELS // 1_000_000,
            ) from None
        except Exception as error:
            raise _not_read(name, source) or unreadable(name, why(error)) from None


@contextlib.contextmanager
def loaded(source: Path | bytes, side: int | None = None) -> Iterator[Image.Image]:
    """The same, with whatever is raised, and without waiting for others."""
    try:
        image = _loaded(source, side)
    except (ValueError, SyntaxError) as error:
        with _file_of(source) as file:
            if isinstance(error, TooManyPixels) or file.read(len(PNG_MARK)) != PNG_MARK:
                raise
            bare = bare_png(file)  # a text or profile beside the pixels was damaged, or larger than Pillow takes
        image = _loaded(bare, side)
    with image:
        if ImageFile.LOAD_TRUNCATED_IMAGES:
            with _file_of(source) as file:
                if is_cut(file, image.format or ""):
                    raise OSError("its end is missing")
        yield image


def _loaded(source: Path | bytes, side: int | None) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    except _BOMB as error:
        raise TooManyPixels(_pixels(error)) from None
    try:
        if image.width * image.height > MAX_PIXELS:
            raise TooManyPixels(image.width * image.height)
        if image.format in RUNS_A_PROGRAM:
            raise OSError(image.format)
        if side is not None:
            image.draft(image.mode, (side, side))
        image.load()
    except BaseException:
        image.close()
        raise
    return image


def _file_of(source: Path | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")


def _not_read(name: str, source: Path | bytes) -> BadPicture | None:
    """The error for a picture of a kind that this Pillow has no plugin for, if it is one."""
    with contextlib.suppress(OSError), _file_of(source) as file:
        kind = NEED_A_PLUGIN.get(kind_by_bytes(file.read(64)))
        if kind and kind not in Image.OPEN:
            text = "{name} holds a {kind} picture, which is not read here. Save it as JPEG or PNG."
            return BadPicture(text, name=name, kind=kind)
    return None


def unreadable(name: str, why: str | None) -> BadPicture:
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


def why(error: Exception) -> str:
    """Pillow's reason without the address of a buffer in memory, or the name of a file that is gone in a moment."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return re.sub(r" ?<[^>]+>| '[^']*'$", "", str(error)) or type(error).__name__


def turn(image: Image.Image) -> Image.Transpose | None:
    """How a photo that was taken sideways is to be turned. Its EXIF data may be broken where the picture is not."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return None


def upright(image: Image.Image) -> Image.Image:
    """As the camera was held. Unlike Pillow's own way it does not write the EXIF data anew, which may be broken."""
    turned = turn(image)
    return image if turned is None else image.transpose(turned)


def thumbnail(file: Path, side: int) -> Image.Image:
    """A small RGB picture, upright and on white, at most `side` pixels wide and high. Raises `BadPicture`."""
    with picture(file.name, file, side=side) as image:
        turned = turn(image)
        small = image if image.mode in ("RGB", "RGBA") else on_white(image)
        small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        small = on_white(small)
        return small if turned is None else small.transpose(turned)


def extremes(image: Image.Image) -> tuple[float, float]:
    """The smallest and the largest value of a picture with one channel."""
    return cast("tuple[float, float]", image.getextrema())


def eight_bits(image: Image.Image) -> Image.Image:
    """A picture with 16 or 32 bits, or floats, a pixel as gray of 8 bits; any other as it is."""
    if image.mode == "F":
        most = extremes(image)[1]
        per_step = 1 / 255 if most <= 1 else 1 if most <= 255 else 256  # 0 to 1, to 255, to 65535
        return image.point(lambda value: value * (1 / per_step)).convert("L")
    if image.mode.startswith("I"):
        whole = image if image.mode == "I;16" else image.convert("I")
        return whole.point(lambda value: value * (1 / 256)).convert("L")
    return image


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """From the colours of an ICC profile to sRGB; as it is where the profile is broken or of another kind than the picture."""
    from PIL import ImageCms

    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    bare = image.convert("RGB" if image.mode == "RGBA" else "L") if alpha else image
    try:
        given, plain = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(bare, given, plain, outputMode="RGB")
    except Exception:  # Pillow raises all kinds of errors over a broken profile
        return image
    if converted is not None and alpha is not None:
        converted.putalpha(alpha)
    return converted or image


def on_white(image: Image.Image) -> Image.Image:
    """RGB, 8 bits a channel; what is transparent becomes white, never the colours that hide there."""
    image = eight_bits(image)
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear.getchannel("A"))
    return image if image.mode == "RGB" else image.convert("RGB")


def _pixels(error: Exception) -> int:
    """How many pixels Pillow says that a picture has: more than it takes."""
    found = re.search(r"\((\d+) pixels", str(error))
    return int(found[1]) if found else MAX_PIXELS
