"""One run in one worker: what its jobs share there, and what is told of them."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

from ..client import GrsaiClient
from ..engine.budget import Budget
from ..engine.context import RunContext
from ..engine.gate import DEFAULT_LIMIT
from ..engine.job_run import JobRun
from ..engine.progress import Progress
from ..engine.retry import Backoff
from ..engine.run import gate_of
from ..engine.steps import Steps
from ..engine.threads import LOOK_SECONDS
from ..errors import GrsaiError, OutputError, Stopped, WrongSetting
from ..jobs import Job
from ..ledger import OFFLINE, Ledger, OfflineLedger, ledger_of
from ..settings import HOSTS, OTHER_HOSTS, Settings
from .order import Order, facts_of

LEASE_SECONDS = 20.0  # so long after the command was heard of last, something new may be paid
GONE_SECONDS = 120.0  # after so long it does not come back
_log = logging.getLogger(__name__)


@dataclass
class _Share(RunContext):
    """A worker's share in a run. While nobody hears from the command nothing new is paid; what is paid is fetched."""

    heard: float = field(default_factory=time.monotonic)

    def check_going_on(self) -> None:
        while (silent := time.monotonic() - self.heard) > LEASE_SECONDS and not self.stop.wait(LOOK_SECONDS):
            if silent > GONE_SECONDS:
                raise Stopped("Not sent: {why}", why=Stopped("Nothing was heard of the command that began this run."))
        super().check_going_on()


class Room:
    """What the jobs of one run share in this worker: ledger, gate, connections. Raises `Refused` where it is not fit for it."""

    def __init__(self, order: Order, own: Settings) -> None:
        self.run = order.run
        self._lock = threading.Lock()
        self._jobs: dict[int, JobRun] = {}
        self._told: dict[int, tuple[int, int, bool]] = {}
        self._leaving = False
        settings = _settings_of(order, own)
        _look(order)
        self._open = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            ledger = opened.enter_context(_ledger_of(order, settings))
            client = opened.enter_context(GrsaiClient(settings))
            limit = settings.limit
            if limit is None and order.concurrency < DEFAULT_LIMIT:  # which is how many several runs may have open in all
                limit = order.concurrency
            gate, stop = gate_of(settings.require_key(), ledger, limit=limit), threading.Event()
            self.share = _Share(
                settings=settings,
                ledger=ledger,
                output=order.output,
                gate=gate,
                entrance=opened.enter_context(gate.joined(order.concurrency)),
                steps=Steps(client, ledger, gate, stop, Backoff(), fresh=order.fresh, other_hosts=OTHER_HOSTS, may_inline=True),
                stop=stop,
                progress=Progress(order.total, lambda event: None),
                fresh=order.fresh,
                stop_at_failure=order.stop_at_failure,
                budget=Budget(settings, ledger, of_the_run=order.budget, spread=order.run),
                metadata=dict(order.metadata),
                id=order.run,
                spread=True,
            )
            self.share.begun_at = order.begun_at
            self._open = opened.pop_all()

    def make(self, number: int, job: Job, worker: str) -> dict[str, Any]:
        """The whole way of one job, in this thread. Returns what came of it, in plain values."""
        job_run = JobRun(job, self.share)
        with self._lock:
            self._jobs[number] = job_run
        try:
            job_run.run()
        finally:
            with self._lock:
                del self._jobs[number]
                self._told.pop(number, None)
                self._close_if_empty()
        assert job_run.outcome is not None
        return facts_of(replace(job_run.outcome, worker=worker), job_run.pasted)

    def heard(self, *, stop: bool, halted: GrsaiError | None) -> dict[str, Any]:
        """The command lives, and says whether something new may be paid. Returns how far the jobs are, if that is news to it."""
        self.share.heard = time.monotonic()
        if stop:
            self.share.stop.set()
        if halted is not None:
            self.share.halt(halted)
        why = self.share.halted
        with self._lock:
            now = {number: job_run.how_far for number, job_run in self._jobs.items()}
            news = {number: how_far for number, how_far in now.items() if self._told.get(number) != how_far}
            self._told.update(news)
        return {"jobs": news, "halted": why.as_object() if why is not None else None}

    def leave(self, *, seconds: float = 0.0) -> None:
        """Begins nothing new, and waits so long for the replies to paid requests; closes when the last job has ended."""
        self.share.stop.set()
        until = time.monotonic() + seconds
        with self.share.progress.changed:
            while self.share.progress.submitting and (left := until - time.monotonic()) > 0:
                self.share.progress.changed.wait(left)
        with self._lock:
            self._leaving = True
            self._close_if_empty()

    @property
    def is_silent(self) -> bool:
        """The command was not heard of for so long that it does not come back."""
        return time.monotonic() - self.share.heard > GONE_SECONDS

    def _close_if_empty(self) -> None:
        if self._leaving and not self._jobs:
            with contextlib.suppress(GrsaiError):
                self._open.close()


def _settings_of(order: Order, own: Settings) -> Settings:
    """The run's, with this worker's key, which goes to no host but the service's and the one that its own settings name."""
    settings = order.settings(own)
    if settings.base_url not in (*HOSTS.values(), own.base_url):
        raise WrongSetting(
            "The run is for {url}, which the settings of this worker do not allow. Set GRSAI_BASE_URL there to it if you trust"
            " this address.",
            url=settings.base_url,
        )
    settings.require_key()
    return settings


def _look(order: Order) -> None:
    """Raises `OutputError` unless the folders here are those of the command."""
    name, mark = order.seen
    try:
        same = (order.output / name).read_text("ascii") == mark
        if same:
            (order.output / f"{name}.seen").write_text(mark, "ascii")
            (order.output / f"{name}.seen").unlink(missing_ok=True)
    except OSError as error:
        _log.info("the output folder: %s", error)
        same = False
    if not same:
        text = "It does not see the folder {folder}, or may not write there. All workers need it under the same path."
        raise OutputError(text, folder=order.output)
    if missing := [folder for folder in order.sources if not folder.is_dir()]:
        text = "It does not see the folder {folder}. All workers need the pictures under the same path."
        raise OutputError(text, folder=missing[0])


def _ledger_of(order: Order, settings: Settings) -> Ledger:
    if order.service == OFFLINE:
        return OfflineLedger(settings.ledger, settings.base_url, home=settings.home)
    return ledger_of(settings)
