"""How times and money read, and how a text becomes one harmless line."""

from __future__ import annotations

from ..models import yuan
from ..texts import plain as plain
from ..texts import say


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


def money(credits: int, language: str = "en") -> str:
    """Credits and what they cost: `6,600 credits (¥0.66)`."""
    return say("{credits} credits (¥{yuan})", language, credits=f"{credits:,}", yuan=yuan_text(credits))


def yuan_text(credits: int) -> str:
    """`0.66`; four digits where two would round the price away."""
    amount = yuan(credits)
    return f"{amount:,.2f}" if round(amount, 2) == round(amount, 4) else f"{amount:,.4f}".rstrip("0")
