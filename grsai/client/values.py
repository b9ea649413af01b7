"""The JSON of a reply, and what a single value in it says, whatever its type is."""

from __future__ import annotations

import json
import math
import re
from typing import cast

from ..redact import HIDDEN, redact
from ..texts import plain

MOST_TEXT = 300  # letters of what the service says
MESSAGES = ("msg", "message", "error", "detail", "error_message", "failure_reason")  # where words may stand


def object_of(value: object) -> dict[str, object]:
    """A JSON object; an empty one for everything else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def list_of(value: object) -> list[object]:
    """A JSON list; an empty one for everything else."""
    return cast("list[object]", value) if isinstance(value, list) else []


def parsed(text: str) -> object:
    """Told apart by the content, as the content type cannot be trusted. What comes after a whole value is not the service's."""
    if text[:100].lstrip()[:1] not in ("{", "[", "<", '"') and (events := re.findall(r"^[ \t]*data:(.*)$", text, re.MULTILINE)):
        text = next((event for event in reversed(events) if event.strip().startswith("{")), "")
    try:
        value: object = json.JSONDecoder().raw_decode(text.strip())[0]
        if "\\ud" in text or "\\uD" in text:  # halves of letters, as of an emoji that was cut: no file and no database takes them
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return parsed(value) if isinstance(value, str) and value.lstrip().startswith("{") else value


def without(secret: str, value: object) -> object:
    """A key may have any shape, and the service could repeat it anywhere."""
    if isinstance(value, str):
        return value.replace(secret, HIDDEN) if secret else value
    if isinstance(value, list):
        return [without(secret, each) for each in list_of(value)]
    if isinstance(value, dict):
        return {str(without(secret, name)): without(secret, each) for name, each in object_of(value).items()}
    return value


def text_of(value: object) -> str:
    """What the service says as one harmless line, not too long and without secrets. It may be an object with a message."""
    if isinstance(value, dict):
        fields = object_of(value)
        return next((text for name in (*MESSAGES, "reason", "code") if (text := text_of(fields.get(name)))), "")
    if isinstance(value, list):
        return text_of(next(iter(list_of(value)), None))
    if value is None or value is False:
        return ""
    return redact(" ".join(plain(str(value)[: 4 * MOST_TEXT]).split()))[:MOST_TEXT]


def percent_of(value: object) -> int:
    try:
        number = float(str(value).strip().rstrip("%"))
    except ValueError:
        return 0
    return min(max(int(number), 0), 100) if math.isfinite(number) else 0


def whole_of(value: object) -> int | None:
    """A number, or a text of one, perhaps with commas."""
    if isinstance(value, bool):
        return None
    try:
        return int(float(value if isinstance(value, (int, float)) else re.sub(r"[,\s_]", "", str(value))))
    except (ValueError, OverflowError):
        return None


def truth_of(value: object) -> bool | None:
    """Whether a field says yes; None: it says nothing."""
    if value is None or value == "":
        return None
    return str(value).strip().lower() not in ("0", "0.0", "false", "no", "off", "none", "null")
