"""The commands with a name, each a function of that name: what there is, what is left, what was made, what can be fetched."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WrongSetting
from ..models import RATIOS, Model, yuan
from ..report.phrases import money, plain, yuan_text
from ..settings import OPTIONS, Key, Settings, path_of
from ..texts import say
from .options import Options, settings_folders, settings_of
from .screen import show, show_json, show_table, trouble

if TYPE_CHECKING:
    from ..engine import Collected
    from ..ledger import Entry

_SHORT = 48  # characters of a prompt in the history


def models(options: Options) -> int:
    catalogue = settings_of(options).catalogue
    if options.json:
        show_json({"models": [_model_object(model) for model in catalogue.values()]})
        return 0
    language = options.language
    head = (say("model", language), say("credits", language), "¥", say("sizes", language), say("ratios", language), "")
    show_table([head, *(_model_row(model, language) for model in catalogue.values())])
    for name, ratios in RATIOS.items():
        show(f"{name}: {' '.join(ratios)}")
    return 0


def balance(options: Options) -> int:
    from ..client import GrsaiClient

    settings = settings_of(options)
    with GrsaiClient(settings) as client:
        credits = client.credits()
    if options.json:
        show_json({"credits": credits, "yuan": yuan(credits)})
        return 0
    show(money(credits, options.language))
    model = settings.catalogue.named(settings.model)
    if model.credits:
        count = f"{max(credits // model.credits, 0):,}"
        show(say("Enough for {count} × {model}.", options.language, count=count, model=model.id))
    return 0


def status(options: Options) -> int:
    """0 if all the models asked for are up, else 1."""
    from ..client import GrsaiClient

    settings = settings_of(options)
    names = options.words or [settings.model]
    with GrsaiClient(settings) as client:
        found = {name: client.model_status(name) for name in names}
    if options.json:
        show_json({"models": [{"model": name, "up": each.up, "error": each.error} for name, each in found.items()]})
    else:
        for name, each in found.items():
            said = say("up", options.language) if each.up else say("down", options.language)
            why = f"{said} ({each.error})" if each.error else said
            show(plain(say("{name}: {why}", options.language, name=name, why=why)))
    return 0 if all(each.up for each in found.values()) else 1


def history(options: Options) -> int:
    from ..ledger import Ledger, service_of
    from ..ledger.entries import STATES

    settings = settings_of(options)
    if options.state not in (None, *STATES):
        raise WrongSetting("There is no state {state}. There are: {known}.", state=options.state, known=", ".join(STATES))
    if not options.lines.isdecimal() or len(options.lines) > 9:
        raise WrongSetting("{value} is no number of lines.", value=options.lines)
    with Ledger(settings.ledger, service=service_of(settings.base_url)) as ledger:
        entries = ledger.entries(limit=int(options.lines), state=options.state, text=options.find)
    if options.json:
        show_json({"entries": [_entry_object(entry) for entry in entries]})
        return 0
    if not entries:
        show(say("Nothing yet.", options.language))
        return 0
    show_table([[plain(cell) for cell in _entry_row(entry, options.language)] for entry in entries])
    return 0


def collect(options: Options) -> int:
    """0 if everything that is paid is here now, else 1."""
    from ..engine import collect as fetch
    from ..ledger import Ledger, service_of

    settings = settings_of(options)
    settings.require_key()
    output = path_of(options.output).absolute() if options.output else None
    with Ledger(settings.ledger, service=service_of(settings.base_url)) as ledger:
        found = fetch(settings=settings, ledger=ledger, output=output, task_ids=options.words)
    if options.json:
        show_json({"tasks": [_collected_object(each) for each in found]})
    else:
        for each in found:
            said = each.error.say(options.language) if each.error else ", ".join(map(str, each.files))
            (trouble if each.error else show)(plain(say("{name}: {why}", options.language, name=each.task_id, why=said)))
        if not found:
            show(say("There is nothing to collect.", options.language))
    return 1 if any(each.error for each in found) else 0


def config(options: Options) -> int:
    settings = settings_of(options)
    if options.json:
        show_json({each.name: _setting_object(settings, each.name, each.metadata["about"]) for each in OPTIONS})
        return 0
    for each in OPTIONS:
        value, source = _text(getattr(settings, each.name), options.language), _source(settings, each.name, options.language)
        show(plain(say("{name} = {value} ({source})", options.language, name=each.name, value=value, source=source)))
        show(f"    {say(each.metadata['about'], options.language)}")
    places = ", ".join(str(folder) for folder in settings_folders())
    show(say("Looked for .env and grsai.toml in: {folders}", options.language, folders=places))
    return 0


def emulator(options: Options) -> int:
    """Serves until Ctrl-C."""
    from ..emulator import WrongOption, build, serve

    try:
        given = {"port": options.port, "key": options.key, "credits": options.credits, "seconds": options.seconds}
        service = build({**given, "fault": options.fault, "price": options.price})
        service.start()
    except WrongOption as error:
        text = "{value} is no value for --{option}. See --help."
        raise WrongSetting(text, value=error.value, option=error.option) from None
    except OSError as error:
        text = "Port {port} cannot be used: {why}. Name another one with --port; 0 takes any free one."
        raise WrongSetting(text, port=options.port, why=error.strerror or error) from None
    show(say("The offline service runs on {url}. Ctrl+C ends it.", options.language, url=service.url))
    text = "To use it, add --base-url {url} to a command, with any made-up key in GRSAI_API_KEY."
    show(say(text, options.language, url=service.url))
    serve(service)
    return 0


def _model_object(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "model": model.id,
        "credits": model.credits or None,  # not known
        "yuan": yuan(model.credits) if model.credits else None,
        "sizes": list(model.sizes),
        "ratios": list(model.ratios),
        "delisted": model.delisted,
        "apis": list(model.apis),
        "pixels": model.pixels,
        "qualities": list(model.qualities),
        "backgrounds": list(model.backgrounds),
        "references": model.references,
    }


def _model_row(model: Model, language: str) -> Sequence[str]:
    name = next((name for name, ratios in RATIOS.items() if ratios == model.ratios), " ".join(model.ratios))
    gone = say("delisted", language) if model.delisted else ""
    credits, price = (f"{model.credits:,}", yuan_text(model.credits)) if model.credits else ("?", "?")
    return model.id, credits, price, " ".join(model.sizes) or "–", name, gone


def _entry_object(entry: Entry) -> dict[str, Any]:
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


def _entry_row(entry: Entry, language: str) -> Sequence[str]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created))
    prompt = entry.prompt if len(entry.prompt) <= _SHORT else entry.prompt[:_SHORT] + "…"
    last = ", ".join(str(path) for path, _ in entry.files) or entry.say(language) or entry.task_id or ""
    return when, _state_text(entry.state, language), entry.name, entry.model, f"{entry.credits:,}", prompt, last


def _state_text(state: str, language: str) -> str:
    return {
        "submitting": say("being sent", language),
        "open": say("open", language),
        "done": say("done", language),
        "failed": say("failed", language),
        "uncertain": say("uncertain", language),
    }[state]


def _collected_object(collected: Collected) -> dict[str, Any]:
    return {
        "task_id": collected.task_id,
        "files": [str(path) for path in collected.files],
        "error": str(collected.error) if collected.error else None,
    }


def _setting_object(settings: Settings, name: str, about: str) -> Mapping[str, Any]:
    return {"value": _shown(getattr(settings, name)), "source": settings.sources[name], "about": about}


def _shown(value: Any) -> Any:
    """A value that may be seen: of the key only its end."""
    if isinstance(value, Key):
        return f"sk-…{value.last4}"
    return str(value) if isinstance(value, Path) else value


def _text(value: Any, language: str) -> str:
    if value is None:
        return say("not set", language)
    return str(value).lower() if isinstance(value, bool) else str(_shown(value))


def _source(settings: Settings, name: str, language: str) -> str:
    """Where a value comes from; a file is named by its path."""
    source = settings.sources[name]
    said = {
        "argument": say("argument", language),
        "environment": say("environment", language),
        "default": say("default", language),
        "found beside the work": say("found beside the work", language),
        "found beside the program": say("found beside the program", language),
        "data folder of the user": say("data folder of the user", language),
    }
    return said.get(source, source)
