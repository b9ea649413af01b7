"""What the page is told of a picture: as the gallery (`Made` in gallery.js), and beside it verdict, versions and price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ledger import Entry
from ..masks import PLAIN, is_edit
from ..models import CREDITS_PER_YUAN, yuan
from ..report.phrases import duration, money, price_text
from ..texts import plain, say
from .album import Album, Picture
from .verdicts import Verdict

_BESIDE = 8  # references behind the first one that a card shows


@dataclass(frozen=True)
class Cards:
    """Makes the cards of one album for one page. `query`: what its addresses end in, so that the server answers them."""

    album: Album
    query: str = ""
    language: str = "en"
    per_yuan: float = CREDITS_PER_YUAN
    finished: Mapping[Path, Path] | None = None  # by original

    def card(self, picture: Picture) -> dict[str, Any]:
        entry, versions = picture.entry, self.album.versions(picture)
        place = [each.id for each in versions].index(picture.id) + 1
        said = say("Version {number}", self.language, number=place) if len(versions) > 1 else ""
        return {
            "id": picture.id,
            "number": number_of(entry.name.removesuffix(PLAIN), picture.number, many=len(entry.files) > 1),
            "name": plain(entry.name.removesuffix(PLAIN)),
            "prompt": entry.prompt,
            "state": "succeeded",
            "facts": [fact for fact in (said, duration(entry.seconds, self.language), self._price(entry)) if fact],
            "values": self._values(entry),
            "after": self._address("picture", picture.id),
            "after_small": self._address("thumbnail", picture.id),
            **self._sources(picture),
            **({"mask": self._address("mask", picture.id)} if is_edit(picture.file) else {}),
            **({"finished": self._address("finished", picture.id)} if picture.file in (self.finished or {}) else {}),
            **verdict_object(picture.verdict),
            "version": place,
            "versions": [each.id for each in versions] if len(versions) > 1 else [],
            "task": entry.task_id,
            "model": entry.model,
            "credits": entry.credits,
            "yuan": round(yuan(entry.credits, self.per_yuan), 4),
            "price": self._price(entry),
            "seconds": round(entry.seconds, 2),
            "created": round(entry.created, 3),
        }

    def _address(self, *parts: str) -> str:
        return "/".join(parts) + self.query

    def _price(self, entry: Entry) -> str:
        return price_text(entry.credits, "cny", self.per_yuan) if entry.credits else ""

    def _values(self, entry: Entry) -> list[str]:
        """What stands beside a picture at full size, in the order of the labels that the gallery has."""
        return [
            plain(", ".join(Path(source).stem for source in entry.sources)),
            entry.model,
            entry.aspect_ratio,
            entry.image_size or "",
            entry.quality or "",
            entry.background or "",
            duration(entry.seconds, self.language),
            money(entry.credits, self.language, per_yuan=self.per_yuan) if entry.credits else "",
            plain(entry.task_id or ""),
            "",
        ]

    def _sources(self, picture: Picture) -> dict[str, Any]:
        """Addresses of what it was made from, as far as that is there."""
        there = [place for place, source in enumerate(picture.sources) if source is not None]
        found: dict[str, Any] = {}
        if 0 in there:
            found["before"] = self._address("source", picture.id, "0")
            found["before_small"] = self._address("source", picture.id, "0", "small")
        if beside := [place for place in there if place][:_BESIDE]:
            found["beside"] = [self._address("source", picture.id, str(place), "small") for place in beside]
        return found


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    return {"verdict": verdict.verdict, "stars": verdict.stars, "note": verdict.note}


def number_of(name: str, number: int, *, many: bool) -> str:
    """The place in the plan, as the names of files tell it; the name itself where they are named otherwise."""
    parts = name.split("_")
    place = parts[1] if len(parts) > 2 and parts[1].isdecimal() else name
    return f"{place}.{number}" if many else place
