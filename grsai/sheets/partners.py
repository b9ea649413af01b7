"""What belongs to each picture: its partner in another folder, or the text of its name."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..errors import GrsaiError, WrongJob
from ..files import read_text

TEXT_SUFFIX = ".txt"
_SHOWN = 8  # names in a sentence


class Partners(NamedTuple):
    """`files`: for each picture its partner, or why it has none. `unused`: files that belong to no picture."""

    files: tuple[Path | GrsaiError, ...]
    unused: tuple[Path, ...]

    def notices(self, folder: Path) -> tuple[GrsaiError, ...]:
        if not self.unused:
            return ()
        names = ", ".join(path.name for path in self.unused[:_SHOWN]) + (" …" if len(self.unused) > _SHOWN else "")
        text = "{folder} holds {count} files that belong to no picture: {names}"
        return (WrongJob(text, folder=folder, count=len(self.unused), names=names),)


def partners(pictures: Sequence[str], folder: Path, files: Sequence[Path]) -> Partners:
    """Of each picture, named `shoes/a` below its own folder, the partner among the `files` of `folder`, which are in order.

    By name if any of the names matches: with its folder, else without. If none does, by position, if there are as many. A
    picture that is named again has the same partner.
    """
    names = list(dict.fromkeys(pictures))
    found = _by_name(names, folder, files)
    if found is None and len(names) == len(files):
        found = dict(zip(names, files, strict=True))
    if found is None:
        text = (
            "{folder} holds {files} pictures for {pictures}, and no name fits. Give the partners the names of the pictures, or"
            " put in just as many: then they go by their order."
        )
        raise WrongJob(text, folder=folder, files=len(files), pictures=len(names))
    used = {path for path in found.values() if isinstance(path, Path)}
    return Partners(tuple(found[name] for name in pictures), tuple(path for path in files if path not in used))


def by_name(pictures: Sequence[str], folder: Path, files: Sequence[Path]) -> Partners:
    """The same with texts and masks, which go by their names alone."""
    names = list(dict.fromkeys(pictures))
    found = _by_name(names, folder, files, always=True) or {}
    used = {path for path in found.values() if isinstance(path, Path)}
    return Partners(tuple(found[name] for name in pictures), tuple(path for path in files if path not in used))


def text_files(folder: Path, *, recursive: bool) -> list[Path]:
    """The texts of a folder. Raises `OSError` for a folder that cannot be read."""
    there = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(path for path in there if path.suffix.lower() == TEXT_SUFFIX and path.is_file())


def text_of_picture(path: Path) -> str:
    """A whole file as one prompt. Raises `WrongJob` and `WrongText`."""
    try:
        text = read_text(path).strip()
    except OSError as error:
        why = error.strerror or str(error)
        raise WrongJob("{path} cannot be read: {why}. Name another file with --prompts.", path=path, why=why) from None
    if not text:
        raise WrongJob("{path} is empty. Write the prompt for its picture into it.", path=path)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _by_name(
    names: Sequence[str], folder: Path, files: Sequence[Path], *, always: bool = False
) -> dict[str, Path | GrsaiError] | None:
    """None where no name fits, unless they `always` count."""
    for key_of in (_with_folder, _alone):
        known: dict[str, list[Path]] = {}
        for path in files:
            known.setdefault(key_of(path.relative_to(folder).with_suffix("").as_posix()), []).append(path)
        if any(key_of(name) in known for name in names):
            return {name: _the_one(name, known.get(key_of(name), []), folder) for name in names}
    return {name: _the_one(name, [], folder) for name in names} if always else None


def _the_one(name: str, found: Sequence[Path], folder: Path) -> Path | GrsaiError:
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        return WrongJob("{name} has more than one partner in {folder}: {names}", name=name, folder=folder, names=names)
    return WrongJob("{name} has no partner in {folder}.", name=name, folder=folder)


def _with_folder(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _alone(name: str) -> str:
    return _with_folder(PurePosixPath(name).name)
