"""Fetching what was paid and never collected, without paying: what a killed, stopped or failed run left."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..client import GrsaiClient
from ..errors import GrsaiError, LedgerError, NoSuchTask, StillOpen, Stopped, TaskError
from ..jobs import safe_stem
from ..ledger import Entry, Ledger
from ..settings import Settings
from .gate import Gate
from .retry import Backoff
from .steps import Steps
from .threads import in_threads


@dataclass(frozen=True)
class Collected:
    """What became of a paid task: its files, or why they are not there yet."""

    task_id: str
    files: tuple[Path, ...] = ()
    error: GrsaiError | None = None
    entry: Entry | None = None  # none for a task that only its id was known of


OnCollected = Callable[[Collected, int], None]  # one of how many


def collect(
    *,
    settings: Settings,
    ledger: Ledger,
    output: Path | None = None,
    gate: Gate | None = None,
    stop: threading.Event | None = None,
    task_ids: Sequence[str] = (),
    on_event: OnCollected | None = None,
    backoff: Backoff | None = None,
) -> list[Collected]:
    """Fetches every task that was paid and not collected, in the order of their submits; pays nothing.

    Files go to where their run would have put them, or to `output`. `task_ids` names the tasks that are wanted, also such as the
    ledger does not know. What is here already is not fetched again, and a task that still runs is left for later, as `StillOpen`.
    `on_event` is told of each task as it ends, and how many there are in all, one call at a time.
    """
    stop = stop or threading.Event()
    entries = ledger.entries_of(task_ids) if task_ids else ledger.open_entries()
    strangers = sorted(set(task_ids) - {entry.task_id for entry in entries})
    left = [Collected(entry.task_id or "", error=Stopped("Stopped."), entry=entry) for entry in entries]
    left += [Collected(task_id, error=Stopped("Stopped.")) for task_id in strangers]
    lock = threading.Lock()
    with GrsaiClient(settings) as client:
        steps = Steps(client, ledger, gate or Gate(), stop, backoff or Backoff())

        def collect_one(wanted: Collected) -> Collected:
            collected = _collect(steps, ledger, wanted, output)
            with lock:
                if on_event is not None:
                    on_event(collected, len(left))
            return collected

        found = in_threads(collect_one, left, stop=stop)
    return [each or unfinished for each, unfinished in zip(found, left, strict=True)]


def _collect(steps: Steps, ledger: Ledger, wanted: Collected, output: Path | None) -> Collected:
    try:
        with _claimed(ledger, wanted):
            if wanted.entry is None:
                return _collect_stranger(steps, wanted, output or Path.cwd())
            return _collect_entry(steps, ledger, wanted, ledger.entry(wanted.entry.row) or wanted.entry, output)
    except GrsaiError as error:
        return replace(wanted, error=error)


@contextlib.contextmanager
def _claimed(ledger: Ledger, wanted: Collected) -> Iterator[None]:
    claimed = _claim_of(wanted)
    if not ledger.claim(claimed):
        raise StillOpen("Task {task} is being fetched by another run.", task=wanted.task_id)
    try:
        yield
    finally:
        ledger.release(claimed)


def _claim_of(wanted: Collected) -> str:
    return wanted.entry.fingerprint if wanted.entry else safe_stem(wanted.task_id)


def _collect_entry(steps: Steps, ledger: Ledger, wanted: Collected, entry: Entry, output: Path | None) -> Collected:
    if entry.state == "done" and entry.whole:  # it was here before, or a run was quicker
        return replace(wanted, error=None, files=entry.kept)
    try:
        found = _fetched(steps.at(entry.base_url, entry.api), wanted, output or entry.folder, entry.age)
    except StillOpen:
        raise
    except TaskError as error:
        ledger.failed(entry.row, error)
        raise
    with contextlib.suppress(LedgerError):  # the files are there; the next collection finds them
        ledger.done(entry.row, found.files, ())
    return found


def _collect_stranger(steps: Steps, wanted: Collected, folder: Path) -> Collected:
    """A task that only its id is known of: either generation of the API may have made it."""
    here = steps.client.base_url
    try:
        return _fetched(steps.at(here, "unified"), wanted, folder, 3600.0)
    except NoSuchTask:
        return _fetched(steps.at(here, "legacy"), wanted, folder, 3600.0)


def _fetched(steps: Steps, wanted: Collected, folder: Path, age: float) -> Collected:
    task = steps.settled(wanted.task_id, age=age)
    bare = safe_stem(wanted.task_id)
    stem = wanted.entry.stem if wanted.entry else lambda number: f"{bare}_{number}"
    return replace(wanted, error=None, files=steps.fetch(task, folder, stem, _claim_of(wanted)))
