"""How a picture is edited within its mask. Everything but the margin changes only the paste, which costs nothing."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import WrongSetting

MOST_MARGIN, MOST_FEATHER = 2000, 200  # pixels
_SWITCH = types.MappingProxyType({"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False})


@dataclass(frozen=True)
class MaskOptions:
    """`margin`: pixels around the mask that the model sees at least; `feather`: pixels around it on which the edit fades out.

    `align`: undo what the model shifted and scaled. `match`: give the edit the brightness and colour of what surrounds it.
    """

    margin: int = 128
    feather: int = 16
    align: bool = True
    match: bool = True


def mask_options_of(given: Mapping[str, Any]) -> MaskOptions:
    """The value that options describe, each as it was typed and None where it was not. Raises `WrongSetting`."""
    return MaskOptions(**{name: _READ[name](value) for name, value in given.items() if value is not None})


def _whole(name: str, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, bool) and re.fullmatch(r"\d{1,5}", str(value).strip()) and int(value) <= most:
            return int(value)
        raise WrongSetting("{name} can be {low} to {high}, not {value}.", name=name, low=0, high=most, value=value)

    return read


def _switch(name: str) -> Callable[[Any], bool]:
    def read(value: Any) -> bool:
        plain = str(value).strip().lower()
        if plain in _SWITCH:
            return _SWITCH[plain]
        text = "{value} is no value for {name}. There are: {known}."
        raise WrongSetting(text, value=value, name=name, known="on, off")

    return read


_READ: Mapping[str, Callable[[Any], Any]] = types.MappingProxyType(
    {
        "margin": _whole("mask-margin", MOST_MARGIN),
        "feather": _whole("mask-feather", MOST_FEATHER),
        "align": _switch("mask-align"),
        "match": _switch("mask-match"),
    }
)
