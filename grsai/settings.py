"""Key, endpoint, limits: what they are and where each comes from. The only reader of the environment.

Arguments go before the environment, the environment before `.env`, that before `grsai.toml`, and that before the defaults.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import os
import re
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from . import places
from .catalogue import current
from .errors import GrsaiError, NoKey, WrongSetting
from .models import APIS, CREDITS_PER_YUAN, DEFAULT_MODEL, Api, Catalogue
from .settings_files import CONFIG_FILE as CONFIG_FILE
from .settings_files import ENV_FILE, first_file, no_key, read_dotenv, read_toml

CHINA = "https://grsai.dakka.com.cn"
OVERSEAS = "https://grsaiapi.com"
HOSTS = types.MappingProxyType({"china": CHINA, "overseas": OVERSEAS})
OTHER_HOSTS = types.MappingProxyType({CHINA: OVERSEAS, OVERSEAS: CHINA})  # of the same service, with the same keys
MAX_CONCURRENCY = 200
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FILES = ("run_batch.py", "batch_banana_concurrent.py")  # by which a batch is started without -m
_SHOWN = 60  # letters of a value in a sentence
E = TypeVar("E", bound=GrsaiError)


class Key:
    """An API key that does not show itself: only `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = _bare_key(text)
        if not re.fullmatch(r"[\x21-\x7e]{8,}", self._text):
            raise WrongSetting(
                "That is not an API key: it should be sk- and 32 letters or digits, without spaces."
                " Copy it again from the service."
            )

    def reveal(self) -> str:
        return self._text

    @property
    def last4(self) -> str:
        return self._text[-4:]

    @property
    def mark(self) -> str:
        """Tells keys apart and gives none away: a part of a hash."""
        return hashlib.sha256(f"grsai key {self._text}".encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"Key(…{self.last4})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def _bare_key(text: str) -> str:
    """The key without what was copied along: quotes, brackets, invisible letters, and the name that stands before it."""
    before = None
    while before != text:
        before = text
        text = text.strip(" \t\r\n\"'`<>“”‘’「」\u200b\u200c\u200d\u2060\ufeff\u00a0\u3000")
        text = re.sub(r"^((set|export)\s+)?(\$env:)?(GRSAI_)?API_KEY\s*[=:：]", "", text, flags=re.IGNORECASE)
    return text


def host(value: str) -> str:
    """A base URL without a path at its end; `china` and `overseas` stand for the vendor's two. Plain http only for loopback."""
    url = HOSTS.get(value.strip().lower(), value.strip()).rstrip("/")
    url = re.sub(r"^[^/]*//[^/?#]*", lambda found: found[0].lower(), url)  # the path alone tells small letters from large ones
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:  # a port that is none, half a bracket
        parts, port = urlsplit(""), None
    if not parts.hostname or parts.scheme not in ("http", "https") or parts.username or parts.query or port == 0:
        raise WrongSetting(
            "{url} is no address of a service. Use {china} or {overseas}.", url=value, china=CHINA, overseas=OVERSEAS
        )
    if parts.scheme != "https" and not is_loopback(url):
        raise WrongSetting("{url} would send the key unprotected. Use https.", url=url)
    return url


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


class _NotAllowed(ValueError):
    """`allowed`: what a value must be, as it ends the sentence."""

    def __init__(self, allowed: GrsaiError) -> None:
        self.allowed = allowed
        super().__init__(str(allowed))


def _whole(low: int, high: int) -> Any:
    def read(value: Any) -> int:
        plain = str(value).strip()
        if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,20}", plain) or not low <= int(plain) <= high:
            raise _NotAllowed(WrongSetting("a whole number from {low} to {high}", low=low, high=high))
        return int(plain)

    return read


def _number(value: Any) -> float:
    """NaN for what is none, and for what no float can hold; a sum may have its sign."""
    try:
        return math.nan if isinstance(value, bool) else float(str(value).strip(" ¥￥元"))
    except (OverflowError, ValueError):
        return math.nan


def _above_zero(high: float) -> Any:
    def read(value: Any) -> float:
        if not 0 < (number := _number(value)) <= high:
            raise _NotAllowed(WrongSetting("a number above 0, at most {high:,}", high=high))
        return number

    return read


def _amount(value: Any) -> float:
    if not 0 <= (number := _number(value)) < 1e9:
        raise _NotAllowed(WrongSetting("a number of yuan, such as 5 or 0.5"))
    return number


def _rate(value: Any) -> float:
    if not 1 <= (number := _number(value)) <= 1e9:
        raise _NotAllowed(WrongSetting("a number of credits, at least 1"))
    return number


def _switch(value: Any) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if (plain := str(value).strip().lower()) not in known:
        raise _NotAllowed(WrongSetting("true or false"))
    return known[plain]


def _pairing(value: Any) -> str:
    from .jobs import PAIRINGS  # with it comes Pillow, which help and prices do without

    if str(value).strip().lower() not in PAIRINGS:
        raise _NotAllowed(WrongSetting("product or zip"))
    return str(value).strip().lower()


def _api(value: Any) -> str:
    if str(value).strip().lower() not in APIS:
        raise _NotAllowed(WrongSetting("unified or legacy"))
    return str(value).strip().lower()


def _names(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not all(isinstance(name, str) for name in names):
        raise ValueError(value)
    return tuple(name.strip() for name in names if name.strip())


def path_of(value: Any) -> Path:
    """A path as it is meant: `~` and variables stand for what they name, unless there is a file or folder of that very name.

    Raises `WrongSetting` for one that names a user or a variable that there is not.
    """
    text = os.fspath(value)
    if not os.path.exists(text):
        text = _unquoted(text)
        text = os.path.expanduser(os.path.expandvars(text))
        if re.search(r"^~|\$\w|\$\{|%\w+%", text):
            raise WrongSetting("{path} names a user or a variable that there is not. Write the whole path.", path=text)
    return Path(text)


def _unquoted(text: str) -> str:
    """Without quotes that the shell does not take for such, and without the one that a backslash before it keeps on Windows."""
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == "'" else text.strip('"“”')


def ledger_place(value: Any) -> Path | places.Address:
    """A file, or the address of a PostgreSQL server."""
    if isinstance(value, places.Address):
        return value
    return places.Address(value) if isinstance(value, str) and places.Address.is_one(value) else path_of(value)


def _setting(default: Any, read: Any, about: str) -> Any:
    return field(default=default, metadata={"read": read, "about": about})


@dataclass(frozen=True)
class Settings:
    """Every setting, checked. Each has the name of its option, of `GRSAI_<NAME>` and of its line in `grsai.toml`."""

    api_key: Key | None = _setting(None, Key, "API key; better in the environment or in .env than in a file that is shared")
    base_url: str = _setting(CHINA, host, "the service: china, overseas, or an address")
    api: Api = _setting("unified", _api, "generation of the API: unified, or legacy")
    model: str = _setting(DEFAULT_MODEL, str, "model; the command models lists them")
    fallback: tuple[str, ...] = _setting(
        (), _names, "models to take, in this order and at no higher price, where the model is closed or in maintenance"
    )
    aspect_ratio: str = _setting("auto", str, "shape of the pictures, such as 16:9")
    image_size: str | None = _setting(None, str, "1K, 2K or 4K, where the model has it; else its smallest")
    quality: str | None = _setting(None, str, "quality, where the model has it")
    background: str | None = _setting(None, str, "transparent, where the model has it")
    concurrency: int = _setting(5, _whole(1, MAX_CONCURRENCY), "how many pictures are made at the same time")
    pairing: str = _setting("product", _pairing, "product: every picture with every prompt; zip: one to one")
    seed: int = _setting(0, _whole(0, 2**31 - 1), "another number makes new pictures")
    retries: int = _setting(
        2, _whole(0, 10), "how many times a task that failed for a temporary reason is submitted, and paid, again"
    )
    budget: float = _setting(0.0, _amount, "refuse to spend more than this in a run, in yuan; 0: no limit")
    budget_day: float = _setting(0.0, _amount, "refuse to spend more than this in a day, in yuan; 0: no limit")
    budget_month: float = _setting(0.0, _amount, "refuse to spend more than this in a month, in yuan; 0: no limit")
    ask_above: float = _setting(5.0, _amount, "ask first where a run would cost more than this, in yuan; 0: never ask")
    credits_per_yuan: float = _setting(
        float(CREDITS_PER_YUAN), _rate, "credits that you got for a yuan: 10000 at the smallest top-up, more at larger ones"
    )
    limit: int | None = _setting(
        None, _whole(1, MAX_CONCURRENCY), "most pictures in the making at once, over all runs of a process"
    )
    proxy: bool = _setting(True, _switch, "use the proxy settings of the system")
    connect_seconds: float = _setting(10.0, _above_zero(86_400), "time to connect, in seconds")
    read_seconds: float = _setting(60.0, _above_zero(86_400), "time for a reply, in seconds")
    upload_seconds: float = _setting(120.0, _above_zero(86_400), "time for the reply to an upload, in seconds")
    deadline_seconds: float | None = _setting(
        None, _above_zero(86_400), "time for one task, in seconds; else 600 for 1K, 900 for 2K, 1200 for 4K"
    )
    max_result_mb: float = _setting(64.0, _above_zero(86_400), "largest picture that is kept, in megabytes")
    ledger: Path | places.Address = _setting(
        Path(".grsai/ledger.sqlite3"),
        ledger_place,
        "the ledger: what was paid and made. A file, or postgresql://… for one that many machines share",
    )
    catalogue: Catalogue = field(default_factory=Catalogue, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    withheld: NoKey | None = field(default=None, repr=False, compare=False)  # why a key that there is does not go to the host
    home: Path | None = field(default=None, repr=False, compare=False)  # the user's data folder; none without a home
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False, compare=False)  # of finishing, as written

    def require_key(self) -> Key:
        """The key. Raises `NoKey`, which says where to put one, or why it does not go to this host."""
        if self.api_key is None:
            raise self.withheld or NoKey(
                "There is no API key. Set GRSAI_API_KEY, or write GRSAI_API_KEY=sk-… into a file .env beside the program."
            )
        return self.api_key

    @property
    def key(self) -> Key:
        """The same, for where it is used."""
        return self.require_key()


def environment_with(**more: str) -> dict[str, str]:
    """The environment of a program that is started from here."""
    return {**os.environ, **more}


def program_folders() -> tuple[Path, ...]:
    """The program's own folder, which the user has put there; none where it was installed."""
    root = Path(__file__).resolve().parents[1]
    return (root,) if (root / "run_batch.py").is_file() else ()


def started_as() -> str:
    """How this program was started, as a user types it again."""
    if os.environ.get("GRSAI_BATCH_FILE"):  # which run_batch.bat sets
        return "run_batch.bat"
    name = Path(sys.argv[0]).name
    if name in _FILES:
        return f"python {name}"
    return "grsai" if name in ("grsai", "grsai.exe") else "python -m grsai"


def certificates() -> tuple[str, ...]:
    """The files or folders of the only certificates to trust, where the environment names a bundle as requests reads it."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    more = os.environ.get("SSL_CERT_FILE", "")
    return (bundle, *([more] if os.path.isfile(more) else ())) if bundle else ()


_TABLES = ("models", "presets")  # tables of `grsai.toml` that are no settings
OPTIONS = tuple(each for each in fields(Settings) if each.metadata)
_VARIABLES = types.MappingProxyType({f"GRSAI_{option.name.upper()}": option.name for option in OPTIONS})


def load(
    arguments: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    folders: tuple[Path, ...] = (),
    config: Path | None = None,
    own: tuple[Path, ...] = (),
    work: tuple[Path, ...] = (Path(),),
) -> Settings:
    """The settings of one run. `folders`: where `.env` and `grsai.toml` are looked for, the first one found counts.

    `environment` is the process's own by default. A value of None in `arguments` is one that was not given. `own`: those of the
    folders that are surely the user's, like the program's. A file elsewhere may be a stranger's: a host that it names gets no key
    but one from the same folder. `work`: folders beside which a ledger of earlier runs may lie.
    """
    environment = {"HOME": os.path.expanduser("~"), **os.environ} if environment is None else environment
    dotenv = first_file(folders, ENV_FILE)
    toml = config or first_file(folders, CONFIG_FILE)
    table = _table(toml) if toml else {}
    layers = (
        ("argument", {name: value for name, value in (arguments or {}).items() if value is not None}),
        ("environment", _named(environment)),
        (str(dotenv), _named(read_dotenv(dotenv, tuple(_VARIABLES)) if dotenv else {})),
        (str(toml), {name: value for name, value in table.items() if name not in _TABLES}),
    )
    values, sources = _merge(layers)
    home = places.data_folder(environment)
    if "ledger" not in values:
        values["ledger"], sources["ledger"] = places.default_ledger(work, own, home)
    elif isinstance(file := values["ledger"], Path) and sources["ledger"] in (str(dotenv), str(toml)) and not file.exists():
        values["ledger"] = Path(sources["ledger"]).parent / file  # as seen from the file that says so
    if "api_key" in values and not _is_trusted(values.get("base_url", CHINA), sources, own, config):
        text = (
            "{url} is named by {source}, but the API key is not from there, so it is not sent to it. If you trust this"
            " address, name it yourself with --base-url or GRSAI_BASE_URL."
        )
        values["api_key"], values["withheld"] = None, NoKey(text, url=values["base_url"], source=sources["base_url"])
    if "api_key" not in values and folders:
        values["withheld"] = no_key(folders, dotenv, environment, program=started_as())
    catalogue = current(Catalogue().with_rows(_rows(table, "models", toml)), home, values.get("base_url", CHINA))
    presets = types.MappingProxyType(_rows(table, "presets", toml))
    return Settings(**values, catalogue=catalogue, sources=types.MappingProxyType(sources), home=home, presets=presets)


def _is_trusted(base_url: str, sources: Mapping[str, str], own: tuple[Path, ...], config: Path | None) -> bool:
    """Whether whoever has the key has named the host, too: knowingly, in a folder of their own, or beside the key."""
    named = sources["base_url"]
    if base_url in HOSTS.values() or named in ("argument", "environment", "default", str(config)):
        return True
    folder = Path(named).parent.resolve()
    return folder in (each.resolve() for each in own) or (
        sources["api_key"] not in ("argument", "environment") and folder == Path(sources["api_key"]).parent.resolve()
    )


def _table(path: Path) -> dict[str, Any]:
    """What a user's `grsai.toml` says, if all of it is known."""
    table, known = read_toml(path), [*(option.name for option in OPTIONS), *_TABLES]
    unknown = sorted(set(table) - set(known))
    near = difflib.get_close_matches(unknown[0], known, 1, 0.8) if len(unknown) == 1 else []
    if near:
        text = "{path} has a setting that is not known: {name}. Did you mean {near}?"
        raise WrongSetting(text, path=path, name=unknown[0], near=near[0])
    if unknown:
        text = "{path} has a setting that is not known: {name}. Correct its name or remove it."
        raise WrongSetting(text, path=path, name=", ".join(unknown))
    return table


def _rows(table: Mapping[str, Any], name: str, path: Path | None) -> dict[str, Mapping[str, Any]]:
    """The tables in a table of `grsai.toml`, such as `[presets.my-shop]`."""
    rows = table.get(name, {})
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise WrongSetting("{path}: {name} is no table of tables. Write [{name}.my-name] above its lines.", path=path, name=name)
    return rows


def _merge(layers: tuple[tuple[str, Mapping[str, Any]], ...]) -> tuple[dict[str, Any], dict[str, str]]:
    values, sources = {}, {}
    for option in OPTIONS:
        for source, layer in layers:
            if option.name in layer:
                values[option.name] = _read(option, layer[option.name], source)
                sources[option.name] = source
                break
        else:
            sources[option.name] = places.DEFAULT
    return values, sources


def _read(option: Any, value: Any, source: str) -> Any:
    try:
        return option.metadata["read"](value)
    except _NotAllowed as error:
        text, name = "{name} must be {allowed}, not {value}.", _as_written(option.name, source)
        raise WrongSetting(text, name=name, allowed=error.allowed, value=str(value)[:_SHOWN]) from None
    except WrongSetting as error:
        raise key_from(error, source) if option.name == "api_key" else error from None
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        text = "{value} is no value for {name} ({source}): {why}."
        shown = "***" if option.name == "api_key" else value
        raise WrongSetting(text, value=shown, name=option.name, source=source, why=option.metadata["about"]) from None


def _as_written(name: str, source: str) -> str:
    """A setting as the user wrote it, and in which file."""
    if source == "argument":
        return "--" + name.replace("_", "-")
    if source == "environment":
        return f"GRSAI_{name.upper()}"
    return f"GRSAI_{name.upper()} ({source})" if source.endswith(ENV_FILE) else f"{name} ({source})"


def key_from(error: E, source: str) -> E:
    """What is wrong with a key, and where that key stands: another one may be meant."""
    if source == "environment":
        return error.within("{why} It comes from the environment (GRSAI_API_KEY), which goes before .env.")
    return error if source == "argument" else error.within("{why} It stands in {source}.", source=source)


def _named(variables: Mapping[str, str | None]) -> dict[str, str]:
    """`{"api_key": …}` from `{"GRSAI_API_KEY": …}`; empty variables count as not set."""
    return {_VARIABLES[name]: value for name, value in variables.items() if name in _VARIABLES and value}
