"""The engine: each job on its own way from upload to file, many at once, in threads of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from .. import files
from ..client import GrsaiClient
from ..errors import Stopped
from ..jobs import Job, Outcome
from ..ledger import Ledger
from ..pictures import Reference
from ..settings import Settings
from .context import RunContext
from .gate import Gate
from .job_run import JobRun
from .polling import Backoff
from .price import check_price, estimate, in_credits
from .progress import OnEvent, Progress
from .steps import Steps
from .threads import LOOK_SECONDS, in_threads

LAST_WORD_SECONDS = 0.15  # how long a stopped run waits for the replies to submits under way
MOST_AHEAD = 32  # jobs that upload or download beside those that have a slot


def run(
    jobs: Sequence[Job],
    *,
    settings: Settings,
    ledger: Ledger,
    output: Path,
    gate: Gate | None = None,
    stop: threading.Event | None = None,
    on_event: OnEvent | None = None,
    fresh: bool = False,
    stop_at_failure: bool = False,
    budget: float | None = None,
    concurrency: int | None = None,
    backoff: Backoff | None = None,
) -> list[Outcome]:
    """Makes the pictures of `jobs` as `output/<job.name>_<k><suffix>` and returns the outcomes in the order of the jobs.

    Blocks, but returns within 0.3 s once `stop` is set: what is paid for goes on being written down in threads of its own.
    `on_event` is called from those threads, one call at a time. `budget` in yuan, 0 for none. Raises `Refused` before anything
    is sent where the run cannot work: no key, too few credits, an output folder that cannot be written.
    """
    files.check_folder(output, longest=max((f"{job.name}_1" for job in jobs), key=len, default="probe"))
    gate, stop = gate or Gate(limit=settings.limit), stop or threading.Event()
    budget_credits = in_credits(settings.budget if budget is None else budget)
    price = estimate(jobs, ledger, fresh=fresh, output=output)
    with GrsaiClient(settings) as client:
        if price.new:
            check_price(price, budget_credits, client, stop)
        steps = Steps(client, ledger, gate, stop, backoff or Backoff(), fresh=fresh)
        with gate.joined(concurrency or settings.concurrency) as entrance:
            context = RunContext(
                settings=settings,
                ledger=ledger,
                output=output,
                gate=gate,
                entrance=entrance,
                steps=steps,
                stop=stop,
                progress=Progress(len(jobs), on_event or (lambda event: None)),
                fresh=fresh,
                stop_at_failure=stop_at_failure,
                budget_credits=budget_credits,
            )
            return _Batch(jobs, context).run()


def upload(
    references: Sequence[Reference],
    *,
    settings: Settings,
    ledger: Ledger,
    gate: Gate | None = None,
    stop: threading.Event | None = None,
    backoff: Backoff | None = None,
) -> list[str]:
    """The public URLs of pictures, in order; content that went up less than a day ago is not sent again."""
    stop = stop or threading.Event()
    with GrsaiClient(settings) as client:
        steps = Steps(client, ledger, gate or Gate(), stop, backoff or Backoff())
        urls = [url for url in in_threads(steps.url, references, stop=stop) if url is not None]
    if len(urls) < len(references):
        raise Stopped("Stopped.")
    return urls


class _Batch:
    """The threads of one run, which take job after job; the caller's thread waits for them, or for `stop`."""

    def __init__(self, jobs: Sequence[Job], run: RunContext) -> None:
        self._ways = [JobRun(job, run) for job in jobs]
        self._todo = iter(self._ways)
        self._run = run
        self._changed = run.progress.changed
        self._crash: BaseException | None = None

    def run(self) -> list[Outcome]:
        for number in range(min(len(self._ways), self._threads())):
            threading.Thread(target=self._work, name=f"grsai-{number}", daemon=True).start()
        try:
            with self._changed:
                while not self._run.progress.complete and not self._run.stop.is_set() and self._crash is None:
                    self._changed.wait(LOOK_SECONDS)
                if self._crash is not None:
                    raise self._crash
            self._await_last_words()
        except BaseException:  # Ctrl-C, too: nobody may go on paying for a run that has ended
            self._run.stop.set()
            raise
        with self._changed:
            self._run.progress.close()
            return [way.outcome or way.interrupted() for way in self._ways]

    def _threads(self) -> int:
        """One for each slot, and some that upload ahead and download behind, so that no slot waits for them."""
        concurrency = self._run.entrance.concurrency
        return concurrency + min(max(concurrency // 2, 2), MOST_AHEAD)

    def _await_last_words(self) -> None:
        until = time.monotonic() + LAST_WORD_SECONDS
        with self._changed:
            while any(way.phase == "submitting" for way in self._ways) and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def _work(self) -> None:
        try:
            while (way := self._next()) is not None:
                way.go()
        except BaseException as error:  # a bug, or a listener's: the run must end with it, not wait for ever
            with self._changed:
                self._crash = error
                self._changed.notify_all()

    def _next(self) -> JobRun | None:
        with self._changed:
            return None if self._run.stop.is_set() else next(self._todo, None)
