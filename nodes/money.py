"""Prices as they are shown: credits, yuan, or roughly dollars."""

from __future__ import annotations

import types
from dataclasses import dataclass

from ..grsai.models import CREDITS_PER_YUAN

_DOLLARS_PER_YUAN = 0.14  # roughly; for a feeling of the size, which the sign says


@dataclass(frozen=True)
class Unit:
    sign: str
    per_credit: float
    digits: int


UNITS = types.MappingProxyType(
    {
        "cny": Unit("¥", 1 / CREDITS_PER_YUAN, 3),
        "usd": Unit("≈$", _DOLLARS_PER_YUAN / CREDITS_PER_YUAN, 4),
        "credits": Unit("", 1.0, 0),
    }
)


def price_text(credits: int, currency: str) -> str:
    """`¥0.31`; more digits only where two would round the price away."""
    unit = UNITS[currency]
    amount = credits * unit.per_credit
    short = round(amount, 2) == round(amount, unit.digits)
    return f"{unit.sign}{amount:,.{min(unit.digits, 2) if short else unit.digits}f}"
