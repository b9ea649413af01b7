"""What pictures cost, what was spent and what is left, as the panel is told."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

from ..grsai import catalogue as kept_catalogue
from ..grsai.client import GrsaiClient
from ..grsai.errors import WrongSetting
from ..grsai.ledger import Ledger
from ..grsai.models import DEFAULT_MODEL, yuan
from ..grsai.report.phrases import UNITS, unit_of
from ..grsai.settings import Key
from . import account
from .limits import MOST_SEED
from .panel import read_panel


def balance(key: str | None = None) -> dict[str, Any]:
    """The credits that can be spent, `of` the account or of the key's own limit. Raises `GrsaiError`.

    `key`: one that is not stored yet.
    """
    offline = account.is_offline()
    settings = replace(account.settings(), api_key=Key(key)) if key and not offline else account.current().settings
    with GrsaiClient(settings) as client:
        found = client.balance()
        credits = client.credits() if found.spendable is None else found.spendable
    worth = yuan(credits, settings.credits_per_yuan)
    return {"ok": True, "credits": credits, "yuan": worth, "of": found.of, "offline": offline}


def catalogue() -> dict[str, Any]:
    """The models with price and state. `as_of`: when the service was asked for its list, None: never."""
    models, settings = account.catalogue(), account.settings()
    return {
        "models": [{**asdict(model), "credits": model.credits or None} for model in models.values()],
        "as_of": models.as_of,
        "default": DEFAULT_MODEL,
        "most_seed": MOST_SEED,
        "currency": read_panel().currency,
        "units": {name: asdict(unit_of(name, settings.credits_per_yuan)) for name in UNITS},
        "offline": account.is_offline(),
    }


def refresh_models() -> dict[str, Any]:
    """Asks the service for its list of models, keeps it, and returns the catalogue. Needs no key. Raises `GrsaiError`."""
    if account.is_offline():
        raise WrongSetting("The offline emulator has no prices of its own. Choose the service first.")
    settings = account.settings()
    with GrsaiClient(settings) as client:
        listed = client.model_list()
    kept_catalogue.keep(account.catalogue_folder(settings), settings.base_url, listed)
    return catalogue()


def spent() -> dict[str, Any]:
    """The credits of today and of this month, with the budgets for them in yuan (0: none)."""
    ledger, settings = account.ledger(), account.settings()
    year, month, day = time.localtime(ledger.now())[:3]
    return {
        "today": _since(ledger, (year, month, day), settings.credits_per_yuan),
        "month": _since(ledger, (year, month, 1), settings.credits_per_yuan),
        "budget_day": settings.budget_day,
        "budget_month": settings.budget_month,
        "offline": account.is_offline(),
    }


def _since(ledger: Ledger, begin: tuple[int, int, int], per_yuan: float) -> dict[str, float]:
    credits = ledger.spent(time.mktime((*begin, 0, 0, 0, 0, 0, -1)))
    return {"credits": credits, "yuan": yuan(credits, per_yuan)}
