"""The small parts that pages of pictures are made of: tiles, cards, before and after, verdicts. Plain modules without a build.

The static page has them within itself, the review page and ComfyUI's page load them one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent
STYLES = ("page.css", "components.css")  # what stands around pictures on a page of our own; the components
# Each imports names of those before it only, and no two of all their own names are alike: so they can stand in one module.
MODULES = (
    "dom.js",
    "words.js",
    "signs.js",
    "tile.js",
    "card.js",
    "stage.js",
    "verdict.js",
    "versions.js",
    "viewer.js",
    "made.js",
    "comparison.js",
    "grid.js",
    "strip.js",
)
TYPES = {".js": "text/javascript", ".css": "text/css"}


def in_one(modules: Iterable[Path]) -> str:
    """All components and other modules as one, for a page that opens from disk and can import nothing."""
    texts = [path.read_text("utf-8") for path in (*(FOLDER / name for name in MODULES), *modules)]
    return re.sub(r"(?ms)^(import .*?;|// @ts-check)\n", "", "\n".join(texts))


def style(*more: Path) -> str:
    """Of a page of our own: its colours, the components, and what it has beside them."""
    return "\n".join(path.read_text("utf-8") for path in (*(FOLDER / name for name in STYLES), *more))
