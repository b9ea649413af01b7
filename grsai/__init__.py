"""Pictures in quantity with Google's nano-banana models through the Grsai service: the library under the command and the nodes.

Names are loaded when they are first used, so that importing the package costs nothing. The oldest Python must be able to read
this file and `__main__`, which says which one is needed.
"""

from importlib import import_module

TYPE_CHECKING = False  # as type checkers read it; the module of that name is not in every Python
if TYPE_CHECKING:
    from typing import Any  # noqa: F401  for the comment of a type

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


def __getattr__(name):  # type: (str) -> Any
    if name not in _HOME_OF:
        raise AttributeError("module %r has no attribute %r" % (__name__, name))  # noqa: UP031
    return getattr(import_module("." + _HOME_OF[name], __name__), name)


def __dir__():  # type: () -> list[str]
    return sorted(__all__)
