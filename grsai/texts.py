"""What the user reads, in English and Chinese. The English sentence stands in the code; the Chinese one is looked up by it."""

from __future__ import annotations

import functools
import json
import locale
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh")


def say(text: str, language: str = "en", /, **values: Any) -> str:
    """`text` in `language`, its {places} filled. A sentence without a translation stays English."""
    if language == "zh":
        text = _chinese().get(text, text)
    return text.format(**values) if values else text


def system_language() -> str:
    """`zh` where the system speaks Chinese, else `en`."""
    name = locale.getlocale()[0] or ""
    return "zh" if name.lower().startswith(("zh", "chinese")) else "en"


@functools.cache
def _chinese() -> dict[str, str]:
    return json.loads(Path(__file__).with_name("zh.json").read_text("utf-8"))
