"""A folder of originals and, below it, their finished files, laid out alike. What was finished the same way is not done again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadPicture, DownloadError, GrsaiError, OutputError
from ..files import write_text, write_whole
from ..pictures import FINISHED, FINISHED_STATE, SUFFIXES, beside_an_edit, check_result, natural
from .finish import Finish
from .picture import finished

_OURS = (FINISHED, "thumbnails", "contact_sheet.jpg")  # beside the originals
WORKERS = max(2, min(4, os.cpu_count() or 1))
_SAVE_SECONDS = 2.0  # what a killed process leaves unsaid is at most what it made in so many


@dataclass(frozen=True)
class FinishedFile:
    """What became of an original: its finished `file`, or why there is none. `cut`: the share of the picture that was cut off."""

    original: Path
    file: Path | None = None
    cut: float = 0.0
    error: GrsaiError | None = None


class Finisher:
    """Finishes originals of one folder; its methods may be called from any thread. `save` writes down what was done.

    A file that it did not make, or that was changed since, is never replaced: the finished one gets a number then.
    """

    def __init__(self, finish: Finish, folder: Path) -> None:
        self.folder = folder / FINISHED
        self._finish = finish
        self._root = folder
        self._lock = threading.Lock()
        self._known, self._made = _read(self.folder / FINISHED_STATE)
        self._saved = time.monotonic()
        self._owners = {str(row["file"]).casefold(): original for original, row in self._known.items()}

    def finish(self, original: Path, *, prompt: str = "") -> FinishedFile:
        """Never raises for a picture: what is wrong with it is told."""
        try:
            stamp = self._stamp(original, prompt)
            row = self._known.get(self._name(original))
            if row is not None and row["stamp"] == stamp and _size(self.folder / row["file"]) == row["bytes"]:  # as it was made
                return FinishedFile(original, self.folder / row["file"], row["cut"])
            made = finished(original, self._finish, prompt=prompt)
            place = self._place(original, made.format, made.data)
            write_whole(self.folder / place, made.data)
        except (BadPicture, OutputError) as error:
            return FinishedFile(original, error=error)
        except OSError as error:
            text = "{name} cannot be read: {why}. Check that it is still there and that no other program locks it."
            return FinishedFile(original, error=BadPicture(text, name=original.name, why=error.strerror or error))
        with self._lock:
            row = {"stamp": stamp, "file": place, "bytes": len(made.data), "cut": round(made.cut, 4)}
            self._known[self._name(original)] = row
            self._made[place] = _digest(made.data)
            due = time.monotonic() - self._saved > _SAVE_SECONDS
        if due:
            with contextlib.suppress(OutputError):  # the last time says so
                self.save()
        return FinishedFile(original, self.folder / place, made.cut)

    def save(self) -> None:
        """Raises `OutputError`."""
        with self._lock:
            if self._known:
                text = json.dumps({"files": self._known, "made": self._made}, ensure_ascii=False, indent=1)
                write_text(self.folder / FINISHED_STATE, text + "\n")
            self._saved = time.monotonic()

    def _name(self, original: Path) -> str:
        return original.relative_to(self._root).as_posix()

    def _stamp(self, original: Path, prompt: str) -> list[Any]:
        """What a finished file depends on."""
        facts = original.stat()
        return [self._finish.mark, facts.st_size, facts.st_mtime_ns, prompt if self._finish.metadata == "keep" else ""]

    def _place(self, original: Path, kind: str, data: bytes) -> str:
        """Where the finished file goes: named as the original, with a number where another one has that name."""
        name = self._name(original)
        stem, number = re.sub(r"\.[^./]*$", "", name), 1
        with self._lock:
            while True:
                place = f"{stem}.{kind}" if number == 1 else f"{stem} ({number}).{kind}"
                if self._owners.setdefault(place.casefold(), name) == name and self._is_ours(place, data):
                    return place
                number += 1

    def _is_ours(self, place: str, data: bytes) -> bool:
        """Whether a name is free, or its file was made here and is as it was made, or damaged. `data`: what is to be there."""
        path = self.folder / place
        try:
            if _digest(path.read_bytes()) in (self._made.get(place), _digest(data)):
                return True
            check_result(path)
        except FileNotFoundError:
            return True
        except DownloadError:  # no whole picture
            return place in self._made
        except OSError:  # a folder, say
            pass
        return False


def finish_all(
    originals: Iterable[Path],
    finisher: Finisher,
    *,
    prompts: Mapping[Path, str],
    stop: threading.Event,
    on_file: Callable[[FinishedFile], object],
) -> list[FinishedFile]:
    """Many at once, in order, until `stop` is set; `on_file` is told of each as it ends, one call at a time."""
    lock = threading.Lock()

    def finish(original: Path) -> FinishedFile | None:
        if stop.is_set():
            return None
        file = finisher.finish(original, prompt=prompts.get(original, ""))
        with lock:
            on_file(file)
        return file

    with ThreadPoolExecutor(WORKERS, "finish") as workers:
        return [file for file in workers.map(finish, originals) if file is not None]


def finished_files(folder: Path) -> dict[Path, Path]:
    """The finished file of each original of a folder that has one."""
    rows, _ = _read(folder / FINISHED / FINISHED_STATE)
    found = {folder / original: folder / FINISHED / row["file"] for original, row in rows.items()}
    return {original: file for original, file in found.items() if file.is_file()}


def originals_in(folder: Path) -> list[Path]:
    """The pictures in a folder of results, and in the folders in it, in natural order. Raises `OSError`."""
    found = list[Path]()
    for here, folders, names in os.walk(folder, onerror=_raised):
        top = Path(here) == folder
        folders[:] = sorted((each for each in folders if not (each.startswith(".") or (top and each in _OURS))), key=natural)
        there = [name for name in sorted(names, key=natural) if not name.startswith(".") and name not in _OURS]
        found += [Path(here, name) for name in there if Path(name).suffix.lower() in SUFFIXES]
    return [path for path in found if not beside_an_edit(path)]


def _raised(error: OSError) -> None:
    raise error


def _read(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The row of each original, and what every file that was ever made held; nothing where the file is missing or damaged."""
    kinds = {"stamp": list, "file": str, "bytes": int, "cut": (int, float)}
    try:
        told = json.loads(path.read_text("utf-8"))
        rows = {
            original: row
            for original, row in told["files"].items()
            if all(isinstance(row.get(name), kind) for name, kind in kinds.items()) and _is_below(row["file"])
        }
        made = {place: digest for place, digest in told.get("made", {}).items() if isinstance(digest, str)}
    except (AttributeError, OSError, ValueError, KeyError, TypeError):
        return {}, {}
    for row in rows.values():  # what was written before there were digests
        if row["file"] not in made and _size(file := path.parent / row["file"]) == row["bytes"]:
            with contextlib.suppress(OSError):
                made[row["file"]] = _digest(file.read_bytes())
    return rows, made


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_below(place: str) -> bool:
    return not re.search(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|:", place)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
