"""What a batch will cost, told before anything is sent; above a sum of the user's own it is asked whether to go on."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from ..errors import Refused
from ..models import yuan
from ..report.phrases import money
from ..settings import Settings
from ..texts import say
from .options import Options
from .screen import Display, show

if TYPE_CHECKING:
    from ..client import Balance
    from ..engine import Estimate

_YES = ("y", "yes", "是", "好")


def tell_price(
    price: Estimate, balance: Balance | None, display: Display, settings: Settings, options: Options, stop: threading.Event
) -> None:
    """Says it, and asks on a terminal. Raises `Refused` where the answer is no.

    A pipe is never asked: there `budget` is what keeps a sum from being spent.
    """
    if not options.json:  # whose reader takes one object and nothing else; `--estimate --json` tells the price
        show(said_price(price, balance, settings, options))
    asked = yuan(price.credits, settings.credits_per_yuan) > settings.ask_above > 0
    if not asked or options.yes or options.demo or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    text = "That is more than ¥{sum:g} (ask_above). Go on? [y/N] "
    display.say(say(text, options.language, sum=settings.ask_above))
    if _answer(stop).strip().lower() not in _YES:
        raise Refused("Not begun. Nothing was sent, nothing was paid.")


def said_price(price: Estimate, balance: Balance | None, settings: Settings, options: Options) -> str:
    """`16 pictures: 7,040 credits (¥0.70). Balance: 990,000 credits (¥99.00).`"""
    language, per_yuan = options.language, settings.credits_per_yuan
    free = price.reused + price.open
    if not price.new:
        return say("Pictures: {total}, all paid earlier. Nothing to pay.", language, total=price.total)
    cost = money(price.credits, language, per_yuan=per_yuan)
    text = "Pictures: {total}. To pay: {cost}."
    if free:
        text = "Pictures: {total}, of which {free} are paid already. To pay: {cost}."
    if options.demo:
        text = "Pictures: {total}. They would cost {cost}; offline nothing is paid."
    said = [say(text, language, total=price.total, free=free, cost=cost)]
    if price.unpriced:
        said.append(say("What {count} of them cost is not known.", language, count=price.unpriced))
    if not options.demo and balance is not None and balance.spendable is not None:
        said.append(say("Balance: {balance}.", language, balance=money(balance.spendable, language, per_yuan=per_yuan)))
    return ("" if language == "zh" else " ").join(said)


def _answer(stop: threading.Event) -> str:
    """The line that is typed; an empty one where the run is stopped instead."""
    from ..engine.threads import in_threads

    (line,) = in_threads(lambda read: read(), [sys.stdin.readline], stop=stop)
    return line or ""
