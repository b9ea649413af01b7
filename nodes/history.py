"""The history as the tab shows it: pages of entries, and a small picture of each."""

from __future__ import annotations

import io
import re
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..grsai.errors import BadPicture, Refused, WrongSetting
from ..grsai.files import copy_one
from ..grsai.ledger import OFFLINE, Entry, Wanted
from ..grsai.ledger.entries import STATES
from ..grsai.masks import PLAIN, is_edit, outline_of, shown_of
from ..grsai.pictures import natural, thumbnail
from . import account
from .paths import input_folder, inside, output_folder, view_of
from .tiles import in_few_words

MOST_ENTRIES = 200
MOST_OF_RUN = 100_000
TIMES = {"today": 1, "week": 7, "month": 30}  # days
THUMBNAIL_SIDE = 192  # pixels


class NotThere(Refused):
    """Asked for something that is not there, or not any more."""


def page(query: Mapping[str, str], language: str) -> dict[str, Any]:
    """The entries before row `before` of what is wanted, newest first, at most `limit`, and how many there are: see `counted`.

    Those of one run come in the order of its plan; `before` and `next` count them then.
    Wanted are those in `state`, of `model`, made `since` "today", "week" or "month", of `run`, with `text` in prompt or name.
    `service`: another one than that which is chosen now; `elsewhere` says which ones have entries. `task`: that one alone.
    """
    ledger = account.ledger()
    if task := query.get("task"):
        return {"entries": [as_object(entry, language) for entry in ledger.entries_of([task])]}
    limit, wanted = min(number(query, "limit") or 50, MOST_ENTRIES), wanted_of(query)
    begin = number(query, "before")
    if wanted.run:
        found, following = _of_run(wanted, begin or 0, limit)
    else:
        found = ledger.entries(before=begin, limit=limit, **asdict(wanted))
        following = found[-1].row if len(found) == limit else None
    return {"entries": [as_object(entry, language) for entry in found], "next": following, **counted(query, wanted)}


def _of_run(wanted: Wanted, begin: int, limit: int) -> tuple[list[Entry], int | None]:
    """A page in the order of the plan, and where the next one begins."""
    found = account.ledger().entries(**asdict(wanted), limit=MOST_OF_RUN, oldest_first=True)
    planned = sorted(found, key=lambda entry: natural(entry.name))
    end = begin + limit
    return planned[begin:end], end if end < len(planned) else None


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """What a query asks for. Raises `WrongSetting`."""
    since = query.get("since", "")
    if since and since not in TIMES:
        raise WrongSetting("{value} is no value for {name}.", value=since[:40], name="since")
    return Wanted(
        service=query.get("service") or account.ledger().service,
        state=query.get("state", ""),
        model=query.get("model", ""),
        since=_begin_of(since) if since else 0.0,
        run=query.get("run"),
        text=query.get("text", ""),
    )


def counted(query: Mapping[str, str], wanted: Wanted) -> dict[str, Any]:
    """How many entries each choice of a filter would leave, whatever is chosen in the others: `counts` by state, `models`, and
    `since`. `elsewhere`: how many other services have.
    """
    ledger, since = account.ledger(), query.get("since", "")
    loose = Wanted(wanted.service, run=wanted.run, text=wanted.text)
    states, models, times = Counter[str](), Counter[str](), Counter[str]()
    for tally in ledger.tallies(loose, [_begin_of(name) for name in TIMES]):
        of_time = dict(zip(TIMES, tally.since, strict=True))
        tasks = of_time[since] if since else tally.tasks
        is_state, is_model = wanted.state in ("", tally.state), wanted.model in ("", tally.model)
        states[tally.state] += tasks * is_model
        models[tally.model] += tasks * is_state
        times.update({name: count * (is_state and is_model) for name, count in {"": tally.tasks, **of_time}.items()})
    return {
        "counts": {state: states[state] for state in STATES if states[state]},
        "models": {model: models[model] for model in sorted(models) if models[model]},
        "since": dict(times),
        "elsewhere": ledger.elsewhere(),
    }


def _begin_of(since: str) -> float:
    """Seconds since 1970 of the midnight with which a day, seven or thirty of them begin."""
    year, month, day = time.localtime(account.ledger().now())[:3]
    return time.mktime((year, month, day + 1 - TIMES[since], 0, 0, 0, 0, 0, -1))


def small_jpeg(query: Mapping[str, str]) -> bytes:
    """Of one picture in ComfyUI's folders. Raises `NotThere`."""
    buffer = io.BytesIO()
    try:
        thumbnail(_picture(query), THUMBNAIL_SIDE).save(buffer, "JPEG", quality=85)
    except BadPicture:
        raise NotThere("The picture is not there any more.") from None
    return buffer.getvalue()


def as_input(query: Mapping[str, str]) -> dict[str, str]:
    """Such a picture in the input folder, under its own name: the one place from which every canvas lets LoadImage take it.

    Copied there, but for one that lies there already. Raises `NotThere` and `OutputError`.
    """
    picture = _picture(query)
    if picture.resolve().parent != input_folder().resolve():
        picture = copy_one(picture, input_folder(), picture.stem, uuid.uuid4().hex)
    return view_of(picture) or {}


def outline(query: Mapping[str, str]) -> bytes:
    """That of the mask that such a picture was edited within, as a PNG. Raises `NotThere`."""
    drawn = outline_of(_picture(query))
    if drawn is None:
        raise NotThere("There is no such picture.")
    return drawn


def _picture(query: Mapping[str, str]) -> Path:
    """The one that `filename`, `subfolder` and `type` name as /view does, or number `file` of the entry in `row`."""
    if "filename" in query:
        root = input_folder() if query.get("type") == "input" else output_folder()
        picture = inside(root, f"{query.get('subfolder', '')}/{query['filename']}".lstrip("/"), NotThere)
        files = [picture] if picture.is_file() else []
    else:
        row = number(query, "row")
        entry = account.ledger().entry(row) if row is not None else None
        files = files_of(entry) if entry else []
    place = number(query, "file") or 0
    if place >= len(files):
        raise NotThere("There is no such picture.")
    return files[place]


def files_of(entry: Entry) -> list[Path]:
    """Those that are still there and that ComfyUI shows; of an edit within a mask the picture that it was pasted into."""
    return [path for _, path in _numbered(entry)]


def _numbered(entry: Entry) -> list[tuple[int, Path]]:
    """The same with their places among those of the task, from 1; the copies in this ComfyUI of what another one has made."""
    for place in (entry.files, *entry.copies):
        files = [(number, shown_of(path) or path) for number, (path, _) in enumerate(place, 1)]
        if shown := [(number, path) for number, path in files if path.is_file() and view_of(path)]:
            return shown
    return []


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of a query, or None. Raises `WrongSetting`."""
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise WrongSetting("{value} is no value for {name}.", value=text[:40], name=name)
    return int(text)


def as_object(entry: Entry, language: str) -> dict[str, Any]:
    files = _numbered(entry)
    return {
        "row": entry.row,
        "state": entry.state,
        "task_id": entry.task_id,
        "model": entry.model,
        "prompt": entry.prompt,
        "aspect_ratio": entry.aspect_ratio,
        "image_size": entry.image_size,
        "quality": entry.quality,
        "background": entry.background,
        "seed": entry.seed,
        "variation": entry.variation,
        "credits": entry.credits,
        "created": entry.created,
        "seconds": round(entry.seconds, 1) if entry.finished else None,
        "reason": entry.reason or None,
        "error": entry.say(language) or None,
        "why": _why(entry, language) or None,
        "name": entry.name.removesuffix(PLAIN),
        "who": entry.who or None,
        "offline": entry.service == OFFLINE,
        "sources": [_source(source) for source in entry.sources],
        "files": [view_of(path) for _, path in files],
        "numbers": [number for number, _ in files],
        "masked": entry.name.endswith(PLAIN) and any(is_edit(path) for _, path in files),
    }


def _why(entry: Entry, language: str) -> str:
    """What went wrong in few words: the reason, without task and advice where it is known apart from them."""
    said = entry.say(language)
    if entry.trouble is None:  # an entry of version 1.0
        return re.sub(rf"^Task {re.escape(entry.task_id or '')} \w+: ", "", said)
    return in_few_words(entry.trouble)[language]


def _source(source: str) -> dict[str, str] | str:
    """Where ComfyUI shows a reference picture, or else its name."""
    path = Path(source)
    return (view_of(path) if path.is_absolute() and path.is_file() else None) or path.name
