"""The pictures of a run as the grid on its node shows them: a tile each, in the order of the plan, from the start."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..grsai.engine import Event
from ..grsai.errors import GrsaiError, Moderated
from ..grsai.jobs import Job, Outcome
from ..grsai.texts import LANGUAGES, say
from .paths import view_of

_STATES = {"succeeded": "done", "failed": "failed", "uncertain": "uncertain", "stopped": "stopped"}


@dataclass
class _Tile:
    """`state`: waiting, making, then done, failed, uncertain, stopped, or open: paid, and fetched by the next run."""

    job: Job
    state: str = "waiting"
    percent: int = 0
    outcome: Outcome | None = None

    def as_object(self) -> dict[str, Any]:
        job, outcome = self.job, self.outcome
        source = next((reference.path for reference in job.references if reference.path), None)
        return {
            "state": self.state,
            "percent": self.percent,
            "label": job.prompt,
            "name": job.references[0].name if job.references else "",
            "source": view_of(source) if source else None,
            "credits": job.model.credits or None,
            "task": outcome.task_id if outcome else None,
            "files": [view_of(file) for file in outcome.files or outcome.plain] if outcome else [],
            "why": in_few_words(outcome.error) if outcome and outcome.error else None,
        }


class Tiles:
    """The engine's threads write, the showing thread reads what changed since it last looked."""

    def __init__(self, jobs: Sequence[Job] = ()) -> None:
        self._lock = threading.Lock()
        self._tiles = [_Tile(job) for job in jobs]
        self._changed = set(range(len(self._tiles)))

    def on_event(self, event: Event) -> None:
        place = event.job.task - 1
        with self._lock:
            if place >= len(self._tiles):
                return
            tile = self._tiles[place]
            tile.percent, tile.outcome = event.progress, event.outcome
            tile.state = _state_of(event)
            self._changed.add(place)

    def end(self) -> None:
        """The run is over, however it ended: what was under way is paid, all else was not begun."""
        with self._lock:
            for place, tile in enumerate(self._tiles):
                if tile.state in ("waiting", "making"):
                    tile.state = "open" if tile.state == "making" else "stopped"
                    self._changed.add(place)

    def take(self) -> list[tuple[int, dict[str, Any]]]:
        """Place and facts of those that changed since this was last asked."""
        with self._lock:
            places, self._changed = sorted(self._changed), set()
            return [(place, self._tiles[place].as_object()) for place in places]

    def all(self) -> list[tuple[int, dict[str, Any]]]:
        with self._lock:
            return [(place, tile.as_object()) for place, tile in enumerate(self._tiles)]


def in_few_words(error: GrsaiError) -> dict[str, str]:
    """The reason in every language, without task and advice where it is known apart from them."""
    reason = error.values.get("why", "")
    if isinstance(reason, GrsaiError):
        return in_few_words(reason)
    if isinstance(error, Moderated):
        return {language: say("Refused by moderation ({why})", language, why=reason) for language in LANGUAGES}
    return {language: str(reason) or error.say(language) for language in LANGUAGES}


def _state_of(event: Event) -> str:
    """Before its submit a job may upload, and nothing is paid; what was stopped after it is."""
    if event.outcome is None:
        return "waiting" if event.kind == "started" else "making"
    if event.outcome.status == "stopped" and event.outcome.task_id:
        return "open"
    return _STATES[event.outcome.status]
