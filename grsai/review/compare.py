"""Several models and prompts on a few pictures: a row a picture, a column a model and prompt, and what the whole folder costs."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from ..jobs import Job
from ..ledger import Ledger
from ..models import Catalogue, yuan
from ..report.phrases import price_text
from ..texts import plain
from .album import Album, Picture
from .cards import Cards

_MOST_COLUMNS = 24
_MOST_ROWS = 200
_KIND = "comparison"


@dataclass(frozen=True)
class Comparison:
    """What was compared in a folder: on how many pictures, of how many, and with which options of the command."""

    sample: int
    of: int
    arguments: tuple[str, ...] = ()


class Planner(Protocol):
    """What runs the model and prompt of a column on the whole folder."""

    @property
    def comparison(self) -> Comparison: ...

    def jobs(self, model: str, prompt: str) -> Sequence[Job]: ...

    def command(self, model: str, prompt: str) -> str:
        """As it would be typed."""
        ...


@dataclass(frozen=True)
class Column:
    model: str
    prompt: str

    @property
    def id(self) -> str:
        return hashlib.sha256(f"{self.model}\0{self.prompt}".encode("utf-8", "replace")).hexdigest()[:12]


def remember(ledger: Ledger, folder: Path, comparison: Comparison) -> None:
    """So that the page can run one of the columns on all pictures later."""
    ledger.remark(_KIND, {str(folder): {**vars(comparison), "arguments": list(comparison.arguments)}})


def remembered(ledger: Ledger, folder: Path) -> Comparison | None:
    for remark in ledger.remarks(_KIND, [str(folder)]):
        sample, of, arguments = (remark.said.get(name) for name in ("sample", "of", "arguments"))
        if isinstance(sample, int) and isinstance(of, int) and isinstance(arguments, list):
            return Comparison(sample, of, tuple(map(str, arguments)))
    return None


def columns_of(album: Album) -> list[Column]:
    """The models and prompts that some source was made with beside another; none where nothing can be compared."""
    found = dict.fromkeys(_column(picture) for pictures in _rows(album) for picture in pictures)
    return list(found) if len(found) <= _MOST_COLUMNS else []


def table(album: Album, cards: Cards, catalogue: Catalogue, planner: Planner | None) -> dict[str, Any]:
    """What the page is told: rows, columns, and by them the ids of the pictures."""
    columns, rows = columns_of(album), _rows(album)[:_MOST_ROWS]
    cells = [[[each.id for each in pictures if _column(each) == column] for column in columns] for pictures in rows]
    said = planner.comparison if planner else None
    return {
        "rows": [_row(pictures[0], cards) for pictures in rows],
        "columns": [_column_object(column, rows, cards, catalogue, planner) for column in columns],
        "cells": cells,
        "sample": said.sample if said else None,
        "of": said.of if said else None,
    }


def _rows(album: Album) -> list[list[Picture]]:
    """The pictures by what they were made from, of each source that at least two columns have."""
    by_source: dict[tuple[str, ...], list[Picture]] = {}
    for picture in album:
        by_source.setdefault(picture.entry.digests or picture.entry.sources, []).append(picture)
    return [pictures for pictures in by_source.values() if len({_column(picture) for picture in pictures}) > 1]


def _column(picture: Picture) -> Column:
    return Column(picture.entry.asked_model, picture.entry.prompt)


def _row(picture: Picture, cards: Cards) -> dict[str, str]:
    card = cards.card(picture)
    name = plain(Path(picture.entry.sources[0]).stem) if picture.entry.sources else card["number"]
    return {"name": name, **{place: card[place] for place in ("before", "before_small") if place in card}}


def _column_object(
    column: Column, rows: Sequence[Sequence[Picture]], cards: Cards, catalogue: Catalogue, planner: Planner | None
) -> dict[str, Any]:
    pictures = [each for each in itertools.chain(*rows) if _column(each) == column]
    said = [each.verdict.verdict for each in pictures]
    model = catalogue.get(column.model)
    credits = model.credits if model and model.credits else max(each.entry.credits for each in pictures)
    of = planner.comparison.of if planner else 0
    whole = {
        "pictures": of,
        "credits": credits * of,
        "yuan": round(yuan(credits * of, cards.per_yuan), 4),
        "price": price_text(credits * of, "cny", cards.per_yuan),
    }
    return {
        "id": column.id,
        "model": column.model,
        "prompt": column.prompt,
        "pictures": len(pictures),
        "kept": said.count("keep"),
        "rejected": said.count("reject"),
        "open": said.count(""),
        "stars": sum(each.verdict.stars for each in pictures),
        "price": price_text(credits, "cny", cards.per_yuan),
        "seconds": round(fmean(each.entry.seconds for each in pictures), 2),
        "whole": whole if planner else None,
        "command": planner.command(column.model, column.prompt) if planner else None,
    }
