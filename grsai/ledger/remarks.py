"""Remarks: what the user says of a picture or a job, such as a verdict. Each is a line of the journal; the newest one counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from .database import Connection
from .journal import Facts

_ASKED = 500  # names in one question
_WRITE = (
    "INSERT INTO remarks (kind, about, service, said, changed) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, about, service)"
    " DO UPDATE SET said = excluded.said, changed = excluded.changed WHERE excluded.changed > remarks.changed"
)
_READ = "SELECT kind, about, service, said, changed FROM remarks WHERE kind = ?"
_STAMPS = "SELECT kind, about, service, changed FROM remarks WHERE about IN ({places})"


class Remark(NamedTuple):
    """`about`: what it is said of, by a name that stays. `said` is empty for one that was taken back. `changed`: since 1970."""

    kind: str
    about: str
    service: str
    said: Facts
    changed: float

    @property
    def name(self) -> tuple[str, str, str]:
        return self.kind, self.about, self.service

    def line(self) -> Facts:
        """As the journal holds it. It names no `task_id`: by that lines about tasks are known."""
        return {"remark": self.kind, "about": self.about, "service": self.service, "said": self.said, "changed": self.changed}


def remarks_in(lines: Sequence[Facts]) -> list[Remark]:
    """Those that stand among the lines of a journal; of each the newest."""
    found: dict[tuple[str, str, str], Remark] = {}
    for line in lines:
        if "remark" in line and (remark := _of_line(line)) is not None:
            known = found.get(remark.name)
            if known is None or remark.changed > known.changed:
                found[remark.name] = remark
    return list(found.values())


def unknown(database: Connection, remarks: Sequence[Remark]) -> list[Remark]:
    """Those that the database does not hold, or only older ones."""
    stamps: dict[tuple[str, str, str], float] = {}
    for begin in range(0, len(remarks), _ASKED):
        asked = [each.about for each in remarks[begin : begin + _ASKED]]
        for *name, changed in database.execute(_STAMPS.format(places=", ".join("?" * len(asked))), asked):
            stamps[name[0], name[1], name[2]] = changed
    return [each for each in remarks if each.changed > stamps.get(each.name, -1.0)]


def write(database: Connection, remarks: Sequence[Remark]) -> None:
    """One that is older than what stands there changes nothing."""
    rows = [(*each.name, json.dumps(each.said, ensure_ascii=False), each.changed) for each in remarks]
    database.executemany(_WRITE, rows)


def question(kind: str, abouts: Sequence[str] | None) -> list[tuple[str, tuple[str, ...]]]:
    """The queries, with their values, for what is said of some things, or of all."""
    if abouts is None:
        return [(_READ, (kind,))]
    parts = (abouts[begin : begin + _ASKED] for begin in range(0, len(abouts), _ASKED))
    return [(f"{_READ} AND about IN ({', '.join('?' * len(part))})", (kind, *part)) for part in parts]


def of_row(row: Sequence[Any]) -> Remark | None:
    """None for one that was damaged, or that was taken back."""
    kind, about, service, said, changed = row
    try:
        facts = json.loads(said)
    except (RecursionError, TypeError, ValueError):
        return None
    return Remark(kind, about, service, facts, changed) if isinstance(facts, dict) and facts else None


def _of_line(line: Facts) -> Remark | None:
    facts: list[Any] = [line.get(name) for name in ("remark", "about", "service", "said", "changed")]
    *name, said, changed = facts
    whole = all(isinstance(text, str) for text in name) and isinstance(said, dict) and isinstance(changed, (int, float))
    return Remark(*facts) if whole else None
