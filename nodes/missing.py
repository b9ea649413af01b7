"""When ComfyUI must ask a node again although nothing was changed: exactly while something of it is missing.

ComfyUI takes the pictures of a node from its cache while what `fingerprint_inputs` says stays the same. It asks that before each
run, with the widgets and the node's id, but neither wires nor graph. So what a node's last run with these widgets brought is
remembered here, and each time something of it is missing, what is said becomes another.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comfy_execution.utils import get_executing_context

from ..grsai.engine.decision import decide, kind_of
from ..grsai.errors import GrsaiError
from ..grsai.jobs import Outcome
from ..grsai.ledger import Ledger
from . import account

MOST_NODES = 1000  # that are remembered, by id and widgets


@dataclass
class _LastRun:
    """What a node brought when it was last run with the same widgets. A list wired into it runs it several times at once."""

    number: int  # what ComfyUI is told; another one makes it ask the node again
    prompt_id: str | None = None
    files: list[Path] = field(default_factory=list)
    missed: list[tuple[str, Path]] = field(default_factory=list)  # fingerprint of a job, and the folder of its files


_lock = threading.Lock()
_last_runs: OrderedDict[tuple[str, str], _LastRun] = OrderedDict()  # by id and widgets, the newest last
_asked: dict[str, tuple[str, str]] = {}  # by id: with which widgets it is about to run


def fingerprint(node_id: str | None, widgets: Mapping[str, Any]) -> str:
    """What ComfyUI is told of a node before each run."""
    if node_id is None:
        return ""
    key = node_id, hashlib.sha256(repr(sorted(widgets.items())).encode("utf-8", "replace")).hexdigest()
    with _lock:
        last_run = _last_runs.setdefault(key, _LastRun(0))
        _last_runs.move_to_end(key)
        _asked[node_id] = key
        while len(_last_runs) > MOST_NODES:
            _asked.pop(_last_runs.popitem(last=False)[0][0], None)
    try:
        ledger = account.ledger()
        if _is_something_missing(last_run, ledger):
            last_run.number += 1
        return f"{ledger.service} {last_run.number}"
    except GrsaiError as error:  # the run says it better
        return str(error)


def remember(node_id: str | None, outcomes: Sequence[Outcome], folder: Path) -> None:
    """What a run of the node brought, and what it missed."""
    context = get_executing_context()
    prompt_id = context.prompt_id if context else None
    with _lock:
        last_run = _last_runs.get(_asked.get(node_id or "", ("", "")))
        if last_run is None:
            return
        if prompt_id is None or last_run.prompt_id != prompt_id:
            last_run.prompt_id, last_run.files, last_run.missed = prompt_id, [], []
        for outcome in outcomes:
            last_run.files += outcome.files
            if outcome.status != "succeeded":
                last_run.missed.append((outcome.job.fingerprint, folder / outcome.job.folder))


def _is_something_missing(last_run: _LastRun, ledger: Ledger) -> bool:
    """A file that is gone, or a job that another run would make or find. One that is refused for good is not missing."""
    if not all(file.is_file() for file in last_run.files):
        return True
    decisions = (decide(ledger.tries(fingerprint, folder=folder)) for fingerprint, folder in last_run.missed)
    return any(kind_of(decision) != "refused" for decision in decisions)
