"""Which files of a folder are pictures to work on, and what is left out and why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import BadPicture

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
# What systems and programs put there, and nobody means.
_NOT_MEANT = re.compile(r"\..*|~\$.*|thumbs\.db|ehthumbs.*\.db|desktop\.ini|icon\r|__macosx|.*\.part", re.IGNORECASE | re.DOTALL)
FINISHED = "finished"  # the folder of finished pictures, below that of the originals
FINISHED_STATE = ".finished.json"  # in it: what was finished how
_MADE_HERE = ("contact_sheet.jpg", "index.html", "report.json", "thumbnails")  # the names that a report has
_RESULT = re.compile(r"Task_\d+_(?P<source>.+)_\d+( \(\d+\))?")
# Of an edit within a mask, beside its picture: what came from the service, and the picture that the next area is edited on.
_OF_EDIT = re.compile(r"(?P<source>.+?)(\.area-\d+(\.plain(_\d+)?)?|\.plain(_\d+)?)( \(\d+\))?")
_SHOWN = 8  # names in a sentence

Why = Literal["kind", "link", "folder", "ours"]


class LeftOut(NamedTuple):
    """`why`: a kind that is not read, a link that leads nowhere, a folder in the folder, or made by this program."""

    name: str
    why: Why


class Found(NamedTuple):
    """The pictures of a folder in natural order (2 before 10), and what else is there."""

    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]

    def notices(self) -> tuple[BadPicture, ...]:
        """A sentence for each reason. Empty where nothing was left out but what the program itself wrote for a report."""
        names = {why: [each.name for each in self.left_out if each.why == why] for why in ("kind", "link", "folder", "ours")}
        names["ours"] = [name for name in names["ours"] if name not in (*_MADE_HERE[1:], FINISHED)]
        names["folder"] = [name for name in names["folder"] if name not in _MADE_HERE]
        said = (
            BadPicture("Left out, of a kind that is not read: {names}. Save them as JPEG or PNG.", names=_listed(names["kind"])),
            BadPicture("Left out, links that lead nowhere: {names}.", names=_listed(names["link"])),
            BadPicture("Left out, folders in it: {names}. Name one of them to use its pictures.", names=_listed(names["folder"])),
            BadPicture("Left out, made by this program: {names}. Copy them elsewhere to use them.", names=_listed(names["ours"])),
        )
        return tuple(sentence for sentence in said if sentence.values["names"])


def list_pictures(folder: Path) -> list[Path]:
    """The picture files of `folder` in natural order (2 before 10)."""
    return list(look_at(folder).files)


def look_at(folder: Path, *, is_result: Callable[[Path], bool] | None = None) -> Found:
    """The pictures of a folder, without what was made here: `is_result` says of a file whether a ledger knows it as such.

    Also without a ledger known by their names: a contact sheet, what a report in the folder lists, and `Task_1_photo_1.png`
    beside `photo.jpg`. Raises `OSError` for a folder that cannot be read.
    """
    meant = (path for path in folder.iterdir() if not _NOT_MEANT.fullmatch(path.name))
    there = sorted(meant, key=lambda path: natural(path.name))
    stems, reported = {path.stem for path in there}, _reported(folder)
    files, left_out = list[Path](), list[LeftOut]()
    for path in there:
        reason = _why_not(path)
        if reason is None and (path.name in reported or _is_made_of(path, stems) or (is_result and is_result(path))):
            reason = "ours"
        if reason is None:
            files.append(path)
        else:
            left_out.append(LeftOut(path.name, reason))
    return Found(tuple(files), tuple(left_out))


def look_below(folder: Path, *, skip: Path | None = None, is_result: Callable[[Path], bool] | None = None) -> Found:
    """The same with all folders in it, those of a folder behind its own pictures; `skip` is left out, and what is ours.

    A folder that a link leads to is looked at too, each one once. What is left out is named as seen from `folder`.
    """
    files, left_out, seen = list[Path](), list[LeftOut](), set[Path]()
    todo = [folder]
    while todo:
        here = todo.pop(0)
        if here.resolve() in seen:
            continue
        seen.add(here.resolve())
        found = look_at(here, is_result=is_result)
        files += found.files
        below = [here / each.name for each in found.left_out if each.why == "folder"]
        ours = [path for path in below if skip is not None and path.resolve() == skip.resolve()]
        left_out += [LeftOut(path.relative_to(folder).as_posix(), "ours") for path in ours]
        left_out += [
            LeftOut((here / each.name).relative_to(folder).as_posix(), each.why)
            for each in found.left_out
            if each.why != "folder"
        ]
        todo = [path for path in below if path not in ours] + todo
    return Found(tuple(files), tuple(left_out))


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key under which `photo 2` comes before `photo 10`."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name.lower())]


def _why_not(path: Path) -> Why | None:
    if path.name in _MADE_HERE or (path.name == FINISHED and (path / FINISHED_STATE).is_file()):
        return "ours"
    if path.is_dir():
        return "folder"
    if path.is_symlink() and not path.exists():
        return "link"
    return None if path.suffix.lower() in SUFFIXES and path.is_file() else "kind"


def _is_made_of(path: Path, stems: set[str]) -> bool:
    found = _RESULT.fullmatch(path.stem) or _OF_EDIT.fullmatch(path.stem)
    return found is not None and found["source"] in stems - {path.stem}


def beside_an_edit(path: Path) -> bool:
    """Whether a picture is what an edit within a mask was made of, and that stands beside it."""
    found = _OF_EDIT.fullmatch(path.stem)
    return found is not None and path.with_name(f"{found['source']}.png").is_file()


def _reported(folder: Path) -> set[str]:
    """The names of the pictures that a report in the folder tells of."""
    try:
        jobs = json.loads((folder / "report.json").read_text("utf-8"))["jobs"]
        files = [file for job in jobs for file in (job["file"], *job.get("plain", ())) if file]
        return {Path(file).name for file in files if "/" not in file}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} … ({len(names)})" if len(names) > _SHOWN else shown
