"""Picks: the kept pictures of a folder, finished ones where there are some, copied, moved or put into a ZIP."""

from __future__ import annotations

import os
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..files import check_folder, copy_one
from .album import Album, Picture
from .verdicts import name_of

_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Pick:
    """A kept picture. `file`: what is handed out, `place`: under which name, with slashes between folders."""

    picture: Picture
    file: Path
    place: str


def picks_of(album: Album, finished: Mapping[Path, Path], *, min_stars: int = 0) -> list[Pick]:
    """The kept pictures with at least so many stars, in order."""
    kept = [picture for picture in album if picture.verdict.verdict == "keep" and picture.verdict.stars >= min_stars]
    found: list[Pick] = []
    taken: set[str] = set()
    for picture in kept:
        file = finished.get(picture.file, picture.file)
        folder = picture.file.parent.relative_to(album.folder)
        place = _free((folder / file.name).as_posix(), taken)
        taken.add(place.casefold())
        found.append(Pick(picture, file, place))
    return found


def copied(picks: Sequence[Pick], folder: Path) -> list[Path]:
    """Copies of them in a folder. One that is there already, byte for byte, is left; no other file is replaced."""
    check_folder(folder)
    return [_copied(pick, folder) for pick in picks]


def moved(picks: Sequence[Pick], folder: Path, album: Album) -> list[Path]:
    """The same, and then the pictures are gone from their folder: the ledger knows where they are now.

    The original of a finished file goes along with it, into the folder `originals`.
    """
    check_folder(folder)
    found: list[Path] = []
    now: dict[str, Path] = {picture.name: picture.file for picture in album}
    for pick in picks:
        found.append(_copied(pick, folder))
        now[pick.picture.name] = found[-1] if pick.file == pick.picture.file else _copied(_original(pick), folder)
    for entry in {pick.picture.entry.row: pick.picture.entry for pick in picks}.values():  # before anything is taken away
        files = [now.get(name_of(entry.task_id or "", k), path) for k, (path, _) in enumerate(entry.files, 1)]
        album.ledger.copied(entry.row, files)
    for file in dict.fromkeys(file for pick in picks for file in (pick.file, pick.picture.file)):
        if file.parent.resolve() != folder.resolve():
            file.unlink(missing_ok=True)
    return found


def zipped(picks: Sequence[Pick]) -> Iterator[bytes]:
    """A ZIP of them, a piece after the other, so that it is never in memory as a whole. Nothing is compressed: pictures are."""
    out = _Out()
    with zipfile.ZipFile(out, "w") as archive:  # type: ignore[call-overload]  it needs `write` only
        for pick in picks:
            with open(pick.file, "rb") as file:
                when = time.localtime(os.fstat(file.fileno()).st_mtime)[:6]
                name = pick.place.encode("utf-8", "replace").decode()
                with archive.open(zipfile.ZipInfo(name, max(when, (1980, 1, 1, 0, 0, 0))), "w") as entry:
                    while piece := file.read(_CHUNK):
                        entry.write(piece)
                        yield out.taken()
    yield out.taken()


class _Out:
    """What was written and not taken yet."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _original(pick: Pick) -> Pick:
    file = pick.picture.file
    return Pick(pick.picture, file, (Path("originals") / Path(pick.place).with_name(file.name)).as_posix())


def _copied(pick: Pick, folder: Path) -> Path:
    place = folder / pick.place
    place.parent.mkdir(parents=True, exist_ok=True)
    return copy_one(pick.file, place.parent, place.stem, uuid.uuid4().hex)


def _free(place: str, taken: set[str]) -> str:
    """The name, with a number where another pick has it."""
    path, number = Path(place), 1
    while place.casefold() in taken:
        number += 1
        place = path.with_name(f"{path.stem} ({number}){path.suffix}").as_posix()
    return place
