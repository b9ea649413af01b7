"""What is said and made after a run, put into the report and the gallery that stand beside the pictures already.

Both hold rows with the task id of each picture. What cannot be read, or is of another program, is left as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import relative, write_text
from ..jobs import Outcome
from ..models import CREDITS_PER_YUAN
from ..texts import say
from .gallery import PAGE_FILE, address, cards_of, embedded
from .report import NOTHING_MORE, REPORT_FILE, job_object, json_text, of_picture
from .thumbnails import make_thumbnails

Row = dict[str, Any]
Change = Callable[[dict[str, Any], list[Row]], list[Row]]  # of what stands above the rows, and of the rows
_OF_A_VERDICT = ("verdict", "stars", "note")
_RUN = re.compile(r'(<script type="application/json" id="run">)(.*?)(</script>)', re.DOTALL)


def write_verdicts(folder: Path, verdicts: Mapping[str, Mapping[str, Any]]) -> None:
    """Brings report and gallery to these verdicts, by "<task id>/<number>", and to no others. Raises `OutputError`."""

    def judged(row: Row, task: str) -> Row:
        kept = {name: value for name, value in row.items() if name not in _OF_A_VERDICT}
        return {**kept, **of_picture(verdicts, row.get(task), row.get("place", 1))}

    _change_report(folder, lambda _, jobs: [judged(job, "task_id") for job in jobs])
    _change_gallery(folder, lambda _, cards: [judged(card, "task") for card in cards])


def write_finished(folder: Path, finished: Mapping[Path, Path]) -> None:
    """Names the finished files of originals that were finished after the run. Raises `OutputError`."""
    told = {relative(original, folder): relative(file, folder) for original, file in finished.items()}
    shown = {address(original, folder): address(file, folder) for original, file in finished.items()}

    def in_report(_: dict[str, Any], jobs: list[Row]) -> list[Row]:
        return [{**job, "finished": told.get(job.get("file") or "", job.get("finished"))} for job in jobs]

    def in_gallery(_: dict[str, Any], cards: list[Row]) -> list[Row]:
        return [{**card, "finished": shown[card["after"]]} if card.get("after") in shown else card for card in cards]

    _change_report(folder, in_report)
    _change_gallery(folder, in_gallery)


def write_versions(
    outcomes: Sequence[Outcome],
    replaced: Mapping[str, Sequence[str]],
    *,
    folder: Path,
    language: str = "en",
    per_yuan: float = CREDITS_PER_YUAN,
) -> None:
    """Adds pictures that were made again, in the gallery behind those that they stand for. Raises `OutputError`.

    `replaced`: by fingerprint of a job, the older pictures, as "<task id>/<number>".
    """
    older = {fingerprint: [name.rpartition("/")[0] for name in names] for fingerprint, names in replaced.items()}
    made = make_thumbnails(outcomes, folder=folder)

    def in_report(told: dict[str, Any], jobs: list[Row]) -> list[Row]:
        known = {job.get("task_id") for job in jobs}
        new = [each for each in outcomes if each.task_id is None or each.task_id not in known]
        begin = max((int(job["task"]) for job in jobs), default=0) + 1
        for name, more in _sums(new).items():
            told[name] = told.get(name, 0) + more
        rows = ({**job_object(each, folder, NOTHING_MORE), "replaces": older[each.job.fingerprint]} for each in new)
        return [*jobs, *({**row, "task": task} for task, row in enumerate(rows, begin))]

    def in_gallery(told: dict[str, Any], cards: list[Row]) -> list[Row]:
        known, cards = {card.get("task") for card in cards}, list(cards)
        for outcome in outcomes:
            behind = [place for place, card in enumerate(cards) if card.get("task") in older[outcome.job.fingerprint]]
            if behind and outcome.files and outcome.task_id not in known:
                number = f"{cards[behind[-1]]['number']} ↻"
                new = cards_of(outcome, made, folder, language, per_yuan, NOTHING_MORE)
                cards[behind[-1] + 1 : behind[-1] + 1] = [{**card, "number": number} for card in new]
        count = sum("after" in card for card in cards)
        told["heading"] = say("{made} of {total} pictures made", language, made=f"{count:,}", total=f"{len(cards):,}")
        return cards

    _change_report(folder, in_report)
    _change_gallery(folder, in_gallery)


def _sums(outcomes: Sequence[Outcome]) -> dict[str, int]:
    states = [outcome.status for outcome in outcomes]
    return {
        "total": len(outcomes),
        "succeeded": states.count("succeeded"),
        "failed": states.count("failed"),
        "reused": sum(outcome.reused for outcome in outcomes),
        "credits": sum(outcome.credits for outcome in outcomes),
    }


def _change_report(folder: Path, change: Change) -> None:
    path = folder / REPORT_FILE
    try:
        text = path.read_text("utf-8")
        told = json.loads(text)
        jobs = change(told, told.pop("jobs"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    changed = json_text(told, "jobs", jobs) + "\n"
    if changed != text:
        write_text(path, changed)


def _change_gallery(folder: Path, change: Change) -> None:
    path = folder / PAGE_FILE
    try:
        page = path.read_text("utf-8")
        found = _RUN.search(page)
        told = json.loads(found[2]) if found else {}
        cards = change(told, told.pop("cards"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    changed = embedded(json_text(told, "cards", cards))
    if found is not None and changed != found[2]:
        write_text(path, page[: found.start(2)] + changed + page[found.end(2) :])
