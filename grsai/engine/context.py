"""What the jobs of one run share."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import GrsaiError, LedgerError, Stopped, UnknownRefusal
from ..jobs import Job
from ..ledger import Entry, Ledger
from ..settings import Settings
from .budget import Budget
from .gate import Entrance, Gate
from .polling import Usual
from .progress import Progress
from .steps import Steps

SAME_REFUSALS = 3  # in a row, after which a large run ends
LARGE = 5  # jobs


@dataclass
class RunContext:
    """What the jobs of one run share: where they go, what they may spend, and whether new ones may still be paid."""

    settings: Settings
    ledger: Ledger
    output: Path
    gate: Gate
    entrance: Entrance
    steps: Steps
    stop: threading.Event
    progress: Progress
    fresh: bool
    stop_at_failure: bool
    budget: Budget
    metadata: Mapping[str, str]  # what each PNG is to carry
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    spread: bool = False  # over several processes: one that is lost leaves its jobs to the others

    def __post_init__(self) -> None:
        self.begun_at = self.ledger.now()
        self.key_mark = self.settings.require_key().mark
        self.halted: GrsaiError | None = None  # why nothing new is paid any more
        self._refusals, self._last_refusal = 0, ""
        self._usual: dict[tuple[str, str | None], Usual] = {}

    def tries(self, fingerprint: str, *, folder: Path) -> list[Entry]:
        """The submits of a job that count in this run, newest first."""
        if self.fresh and not self.spread:
            return []
        known = self.ledger.tries(fingerprint, folder=folder)
        return [entry for entry in known if entry.run == self.id] if self.fresh else known

    def check_going_on(self) -> None:
        """Raises `Stopped` once nothing new may be paid."""
        if self.stop.is_set():
            raise Stopped("Stopped.")
        if self.halted is not None:
            raise Stopped("Not sent: {why}", why=self.halted)

    def halt(self, error: GrsaiError) -> None:
        """From now on nothing new is paid; what is open goes on."""
        with self.progress.changed:
            self.halted = self.halted or error

    def heed_refusal(self, error: GrsaiError) -> None:
        """The same refusal again and again, in words that we do not know, is about the run and not about its jobs."""
        with self.progress.changed:
            said = str(error)
            self._refusals = self._refusals + 1 if said == self._last_refusal else 1
            self._last_refusal = said
            if isinstance(error, UnknownRefusal) and self._refusals >= SAME_REFUSALS and self.progress.total > LARGE:
                self.halt(error)

    def heed_failure(self, error: GrsaiError) -> None:
        """The end of a job without a picture, if that is to be the end of the run too."""
        if self.stop_at_failure and not isinstance(error, Stopped):
            self.halt(error)

    def reserve(self, credits: int) -> None:
        """Keeps what the run pays, tries after failed tasks included, within the budget."""
        with self.progress.changed:
            self.budget.reserve(credits)

    def usual_of(self, job: Job) -> Usual:
        key = (job.model.id, job.image_size)
        if key not in self._usual:
            known = None
            with contextlib.suppress(LedgerError):  # it only times the polls of what may be paid already
                known = self.ledger.usual_seconds(*key, most=job.model.deadline_seconds(job.image_size))
            self._usual[key] = Usual(known, learnt=True) if known else Usual(job.model.usual_seconds(job.image_size))
        return self._usual[key]

    def learn(self, job: Job, seconds: float) -> None:
        """What the last task of a kind took, from submit to notice, times the polls of the next ones."""
        before = self.usual_of(job)
        mean = (before.seconds + seconds) / 2 if before.learnt else seconds
        self._usual[job.model.id, job.image_size] = Usual(mean, learnt=True)
