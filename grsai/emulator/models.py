"""The models: what they cost, what they take, and how large their pictures are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

LEGACY, UNIFIED = "/v1/draw/", "/v1/api/"  # the two generations of the API, by the beginning of their paths

NANO_PIXELS = {  # width × height at 1K, the sizes Gemini's image models are known for
    "1:1": (1024, 1024),
    "16:9": (1376, 768),
    "9:16": (768, 1376),
    "4:3": (1200, 896),
    "3:4": (896, 1200),
    "3:2": (1264, 848),
    "2:3": (848, 1264),
    "5:4": (1152, 928),
    "4:5": (928, 1152),
    "21:9": (1584, 672),
    "1:4": (512, 2048),
    "4:1": (2048, 512),
    "1:8": (384, 3072),
    "8:1": (3072, 384),
}
SCALES = {"1K": 1, "2K": 2, "4K": 4}
GPT_PIXELS = {  # width × height at 1K
    "1:1": (1024, 1024),
    "16:9": (1280, 720),
    "9:16": (720, 1280),
    "4:3": (1152, 864),
    "3:4": (864, 1152),
    "3:2": (1536, 1024),
    "2:3": (1024, 1536),
    "5:4": (1120, 896),
    "4:5": (896, 1120),
    "21:9": (1456, 624),
    "9:21": (624, 1456),
    "2:1": (1536, 768),
    "1:2": (768, 1536),
}
LONGEST, STEEPEST, FEWEST, MOST = 3840, 3, 655_360, 8_294_400  # free pixels: side, long : short, pixels in all
MOST_AT_1K = 1_600_000  # chosen: what "1K pixels" ends at; the largest of the 1K column has 1,572,864
MOST_REFERENCES = 16  # of gpt-image


@dataclass(frozen=True, kw_only=True)
class Model:
    """One row of the catalogue."""

    credits: int
    sizes: tuple[str, ...] = ()  # the imageSizes it has; none: always 1K
    unified_only: bool = False
    most_pixels: int = 0  # of gpt-image, which takes pixels as ratio; 0: one of nano-banana
    ratios: bool = True  # whether gpt-image takes ratios, besides pixels and auto
    qualities: tuple[str, ...] = ()
    transparent: bool = False  # whether `background` does something
    kind: str = "image"  # or "video", which is not sold by these endpoints
    closed: bool = False
    maintenance: bool = False
    refunds_errors: bool | None = None  # None: as the service's `refund_failed`
    refunds_refusals: bool | None = None  # what moderation refused

    @property
    def takes_pixels(self) -> bool:
        return self.most_pixels > 0

    def size(self, asked: str) -> str:
        """The imageSize that comes of the one that was asked for."""
        return asked if asked in self.sizes else (*self.sizes, "1K")[0]


ALL = ("1K", "2K", "4K")


def by_ratio(credits: int) -> Model:
    return Model(credits=credits, unified_only=True, most_pixels=MOST_AT_1K, qualities=("auto",))


def by_pixels(credits: int, *qualities: str) -> Model:
    return Model(credits=credits, unified_only=True, most_pixels=MOST, ratios=False, qualities=qualities, transparent=True)


MODELS: Mapping[str, Model] = {
    "nano-banana-fast": Model(credits=440),
    "nano-banana": Model(credits=1400),
    "nano-banana-2-lite": Model(credits=440, sizes=("1K",)),
    "nano-banana-2": Model(credits=1200, sizes=ALL),
    "nano-banana-2.1": Model(credits=1200, sizes=ALL, unified_only=True),  # price chosen: nobody has told it
    "nano-banana-2-cl": Model(credits=6000, sizes=("1K",)),
    "nano-banana-2-2k-cl": Model(credits=9000, sizes=("2K",)),
    "nano-banana-2-4k-cl": Model(credits=13000, sizes=("4K",)),
    "nano-banana-pro": Model(credits=1800, sizes=ALL),
    "nano-banana-pro-vt": Model(credits=1800, sizes=ALL),
    "nano-banana-pro-cl": Model(credits=10000, sizes=("1K",)),
    "nano-banana-pro-vip": Model(credits=10000, sizes=("1K", "2K")),
    "nano-banana-pro-4k-vip": Model(credits=18000, sizes=("4K",)),
    "gpt-image-2": by_ratio(600),
    "gpt-image-2.5": by_ratio(600),
    "gpt-image-2-vip": by_pixels(2000, "medium"),
    "gpt-image-2.5-flare": by_pixels(2000, "low", "medium", "high"),
    "gpt-image-2.5-sunburst": by_pixels(2400, "low", "medium", "high", "xhigh", "max"),
    "veo-3-fast": Model(credits=4000, kind="video"),  # chosen: the list holds more than pictures
}


def catalogue(prices: Mapping[str, int]) -> dict[str, Model]:
    """Today's models at these prices. A name that is not there becomes a model like its nearest kin."""
    models = dict(MODELS)
    for name, credits in prices.items():
        models[name] = changed(models, name, credits=credits)
    return models


def changed(models: Mapping[str, Model], name: str, **facts: Any) -> Model:
    """The row of a model with other facts; a new name begins as gpt-image-2.5-flare or nano-banana-2."""
    kin = "gpt-image-2.5-flare" if name.startswith("gpt-image") else "nano-banana-2"
    return replace(models.get(name, MODELS[kin]), **facts)


def ratio_pixels(ratio: str) -> tuple[int, int] | None:
    """The sides of `WxH`."""
    sides = ratio.split("x")
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 and all(map(str.isdecimal, sides)) else None


def refused_ratio(model: Model, ratio: str) -> bool:
    """Whether gpt-image cannot make this. nano-banana takes anything: what it does not know is `auto`."""
    if not model.takes_pixels or ratio == "auto" or (model.ratios and ratio in GPT_PIXELS):
        return False
    sides = ratio_pixels(ratio)
    if sides is None:
        return True
    odd = any(side % 16 for side in sides) or max(sides) > LONGEST or max(sides) > STEEPEST * min(sides)
    return odd or not FEWEST <= sides[0] * sides[1] <= model.most_pixels


def pixels(ratio: str, size: str, source: tuple[int, int] | None, *, by_pixels: bool) -> tuple[int, int]:
    """Width and height. `auto` follows the source (sides in steps of 16, the area of a square), else it is 1:1."""
    if by_pixels and (sides := ratio_pixels(ratio)):
        return sides
    table, scale = GPT_PIXELS if by_pixels else NANO_PIXELS, SCALES.get(size, 1)
    if source and ratio not in table:
        stretch = math.sqrt(min(8.0, max(1 / 8, source[0] / source[1])))
        width, height = (max(16, round(1024 * side / 16) * 16) for side in (stretch, 1 / stretch))
    else:
        width, height = table.get(ratio, table["1:1"])
    return width * scale, height * scale
