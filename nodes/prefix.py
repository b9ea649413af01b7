"""ComfyUI's tokens in a `filename_prefix`: `%date:yyyy-MM-dd%`, `%year%` and its like, and `%Node.widget%`."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"%([^%/\\]+)%")
_DATE_PARTS = re.compile(r"yyyy|yy|MM?|dd?|hh?|mm?|ss?")
_FORBIDDEN = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')


def expanded(prefix: str, graph: Mapping[str, Any] | None, now: time.struct_time) -> str:
    """`prefix` with its tokens filled as ComfyUI does it: what is none stays as it is.

    A node is named by its title, where the canvas sent one along, or by its class.
    """

    def value(token: re.Match[str]) -> str:
        name, _, rest = token[1].partition(":")
        if name == "date":
            return _date(rest or "yyyyMMddhhmmss", now)
        if name in _NUMBERS:
            return f"{_NUMBERS[name](now):02}"
        node, _, widget = token[1].rpartition(".")
        found = _widget(node, widget, graph or {})
        return token[0] if found is None else _FORBIDDEN.sub("_", str(found))

    return _TOKEN.sub(value, prefix)


_NUMBERS = {
    "year": lambda now: now.tm_year,
    "month": lambda now: now.tm_mon,
    "day": lambda now: now.tm_mday,
    "hour": lambda now: now.tm_hour,
    "minute": lambda now: now.tm_min,
    "second": lambda now: now.tm_sec,
}
_LETTERS = {"M": "month", "d": "day", "h": "hour", "m": "minute", "s": "second"}


def _date(pattern: str, now: time.struct_time) -> str:
    def part(found: re.Match[str]) -> str:
        letters = found[0]
        if letters[0] == "y":
            return f"{now.tm_year:04}"[-len(letters) :]
        return str(_NUMBERS[_LETTERS[letters[0]]](now)).zfill(len(letters))

    return _DATE_PARTS.sub(part, pattern)


def _widget(node: str, widget: str, graph: Mapping[str, Any]) -> str | int | float | None:
    """The value of a widget of the node of that title or class."""
    for facts in graph.values():
        if node in ((facts.get("_meta") or {}).get("title"), facts.get("class_type")):
            value = facts.get("inputs", {}).get(widget)
            return value if isinstance(value, (str, int, float)) else None
    return None
