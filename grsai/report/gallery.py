"""What a run made, to look at: one page that opens from disk, with before and after, prompt, time, state and price."""

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
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import OutputError
from ..files import relative, write_text
from ..jobs import Outcome
from ..texts import say
from .phrases import duration, money, yuan_text
from .report import REPORT_FILE, Totals, headline, totals
from .thumbnails import (
    SHEET_FILE,
    common_ratio,
    is_fresh,
    make_thumbnails,
    picture_size,
    thumbnail_after,
    thumbnail_before,
    write_contact_sheet,
)

PAGE_FILE = "index.html"
_STATES = ("succeeded", "reused", "failed", "uncertain", "stopped")


@dataclass(frozen=True)
class Card:
    """One picture of the page, or one job that brought none. Addresses are relative to the page."""

    outcome: Outcome
    number: str  # "3", or "3.2" for the second picture of a job
    size: tuple[int, int] | None = None
    after: str = ""
    after_small: str = ""
    before: str = ""
    before_small: str = ""

    @property
    def state(self) -> str:
        return "reused" if self.outcome.reused else self.outcome.status


def write_gallery(
    outcomes: Sequence[Outcome], *, folder: Path, seconds: float, language: str = "en", stop: threading.Event | None = None
) -> Path:
    """Writes the page into the folder of the pictures, with thumbnails and contact sheet. Raises `OutputError`.

    Once `stop` is set nothing more is decoded: for what has no thumbnail the page shows the picture itself.
    """
    stop = stop or threading.Event()
    make_thumbnails(outcomes, folder=folder, stop=stop)
    if not stop.is_set():
        with contextlib.suppress(OutputError):  # the page is what matters
            write_contact_sheet(outcomes, folder=folder)
    cards = [card for outcome in outcomes for card in _cards(outcome, folder)]
    page = folder / PAGE_FILE
    write_text(page, _page(cards, totals(outcomes, seconds=seconds), language, sheet=(folder / SHEET_FILE).exists()))
    return page


def _cards(outcome: Outcome, folder: Path) -> list[Card]:
    before, before_small = _before(outcome, folder)
    number = str(outcome.job.task)
    if not outcome.files:
        return [Card(outcome, number, before=before, before_small=before_small)]
    return [
        Card(
            outcome,
            number if len(outcome.files) == 1 else f"{number}.{k}",
            picture_size(file),
            _address(file, folder),
            _address(_small(file, folder), folder),
            before,
            before_small,
        )
        for k, file in enumerate(outcome.files, 1)
    ]


def _small(file: Path, folder: Path) -> Path:
    thumbnail = thumbnail_after(file, folder)
    return thumbnail if is_fresh(thumbnail, file) else file


def _before(outcome: Outcome, folder: Path) -> tuple[str, str]:
    """The picture before, full and small. The thumbnail stands for an original that is far off, or has moved."""
    thumbnail, source = thumbnail_before(outcome, folder), outcome.job.source
    if thumbnail is None or not thumbnail.exists():
        return "", ""
    small = _address(thumbnail, folder)
    return (_address(source, folder) if source and _is_near(source, folder) else small), small


def _is_near(source: Path, folder: Path) -> bool:
    """Below the folder that holds the page's own: then a link to it tells nothing about the rest of the disk."""
    return Path(os.path.abspath(source)).is_relative_to(Path(os.path.abspath(folder)).parent)


def _address(file: Path, folder: Path) -> str:
    """A relative URL; a `file:` one where there is no relative way."""
    place = relative(file, folder)
    if Path(place).is_absolute():
        return Path(place).as_uri()
    return urllib.parse.quote(place.encode("utf-8", "surrogateescape"))


# The page


def _page(cards: Sequence[Card], sums: Totals, language: str, *, sheet: bool) -> str:
    template, policy = _template()
    heading = headline(sums, language)
    parts = {
        **_texts(language),
        "language": "zh-CN" if language == "zh" else "en",
        "policy": policy,
        "title": f"{_escaped(heading)} · Banana Batch",
        "eyebrow": _escaped(" · ".join([*_models(cards), time.strftime("%Y-%m-%d %H:%M")])),
        "heading": _escaped(heading),
        "sums": _sums(sums, language),
        "filters": _filters(cards, language),
        "views": _views(cards, language),
        "ratio": f"{common_ratio([card.size for card in cards if card.size]):.3f}",
        "cards": "\n".join(_card(card, language) for card in cards),
        "footer": _footer(language, sheet=sheet),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)


@functools.cache
def _template() -> tuple[str, str]:
    """The template and a policy that lets only its own script run, whatever a prompt may hold."""
    template = Path(__file__).with_name("gallery.html").read_text("utf-8")
    script = template.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    nothing_else = "; ".join(f"{kind} 'none'" for kind in ("connect-src", "object-src", "base-uri", "form-action"))
    return template, f"script-src 'sha256-{digest}'; {nothing_else}"


def _escaped(text: object) -> str:
    return html.escape(str(text).encode("utf-8", "replace").decode(), quote=True)


def _texts(language: str) -> dict[str, str]:
    texts = {
        "t_state": say("State", language),
        "t_compare": say("Before and after", language),
        "t_before": say("Before", language),
        "t_after": say("After", language),
        "t_find": say("Find in prompts and names", language),
        "t_shown": say("# of # shown", language),
        "t_nothing": say("Nothing matches.", language),
        "t_full": say("Picture at full size", language),
        "t_open": say("Open the file", language),
        "t_back": say("Previous picture", language),
        "t_on": say("Next picture", language),
        "t_close": say("Close", language),
    }
    return {name: _escaped(text) for name, text in texts.items()}


def _state_text(state: str, language: str) -> str:
    return {
        "succeeded": say("Made", language),
        "reused": say("Made earlier", language),
        "failed": say("Failed", language),
        "uncertain": say("Uncertain", language),
        "stopped": say("Stopped", language),
    }[state]


def _models(cards: Sequence[Card]) -> list[str]:
    return list(dict.fromkeys(card.outcome.job.model.id for card in cards))[:3]


def _sums(sums: Totals, language: str) -> str:
    rows = [(say("Total time", language), duration(sums.seconds, language), "")]
    if sums.worked:
        rows.append((say("A picture", language), duration(sums.average_seconds, language), ""))
    if sums.saved_share >= 0.01:
        serial = say("one after another {time}", language, time=duration(sums.serial_seconds, language))
        rows.append((say("Time saved", language), f"{sums.saved_share:.0%}", serial))
    credits = say("{credits} credits", language, credits=f"{sums.credits:,}")
    rows.append((say("Paid", language), f"¥{yuan_text(sums.credits)}", credits))
    return "".join(
        f"<div><dt>{_escaped(name)}</dt><dd>{_escaped(value)} <small>{_escaped(more)}</small></dd></div>"
        for name, value, more in rows
    )


def _filters(cards: Sequence[Card], language: str) -> str:
    counts = Counter(card.state for card in cards)
    rows = [("", say("All", language), len(cards))]
    rows += [(state, _state_text(state, language), counts[state]) for state in _STATES if counts[state]]
    return "".join(_choice(value, name, count, pressed=not value) for value, name, count in rows)


def _views(cards: Sequence[Card], language: str) -> str:
    if not any(card.before and card.after for card in cards):
        return ""
    rows = (("100", say("Before", language)), ("50", say("Both", language)), ("0", say("After", language)))
    return "".join(_choice(value, name, None, pressed=value == "50") for value, name in rows)


def _choice(value: str, name: str, count: int | None, *, pressed: bool) -> str:
    number = "" if count is None else f" <small>{count:,}</small>"
    return f'<button value="{value}" aria-pressed="{str(pressed).lower()}">{_escaped(name)}{number}</button>'


def _card(card: Card, language: str) -> str:
    job = card.outcome.job
    find = _escaped(f"{job.name} {job.prompt}".lower())
    return (
        f'<figure class="card" data-state="{card.state}" data-find="{find}">'
        f"{_view(card, language) if card.after else _missing(card, language)}"
        f'<figcaption><p class="prompt">{_escaped(job.prompt)}</p><p class="facts">{_facts(card, language)}'
        f'<span class="state">{_escaped(_state_text(card.state, language))}</span></p></figcaption>'
        f"<template>{_about(card, language)}</template></figure>"
    )


def _view(card: Card, language: str) -> str:
    """The picture, and over it the one before, as far as the slider lets it."""
    name, compare = _escaped(card.outcome.job.name), _escaped(say("Before and after", language))
    ratio = f' data-ratio="{card.size[0] / card.size[1]:.4f}"' if card.size else ""
    after = f'<img class="after" src="{_escaped(card.after_small)}" alt="{name}" loading="lazy" decoding="async">'
    if not card.before:
        return f'<div class="view" data-after="{_escaped(card.after)}"{ratio}>{after}</div>'
    return (
        f'<div class="view" data-after="{_escaped(card.after)}" data-before="{_escaped(card.before)}"{ratio}>{after}'
        f'<img class="before" src="{_escaped(card.before_small)}" alt="" loading="lazy" decoding="async">'
        f'<input type="range" value="50" aria-label="{compare}: {name}"><i class="edge"></i>'
        f'<span class="tag">{_escaped(say("Before", language))}</span>'
        f'<span class="tag">{_escaped(say("After", language))}</span></div>'
    )


def _missing(card: Card, language: str) -> str:
    before = card.before_small and f'<img src="{_escaped(card.before_small)}" alt="" loading="lazy" decoding="async">'
    state = _escaped(_state_text(card.state, language))
    data = f' data-before="{_escaped(card.before)}"' if card.before else ""
    return f'<div class="view missing"{data}>{before}<p><b>{state}</b>{_escaped(_why(card, language))}</p></div>'


def _why(card: Card, language: str) -> str:
    return card.outcome.error.say(language) if card.outcome.error else ""


def _facts(card: Card, language: str) -> str:
    name = _escaped(say("Task {number}", language, number=card.number))
    named = f'<span class="name">{name}</span>'
    if card.after:
        title = _escaped(card.outcome.job.name)
        named = f'<a class="name" href="{_escaped(card.after)}" title="{title}">{name}</a>'
    facts = [duration(card.outcome.seconds, language)] if card.outcome.seconds else []
    if card.outcome.credits:
        facts.append(say("{credits} credits", language, credits=f"{card.outcome.credits:,}"))
    return named + "".join(f"<span>{_escaped(fact)}</span>" for fact in facts)


def _about(card: Card, language: str) -> str:
    """What stands beside the picture at full size."""
    job, why = card.outcome.job, _why(card, language)
    notes = [note.say(language) for note in card.outcome.notes]
    details = [(_escaped(name), _escaped(value)) for name, value in _details(card, language) if value]
    return (
        f'<h2>{_escaped(job.name)}</h2><p class="prompt">{_escaped(job.prompt)}</p>'
        + "".join(f'<p class="why">{_escaped(text)}</p>' for text in (why, *notes) if text)
        + f'<dl class="details">{"".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in details)}</dl>'
    )


def _details(card: Card, language: str) -> list[tuple[str, str]]:
    outcome, job = card.outcome, card.outcome.job
    return [
        (say("State", language), _state_text(card.state, language)),
        (say("Made from", language), ", ".join(reference.name for reference in job.references)),
        (say("Model", language), job.model.id),
        (say("Ratio", language), job.aspect_ratio),
        (say("Size", language), job.image_size or ""),
        (say("Pixels", language), f"{card.size[0]} × {card.size[1]}" if card.size else ""),
        (say("Time", language), duration(outcome.seconds, language) if outcome.seconds else ""),
        (say("Paid", language), money(outcome.credits, language) if outcome.credits else ""),
        (say("Task id", language), outcome.task_id or ""),
    ]


def _footer(language: str, *, sheet: bool) -> str:
    links = [(SHEET_FILE, say("Contact sheet", language))] if sheet else []
    links.append((REPORT_FILE, say("Report as JSON", language)))
    return "".join(f'<a href="{file}">{_escaped(name)}</a>' for file, name in links)
