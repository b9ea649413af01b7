"""The models: what they cost and how large their pictures are."""

from __future__ import annotations

import math

CREDITS = {
    "nano-banana-fast": 440,
    "nano-banana": 1400,
    "nano-banana-2-lite": 440,
    "nano-banana-2": 1200,
    "nano-banana-2-cl": 6000,
    "nano-banana-2-2k-cl": 9000,
    "nano-banana-2-4k-cl": 13000,
    "nano-banana-pro": 1800,
    "nano-banana-pro-vt": 1800,
    "nano-banana-pro-cl": 10000,
    "nano-banana-pro-vip": 10000,
    "nano-banana-pro-4k-vip": 18000,
}
GPT_IMAGE_CREDITS = 600  # chosen: the unified endpoint also takes gpt-image models, whose prices are not documented

PIXELS = {  # width × height at 1K, the sizes Gemini's image models are known for
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


def pixels(ratio: str, size: str, source: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height. `auto` follows the source (sides in steps of 16, the area of a square), else it is 1:1."""
    scale = SCALES.get(size, 1)
    if source and ratio not in PIXELS:
        stretch = math.sqrt(min(8.0, max(1 / 8, source[0] / source[1])))
        width, height = (max(16, round(1024 * side / 16) * 16) for side in (stretch, 1 / stretch))
    else:
        width, height = PIXELS.get(ratio, PIXELS["1:1"])
    return width * scale, height * scale
