"""What the balance tells of submits whose fate is unknown. It decides nothing: it is a sentence for the report."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace

from ..client import GrsaiClient
from ..errors import GrsaiError, ServiceError, Uncertain
from ..jobs import Outcome
from .threads import in_threads

BALANCE_SECONDS = 10.0  # a balance that takes longer to be told is not waited for
_MOST_GUESSES = 12  # tasks that may have been refunded or charged: beyond so many nobody can tell
_log = logging.getLogger(__name__)


def account_balance(client: GrsaiClient, stop: threading.Event) -> int | None:
    """The credits of the account, whatever limit the key has; None where they cannot be asked."""
    try:
        (balance,) = in_threads(lambda ask: ask(), [client.balance], stop=stop, seconds=BALANCE_SECONDS)
    except ServiceError as error:
        _log.info("the balance could not be asked: %s", error)
        return None
    return balance.account if balance else None


def with_evidence(outcomes: Sequence[Outcome], before: int, after: int) -> list[Outcome]:
    """The outcomes, with what the balance says beside the uncertain ones. `before`, `after`: credits of the account."""
    note = evidence(outcomes, before - after)
    return [
        replace(outcome, notes=(*outcome.notes, note)) if note and outcome.status == "uncertain" else outcome
        for outcome in outcomes
    ]


def evidence(outcomes: Sequence[Outcome], fell: int) -> GrsaiError | None:
    """How many of the uncertain ones were charged, if a fall of the balance by `fell` credits allows just one answer."""
    uncertain = [outcome.job.model.credits for outcome in outcomes if outcome.status == "uncertain"]
    charged = sum(outcome.credits for outcome in outcomes if outcome.status != "failed")
    maybe_refunded = [outcome.credits for outcome in outcomes if outcome.status == "failed" and outcome.credits]
    if not uncertain or len(uncertain) + len(maybe_refunded) > _MOST_GUESSES:
        return None
    fits = {
        sum(chosen)
        for chosen in itertools.product((0, 1), repeat=len(uncertain))
        for kept in itertools.product((0, 1), repeat=len(maybe_refunded))
        if fell == charged + _of(uncertain, chosen) + _of(maybe_refunded, kept)
    }
    if len(fits) != 1:
        return None
    (count,) = fits
    if not count:
        text = "The balance fell by what the known tasks cost: none of the {count} uncertain was charged."
        return Uncertain(text, count=len(uncertain))
    text = "The balance fell by {charged} more than is known: of the {count} uncertain so many were charged."
    if count == 1:
        text = "The balance fell by one picture more than is known: of the {count} uncertain one was charged."
    return Uncertain(text, charged=count, count=len(uncertain))


def _of(credits: Sequence[int], chosen: Sequence[int]) -> int:
    return sum(each * taken for each, taken in zip(credits, chosen, strict=True))
