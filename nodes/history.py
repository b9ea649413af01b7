"""The history as the tab shows it: pages of entries, and a small picture of each."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..grsai.errors import BadPicture, Refused, WrongSetting
from ..grsai.files import copy_one
from ..grsai.ledger import OFFLINE, Entry
from ..grsai.ledger.entries import STATES
from ..grsai.pictures import thumbnail
from . import account
from .paths import input_folder, inside, output_folder, view_of
from .tiles import in_few_words

MOST_ENTRIES = 200
THUMBNAIL_SIDE = 192  # pixels


class NotThere(Refused):
    """Asked for something that is not there, or not any more."""


def page(query: Mapping[str, str], language: str) -> dict[str, Any]:
    """The entries before row `before` that are in `state` and have `text` in their prompt, newest first, at most `limit`.

    `service`: another one than that which is chosen now; `elsewhere` says which ones have entries. `task`: that one alone.
    """
    ledger = account.ledger()
    if task := query.get("task"):
        return {"entries": [_as_object(entry, language) for entry in ledger.entries_of([task])]}
    limit, text, service = min(number(query, "limit") or 50, MOST_ENTRIES), query.get("text", ""), query.get("service") or None
    counts = ledger.counts(text=text, service=service)
    found = ledger.entries(
        before=number(query, "before"), limit=limit, state=query.get("state") or None, text=text, service=service
    )
    return {
        "entries": [_as_object(entry, language) for entry in found],
        "next": found[-1].row if len(found) == limit else None,
        "counts": {state: counts[state] for state in STATES if state in counts},
        "elsewhere": ledger.elsewhere(),
    }


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


def _picture(query: Mapping[str, str]) -> Path:
    """The one that `filename`, `subfolder` and `type` name as /view does, or number `file` of the entry in `row`."""
    if "filename" in query:
        root = input_folder() if query.get("type") == "input" else output_folder()
        picture = inside(root, f"{query.get('subfolder', '')}/{query['filename']}".lstrip("/"), NotThere)
        files = [picture] if picture.is_file() else []
    else:
        row = number(query, "row")
        entry = account.ledger().entry(row) if row is not None else None
        files = _files_of(entry) if entry else []
    place = number(query, "file") or 0
    if place >= len(files):
        raise NotThere("There is no such picture.")
    return files[place]


def _files_of(entry: Entry) -> list[Path]:
    """Those that are still there and that ComfyUI shows."""
    return [path for path, _ in entry.files if path.is_file() and view_of(path)]


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of a query, or None. Raises `WrongSetting`."""
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise WrongSetting("{value} is no value for {name}.", value=text[:40], name=name)
    return int(text)


def _as_object(entry: Entry, language: str) -> dict[str, Any]:
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
        "name": entry.name,
        "offline": entry.service == OFFLINE,
        "sources": [_source(source) for source in entry.sources],
        "files": [view_of(path) for path in _files_of(entry)],
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
