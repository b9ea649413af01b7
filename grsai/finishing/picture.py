"""One picture, finished: fitted, in sRGB, in its format, no larger than it may be. The original is only read."""

from __future__ import annotations

import io
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps, PngImagePlugin

from ..errors import BadPicture
from ..pictures import eight_bits, in_srgb, on_white, picture, upright
from .finish import Finish, Format

_LOSSY = types.MappingProxyType({"jpg": "JPEG", "webp": "WEBP"})
_KEPT = types.MappingProxyType({"JPEG": "jpg", "MPO": "jpg", "WEBP": "webp"})  # all others stay, or become, PNG
_LOWEST_QUALITY = 10  # below it nothing of a picture is left to see
_COLOURS = (256, 128, 64, 32, 16)  # that a PNG is cut down to
_SHRINK, _SMALLEST = 0.85, 16  # where no size was asked for, a side shrinks by so much, down to so many pixels
_DESCRIPTION = 0x010E


class FinishedPicture(NamedTuple):
    """A finished file: `cut` is the share of the picture that does not fit into it."""

    data: bytes
    format: Format
    size: tuple[int, int]
    cut: float


def finished(file: Path, finish: Finish, *, prompt: str = "") -> FinishedPicture:
    """The picture of a file, finished. Raises `BadPicture` for one that cannot be read or made so small."""
    with picture(file.name, file) as image:
        kind: Format = finish.format or _kept(image)
        plain = _plain(upright(image))
        if kind == "jpg":
            plain = on_white(plain)
        fitted, cut = _fitted(plain, finish)
        described = prompt if finish.metadata == "keep" else ""
        for made in _smaller(fitted, finish):
            data = _encoded(made, kind, finish, described)
            if data is not None:
                return FinishedPicture(data, kind, made.size, cut)
        text = "{name} cannot be a {kind} of {width} × {height} pixels with at most {most} kB. Allow more, or make it jpg."
        width, height = fitted.size
        raise BadPicture(text, name=file.name, kind=kind, width=width, height=height, most=finish.max_kb)


def _kept(image: Image.Image) -> Format:
    return "jpg" if image.format in ("JPEG", "MPO") else "webp" if image.format == "WEBP" else "png"


def _plain(image: Image.Image) -> Image.Image:
    """RGB or RGBA, 8 bits a channel, without a profile: what has none counts as sRGB."""
    profile = image.info.get("icc_profile")
    if profile and image.mode not in ("P", "1"):
        image = in_srgb(eight_bits(image), profile)
    elif profile:
        image = in_srgb(image.convert("RGBA" if image.has_transparency_data else "RGB"), profile)
    image = eight_bits(image)
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.info = {}
    return plain


def _fitted(image: Image.Image, finish: Finish) -> tuple[Image.Image, float]:
    """The picture at the size that was asked for, and which share of it was cut off."""
    if finish.fit is None:
        return image, 0.0
    resample = Image.Resampling.LANCZOS
    if finish.fit_how == "cover":
        ratio, wanted = image.width / image.height, finish.fit[0] / finish.fit[1]
        return ImageOps.fit(image, finish.fit, resample), 1 - min(ratio, wanted) / max(ratio, wanted)
    scale = min(finish.fit[0] / image.width, finish.fit[1] / image.height)
    size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
    contained = image.resize(size, resample, reducing_gap=3.0)
    if finish.fit_how == "contain":
        return contained, 0.0
    ground = Image.new(image.mode, finish.fit, (255, 255, 255, 0) if image.mode == "RGBA" else "white")
    ground.paste(contained, ((finish.fit[0] - size[0]) // 2, (finish.fit[1] - size[1]) // 2))
    return ground, 0.0


def _smaller(image: Image.Image, finish: Finish) -> Iterator[Image.Image]:
    """The picture, and smaller ones where only its kB were asked for."""
    yield image
    while finish.fit is None and finish.max_kb is not None and min(image.size) > _SMALLEST:
        size = max(round(image.width * _SHRINK), 1), max(round(image.height * _SHRINK), 1)
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        yield image


def _encoded(image: Image.Image, kind: Format, finish: Finish, prompt: str) -> bytes | None:
    """The file, with the most quality that fits; None if none does."""
    most = finish.max_kb * 1000 if finish.max_kb else None
    if kind == "png":
        return next((data for data in _pngs(image, prompt) if most is None or len(data) <= most), None)

    def saved(quality: int) -> bytes:
        return _saved(image, _LOSSY[kind], quality, prompt)

    data = saved(finish.quality_of_file)
    if most is None or len(data) <= most:
        return data
    return _most_quality(saved, min(_LOWEST_QUALITY, finish.quality_of_file), finish.quality_of_file - 1, most)


def _most_quality(saved: Callable[[int], bytes], low: int, high: int, most: int) -> bytes | None:
    best = None
    while low <= high:
        quality = (low + high) // 2
        data = saved(quality)
        if len(data) <= most:
            best, low = data, quality + 1
        else:
            high = quality - 1
    return best


def _pngs(image: Image.Image, prompt: str) -> Iterator[bytes]:
    """Whole first, then with fewer colours."""
    yield _saved_png(image, prompt)
    method = Image.Quantize.FASTOCTREE if image.mode == "RGBA" else Image.Quantize.MEDIANCUT
    for colours in _COLOURS:
        yield _saved_png(image.quantize(colours, method=method), prompt)


def _saved_png(image: Image.Image, prompt: str) -> bytes:
    texts = PngImagePlugin.PngInfo()
    if prompt:
        texts.add_itxt("Description", prompt)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, pnginfo=texts)
    return buffer.getvalue()


def _saved(image: Image.Image, kind: str, quality: int, prompt: str) -> bytes:
    exif = Image.Exif()
    if prompt:
        exif[_DESCRIPTION] = prompt.encode()  # UTF-8, as programs read it today
    options = {"optimize": True, "progressive": True} if kind == "JPEG" else {"method": 4}
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality, exif=exif.tobytes() if prompt else b"", **options)
    return buffer.getvalue()
