"""What a run does about a job by what the ledger knows of it: reuse, collect, ask, refuse or pay. Pure; tested row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import DownloadError, EmptyResult, GrsaiError, Moderated, NoSuchTask, StillOpen, TaskFailed, Uncertain
from ..ledger import Entry

_MINUTE = 60.0
Kind = Literal["reused", "open", "refused", "new"]


@dataclass(frozen=True)
class Reuse:
    """The files of an earlier run are all there."""

    entry: Entry
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Collect:
    """A task that is paid, whose picture is not here: fetch it."""

    entry: Entry


@dataclass(frozen=True)
class Ask:
    """A task that is lost by what we know, and that the service may have all the same: asking is free."""

    entry: Entry


@dataclass(frozen=True)
class Refuse:
    """Nothing more is done for the job in this run. `lost`: a submit of it whose process died, which is uncertain from now on."""

    error: GrsaiError
    lost: Entry | None = None


@dataclass(frozen=True)
class Pay:
    """Submit it. `notes`: what the user should know of earlier submits; `failed`: how a task ended that this run has collected;
    `killed`: a submit whose process died, which is uncertain from now on."""

    notes: tuple[GrsaiError, ...] = ()
    failed: TaskFailed | None = None
    killed: Entry | None = None


Decision = Reuse | Collect | Ask | Refuse | Pay


def decide(
    tries: Sequence[Entry],
    *,
    asked: dict[int, GrsaiError | None] | None = None,
    begun_at: float = float("inf"),
    key_mark: str = "",
    run: str = "",
) -> Decision:
    """The next step for a job.

    `tries`: its submits, newest first. `asked`: the rows that this run has collected or asked for already, with how that ended
    (None: the service does not have it). `begun_at`: when this run began, in seconds since 1970; what another run settled since
    then is not undone. `key_mark`: tells the key of this run from others; a task of another key cannot be asked for with it.
    `run`: this one; a submit of its own that is not settled was under way in a process that is lost.
    """
    asked = asked or {}
    for entry in tries:
        if entry.state == "done" and (files := entry.kept):
            return Reuse(entry, files)
    open_ones = [entry for entry in tries if _is_open(entry)]
    for entry in open_ones:
        if entry.row not in asked:
            return Collect(entry)
        if (error := _that_ends_it(asked[entry.row], entry, key_mark)) is not None:
            return Refuse(error)
    for entry in () if open_ones else tries:
        if _may_be_there(entry) and entry.row not in asked:
            return Ask(entry)
    last = next(reversed(asked.values()), None)
    if isinstance(last, (Moderated, EmptyResult)):
        return Refuse(last)
    return _after_all([entry for entry in tries if entry not in open_ones], asked.values(), begun_at, run)


def kind_of(decision: Decision) -> Kind:
    """How an estimate counts it: what an earlier run paid costs nothing, nor does what is not sent."""
    if isinstance(decision, Reuse):
        return "reused"
    if isinstance(decision, Collect):
        return "open"
    return "refused" if isinstance(decision, Refuse) else "new"


def _is_open(entry: Entry) -> bool:
    return entry.state in ("open", "done") and entry.collectable


def _that_ends_it(error: GrsaiError | None, entry: Entry, key_mark: str) -> GrsaiError | None:
    """Why nothing more is tried for a job after what came of a task that an earlier run paid."""
    if isinstance(error, StillOpen) or (isinstance(error, DownloadError) and entry.collectable):
        return error
    clock_was_set_back = (entry.submitted or entry.created) > entry.clock() + _MINUTE  # nobody knows how old it is
    if isinstance(error, NoSuchTask) and entry.key_mark in ("", key_mark) and not clock_was_set_back:
        text = (
            "Task {task} is paid, but the service does not know it now: {why} It stays open. Run again, or collect, within 2"
            " hours of its submit; to pay again use --fresh, or free it with collect --forget."
        )
        return StillOpen(text, task=entry.task_id, why=error)
    return None


def _may_be_there(entry: Entry) -> bool:
    """Too old by our clock, which may have been wrong, or a success whose picture is shown late."""
    return entry.task_id is not None and not _is_open(entry) and (entry.state == "open" or entry.reason == EmptyResult.reason)


def _after_all(ended: Sequence[Entry], errors: Iterable[GrsaiError | None], begun_at: float, run: str) -> Refuse | Pay:
    """What the newest submit that brought no picture means for this run."""
    failed = next((error for error in errors if isinstance(error, TaskFailed)), None)
    if not ended:
        return Pay(failed=failed)
    entry, moderated = ended[0], ended[0].reason == Moderated.reason
    is_of_this_run = bool(run) and entry.run == run
    settled_meanwhile = is_of_this_run or begun_at <= (entry.finished or 0.0) <= entry.clock()
    if entry.state == "failed" and (moderated or settled_meanwhile):
        kind = Moderated if moderated else TaskFailed
        return Refuse(kind("Not sent again: {why} With another seed it is sent again.", why=entry.trouble or entry.error))
    if entry.state == "submitting" and is_of_this_run:
        text = (
            "The worker that sent this request was lost before the reply came: it may have been charged. It is not sent again"
            " now; the next run sends it again."
        )
        return Refuse(Uncertain(text), entry)
    if entry.state == "uncertain" and settled_meanwhile:
        return Refuse(Uncertain("Not sent again: {why}", why=entry.trouble or entry.error))
    if entry.reason == EmptyResult.reason:
        note = EmptyResult("Task {task} ended without a picture and may have been paid too.", task=entry.task_id)
        return Pay((note,), failed)
    if entry.state in ("submitting", "uncertain"):
        note = Uncertain("An earlier submit got no reply and may have been paid too.")
        return Pay((note,), failed, entry if entry.state == "submitting" else None)
    if entry.state == "open":
        text = "An earlier task was not collected within 2 hours and is lost: {task}."
        return Pay((StillOpen(text, task=entry.task_id),), failed)
    return Pay(failed=failed)
