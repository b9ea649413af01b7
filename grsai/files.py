"""Files of the user: texts are read here, whole files written under their final name at once. No picture replaces another."""

from __future__ import annotations

import codecs
import contextlib
import errno
import filecmp
import os
import shutil
import threading
import types
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from .errors import DownloadError, NotKept, OutputError, WrongText

PART = ".part"
_NO_METADATA: Mapping[str, str] = types.MappingProxyType({})
UNREADABLE = ".unreadable"
_MOST_TEXT = 64 << 20  # bytes; what is larger is no text that a user wrote
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)

# The longer mark first: one begins like the other.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXTS = ((b"{\\rtf", "RTF"), (b"PK\x03\x04", "Word or ZIP"), (b"\xd0\xcf\x11\xe0", "Word"), (b"%PDF", "PDF"))
_OF_NO_SCRIPT = ("COMBINING", "MODIFIER", "MICRO", "FEMININE", "MASCULINE")  # they stand beside letters of any


def read_text(path: Path) -> str:
    """The text of a user's file: UTF-8, or UTF-16 as Windows writes it, with a byte order mark or without.

    Raises `OSError`, and `WrongText` for what is in another encoding or no text.
    """
    with open(path, "rb") as file:
        data = file.read(_MOST_TEXT + 1)
    if len(data) > _MOST_TEXT:
        raise WrongText("{path} is larger than {most} MB. Name a text file.", path=path, most=_MOST_TEXT >> 20)
    return text_of(data, path)


def text_of(data: bytes, path: Path) -> str:
    """The same of bytes that were read already; errors name `path`."""
    for mark, kind in _NO_TEXTS:
        if data.startswith(mark):
            raise WrongText("{path} is no plain text but a {kind} file. Save it as plain text, UTF-8.", path=path, kind=kind)
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    if encoding is None and data.count(0) * 4 > len(data):  # every other byte of a text in Latin letters
        encoding = _utf_16(data)
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeError:
        text = _of_other_letters(data)
        if text is None or encoding:
            raise _wrong_encoding(data, path) from None
        return text
    if encoding is None and _mixes_scripts(text):
        raise _wrong_encoding(data, path)
    return text


def _utf_16(data: bytes) -> str:
    return "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"


def _of_other_letters(data: bytes) -> str | None:
    """UTF-16 without a byte order mark where few letters are Latin: of these, the line ends, every other byte is 0."""
    try:
        text = data.decode(_utf_16(data)) if b"\0" in data else ""
    except UnicodeError:
        return None
    return text if text and not any(unicodedata.category(letter) in ("Cn", "Co") or letter == "\0" for letter in text) else None


def _wrong_encoding(data: bytes, path: Path) -> WrongText:
    try:
        data.decode("gb18030")
    except UnicodeError:
        return WrongText("{path} is not UTF-8 text. Save it as UTF-8 and run again.", path=path)
    text = "{path} is not UTF-8 text; it seems to be {encoding}. Save it as UTF-8 and run again."
    return WrongText(text, path=path, encoding="GBK")


def _mixes_scripts(text: str) -> bool:
    """Whether letters of two scripts stand side by side, as in no language: so a few Chinese letters in GBK read as UTF-8.

    Those of GBK that pass for UTF-8 at all come out as letters below U+0800 of chance scripts. A byte order mark takes a text
    out of doubt. One such letter alone cannot be told from an accent.
    """
    if any(letter > "\u07ff" for letter in text):
        return False
    before = ""
    for letter in text:
        script = _script(letter)
        if script == "" or (before and script and before != script):
            return True
        before = script or ""
    return False


def _script(letter: str) -> str | None:
    """The first word of a letter's name, which is its script; None for what belongs to none; "" for what does not exist."""
    if letter < "\x80":
        return None
    if unicodedata.category(letter) == "Cn":
        return ""
    script = unicodedata.name(letter, "").partition(" ")[0]
    return script if unicodedata.category(letter)[0] in "LM" and script not in _OF_NO_SCRIPT else None


def check_folder(folder: Path, *, longest: str = "probe") -> None:
    """Raises `OutputError` if pictures could not be written into `folder`, which is made if it is missing.

    `longest`: of the names that pictures are to have. Where paths end early, as on Windows, they must fit before they are paid.
    """
    with _output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = _part(folder / longest, uuid.uuid4().hex)
        probe.write_bytes(b"x")
        probe.unlink()


def save(
    folder: Path, stem: str, owner: str, receive: Callable[[BinaryIO], object], *, metadata: Mapping[str, str] = _NO_METADATA
) -> Path:
    """Writes what `receive` brings as `folder/<stem><suffix by its bytes>`; the name gets a number if another picture has it.

    The temporary name is made of `owner`, which stands for a job that nobody else works on: what a process that was killed left
    behind is taken away by the next one. `metadata`: what a PNG is to carry beside its pixels, by name.

    A picture of a kind that is not read here is kept as it came. Raises `OutputError`, and lets the errors of `receive` and of
    the check (`DownloadError`) pass. What arrived and is no whole picture waits for `keep_damaged`; else no half file is left.
    """
    from .pictures import (
        WithMetadata,
        check_result,
        is_page,
        suffix_of,
    )  # with it comes Pillow, which reading a text does without

    with _output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part = _part(folder / stem, owner)
        damaged = False
        try:
            part.unlink(missing_ok=True)  # a killed process may have given the same file its final name already
            with open(part, "wb") as file:
                target = WithMetadata(file, metadata)
                try:
                    receive(cast(BinaryIO, target))  # of which it only uses `write`
                finally:
                    target.finish()
                file.flush()
                os.fsync(file.fileno())
            try:
                suffix = check_result(part)
            except NotKept:
                suffix = suffix_of(part) or UNREADABLE
            except DownloadError:
                damaged = not is_page(part)
                raise
            return _place(part, folder, stem, suffix)
        finally:
            if not damaged:
                part.unlink(missing_ok=True)


def keep_damaged(folder: Path, stem: str, owner: str) -> Path | None:
    """What `save` of the same names received last and could not read, as `folder/<stem>.png.unreadable`: it may be all there is.

    None if there is nothing. To be called when no other try follows.
    """
    from .pictures import suffix_of

    part = _part(folder / stem, owner)
    with _output_errors(folder):
        try:
            return _place(part, folder, stem, suffix_of(part) + UNREADABLE) if part.is_file() else None
        finally:
            part.unlink(missing_ok=True)


def copy(files: Sequence[Path], folder: Path, stem: str | Callable[[int], str], owner: str) -> tuple[Path, ...]:
    """Pictures made earlier, as files of this run: where they are if that is `folder`, else copied there.

    `stem`: what they are called before `_1`, `_2` …, or a function that says what the k-th is called.
    """
    if all(path.parent.resolve() == folder.resolve() for path in files):
        return tuple(files)
    called = (lambda k: f"{stem}_{k}") if isinstance(stem, str) else stem
    return tuple(copy_one(path, folder, called(k), owner) for k, path in enumerate(files, 1))


def copy_one(source: Path, folder: Path, stem: str, owner: str) -> Path:
    """A file as `folder/<stem><its suffix>`. The name gets a number if a file with other bytes has it."""
    with _output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
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
        if error.errno in (errno.EMFILE, errno.ENFILE):  # it passes: other threads let theirs go
            text = "This computer has no file handle left to write into {folder}. Make fewer pictures at once or raise its limit."
            raise DownloadError(text, folder=folder) from None
        text = "{folder} cannot be written: {why}. Free space or choose another output folder."
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            text = "{folder} cannot be written: a file has that name. Rename it, or choose another output folder."
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            text = "{folder} cannot be written: {why}. Get the right to write there, or choose another output folder."
        raise OutputError(text, folder=folder, why=error.strerror or error) from None


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
    if path.parent == folder:  # as nearly all are, of thousands
        return path.name
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return Path(os.path.abspath(path)).as_posix()
