"""The workflow that a picture carries, so that dropping it on the canvas brings it back, as ComfyUI's Save Image writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import comfy.cli_args

from ..grsai.redact import redact
from ..grsai.settings import Key

MOST_BYTES = 8 << 20  # of one text


def metadata_of(prompt: Mapping[str, Any] | None, extra: Mapping[str, Any] | None, key: Key) -> dict[str, str]:
    """What each PNG of a run is given by name: the prompt, and what the canvas sent along. Never the key.

    Nothing where ComfyUI was started with --disable-metadata.
    """
    if comfy.cli_args.args.disable_metadata:
        return {}
    parts = {"prompt": prompt, **(extra or {})}
    texts = {name: json.dumps(_without(value, key.reveal())) for name, value in parts.items() if value}
    return {name: text for name, text in texts.items() if len(text) <= MOST_BYTES}


def id_of(extra: Mapping[str, Any] | None) -> str | None:
    """The id of the workflow that was open on the canvas which sent a run; None for a run of a script."""
    sent = (extra or {}).get("workflow")
    found = sent.get("id") if isinstance(sent, Mapping) else None
    return found if isinstance(found, str) else None


def _without(value: Any, secret: str) -> Any:
    if isinstance(value, str):
        return redact(value, secret)
    if isinstance(value, Mapping):
        return {redact(str(name), secret): _without(part, secret) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without(part, secret) for part in value]
    return value if isinstance(value, (int, float, bool, type(None))) else repr(value)
