"""How times and money read, and how a text becomes one harmless line."""

from __future__ import annotations

import types
from dataclasses import dataclass, replace

from ..models import CREDITS_PER_YUAN
from ..texts import plain as plain
from ..texts import say

_DOLLARS_PER_YUAN = 0.14  # roughly; for a feeling of the size, which the sign says


@dataclass(frozen=True)
class Unit:
    """`digits`: behind the point, at most."""

    sign: str
    per_credit: float
    digits: int


UNITS = types.MappingProxyType(
    {
        "cny": Unit("¥", 1 / CREDITS_PER_YUAN, 4),
        "usd": Unit("≈$", _DOLLARS_PER_YUAN / CREDITS_PER_YUAN, 4),
        "credits": Unit("", 1.0, 0),
    }
)


def duration(seconds: float, language: str = "en") -> str:
    """A time as people say it: `8.4 s`, `1 min 04 s`, `2 h 05 min`. A whole number has no decimals."""
    if seconds < 10 and seconds != int(seconds):
        return say("{seconds} s", language, seconds=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return say("{seconds} s", language, seconds=whole)
    if whole < 3600:
        return say("{minutes} min {seconds} s", language, minutes=whole // 60, seconds=f"{whole % 60:02}")
    return say("{hours} h {minutes} min", language, hours=whole // 3600, minutes=f"{whole % 3600 // 60:02}")


def money(credits: int, language: str = "en", *, per_yuan: float = CREDITS_PER_YUAN) -> str:
    """Credits and what they cost: `6,600 credits (¥0.66)`. `per_yuan`: credits that the user got for one."""
    yuan = yuan_text(credits, per_yuan=per_yuan)
    return say("{credits} credits (¥{yuan})", language, credits=f"{credits:,}", yuan=yuan)


def unit_of(currency: str, credits_per_yuan: float = CREDITS_PER_YUAN) -> Unit:
    """A currency for whoever got so many credits for a yuan."""
    unit = UNITS[currency]
    return unit if unit.per_credit == 1 else replace(unit, per_credit=unit.per_credit * CREDITS_PER_YUAN / credits_per_yuan)


def price_text(credits: int, currency: str, credits_per_yuan: float = CREDITS_PER_YUAN) -> str:
    """`¥0.31`, `≈$0.0062`, `440`: more than two digits only where two would round the price away."""
    unit = unit_of(currency, credits_per_yuan)
    amount = credits * unit.per_credit
    if round(amount, 2) == round(amount, unit.digits):
        return f"{unit.sign}{amount:,.{min(unit.digits, 2)}f}"
    return f"{unit.sign}{amount:,.{unit.digits}f}".rstrip("0")


def yuan_text(credits: int, *, per_yuan: float = CREDITS_PER_YUAN) -> str:
    """`0.66`, without a sign."""
    return price_text(credits, "cny", per_yuan).removeprefix(UNITS["cny"].sign)
