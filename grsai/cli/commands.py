"""The commands with a name, each a function of that name: what there is, what is left, what was made, what can be fetched."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..errors import LostReply, StillOpen, WrongSetting
from ..models import RATIOS, Catalogue, Model, yuan
from ..places import Address
from ..report.phrases import duration, money, plain, yuan_text
from ..settings import OPTIONS, Key, Settings, ledger_place, path_of
from ..texts import say
from .options import Options, settings_folders, settings_of
from .screen import show, show_json, show_table, trouble

if TYPE_CHECKING:
    from ..engine import Collected
    from ..ledger import Entry

By = Literal["day", "month", "model", "folder"]
_SUMS: tuple[By, ...] = get_args(By)
_SHORT = 48  # characters of a prompt in the history


def init(options: Options) -> int:
    from .init import init

    return init(options)


def models(options: Options) -> int:
    settings, language = settings_of(options), options.language
    catalogue = _refreshed(settings) if options.refresh else settings.catalogue
    per_yuan = settings.credits_per_yuan
    if options.json:
        rows = [_model_object(model, per_yuan) for model in catalogue.values()]
        show_json({"models": rows, "as_of": catalogue.as_of and _minute(catalogue.as_of)})
        return 0
    head = (say("model", language), say("credits", language), "¥", say("sizes", language), say("ratios", language), "")
    show_table([head, *(_model_row(model, per_yuan, language) for model in catalogue.values())])
    for name, ratios in RATIOS.items():
        show(f"{name}: {' '.join(ratios)}")
    if catalogue.as_of:
        show(say("Prices as the service gave them on {time}.", language, time=_minute(catalogue.as_of)))
    else:
        show(say("Prices as this program knows them; --refresh asks the service.", language))
    return 0


def _refreshed(settings: Settings) -> Catalogue:
    """The catalogue with what the service says now, which is remembered for the next runs."""
    from ..catalogue import keep
    from ..client import GrsaiClient

    with GrsaiClient(settings) as client:
        listed = client.model_list()
    if not listed:
        raise LostReply("The service gave no list of models. What is known of them stays.")
    found = keep(settings.home, settings.base_url, listed)
    return settings.catalogue.listed(found.models, found.as_of)


def balance(options: Options) -> int:
    from ..client import GrsaiClient

    settings = settings_of(options)
    with GrsaiClient(settings) as client:
        found = client.balance()
    if found.spendable is None:
        raise LostReply("The service did not say how many credits there are.")
    credits, per_yuan = found.spendable, settings.credits_per_yuan
    if options.json:
        facts = {"credits": credits, "yuan": yuan(credits, per_yuan), "of": found.of}
        show_json({**facts, "account": found.account, "limit": found.limit})
        return 0
    show(money(credits, options.language, per_yuan=per_yuan))
    if found.of == "key":
        show(say("This is what the key may spend; the account may hold more.", options.language))
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
    from ..ledger import ledger_of
    from ..ledger.entries import STATES

    settings = settings_of(options)
    if options.state not in (None, *STATES):
        raise WrongSetting("There is no state {state}. There are: {known}.", state=options.state, known=", ".join(STATES))
    if not options.lines.isdecimal() or len(options.lines) > 9:
        allowed = WrongSetting("a whole number from {low} to {high}", low=0, high=999_999_999)
        raise WrongSetting(
            "{name} must be {allowed}, not {value}.", name="--limit", allowed=allowed, value=options.lines[:_SHORT]
        )
    with ledger_of(settings) as ledger:
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
    from ..ledger import ledger_of

    settings = settings_of(options)
    if options.forget:
        return _forget(options, settings)
    settings.require_key()
    output = path_of(options.output).absolute() if options.output else None
    with ledger_of(settings) as ledger:
        found = fetch(settings=settings, ledger=ledger, output=output, task_ids=options.words)
    if options.json:
        show_json({"tasks": [_collected_object(each) for each in found]})
    else:
        for each in found:
            (trouble if each.error else show)(plain(_collected_text(each, options.language)))
        if not found:
            show(say("There is nothing to collect.", options.language))
    return 1 if any(each.error for each in found) else 0


def _collected_text(collected: Collected, language: str) -> str:
    error, task = collected.error, collected.task_id
    if isinstance(error, StillOpen) and "seconds" in error.values:
        text = "Task {task} is still running, for {time} now. Collect it again in a minute; nothing is paid."
        return say(text, language, task=task, time=duration(float(error.values["seconds"]), language))
    said = error.say(language) if error else ", ".join(map(str, collected.files))
    return said if error and task in said else say("{name}: {why}", language, name=task, why=said)


def _forget(options: Options, settings: Settings) -> int:
    """0 if all of them were open, else 1."""
    from ..ledger import ledger_of

    with ledger_of(settings) as ledger:
        forgotten = {task: ledger.forget(task) for task in options.forget}
    if options.json:
        show_json({"forgotten": [task for task, done in forgotten.items() if done]})
        return 0 if all(forgotten.values()) else 1
    for task, done in forgotten.items():
        if done:
            show(say("Task {task} is given up: the next run pays for its job again.", options.language, task=task))
        else:
            trouble(say("The ledger knows no task {task} that is paid and not here.", options.language, task=task))
    return 0 if all(forgotten.values()) else 1


def spend(options: Options) -> int:
    from ..files import write_whole
    from ..ledger import ledger_of

    settings, language = settings_of(options), options.language
    by: By | None = next((each for each in _SUMS if each == options.by), None)
    if by is None:
        raise WrongSetting("There are no sums by {by}. There are: {known}.", by=options.by, known=", ".join(_SUMS))
    with ledger_of(settings) as ledger:
        found = ledger.spend(by)
    rate = settings.credits_per_yuan
    rows = [
        {by: each.key, "pictures": each.pictures, "credits": each.credits, "yuan": _yuan(each.credits, rate)} for each in found
    ]
    pictures, credits = sum(each.pictures for each in found), sum(each.credits for each in found)
    if options.csv:
        lines = [[by, "pictures", "credits", "yuan"], *([str(value) for value in row.values()] for row in rows)]
        write_whole(path_of(options.csv), _as_csv(lines))
    if options.json:
        show_json({"by": by, "rows": rows, "pictures": pictures, "credits": credits, "yuan": _yuan(credits, rate)})
        return 0
    head = (say(by, language), say("pictures", language), say("credits", language), "¥")
    sums = [(each.key, each.pictures, each.credits) for each in found]
    total = (say("in all", language), pictures, credits)
    table = [(plain(key), f"{made:,}", f"{paid:,}", yuan_text(paid, per_yuan=rate)) for key, made, paid in (*sums, total)]
    show_table([head, *table])
    return 0


def ledger(options: Options) -> int:
    from ..ledger import Ledger
    from ..ledger.copying import copy

    if len(options.words) != 3 or options.words[0] != "copy":
        raise WrongSetting("Say which ledgers: ledger copy FROM TO.")
    source, target = map(ledger_place, options.words[1:])
    if isinstance(source, Path) and not source.is_file():
        raise WrongSetting("There is no ledger {path}.", path=source)
    if source == target:
        raise WrongSetting("Both are the same ledger.")
    home = settings_of(options).home
    with Ledger(source, home=home) as one, Ledger(target, home=home) as other:
        found = copy(one, other)
    if options.json:
        show_json({"tasks": found.tasks, "news": found.news})
    else:
        text = "Copied {news} of {tasks} tasks to {path}; all others were there already."
        show(say(text, options.language, news=found.news, tasks=found.tasks, path=target))
    return 0


def finish(options: Options) -> int:
    """0 if all pictures of the folder are finished, else 1."""
    from .finishing import finish

    return finish(options)


def review(options: Options) -> int:
    """Serves the page until Ctrl+C, or until it is asked to end."""
    from .reviewing import review

    return review(options)


def redo(options: Options) -> int:
    """0 if everything that was rejected is made again now, else 1."""
    from .redo import redo

    return redo(options)


def picks(options: Options) -> int:
    from .picks import picks

    return picks(options)


def config(options: Options) -> int:
    settings = settings_of(options)
    if options.json:
        show_json({each.name: _setting_object(settings, each.name, each.metadata["about"]) for each in OPTIONS})
        return 0
    for each in OPTIONS:
        value, source = _text(getattr(settings, each.name), options.language), _source(settings, each.name, options.language)
        show(plain(say("{name} = {value} ({source})", options.language, name=each.name, value=value, source=source)))
        show(f"    {say(each.metadata['about'], options.language)}")
    if settings.withheld:
        trouble(settings.withheld.say(options.language))
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
        raise _wrong_option(error.option, error.value) from None
    except OSError as error:
        text = "Port {port} cannot be used: {why}. Name another one with --port; 0 takes any free one."
        raise WrongSetting(text, port=options.port, why=error.strerror or error) from None
    show(say("The offline service runs on {url}. Ctrl+C ends it.", options.language, url=service.url))
    text = "To use it, add --base-url {url} to a command, with any made-up key in GRSAI_API_KEY."
    show(say(text, options.language, url=service.url))
    serve(service)
    return 0


def _wrong_option(option: str, value: str) -> WrongSetting:
    """Of the emulator: what the value of an option may be."""
    from ..emulator import KINDS, STEPS

    name, value = f"--{option}", value[:_SHORT]
    if option == "fault":
        named = [step for step in STEPS if step == value.partition(":")[0]]
        kinds = [f"{step}: {', '.join(name for name, kind in KINDS.items() if step in kind.steps)}" for step in named or STEPS]
        text = "{name} must be STEP:KIND:SHARE, such as submit:http_500:0.1 for one submit in ten, not {value}. Kinds: {kinds}."
        return WrongSetting(text, name=name, value=value, kinds="; ".join(kinds))
    allowed = {
        "port": WrongSetting("a whole number from {low} to {high}", low=0, high=65_535),
        "credits": WrongSetting("a whole number"),
        "seconds": WrongSetting("a number of seconds such as 5, or two such as 3:8"),
    }.get(option, WrongSetting("a model and its credits, such as nano-banana-2:900"))
    return WrongSetting("{name} must be {allowed}, not {value}.", name=name, allowed=allowed, value=value)


def _model_object(model: Model, per_yuan: float) -> dict[str, Any]:
    return {
        "id": model.id,
        "model": model.id,
        "credits": model.credits or None,  # not known
        "yuan": yuan(model.credits, per_yuan) if model.credits else None,
        "sizes": list(model.sizes),
        "ratios": list(model.ratios),
        "delisted": model.delisted,
        "apis": list(model.apis),
        "pixels": model.pixels,
        "qualities": list(model.qualities),
        "backgrounds": list(model.backgrounds),
        "references": model.references,
        "new": model.new,
        "closed": model.closed,
        "maintenance": model.maintenance,
        "refunds_failed": model.refunds_failed,
        "refunds_refused": model.refunds_refused,
    }


def _model_row(model: Model, per_yuan: float, language: str) -> Sequence[str]:
    name = next((name for name, ratios in RATIOS.items() if ratios == model.ratios), " ".join(model.ratios))
    price = yuan_text(model.credits, per_yuan=per_yuan) if model.credits else "?"
    marks = [
        *([say("closed", language)] if model.closed else []),
        *([say("in maintenance", language)] if model.maintenance else []),
        *([say("new", language)] if model.new else []),
        *([say("delisted", language)] if model.delisted else []),
        *([say("failures are refunded", language)] if model.refunds_failed else []),
    ]
    credits = f"{model.credits:,}" if model.credits else "?"
    return model.id, credits, price, " ".join(model.sizes) or "–", name, say(", ", language).join(marks)


def _minute(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _yuan(credits: int, per_yuan: float) -> float:
    return round(yuan(credits, per_yuan), 4)


def _as_csv(lines: Sequence[Sequence[str]]) -> bytes:
    """With a byte order mark, by which spreadsheets know the letters."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode("utf-8-sig", "replace")


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
    when = _minute(entry.created)
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
    return str(value) if isinstance(value, Path | Address) else value


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
