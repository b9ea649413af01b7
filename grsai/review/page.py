"""The page of the review: one document, its scripts and style within it, its data as one JSON object."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import components
from ..report.gallery import words as gallery_words
from ..texts import say

_ROOM = Path(__file__).parent
# Each may import names of those before it, and of the components.
_SCRIPTS = ("sentences.js", "asking.js", "pictures.js", "desk.js", "live.js", "redo.js", "compare.js", "keys.js", "review.js")


def page(state: Mapping[str, Any], language: str) -> str:
    frame, policy = _frame()
    run = json.dumps(state, ensure_ascii=False)
    for letter in "<>&\u2028\u2029":  # none may end the element, or a line, that the data stands in
        run = run.replace(letter, f"\\u{ord(letter):04x}")
    parts = {
        "policy": policy,
        "language": "zh-CN" if language == "zh" else "en",
        "title": html.escape(f"{state['folder']} · Banana Batch"),
        "noscript": html.escape(say("This page needs JavaScript.", language)),
        "run": run,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], frame)


def words(language: str) -> dict[str, Any]:
    """By name, what the page says."""
    return gallery_words(language)


@functools.cache
def _frame() -> tuple[str, str]:
    """The page without its data, and a policy that lets only its own script and style in, whatever a prompt may hold."""
    style = components.style(_ROOM / "review.css")
    script = components.in_one(_ROOM / name for name in _SCRIPTS)
    frame = (_ROOM / "review.html").read_text("utf-8").replace("{{style}}", style).replace("{{script}}", script)
    allowed = f"script-src {_hash(script)}; style-src {_hash(style)}; img-src 'self' blob: data:; connect-src 'self'"
    return frame, f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
