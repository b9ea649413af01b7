"""What a `jobs` wire brings: pictures and texts row by row, as a sheet or a folder says them. Batch Banana fills in the rest."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..grsai import sheets
from ..grsai.errors import BadPicture, GrsaiError, WrongJob, WrongSheet
from ..grsai.models import Catalogue, Model
from ..grsai.pictures import Reference
from ..grsai.sheets import Given, Planned, Sheet, Wish
from ..grsai.texts import say
from . import paths
from .inputs import Choice

MOST_TOLD, _LETTERS = 6, 80  # rows that a node shows, and letters of a prompt
Read = Callable[[Iterable[Path]], Mapping[Path, Reference | GrsaiError]]


@dataclass(frozen=True)
class Wishes:
    """`rows` as they stand there; what they leave open comes from the node that makes them. `sheet`: where they stand."""

    rows: tuple[Wish, ...]
    sheet: Sheet | None = None
    notices: tuple[GrsaiError, ...] = ()  # what should be known although nothing is wrong

    @property
    def faults(self) -> list[tuple[int | None, GrsaiError]]:
        """What is wrong, as far as it shows before the node that makes them fills in the rest, with the rows of a sheet."""
        of_rows = [(wish.row, fault) for wish in self.rows for fault in wish.faults]
        return sorted([*(self.sheet.faults if self.sheet else ()), *of_rows], key=lambda fault: fault[0] or 0)


@dataclass(frozen=True)
class Wire:
    """What goes through a wire. Pictures are read where they are needed: a node may be run for its other outputs alone."""

    read: Callable[[], Wishes]


def of_wire(value: Any) -> Wishes | None:
    """What came by the wire, as a node that takes lists gets it. Raises `WrongJob` for what is none, and `BadPicture`."""
    match value:
        case None:
            return None
        case [Wire() as wire]:
            return wire.read()
    raise WrongJob("jobs takes one wire, of Load Banana Sheet or of Load Banana Folder. Wire one of them into it.")


def of_sheet(file: str, read: Read = sheets.read_each) -> Wishes:
    """The rows of a sheet below ComfyUI's input folder. Raises `WrongSheet` for what is none, and `WrongText`."""
    path = paths.sheet_file(file)
    try:
        facts = path.stat()
        sheet = _sheet(path, facts.st_mtime_ns, facts.st_size)
    except OSError as error:
        raise WrongSheet("{path} cannot be read: {why}.", path=path, why=error.strerror or error) from None
    return Wishes(tuple(sheets.wishes_of(sheet, paths.beside(path), read)), sheet)


@functools.lru_cache(2)
def _sheet(path: Path, mtime_ns: int, size: int) -> Sheet:
    """Kept while it is the same file: ComfyUI asks before each run whether it is."""
    return sheets.read_sheet(path)


def of_files(files: Sequence[Path], texts: Path | None, prompts: Sequence[str], read: Read = sheets.read_each) -> Wishes:
    """Each picture that can be read, with the text of its name in the folder `texts`, or with the fault that it has none; or with
    each of the prompts, and without any with those of the node that makes them.
    """
    found = read(files)
    pictures = [picture for file in files if isinstance(picture := found[file], Reference)]
    if texts is None:
        return Wishes(tuple(Wish(image=picture, prompt=prompt) for picture in pictures for prompt in prompts or [""]))
    rows, partners = sheets.with_texts([Wish(image=picture) for picture in pictures], texts, paths.texts_in(texts))
    return Wishes(tuple(rows), notices=partners.notices(texts))


def of_pairs(pictures: Sequence[Reference], partners: Sequence[Sequence[Reference]], shared: Sequence[Reference]) -> Wishes:
    """Each picture with its own partners, then what all share."""
    rows = (Wish(image=one, references=(*others, *shared)) for one, others in zip(pictures, partners, strict=True))
    return Wishes(tuple(rows))


def planned(wishes: Wishes, choice: Choice, given: Given, *, shared: Sequence[Reference]) -> Planned:
    """The jobs in order. `shared` go along with rows that name no references.

    Raises `WrongSheet` with all that is wrong in any row, and `WrongJob`.
    """
    given = replace(given, prompts_from="prompts")
    rows = [_filled(wish, choice, given.catalogue, shared) for wish in wishes.rows]
    return sheets.planned(rows, given, sheet=wishes.sheet)


def _filled(wish: Wish, choice: Choice, catalogue: Catalogue, shared: Sequence[Reference]) -> Wish:
    """What the widgets of the node's model say, where the row does not. A row with another model takes of it what that has."""
    model = _named(wish.model, catalogue) or choice.model
    is_the_nodes = model.id == choice.model.id
    said = {"aspect_ratio": model.ratio, "image_size": model.size, "quality": model.quality, "background": model.background}
    values = {name: getattr(choice, name) or "" for name, check in said.items()}
    taken = {
        name: value for name, value in values.items() if not getattr(wish, name) and (is_the_nodes or _has(said[name], value))
    }
    return replace(wish, references=wish.references or tuple(shared), **taken)


def _named(name: str, catalogue: Catalogue) -> Model | None:
    try:
        return catalogue.named(name) if name else None
    except WrongJob:  # told with its row
        return None


def _has(check: Callable[[str], object], value: str) -> bool:
    try:
        check(value)
    except WrongJob:
        return False
    return True


def by_facts(files: Iterable[Path]) -> dict[Path, Reference | GrsaiError]:
    """Pictures known by size and time alone: enough to count them, and to see that one has changed."""
    return {file: _by_facts(file) for file in files}


def _by_facts(file: Path) -> Reference | GrsaiError:
    try:
        facts = file.stat()
    except OSError as error:
        return BadPicture("{name} cannot be read: {why}.", name=file.name, why=error.strerror or error)
    return Reference(file.stem, f"{file} {facts.st_mtime_ns} {facts.st_size}", path=file)


def fingerprint(wishes: Wishes) -> str:
    """Another one where a row or a picture is another."""
    rows = ((wish, [str(fault) for fault in wish.faults]) for wish in wishes.rows)
    return hashlib.sha256(
        repr([(replace(wish, faults=()), faults) for wish, faults in rows]).encode("utf-8", "replace")
    ).hexdigest()


def as_object(wishes: Wishes) -> dict[str, Any]:
    """What a node shows of a sheet: how many rows and pictures, and the first rows, and faults by their rows."""
    pictures = {each.digest for wish in wishes.rows for each in (wish.image, *wish.references) if each}
    faults = wishes.faults
    return {
        "rows": len(wishes.rows),
        "pictures": len(pictures),
        "first": [_row_object(wish) for wish in wishes.rows[:MOST_TOLD]],
        "faults": faults[:MOST_TOLD],
        "more_faults": max(0, len(faults) - MOST_TOLD),
    }


def _row_object(wish: Wish) -> dict[str, Any]:
    names = [each.name for each in (wish.image, *wish.references) if each]
    first = next((each.path for each in (wish.image, *wish.references) if each), None)
    return {
        "row": wish.row,
        "source": paths.view_of(first) if first else None,
        "name": "+".join(names),
        "model": wish.model,
        "prompt": short(wish.prompt),
    }


def told(wishes: Wishes, language: str) -> str:
    """The same in words."""
    said = as_object(wishes)
    lines = [say("Rows: {rows} · pictures: {pictures}", language, rows=said["rows"], pictures=said["pictures"])]
    lines += [say("Row {row}: {why}", language, row=row, why=fault.say(language)) for row, fault in said["faults"]]
    if said["more_faults"]:
        lines.append(say("… and {count} more", language, count=said["more_faults"]))
    firsts = ((row["row"], [row[part] for part in ("name", "model", "prompt") if row[part]]) for row in said["first"])
    return "\n".join([*lines, *(" · ".join([str(number), *parts]) for number, parts in firsts)])


def short(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= _LETTERS else f"{line[:_LETTERS]}…"
