"""One row of the ledger: what became of one submit of a job."""

from __future__ import annotations

import functools
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from ..errors import DownloadError, GrsaiError, from_object
from ..models import Api
from ..pictures import check_result
from ..settings import HOSTS
from .journal import Facts

State = Literal["submitting", "open", "done", "failed", "uncertain"]
STATES = get_args(State)
OFFLINE = "offline"
TASK_SECONDS = 2 * 3600  # so long the service keeps a task and its pictures
Files = tuple[tuple[Path, int], ...]  # with the size in bytes


def service_of(base_url: str) -> str:
    """The scope in which results are reused: the vendor's hosts are one service, every other address is its own."""
    return "grsai" if base_url in HOSTS.values() else urlsplit(base_url).netloc


def is_of_its_service(base_url: str, service: str) -> bool:
    """Whether the key of a service may go to a host. Each emulator that is started offline has a host of its own."""
    return service == OFFLINE or service_of(base_url) == service


@dataclass(frozen=True)
class Entry:
    """One submit of a job. Times in seconds since 1970, `credits` as charged when it was accepted.

    `model` is the one that was used, `asked_model` the one that the job asked for.
    """

    row: int
    service: str
    fingerprint: str
    state: State
    task_id: str | None
    base_url: str
    model: str
    prompt: str
    aspect_ratio: str
    image_size: str | None
    seed: int
    variation: int
    credits: int
    created: float
    submitted: float | None
    finished: float | None
    reason: str
    error: str
    urls: tuple[str, ...]
    files: Files  # where they were written first
    copies: tuple[Files, ...]  # where later runs put them too
    name: str
    folder: Path
    sources: tuple[str, ...]
    api: Api = "legacy"
    quality: str | None = None
    background: str | None = None
    asked_model: str = ""
    run: str | None = None  # the run that submitted it
    key_mark: str = ""  # tells the key that paid from others
    refunded: bool = False  # the service gave the credits back
    trouble: GrsaiError | None = None  # what `error` says; entries of version 1.0 have the English text alone
    numbered: bool = True  # as `Job.numbered`
    digests: tuple[str, ...] = ()  # what names the content of each source; the URL of one that was on the web already
    who: str = ""  # user@machine, where several share the ledger
    clock: Callable[[], float] = field(default=time.time, compare=False, repr=False)

    @property
    def seconds(self) -> float:
        return (self.finished or self.clock()) - (self.submitted or self.created)

    @property
    def age(self) -> float:
        """Seconds since its submit; one at least, as the clock may have been set back since."""
        return max(self.clock() - (self.submitted or self.created), 1.0)

    @property
    def collectable(self) -> bool:
        """The service still has it."""
        return self.task_id is not None and self.age < TASK_SECONDS

    @property
    def kept(self) -> tuple[Path, ...]:
        """The files, or copies of them, that are all still there; none if some are gone or cut short."""
        for files in (self.files, *self.copies):
            if files and all(_is_kept(path, size) for path, size in files):
                return tuple(path for path, _ in files)
        return ()

    def stem(self, number: int) -> str:
        """As `Job.stem`."""
        return f"{self.name}_{number}" if self.numbered or number > 1 else self.name

    @property
    def whole(self) -> bool:
        return bool(self.kept)

    def say(self, language: str) -> str:
        """Why it brought no picture, or is not collected yet; empty where nothing went wrong."""
        return self.error if language == "en" or self.trouble is None else self.trouble.say(language)

    def moved_to(self, folder: Path) -> Entry:
        """The same, with its files in `folder` if they lie there now and where they were written is no more."""
        moved = tuple((folder / re.split(r"[/\\]", str(path))[-1], size) for path, size in self.files)
        if self.whole or not moved or any(path.parent.exists() for path, _ in self.files):
            return self
        return replace(self, files=moved) if all(_size(path) == size for path, size in moved) else self


# What came after version 1.0, with what an older row or line of the journal means.
LATER: dict[str, Any] = {
    "api": "legacy", "quality": None, "background": None, "asked_model": None, "run": None, "key_mark": "",
    "refunded": 0, "trouble": "", "numbered": 1, "digests": "[]", "who": "",
}  # fmt: skip
# What a line of the journal leaves out where it is so.
SELDOM: dict[str, Any] = {
    **LATER, "image_size": None, "seed": 0, "variation": 0, "finished": None, "reason": "", "error": "",
    "urls": "[]", "files": "[]", "copies": "[]", "sources": "[]",
}  # fmt: skip
COLUMNS = tuple(name for name in Entry.__dataclass_fields__ if name != "clock")
FACTS = tuple(name for name in COLUMNS if name not in ("row", *LATER))  # what every line of the journal of version 1.0 holds


def is_whole(facts: Facts) -> bool:
    """Whether the columns of a row, or what a line says of them, hold what they should."""
    return _lists(facts) is not None


def _lists(facts: Facts) -> Facts | None:
    """The columns that hold lists, read; None if any column holds what it should not."""
    for name, kinds in _KINDS.items():
        if not isinstance(facts[name], kinds):
            return None
    if facts["state"] not in STATES:
        return None
    try:
        return {name: () if facts[name] == "[]" else read(json.loads(facts[name])) for name, read in _LISTS.items()}
    except (ArithmeticError, RecursionError, TypeError, ValueError):
        return None


def entry_of(row: Sequence[Any], clock: Callable[[], float] = time.time) -> Entry | None:
    """None for a row that was damaged."""
    values = dict(zip(COLUMNS, row, strict=True))
    if (lists := _lists(values)) is None:
        return None
    values |= lists
    values["folder"], values["name"] = _folder(os.fsdecode(values["folder"])), os.fsdecode(values["name"])
    values["asked_model"] = values["asked_model"] or values["model"]
    values["refunded"], values["numbered"] = bool(values["refunded"]), bool(values["numbered"])
    values["trouble"] = _trouble(values["trouble"]) if values["trouble"] else None
    return Entry(**values, clock=clock)


@functools.lru_cache(maxsize=64)
def _folder(place: str) -> Path:
    return Path(place)  # thousands of entries share a few


def _trouble(stored: str) -> GrsaiError | None:
    try:
        return from_object(json.loads(stored))
    except (RecursionError, ValueError):
        return None


def _files(rows: list[tuple[str, int]]) -> Files:
    return tuple((Path(path), int(size)) for path, size in rows)


def _texts(found: list[str]) -> tuple[str, ...]:
    return tuple(map(str, found))


def _all_files(found: list[list[tuple[str, int]]]) -> tuple[Files, ...]:
    return tuple(_files(rows) for rows in found)


_LISTS: dict[str, Callable[[Any], Any]] = {
    "urls": _texts, "files": _files, "copies": _all_files, "sources": _texts, "digests": _texts,
}  # fmt: skip
_NUMBER, _TEXT = (int, float), (str,)
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("service", "fingerprint", "base_url", "model", "prompt", "aspect_ratio", "reason", "error", "api"), _TEXT),
    **dict.fromkeys(("seed", "variation", "credits", "created"), _NUMBER),
    **dict.fromkeys(("submitted", "finished"), (*_NUMBER, type(None))),
    "task_id": (str, type(None)), "trouble": _TEXT, "who": _TEXT, "name": (str, bytes), "folder": (str, bytes),
}  # fmt: skip


def with_sizes(files: Sequence[Path]) -> str:
    """The files as a row holds them, each with the bytes that it has now."""
    return json.dumps([[str(path), _size(path)] for path in files])


def as_text(facts: Facts) -> Facts:
    """The same with names that the journal can hold: what is stored as bytes becomes text again."""
    return {**facts, "name": os.fsdecode(facts["name"]), "folder": os.fsdecode(facts["folder"])}


def storable(name: str | Path) -> str | bytes:
    """A file name as SQLite takes it: one that is no text (on Linux, from a foreign ZIP file) as bytes."""
    try:
        str(name).encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return str(name)


def text_of(text: str) -> str:
    """A text that a user gave, as SQLite takes it."""
    return text.encode("utf-8", "replace").decode()


def _is_kept(path: Path, size: int) -> bool:
    """The file is there as it was written, or as a picture that the user has changed since."""
    now = _size(path)
    if now == size or now <= 0:
        return now == size and size >= 0
    try:
        check_result(path)
    except DownloadError:
        return False
    return True


def _size(path: Path) -> int:
    """Bytes; -1 for a file that is not there."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return -1
