"""What the user reads, in English and Chinese. The English sentence stands in the code; the Chinese one is looked up by it."""

from __future__ import annotations

import functools
import json
import locale
import re
import string
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


def retell(sentence: str, language: str) -> str:
    """A sentence that `say` made in English, perhaps long ago, in `language`. What it did not make stays as it is."""
    if language != "zh":
        return sentence
    for pattern, chinese in _patterns():
        if found := pattern.fullmatch(sentence):
            return chinese.format(**{name: retell(value, language) for name, value in found.groupdict().items()})
    return sentence


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


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What each English sentence looks like once its {places} are filled, and its Chinese one. Those that say most come first.

    Labels such as "{count} failed" are left out: what the service says may look like one.
    """
    whole = [each for each in _chinese().items() if each[0].endswith(".") or "{" not in each[0]]
    sentences = sorted(whole, key=lambda each: -len(re.sub(r"\{.*?\}", "", each[0])))
    return tuple((_pattern(english), re.sub(r":[^{}]*\}", "}", chinese)) for english, chinese in sentences)


def _pattern(template: str) -> re.Pattern[str]:
    parts = string.Formatter().parse(template)
    return re.compile("".join(re.escape(text) + (f"(?P<{name}>.+)" if name else "") for text, name, _, _ in parts), re.DOTALL)
