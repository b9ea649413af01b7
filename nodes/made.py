"""The history by runs: what each of them made and cost, the graph that made it, its folder, and all its pictures in one file."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from ..grsai.ledger import OFFLINE, Entry, RunSum
from ..grsai.pictures import natural
from . import account
from .history import NotThere, as_object, counted, files_of, number, wanted_of
from .paths import output_folder

MOST_RUNS, STRIP = 50, 8
MOST_PICTURES = 20_000  # in one file
_READ_BYTES = 1 << 20


def page(query: Mapping[str, str], language: str) -> dict[str, Any]:
    """The runs that have what is wanted, newest first, at most `limit`, each with its first pictures; else as `history.page`."""
    ledger, wanted = account.ledger(), wanted_of(query)
    limit = min(number(query, "limit") or 20, MOST_RUNS)
    found = ledger.runs(wanted, before=number(query, "before"), limit=limit)
    strips = [_strip(ledger.entries(**{**asdict(wanted), "run": run.id}, limit=3 * STRIP, oldest_first=True)) for run in found]
    return {
        "entries": [_as_object(run, strip, language) for run, strip in zip(found, strips, strict=True)],
        "next": found[-1].newest if len(found) == limit else None,
        **counted(query, wanted),
    }


def graph(run: str) -> dict[str, Any]:
    """What was run and which node of it made the pictures, as its PNGs tell. Raises `NotThere`."""
    for entry in _entries(run):
        for file in files_of(entry):
            if file.suffix == ".png" and (told := _text_of(file, "prompt")):
                nodes = {name: {part: node[part] for part in ("class_type", "inputs")} for name, node in told.items()}
                return {"prompt": nodes, "node": run.partition("/")[2]}
    raise NotThere("The pictures of this run do not tell how they were made.")


def folder(run: str) -> Path:
    """Where its pictures lie, if they are still there. Raises `NotThere`."""
    for entry in _entries(run):
        for file in files_of(entry):
            if file.resolve().is_relative_to(output_folder().resolve()):
                return file.parent
    raise _gone()


def show(place: Path) -> bool:
    """Opens a folder in the file manager of this computer, if it has one."""
    if sys.platform == "win32":
        os.startfile(place)
        return True
    if sys.platform != "darwin" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    command = ["open" if sys.platform == "darwin" else "xdg-open", str(place)]
    try:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return True


def zipped(run: str) -> Iterator[bytes]:
    """The bytes of a ZIP with all its pictures, as they are read. Raises `NotThere`."""
    files = [file for entry in _entries(run) for file in files_of(entry)]
    if not files:
        raise _gone()
    return _zip(files)


def _strip(entries: Sequence[Entry]) -> list[Entry]:
    """The first few as the plan names them, each with its last try."""
    last = {entry.fingerprint: entry for entry in entries}.values()
    return sorted(last, key=lambda entry: natural(entry.name))[:STRIP]


def _entries(run: str) -> list[Entry]:
    return account.ledger().entries(run=run, state="done", limit=MOST_PICTURES, oldest_first=True)


def _gone() -> NotThere:
    return NotThere("The pictures of this run are not there any more.")


def _as_object(run: RunSum, strip: Sequence[Entry], language: str) -> dict[str, Any]:
    return {
        "run": run.id,
        "row": run.newest,
        "pictures": run.jobs,
        "made": run.made,
        "due": run.due,
        "credits": run.paid,
        "price": run.price,
        "created": run.began,
        "seconds": round(run.ended - run.began, 1) if run.ended is not None else None,
        "offline": any(entry.service == OFFLINE for entry in strip),
        "prompt": strip[0].prompt if strip else "",
        "who": strip[0].who or None if strip else None,
        "entries": [as_object(entry, language) for entry in strip],
    }


def _text_of(file: Path, name: str) -> Any:
    """JSON that a PNG carries under a name; None without it."""
    try:
        with Image.open(file) as opened:
            return json.loads(opened.info.get(name, "null"))
    except (OSError, ValueError):
        return None


class _Sink(io.RawIOBase):
    """What is written, until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _zip(files: Sequence[Path]) -> Iterator[bytes]:
    sink, names = _Sink(), set[str]()
    with zipfile.ZipFile(sink, "w") as archive:  # not packed: pictures are as small as they get
        for file in files:
            name, number = file.name, 1
            while name.lower() in names:
                number += 1
                name = f"{file.stem} ({number}){file.suffix}"
            names.add(name.lower())
            try:
                source, made = file.open("rb"), time.localtime(file.stat().st_mtime)[:6]
            except OSError:
                continue  # it went meanwhile
            with source, archive.open(zipfile.ZipInfo(name, max(made, (1980, 1, 1, 0, 0, 0))), "w") as target:
                while part := source.read(_READ_BYTES):
                    target.write(part)
                    yield sink.take()
    yield sink.take()
