"""Names of files from a template: safe on every system, and no two alike."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from ..jobs import safe_stem

# What Windows opens as a device, with any extension.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_TAKEN = ("finished", "thumbnails")
# Letters that are not seen and turn the direction of others: a name must say what it is.
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def safe_name(text: str) -> str:
    """A file name without suffix that every system takes, of at most 80 letters and 120 bytes."""
    name = safe_stem(_UNSEEN.sub("", " ".join(text.split())))
    return f"_{name}" if _DEVICE.fullmatch(name) else name


def safe_folder(folder: str) -> str:
    """The same for folders with slashes between them. The first one is none that is made for other things beside the pictures."""
    first, *others = [safe_name(part) for part in folder.split("/") if part not in ("", ".")] or [""]
    return "/".join([f"{first}_" if alike(first) in _TAKEN else first, *others])


def alike(name: str) -> str:
    """What is equal for two names that some system takes for the same."""
    return unicodedata.normalize("NFC", name).casefold()


class Numbers:
    """Counts the names that would be equal: `{k}` of the first is 1."""

    def __init__(self) -> None:
        self._seen = Counter[str]()

    def next(self, name: str) -> int:
        self._seen[alike(name)] += 1
        return self._seen[alike(name)]
