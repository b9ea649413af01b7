"""Whose money is spent where: settings, key, ledger and gate of the service that is chosen now.

A key goes to the service that it was entered for and to no other: choosing another address never takes it along. Ledgers, gates
and the offline emulator are made once and kept here for the whole process, as every run of the same service must share them.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ..grsai.catalogue import current as known_catalogue
from ..grsai.engine import Gate, gate_of
from ..grsai.errors import NoKey, WrongSetting
from ..grsai.ledger import OFFLINE, Ledger, OfflineLedger, service_of
from ..grsai.models import Catalogue
from ..grsai.places import Address
from ..grsai.settings import CONFIG_FILE, Key, Settings, load
from .panel import forget_key, read_panel, store_key, store_ledger, stored_key, stored_ledger
from .paths import PACK, private_folder

if TYPE_CHECKING:
    from ..grsai.emulator import Emulator

LEDGER_FILE = "ledger.sqlite3"
CHOSEN_IN_THE_PANEL = ("base_url", "limit", "proxy", "api", "credits_per_yuan", "budget_day", "budget_month", "ask_above")
_VENDOR = "grsai"  # the service of the vendor's two hosts
_MADE_UP_KEY = "sk-" + "0" * 32  # for the offline emulator, which takes any
_PLAIN_CREDITS = 100_000_000
_making = threading.RLock()
_gates: list[Gate] = []
_ledgers: dict[tuple[Path | Address, str, str | None], tuple[Ledger, int | None]] = {}  # with the inode of the file
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
class KeyState:
    """What may be known of the key. `source`: environment, file, .env, offline; `other_host`: one is stored, for another host."""

    set: bool
    last4: str | None
    source: str | None
    writable: bool
    other_host: bool


def current() -> Account:
    """The account of the service that is chosen now. Starts the offline emulator if that is it. Raises `NoKey`."""
    offline = is_offline()
    if offline:
        emulator = _emulator()
        free = {"budget_day": 0.0, "budget_month": 0.0}  # nothing is paid
        chosen = replace(_as_chosen(), base_url=emulator.url, api_key=Key(_MADE_UP_KEY), proxy=False, **free)
        ledger_now = _ledger(private_folder() / LEDGER_FILE, OFFLINE, emulator.url)
    else:
        chosen = settings()
        if chosen.api_key is None:
            raise _no_key()
        ledger_now = _ledger(_place(chosen), service_of(chosen.base_url))
    gate = _gate(chosen.base_url, chosen.key, ledger_now if isinstance(ledger_now.place, Address) else None)
    gate.limit = chosen.limit
    return Account(chosen, ledger_now, gate, read_panel().currency, offline)


def settings() -> Settings:
    """The settings without the emulator's; the key is the one that is meant for the host, or None."""
    chosen = _as_chosen()
    return replace(chosen, api_key=_key_for(chosen)[0])


def ledger() -> Ledger:
    """The ledger of the service that is chosen now, which needs no key."""
    if is_offline():
        return _ledger(private_folder() / LEDGER_FILE, OFFLINE)
    chosen = _as_chosen()
    return _ledger(_place(chosen), service_of(chosen.base_url))


def shared_ledger() -> Address | None:
    """The address of the studio's ledger, where one is set."""
    place = _as_chosen().ledger
    return place if isinstance(place, Address) else None


def keep_ledger(text: str) -> None:
    """Stores the address of the studio's ledger once it has answered; an empty text forgets it. Raises `WrongSetting`."""
    if "ledger" in locked():
        raise WrongSetting("GRSAI_LEDGER is set in the environment and goes before an address that is entered here.")
    if not text.strip():
        store_ledger(None)
        return
    if text.strip() == str(stored_ledger()):  # as it is shown, without the password
        return
    if not Address.is_one(text):
        sentence = "{path} is no address of a PostgreSQL server. It is written postgresql://user:password@host:5432/database."
        raise WrongSetting(sentence, path=text.strip())
    address, chosen = Address(text), _as_chosen()
    _ledger(address, service_of(chosen.base_url))
    store_ledger(address)


def unanswered() -> int:
    """Paid requests of this process whose answer is not in the ledger yet."""
    return sum(gate.unanswered for gate in _gates)


def is_offline() -> bool:
    return read_panel().host == OFFLINE and "base_url" not in locked()


def catalogue() -> Catalogue:
    """The models on offer, the user's rows included. Whatever is wrong with a file of the user's, the nodes must be there: Run
    says what it is."""
    try:
        return _as_chosen().catalogue
    except Exception as error:
        _log.warning("%s", error)
        return Catalogue()


def locked() -> tuple[str, ...]:
    """The settings that the environment decides, so that the panel cannot."""
    loaded = _loaded()
    decided = {name for name, source in loaded.sources.items() if source == "environment"}
    if not isinstance(loaded.ledger, Address):  # a file is the command's: the nodes have their own
        decided.discard("ledger")
    return tuple(decided)


def key_state() -> KeyState:
    if is_offline():
        return KeyState(True, None, OFFLINE, True, False)
    key, source = _key_for(_as_chosen())
    return KeyState(
        set=key is not None,
        last4=key.last4 if key else None,
        source=source,
        writable=source != "environment",
        other_host=key is None and stored_key() is not None,
    )


def keep_key(text: str) -> None:
    """Stores the key for the host that is chosen now; an empty text forgets it."""
    if not text.strip():
        forget_key()
        return
    chosen = _as_chosen()
    if not is_offline() and _key_for(chosen)[1] == "environment":
        raise WrongSetting("GRSAI_API_KEY is set in the environment and goes before a key that is entered here.")
    store_key(text, _VENDOR if is_offline() else service_of(chosen.base_url))


def _loaded() -> Settings:
    """Environment, `.env` beside the pack, and `grsai.toml` in the private folder or beside the pack."""
    own = private_folder() / CONFIG_FILE
    return load(folders=(PACK,), own=(PACK,), config=own if own.is_file() else None)


def _as_chosen() -> Settings:
    """What was loaded, with what the panel says where the environment is silent. Its key may be meant for another host."""
    loaded, panel = _loaded(), read_panel()
    chosen = {name: getattr(panel, name) for name in CHOSEN_IN_THE_PANEL} | {"limit": panel.limit or None}
    free = {name: value for name, value in chosen.items() if value is not None and loaded.sources[name] != "environment"}
    if "ledger" not in locked() and (entered := stored_ledger()) is not None:
        free["ledger"] = entered
    settings = replace(loaded, **free)
    return replace(settings, catalogue=known_catalogue(settings.catalogue, catalogue_folder(settings), settings.base_url))


def catalogue_folder(settings: Settings) -> Path:
    """Where the services' own lists of models are kept: with the command's, or with the pack where the user has no folder."""
    return settings.home or private_folder()


def _key_for(chosen: Settings) -> tuple[Key | None, str | None]:
    """The key that is meant for the host, and where it is from: environment, then the panel's file, then `.env`."""
    loaded = _loaded()
    service, source = service_of(chosen.base_url), loaded.sources["api_key"]
    meant = loaded.api_key if chosen.base_url == loaded.base_url or service == _VENDOR else None
    if meant is not None and source == "environment":
        return meant, source
    stored = stored_key()
    if stored is not None and stored.service == service:
        return stored.key, "file"
    return (meant, ".env") if meant is not None else (None, None)


def _no_key() -> NoKey:
    if stored_key() is not None:
        text = "The stored API key was entered for another host. Enter the key for this host under Settings → Banana Batch."
        return NoKey(text)
    return NoKey(
        "There is no API key. Enter it under Settings → Banana Batch, or set GRSAI_API_KEY before ComfyUI starts."
        " Without one, choose the offline emulator there."
    )


def _once(make: Callable[P, T]) -> Callable[P, T]:
    """`make`, called once for the same arguments, also if two threads ask at the same time."""
    cached = functools.cache(make)

    @functools.wraps(make)
    def ask(*arguments: P.args, **named: P.kwargs) -> T:
        with _making:
            return cached(*arguments, **named)

    return ask


def _place(chosen: Settings) -> Path | Address:
    """Where the ledger is: on the studio's server, or in the pack's own file."""
    return chosen.ledger if isinstance(chosen.ledger, Address) else private_folder() / LEDGER_FILE


def _ledger(place: Path | Address, service: str, url: str | None = None) -> Ledger:
    """The ledger, opened once; anew where its file was taken away or replaced. `url`: of the emulator that it is for."""
    with _making:
        opened, inode = _ledgers.get((place, service, url), (None, None))
        if opened is None or inode != _inode(place):
            home = catalogue_folder(_loaded())
            opened = Ledger(place, service=service, home=home) if url is None else OfflineLedger(place, url)
            _ledgers[place, service, url] = opened, _inode(place)
            for notice in opened.notices:
                _log.warning("%s", notice)
        return opened


def _inode(place: Path | Address) -> int | None:
    try:
        return place.stat().st_ino if isinstance(place, Path) else None
    except OSError:
        return None


@_once
def _gate(base_url: str, key: Key, shared: Ledger | None) -> Gate:
    _gates.append(gate := Gate() if shared is None else gate_of(key, shared))
    return gate


def answer_cuts(yes: bool) -> None:
    """The offline emulator, which is running, answers as the models do a cut: a little off, and else as it was."""
    from ..grsai.emulator import AS_MODELS, Drift

    emulator = _emulator()
    emulator.faithful, emulator.drift = yes, AS_MODELS if yes else Drift()


@_once
def _emulator() -> Emulator:
    from ..grsai.emulator import Emulator

    emulator = Emulator(seconds=(1.0, 2.5), credits=_PLAIN_CREDITS)
    emulator.start()
    return emulator
