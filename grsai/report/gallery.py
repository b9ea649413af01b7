"""What a run made, to look at: one page that opens from disk, with before and after, prompt, time, state and price.

Its data goes in as one JSON object; the page draws itself, by `gallery.js` and the components that all pages share.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import html
import os
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import components, texts
from ..errors import OutputError
from ..files import relative, write_text
from ..jobs import Outcome
from ..models import CREDITS_PER_YUAN
from ..texts import say
from .phrases import duration, money, plain, price_text
from .report import NOTHING_MORE, REPORT_FILE, Delivery, Totals, failed_credits, headline, json_text, notes, of_picture, totals
from .thumbnails import (
    FOLDER,
    MOST_ON_SHEET,
    SHEET_FILE,
    common_ratio,
    make_thumbnails,
    outline_beside,
    thumbnail_after,
    thumbnail_before,
    thumbnails_beside,
    write_contact_sheet,
)

PAGE_FILE = "index.html"
_MOST_MODELS = 3  # that are named above the page


def write_gallery(
    outcomes: Sequence[Outcome],
    *,
    folder: Path,
    seconds: float,
    language: str = "en",
    stop: threading.Event | None = None,
    per_yuan: float = CREDITS_PER_YUAN,
    delivery: Delivery = NOTHING_MORE,
) -> Path:
    """Writes the page into the folder of the pictures, with thumbnails and contact sheet. Raises `OutputError`.

    `per_yuan`: credits that the user got for a yuan. Once `stop` is set nothing more is decoded: for what has no thumbnail the
    page shows the picture itself.
    """
    stop = stop or threading.Event()
    made = make_thumbnails(outcomes, folder=folder, stop=stop)
    if not stop.is_set():
        with contextlib.suppress(OutputError):  # the page is what matters
            write_contact_sheet(outcomes, made, folder=folder, label=functools.partial(_label, delivery))
    page = folder / PAGE_FILE
    write_text(page, _page(outcomes, made, folder, seconds, language, per_yuan, delivery))
    return page


def _label(delivery: Delivery, outcome: Outcome, file: Path) -> str:
    """`7 · bag → jpg`: the row of the sheet, the name, and the kind of the finished file, each where there is one."""
    row, finished = delivery.row_of(outcome.job), (delivery.finished or {}).get(file)
    numbered = outcome.job.title if row is None else f"{row} · {outcome.job.title}"
    return f"{numbered} → {finished.suffix[1:]}" if finished else numbered


def _page(
    outcomes: Sequence[Outcome],
    made: Mapping[Path, int],
    folder: Path,
    seconds: float,
    language: str,
    per_yuan: float,
    delivery: Delivery,
) -> str:
    frame, policy = _frame()
    sums = totals(outcomes, seconds=seconds)
    cards = (card for outcome in outcomes for card in cards_of(outcome, made, folder, language, per_yuan, delivery))
    models = dict.fromkeys(outcome.model for outcome in outcomes)
    facts = {
        "heading": headline(sums, language),
        "eyebrow": " · ".join([*list(models)[:_MOST_MODELS], time.strftime("%Y-%m-%d %H:%M")]),
        "sums": _sums(sums, language, per_yuan, offline=delivery.offline),
        "notes": notes(outcomes, language),
        "ratio": common_ratio([file for outcome in outcomes for file in outcome.files]),
        "words": words(language, offline=delivery.offline),
        "links": _links(outcomes, folder, language),
        "compared": [_compared(column, per_yuan) for column in (delivery.compare or {}).get("columns", ())],
    }
    parts = {
        "policy": policy,
        "language": "zh-CN" if language == "zh" else "en",
        "title": html.escape(f"{headline(sums, language)} · Banana Batch"),
        "noscript": html.escape(say("This page needs JavaScript. {file} says the same.", language, file=REPORT_FILE)),
        "run": embedded(json_text(facts, "cards", cards)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], frame)


def embedded(data: str) -> str:
    """JSON as it stands in a page: no letter of it may end the element, or a line, that it stands in."""
    for letter in "<>&\u2028\u2029":
        data = data.replace(letter, f"\\u{ord(letter):04x}")
    return data


@functools.cache
def _frame() -> tuple[str, str]:
    """The page without its data, and a policy that lets only its own script and style in, whatever a prompt may hold."""
    room = Path(__file__).parent
    style = components.style(room / "gallery.css")
    script = components.in_one([room / "gallery.js"])
    frame = (room / "gallery.html").read_text("utf-8").replace("{{style}}", style).replace("{{script}}", script)
    allowed = f"script-src {_hash(script)}; style-src {_hash(style)}; img-src 'self' file:"
    return frame, f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# What is in it


def words(language: str, *, offline: bool = False) -> dict[str, Any]:
    def say(text: str, **values: Any) -> str:
        return texts.say(text, language, **values)

    return {
        "states": {
            "succeeded": say("Made"),
            "reused": say("Made earlier"),
            "failed": say("Failed"),
            "uncertain": say("Uncertain"),
            "stopped": say("Stopped"),
        },
        "labels": [
            say("Made from"),
            say("Model"),
            say("Ratio"),
            say("Size"),
            say("Quality"),
            say("Background"),
            say("Time"),
            say("Would have cost") if offline else say("Paid"),
            say("Task id"),
            say("Sheet"),
        ],
        "all": say("All"),
        "task": say("Task {number}", number="#"),
        "state": say("State"),
        "compare": say("Before and after"),
        "before": say("Before"),
        "both": say("Both"),
        "after": say("After"),
        "find": say("Find in prompts and names"),
        "shown": say("# of # shown"),
        "nothing": say("Nothing matches."),
        "open": say("Open the file"),
        "finished": say("Open the finished file"),
    }


def _compared(column: Mapping[str, Any], per_yuan: float) -> dict[str, Any]:
    """A model and prompt that were compared: `Compared` in comparison.js tells the fields."""

    def price(credits: int | None) -> str:
        return price_text(credits, "cny", per_yuan) if credits else ""

    whole = column["whole"]
    told = {name: column[name] for name in ("model", "prompt", "seconds", "command")}
    return {**told, "price": price(column["credits"]), "whole": {**whole, "price": price(whole["credits"])}}


def _sums(sums: Totals, language: str, per_yuan: float, *, offline: bool) -> list[tuple[str, str, str]]:
    """Name, value, and what it means."""
    rows = [(say("Total time", language), duration(sums.seconds, language), "")]
    if sums.worked:
        rows.append((say("A picture", language), duration(sums.average_seconds, language), ""))
    if sums.saved_share >= 0.01:
        serial = say("one after another {time}", language, time=duration(sums.serial_seconds, language))
        rows.append((say("Time saved", language), f"{sums.saved_share:.0%}", serial))
    name = say("Would have cost", language) if offline else say("Paid", language)
    more = say("{credits} credits", language, credits=f"{sums.credits:,}")
    if sums.failed_credits and not offline:
        name = say("Charged on acceptance", language)
        more = f"{more} · {_given_back(sums.failed_credits, language, per_yuan)}"
    return [*rows, (name, price_text(sums.credits, "cny", per_yuan), more)]


def _given_back(credits: int, language: str, per_yuan: float) -> str:
    return say("{price} for what failed, perhaps given back", language, price=price_text(credits, "cny", per_yuan))


def _links(outcomes: Sequence[Outcome], folder: Path, language: str) -> list[tuple[str, str]]:
    links = [(REPORT_FILE, say("Report as JSON", language))]
    if (folder / SHEET_FILE).exists():
        name = say("Contact sheet", language)
        if sum(len(outcome.files) for outcome in outcomes) > MOST_ON_SHEET:
            name = say("Contact sheet of the first {count}", language, count=f"{MOST_ON_SHEET:,}")
        links.insert(0, (SHEET_FILE, name))
    return links


def cards_of(
    outcome: Outcome, made: Mapping[Path, int], folder: Path, language: str, per_yuan: float, delivery: Delivery
) -> Iterator[dict[str, Any]]:
    """One for each picture of a job, or one that says why there is none: `Made` in made.js tells the fields."""
    job, number = outcome.job, str(outcome.job.task)
    said = [*([outcome.error] if outcome.error else []), *outcome.notes]
    seconds = duration(outcome.seconds, language) if outcome.seconds else ""
    credits = say("{credits} credits", language, credits=f"{outcome.credits:,}") if outcome.credits else ""
    row = say("Row {row}", language, row=delivery.row_of(job)) if delivery.rows else ""
    beside = [f"{FOLDER}/{thumbnail.name}" for thumbnail in thumbnails_beside(outcome, folder) if thumbnail in made]
    card: dict[str, Any] = {
        "name": plain(job.title),
        "prompt": job.prompt,
        "state": "reused" if outcome.reused else outcome.status,
        "facts": [fact for fact in (row, seconds, credits, outcome.made_by) if fact],
        "values": [*_values(outcome, language, per_yuan), row],
        "task": outcome.task_id,
        **({"beside": beside} if beside else {}),
        **({"said": [each.say(language) for each in said]} if said else {}),
        **_before(outcome, made, folder),
    }
    if not outcome.files and (job.edit is None or job.edit.is_last or outcome.error):
        yield {"number": number, **card}
    for k, file in enumerate(outcome.files, 1):
        thumbnail, after = thumbnail_after(file, folder), address(file, folder)
        small = f"{FOLDER}/{thumbnail.name}" if thumbnail in made else after
        made_file = (delivery.finished or {}).get(file)
        finished = {"finished": address(made_file, folder)} if made_file else {}
        place = number if len(outcome.files) == 1 else f"{number}.{k}"
        outline = outline_beside(file, folder) if job.edit else None
        yield {
            "number": place,
            **card,
            "place": k,
            "after": after,
            "after_small": small,
            **finished,
            **({"mask": f"{FOLDER}/{outline.name}"} if outline else {}),
            **of_picture(delivery.verdicts, outcome.task_id, k),
        }


def _values(outcome: Outcome, language: str, per_yuan: float) -> list[str]:
    """What stands beside a picture at full size, in the order of the labels."""
    job, paid = outcome.job, [money(outcome.credits, language, per_yuan=per_yuan)] if outcome.credits else []
    if part := failed_credits(outcome):
        paid.append(_given_back(part, language, per_yuan))
    return [
        plain(", ".join(reference.name for reference in job.references)),
        outcome.model,
        job.aspect_ratio,
        job.image_size or "",
        job.quality or "",
        job.background or "",
        duration(outcome.seconds, language) if outcome.seconds else "",
        " · ".join(paid),
        plain(outcome.task_id or ""),
    ]


def _before(outcome: Outcome, made: Mapping[Path, int], folder: Path) -> dict[str, str]:
    """The picture before, full and small. The thumbnail stands for an original that is far off, or has moved."""
    thumbnail, source = thumbnail_before(outcome, folder), outcome.job.source
    if thumbnail is None or thumbnail not in made:
        return {}
    small = f"{FOLDER}/{thumbnail.name}"
    near = Path(os.path.abspath(folder)).parent  # a link to a file below it tells nothing about the rest of the disk
    if source and Path(os.path.abspath(source)).is_relative_to(near):
        return {"before": address(source, folder), "before_small": small}
    return {"before": small, "before_small": small}


def address(file: Path, folder: Path) -> str:
    """A relative URL; a `file:` one where there is no relative way."""
    place = relative(file, folder)
    if os.path.isabs(place):
        return Path(place).as_uri()
    return urllib.parse.quote(place.encode("utf-8", "surrogateescape"))
