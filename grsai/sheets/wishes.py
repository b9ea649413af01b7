"""What is asked for, row by row: of a sheet, or of a folder of pictures. What a wish leaves open is given from outside."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BadPicture, GrsaiError, WrongJob, WrongSheet
from ..pictures import Reference
from .sheet import Row, Sheet

_FAILED = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)")
_READERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Wish:
    """A row as its cells say it; "" is left open. `row`: its number in the sheet, if it is of one.

    `folder`: where the picture lies below the folder that was named, which the output mirrors. `references` go along behind it.
    `values`: variables by name, as `columns.plain` compares them.
    """

    row: int | None = None
    image: Reference | None = None
    references: tuple[Reference, ...] = ()
    prompt: str = ""
    model: str = ""
    aspect_ratio: str = ""
    image_size: str = ""
    quality: str = ""
    background: str = ""
    seed: str = ""
    count: str = ""
    name: str = ""
    folder: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


Locate = Callable[[str], Path]  # where a path of a sheet leads; raises a `GrsaiError`


def wishes_of(sheet: Sheet, locate: Locate) -> list[Wish]:
    """A wish for each row. Every picture is read once, however many rows name it.

    Raises `WrongSheet` with all that is wrong in any row.
    """
    found, faults = dict[str, Path | GrsaiError](), list[tuple[int, GrsaiError]]()
    for row in sheet.rows:
        for error in _failures(sheet, row):
            faults.append((row.number, error))
        for told in _pictures(sheet, row):
            if told not in found:
                found[told] = _located(told, locate)
    read = read_each(path for path in found.values() if isinstance(path, Path))
    told_of = {told: path if isinstance(path, GrsaiError) else read[path] for told, path in found.items()}
    wishes = []
    for row in sheet.rows:
        pictures = [told_of[told] for told in _pictures(sheet, row)]
        faults += [(row.number, each) for each in pictures if isinstance(each, GrsaiError)]
        wishes.append(_wish(sheet, row, [each for each in pictures if isinstance(each, Reference)]))
    if faults:
        raise faulty(sheet.path, faults)
    return wishes


def _located(told: str, locate: Locate) -> Path | GrsaiError:
    try:
        return locate(told)
    except GrsaiError as error:
        return error


def faulty(path: Path, faults: Sequence[tuple[int, GrsaiError]]) -> WrongSheet:
    text = "{path} has faults ({count}). Nothing was sent; correct them and run again."
    return WrongSheet(text, faults=sorted(faults, key=lambda fault: fault[0]), path=path, count=len(faults))


def read_each(files: Iterable[Path]) -> dict[Path, Reference | GrsaiError]:
    """Each picture as a reference, or why it is none."""

    def read(file: Path) -> Reference | GrsaiError:
        try:
            return Reference.from_file(file)
        except BadPicture as error:
            return error

    wanted = list(dict.fromkeys(files))
    with ThreadPoolExecutor(_READERS, "read") as readers:
        return dict(zip(wanted, readers.map(read, wanted), strict=True))


def beside(folders: Sequence[Path]) -> Locate:
    """Paths as seen from the first of the `folders` from which they lead to a file. Links and `..` are followed."""

    def locate(told: str) -> Path:
        for text in dict.fromkeys((told, told.replace("\\", "/"))):
            path = Path(os.path.expanduser(text))
            for folder in folders:
                if _is_file(folder / path):
                    return Path(os.path.normpath(folder / path))
        raise BadPicture("There is no file {path}. Paths are as seen from {folder}.", path=told, folder=folders[0])

    return locate


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with letters that no name has
        return False


def _pictures(sheet: Sheet, row: Row) -> list[str]:
    """The paths of a row: the picture, then what goes along. The first is "" where there is only the latter."""
    references = [part.strip() for part in re.split(r"[|\r\n]", sheet.cell(row, "references"))]
    return [part for part in (sheet.cell(row, "image"), *references) if part]


def _wish(sheet: Sheet, row: Row, pictures: Sequence[Reference]) -> Wish:
    has_image = bool(sheet.cell(row, "image"))
    told = {name: sheet.cell(row, name) for name in ("prompt", "model", "aspect_ratio", "image_size", "quality", "background")}
    told |= {name: sheet.cell(row, name) for name in ("seed", "count", "name")}
    image = pictures[0] if has_image and pictures else None
    return Wish(row.number, image, tuple(pictures[1:] if has_image else pictures), **told, values=sheet.values(row))


def _failures(sheet: Sheet, row: Row) -> list[GrsaiError]:
    """Cells that mean something and in which a formula failed."""
    found = ((column, sheet.cell(row, column)) for column in sheet.places)
    return [failed(column, text) for column, text in found if has_failed(text)]


def has_failed(text: str) -> bool:
    """Whether a cell shows what a spreadsheet does where a formula fails: nobody wants that in a picture."""
    return _FAILED.fullmatch(text) is not None


def failed(column: str, text: str) -> WrongJob:
    return WrongJob("The column {column} says {value}: a formula in it failed. Correct it.", column=column, value=text)
