"""Whose money is spent where: key, host and limits as the settings panel and the environment have them, with ledger and gate.

A key goes to the service that it was entered for and to no other: choosing another address never takes it along.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import threading
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..grsai.engine import Gate
from ..grsai.errors import GrsaiError, NoKey, OutputError, WrongSetting
from ..grsai.ledger import OFFLINE, Ledger, OfflineLedger, service_of
from ..grsai.models import Catalogue
from ..grsai.settings import CONFIG_FILE, HOSTS, MAX_CONCURRENCY, Key, Settings, host, load
from .paths import PACK, private_folder

if TYPE_CHECKING:
    from ..grsai.emulator import Emulator

OWN = "own"
CURRENCIES = ("cny", "usd", "credits")
KEY_FILE = "key.json"
PANEL_FILE = "settings.json"
LEDGER_FILE = "ledger.sqlite3"
_VENDOR = "grsai"  # the service of the vendor's two hosts
_MADE_UP_KEY = "sk-" + "0" * 32  # for the offline emulator, which takes any
_PLAIN_CREDITS = 100_000_000
_lock = threading.RLock()
_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Account:
    """What a run needs, as things stood when it began."""

    settings: Settings
    ledger: Ledger
    gate: Gate
    currency: str
    offline: bool


@dataclass(frozen=True)
class Panel:
    """What the settings panel wrote. None: never set there. `limit` 0: no limit of its own."""

    host: str | None = None
    own_url: str = ""
    limit: int | None = None
    proxy: bool | None = None
    currency: str = CURRENCIES[0]

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


_ALLOWED = types.MappingProxyType(
    {
        "host": lambda value: value in (None, OWN, OFFLINE, *HOSTS),
        "own_url": lambda value: isinstance(value, str) and len(value) < 500,
        "limit": lambda value: value is None or (type(value) is int and 0 <= value <= MAX_CONCURRENCY),
        "proxy": lambda value: value is None or isinstance(value, bool),
        "currency": lambda value: value in CURRENCIES,
    }
)


@dataclass(frozen=True)
class KeyState:
    """What may be known of the key. `source`: environment, file, .env, offline; `other_host`: one is stored, for another host."""

    set: bool
    last4: str | None
    source: str | None
    writable: bool
    other_host: bool


def account() -> Account:
    """Settings, ledger and gate of the service that is chosen now. Starts the offline emulator if that is it."""
    if is_offline():
        emulator = _emulator()
        given = replace(_given(), base_url=emulator.url, api_key=Key(_MADE_UP_KEY), proxy=False)
        kept = _offline_ledger(_file(LEDGER_FILE), emulator.url)
    else:
        given = settings()
        if given.api_key is None:
            raise _no_key()
        kept = _ledger(_file(LEDGER_FILE), service_of(given.base_url))
    gate = _gate(given.base_url, given.key)
    gate.limit = given.limit
    return Account(given, kept, gate, panel().currency, is_offline())


def settings() -> Settings:
    """The settings without the emulator's; the key is the one that is meant for the host, or None."""
    given = _given()
    return replace(given, api_key=_key_for(given)[0])


def ledger() -> Ledger:
    """The ledger of the service that is chosen now, which needs no key."""
    return _ledger(_file(LEDGER_FILE), OFFLINE if is_offline() else service_of(_given().base_url))


def is_offline() -> bool:
    return panel().host == OFFLINE and "base_url" not in locked()


def catalogue() -> Catalogue:
    """The models on offer, the user's rows included. A wrong `grsai.toml` must not take the nodes away: it is refused on Run."""
    try:
        return _loaded().catalogue
    except GrsaiError as error:
        _log.warning("%s", error)
        return Catalogue()


def locked() -> tuple[str, ...]:
    """The settings that the environment decides, so that the panel cannot."""
    return tuple(name for name, source in _loaded().sources.items() if source == "environment")


def panel() -> Panel:
    """A damaged file counts as none: the panel writes it anew."""
    try:
        return Panel(**json.loads(_file(PANEL_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError, GrsaiError):
        return Panel()


def change_panel(values: Mapping[str, Any]) -> None:
    """Checks and stores some of the panel's settings. Raises `WrongSetting`, and then changes nothing."""
    unknown = set(values) - set(Panel.__dataclass_fields__)
    if unknown:
        raise WrongSetting("There is no setting {name}.", name=", ".join(sorted(unknown)))
    with _lock:
        _write_private(_file(PANEL_FILE), json.dumps(asdict(replace(panel(), **values))))


def key_state() -> KeyState:
    if is_offline():
        return KeyState(True, None, OFFLINE, True, False)
    key, source = _key_for(_given())
    return KeyState(
        set=key is not None,
        last4=key.last4 if key else None,
        source=source,
        writable=source != "environment",
        other_host=key is None and _stored()[0] is not None,
    )


def keep_key(text: str) -> None:
    """Stores the key for the host that is chosen now, readable by the owner only; an empty text forgets it."""
    if not text.strip():
        _file(KEY_FILE).unlink(missing_ok=True)
        return
    if not is_offline() and _key_for(_given())[1] == "environment":
        raise WrongSetting("GRSAI_API_KEY is set in the environment and goes before a key that is entered here.")
    service = _VENDOR if is_offline() else service_of(_given().base_url)
    stored = {"key": Key(text).reveal(), "service": service}
    _write_private(_file(KEY_FILE), json.dumps(stored))


def _loaded() -> Settings:
    """Environment, `.env` beside the pack, and `grsai.toml` in the private folder or beside the pack."""
    own = _file(CONFIG_FILE)
    return load(folders=(PACK,), config=own if own.is_file() else None)


def _given() -> Settings:
    """What was loaded, with what the panel says where the environment is silent."""
    loaded, said = _loaded(), panel()
    chosen = {"base_url": said.base_url, "limit": said.limit or None, "proxy": said.proxy}
    free = {name: value for name, value in chosen.items() if value is not None and loaded.sources[name] != "environment"}
    return replace(loaded, **free)


def _key_for(given: Settings) -> tuple[Key | None, str | None]:
    """The key that is meant for the host, and where it is from: environment, then the panel's file, then `.env`."""
    loaded = _loaded()
    service, source = service_of(given.base_url), loaded.sources["api_key"]
    meant = loaded.api_key if given.base_url == loaded.base_url or service == _VENDOR else None
    if meant is not None and source == "environment":
        return meant, source
    stored, stored_for = _stored()
    if stored is not None and stored_for == service:
        return stored, "file"
    return (meant, ".env") if meant is not None else (None, None)


def _stored() -> tuple[Key | None, str]:
    """The key of the panel's file, and the service that it was entered for."""
    try:
        stored = json.loads(_file(KEY_FILE).read_text("utf-8"))
        return Key(stored["key"]), str(stored["service"])
    except (OSError, ValueError, KeyError, TypeError, GrsaiError):
        return None, ""


def _no_key() -> NoKey:
    if _stored()[0] is not None:
        return NoKey("The stored API key was entered for another host. Enter the key for this host under Settings → Grsai.")
    return NoKey(
        "There is no API key. Enter it under Settings → Grsai, or set GRSAI_API_KEY before ComfyUI starts."
        " Without one, choose the offline emulator there."
    )


def _file(name: str) -> Path:
    return private_folder() / name


def _write_private(path: Path, text: str) -> None:
    """Replaces a file in one step; only its owner may read it, from its first moment on."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        text = "{path} cannot be written: {why}. Check free space and permissions, and close programs that have it open."
        raise OutputError(text, path=path, why=error.strerror or error) from None


def _once(make: Callable[P, T]) -> Callable[P, T]:
    """`make`, called once for the same arguments, also if two threads ask at the same time."""
    made = functools.cache(make)

    @functools.wraps(make)
    def ask(*arguments: P.args, **named: P.kwargs) -> T:
        with _lock:
            return made(*arguments, **named)

    return ask


@_once
def _ledger(path: Path, service: str) -> Ledger:
    opened = Ledger(path, service=service)
    for notice in opened.notices:
        _log.warning("%s", notice)
    return opened


@_once
def _offline_ledger(path: Path, url: str) -> Ledger:
    return OfflineLedger(path, url)


@_once
def _gate(base_url: str, key: Key) -> Gate:
    return Gate()


@_once
def _emulator() -> Emulator:
    from ..grsai.emulator import Emulator

    emulator = Emulator(seconds=(1.0, 2.5), credits=_PLAIN_CREDITS)
    emulator.start()
    return emulator
