"""What may still be paid: by a run, and by day and month over all that the ledger knows."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..errors import OverBudget, WrongSetting
from ..ledger import Allow, Ledger, Sums
from ..models import CREDITS_PER_YUAN, yuan
from ..settings import Settings


@dataclass(frozen=True)
class Limit:
    """A sum of credits that may be paid since a moment; `since` None: by the run alone."""

    credits: int
    name: str  # of the setting
    since: float | None = None


class Budget:
    """The limits of one run. Raises `OverBudget` for what they do not allow.

    `spread`: the id of a run that goes on in several processes at once, so that only the ledger knows what it has paid.
    """

    def __init__(self, settings: Settings, ledger: Ledger, *, of_the_run: float | None, spread: str | None = None) -> None:
        day, month = _beginnings(ledger.now())
        asked = (
            ("budget", settings.budget if of_the_run is None else of_the_run, None),
            ("budget_day", settings.budget_day, day),
            ("budget_month", settings.budget_month, month),
        )
        self._per_yuan = settings.credits_per_yuan
        limits = [Limit(in_credits(amount, self._per_yuan), name, since) for name, amount, since in asked]
        self._limits = [limit for limit in limits if limit.credits]
        self._ledger = ledger
        self._reserved = 0
        self._begun, self._spread = ledger.now(), spread

    def check(self, count: int, credits: int, *, unpriced: int = 0) -> None:
        """Whether `count` pictures for so many credits may be begun. Of `unpriced` ones among them nobody knows the price."""
        for limit in self._limits:
            if unpriced:
                raise OverBudget(
                    "What {count} of the pictures cost is not known, so the budget of ¥{budget:.2f} cannot be kept. Nothing was"
                    " sent; write the credits of their model into grsai.toml, or run without a budget.",
                    count=unpriced,
                    budget=self.yuan(limit.credits),
                )
            spent = 0 if limit.since is None else self._ledger.spent(limit.since)
            if spent + credits > limit.credits:
                text = (
                    "What is to be made ({count}) costs ¥{price:.2f}, more than the budget of ¥{budget:.2f}. Nothing was sent;"
                    " raise the budget or make fewer."
                )
                if limit.since is not None:
                    text = (
                        "What is to be made ({count}) costs ¥{price:.2f}. With the ¥{spent:.2f} that were spent already this is"
                        " more than {name} allows: ¥{budget:.2f}. Nothing was sent; raise it or make fewer."
                    )
                raise OverBudget(
                    text,
                    count=count,
                    price=self.yuan(credits),
                    spent=self.yuan(spent),
                    budget=self.yuan(limit.credits),
                    name=limit.name,
                )

    def reserve(self, credits: int) -> None:
        """Keeps what the run pays, tries after failed tasks included, within its own limit. A negative sum gives back.

        Under a lock of the caller's.
        """
        for limit in self._limits if credits > 0 and self._spread is None else ():
            if limit.since is None and self._reserved + credits > limit.credits:
                raise self._used_up(limit)
        self._reserved += credits

    def allowance(self, credits: int) -> Allow | None:
        """What the ledger asks before it writes a submit for so many credits down; None where nothing but the run is limited."""
        limits = [limit for limit in self._limits if limit.since is not None or self._spread is not None]

        def allow(sums: Sums) -> None:
            for limit in limits:
                spent = sums.since(limit.since) if limit.since is not None else sums.of_run(self._begun)
                if spent + credits > limit.credits:
                    raise self._used_up(limit)

        return allow if limits else None

    def _used_up(self, limit: Limit) -> OverBudget:
        text = "Not sent: the budget of ¥{budget:.2f} is used up. Raise it to go on."
        if limit.since is not None:
            text = "Not sent: {name} (¥{budget:.2f}) is used up. Raise it to go on."
        return OverBudget(text, budget=self.yuan(limit.credits), name=limit.name)

    def yuan(self, credits: int) -> float:
        """What credits cost this user."""
        return yuan(credits, self._per_yuan)


def in_credits(budget: float, per_yuan: float = CREDITS_PER_YUAN) -> int:
    """A budget in yuan as credits, at least one: 0 means none. Raises `WrongSetting` for what is no amount."""
    if not 0 <= budget < 1e9:  # not NaN either
        raise WrongSetting("The budget can be 0 to 999,999,999 yuan, not {budget}.", budget=budget)
    return max(int(budget * per_yuan + 1e-6), 1) if budget else 0


def _beginnings(now: float) -> tuple[float, float]:
    """When the day and the month began here, in seconds since 1970."""
    year, month, day = time.localtime(now)[:3]
    return tuple(time.mktime((year, month, each, 0, 0, 0, 0, 0, -1)) for each in (day, 1))  # type: ignore[return-value]
