"""The catalogue of models. A new model is a row here, or a row in the user's own `grsai.toml`, which no update touches."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from .errors import WrongJob, WrongSetting

Api = Literal["unified", "legacy"]  # the two generations of the service's API: /v1/api/ and /v1/draw/
APIS: tuple[Api, ...] = ("unified", "legacy")
CREDITS_PER_YUAN = 10_000

BASE = ("auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5", "21:9")
WIDE = (*BASE, "1:4", "4:1", "1:8", "8:1")
RATIOS = types.MappingProxyType({"base": BASE, "wide": WIDE})
SIZES = ("1K", "2K", "4K")

# How much longer than 1K a size takes, and after how many seconds we stop waiting (the task itself goes on).
_TIMES = types.MappingProxyType({None: (1.0, 600.0), "1K": (1.0, 600.0), "2K": (1.5, 900.0), "4K": (4.0, 1200.0)})


@dataclass(frozen=True)
class Model:
    """One row: `credits` a picture, `sizes` the API takes (none: the field is not sent), `seconds` it usually needs at 1K."""

    id: str
    credits: int
    sizes: tuple[str, ...] = ()
    ratios: tuple[str, ...] = BASE
    seconds: float = 40.0
    delisted: bool = False  # gone from the vendor's list, still answered

    def size(self, asked: str | None) -> str | None:
        """The size to send: the one asked for, else the smallest. Refuses what the model has not."""
        if not asked:
            return self.sizes[0] if self.sizes else None
        if not self.sizes:
            raise WrongJob("{model} takes no image size. Leave it out.", model=self.id)
        if asked not in self.sizes:
            allowed = ", ".join(self.sizes)
            raise WrongJob("{model} has no size {size}. Allowed: {allowed}.", model=self.id, size=asked, allowed=allowed)
        return asked

    def ratio(self, asked: str | None) -> str:
        """The ratio to send, `auto` by default. Refuses what the model has not."""
        if asked and asked not in self.ratios:
            allowed = ", ".join(self.ratios)
            raise WrongJob("{model} has no ratio {ratio}. Allowed: {allowed}.", model=self.id, ratio=asked, allowed=allowed)
        return asked or "auto"

    def usual_seconds(self, size: str | None) -> float:
        return self.seconds * _TIMES.get(size, _TIMES["4K"])[0]

    def deadline_seconds(self, size: str | None) -> float:
        """How long to wait for one task. Under load tasks were seen to take up to 15 minutes."""
        return _TIMES.get(size, _TIMES["4K"])[1]


_ROWS = (
    Model("nano-banana-fast", 440, seconds=40),
    Model("nano-banana-2-lite", 440, ("1K",), WIDE, seconds=6),
    Model("nano-banana-2", 1200, SIZES, WIDE, seconds=45),
    Model("nano-banana-pro", 1800, SIZES, seconds=45),
    Model("nano-banana", 1400, delisted=True),
    Model("nano-banana-2-cl", 6000, ("1K",), WIDE),
    Model("nano-banana-2-2k-cl", 9000, ("2K",), WIDE),
    Model("nano-banana-2-4k-cl", 13000, ("4K",), WIDE),
    Model("nano-banana-pro-vt", 1800, SIZES, seconds=45),
    Model("nano-banana-pro-cl", 10000, ("1K",)),  # took 2K and 4K before 2026
    Model("nano-banana-pro-vip", 10000, ("1K", "2K")),
    Model("nano-banana-pro-4k-vip", 18000, ("4K",)),
)
DEFAULT_MODEL = _ROWS[0].id


class Catalogue(Mapping[str, Model]):
    """The models by id, in the order in which they are offered."""

    def __init__(self, rows: tuple[Model, ...] = _ROWS) -> None:
        self._rows = {model.id: model for model in rows}

    def named(self, model_id: str) -> Model:
        """The model of that name; `WrongJob` names the nearest one if there is none."""
        if model_id not in self._rows:
            raise self._unknown(model_id)
        return self._rows[model_id]

    def __getitem__(self, model_id: str) -> Model:
        return self._rows[model_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def with_rows(self, rows: Mapping[str, Mapping[str, Any]]) -> Catalogue:
        """A catalogue with the user's rows added or changed: `{"id": {"credits": 440, "sizes": ["1K"], "ratios": "wide"}}`."""
        merged = dict(self._rows)
        for model_id, row in rows.items():
            merged[model_id] = _with_row(merged.get(model_id, Model(model_id, 0)), row)
        return Catalogue(tuple(merged.values()))

    def _unknown(self, model_id: str) -> WrongJob:
        near = difflib.get_close_matches(model_id, self._rows, 1)
        return WrongJob(
            "There is no model {model}; did you mean {near}? A new model can be added to grsai.toml.",
            model=model_id,
            near=near[0] if near else DEFAULT_MODEL,
        )


def yuan(credits: float) -> float:
    return credits / CREDITS_PER_YUAN


def _with_row(model: Model, row: Mapping[str, Any]) -> Model:
    """`model` with the row's fields, each of the type that the field has."""
    try:
        return replace(model, **{name: _FIELDS[name](value) for name, value in row.items()})
    except (KeyError, TypeError, ValueError) as error:
        text = "The row of {model} in grsai.toml is wrong: {why}. Correct it and run again."
        raise WrongSetting(text, model=model.id, why=error) from None


def _ratios(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return RATIOS[value]
    return _texts(value)


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{value!r} is no list of texts")
    return tuple(value)


def _credits(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"credits must be a whole number, not {value!r}")
    return value


_FIELDS = types.MappingProxyType({"credits": _credits, "sizes": _texts, "ratios": _ratios, "seconds": float, "delisted": bool})
