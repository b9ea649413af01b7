"""What the user reads, in English and Chinese. The English sentence stands in the code; the Chinese one is looked up by it."""

from __future__ import annotations

import functools
import json
import locale
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")


def say(text: str, language: str = "en", /, **values: Any) -> str:
    """`text` in `language`, its {places} filled. A sentence without a translation stays English."""
    if language == "zh":
        text = _chinese().get(text, text)
    filled = text.format(**values) if values else text
    return filled.replace("。。", "。") if language == "zh" else filled  # a reason may end like the sentence that it stands in


def plain(text: str) -> str:
    """One line without control characters: what the service or a file name says must not steer the terminal."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def system_language(environment: Mapping[str, str]) -> str:
    """`zh` where the system speaks Chinese, else `en`: by the variables that other programs go by, whatever is installed."""
    named = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    named = named or _ui_language()
    if named.partition(".")[0] not in ("", "C", "POSIX"):
        named = environment.get("LANGUAGE") or named
    return "zh" if named.lower().startswith(("zh", "chinese")) else "en"


def _ui_language() -> str:
    """The language that Windows is shown in; elsewhere that of the locale in use."""
    if sys.platform == "win32":
        import ctypes

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return locale.getlocale()[0] or ""


@functools.cache
def _chinese() -> dict[str, str]:
    return json.loads(Path(__file__).with_name("zh.json").read_text("utf-8"))
