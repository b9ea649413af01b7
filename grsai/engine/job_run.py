"""One job on its way through a run: claimed, looked up, uploaded, submitted, watched, stored."""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from .. import files
from ..client import GrsaiClient, Task
from ..errors import (
    BadPicture,
    DownloadError,
    GrsaiError,
    KeyRefused,
    LedgerError,
    ModelUnavailable,
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
    WrongJob,
)
from ..jobs import Job, Outcome, Status
from ..ledger import Entry
from ..pictures import kept_as_it_came
from .context import RunContext
from .decision import Ask, Collect, Pay, Refuse, Reuse, decide
from .progress import Kind
from .retry import may_help, may_pass, verdict
from .steps import TRIES_BEFORE_ANOTHER_HOST, Steps
from .threads import LOOK_SECONDS

# What every other job would meet too. A host counts as out of reach after all the tries of one job, which take a minute.
MEET_ALL = (KeyRefused, OutOfCredits, OutputError, LedgerError, Unreachable)
_log = logging.getLogger(__name__)


class JobRun:
    """One job in one run. Its thread writes how far it is, under the lock of the run's progress."""

    def __init__(self, job: Job, run: RunContext, known: Reuse | None = None, former: JobRun | None = None) -> None:
        self.job = job
        self.pasted: tuple[Path, ...] = ()  # what an edit brought: its picture, or that for the next area
        self._former = former  # whose picture this one edits
        self._plain: tuple[Path, ...] = ()
        self.outcome: Outcome | None = None
        self.phase: Literal["waiting", "running", "submitting", "finished"] = "waiting"
        self._folder = run.output / job.folder
        self._known = known  # what the plan found: its files, where they are to be
        self._percent = 0
        self._begun: float | None = None  # when the last submit was sent, or the last task asked for
        self._task_id: str | None = None
        self._credits = 0
        self._earlier = (0, 0.0)  # credits that another run paid for what is used of it, and its seconds
        self._notes: list[GrsaiError] = []
        self._model = job.model  # which one of `fallback` may stand in for
        self._made_by = ""  # the model of an earlier run, where it stood in
        self._fallback = iter(run.settings.fallback)
        self._run = run

    @property
    def how_far(self) -> tuple[int, int, bool]:
        """Percent, what this run has paid for it, and whether there is a task of it."""
        return self._percent, self._credits, self._task_id is not None

    # The story

    def run(self) -> None:
        """All of it. What goes wrong becomes the outcome; only a bug, or a listener's, is raised."""
        self._enter()
        try:
            self._await_former()
            if self._known is not None:
                outcome = self._reuse(self._known)
            else:
                with self._claim():
                    outcome = self._make()
        except Stopped as error:
            outcome = self._outcome_of("stopped", error)
        except Uncertain as error:
            outcome = self._outcome_of("uncertain", error)
        except GrsaiError as error:
            if isinstance(error, MEET_ALL):
                self._run.halt(error)
            outcome = self._outcome_of("failed", error)
        self._finish(outcome)

    def _make(self) -> Outcome:
        """Whatever the ledger says is to be done, until the job has its outcome."""
        fingerprint, asked = self.job.fingerprint, dict[int, GrsaiError | None]()
        run, tries = self._run, self._run.tries(fingerprint, folder=self._folder)
        while True:
            self._notes = [error for error in asked.values() if error is not None]
            match decide(tries, asked=asked, begun_at=run.begun_at, key_mark=run.key_mark, run=run.id):
                case Reuse() as found:
                    return self._reuse(found)
                case Ask(entry) if not self._run.steps.at(entry.base_url, entry.api).knows(entry.task_id or ""):
                    asked[entry.row] = None
                case Collect(entry) | Ask(entry):
                    try:
                        return self._collect(entry)
                    except (NoSuchTask, TaskError, DownloadError) as error:
                        asked[entry.row], self._earlier = error, (0, 0.0)
                case Refuse(error, lost):
                    self._notes = [note for note in self._notes if note not in (error, error.values.get("why"))]
                    if lost is not None:
                        self._write_down(run.ledger.uncertain, lost.row, error)
                    raise error
                case Pay(notes, failed, killed):
                    self._notes += notes
                    if killed is not None:
                        self._write_down(self._run.ledger.uncertain, killed.row, notes[0])
                    return self._pay(failed)

    def _reuse(self, found: Reuse) -> Outcome:
        entry, claimed = found.entry, self.job.fingerprint
        kept = files.copy(found.files, self._folder, self.job.stem, self._run.ledger.mark(claimed))
        if kept != found.files:
            self._write_down(self._run.ledger.copied, entry.row, kept)
        self._task_id, self._made_by = entry.task_id, entry.model
        urls = entry.urls if entry.collectable else ()
        if self._takes_up(entry):
            return self._succeeded(kept, urls=urls)
        self._earlier = (entry.credits, entry.seconds)
        return self._succeeded(kept, reused=True, urls=urls)

    def _collect(self, entry: Entry) -> Outcome:
        """The picture of a task that an earlier run paid."""
        _log.info("%s: asks for task %s of an earlier run", self.job.name, entry.task_id)
        self._task_id, self._begun, self._made_by = entry.task_id, time.monotonic(), entry.model
        self._earlier = (0 if self._takes_up(entry) else entry.credits, 0.0)
        steps = self._run.steps.at(entry.base_url, entry.api)
        age = entry.age if entry.collectable else 1.0  # a task that is still there is younger than our clock says
        try:
            with self._run.progress.one_running():
                task, _ = self._watch(entry.row, steps, age=age)
            return self._store(entry.row, steps, task)
        except NoSuchTask:
            self._task_id = None
            raise

    def _takes_up(self, entry: Entry) -> bool:
        """Whether this run has paid it, in a process that was lost; then it counts as paid by this run."""
        if not (self._run.spread and entry.run == self._run.id):
            return False
        with self._run.progress.changed:
            self._run.progress.pay(entry.credits - self._credits)
            self._credits = entry.credits
        return True

    def _pay(self, failed: TaskFailed | None) -> Outcome:
        """Submits, and again where the task failed for a temporary reason, at most `retries` times."""
        failures = 1 if failed else 0
        while True:
            if failed is not None:
                for reference in self.job.references:  # a task whose pictures the service no longer has fails like any other
                    self._write_down(self._run.steps.forget, reference)
                if failures > self._run.settings.retries or not may_help(failed):
                    raise failed
                self._run.steps.pause_after(failed, failures)
            try:
                return self._store(*self._submit_and_watch(may_fail=failures < self._run.settings.retries))
            except TaskFailed as error:
                failed, failures = error, failures + 1

    def _submit_and_watch(self, *, may_fail: bool) -> tuple[int, Steps, Task]:
        """Uploads, submits and waits within a slot; again where the service surely did not take it."""
        failures = 0
        while True:
            self._run.check_going_on()
            urls = [self._run.steps.upload(reference) for reference in self.job.references]
            client = self._run.steps.client
            with self._slot(may_fail=may_fail):
                row = self._submit(client, urls)
                if isinstance(row, int):
                    steps = self._run.steps.at(client.base_url, self._model.api(self._run.settings.api))
                    goes_on = self._run.usual_of(self.job).seconds
                    try:
                        task, seconds = self._watch(row, steps)
                        goes_on = 0.0
                    except TaskError as error:
                        goes_on = goes_on if isinstance(error, StillOpen) else 0.0
                        raise
                    finally:
                        self._run.gate.finished(goes_on=goes_on)
                    self._run.learn(self.job, seconds)
                    return row, steps, task
            failures += 1
            if isinstance(row, ModelUnavailable):  # the next one of `fallback` is taken
                continue
            if failures > TRIES_BEFORE_ANOTHER_HOST and self._run.steps.leaves(client, row):
                failures = 0
                continue
            if failures >= self._run.steps.tries or not may_pass(row):
                raise row
            self._run.steps.pause_after(row, failures)

    # The paid request

    def _submit(self, client: GrsaiClient, urls: list[str]) -> int | GrsaiError:
        """Returns the ledger's row, or why the service surely did not take it. Raises the refusal, or `Uncertain`."""
        if self._model.closed and not self._fall_back(ModelUnavailable("The service has closed {model}.", model=self._model.id)):
            self._run.settings.catalogue.check_open(self._model)
        model, ledger = self._model, self._run.ledger
        job = self.job if model is self.job.model else self.job.made_with(model)
        api = model.api(self._run.settings.api)
        self._run.reserve(model.credits)
        try:
            row = ledger.submitting(
                self.job,
                base_url=client.base_url,
                folder=self._folder,
                api=api,
                model=model,
                run=self._run.id,
                key_mark=self._run.key_mark,
                allow=self._run.budget.allowance(model.credits),
            )
        except OverBudget:
            self._run.reserve(-model.credits)
            raise
        with self._run.progress.changed:  # the last moment at which a stop keeps the request from being sent
            if not (stopped := self._run.stop.is_set()):
                self._enter("submitting")
        if stopped:
            ledger.not_submitted(row)
            raise Stopped("Stopped.")
        self._begun = time.monotonic()
        try:
            ledger.check_sendable(row)
            task_id = client.submit(
                model=model.id,
                prompt=job.prompt,
                urls=urls,
                aspect_ratio=job.sent_ratio,
                image_size=job.sent_size,
                quality=job.quality,
                background=job.background,
                api=api,
            )
        except GrsaiError as error:
            return self._not_accepted(row, error)
        self._write_down(ledger.submitted, row, task_id)
        with self._run.progress.changed:
            self._task_id = task_id
            self._credits += model.credits
            self._run.progress.pay(model.credits)
        self._tell("submitted")
        self._run.gate.accepted()  # last: a listener that fails must not leave the gate, which others share, one task short
        self._enter()
        return row

    def _not_accepted(self, row: int, error: GrsaiError) -> GrsaiError:
        """What an error means for the money. Returns one after which the request may be sent again, raises all others."""
        said = "refused" if isinstance(error, LedgerError) else verdict(error)  # the ledger's own: it was not sent
        _log.info("%s: the submit is %s: %s", self.job.name, {"again": "not taken"}.get(said, said), error)
        if said == "uncertain":
            lost = Uncertain(
                "The service may have taken and charged this picture, but its reply was lost: {why}"
                " It is not sent again now; the next run sends it again.",
                why=error,
            )
            self._write_down(self._run.ledger.uncertain, row, lost)
            raise lost from None
        self._run.reserve(-self._model.credits)
        self._write_down(self._run.ledger.not_submitted, row)
        self._enter()  # whoever stops the run before this job has ended is to hear of it
        if said == "refused":
            self._run.heed_refusal(error)
            if isinstance(error, ModelUnavailable) and self._fall_back(error):
                return error
            raise error from None
        if isinstance(error, RateLimited):
            self._run.gate.refused(error.retry_after)
        else:
            self._run.gate.broke()
        return error

    @property
    def _deadline(self) -> float:
        """Seconds for the task, and again for what it made."""
        return self._run.settings.deadline_seconds or self.job.model.deadline_seconds(self.job.image_size)

    def _watch(self, row: int, steps: Steps, *, age: float = 0.0) -> tuple[Task, float]:
        """Polls the task to its end, and writes a bad end down."""
        try:
            return steps.wait_for(
                self._task_id or "",
                usual=self._run.usual_of(self.job),
                deadline=self._deadline,
                age=age,
                on_progress=self._advance,
            )
        except StillOpen as error:
            raise self._keep_open(row, error) from None
        except TaskError as error:
            given_back = self._model.refunds_refused if isinstance(error, Moderated) else self._model.refunds_failed
            self._write_down(functools.partial(self._run.ledger.failed, refunded=bool(given_back)), row, error)
            raise
        except ServiceError as error:
            if isinstance(error, NoSuchTask) and age:  # of an earlier run, and perhaps of another key: with that it can be had
                raise self._keep_open(row, error) from None
            raise self._keep_open(row, _paid_all_the_same(error, self._task_id)) from None

    def _store(self, row: int, steps: Steps, task: Task) -> Outcome:
        try:
            kept = steps.fetch(
                task,
                self._folder,
                self.job.stem,
                self.job.fingerprint,
                seconds=self._deadline,
                metadata=self._run.metadata,
            )
            self._notes += filter(None, map(kept_as_it_came, kept))
        except (DownloadError, OutputError) as error:
            raise self._keep_open(row, _paid_all_the_same(error, task.id)) from None
        self._write_down(self._run.ledger.done, row, kept, task.public_urls)
        return self._succeeded(kept, urls=task.public_urls)

    # An edit within a mask: the paste comes when all that was paid is safe

    def _await_former(self) -> None:
        """An area that is edited on the picture of another one waits for it."""
        if self._former is None:
            return
        while (former := self._former.outcome) is None:
            self._run.steps.pause(LOOK_SECONDS)
        if former.error is not None:
            raise Stopped("Not sent: {why}", why=former.error)
        self.job = self.job.onto(self._former.pasted[0])

    def _succeeded(self, kept: tuple[Path, ...], *, reused: bool = False, urls: tuple[str, ...] = ()) -> Outcome:
        edit = self.job.edit
        if edit is None:
            return self._outcome_of("succeeded", kept=kept, reused=reused, urls=urls)
        self._plain = kept
        try:
            pasted = [
                edit.paste(plain, self._folder, number=number, metadata=self._run.metadata)
                for number, plain in enumerate(kept, 1)
            ]
        except (BadPicture, OutputError) as error:
            text = "{why} What came is paid and kept as {file}: run again, and it is pasted without paying."
            raise error.within(text, file=kept[0].name) from None
        self.pasted = tuple(each.file for each in pasted)
        self._notes += [note for each in pasted for note in each.notes]
        return self._outcome_of("succeeded", kept=self.pasted if edit.is_last else (), reused=reused)

    def _fall_back(self, error: GrsaiError) -> bool:
        """Whether the next model of `fallback` is taken from now on that can make the job and costs no more than was shown."""
        for name in self._fallback:
            with contextlib.suppress(WrongJob):
                model = self.job.made_with(self._run.settings.catalogue.named(name)).model
                if not (model.closed or model.maintenance) and 0 < model.credits <= self.job.model.credits:  # 0: not known
                    text = "Made with {model} instead of {asked}: {why}"
                    self._notes.append(ModelUnavailable(text, model=model.id, asked=self.job.model.id, why=error))
                    self._model = model
                    return True
        return False

    # What other jobs and other runs must know

    @contextlib.contextmanager
    def _claim(self) -> Iterator[None]:
        """Waits until no other run works on the same job."""
        fingerprint, ledger = self.job.fingerprint, self._run.ledger
        if isinstance(self._run.halted, LedgerError):  # each claim would wait for the ledger anew
            self._run.check_going_on()
        while not ledger.claim(fingerprint):
            self._run.steps.pause(LOOK_SECONDS)
        try:
            yield
        finally:
            ledger.release(fingerprint)

    @contextlib.contextmanager
    def _slot(self, *, may_fail: bool) -> Iterator[None]:
        """The right to have one more task open. `may_fail`: a task that fails is submitted again."""
        with self._run.entrance.slot(self.job.task, self._run.stop) as granted:
            if not granted:
                raise Stopped("Stopped.")
            self._run.check_going_on()
            try:
                with self._run.progress.one_running():
                    yield
            except GrsaiError as error:
                if not (may_fail and isinstance(error, TaskFailed) and may_help(error)):
                    self._run.heed_failure(error)  # now: who gets the slot next must know
                raise

    def _keep_open(self, row: int, error: GrsaiError) -> GrsaiError:
        self._write_down(self._run.ledger.note_error, row, error)
        return error

    def _write_down(self, write: Callable[..., None], *values: object) -> None:
        """A ledger that fails must not lose a picture that is paid: the job goes on, new ones do not begin."""
        try:
            write(*values)
        except LedgerError as error:
            self._notes.append(error)
            self._run.halt(error)

    # How far it is

    def interrupted(self) -> Outcome:
        """The outcome of a job that was under way, or not begun, when the run was stopped."""
        if self.phase == "submitting":
            lost = Uncertain(
                "Stopped while the request was on its way: it may have been charged. If no reply comes any more, the next run"
                " sends it again."
            )
            return self._outcome_of("uncertain", lost)
        return self._outcome_of("stopped", Stopped("Stopped."))

    def _enter(self, phase: Literal["running", "submitting"] = "running") -> None:
        with self._run.progress.changed:
            first = self.phase == "waiting"
            self._run.progress.submitting += (phase == "submitting") - (self.phase == "submitting")
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
        self._enter()  # no longer submitting
        with self._run.progress.changed:
            self.outcome, self.phase = outcome, "finished"
            self._run.progress.advance(100 - self._percent)
            self._percent = 100
            self._run.progress.end(outcome)
            if outcome.error is not None:
                self._run.heed_failure(outcome.error)
            self._tell("finished")  # before the run sees that this was the last one, and tells nothing more
            self._run.progress.changed.notify_all()

    def _tell(self, kind: Kind) -> None:
        self._run.progress.tell(kind, self.job, self._percent, self.outcome)

    def _outcome_of(
        self,
        status: Status,
        error: GrsaiError | None = None,
        *,
        kept: tuple[Path, ...] = (),
        reused: bool = False,
        urls: tuple[str, ...] = (),
    ) -> Outcome:
        seconds = 0.0 if reused or self._begun is None else time.monotonic() - self._begun
        notes, made_by = tuple(self._notes), self._model.id if self._model is not self.job.model else self._made_by
        return Outcome(
            self.job, status, kept, self._task_id, error, seconds, self._credits, reused, notes, urls, made_by, plain=self._plain,
            earlier_credits=self._earlier[0], earlier_seconds=self._earlier[1],
        )  # fmt: skip


def _paid_all_the_same(error: GrsaiError, task_id: str | None) -> GrsaiError:
    text = "{why} Task {task} is paid: run again, or collect within 2 hours, to fetch it without paying."
    return error.within(text, task=task_id)
