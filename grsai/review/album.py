"""The pictures of a folder: what the ledger knows of each, what was said of it, and which is a new version of which."""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..files import relative
from ..ledger import Entry, Ledger
from ..masks import shown_of
from ..pictures import FINISHED, SUFFIXES, natural
from .verdicts import NOTHING_SAID, Choice, Verdict, judge, name_of, verdicts_of

_OURS = (FINISHED, "thumbnails")  # folders beside the pictures
_REPLACES = "replaces"  # the kind of remark that says of a job which pictures it makes again


@dataclass(frozen=True)
class Picture:
    """A picture that is there. `number`: its place among those of its task, from 1. `replaces`: the name of an older version."""

    entry: Entry
    number: int
    file: Path
    verdict: Verdict = NOTHING_SAID
    replaces: str = ""

    @property
    def name(self) -> str:
        return name_of(self.entry.task_id or "", self.number)

    @property
    def id(self) -> str:
        """By this a browser names it: never by a path."""
        return hashlib.sha256(f"{self.entry.service} {self.name}".encode()).hexdigest()[:16]

    @property
    def sources(self) -> list[Path | None]:
        """The files that it was made from; None for one that is not there, or never was a file.

        Where the folder was moved together with them, they are where they lie now.
        """
        return [_source_file(source, self.entry.folder, self.file.parent) for source in self.entry.sources]


class Album:
    """The pictures of one folder, and of those in it, in natural order, versions of one beside each other.

    Its methods may be called from any thread. Raises `LedgerError`s.
    """

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder = folder
        self.ledger = ledger
        self._lock = threading.RLock()
        self._pictures: dict[str, Picture] = {}  # by id
        self._ids: dict[str, str] = {}  # by name
        self._roots: dict[str, str] = {}  # by name, that of its first version
        self._versions: dict[str, list[str]] = {}  # by name of a first version, the ids of all, oldest first
        self._order: list[tuple[Any, str]] = []  # by what they are sorted, and ids

    def read(self) -> Album:
        """Anew from ledger and disk."""
        there = _files_in(self.folder)
        found = _placed(self.ledger.made_in(self.folder), there)
        unknown = {path: size for path, size in there.items() if path not in found}
        if unknown:  # moved here, or copied here by a later run
            found |= _placed(self.ledger.made_as(_job_names(unknown)), unknown, moved=True)
        pictures = _as_shown([Picture(entry, number, path) for path, (entry, number) in found.items()])
        pictures = _with_what_was_said(pictures, self.ledger)
        with self._lock:
            for of in (self._pictures, self._ids, self._roots, self._versions, self._order):
                of.clear()
            for picture in sorted(pictures, key=lambda picture: (picture.entry.row, picture.number)):
                if picture.id not in self._pictures:  # it may lie in two places
                    self._order.append(self._take(picture))
            self._order.sort()
        return self

    def add(self, task_ids: Sequence[str]) -> list[Picture]:
        """What these tasks brought into the folder and is not in it yet, as a run goes on; and the older versions of that."""
        entries = [entry for entry in self.ledger.entries_of(task_ids) if entry.state == "done"]
        pictures = _as_shown([Picture(entry, number, path) for entry in entries for number, path in enumerate(entry.kept, 1)])
        pictures = [each for each in pictures if each.file.is_relative_to(self.folder) and each.id not in self._pictures]
        new = _with_what_was_said(pictures, self.ledger)
        with self._lock:
            for picture in new:
                bisect.insort(self._order, self._take(picture))
            return list({each.id: each for picture in new for each in self.versions(picture)}.values())

    def judge(self, said: Mapping[str, Verdict]) -> list[Picture]:
        """Writes verdicts down, by ids; ids that are not here are left out. Returns the pictures as they are now."""
        with self._lock:
            pictures = [replace(self._pictures[each], verdict=said[each]) for each in said if each in self._pictures]
        for service in {picture.entry.service for picture in pictures}:
            of_service = {each.name: each.verdict for each in pictures if each.entry.service == service}
            judge(self.ledger, of_service, service=service)
        with self._lock:
            self._pictures |= {picture.id: picture for picture in pictures}
        return pictures

    # What is in it

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Picture]:
        return iter(self.page(0, len(self._order)))

    def page(self, offset: int, limit: int) -> list[Picture]:
        with self._lock:
            return [self._pictures[id] for _, id in self._order[offset : offset + limit]]

    def get(self, id: str) -> Picture | None:
        return self._pictures.get(id)

    def versions(self, picture: Picture) -> list[Picture]:
        """All versions of it, itself among them, oldest first."""
        with self._lock:
            return [self._pictures[id] for id in self._versions[self._roots[picture.name]]]

    def counts(self) -> dict[str, int]:
        """How many there are, kept, rejected and not judged, and how many of them are to be made again."""
        counted: Counter[Choice] = Counter(picture.verdict.verdict for picture in self)
        sums = {"total": counted.total(), "kept": counted["keep"], "rejected": counted["reject"], "open": counted[""]}
        return {**sums, "redo": len(self.rejected())}

    def rejected(self) -> list[Picture]:
        """Those that are to be made again: of each picture the newest version, if it is rejected and no version is kept."""
        with self._lock:
            groups = [[self._pictures[id] for id in ids] for ids in self._versions.values()]
        open_ones = [group for group in groups if all(picture.verdict.verdict != "keep" for picture in group)]
        return [group[-1] for group in open_ones if group[-1].verdict.verdict == "reject"]

    def _take(self, picture: Picture) -> tuple[Any, str]:
        """Puts it beside its older versions. Returns by what it is sorted, and its id."""
        older = picture.replaces if picture.replaces in self._ids else ""
        root = self._roots[older] if older else picture.name
        self._pictures[picture.id] = picture
        self._ids[picture.name] = picture.id
        self._roots[picture.name] = root
        self._versions.setdefault(root, []).append(picture.id)
        first = self._pictures[self._ids[root]]
        return (natural(relative(first.file, self.folder)), picture.entry.row, picture.number), picture.id


def _as_shown(pictures: Sequence[Picture]) -> list[Picture]:
    """Of edits within a mask the pictures that were made of them, and not what came from the service."""
    return [replace(picture, file=file) for picture in pictures if (file := shown_of(picture.file)) is not None]


def _with_what_was_said(pictures: Sequence[Picture], ledger: Ledger) -> list[Picture]:
    """The same with their verdicts, and what each replaces."""
    said = verdicts_of(ledger, [picture.name for picture in pictures])
    replaced = _replaced(ledger, pictures)
    return [
        replace(picture, verdict=said.get(picture.name, NOTHING_SAID), replaces=replaced.get(picture.name, ""))
        for picture in pictures
    ]


def replaced_by(ledger: Ledger, jobs: Mapping[str, Sequence[str]]) -> None:
    """Writes down, by fingerprint, which pictures a job makes again. To be called before it is paid."""
    ledger.remark(_REPLACES, {fingerprint: {"pictures": list(names)} for fingerprint, names in jobs.items()})


def replaced_pictures(ledger: Ledger, fingerprints: Sequence[str]) -> dict[str, list[str]]:
    """By fingerprint of a job, the names of the pictures that it makes again; those that make none again are not in it."""
    found: dict[str, list[str]] = {}
    for remark in ledger.remarks(_REPLACES, list(dict.fromkeys(fingerprints))):
        names = remark.said.get("pictures")
        if isinstance(names, list) and names:
            found[remark.about] = [str(name) for name in names]
    return found


def _replaced(ledger: Ledger, pictures: Sequence[Picture]) -> dict[str, str]:
    """The name of the older version of each picture that has one."""
    of_jobs = replaced_pictures(ledger, [picture.entry.fingerprint for picture in pictures])
    found: dict[str, str] = {}
    for picture in pictures:
        if names := of_jobs.get(picture.entry.fingerprint):
            found[picture.name] = names[min(picture.number, len(names)) - 1]
    return found


def _source_file(source: str, folder: Path, now: Path) -> Path | None:
    """`folder`: where the picture was written; `now`: where it lies."""
    path = Path(source)
    places = [path] if path.is_absolute() else [each / path for each in (Path.cwd(), folder.parent, now.parent)]
    if path.is_absolute() and now != folder:
        with contextlib.suppress(ValueError):  # another drive of Windows
            places.append(Path(os.path.normpath(now / os.path.relpath(path, folder))))
    return next((place for place in places if place.suffix and place.is_file()), None)


def _files_in(folder: Path) -> dict[Path, int]:
    """The picture files in a folder and those in it, with their bytes; nothing for a folder that is not there."""
    found: dict[Path, int] = {}
    todo = [os.fspath(folder)]
    while todo:
        here = todo.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name in _OURS:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                        found[Path(entry.path)] = entry.stat().st_size
        except OSError:
            continue
    return found


def _placed(entries: Sequence[Entry], there: Mapping[Path, int], *, moved: bool = False) -> dict[Path, tuple[Entry, int]]:
    """By the files that are there, the entry that each is of, and its place among the files of that; newer entries count.

    `moved`: also by name and size, for files whose recorded folder is no more.
    """
    found: dict[Path, tuple[Entry, int]] = {}
    by_name: dict[tuple[str, int], list[Path]] = {}
    for path, size in there.items() if moved else ():
        by_name.setdefault((path.name, size), []).append(path)
    for entry in entries:
        for number, (path, size) in enumerate(entry.files, 1):
            if path in there:
                found[path] = entry, number
            elif moved and not path.parent.exists():
                name = re.split(r"[/\\]", str(path))[-1]
                found.update(dict.fromkeys(by_name.get((name, size), []), (entry, number)))
        for files in entry.copies:
            found.update({path: (entry, number) for number, (path, _) in enumerate(files, 1) if path in there})
    return found


def _job_names(files: Mapping[Path, int]) -> list[str]:
    """What the jobs may have been called that brought these files: as they are, and without the number behind them."""
    names: dict[str, None] = {}
    for path in files:
        stem = re.sub(r" \(\d+\)$", "", path.stem)
        names |= dict.fromkeys((stem, re.sub(r"_\d+$", "", stem)))
    return list(names)
