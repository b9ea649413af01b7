"""Verdicts on the canvas: those of the review page, in the same ledger; and the rejected pictures made again."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ..grsai import engine
from ..grsai.engine.threads import in_background
from ..grsai.errors import GrsaiError, Refused, WrongSetting
from ..grsai.ledger import Entry, Wanted
from ..grsai.review import Verdict, judge, name_of, verdicts_of
from ..grsai.review.album import Album
from ..grsai.review.redo import Changes, Redo, planned
from . import account, bridge, paths
from .account import Account
from .history import MOST_ENTRIES, NotThere, as_object, counted, number, wanted_of
from .runs import NodeRun

CHOICES = {"kept": "keep", "rejected": "reject"}  # what the history can be narrowed to, beside the states
KIND = "redo"
_OF_A_VERDICT = ("verdict", "stars", "note")
_MOST_TASKS = 2_000
_saying = threading.Lock()  # two words at once would leave out one of them


def say(values: Mapping[str, Any]) -> dict[str, Any]:
    """Writes down what is said of picture `number`, from 1, of a `task`; what is left out stays as it is. Raises `NotThere`."""
    task, place = values.get("task"), values.get("number")
    if not isinstance(task, str) or type(place) is not int:
        raise WrongSetting("The request must hold a task, and the number of a picture of it.")
    ledger = account.ledger()
    entry = next((each for each in ledger.entries_of([task]) if 0 < place <= len(each.files)), None)
    if entry is None:
        raise NotThere("There is no such picture.")
    name = name_of(task, place)
    with _saying:
        verdict = verdicts_of(ledger, [name]).get(name, Verdict())
        said = replace(verdict, **{each: values[each] for each in _OF_A_VERDICT if each in values})
        judge(ledger, {name: said}, service=entry.service)
    return {"name": name, **asdict(said)}


def of_tasks(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of the pictures of some tasks, by their names."""
    tasks = values.get("tasks")
    if not isinstance(tasks, list) or not all(isinstance(task, str) for task in tasks):
        raise WrongSetting("The request must hold a list of tasks.")
    ledger = account.ledger()
    names = [name_of(task, place) for task, places in _places(ledger.entries_of(tasks[:_MOST_TASKS])) for place in places]
    return {"verdicts": {name: asdict(verdict) for name, verdict in verdicts_of(ledger, names).items()}}


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """A page of the history, or of its runs, with what was said of its pictures; and how many tasks have one that is kept, or
    rejected.
    """
    entries = [each for entry in answer["entries"] for each in entry.get("entries", [entry])]  # those of runs too
    said = verdicts_of(account.ledger(), [name_of(each["task_id"], place) for each in entries for place in each["numbers"]])
    for each in entries:
        mine = [said.get(name_of(each["task_id"], place), Verdict()) for place in each["numbers"]]
        each["verdicts"] = [asdict(verdict) for verdict in mine]
    counts = {name: len(_tasks(choice)) for name, choice in CHOICES.items()}
    return {**answer, "verdicts": counts}


def page(query: Mapping[str, str], language: str) -> dict[str, Any]:
    """As `history.page`, of those that have a picture that was kept, or rejected, as `state` says."""
    wanted = wanted_of({**query, "state": ""})
    limit, before = min(number(query, "limit") or 50, MOST_ENTRIES), number(query, "before")
    entries = account.ledger().entries_of(_tasks(CHOICES[query["state"]]))
    found = [entry for entry in reversed(entries) if _is_wanted(entry, wanted) and (before is None or entry.row < before)]
    return {
        "entries": [as_object(entry, language) for entry in found[:limit]],
        "next": found[limit - 1].row if len(found) > limit else None,
        **counted(query, wanted),
    }


def price_redo() -> dict[str, Any]:
    """What making the rejected pictures again comes to; sends nothing. `gone`: those whose source is gone, each with why."""
    found = _planned(account.current())[1]
    price = found.price
    gone = [{"name": picture.entry.name, "why": _in_words(error)} for picture, error in found.gone]
    return {"pictures": price.total, "credits": price.credits, "unpriced": price.unpriced, "gone": gone}


def redo(values: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Makes the rejected pictures again, for no more `credits` than were shown."""
    current = account.current()
    album, found = _planned(current)
    shown = values.get("credits")
    if type(shown) is not int or found.price.credits > shown:
        raise Refused("The price was not shown, or is out of date. Ask for it again.")
    if not found.jobs:
        return {"run": None, "pictures": 0}
    if any(run.kind == KIND for run in bridge.BOARD.runs()):
        raise Refused("A run is under way. Wait for it, or stop it.")
    found.begin(current.ledger)
    run = bridge.BOARD.open(KIND, None, language)
    run.snapshot, run.price, run.offline = engine.Snapshot(len(found.jobs)), found.price, current.offline
    run.currency, run.credits_per_yuan = current.currency, current.settings.credits_per_yuan
    in_background(_make, run, current, album, found)
    return {"run": run.id, "pictures": len(found.jobs)}


def _make(run: NodeRun, current: Account, album: Album, found: Redo) -> None:
    try:
        engine.run(
            found.jobs,
            settings=current.settings,
            ledger=current.ledger,
            output=album.folder,
            gate=current.gate,
            stop=run.stop,
            on_event=run.on_event,
        )
    except GrsaiError as error:
        run.error = error
    finally:
        bridge.BOARD.close(run)


def _planned(current: Account) -> tuple[Album, Redo]:
    album = Album(paths.output_folder(), current.ledger).read()
    return album, planned(album, current.settings, Changes())


def _tasks(choice: str) -> list[str]:
    """Those of this service that have a picture with such a verdict."""
    ledger = account.ledger()
    said = verdicts_of(ledger, None, service=ledger.service)
    return list(dict.fromkeys(name.rpartition("/")[0] for name, verdict in said.items() if verdict.verdict == choice))


def _places(entries: Sequence[Entry]) -> list[tuple[str, range]]:
    return [(entry.task_id or "", range(1, len(entry.files) + 1)) for entry in entries]


def _is_wanted(entry: Entry, wanted: Wanted) -> bool:
    text = wanted.text.lower()
    return (
        entry.service == wanted.service
        and wanted.model in ("", entry.model)
        and entry.created >= wanted.since
        and (wanted.run is None or wanted.run == (entry.run or ""))
        and (text in entry.prompt.lower() or text in entry.name.lower())
    )


def _in_words(error: GrsaiError) -> dict[str, str]:
    return {"en": error.say("en"), "zh": error.say("zh")}
