"""The pictures: painted from their references and the prompt, each a file of its own."""

from __future__ import annotations

import colorsys
import hashlib
import io
import math
import random
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

from .models import pixels
from .png import as_png, blank, stamped


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How the pictures come out a little off what was asked for, as those of the models do."""

    size: tuple[int, int] = (0, 0)  # pixels that width and height have too many; below 0: too few
    shift: tuple[int, int] = (0, 0)  # pixels that what they show lies too far right and down
    scale: float = 1.0  # how much larger than it should be, from the middle on
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)  # factors of red, green and blue


AS_MODELS = Drift(size=(6, -4), shift=(7, -5), scale=1.01, cast=(1.04, 1.0, 0.95))  # chosen: about what is seen of the models


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What decides a picture. `variant` counts equal wishes, so that paying for four brings four pictures."""

    model: str
    prompt: str
    references: tuple[str, ...]  # sha256 of each
    ratio: str
    size: str
    by_pixels: bool = False  # one of gpt-image
    transparent: bool = False
    drift: Drift = Drift()
    faithful: bool = False
    variant: int = 0

    def pixels(self, source: tuple[int, int] | None) -> tuple[int, int]:
        """Width and height of the result; `source` is the size of the first reference."""
        width, height = pixels(self.ratio, self.size, source, by_pixels=self.by_pixels)
        return width + self.drift.size[0], height + self.drift.size[1]


class Painter:
    """Wishes to PNG files. Thread-safe; keeps its last works, up to `room` bytes, and paints again what it dropped."""

    def __init__(self, *, render: bool, room: int = 128 << 20) -> None:
        self.files: dict[str, bytes] = {}  # sha256 → reference
        self.render = render
        self.side: int | None = None  # pixels of the plain pictures that are not rendered; None: as they are asked for
        self._room = room
        self._kept: OrderedDict[Wish, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.files[digest] = content
        return digest

    def picture(self, wish: Wish, task_id: str) -> bytes:
        """The result file of a task. Raises OSError or ValueError when a reference is no picture."""
        if not self.render:
            return stamped(blank((self.side, self.side) if self.side else wish.pixels(None)), task_id)
        with self._lock:
            painted = self._kept.get(wish)
        return stamped(painted or self._keep_painted(wish), task_id)

    def _keep_painted(self, wish: Wish) -> bytes:
        painted = paint(wish, [self.files[digest] for digest in wish.references])
        with self._lock:
            self._kept[wish] = painted
            while sum(map(len, self._kept.values())) > self._room:
                self._kept.popitem(last=False)
        return painted


EASY_PIXELS = 1_150_000


def paint(wish: Wish, references: Sequence[bytes]) -> bytes:
    """A PNG file: the references side by side, recoloured as the prompt's hash says, with the prompt as caption.

    A faithful one shows the first reference as it is, but for a disc.
    """
    dice = random.Random(wish.prompt.encode("utf-8", "replace") + bytes([wish.variant]))
    sources = [opened(content) for content in references]
    width, height = wish.pixels(sources[0].size if sources else None)
    if wish.faithful and sources:
        return as_png(drifted(with_disc(sources[0].resize((width, height), Image.Resampling.BICUBIC), dice), wish.drift))
    scale = max(1, round(math.sqrt(width * height / EASY_PIXELS)))  # painted small and enlarged
    small = -(-width // scale), -(-height // scale)
    canvas = transformed(side_by_side(sources, *small), dice) if sources else invented(*small, dice)
    if scale > 1:
        canvas = canvas.resize((width, height), Image.Resampling.BILINEAR)
    details = [wish.model, wish.ratio, wish.size, f"{len(references)} ref" if references else "text only"]
    write_caption(canvas, wish.prompt, " · ".join([*details, f"#{wish.variant + 1}"]))
    canvas = drifted(canvas, wish.drift)
    return as_png(with_clear_corners(canvas) if wish.transparent else canvas)


def with_disc(image: Image.Image, dice: random.Random) -> Image.Image:
    """What an edit changes: a disc in the middle, a third as wide as the shorter side."""
    radius = min(image.size) // 6
    x, y = image.width // 2, image.height // 2
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour(dice.random(), 0.9, 0.9))
    return image


def drifted(image: Image.Image, drift: Drift) -> Image.Image:
    """Enlarged, shifted and tinted; what that leaves free shows what lay there."""
    if drift == Drift(size=drift.size):
        return image
    moved = image.copy()
    if drift.scale == 1:
        moved.paste(image, drift.shift)
    else:
        back = 1 / drift.scale
        x, y = ((1 - back) * side / 2 - shift * back for side, shift in zip(image.size, drift.shift, strict=True))
        way = (back, 0, x, 0, back, y)
        there = Image.new("L", image.size, 255).transform(image.size, Image.Transform.AFFINE, way)
        moved.paste(image.transform(image.size, Image.Transform.AFFINE, way, Image.Resampling.BICUBIC), mask=there)
    return moved.point([min(255, round(value * factor)) for factor in drift.cast for value in range(256)])


def with_clear_corners(image: Image.Image) -> Image.Image:
    """The picture as RGBA, opaque within an ellipse that fills it."""
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse((0, 0, image.width - 1, image.height - 1), fill=255)
    image.putalpha(mask)
    return image


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.draft("RGB", (2048, 2048))  # JPEG only: decodes large photos at a fraction of their size
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGBA", "LA", "PA", "P"):
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return upright.convert("RGB")


def side_by_side(sources: Sequence[Image.Image], width: int, height: int) -> Image.Image:
    canvas = Image.new("RGB", (width, height), "white")
    for index, source in enumerate(sources):
        if width >= height:
            box = (index * width // len(sources), 0, (index + 1) * width // len(sources), height)
        else:
            box = (0, index * height // len(sources), width, (index + 1) * height // len(sources))
        cell = (box[2] - box[0], box[3] - box[1])
        canvas.paste(ImageOps.fit(source, cell, Image.Resampling.BILINEAR), box[:2])
    return canvas


def transformed(image: Image.Image, dice: random.Random) -> Image.Image:
    return dice.choice((toned, lit, mirrored, poster))(image, dice)


def toned(image: Image.Image, dice: random.Random) -> Image.Image:
    """As a print in one ink on warm paper."""
    hue = dice.random()
    grey = ImageOps.autocontrast(ImageOps.grayscale(image), cutoff=1)
    return ImageOps.colorize(grey, colour(hue, 0.75, 0.22), colour(0.11, 0.08, 1.0), colour(hue, 0.42, 0.66))


def lit(image: Image.Image, dice: random.Random) -> Image.Image:
    """In the light of two lamps, one from above and one from below."""
    hue = dice.random()
    lamps = Image.linear_gradient("L").resize(image.size)
    light = ImageOps.colorize(lamps, colour(hue, 0.7, 1.0), colour(hue + dice.uniform(0.3, 0.5), 0.75, 0.45))
    return ImageChops.soft_light(image, light)


def mirrored(image: Image.Image, dice: random.Random) -> Image.Image:
    tint = Image.new("RGB", image.size, colour(dice.random(), 0.6, 0.75))
    return ImageChops.soft_light(ImageOps.mirror(image), tint)


def poster(image: Image.Image, dice: random.Random) -> Image.Image:
    return Image.blend(ImageOps.posterize(image, 3), toned(image, dice), 0.5)


def invented(width: int, height: int, dice: random.Random) -> Image.Image:
    """A picture out of nothing: a gradient with discs."""
    hue = dice.random()
    grey = Image.linear_gradient("L").resize((width, height))
    canvas = ImageOps.colorize(grey, colour(hue, 0.6, 0.95), colour(hue + 0.2, 0.8, 0.35))
    draw = ImageDraw.Draw(canvas)
    for _ in range(9):
        x, y, radius = dice.random() * width, dice.random() * height, dice.uniform(0.05, 0.25) * min(width, height)
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=colour(hue + dice.uniform(-0.2, 0.5), 0.7, 0.9))
    return canvas


def colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


# Pillow looks these names up in the font folders of Windows, macOS and Linux; each holds Chinese and Latin letters.
FONTS = (
    *("msyh.ttc", "simhei.ttf", "simsun.ttc"),
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Medium.ttc"),
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "SourceHanSansSC-Regular.otf"),
    *("wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "DejaVuSans.ttf"),
)
WIDE = "\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"  # scripts whose lines break anywhere
PIECES = re.compile(rf"[{WIDE}]|[^\s{WIDE}]+\s*|\s+")


@lru_cache(maxsize=1)
def font_file() -> str | None:
    for name in FONTS:
        try:
            return str(ImageFont.truetype(name).path)
        except OSError:
            continue
    return None


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = font_file()
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def write_caption(image: Image.Image, prompt: str, details: str) -> None:
    width, height = image.size
    size = max(14, round(math.sqrt(width * height) / 26))
    large, small = font(size), font(max(10, size * 2 // 3))
    lines = wrapped(prompt, large, width - 2 * size, most=4)
    top = height - round(size * (1.35 * len(lines) + 2.2))
    band = image.crop((0, top, width, height))
    image.paste(Image.blend(band, Image.new("RGB", band.size), 0.65), (0, top))
    draw = ImageDraw.Draw(image)
    for index, line in enumerate(lines):
        draw.text((size, top + size * (0.5 + 1.35 * index)), line, "white", large)
    draw.text((size, height - size * 1.4), details, (190, 190, 190), small)


def wrapped(text: str, typeface: Any, width: float, *, most: int) -> list[str]:
    clean = " ".join("".join(c if c.isprintable() else " " for c in text[:400]).split())
    lines = [""]
    for piece in (part for long in PIECES.findall(clean) for part in fitting(long, typeface, width)):
        if typeface.getlength(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][:-1].rstrip() + "…"]


def fitting(piece: str, typeface: Any, width: float) -> Iterator[str]:
    """A word in parts that fit a line; nearly always the word itself."""
    while len(piece) > 1 and typeface.getlength(piece.rstrip()) > width:
        cut = max(1, int(len(piece) * width / typeface.getlength(piece)))
        yield piece[:cut]
        piece = piece[cut:]
    yield piece
