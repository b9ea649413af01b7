"""What the service says of its models now: kept with its date, for each address by itself, and laid over our own table."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from .errors import WrongSetting
from .files import write_whole
from .models import Catalogue, ListedModel

FOLDER = "catalogues"  # in the user's data folder, never in the pack


class Known(NamedTuple):
    """A list of models, and when the service gave it (seconds since 1970)."""

    as_of: float
    models: tuple[ListedModel, ...]


def current(catalogue: Catalogue, folder: Path | None, base_url: str) -> Catalogue:
    """The catalogue as the service at that address last said it is; our own table where it was never asked."""
    found = known(folder, base_url)
    return catalogue.listed(found.models, found.as_of) if found else catalogue.listed((), None)


def known(folder: Path | None, base_url: str) -> Known | None:
    """What was kept for an address. A file that is missing, damaged or of another kind counts as none."""
    try:
        kept = json.loads(_file(folder, base_url).read_text("utf-8")) if folder else {}
        found = Known(float(kept["as_of"]), tuple(_listed(row) for row in kept["models"]))
        return found if kept["base_url"] == base_url else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def keep(folder: Path | None, base_url: str, models: Sequence[ListedModel], *, clock: Callable[[], float] = time.time) -> Known:
    """Writes down what the service at that address says now. An empty list says nothing, and replaces none.

    Raises `OutputError`, and `WrongSetting` where the user has no data folder.
    """
    if folder is None:
        raise WrongSetting("There is no folder to keep the list of models in. Set GRSAI_HOME to one.")
    found = Known(clock(), tuple(models))
    if models:
        content = {"base_url": base_url, "as_of": found.as_of, "models": [asdict(model) for model in models]}
        write_whole(_file(folder, base_url), json.dumps(content, indent=1).encode())
    return found


def _file(folder: Path, base_url: str) -> Path:
    return folder / FOLDER / (re.sub(r"[^\w.-]+", "_", base_url.partition("://")[2])[:120] + ".json")


def _listed(row: dict[str, Any]) -> ListedModel:
    model = ListedModel(**row)
    for name, kinds in _KINDS.items():
        if not isinstance(getattr(model, name), kinds):
            raise TypeError(name)
    return model


_NO, _TRUTH = type(None), bool
_KINDS: dict[str, tuple[type, ...]] = {
    "id": (str,), "credits": (int, _NO), "closed": (_TRUTH,), "maintenance": (_TRUTH,),
    "refunds_failed": (_TRUTH, _NO), "refunds_refused": (_TRUTH, _NO), "kind": (str,),
}  # fmt: skip
