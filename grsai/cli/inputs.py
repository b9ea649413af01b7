"""What a batch is made of: the prompts of a file, the pictures of a folder. What is left out is said before anything is paid."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import BadPicture, WrongJob, WrongSetting
from ..files import read_text
from ..jobs import split_prompts
from ..ledger import Ledger
from ..pictures import SUFFIXES, Found, LeftOut, Reference, look_at, look_below, read_all
from ..settings import path_of, started_as
from .options import IMAGES, OUTPUT, PROMPTS, Options

DEMO = Path(__file__).resolve().parents[1] / "demo"
DEMO_OUTPUT = "demo"  # below the default output
_SHOWN = 8  # names in a sentence
Notice = Callable[[BadPicture], object]


class Pictures(NamedTuple):
    """The pictures of `folder` in order, and how many could not be read and were skipped."""

    references: tuple[Reference, ...]
    skipped: int
    folder: Path
    of: int = 0  # how many the folder has, of which they may be a sample

    def folder_of(self, reference: Reference) -> str:
        """Where a picture lies below the folder: names with slashes between them, none for one that lies there itself."""
        below = reference.path.parent.relative_to(self.folder).as_posix() if reference.path else "."
        return "" if below == "." else below


def output_of(options: Options) -> Path:
    """Where the pictures go. Those of the demo lie apart: their names would stand in the way of one's own."""
    return path_of(options.output or (f"{OUTPUT}/{DEMO_OUTPUT}" if options.demo else OUTPUT)).absolute()


def prompts_of(options: Options) -> list[str]:
    if options.prompt is not None:
        return [options.prompt]
    path = path_of(options.prompts or (DEMO / "text" / "text.txt" if options.demo else PROMPTS))
    if path.suffix.lower() in (".xlsx", ".xlsm", ".jsonl"):
        raise WrongJob("{path} is a sheet. Name it with --jobs in place of --prompts.", path=path)
    if path.suffix.lower() in SUFFIXES:
        raise WrongJob("{path} is a picture. --prompts takes a text; pictures go in with --images, by their folder.", path=path)
    try:
        prompts = split_prompts(read_text(path))
    except FileNotFoundError:
        raise _no_prompts(path, named=options.prompts is not None) from None
    except OSError as error:
        text = "{path} cannot be read: {why}. Name another file with --prompts."
        raise WrongJob(text, path=path, why=error.strerror or error) from None
    if not prompts:
        raise WrongJob("{path} holds no prompt. Write one prompt per line into it.", path=path)
    return prompts


def _no_prompts(path: Path, *, named: bool) -> WrongJob:
    """Where the file was looked for, and what may be meant."""
    path, here = path.absolute(), Path.cwd()
    near = next((each for each in (path.with_name(f"{path.name}.txt"), path.with_suffix("")) if each.is_file()), None)
    if near is not None:
        text = "There is no file {path}, but {near}: Windows hides such endings. Rename it, or name it with --prompts."
        return WrongJob(text, path=path, near=near.name)
    if named:
        text = "There is no file {path}. Make it, with one prompt per line, or name another file with --prompts."
        return WrongJob(text, path=path)
    text = (
        "There is no file {path}. You are in {folder}: start in the folder with your pictures and prompts, or name the file with"
        " --prompts. Or make it all here: {program} init"
    )
    return WrongJob(text, path=path, folder=here, program=started_as())


def pictures_of(options: Options, ledger: Ledger, notice: Notice) -> Pictures:
    """The default folder may be missing or empty: then the prompts alone are the plan. `notice` is told what is left out."""
    named = options.images is not None
    folder = path_of(options.images or (DEMO / "image" if options.demo else IMAGES))
    if folder.is_file():
        text = "{path} is a file, and --images takes a folder. Put it into one of its own, and name that."
        raise BadPicture(text, path=folder)
    if not named and not folder.is_dir():
        return Pictures((), 0, folder)
    found = _look_at(folder, ledger, options)
    if not found.files and (named or found.left_out):
        raise _no_picture(folder, found.left_out)
    for each in found.notices():
        notice(each)
    if found.files and folder.absolute() == output_of(options):
        text = "The pictures are made in {folder}, beside their originals. They are never taken for these."
        notice(BadPicture(text, folder=folder))
    files = found.files if options.sample is None else spread(found.files, sample_of(options))
    references, skipped = _read(files, notice, skip=options.skip_unreadable)
    return Pictures(references, skipped, folder, len(found.files))


def told(path: Path) -> str:
    """A path as it was typed, and where that is: the working folder may be another one than is thought."""
    return str(path) if path.is_absolute() else f"{path} ({path.absolute()})"


def sample_of(options: Options) -> int:
    text = options.sample or ""
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:9]) < 10**8:
        allowed = WrongSetting("a whole number from {low} to {high}", low=1, high=99_999_999)
        raise WrongSetting("{name} must be {allowed}, not {value}.", name="--sample", allowed=allowed, value=text[:40])
    return int(text[:9])


def spread(files: Sequence[Path], count: int) -> Sequence[Path]:
    """So many of them, from the first to the last one, equally far apart."""
    if count >= len(files):
        return files
    if count == 1:
        return [files[len(files) // 2]]
    return [files[round(place * (len(files) - 1) / (count - 1))] for place in range(count)]


def files_of(folder: Path, options: Options) -> Sequence[Path]:
    """The pictures of another folder that goes along with the first one."""
    try:
        return (look_below if options.recursive else look_at)(folder).files
    except OSError as error:
        text = "The folder {folder} cannot be read: {why}. Name another with --with."
        raise BadPicture(text, folder=told(folder), why=error.strerror or error) from None


def _look_at(folder: Path, ledger: Ledger, options: Options) -> Found:
    def is_result(path: Path) -> bool:
        """Whether the ledger knows a file as a picture that was made; only the name of one is asked for."""
        stem, _, number = re.sub(r" \(\d+\)$", "", path.stem).rpartition("_")
        if not (number.isdecimal() and path.stem.startswith("Task_")):
            return False
        there = path.absolute()
        return any(file == there for entry in ledger.entries(text=stem, state="done") for file, _ in entry.files)

    try:
        if options.recursive:
            return look_below(folder, skip=output_of(options), is_result=is_result)
        return look_at(folder, is_result=is_result)
    except OSError as error:
        text = "The folder {folder} cannot be read: {why}. Name another with --images."
        raise BadPicture(text, folder=told(folder), why=error.strerror or error) from None


def _no_picture(folder: Path, there: Sequence[LeftOut]) -> BadPicture:
    kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
    names = ", ".join(each.name for each in there[:_SHOWN]) + (f" … ({len(there)})" if len(there) > _SHOWN else "")
    text = "The folder {folder} holds no picture ({kinds}). Put some there or name another with --images."
    if there and all(each.why == "folder" for each in there):
        text = "The folder {folder} holds no picture itself, only folders: {names}. Add --recursive to take what is in them."
    elif there:
        text = (
            "The folder {folder} holds no picture ({kinds}), only {names}. Save these as JPEG or PNG, or name another with"
            " --images."
        )
    return BadPicture(text, folder=told(folder), kinds=kinds, names=names)


def _read(files: Sequence[Path], notice: Notice, *, skip: bool) -> tuple[tuple[Reference, ...], int]:
    """Those that can be read, and how many cannot, all of which are named at once."""
    read = read_all(files)
    if not read.failures:
        return read.references, 0
    if not skip and len(read.failures) == 1:
        raise read.failures[0].within("{why} To make the others all the same, add --skip-unreadable.")
    for each in read.failures:
        notice(each)
    if not skip:
        text = (
            "{count} of {total} pictures cannot be read. Nothing was sent. To make the others all the same, add"
            " --skip-unreadable."
        )
        raise BadPicture(text, count=len(read.failures), total=len(files))
    if not read.references:
        raise BadPicture("None of the {total} pictures can be read. Nothing was sent.", total=len(files))
    return read.references, len(read.failures)
