"""How pictures are finished: one frozen value, made of options, of a preset, or of both."""

from __future__ import annotations

import difflib
import hashlib
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from ..errors import WrongSetting
from ..pictures import MAX_PIXELS
from .presets import PRESETS

How = Literal["cover", "contain", "pad"]
HOWS: tuple[How, ...] = ("cover", "contain", "pad")
Format = Literal["jpg", "webp", "png"]
FORMATS: tuple[Format, ...] = ("jpg", "webp", "png")
METADATA = ("off", "keep")
MOST_SIDE = 16_383  # pixels, the longest that WebP takes
_FORMATS = types.MappingProxyType({"jpeg": "jpg"})


@dataclass(frozen=True)
class Finish:
    """`fit`: width and height in pixels; `max_kb`: of 1,000 bytes, the most that a file may have. None: as the original is.

    `quality_of_file`: 1 to 100, the most that is used for jpg and webp. `metadata`: `keep` puts the prompt in, all else goes.
    """

    fit: tuple[int, int] | None = None
    fit_how: How = "cover"
    format: Format | None = None
    quality_of_file: int = 92
    max_kb: int | None = None
    metadata: str = "off"

    @property
    def mark(self) -> str:
        """Tells settings apart: a file that was finished with others is finished anew."""
        return hashlib.sha256(repr(asdict(self)).encode()).hexdigest()[:16]


def finish_of(
    given: Mapping[str, Any], *, preset: str | None = None, presets: Mapping[str, Mapping[str, Any]] = types.MappingProxyType({})
) -> Finish | None:
    """The value that options describe, each as it was typed and None where it was not; they count before those of the `preset`.

    `presets`: the user's own rows, which count before ours. None where nothing is to be finished. Raises `WrongSetting`.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    if preset is None and not asked:
        return None
    row = {} if preset is None else _row(preset, presets)
    return Finish(**{name: _READ[name](value) for name, value in {**row, **asked}.items()})


def _row(name: str, presets: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    known = {**PRESETS, **presets}  # a preset of theirs replaces one of ours
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        if near:
            raise WrongSetting("There is no preset {name}; did you mean {near}?", name=name, near=near[0])
        raise WrongSetting("There is no preset {name}. There are: {known}.", name=name, known=", ".join(known))
    unknown = sorted(set(known[name]) - {field.name for field in fields(Finish)})
    if unknown:
        text = "The preset {name} says {unknown}, which is not known. It can say: {known}."
        raise WrongSetting(text, name=name, unknown=", ".join(unknown), known=", ".join(field.name for field in fields(Finish)))
    return known[name]


def _fit(value: Any) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d{1,6})\s*[x×X*]\s*(\d{1,6})\s*", str(value))
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(1 <= side <= MOST_SIDE for side in sides) or sides[0] * sides[1] > MAX_PIXELS:
        text = (
            "{value} is no size to fit pictures to. Give width and height in pixels, such as 800x800: at most {most} each, and"
            " {pixels} million in all."
        )
        raise WrongSetting(text, value=value, most=MOST_SIDE, pixels=MAX_PIXELS // 1_000_000)
    return sides


def _one_of(name: str, known: tuple[str, ...]) -> Any:
    def read(value: Any) -> str:
        plain = str(value).strip().lower().removeprefix(".")
        if (meant := _FORMATS.get(plain, plain)) in known:
            return meant
        raise WrongSetting("{value} is no value for {name}. There are: {known}.", value=value, name=name, known=", ".join(known))

    return read


def _whole(name: str, low: int, high: int) -> Any:
    def read(value: Any) -> int:
        if not isinstance(value, bool) and re.fullmatch(r"\d{1,9}", str(value).strip()) and low <= int(value) <= high:
            return int(value)
        raise WrongSetting("{name} can be {low} to {high}, not {value}.", name=name, low=low, high=high, value=value)

    return read


_READ: Mapping[str, Callable[[Any], Any]] = types.MappingProxyType(
    {
        "fit": _fit,
        "fit_how": _one_of("fit-how", HOWS),
        "format": _one_of("format", FORMATS),
        "quality_of_file": _whole("quality-of-file", 1, 100),
        "max_kb": _whole("max-kb", 1, 1_000_000),
        "metadata": _one_of("metadata", METADATA),
    }
)
