"""Whole files, written under their final name at once: the one place for it. A result never replaces another picture."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from .errors import OutputError
from .pictures import check_result

PART = ".part"
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)


def check_folder(folder: Path, *, longest: str = "probe") -> None:
    """Raises `OutputError` if pictures could not be written into `folder`, which is made if it is missing.

    `longest`: of the names that pictures are to have. Where paths end early, as on Windows, they must fit before they are paid.
    """
    with _output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = _part(folder / longest, uuid.uuid4().hex)
        probe.write_bytes(b"x")
        probe.unlink()


def save(folder: Path, stem: str, owner: str, receive: Callable[[BinaryIO], object]) -> Path:
    """Writes what `receive` brings as `folder/<stem><suffix by its bytes>`; the name gets a number if another picture has it.

    The temporary name is made of `owner`, which stands for a job that nobody else works on: what a process that was killed left
    behind is taken away by the next one.

    Raises `OutputError`, and lets the errors of `receive` and of the check (`DownloadError`) pass. No half file is left.
    """
    with _output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part = _part(folder / stem, owner)
        try:
            part.unlink(missing_ok=True)  # a killed process may have given the same file its final name already
            with open(part, "wb") as file:
                receive(file)
                file.flush()
                os.fsync(file.fileno())
            return _place(part, folder, stem, check_result(part).suffix)
        finally:
            part.unlink(missing_ok=True)


def copy(files: Sequence[Path], folder: Path, stem: str, owner: str) -> tuple[Path, ...]:
    """Pictures made earlier, as files of this run: where they are if that is `folder`, else copied there."""
    if all(path.parent.resolve() == folder.resolve() for path in files):
        return tuple(files)
    return tuple(_copy(path, folder, f"{stem}_{k}", owner) for k, path in enumerate(files, 1))


def _copy(source: Path, folder: Path, stem: str, owner: str) -> Path:
    with _output_errors(folder):
        part = _part(folder / stem, owner)
        try:
            part.unlink(missing_ok=True)
            shutil.copyfile(source, part)
            return _place(part, folder, stem, source.suffix)
        finally:
            part.unlink(missing_ok=True)


def _place(part: Path, folder: Path, stem: str, suffix: str) -> Path:
    """Gives a whole file its name without ever replacing another one, even if two processes try at once."""
    number = 1
    while True:
        path = folder / (f"{stem}{suffix}" if number == 1 else f"{stem} ({number}){suffix}")
        if _is_same(part, path) or _named(part, path):
            return path
        number += 1


def _named(part: Path, path: Path) -> bool:
    """Renames unless the name is taken. A hard link is the one way that is safe against a race and never shows half a file."""
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError:  # no hard links here (FAT, some shares)
        return _renamed(part, path)
    return True


def _renamed(part: Path, path: Path) -> bool:
    """Takes the name with an empty file first: a plain rename would replace what another process put there meanwhile."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    try:
        os.replace(part, path)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def _is_same(part: Path, path: Path) -> bool:
    return path.is_file() and filecmp.cmp(part, path, shallow=False)


def _part(path: Path, owner: str) -> Path:
    return path.with_name(f".{path.name}.{owner[:12]}{PART}")


@contextlib.contextmanager
def _output_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            "{folder} cannot be written: {why}. Free space or choose another output folder.",
            folder=folder,
            why=error.strerror or error,
        ) from None


def write_text(path: Path, text: str) -> None:
    """Replaces a file in one step, so that nobody ever reads half of it. Raises `OutputError`."""
    write_whole(path, text.encode("utf-8", "replace"))  # a file name may hold what is no Unicode


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """The same with bytes. `private`: only the owner may read it, from its first moment on."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}{PART}")
    try:
        path.parent.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
        with open(os.open(draft, _NEW_FILE, 0o600 if private else 0o666), "wb") as file:
            file.write(data)
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        text = "{path} cannot be written: {why}. Check free space and permissions, and close programs that have it open."
        raise OutputError(text, path=path, why=error.strerror or error) from None


def relative(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`, with slashes; absolute where there is no way, as between two Windows drives."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return Path(os.path.abspath(path)).as_posix()
