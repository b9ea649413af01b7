"""The way of one job: claimed, looked up, uploaded, submitted, watched, stored."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from .. import files
from ..client import Task
from ..errors import (
    DownloadError,
    EmptyResult,
    GrsaiError,
    KeyRefused,
    LedgerError,
    Moderated,
    NoSuchTask,
    OutOfCredits,
    OutputError,
    RateLimited,
    ServiceError,
    StillOpen,
    Stopped,
    TaskError,
    TaskFailed,
    Uncertain,
    Unreachable,
)
from ..jobs import Job, Outcome, Status
from ..ledger import Entry
from .context import RunContext
from .price import kind_of
from .progress import Kind
from .steps import Steps, may_help, verdict
from .threads import LOOK_SECONDS

# What every other job would meet too. A host counts as out of reach after all the tries of one job, which take a minute.
_MEET_ALL = (KeyRefused, OutOfCredits, OutputError, LedgerError, Unreachable)


class JobRun:
    """One job on its way through a run. Its thread writes how far it is, under the lock of the run's progress."""

    def __init__(self, job: Job, run: RunContext) -> None:
        self.job = job
        self.outcome: Outcome | None = None
        self.phase: Literal["waiting", "running", "submitting", "finished"] = "waiting"
        self._percent = 0
        self._begun = 0.0
        self._task_id: str | None = None
        self._credits = 0
        self._failures = 0  # tasks that brought no picture, as trying again may
        self._failed: TaskFailed | None = None  # why the last of them did not
        self._notes: list[GrsaiError] = []
        self._run = run

    def go(self) -> None:
        """All of it. What goes wrong becomes the outcome; only a bug, or a listener's, is raised."""
        self._begun = time.monotonic()
        self._enter()
        try:
            outcome = self._claimed()
        except Stopped as error:
            outcome = self._ended("stopped", error)
        except Uncertain as error:
            outcome = self._ended("uncertain", error)
        except GrsaiError as error:
            if isinstance(error, _MEET_ALL):
                self._run.halt(error)
            outcome = self._ended("failed", error)
        self._finish(outcome)

    def interrupted(self) -> Outcome:
        """The outcome of a job that was under way, or not begun, when the run was stopped."""
        if self.phase == "submitting":
            lost = Uncertain(
                "Stopped while the request was on its way: it may have been charged. If no reply comes any more, the next run"
                " sends it again."
            )
            return self._ended("uncertain", lost)
        return self._ended("stopped", Stopped("Stopped."))

    def _claimed(self) -> Outcome:
        """Waits until no other run works on the same job, then goes the rest of the way."""
        fingerprint = self.job.fingerprint
        if isinstance(self._run.halted, LedgerError):  # each claim would wait for the ledger anew
            self._run.check_going_on()
        while not self._run.ledger.claim(fingerprint):
            self._run.steps.pause(LOOK_SECONDS)
        try:
            return self._made([] if self._run.fresh else self._run.ledger.tries(fingerprint, folder=self._run.output))
        finally:
            self._run.ledger.release(fingerprint)

    def _made(self, tries: Sequence[Entry]) -> Outcome:
        """`tries`: what the ledger knows of the job, newest first."""
        for entry in tries:
            if entry.state == "done" and (kept := entry.kept):
                return self._reused(entry, kept)
        paid = [entry for entry in tries if kind_of(entry) == "open"]
        if (outcome := self._collected_of(paid or self._late(tries))) is not None:
            return outcome
        ended = [entry for entry in tries if entry not in paid]
        if ended:
            self._heed(ended[0])
        return self._paid()

    def _heed(self, entry: Entry) -> None:
        """What an entry that brought no picture means for this run."""
        settled_meanwhile = (entry.finished or 0.0) >= self._run.begun_at
        if entry.state == "failed" and (entry.reason == Moderated.reason or settled_meanwhile):
            kind = Moderated if entry.reason == Moderated.reason else TaskFailed
            raise kind("Not sent again: {why} Another seed sends it anew.", why=entry.error)
        if entry.state == "uncertain" and settled_meanwhile:
            raise Uncertain("Not sent again: {why}", why=entry.error)
        if entry.reason == EmptyResult.reason:
            self._notes.append(EmptyResult("Task {task} ended without a picture and may have been paid too.", task=entry.task_id))
        if entry.state in ("submitting", "uncertain"):
            note = Uncertain("An earlier submit got no reply and may have been paid too.")
            self._notes.append(note)
            if entry.state == "submitting":  # its process was killed
                self._write_down(lambda: self._run.ledger.uncertain(entry.row, note))
        if entry.state == "open" and not entry.collectable:
            self._notes.append(
                StillOpen("An earlier task was not collected within 2 hours and is lost: {task}.", task=entry.task_id)
            )

    def _reused(self, entry: Entry, found: tuple[Path, ...]) -> Outcome:
        kept = files.copy(found, self._run.output, self.job.name, self._run.ledger.mark(self.job.fingerprint))
        if kept != found:
            self._write_down(lambda: self._run.ledger.copied(entry.row, kept))
        self._task_id = entry.task_id
        return self._ended("succeeded", kept=kept, reused=True, urls=entry.urls if entry.collectable else ())

    def _late(self, tries: Sequence[Entry]) -> list[Entry]:
        """Tasks that are lost by what we know, and that the service has all the same: asking is free.

        Those that are too old by our clock, which may have been wrong, and those that succeeded without a picture.
        """
        lost = (entry for entry in tries if kind_of(entry) == "new" and entry.task_id)
        asked = (entry for entry in lost if entry.state == "open" or entry.reason == EmptyResult.reason)
        return [entry for entry in asked if self._is_there(entry)]

    def _is_there(self, entry: Entry) -> bool:
        try:
            task = self._run.steps.at(entry.base_url).look(entry.task_id or "")
        except ServiceError:
            return False
        return task.status == "running" or bool(task.urls)

    def _collected_of(self, paid: Sequence[Entry]) -> Outcome | None:
        """The picture of a task that an earlier run paid. After a fresh run that was stopped there is more than one."""
        for number, entry in enumerate(paid, 1):
            try:
                return self._collected(entry)
            except (NoSuchTask, TaskError, DownloadError) as error:
                if _ends_the_job(error, entry, last=number == len(paid)):
                    raise
                self._notes.append(error)
                self._task_id = None if isinstance(error, NoSuchTask) else self._task_id
        return None

    def _collected(self, entry: Entry) -> Outcome:
        self._task_id = entry.task_id
        steps = self._run.steps.at(entry.base_url)
        age = entry.age if entry.collectable else 1.0  # a task that is still there is younger than our clock says
        with self._run.progress.one_running():
            task = self._watched(entry.row, steps, age=age)
        return self._stored(entry.row, steps, task)

    def _paid(self) -> Outcome:
        """Submits, and again where the task failed for a passing reason, at most `retries` times."""
        while True:
            if self._failed is not None:
                self._forget_uploads()
                if self._is_final(self._failed):
                    raise self._failed
                self._run.steps.pause_after(self._failed, self._failures)
            with contextlib.suppress(TaskFailed):
                return self._submitted()

    def _is_final(self, error: GrsaiError) -> bool:
        """Whether the job ends with `error`: that is so but for a failed task that may still be submitted again."""
        return not (isinstance(error, TaskFailed) and may_help(error) and self._failures <= self._run.settings.retries)

    def _forget_uploads(self) -> None:
        """A task whose pictures the service no longer has fails like any other."""
        for reference in self.job.references:
            self._write_down(lambda each=reference: self._run.steps.forget(each))

    def _submitted(self) -> Outcome:
        """Uploads, submits and waits within a slot; the pictures come down outside of it."""
        failures = 0
        while True:
            self._run.check_going_on()
            urls = [self._run.steps.url(reference) for reference in self.job.references]
            try:
                with self._slot():
                    row = self._submit(urls)
                    begun = time.monotonic()
                    try:
                        task = self._watched(row, self._run.steps)
                    finally:
                        self._run.gate.finished()
            except _NotTaken as refusal:
                failures += 1
                if failures >= self._run.steps.tries:
                    raise refusal.error from None
                self._run.steps.pause_after(refusal.error, failures)
            else:
                self._run.learn(self.job, time.monotonic() - begun)
                return self._stored(row, self._run.steps, task)

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        with self._run.entrance.slot(self.job.task, self._run.stop) as mine:
            if not mine:
                raise Stopped("Stopped.")
            self._run.check_going_on()
            try:
                with self._run.progress.one_running():
                    yield
            except GrsaiError as error:
                if self._is_final(error):
                    self._run.heed_failure(error)  # now: who gets the slot next must know
                raise

    def _submit(self, urls: list[str]) -> int:
        """The one paid request. Returns the ledger's row; raises `_NotTaken`, `Uncertain`, or the refusal."""
        job = self.job
        self._run.reserve(job.model.credits)
        row = self._run.ledger.submitting(job, base_url=self._run.steps.client.base_url, folder=self._run.output)
        self._enter_submit(row)
        try:
            task_id = self._run.steps.client.submit(
                model=job.model.id,
                prompt=job.prompt,
                urls=urls,
                aspect_ratio=job.aspect_ratio,
                image_size=job.image_size,
            )
        except GrsaiError as error:
            ended = self._not_accepted(row, error)
            if not isinstance(ended, Uncertain):  # whoever stops the run before this job has ended is to hear of it
                self._enter()
            raise ended from None
        self._accepted(row, task_id)
        self._enter()
        return row

    def _enter_submit(self, row: int) -> None:
        """The last moment at which a stop keeps the request from being sent."""
        with self._run.progress.changed:
            if not self._run.stop.is_set():
                self._enter("submitting")
                return
        self._run.ledger.not_submitted(row)
        raise Stopped("Stopped.")

    def _accepted(self, row: int, task_id: str) -> None:
        self._write_down(lambda: self._run.ledger.submitted(row, task_id))
        with self._run.progress.changed:
            self._task_id = task_id
            self._credits += self.job.model.credits
            self._run.progress.pay(self.job.model.credits)
        self._tell("submitted")
        self._run.gate.accepted()  # last: a listener that fails must not leave the gate, which others share, one task short

    def _not_accepted(self, row: int, error: GrsaiError) -> Exception:
        said = verdict(error)
        if said == "uncertain":
            lost = Uncertain(
                "The service may have taken and charged this picture, but its reply was lost: {why}"
                " It is not sent again now; the next run sends it again.",
                why=error,
            )
            self._write_down(lambda: self._run.ledger.uncertain(row, lost))
            return lost
        self._run.reserve(-self.job.model.credits)
        self._write_down(lambda: self._run.ledger.not_submitted(row))
        if said == "refused":
            return error
        if isinstance(error, RateLimited):
            self._run.gate.refused(error.retry_after)
        else:
            self._run.gate.broke()
        return _NotTaken(error)

    def _watched(self, row: int, steps: Steps, *, age: float = 0.0) -> Task:
        """Polls the task to its end, and writes a bad end down."""
        model, size = self.job.model, self.job.image_size
        try:
            return steps.wait_for(
                self._task_id or "",
                usual=self._run.usual_of(self.job),
                deadline=self._run.settings.deadline_seconds or model.deadline_seconds(size),
                age=age,
                on_progress=self._advance,
            )
        except StillOpen as error:
            self._keep_open(row, error)
            raise
        except TaskError as error:
            if isinstance(error, TaskFailed):
                self._failures, self._failed = self._failures + 1, error
            self._write_down(lambda why=error: self._run.ledger.failed(row, why))
            raise
        except ServiceError as error:
            if isinstance(error, NoSuchTask) and age:  # of an earlier run, and perhaps of another key: with that it can be had
                raise self._keep_open(row, error) from None
            raise self._keep_open(row, _paid_all_the_same(error, self._task_id)) from None

    def _stored(self, row: int, steps: Steps, task: Task) -> Outcome:
        try:
            kept = steps.fetch(task, self._run.output, self.job.name, self.job.fingerprint)
        except (DownloadError, OutputError) as error:
            raise self._keep_open(row, _paid_all_the_same(error, task.id)) from None
        self._write_down(lambda: self._run.ledger.done(row, kept, task.urls))
        return self._ended("succeeded", kept=kept, urls=task.urls)

    def _keep_open(self, row: int, error: GrsaiError) -> GrsaiError:
        self._write_down(lambda: self._run.ledger.note_error(row, error))
        return error

    def _write_down(self, write: Callable[[], None]) -> None:
        """A ledger that fails must not lose a picture that is paid: the job goes on, new ones do not begin."""
        try:
            write()
        except LedgerError as error:
            self._notes.append(error)
            self._run.halt(error)

    def _enter(self, phase: Literal["running", "submitting"] = "running") -> None:
        with self._run.progress.changed:
            first = self.phase == "waiting"
            self.phase = phase
            self._run.progress.changed.notify_all()
        if first:
            self._tell("started")

    def _advance(self, percent: int) -> None:
        with self._run.progress.changed:
            if percent <= self._percent:
                return
            self._run.progress.advance(percent - self._percent)
            self._percent = percent
        self._tell("progress")

    def _finish(self, outcome: Outcome) -> None:
        with self._run.progress.changed:
            self.outcome, self.phase = outcome, "finished"
            self._run.progress.advance(100 - self._percent)
            self._percent = 100
            self._run.progress.end(outcome)
            if outcome.error is not None:
                self._run.heed_failure(outcome.error)
            self._run.progress.changed.notify_all()
        self._tell("finished")

    def _tell(self, kind: Kind) -> None:
        self._run.progress.tell(kind, self.job, self._percent, self.outcome)

    def _ended(
        self,
        status: Status,
        error: GrsaiError | None = None,
        *,
        kept: tuple[Path, ...] = (),
        reused: bool = False,
        urls: tuple[str, ...] = (),
    ) -> Outcome:
        seconds = 0.0 if reused else time.monotonic() - (self._begun or time.monotonic())
        return Outcome(self.job, status, kept, self._task_id, error, seconds, self._credits, reused, tuple(self._notes), urls)


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
