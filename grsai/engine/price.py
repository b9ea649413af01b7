"""What a run would do and cost, and whether budget and balance allow it. Asked before anything is spent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..client import Balance, GrsaiClient
from ..errors import KeyRefused, OutOfCredits, OverBudget, ServiceError
from ..jobs import Job
from ..ledger import Ledger
from ..models import yuan
from ..settings import Settings
from .budget import Budget
from .decision import Decision, Pay, Reuse, decide, kind_of
from .evidence import BALANCE_SECONDS
from .threads import in_threads

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Estimate:
    """What a run would do: `reused` and `open` (paid earlier, to be collected) cost nothing, `new` cost `credits`.

    `unpriced`: those of the new whose price nobody knows, which the credits leave out.
    """

    total: int
    reused: int
    open: int
    new: int
    credits: int
    unpriced: int = 0

    @property
    def yuan(self) -> float:
        return yuan(self.credits)


OnPrice = Callable[[Estimate, Balance | None], object]


def estimate(jobs: Sequence[Job], ledger: Ledger, *, fresh: bool = False, output: Path | None = None) -> Estimate:
    """Count and price of a run, which finds pictures in `output` also after they were moved there. Sends nothing."""
    return priced(jobs, survey(jobs, ledger, fresh=fresh, output=output))


def survey(jobs: Sequence[Job], ledger: Ledger, *, fresh: bool = False, output: Path | None = None) -> list[Decision]:
    """What is to be done about each job, by what the ledger knows now."""
    if fresh:
        return [Pay()] * len(jobs)
    known = ledger.tries_many([job.fingerprint for job in jobs])
    decisions: list[Decision] = []
    for job in jobs:
        tries = known.get(job.fingerprint, [])
        decision = decide(tries)
        if tries and output and not isinstance(decision, Reuse):  # the files may have been moved there
            decision = decide([entry.moved_to(output / job.folder) for entry in tries])
        decisions.append(decision)
    return decisions


def priced(jobs: Sequence[Job], decisions: Sequence[Decision]) -> Estimate:
    kinds = [kind_of(decision) for decision in decisions]
    prices = [job.model.credits for job, kind in zip(jobs, kinds, strict=True) if kind == "new"]
    return Estimate(len(jobs), kinds.count("reused"), kinds.count("open"), len(prices), sum(prices), prices.count(0))


def check_models(jobs: Sequence[Job], decisions: Sequence[Decision], settings: Settings) -> None:
    """Raises `WrongJob` where a new picture is wanted of a model that the service has closed, and no `fallback` may serve."""
    for job, decision in zip(jobs, decisions, strict=True):
        if kind_of(decision) == "new" and not settings.fallback:
            settings.catalogue.check_open(job.model)


def check_price(price: Estimate, budget: Budget, client: GrsaiClient, stop: threading.Event) -> Balance | None:
    """Raises `OverBudget` for what costs more than it may. Returns the balance, if it could be asked."""
    budget.check(price.new, price.credits, unpriced=price.unpriced)
    try:
        (balance,) = in_threads(lambda ask: ask(), [client.balance], stop=stop, seconds=BALANCE_SECONDS)
    except (KeyRefused, OutOfCredits):
        raise
    except ServiceError as error:
        _log.info("the balance could not be asked: %s", error)
        return None
    if balance is not None and balance.spendable is not None and balance.spendable < price.credits:
        text = (
            "What is to be made ({count}) costs {price:,} credits, but the balance is {balance:,} (¥{cost:.2f} and ¥{left:.2f})."
            " Nothing was sent; top up or make fewer."
        )
        if balance.of == "key":
            text = (
                "What is to be made ({count}) costs {price:,} credits, but the balance is {balance:,} (¥{cost:.2f} and"
                " ¥{left:.2f}), by the limit of the key itself. Nothing was sent; raise that limit at the service or make fewer."
            )
        cost, left = (budget.yuan(credits) for credits in (price.credits, balance.spendable))  # budgets are in yuan
        raise OverBudget(text, count=price.new, price=price.credits, balance=balance.spendable, cost=cost, left=left)
    return balance
