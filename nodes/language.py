"""The user's language: the one chosen in ComfyUI; where none was, the browser's, which the canvas takes and stores nowhere.

A run is started by ComfyUI, which does not know the browser's language. So what the web extension's requests say of it is kept
here by the canvas (its client id) that sent them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from .paths import user_folder

CLIENT = "Grsai-Client"  # the header in which the web extension names its canvas
MOST_CANVASES = 50
_by_canvas: dict[str, str] = {}  # the newest last


def of_request(headers: Mapping[str, str]) -> str:
    """The language of whoever asks; remembered for the runs of the same canvas."""
    accepted, canvas = headers.get("Accept-Language"), headers.get(CLIENT, "")
    if accepted:
        _by_canvas.pop(canvas, None)
        _by_canvas[canvas] = accepted
        if len(_by_canvas) > MOST_CANVASES:
            _by_canvas.pop(next(iter(_by_canvas)), None)
    return _as_ours(_chosen() or accepted)


def of_run(canvas: str | None) -> str:
    """The language of the canvas that queued a run; where that is not known, that of the canvas that asked last."""
    newest = next(reversed(_by_canvas.values()), None)
    return _as_ours(_chosen() or _by_canvas.get(canvas or "", newest))


def forget() -> None:
    """No canvas is known any more."""
    _by_canvas.clear()


def _chosen() -> str | None:
    try:
        return json.loads((user_folder() / "comfy.settings.json").read_text("utf-8")).get("Comfy.Locale")
    except (OSError, ValueError, AttributeError):
        return None


def _as_ours(code: str | None) -> str:
    """`zh` for `zh-CN,zh;q=0.9` and the like, else `en`."""
    return "zh" if str(code).lower().startswith("zh") else "en"
