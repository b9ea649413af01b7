"""Where the program keeps what it must remember, whatever folder a command is started in."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote

from .redact import redact

HERE = ".grsai"  # beside the work, where earlier versions kept the ledger
LEDGER = "ledger.sqlite3"
BESIDE_WORK, BESIDE_PROGRAM, USERS = "found beside the work", "found beside the program", "data folder of the user"
DEFAULT = "default"
_URL = re.compile(r"\s*postgres(ql)?://", re.IGNORECASE)
_WORDS = re.compile(r"\s*(service|host|hostaddr|port|dbname|user|password)\s*=\s*\S")  # as `host=db.example dbname=studio`
_PASSWORD = re.compile(r"(?:://[^\s:@/?]*:([^\s]*)@)|password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^&\s]+))", re.IGNORECASE)


class Address:
    """Where a PostgreSQL server keeps the ledger, as libpq reads it. Its password does not show: only `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    @staticmethod
    def is_one(text: str) -> bool:
        """Whether a text is such an address, and not the name of a file."""
        return bool(_URL.match(text) or (_WORDS.match(text) and not os.path.exists(text)))

    def reveal(self) -> str:
        return self._text

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password as it is written, and as it is meant."""
        found = [word for groups in _PASSWORD.findall(self._text) for word in groups if word]
        return (*found, *(unquote(word) for word in found))

    def __str__(self) -> str:
        return redact(self._text)

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def data_folder(environment: Mapping[str, str]) -> Path | None:
    """`GRSAI_HOME`, else a folder where the system keeps the data of programs; None if the environment names no home."""
    if named := environment.get("GRSAI_HOME"):
        return Path(named).expanduser()
    if sys.platform == "win32":
        local, parts = environment.get("LOCALAPPDATA") or environment.get("USERPROFILE"), ()
    elif sys.platform == "darwin":
        local, parts = environment.get("HOME"), ("Library", "Application Support")
    else:
        local, parts = environment.get("XDG_DATA_HOME"), ()
        if not local or not os.path.isabs(local):
            local, parts = environment.get("HOME"), (".local", "share")
    return Path(local, *parts, "grsai") if local and os.path.isabs(local) else None


def default_ledger(work: Iterable[Path], own: Iterable[Path], data: Path | None) -> tuple[Path, str]:
    """The ledger that counts where no setting names one, and why it is that one.

    One that lies beside the work or the program goes on being used. All else is remembered in one place, so that the same job is
    known from every folder.
    """
    for folders, why in ((work, BESIDE_WORK), (own, BESIDE_PROGRAM)):
        for folder in folders:
            if os.path.isdir(folder / HERE):  # False where a name is too long, too
                return folder / HERE / LEDGER, why
    if data is not None and _can_be_written(data):
        return data / LEDGER, USERS
    return Path(HERE, LEDGER), DEFAULT


def _can_be_written(folder: Path) -> bool:
    there = next((each for each in (folder, *folder.parents) if each.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK)
