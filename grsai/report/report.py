"""What a run made, in numbers: the summary on the screen and `report.json`."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Moderated, StillOpen, TaskError
from ..files import relative, write_text
from ..jobs import Job, Outcome
from ..models import CREDITS_PER_YUAN
from ..texts import say
from .phrases import duration, money, plain

REPORT_FILE = "report.json"
_FEW = 12  # failures that the summary names one by one
_SHORT = 40  # characters of a prompt beside a failure


@dataclass(frozen=True)
class Totals:
    """`seconds`: the whole run by the clock; `serial_seconds`: what the same work takes one after another."""

    total: int
    succeeded: int
    failed: int
    uncertain: int
    stopped: int
    reused: int
    credits: int
    failed_credits: int  # of these, for tasks that failed: the service may have given them back
    seconds: float
    serial_seconds: float
    worked: int  # jobs that this run spent time on

    @property
    def average_seconds(self) -> float:
        return self.serial_seconds / self.worked if self.worked else 0.0

    @property
    def saved_seconds(self) -> float:
        return max(self.serial_seconds - self.seconds, 0.0)

    @property
    def saved_share(self) -> float:
        return self.saved_seconds / self.serial_seconds if self.serial_seconds else 0.0


@dataclass(frozen=True)
class Delivery:
    """What a run hands over beside its pictures.

    `sheet`: the one that came back, `sheet_folder`: where its paths lead from, `rows`: of each job, in plan order. `finished`:
    the file of each original that was finished; None where nothing was to be. `by_workers`: of a cluster, which are named.
    `verdicts`: of pictures, by "<task id>/<number>". `compare`: what several models cost, where they were compared.
    `offline`: made with the emulator, so that nothing was paid.
    """

    sheet: Path | None = None
    sheet_folder: Path | None = None
    rows: Sequence[int | None] = ()
    finished: Mapping[Path, Path] | None = None
    by_workers: bool = False
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    compare: Mapping[str, Any] | None = None
    offline: bool = False

    def row_of(self, job: Job) -> int | None:
        return self.rows[job.task - 1] if self.rows else None


NOTHING_MORE = Delivery()


def totals(outcomes: Sequence[Outcome], *, seconds: float) -> Totals:
    """The sums over a plan. `succeeded` counts the reused ones too."""
    states = Counter(outcome.status for outcome in outcomes)
    worked = [outcome for outcome in outcomes if outcome.status in ("succeeded", "failed") and not outcome.reused]
    return Totals(
        total=len(outcomes),
        succeeded=states["succeeded"],
        failed=states["failed"],
        uncertain=states["uncertain"],
        stopped=states["stopped"],
        reused=sum(outcome.reused for outcome in outcomes),
        credits=sum(outcome.credits for outcome in outcomes),
        failed_credits=sum(map(failed_credits, outcomes)),
        seconds=seconds,
        serial_seconds=sum(outcome.seconds for outcome in worked),
        worked=len(worked),
    )


def failed_credits(outcome: Outcome) -> int:
    """What was charged for tasks of a job that failed at the service, and may have been given back.

    A picture that is there and did not reach the disk is none of these, nor is a task that is still open, nor what the service
    says that it keeps.
    """
    model, error = outcome.job.model, outcome.error
    earlier = max(outcome.credits - model.credits, 0) if not outcome.made_by else 0  # tries before the last one
    earlier = 0 if model.refunds_failed is False else earlier
    if not isinstance(error, TaskError) or isinstance(error, StillOpen):
        return earlier
    kept = model.refunds_refused if isinstance(error, Moderated) else model.refunds_failed
    return earlier if kept is False else outcome.credits


def as_object(
    outcomes: Sequence[Outcome], *, seconds: float, beside: Path | None = None, delivery: Delivery = NOTHING_MORE
) -> dict[str, Any]:
    """The run as one JSON object, jobs in plan order. Paths are absolute, or relative to the folder `beside`.

    `failed` counts the jobs whose status is `failed`; uncertain and stopped ones are neither succeeded nor failed.
    """
    jobs = [job_object(outcome, beside, delivery) for outcome in outcomes]
    return {**_sums_object(outcomes, seconds, beside, delivery), "jobs": jobs}


def write_report(outcomes: Sequence[Outcome], *, folder: Path, seconds: float, delivery: Delivery = NOTHING_MORE) -> Path:
    """Writes `report.json` into the folder of the pictures; its paths are relative, so that the folder can move."""
    path = folder / REPORT_FILE
    jobs = (job_object(outcome, folder, delivery) for outcome in outcomes)
    write_text(path, json_text(_sums_object(outcomes, seconds, folder, delivery), "jobs", jobs) + "\n")
    return path


def json_text(facts: dict[str, Any], name: str, rows: Iterable[dict[str, Any]]) -> str:
    """One JSON object of the facts and, as `name`, the rows, each a line. They come one by one, so that not all are in memory."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    return f'{encode(facts)[:-1]}, "{name}": [\n' + ",\n".join(map(encode, rows)) + "\n]}"


def summary(
    outcomes: Sequence[Outcome],
    *,
    seconds: float,
    language: str = "en",
    most: int = _FEW,
    per_yuan: float = CREDITS_PER_YUAN,
    delivery: Delivery = NOTHING_MORE,
) -> str:
    """The end of a run on the screen: made and failed with reasons (`most` of them each), times, what was saved and paid.

    `per_yuan`: credits that the user got for a yuan.
    """
    sums = totals(outcomes, seconds=seconds)
    text = "  Would have cost: {money}" if delivery.offline else "  Paid: {money}"
    paid = say(text, language, money=money(sums.credits, language, per_yuan=per_yuan))
    if sums.failed_credits and not delivery.offline:
        text = "  Charged on acceptance: {money}. Of that {part} went to what failed; the service may have given it back."
        part = money(sums.failed_credits, language, per_yuan=per_yuan)
        paid = say(text, language, money=money(sums.credits, language, per_yuan=per_yuan), part=part)
    lines = [_counted(sums, language), *_times(sums, language), paid]
    return "\n".join([*lines, *_failures(outcomes, language, most, delivery), *notes(outcomes, language)])


def notes(outcomes: Sequence[Outcome], language: str = "en") -> list[str]:
    """What went well but not as asked, and what is known of the uncertain ones: each sentence once."""
    said = Counter(note.say(language) for outcome in outcomes for note in outcome.notes)
    return [plain(f"{note} (× {count})" if count > 1 else note) for note, count in said.items()]


def headline(sums: Totals, language: str = "en") -> str:
    return say("{made} of {total} pictures made", language, made=f"{sums.succeeded:,}", total=f"{sums.total:,}")


def _counted(sums: Totals, language: str) -> str:
    parts = [
        headline(sums, language),
        *([say("{count} of them earlier", language, count=sums.reused)] if sums.reused else []),
        *([say("{count} failed", language, count=sums.failed)] if sums.failed else []),
        *([say("{count} uncertain", language, count=sums.uncertain)] if sums.uncertain else []),
        *([say("{count} stopped", language, count=sums.stopped)] if sums.stopped else []),
    ]
    return say(", ", language).join(parts)


def _times(sums: Totals, language: str) -> list[str]:
    lines = [say("  Total time: {time}", language, time=duration(sums.seconds, language))]
    if sums.succeeded == sums.reused:  # how long failing takes is nobody's gain
        return lines
    if sums.worked:
        lines += [
            say("  Average: {time} a picture", language, time=duration(sums.average_seconds, language)),
            say("  One after another: {time}", language, time=duration(sums.serial_seconds, language)),
        ]
    if sums.saved_share >= 0.01:
        saved, share = duration(sums.saved_seconds, language), f"{sums.saved_share:.0%}"
        lines.append(say("  Saved: {time} ({share})", language, time=saved, share=share))
    return lines


def _failures(outcomes: Sequence[Outcome], language: str, most: int, delivery: Delivery) -> list[str]:
    """The reasons, counted, then the first jobs one by one. Stopped jobs need no reason."""
    missed = [outcome for outcome in outcomes if outcome.status in ("failed", "uncertain")]
    if not missed:
        return []
    reasons = Counter(say(outcome.error.reason if outcome.error else outcome.status, language) for outcome in missed)
    counted = say(", ", language).join(f"{reason} × {count}" for reason, count in reasons.most_common())
    lines = [say("Not made ({reasons}):", language, reasons=counted)]
    before = ""
    for outcome in missed[:most]:
        name, prompt, row = outcome.job.title, outcome.job.prompt, delivery.row_of(outcome.job)
        name = name if row is None else say("Row {row}, {name}", language, row=row, name=name)
        why = outcome.error.say(language) if outcome.error else outcome.status
        if outcome.task_id and outcome.task_id not in why:
            why += f" [{outcome.task_id}]"
        short = prompt if len(prompt) <= _SHORT else prompt[:_SHORT] + "…"
        said, before = say("as above", language) if why == before else why, why
        lines.append(plain(say("  {name} ({prompt}): {why}", language, name=name, prompt=short, why=said)))
    if len(missed) > most:
        more = len(missed) - most
        lines.append(say("  … and {count} more; all are in {file}.", language, count=more, file=REPORT_FILE))
    return lines


def _sums_object(outcomes: Sequence[Outcome], seconds: float, beside: Path | None, delivery: Delivery) -> dict[str, Any]:
    sums = totals(outcomes, seconds=seconds)
    told = {"sheet": delivery.sheet, "sheet_folder": delivery.sheet_folder} if delivery.sheet else {}
    return {
        "total": sums.total,
        "succeeded": sums.succeeded,
        "failed": sums.failed,
        "reused": sums.reused,
        "seconds": round(seconds, 2),
        "credits": sums.credits,
        **{name: _path_text(path, beside) for name, path in told.items()},
        **({"compare": dict(delivery.compare)} if delivery.compare else {}),
    }


def job_object(outcome: Outcome, beside: Path | None, delivery: Delivery) -> dict[str, Any]:
    finished, file = delivery.finished, outcome.file
    return {
        "task": outcome.job.task,
        **({"row": delivery.row_of(outcome.job)} if delivery.rows else {}),
        "image": _path_text(outcome.job.source, beside),
        "prompt": outcome.job.prompt,
        "model": outcome.model,
        "quality": outcome.job.quality,
        "background": outcome.job.background,
        "status": outcome.status,
        "file": _path_text(file, beside),
        **_edit_object(outcome, beside),
        **({} if finished is None else {"finished": _path_text(finished.get(file) if file else None, beside)}),
        "task_id": outcome.task_id,
        "error": str(outcome.error) if outcome.error else None,
        "notes": [str(note) for note in outcome.notes],
        "seconds": round(outcome.seconds, 2),
        "credits": outcome.credits,
        **({"worker": outcome.worker or None} if delivery.by_workers else {}),
        **of_picture(delivery.verdicts, outcome.task_id, 1),
    }


def _edit_object(outcome: Outcome, beside: Path | None) -> dict[str, Any]:
    """Of an edit within a mask: what came from the service, the box that may have changed (x, y, width, height), and which of the
    areas of its picture it is.
    """
    edit = outcome.job.edit
    if edit is None:
        return {}
    plain = [_path_text(each, beside) for each in outcome.plain]
    return {"plain": plain, "mask": {"box": list(edit.area), "part": edit.part, "parts": edit.parts}}


def of_picture(verdicts: Mapping[str, Mapping[str, Any]], task_id: str | None, number: int) -> dict[str, Any]:
    """What a row holds of a verdict: what is set of it."""
    return {name: value for name, value in verdicts.get(f"{task_id}/{number}", {}).items() if value}


def _path_text(path: Path | None, beside: Path | None) -> str | None:
    if path is None:
        return None
    return relative(path, beside) if beside else os.path.abspath(path)
