"""What a widget allows, checked once more: ComfyUI checks only typed values, and a wired one may be anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..grsai.errors import WrongJob

MOST_SEED = 2**31 - 1
MOST_AT_ONCE = 50
MOST_PICTURES = 12  # of one NanoBananaGenerate
MOST_JOBS = 100_000  # of one batch
MOST_BUDGET = 100_000.0  # yuan
_SHOWN = 60  # characters of a wrong value


def only(value: Any) -> Any:
    """The one value of a widget, which a node that takes lists gets as a list."""
    if isinstance(value, (list, tuple)):
        return value[0] if value else None
    return value


def whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number from `low` to `high`. Raises `WrongJob`."""
    number = only(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        text = "{name} is {value}. It must be a whole number from {low} to {high}."
        raise WrongJob(text, name=name, value=_shown(number), low=low, high=high)
    return number


def amount(value: Any, name: str, most: float) -> float:
    """A number from 0 to `most`. Raises `WrongJob`."""
    number = only(value)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or math.isnan(number) or not 0 <= number <= most:
        text = "{name} is {value}. It must be a number from 0 to {most:,.0f}."
        raise WrongJob(text, name=name, value=_shown(number), most=most)
    return float(number)


def one_of(value: Any, name: str, allowed: Sequence[str]) -> str:
    """One of the `allowed` words. Raises `WrongJob`."""
    word = only(value)
    if word not in allowed:
        text = "{name} is {value}. Allowed: {allowed}."
        raise WrongJob(text, name=name, value=_shown(word), allowed=", ".join(allowed))
    return word


def text(value: Any, name: str) -> str:
    """A text; None counts as an empty one. Raises `WrongJob`."""
    word = only(value)
    if word is not None and not isinstance(word, str):
        raise WrongJob("{name} is {value}. It must be a text.", name=name, value=_shown(word))
    return word or ""


def texts(value: Any, name: str) -> list[str]:
    """Several texts, or one. Raises `WrongJob`."""
    return [text(part, name) for part in (value if isinstance(value, (list, tuple)) else [value])]


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
