"""A figure, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["×", "ms", "s", "MB", "%", ""]
_DIGITS = {"×": 3, "ms": 1, "s": 2, "MB": 0, "%": 2, "": 0}
_HEADER = ("what", "limit or alternative", "to reach", "measured", "", "made of")


@dataclass(frozen=True)
class Figure:
    """Something measured, mostly as a ratio to `against`; `made_of` names the two values, or says why `measured` is None."""

    what: str
    against: str
    measured: float | None
    target: float
    unit: Unit = "×"
    at_least: bool = False
    made_of: str = ""

    @property
    def reached(self) -> bool:
        if self.measured is None:
            return False
        return self.measured >= self.target if self.at_least else self.measured <= self.target

    @property
    def row(self) -> tuple[str, ...]:
        wanted = f"{'≥' if self.at_least else '≤'} {_text(self.target, self.unit, short=True)}"
        if self.measured is None:
            return (self.what, self.against, wanted, "–", "not measured", self.made_of)
        verdict = "reached" if self.reached else "**missed**"
        return (self.what, self.against, wanted, _text(self.measured, self.unit), verdict, self.made_of)


def markdown(figures: Sequence[Figure]) -> str:
    """The table, its columns aligned for those who read it as plain text."""
    rows = [_HEADER, *(figure.row for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def _text(value: float, unit: Unit, *, short: bool = False) -> str:
    text = f"{value:.{_DIGITS[unit]}f}"
    if short and "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}".strip()
