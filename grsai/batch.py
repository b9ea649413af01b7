"""The engine: each job on its own way from upload to file, many at once, in threads of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from . import files
from .client import GrsaiClient, Task
from .collecting import Collected as Collected
from .collecting import collect as collect
from .crew import LOOK_SECONDS, abreast
from .errors import (
    DownloadError,
    EmptyResult,
    GrsaiError,
    KeyRefused,
    LedgerError,
    Moderated,
    NoSuchTask,
    OutOfCredits,
    OutputError,
    OverBudget,
    RateLimited,
    ServiceError,
    StillOpen,
    Stopped,
    TaskError,
    TaskFailed,
    Uncertain,
    Unreachable,
)
from .gate import Gate, Run
from .jobs import Job, Outcome, Status
from .ledger import Entry, Ledger
from .models import yuan
from .pace import Backoff, Usual
from .pictures import Reference
from .price import Estimate as Estimate
from .price import check_price, estimate, in_credits, kind_of
from .settings import Settings
from .steps import Steps, may_help, verdict

LAST_WORD_SECONDS = 0.15  # how long a stopped run waits for the replies to submits under way
_COUNTED = {"succeeded": "done", "stopped": "stopped"}  # all others failed
MOST_AHEAD = 32  # jobs that upload or download beside those that have a slot
# What every other job would meet too. A host counts as out of reach after all the tries of one job, which take a minute.
_MEET_ALL = (KeyRefused, OutOfCredits, OutputError, LedgerError, Unreachable)


@dataclass(frozen=True)
class Snapshot:
    """Where a run stands. `progress`: 0 to 1, the mean over all jobs; `credits`: paid by this run so far."""

    total: int
    done: int = 0
    failed: int = 0
    running: int = 0
    reused: int = 0
    progress: float = 0.0
    seconds: float = 0.0
    credits: int = 0
    remaining_seconds: float | None = None
    stopped: int = 0


@dataclass(frozen=True)
class Event:
    """`progress`: percent of this job; `outcome` on "finished"."""

    kind: Literal["started", "submitted", "progress", "finished"]
    job: Job
    snapshot: Snapshot
    progress: int = 0
    outcome: Outcome | None = None


OnEvent = Callable[[Event], None]


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
            batch = _Batch(
                jobs=tuple(jobs),
                settings=settings,
                ledger=ledger,
                output=output,
                gate=gate,
                entrance=entrance,
                steps=steps,
                stop=stop,
                on_event=on_event or (lambda event: None),
                fresh=fresh,
                stop_at_failure=stop_at_failure,
                budget_credits=budget_credits,
            )
            return batch.run()


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
        urls = [url for url in abreast(steps.url, references, stop=stop) if url is not None]
    if len(urls) < len(references):
        raise Stopped("Stopped.")
    return urls


@dataclass
class _Way:
    """How far a job is. Written by its own thread, under the batch's lock."""

    job: Job
    phase: Literal["waiting", "running", "submitting", "finished"] = "waiting"
    progress: int = 0
    begun: float = 0.0
    task_id: str | None = None
    credits: int = 0
    failures: int = 0  # tasks that brought no picture, as trying again may
    failed: TaskFailed | None = None  # why the last of them did not
    notes: list[GrsaiError] = field(default_factory=list)
    outcome: Outcome | None = None


@dataclass
class _Batch:
    """One run. Its threads take job after job; the caller's thread waits for them, or for `stop`."""

    jobs: tuple[Job, ...]
    settings: Settings
    ledger: Ledger
    output: Path
    gate: Gate
    entrance: Run
    steps: Steps
    stop: threading.Event
    on_event: OnEvent
    fresh: bool
    stop_at_failure: bool
    budget_credits: int

    def __post_init__(self) -> None:
        self._ways = [_Way(job) for job in self.jobs]
        self._todo = iter(self._ways)
        self._changed = threading.Condition(threading.RLock())
        self._begun = time.monotonic()
        self._begun_at = time.time()
        self._halt: GrsaiError | None = None
        self._crash: BaseException | None = None
        self._over = False
        self._reserved = 0
        self._percent = 0
        self._counts = {"done": 0, "failed": 0, "stopped": 0, "reused": 0, "running": 0, "credits": 0}
        self._usual: dict[tuple[str, str | None], Usual] = {}

    def run(self) -> list[Outcome]:
        for number in range(min(len(self.jobs), self._threads())):
            threading.Thread(target=self._work, name=f"grsai-{number}", daemon=True).start()
        try:
            with self._changed:
                while not self._finished() and not self.stop.is_set() and self._crash is None:
                    self._changed.wait(LOOK_SECONDS)
                if self._crash is not None:
                    raise self._crash
            self._await_last_words()
        except BaseException:  # Ctrl-C, too: nobody may go on paying for a run that has ended
            self.stop.set()
            raise
        with self._changed:
            self._over = True
            return [way.outcome or self._interrupted(way) for way in self._ways]

    def _threads(self) -> int:
        """One for each slot, and some that upload ahead and download behind, so that no slot waits for them."""
        concurrency = self.entrance.concurrency
        return concurrency + min(max(concurrency // 2, 2), MOST_AHEAD)

    def _finished(self) -> bool:
        return sum(self._counts[each] for each in ("done", "failed", "stopped")) == len(self._ways)

    def _await_last_words(self) -> None:
        until = time.monotonic() + LAST_WORD_SECONDS
        with self._changed:
            while any(way.phase == "submitting" for way in self._ways) and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    def _work(self) -> None:
        try:
            while (way := self._next()) is not None:
                self._finish(way, self._outcome(way))
        except BaseException as error:  # a bug, or a listener's: the run must end with it, not wait for ever
            with self._changed:
                self._crash = error
                self._changed.notify_all()

    def _next(self) -> _Way | None:
        with self._changed:
            return None if self.stop.is_set() else next(self._todo, None)

    def _outcome(self, way: _Way) -> Outcome:
        """The job's whole way; what goes wrong on it becomes its outcome."""
        way.begun = time.monotonic()
        self._enter(way)
        try:
            return self._claimed(way)
        except Stopped as error:
            return self._ended(way, "stopped", error)
        except Uncertain as error:
            return self._ended(way, "uncertain", error)
        except GrsaiError as error:
            if isinstance(error, _MEET_ALL):
                self._halted(error)
            return self._ended(way, "failed", error)

    def _claimed(self, way: _Way) -> Outcome:
        """Waits until no other run works on the same job, then goes the rest of the way."""
        fingerprint = way.job.fingerprint
        if isinstance(self._halt, LedgerError):  # each claim would wait for the ledger anew
            self._check_going_on()
        while not self.ledger.claim(fingerprint):
            self.steps.pause(LOOK_SECONDS)
        try:
            return self._made(way, [] if self.fresh else self.ledger.tries(fingerprint, folder=self.output))
        finally:
            self.ledger.release(fingerprint)

    def _made(self, way: _Way, tries: Sequence[Entry]) -> Outcome:
        """`tries`: what the ledger knows of the job, newest first."""
        for entry in tries:
            if entry.state == "done" and (kept := entry.kept):
                return self._reused(way, entry, kept)
        paid = [entry for entry in tries if kind_of(entry) == "open"]
        if (outcome := self._collected_of(way, paid or self._late(tries))) is not None:
            return outcome
        ended = [entry for entry in tries if entry not in paid]
        if ended:
            self._heed(way, ended[0])
        return self._paid(way)

    def _heed(self, way: _Way, entry: Entry) -> None:
        """What an entry that brought no picture means for this run."""
        settled_meanwhile = (entry.finished or 0.0) >= self._begun_at
        if entry.state == "failed" and (entry.reason == Moderated.reason or settled_meanwhile):
            kind = Moderated if entry.reason == Moderated.reason else TaskFailed
            raise kind("Not sent again: {why} Another seed sends it anew.", why=entry.error)
        if entry.state == "uncertain" and settled_meanwhile:
            raise Uncertain("Not sent again: {why}", why=entry.error)
        if entry.reason == EmptyResult.reason:
            way.notes.append(EmptyResult("Task {task} ended without a picture and may have been paid too.", task=entry.task_id))
        if entry.state in ("submitting", "uncertain"):
            note = Uncertain("An earlier submit got no reply and may have been paid too.")
            way.notes.append(note)
            if entry.state == "submitting":  # its process was killed
                self._write_down(way, lambda: self.ledger.uncertain(entry.row, note))
        if entry.state == "open" and not entry.collectable:
            way.notes.append(
                StillOpen("An earlier task was not collected within 2 hours and is lost: {task}.", task=entry.task_id)
            )

    def _reused(self, way: _Way, entry: Entry, found: tuple[Path, ...]) -> Outcome:
        kept = files.copy(found, self.output, way.job.name, self.ledger.mark(way.job.fingerprint))
        if kept != found:
            self._write_down(way, lambda: self.ledger.copied(entry.row, kept))
        way.task_id = entry.task_id
        return self._ended(way, "succeeded", kept=kept, reused=True, urls=entry.urls if entry.collectable else ())

    def _late(self, tries: Sequence[Entry]) -> list[Entry]:
        """Tasks that are lost by what we know, and that the service has all the same: asking is free.

        Those that are too old by our clock, which may have been wrong, and those that succeeded without a picture.
        """
        lost = (entry for entry in tries if kind_of(entry) == "new" and entry.task_id)
        asked = (entry for entry in lost if entry.state == "open" or entry.reason == EmptyResult.reason)
        return [entry for entry in asked if self._is_there(entry)]

    def _is_there(self, entry: Entry) -> bool:
        try:
            task = self.steps.at(entry.base_url).look(entry.task_id or "")
        except ServiceError:
            return False
        return task.status == "running" or bool(task.urls)

    def _collected_of(self, way: _Way, paid: Sequence[Entry]) -> Outcome | None:
        """The picture of a task that an earlier run paid. After a fresh run that was stopped there is more than one."""
        for number, entry in enumerate(paid, 1):
            try:
                return self._collected(way, entry)
            except (NoSuchTask, TaskError, DownloadError) as error:
                if _ends_the_job(error, entry, last=number == len(paid)):
                    raise
                way.notes.append(error)
                way.task_id = None if isinstance(error, NoSuchTask) else way.task_id
        return None

    def _collected(self, way: _Way, entry: Entry) -> Outcome:
        way.task_id = entry.task_id
        steps = self.steps.at(entry.base_url)
        age = entry.age if entry.collectable else 1.0  # a task that is still there is younger than our clock says
        with self._one_running():
            task = self._watched(way, entry.row, steps, age=age)
        return self._stored(way, entry.row, steps, task)

    def _paid(self, way: _Way) -> Outcome:
        """Submits, and again where the task failed for a passing reason, at most `retries` times."""
        while True:
            if way.failed is not None:
                self._forget_uploads(way)
                if self._is_final(way, way.failed):
                    raise way.failed
                self.steps.pause_after(way.failed, way.failures)
            with contextlib.suppress(TaskFailed):
                return self._submitted(way)

    def _is_final(self, way: _Way, error: GrsaiError) -> bool:
        """Whether the job ends with `error`: that is so but for a failed task that may still be submitted again."""
        return not (isinstance(error, TaskFailed) and may_help(error) and way.failures <= self.settings.retries)

    def _forget_uploads(self, way: _Way) -> None:
        """A task whose pictures the service no longer has fails like any other."""
        for reference in way.job.references:
            self._write_down(way, lambda each=reference: self.steps.forget(each))

    def _submitted(self, way: _Way) -> Outcome:
        """Uploads, submits and waits within a slot; the pictures come down outside of it."""
        failures = 0
        while True:
            self._check_going_on()
            urls = [self.steps.url(reference) for reference in way.job.references]
            try:
                with self._slot(way):
                    row = self._submit(way, urls)
                    begun = time.monotonic()
                    try:
                        task = self._watched(way, row, self.steps)
                    finally:
                        self.gate.finished()
            except _NotTaken as refusal:
                failures += 1
                if failures >= self.steps.tries:
                    raise refusal.error from None
                self.steps.pause_after(refusal.error, failures)
            else:
                self._learn(way.job, time.monotonic() - begun)
                return self._stored(way, row, self.steps, task)

    @contextlib.contextmanager
    def _slot(self, way: _Way) -> Iterator[None]:
        with self.entrance.slot(way.job.task, self.stop) as mine:
            if not mine:
                raise Stopped("Stopped.")
            self._check_going_on()
            try:
                with self._one_running():
                    yield
            except GrsaiError as error:
                if self._is_final(way, error):
                    self._heed_failure(error)  # now: who gets the slot next must know
                raise

    def _submit(self, way: _Way, urls: list[str]) -> int:
        """The one paid request. Returns the ledger's row; raises `_NotTaken`, `Uncertain`, or the refusal."""
        job = way.job
        self._reserve(job.model.credits)
        row = self.ledger.submitting(job, base_url=self.steps.client.base_url, folder=self.output)
        self._enter_submit(way, row)
        try:
            task_id = self.steps.client.submit(
                model=job.model.id,
                prompt=job.prompt,
                urls=urls,
                aspect_ratio=job.aspect_ratio,
                image_size=job.image_size,
            )
        except GrsaiError as error:
            ended = self._not_accepted(way, row, error)
            if not isinstance(ended, Uncertain):  # whoever stops the run before this job has ended is to hear of it
                self._enter(way)
            raise ended from None
        self._accepted(way, row, task_id)
        self._enter(way)
        return row

    def _enter_submit(self, way: _Way, row: int) -> None:
        """The last moment at which a stop keeps the request from being sent."""
        with self._changed:
            if not self.stop.is_set():
                self._enter(way, "submitting")
                return
        self.ledger.not_submitted(row)
        raise Stopped("Stopped.")

    def _accepted(self, way: _Way, row: int, task_id: str) -> None:
        self._write_down(way, lambda: self.ledger.submitted(row, task_id))
        with self._changed:
            way.task_id = task_id
            way.credits += way.job.model.credits
            self._counts["credits"] += way.job.model.credits
        self._tell("submitted", way)
        self.gate.accepted()  # last: a listener that fails must not leave the gate, which others share, one task short

    def _not_accepted(self, way: _Way, row: int, error: GrsaiError) -> Exception:
        said = verdict(error)
        if said == "uncertain":
            lost = Uncertain(
                "The service may have taken and charged this picture, but its reply was lost: {why}"
                " It is not sent again now; the next run sends it again.",
                why=error,
            )
            self._write_down(way, lambda: self.ledger.uncertain(row, lost))
            return lost
        self._reserve(-way.job.model.credits)
        self._write_down(way, lambda: self.ledger.not_submitted(row))
        if said == "refused":
            return error
        if isinstance(error, RateLimited):
            self.gate.refused(error.retry_after)
        else:
            self.gate.broke()
        return _NotTaken(error)

    def _watched(self, way: _Way, row: int, steps: Steps, *, age: float = 0.0) -> Task:
        """Polls the way's task to its end, and writes a bad end down."""
        model, size = way.job.model, way.job.image_size
        try:
            return steps.wait_for(
                way.task_id or "",
                usual=self._usual_of(way.job),
                deadline=self.settings.deadline_seconds or model.deadline_seconds(size),
                age=age,
                on_progress=lambda percent: self._advance(way, percent),
            )
        except StillOpen as error:
            self._keep_open(way, row, error)
            raise
        except TaskError as error:
            if isinstance(error, TaskFailed):
                way.failures, way.failed = way.failures + 1, error
            self._write_down(way, lambda why=error: self.ledger.failed(row, why))
            raise
        except ServiceError as error:
            if isinstance(error, NoSuchTask) and age:  # of an earlier run, and perhaps of another key: with that it can be had
                raise self._keep_open(way, row, error) from None
            raise self._keep_open(way, row, _paid_all_the_same(error, way.task_id)) from None

    def _stored(self, way: _Way, row: int, steps: Steps, task: Task) -> Outcome:
        try:
            kept = steps.fetch(task, self.output, way.job.name, way.job.fingerprint)
        except (DownloadError, OutputError) as error:
            raise self._keep_open(way, row, _paid_all_the_same(error, task.id)) from None
        self._write_down(way, lambda: self.ledger.done(row, kept, task.urls))
        return self._ended(way, "succeeded", kept=kept, urls=task.urls)

    def _keep_open(self, way: _Way, row: int, error: GrsaiError) -> GrsaiError:
        self._write_down(way, lambda: self.ledger.note_error(row, error))
        return error

    def _write_down(self, way: _Way, write: Callable[[], None]) -> None:
        """A ledger that fails must not lose a picture that is paid: the job goes on, new ones do not begin."""
        try:
            write()
        except LedgerError as error:
            way.notes.append(error)
            self._halted(error)

    def _check_going_on(self) -> None:
        if self.stop.is_set():
            raise Stopped("Stopped.")
        if self._halt is not None:
            raise Stopped("Not sent: {why}", why=self._halt)

    def _halted(self, error: GrsaiError) -> None:
        """From now on nothing new is paid; what is open goes on."""
        with self._changed:
            self._halt = self._halt or error

    def _heed_failure(self, error: GrsaiError) -> None:
        """The end of a job without a picture, if that is to be the end of the run too."""
        if self.stop_at_failure and not isinstance(error, Stopped):
            self._halted(error)

    def _reserve(self, credits: int) -> None:
        """Keeps what the run pays, tries after failed tasks included, within the budget."""
        with self._changed:
            if credits > 0 and self.budget_credits and self._reserved + credits > self.budget_credits:
                text = "Not sent: the budget of ¥{budget:.2f} is used up. Raise it to go on."
                raise OverBudget(text, budget=yuan(self.budget_credits))
            self._reserved += credits

    def _usual_of(self, job: Job) -> Usual:
        key = (job.model.id, job.image_size)
        if key not in self._usual:
            known = None
            with contextlib.suppress(LedgerError):  # it only times the polls of what may be paid already
                known = self.ledger.usual_seconds(*key, most=job.model.deadline_seconds(job.image_size))
            self._usual[key] = Usual(known, learnt=True) if known else Usual(job.model.usual_seconds(job.image_size))
        return self._usual[key]

    def _learn(self, job: Job, seconds: float) -> None:
        """What the last task of a kind took, from submit to notice, times the polls of the next ones."""
        before = self._usual_of(job)
        mean = (before.seconds + seconds) / 2 if before.learnt else seconds
        self._usual[job.model.id, job.image_size] = Usual(mean, learnt=True)

    # What the outside sees

    def _enter(self, way: _Way, phase: Literal["running", "submitting"] = "running") -> None:
        with self._changed:
            first = way.phase == "waiting"
            way.phase = phase
            self._changed.notify_all()
        if first:
            self._tell("started", way)

    @contextlib.contextmanager
    def _one_running(self) -> Iterator[None]:
        """A job counts as running from its submit to the end of its task; uploads ahead and downloads do not."""
        with self._changed:
            self._counts["running"] += 1
        try:
            yield
        finally:
            with self._changed:
                self._counts["running"] -= 1

    def _advance(self, way: _Way, percent: int) -> None:
        with self._changed:
            if percent <= way.progress:
                return
            self._percent += percent - way.progress
            way.progress = percent
        self._tell("progress", way)

    def _finish(self, way: _Way, outcome: Outcome) -> None:
        with self._changed:
            way.outcome, way.phase = outcome, "finished"
            self._percent += 100 - way.progress
            way.progress = 100
            self._counts[_COUNTED.get(outcome.status, "failed")] += 1
            self._counts["reused"] += outcome.reused
            if outcome.error is not None:
                self._heed_failure(outcome.error)
            self._changed.notify_all()
        self._tell("finished", way)

    def _tell(self, kind: Literal["started", "submitted", "progress", "finished"], way: _Way) -> None:
        with self._changed:
            if not self._over:
                self.on_event(Event(kind, way.job, self._snapshot(), way.progress, way.outcome))

    def _snapshot(self) -> Snapshot:
        total, seconds = len(self._ways), time.monotonic() - self._begun
        progress = self._percent / total / 100
        remaining = seconds / progress - seconds if progress > 0.02 else None
        return Snapshot(total, progress=progress, seconds=seconds, remaining_seconds=remaining, **self._counts)

    def _ended(
        self,
        way: _Way,
        status: Status,
        error: GrsaiError | None = None,
        *,
        kept: tuple[Path, ...] = (),
        reused: bool = False,
        urls: tuple[str, ...] = (),
    ) -> Outcome:
        seconds = 0.0 if reused else time.monotonic() - (way.begun or time.monotonic())
        return Outcome(way.job, status, kept, way.task_id, error, seconds, way.credits, reused, tuple(way.notes), urls)

    def _interrupted(self, way: _Way) -> Outcome:
        """The outcome of a job that was under way, or not begun, when the run was stopped."""
        if way.phase == "submitting":
            lost = Uncertain(
                "Stopped while the request was on its way: it may have been charged. If no reply comes any more, the next run"
                " sends it again."
            )
            return self._ended(way, "uncertain", lost)
        return self._ended(way, "stopped", Stopped("Stopped."))


def _ends_the_job(error: GrsaiError, entry: Entry, *, last: bool) -> bool:
    """Whether nothing more is tried for a job after the `error` of a task that an earlier run paid."""
    if isinstance(error, DownloadError):
        return entry.collectable  # else the picture is gone
    return isinstance(error, StillOpen) or (last and isinstance(error, (Moderated, EmptyResult)))


def _paid_all_the_same(error: GrsaiError, task_id: str | None) -> GrsaiError:
    text = "{why} Task {task} is paid: run again, or collect within 2 hours, to fetch it without paying."
    return type(error)(text, why=error, task=task_id)


class _NotTaken(Exception):
    """A submit that the service surely did not take, so that it may be sent again."""

    def __init__(self, error: GrsaiError) -> None:
        self.error = error
        super().__init__(str(error))
