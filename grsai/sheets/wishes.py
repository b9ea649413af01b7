"""What is asked for, row by row: of a sheet, or of a folder of pictures. What a wish leaves open is given from outside."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadPicture, GrsaiError, WrongJob
from ..pictures import Reference
from .sheet import Row, Sheet

if TYPE_CHECKING:
    from ..masks import Masked, MaskFile

_FAILED = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)")
_TEXTS = ("prompt", "model", "aspect_ratio", "image_size", "quality", "background", "seed", "count", "name")
_READERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Wish:
    """A row as its cells say it; "" is left open. `row`: its number in the sheet, if it is of one.

    `folder`: where the picture lies below the folder that was named, which the output mirrors. `references` go along behind it.
    `mask`: where alone the picture may change. `values`: variables by name, as `columns.plain` compares them. `faults`: what is
    known to be wrong with it.
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
    mask: MaskFile | Masked | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[GrsaiError, ...] = ()

    def with_fault(self, error: GrsaiError) -> Wish:
        return replace(self, faults=(*self.faults, error))


Locate = Callable[[str], Path]  # where a path of a sheet leads; raises a `GrsaiError`
Found = Mapping[Path, Reference | GrsaiError]


def read_each(files: Iterable[Path]) -> Found:
    """Each picture as a reference, or why it is none."""

    def read(file: Path) -> Reference | GrsaiError:
        try:
            return Reference.from_file(file)
        except BadPicture as error:
            return error

    wanted = list(dict.fromkeys(files))
    with ThreadPoolExecutor(_READERS, "read") as readers:
        return dict(zip(wanted, readers.map(read, wanted), strict=True))


def wishes_of(sheet: Sheet, locate: Locate, read: Callable[[Iterable[Path]], Found] = read_each) -> list[Wish]:
    """A wish for each row, with what is wrong with its pictures. Every picture is read once, however many rows name it."""
    told = dict.fromkeys(each for row in sheet.rows for each in _pictures(sheet, row))
    located = {each: _located(each, locate) for each in told}
    found = read(path for path in located.values() if isinstance(path, Path))
    pictures = {each: path if isinstance(path, GrsaiError) else found[path] for each, path in located.items()}
    return [
        _with_mask(_wish(sheet, row, [pictures[each] for each in _pictures(sheet, row)]), sheet.cell(row, "mask"), locate)
        for row in sheet.rows
    ]


def _located(told: str, locate: Locate) -> Path | GrsaiError:
    try:
        return locate(told)
    except GrsaiError as error:
        return error


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


def _wish(sheet: Sheet, row: Row, pictures: Sequence[Reference | GrsaiError]) -> Wish:
    """`pictures`: those that the row names, in order."""
    place = 1 if sheet.cell(row, "image") else 0
    image, *_ = *pictures[:place], None
    return Wish(
        row.number,
        image if isinstance(image, Reference) else None,
        tuple(each for each in pictures[place:] if isinstance(each, Reference)),
        **{name: sheet.cell(row, name) for name in _TEXTS},
        mask=None,
        values=sheet.values(row),
        faults=(*_failures(sheet, row), *(each for each in pictures if isinstance(each, GrsaiError))),
    )


def _with_mask(wish: Wish, told: str, locate: Locate) -> Wish:
    """`told`: the path of a mask, or `alpha`; "" where there is none."""
    if not told or has_failed(told):
        return wish
    if wish.image is None:
        return wish if wish.faults else wish.with_fault(WrongJob("It has a mask and no picture. Name one in the column image."))
    from ..masks import ALPHA, MaskFile

    if told.casefold() == ALPHA:
        return replace(wish, mask=MaskFile())
    path = _located(told, locate)
    return wish.with_fault(path) if isinstance(path, GrsaiError) else replace(wish, mask=MaskFile.at(path))


def _failures(sheet: Sheet, row: Row) -> list[GrsaiError]:
    """Cells that mean something and in which a formula failed."""
    found = ((column, sheet.cell(row, column)) for column in sheet.places)
    return [failed(column, text) for column, text in found if has_failed(text)]


def has_failed(text: str) -> bool:
    """Whether a cell shows what a spreadsheet does where a formula fails: nobody wants that in a picture."""
    return _FAILED.fullmatch(text) is not None


def failed(column: str, text: str) -> WrongJob:
    return WrongJob("The column {column} says {value}: a formula in it failed. Correct it.", column=column, value=text)
