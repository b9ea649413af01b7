"""Pictures in quantity with Google's nano-banana models through the Grsai service: the library under the command and the nodes.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import GrsaiClient
    from .engine import Collected, Estimate, Event, Gate, Snapshot, collect, estimate, run, upload
    from .errors import GrsaiError
    from .jobs import Job, Outcome, plan
    from .ledger import Entry, Ledger
    from .models import Catalogue, Model
    from .pictures import Reference, list_pictures
    from .settings import Settings, load

_HOMES = {
    "client": ("GrsaiClient",),
    "engine": ("Collected", "Estimate", "Event", "Gate", "Snapshot", "collect", "estimate", "run", "upload"),
    "errors": ("GrsaiError",),
    "jobs": ("Job", "Outcome", "plan"),
    "ledger": ("Entry", "Ledger"),
    "models": ("Catalogue", "Model"),
    "pictures": ("Reference", "list_pictures"),
    "settings": ("Settings", "load"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Catalogue",
    "Collected",
    "Entry",
    "Estimate",
    "Event",
    "Gate",
    "GrsaiClient",
    "GrsaiError",
    "Job",
    "Ledger",
    "Model",
    "Outcome",
    "Reference",
    "Settings",
    "Snapshot",
    "collect",
    "estimate",
    "list_pictures",
    "load",
    "plan",
    "run",
    "upload",
]


def __getattr__(name: str) -> Any:
    try:
        home = import_module(f".{_HOME_OF[name]}", __name__)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)
