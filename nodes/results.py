"""What a node says at its end: what was made, and where nothing was, why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ..grsai.errors import GrsaiError, Stopped
from ..grsai.jobs import Outcome
from ..grsai.report.report import Delivery, summary
from ..grsai.sheets import Back
from ..grsai.texts import say
from .account import Account
from .images import Loaded
from .runs import NodeRun


def files_of(outcomes: Sequence[Outcome], *, all_or_nothing: bool = False) -> list[Path]:
    """The files of all pictures. Raises where there is none, or, if asked for, where one is missing."""
    good = [outcome for outcome in outcomes if outcome.status == "succeeded"]
    if not good or (all_or_nothing and len(good) < len(outcomes)):
        raise _failure(outcomes, len(good))
    return [file for outcome in good for file in outcome.files]


def report(outcomes: Sequence[Outcome], loaded: Loaded, run: NodeRun, account: Account, sheet: Back | None = None) -> str:
    """The summary of a run, with every failure and what became of the ledger, in the user's language. `sheet`: of its rows.

    Raises `BadPicture` if not one of the files can be read: they are kept, but there is nothing to hand on.
    """
    if not loaded.images:
        raise loaded.left_out[0]
    text = summary(
        outcomes,
        seconds=time.monotonic() - run.begun,
        language=run.language,
        most=len(outcomes),
        per_yuan=account.settings.credits_per_yuan,
        delivery=Delivery(sheet.path if sheet else None, rows=sheet.rows if sheet else (), offline=run.offline),
    )
    if sheet:
        text += "\n" + (sheet.error.say(run.language) if sheet.error else say("Sheet: {path}", run.language, path=sheet.path))
    lines = [text, *(notice.say(run.language) for notice in (*loaded.left_out, *account.ledger.notices))]
    if run.offline:
        lines.append(say("Made with the offline emulator: the price above was not paid.", run.language))
    return "\n".join(lines)


def _failure(outcomes: Sequence[Outcome], made: int) -> GrsaiError:
    """Model, reason, task and advice of the first failure, in an error of the same kind."""
    missed = [outcome for outcome in outcomes if outcome.error]
    first = next((outcome for outcome in missed if not isinstance(outcome.error, Stopped)), missed[0])
    error, model = first.error, first.job.model.id
    assert error is not None
    if first.task_id and first.task_id not in str(error):
        error = type(error)("{why} (task {task})", why=error, task=first.task_id)
    if len(outcomes) == 1:
        return type(error)("{model}: {why}", model=model, why=error)
    text = "{model}: none of the {total} pictures was made.\n{name}: {why}"
    if made:
        text = "{model}: stopped at a failure. {made} of {total} pictures are made and kept: run again to go on.\n{name}: {why}"
    return type(error)(text, model=model, made=made, total=len(outcomes), name=first.job.title, why=error)
