"""The engine: each job on its own way from upload to file, many at once, in threads of its own."""

from __future__ import annotations

import threading
import time
import types
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..client import GrsaiClient
from ..errors import LedgerError, Stopped, WrongSetting
from ..jobs import Job, Outcome
from ..ledger import TASK_SECONDS, Ledger
from ..pictures import Reference
from ..settings import MAX_CONCURRENCY, OTHER_HOSTS, Key, Settings
from .budget import Budget
from .context import RunContext
from .decision import Decision, Reuse
from .evidence import account_balance, with_evidence
from .gate import Gate
from .job_run import JobRun
from .price import Estimate, OnPrice, check_models, check_price, priced, survey
from .progress import OnEvent, OnUpload, Progress
from .retry import Backoff
from .steps import Steps
from .threads import LOOK_SECONDS, in_threads, start_threads

LAST_WORD_SECONDS = 0.15  # how long a stopped run waits for the replies to submits under way, if nobody says otherwise
MOST_EVIDENCE_SECONDS = 10.0  # how long a run that has ended waits at most to ask the balance again
LAST_WORD_AFTER_A_CRASH = 15.0  # the process may end with it, and with it the threads that would write the ids down
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
    last_word_seconds: float = LAST_WORD_SECONDS,
    metadata: Mapping[str, str] = types.MappingProxyType({}),
    run_id: str | None = None,
    on_price: OnPrice | None = None,
) -> list[Outcome]:
    """Makes the pictures of `jobs` as `output/<job.folder>/<job.stem(k)><suffix>`; returns the outcomes in the order of the jobs.

    Blocks, but returns soon once `stop` is set: it waits `last_word_seconds` for the answers to paid requests under way, and what
    is paid for goes on being written down in threads of its own. `on_event` is called from those threads, one call at a time.
    `budget` in yuan, 0 for none. `metadata`: texts that each PNG is to carry beside its pixels, by name. `on_price` is told what
    the run will cost, and the balance where it is known, before anything is sent; what it raises ends the run. `run_id`: by which
    the ledger knows this run; those of one id are one run.

    Raises `Refused` before anything is sent where the run cannot work: no key, too few credits, a limit that is none, an output
    folder that cannot be written.
    """
    plan = prepared(jobs, settings=settings, ledger=ledger, output=output, fresh=fresh, budget=budget, concurrency=concurrency)
    gate, stop = gate or gate_of(settings.require_key(), ledger, limit=settings.limit), stop or threading.Event()
    with GrsaiClient(settings) as client:
        balance = check_price(plan.price, plan.budget, client, stop) if plan.price.new else None
        if on_price is not None:
            on_price(plan.price, balance)
        alone = balance is not None and gate.is_idle and not _has_other_work(ledger)
        steps = Steps(client, ledger, gate, stop, backoff or Backoff(), fresh=fresh, other_hosts=OTHER_HOSTS, may_inline=True)
        with gate.joined(plan.concurrency) as entrance:
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
                budget=plan.budget,
                metadata=metadata,
                id=run_id or uuid.uuid4().hex,
            )
            outcomes = _Batch(jobs, plan.decisions, context, last_word_seconds).run()
            if balance is None or balance.account is None or not alone or entrance.had_company:
                return outcomes
            return _weighed(outcomes, balance.account, context)


@dataclass(frozen=True)
class Prepared:
    """What is to be done about each job of a run, what that costs, and what may be spent and be open at once."""

    decisions: Sequence[Decision]
    price: Estimate
    budget: Budget
    concurrency: int


def prepared(
    jobs: Sequence[Job],
    *,
    settings: Settings,
    ledger: Ledger,
    output: Path,
    fresh: bool = False,
    budget: float | None = None,
    concurrency: int | None = None,
) -> Prepared:
    """A run as far as nobody has to be asked for it. Raises `Refused` where it cannot work."""
    concurrency = settings.concurrency if concurrency is None else concurrency
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        text = "{name} can be {low} to {high}, not {value}."
        raise WrongSetting(text, name="concurrency", low=1, high=MAX_CONCURRENCY, value=concurrency)
    limits = Budget(settings, ledger, of_the_run=budget)
    longest = max((Path(job.folder, job.stem()) for job in jobs), key=lambda path: len(str(path)), default=Path("probe"))
    files.check_folder(output / longest.parent, longest=longest.name)
    decisions = survey(jobs, ledger, fresh=fresh, output=output)
    check_models(jobs, decisions, settings)
    return Prepared(decisions, priced(jobs, decisions), limits, concurrency)


def gate_of(key: Key, ledger: Ledger, *, limit: int | None = None) -> Gate:
    """For one key: of this process alone, or shared with all that use it with the same ledger."""
    agreement = ledger.agreement(key.mark)
    if agreement is None:
        return Gate(limit=limit)
    from .shared_gate import SharedGate

    return SharedGate(agreement, limit=limit)


def upload(
    references: Sequence[Reference],
    *,
    settings: Settings,
    ledger: Ledger,
    gate: Gate | None = None,
    stop: threading.Event | None = None,
    on_event: OnUpload | None = None,
    backoff: Backoff | None = None,
) -> list[str]:
    """The public URLs of pictures, in order; content that went up less than a day ago is not sent again.

    `on_event` is told how many are up, of how many, after each. Raises `Stopped` once `stop` is set, and the first error.
    """
    stop, up, lock = stop or threading.Event(), iter(range(1, len(references) + 1)), threading.Lock()
    with GrsaiClient(settings) as client:
        steps = Steps(client, ledger, gate or Gate(), stop, backoff or Backoff())

        def upload_one(reference: Reference) -> str:
            url = steps.upload(reference)
            with lock:
                if on_event is not None:
                    on_event(next(up), len(references))
            return url

        urls = [url for url in in_threads(upload_one, references, stop=stop) if url is not None]
    if len(urls) < len(references):
        raise Stopped("Stopped.")
    return urls


def _has_other_work(ledger: Ledger) -> bool:
    """Whether the ledger knows of something under way with the service, of this process or of another."""
    newest = [entry for state in ("open", "submitting") for entry in ledger.entries(state=state, limit=1)]
    return any(entry.age < TASK_SECONDS for entry in newest)


def _weighed(outcomes: list[Outcome], before: int, run: RunContext) -> list[Outcome]:
    """The outcomes with what the balance tells of uncertain ones. A second look is taken when a task has had its usual time."""
    uncertain = [outcome for outcome in outcomes if outcome.status == "uncertain"]
    if not uncertain or run.stop.is_set():
        return outcomes
    try:
        tries = run.ledger.tries_many([outcome.job.fingerprint for outcome in uncertain])
    except LedgerError:  # it is only a sentence more
        return outcomes
    submitted = {fingerprint: entries[0].created for fingerprint, entries in tries.items()}
    now = run.ledger.now()
    left = max(run.usual_of(each.job).seconds - now + submitted.get(each.job.fingerprint, now) for each in uncertain)
    if left > MOST_EVIDENCE_SECONDS:
        return outcomes
    after = account_balance(run.steps.client, run.stop)
    if after is None or run.stop.wait(max(left, 0.0)):
        return outcomes
    again = account_balance(run.steps.client, run.stop)
    return outcomes if again != after else with_evidence(outcomes, before, after)


class _Batch:
    """The threads of one run, which take job after job; the caller's thread waits for them, or for `stop`."""

    def __init__(self, jobs: Sequence[Job], decisions: Sequence[Decision], run: RunContext, last_word_seconds: float) -> None:
        self._job_runs = list[JobRun]()
        for job, each in zip(jobs, decisions, strict=True):
            known = each if isinstance(each, Reuse) and is_in(each, run.output / job.folder) else None
            former = self._job_runs[-1] if job.edit is not None and job.edit.part > 1 else None
            self._job_runs.append(JobRun(job, run, known, former))
        self._todo = iter(self._job_runs)
        self._run = run
        self._last_word_seconds = last_word_seconds
        self._changed = run.progress.changed
        self._crash: BaseException | None = None

    def run(self) -> list[Outcome]:
        # One thread for each slot, and some that upload ahead and download behind, so that no slot waits for them.
        slots = self._run.entrance.concurrency
        wanted = min(len(self._job_runs), slots + min(max(slots // 2, 2), MOST_AHEAD))
        try:
            start_threads(self._work, wanted)
            with self._changed:
                while not self._run.progress.complete and not self._run.stop.is_set() and self._crash is None:
                    self._changed.wait(LOOK_SECONDS)
            self._await_last_words(self._last_word_seconds if self._crash is None else LAST_WORD_AFTER_A_CRASH)
            if self._crash is not None:
                raise self._crash
        except BaseException:  # Ctrl-C, too: nobody may go on paying for a run that has ended
            self._await_last_words(self._last_word_seconds)
            raise
        with self._changed:
            self._run.progress.close()
            return [each.outcome or each.interrupted() for each in self._job_runs]

    def _await_last_words(self, seconds: float) -> None:
        """Begins nothing new if the run is not complete, and waits for the answers to paid requests that are under way."""
        with self._changed:
            if self._run.progress.complete:
                return
            self._run.stop.set()
            until = time.monotonic() + seconds
            while self._run.progress.submitting and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def _work(self) -> None:
        try:
            while (job_run := self._next()) is not None:
                job_run.run()
        except BaseException as error:  # a bug, or a listener's: the run must end with it, not wait for ever
            with self._changed:
                self._crash = error
                self._changed.notify_all()

    def _next(self) -> JobRun | None:
        with self._changed:
            return None if self._run.stop.is_set() else next(self._todo, None)


def is_in(found: Reuse, folder: Path) -> bool:
    """Whether the files are where they are to be, so that nothing is written."""
    return all(path.parent == folder for path in found.files)
