"""The commands with a name: what there is, what is left, what was made, what can still be fetched."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import WrongSetting
from ..models import RATIOS, Model, yuan
from ..report.phrases import money, plain, yuan_text
from ..settings import OPTIONS, Key, Settings
from ..texts import retell, say
from .options import settings_folders, settings_of
from .screen import show, show_json, trouble

_STATES = ("submitting", "open", "done", "failed", "uncertain")
_SHORT = 48  # characters of a prompt in the history


def models(arguments: argparse.Namespace, language: str) -> int:
    catalogue = settings_of(arguments).catalogue
    if arguments.json:
        show_json({"models": [_model_object(model) for model in catalogue.values()]})
        return 0
    head = (say("model", language), say("credits", language), "¥", say("sizes", language), say("ratios", language), "")
    _show_table([head, *(_model_row(model, language) for model in catalogue.values())])
    for name, ratios in RATIOS.items():
        show(f"{name}: {' '.join(ratios)}")
    return 0


def balance(arguments: argparse.Namespace, language: str) -> int:
    from ..client import GrsaiClient

    settings = settings_of(arguments)
    with GrsaiClient(settings) as client:
        credits = client.credits()
    if arguments.json:
        show_json({"credits": credits, "yuan": yuan(credits)})
        return 0
    show(money(credits, language))
    model = settings.catalogue.named(settings.model)
    if model.credits:
        count = f"{max(credits // model.credits, 0):,}"
        show(say("Enough for {count} × {model}.", language, count=count, model=model.id))
    return 0


def status(arguments: argparse.Namespace, language: str) -> int:
    """0 if all the models asked for are up, else 1."""
    from ..client import GrsaiClient

    settings = settings_of(arguments)
    names = arguments.models or [settings.model]
    with GrsaiClient(settings) as client:
        found = {name: client.model_status(name) for name in names}
    if arguments.json:
        show_json({"models": [{"model": name, "up": each.up, "error": each.error} for name, each in found.items()]})
    else:
        for name, each in found.items():
            said = say("up", language) if each.up else say("down", language)
            why = f"{said} ({each.error})" if each.error else said
            show(plain(say("{name}: {why}", language, name=name, why=why)))
    return 0 if all(each.up for each in found.values()) else 1


def history(arguments: argparse.Namespace, language: str) -> int:
    from ..ledger import Ledger, service_of

    settings = settings_of(arguments)
    if arguments.state not in (None, *_STATES):
        raise WrongSetting("There is no state {state}. There are: {known}.", state=arguments.state, known=", ".join(_STATES))
    if not arguments.lines.isdecimal():
        raise WrongSetting("{value} is no number of lines.", value=arguments.lines)
    with Ledger(settings.ledger, service=service_of(settings.base_url)) as ledger:
        entries = ledger.entries(limit=int(arguments.lines), state=arguments.state, text=arguments.find)
    if arguments.json:
        show_json({"entries": [_entry_object(entry) for entry in entries]})
        return 0
    if not entries:
        show(say("Nothing yet.", language))
        return 0
    _show_table([[plain(cell) for cell in _entry_row(entry, language)] for entry in entries])
    return 0


def collect(arguments: argparse.Namespace, language: str) -> int:
    """0 if everything that is paid is here now, else 1."""
    from ..engine import collect as fetch
    from ..ledger import Ledger, service_of

    settings = settings_of(arguments)
    settings.key  # noqa: B018  refuses without one
    output = Path(arguments.output).absolute() if arguments.output else None
    with Ledger(settings.ledger, service=service_of(settings.base_url)) as ledger:
        found = fetch(settings=settings, ledger=ledger, output=output, task_ids=arguments.tasks)
    if arguments.json:
        show_json({"tasks": [_collected_object(each) for each in found]})
    else:
        for each in found:
            said = each.error.say(language) if each.error else ", ".join(map(str, each.files))
            (trouble if each.error else show)(plain(say("{name}: {why}", language, name=each.task_id, why=said)))
        if not found:
            show(say("There is nothing to collect.", language))
    return 1 if any(each.error for each in found) else 0


def config(arguments: argparse.Namespace, language: str) -> int:
    settings = settings_of(arguments)
    values = {option.name: _shown(getattr(settings, option.name)) for option in OPTIONS}
    if arguments.json:
        show_json({name: {"value": value, "source": settings.sources[name]} for name, value in values.items()})
        return 0
    _show_table([(name, _text(value, language), _source(settings, name, language)) for name, value in values.items()])
    places = ", ".join(str(folder) for folder in settings_folders())
    show(say("Looked for .env and grsai.toml in: {folders}", language, folders=places))
    return 0


def emulator(arguments: argparse.Namespace, language: str) -> int:
    """Serves until Ctrl-C."""
    from ..emulator import WrongOption, build, serve

    try:
        service = build(vars(arguments))
        service.start()
    except WrongOption as error:
        text = "{value} is no value for --{option}. See --help."
        raise WrongSetting(text, value=error.value, option=error.option) from None
    except OSError as error:
        text = "Port {port} cannot be used: {why}. Name another one with --port; 0 takes any free one."
        raise WrongSetting(text, port=arguments.port, why=error.strerror or error) from None
    show(say("The offline service runs on {url}. Ctrl+C ends it.", language, url=service.url))
    text = "To use it, add --base-url {url} to a command, with any made-up key in GRSAI_API_KEY."
    show(say(text, language, url=service.url))
    serve(service)
    return 0


COMMANDS: Mapping[str, Callable[[argparse.Namespace, str], int]] = MappingProxyType(
    {
        "models": models,
        "balance": balance,
        "status": status,
        "history": history,
        "collect": collect,
        "config": config,
        "emulator": emulator,
    }
)


def _model_object(model: Model) -> dict[str, Any]:
    return {
        "model": model.id,
        "credits": model.credits,
        "yuan": yuan(model.credits),
        "sizes": list(model.sizes),
        "ratios": list(model.ratios),
        "delisted": model.delisted,
    }


def _model_row(model: Model, language: str) -> Sequence[str]:
    name = next((name for name, ratios in RATIOS.items() if ratios == model.ratios), " ".join(model.ratios))
    gone = say("delisted", language) if model.delisted else ""
    return model.id, f"{model.credits:,}", yuan_text(model.credits), " ".join(model.sizes) or "–", name, gone


def _show_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side, all but the last one filled up; a Chinese letter is two columns wide."""
    widths = [max(map(_width, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    for *cells, last in rows:
        filled = [cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)]
        show("  ".join([*filled, last]).rstrip())


def _width(text: str) -> int:
    return len(text) + sum("\u2e80" <= letter <= "\uffef" for letter in text)


def _entry_object(entry: Any) -> dict[str, Any]:
    return {
        "task_id": entry.task_id,
        "state": entry.state,
        "created": round(entry.created, 3),
        "name": entry.name,
        "model": entry.model,
        "prompt": entry.prompt,
        "credits": entry.credits,
        "seconds": round(entry.seconds, 2),
        "files": [str(path) for path, _ in entry.files],
        "error": entry.error or None,
    }


def _entry_row(entry: Any, language: str) -> Sequence[str]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created))
    prompt = entry.prompt if len(entry.prompt) <= _SHORT else entry.prompt[:_SHORT] + "…"
    last = ", ".join(str(path) for path, _ in entry.files) or retell(entry.error, language) or entry.task_id or ""
    return when, _state_text(entry.state, language), entry.name, entry.model, f"{entry.credits:,}", prompt, last


def _state_text(state: str, language: str) -> str:
    return {
        "submitting": say("being sent", language),
        "open": say("open", language),
        "done": say("done", language),
        "failed": say("failed", language),
        "uncertain": say("uncertain", language),
    }[state]


def _collected_object(collected: Any) -> dict[str, Any]:
    return {
        "task_id": collected.task_id,
        "files": [str(path) for path in collected.files],
        "error": str(collected.error) if collected.error else None,
    }


def _shown(value: Any) -> Any:
    """A value that may be seen: of the key only its end."""
    if isinstance(value, Key):
        return f"sk-…{value.last4}"
    return str(value) if isinstance(value, Path) else value


def _text(value: Any, language: str) -> str:
    if value is None:
        return say("not set", language)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _source(settings: Settings, name: str, language: str) -> str:
    """Where a value comes from; a file is named by its path."""
    source = settings.sources[name]
    said = {
        "argument": say("argument", language),
        "environment": say("environment", language),
        "default": say("default", language),
    }
    return said.get(source, source)
