"""Variables in prompts and names: `{stem}`, `{sku}` and whatever else a sheet has a column for."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from .columns import plain

BUILT_IN = ("stem", "name", "folder", "n")  # there is one without a sheet, too
_PLACE = re.compile(r"\{\{(\w+)\}\}|\{([^{}\r\n]+)\}")


def of_picture(path: Path | None, number: int) -> dict[str, str]:
    """What there is without a sheet: the file without and with its suffix, its folder, and the place in the plan from 1."""
    return {"n": str(number), **(_of_path(path) if path else {})}


@functools.lru_cache(maxsize=1024)
def _of_path(path: Path) -> Mapping[str, str]:
    return {"stem": path.stem, "name": path.name, "folder": path.absolute().parent.name}


def used(text: str, values: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables that stand in the text, with their values."""
    if "{" not in text:
        return {}
    names = [plain(place[2]) for place in _PLACE.finditer(text) if place[2]]
    return {name: values[name] for name in names if name in values}


def fill(text: str, values: Mapping[str, str]) -> str:
    """`{word}` as the value of that name (compared as `plain` does), `{{word}}` as `{word}`; all other braces as they stand."""

    def value(place: re.Match[str]) -> str:
        if place[1]:
            return f"{{{place[1]}}}"
        return values.get(plain(place[2]), place[0])

    return _PLACE.sub(value, text)
