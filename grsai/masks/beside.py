"""What stands beside each other for an edit: the plain result, and the picture that it was pasted into, which knows its mask."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

from PIL import Image, ImageFilter

PLAIN = ".plain"  # stands in the name of what came from the service, beside the picture that it was pasted into
MARK = "grsai-edit"  # the text in a pasted PNG that says what it was made of
_PLAIN = re.compile(r"(?P<stem>.+?)(?P<area>\.area-\d+)?\.plain(?P<number>_\d+)?( \(\d+\))?")
_SIDE = 1024  # pixels of an outline at most
_LINE = (3, 7)  # pixels that its white core and its dark rim are wide, over the edge of the mask


def shown_of(file: Path) -> Path | None:
    """What is to be seen of a file that came from the service: of the result of an edit the picture that it was pasted into; None
    for that of an area that others follow; any other file itself.
    """
    found = _PLAIN.fullmatch(file.stem)
    if found is None:
        return file
    if found["area"]:
        return None
    pasted = file.with_name(f"{found['stem']}{found['number'] or ''}.png")
    return pasted if pasted.is_file() else file


def facts_of(file: Path) -> dict[str, Any]:
    """What a pasted picture says of itself; nothing of any other file."""
    try:
        with Image.open(file) as image:
            facts = json.loads(image.info.get(MARK, "{}"))
    except Exception:  # Pillow raises all kinds of errors over what is no picture of ours
        return {}
    return facts if isinstance(facts, dict) else {}


def is_edit(file: Path) -> bool:
    """Whether it is a pasted picture whose mask is known."""
    return "mask" in facts_of(file)


def outline_of(file: Path) -> bytes | None:
    """The outline of the mask of a pasted picture, as a PNG that is clear but for the line; None for any other file."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(facts_of(file)["mask"]))) as image:
            mask = image.convert("L")
    except Exception:  # no picture of ours, or one that somebody has changed
        return None
    mask.thumbnail((_SIDE, _SIDE))
    mask = mask.point([255 * (value >= 64) for value in range(256)])
    inner, line, rim = (mask, *(mask.filter(ImageFilter.MaxFilter(size)) for size in _LINE))
    drawn = Image.new("LA", mask.size)
    for edge, gray in ((rim, 0), (line, 255)):
        drawn.paste((gray, 255), mask=edge)
    drawn.paste((0, 0), mask=inner.filter(ImageFilter.MinFilter(_LINE[0])))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG")
    return buffer.getvalue()
