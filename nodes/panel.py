"""What the settings panel wrote, in the pack's private folder: its settings, and the key with the service it was entered for."""

from __future__ import annotations

import json
import threading
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from ..grsai.errors import GrsaiError, WrongSetting, WrongText
from ..grsai.files import read_text, write_whole
from ..grsai.ledger import OFFLINE
from ..grsai.models import APIS
from ..grsai.places import Address
from ..grsai.settings import HOSTS, MAX_CONCURRENCY, Key, host
from .paths import private_folder

OWN = "own"
CURRENCIES = ("cny", "usd", "credits")
KEY_FILE = "key.json"
LEDGER_FILE = "ledger.json"
PANEL_FILE = "settings.json"
_writing = threading.Lock()


@dataclass(frozen=True)
class Panel:
    """The panel's settings. None: never set there. `limit` 0: no limit of its own; `ask_above` 0: the canvas never asks."""

    host: str | None = None
    own_url: str = ""
    limit: int | None = None
    proxy: bool | None = None
    currency: str = CURRENCIES[0]
    api: str | None = None
    credits_per_yuan: float | None = None
    budget_day: float | None = None
    budget_month: float | None = None
    ask_above: float | None = None

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            if not allowed(getattr(self, name)):
                raise WrongSetting("{value} is no value for {name}.", value=getattr(self, name), name=name)
        if self.own_url:
            object.__setattr__(self, "own_url", host(self.own_url))
        if self.host == OWN and not self.own_url:
            raise WrongSetting("Enter the address of your own host, such as https://api.example.com.")

    @property
    def base_url(self) -> str | None:
        return self.own_url if self.host == OWN else HOSTS.get(self.host or "")


def _is_from(low: float, most: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and low <= value <= most


_is_amount, _is_rate = _is_from(0, 1e8), _is_from(1, 1e9)
_ALLOWED = types.MappingProxyType(
    {
        "host": lambda value: value in (None, OWN, OFFLINE, *HOSTS),
        "own_url": lambda value: isinstance(value, str) and len(value) < 500,
        "limit": lambda value: value is None or (type(value) is int and 0 <= value <= MAX_CONCURRENCY),
        "proxy": lambda value: value is None or isinstance(value, bool),
        "currency": lambda value: value in CURRENCIES,
        "api": lambda value: value in (None, *APIS),
        "credits_per_yuan": lambda value: value is None or _is_rate(value),
        "budget_day": lambda value: value is None or _is_amount(value),
        "budget_month": lambda value: value is None or _is_amount(value),
        "ask_above": lambda value: value is None or _is_amount(value),
    }
)


class StoredKey(NamedTuple):
    """A key, and the service that it was entered for: it goes to no other."""

    key: Key
    service: str


def read_panel() -> Panel:
    """A damaged file counts as none: the panel writes it anew."""
    try:
        return Panel(**_read(PANEL_FILE))
    except (TypeError, GrsaiError):
        return Panel()


def change_panel(values: Mapping[str, Any]) -> None:
    """Checks and stores some of the panel's settings. Raises `WrongSetting`, and then changes nothing."""
    unknown = set(values) - set(Panel.__dataclass_fields__)
    if unknown:
        raise WrongSetting("There is no setting {name}.", name=", ".join(sorted(unknown)))
    with _writing:
        _write(PANEL_FILE, asdict(replace(read_panel(), **values)))


def stored_key() -> StoredKey | None:
    """None also for a damaged file: the key is entered anew."""
    stored = _read(KEY_FILE)
    try:
        return StoredKey(Key(stored["key"]), str(stored["service"]))
    except (KeyError, AttributeError, GrsaiError):
        return None


def store_key(text: str, service: str) -> None:
    """Raises `WrongSetting` for what is no key."""
    _write(KEY_FILE, {"key": Key(text).reveal(), "service": service})


def forget_key() -> None:
    _file(KEY_FILE).unlink(missing_ok=True)


def stored_ledger() -> Address | None:
    """The studio's ledger, as it was entered in the panel."""
    text = _read(LEDGER_FILE).get("address")
    return Address(text) if isinstance(text, str) and Address.is_one(text) else None


def store_ledger(address: Address | None) -> None:
    """Kept like the key: its password is in it. None forgets it."""
    if address is None:
        _file(LEDGER_FILE).unlink(missing_ok=True)
    else:
        _write(LEDGER_FILE, {"address": address.reveal()})


def _read(name: str) -> dict[str, Any]:
    try:
        values = json.loads(read_text(_file(name)))
    except (OSError, ValueError, RecursionError, WrongText):
        return {}
    return values if isinstance(values, dict) else {}


def _write(name: str, values: Mapping[str, Any]) -> None:
    write_whole(_file(name), json.dumps(values).encode(), private=True)


def _file(name: str) -> Path:
    return private_folder() / name
