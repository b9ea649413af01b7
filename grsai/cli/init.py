"""The folders and files of a first batch, with every setting explained; and the key, asked for and tested."""

from __future__ import annotations

import getpass
import sys
from dataclasses import replace
from pathlib import Path

from ..errors import GrsaiError, KeyRefused, WrongSetting
from ..files import read_text, write_whole
from ..report.phrases import money
from ..settings import CONFIG_FILE, OPTIONS, Key, started_as
from ..texts import say
from .options import IMAGES, PROMPTS, Options, settings_of
from .screen import NO, answer, show, trouble

_KEY_LINE = "GRSAI_API_KEY="
_TRIES = 3
_SECRET = ("api_key",)  # has its own file


def init(options: Options) -> int:
    """Makes what is missing and leaves alone what is there. 0, also without a key; 1 where every key was refused."""
    language, folder = options.language, Path.cwd()
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    made = [
        _made(folder / PROMPTS, say("Place the product on a white marble table, soft morning light", language) + "\n"),
        _made(folder / CONFIG_FILE, _settings_text(language)),
        _made(folder / ".env", _key_text(language, ""), private=True),
    ]
    show(say("Pictures go into {folder}", language, folder=folder / IMAGES))
    for path, new in zip((folder / PROMPTS, folder / CONFIG_FILE, folder / ".env"), made, strict=True):
        show(say("Made: {path}" if new else "Was there, stays as it is: {path}", language, path=path))
    kept = _ask_for_key(folder / ".env", options)
    show("")
    command = started_as()
    show(say("What a batch would cost: {command}", language, command=f"{command} --estimate"))
    show(say("Make it: {command}", language, command=command))
    return 0 if kept is not False else 1


def is_first_start(options: Options) -> bool:
    """Whether nothing is here yet, nothing else is named, and the user, asked at a terminal, wants it made."""
    named = (options.images, options.prompts, options.prompt, options.jobs)
    if options.demo or options.json or any(each is not None for each in named) or (Path.cwd() / PROMPTS).exists():
        return False
    question = "Nothing is set up in {folder} yet. Make folders and settings, and take in the API key? [Y/n] "
    said = answer(say(question, options.language, folder=Path.cwd()))
    return said is not None and said.lower() not in NO


def _made(path: Path, text: str, *, private: bool = False) -> bool:
    """Whether the file was not there yet."""
    if path.exists():
        return False
    write_whole(path, text.encode(), private=private)
    return True


def _settings_text(language: str) -> str:
    """`grsai.toml` with every setting, all of them commented out."""
    head = say("Every setting, as it is by default. Take away the # before a line and change its value.", language)
    lines = [f"# {head}", ""]
    for option in OPTIONS:
        if option.name not in _SECRET:
            lines += [f"# {say(option.metadata['about'], language)}", f"#{option.name} = {_toml(option.default)}", ""]
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, tuple):
        return "[]"
    return '"' + ("" if value is None else Path(value).as_posix() if isinstance(value, Path) else str(value)) + '"'


def _key_text(language: str, key: str) -> str:
    about = "The API key: sign in at https://grsai.com, create one, and put it behind the =. Show this file to nobody."
    return f"# {say(about, language)}\n{_KEY_LINE}{key}\n"


def _ask_for_key(path: Path, options: Options) -> bool | None:
    """Whether a key was kept; None if there is one, or nobody to ask, or none was given."""
    language = options.language
    if settings_of(options).api_key is not None:
        show(say("There is a key already.", language))
        return None
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        show(say("The key goes into {path}, behind {name}. Get one at https://grsai.com.", language, path=path, name=_KEY_LINE))
        return None
    asked = say("API key, from https://grsai.com (it stays hidden; Enter: later): ", language)
    for _ in range(_TRIES):
        typed = getpass.getpass(asked, stream=sys.stderr)
        if not typed.strip():
            return None
        try:
            key = Key(typed)
        except WrongSetting as error:
            trouble(error.say(language))
            continue
        if _is_taken(key, options):
            _keep(path, key, language)
            show(say("The key is kept in {path}.", language, path=path))
            return True
    return False


def _is_taken(key: Key, options: Options) -> bool:
    """Asks the service. A key that could not be tested is kept all the same."""
    from ..client import GrsaiClient

    try:
        with GrsaiClient(replace(settings_of(options), api_key=key)) as client:
            balance = client.balance()
    except KeyRefused as error:
        trouble(error.say(options.language))
        return False
    except GrsaiError as error:
        trouble(say("It could not be tested: {why}", options.language, why=error.say(options.language)))
        return True
    left = money(balance.spendable, options.language) if balance.spendable is not None else "?"
    show(say("The key works. Balance: {balance}.", options.language, balance=left))
    return True


def _keep(path: Path, key: Key, language: str) -> None:
    """Puts the key into `.env`: into its line if there is one, else at the end."""
    text = read_text(path) if path.exists() else _key_text(language, "")
    lines = text.splitlines()
    at = next((number for number, line in enumerate(lines) if line.replace(" ", "").startswith(_KEY_LINE)), len(lines))
    lines[at : at + 1] = [_KEY_LINE + key.reveal()]
    write_whole(path, "\n".join([*lines, ""]).encode(), private=True)
