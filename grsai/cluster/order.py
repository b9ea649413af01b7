"""What travels between the command and its workers, and how. The key never does."""

from __future__ import annotations

import hashlib
import pickle
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import from_object
from ..jobs import Job, Outcome
from ..models import Catalogue
from ..settings import OPTIONS, Settings

_STAYS = ("api_key",)  # of the settings


@dataclass(frozen=True, repr=False)
class Order:
    """All that the jobs of a run share, wherever they are made. It goes to each worker once, and is in no task.

    `values`: the settings by name. `seen`: the mark that the output folder carries, by the name of its file.
    """

    run: str
    values: Mapping[str, Any]
    catalogue: Catalogue
    service: str
    output: Path
    sources: tuple[Path, ...]  # folders of the pictures that go up
    concurrency: int
    total: int
    begun_at: float
    budget: float | None = None
    fresh: bool = False
    stop_at_failure: bool = False
    metadata: tuple[tuple[str, str], ...] = ()
    seen: tuple[str, str] = ("", "")

    def __repr__(self) -> str:
        return f"Order({self.run})"

    @property
    def ledger_is_a_file(self) -> bool:
        return isinstance(self.values["ledger"], Path)

    def settings(self, own: Settings) -> Settings:
        """The settings of the run with what is a worker's own: its key."""
        return replace(own, **self.values, catalogue=self.catalogue, withheld=own.withheld)


def travelling(settings: Settings) -> dict[str, Any]:
    """The settings that go along; relative paths as they are meant here."""
    values = {option.name: getattr(settings, option.name) for option in OPTIONS if option.name not in _STAYS}
    return {name: value.absolute() if isinstance(value, Path) else value for name, value in values.items()}


class Kin(NamedTuple):
    """What command and worker must have in common to understand each other: what travels, and the release of Python."""

    project: str
    python: str

    @classmethod
    def mine(cls) -> Kin:
        shape = ",".join(field.name for kind in (Order, Job, Outcome) for field in fields(kind))
        return cls(hashlib.sha256(shape.encode()).hexdigest()[:8], ".".join(map(str, sys.version_info[:2])))


def machine() -> str:
    """Tells machines apart: processes of one have the same files and the same locks."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return platform.node()


def packed(thing: Order | Job) -> bytes:
    return pickle.dumps(thing)


def unpacked(data: bytes) -> Any:
    return pickle.loads(data)


def facts_of(outcome: Outcome, pasted: Sequence[Path]) -> dict[str, Any]:
    """An outcome in plain values, without its job, which the command has. `pasted`: what an edit brought, for the next one."""
    return {
        "status": outcome.status,
        "files": [str(path) for path in outcome.files],
        "task_id": outcome.task_id,
        "error": outcome.error.as_object() if outcome.error else None,
        "seconds": outcome.seconds,
        "credits": outcome.credits,
        "reused": outcome.reused,
        "earlier_credits": outcome.earlier_credits,
        "earlier_seconds": outcome.earlier_seconds,
        "notes": [note.as_object() for note in outcome.notes],
        "urls": list(outcome.urls),
        "made_by": outcome.made_by,
        "worker": outcome.worker,
        "plain": [str(path) for path in outcome.plain],
        "pasted": [str(path) for path in pasted],
    }


def outcome_of(job: Job, facts: Mapping[str, Any]) -> Outcome:
    told = {name: value for name, value in facts.items() if name != "pasted"}
    told["files"], told["plain"] = tuple(map(Path, facts["files"])), tuple(map(Path, facts["plain"]))
    told["notes"] = tuple(note for each in facts["notes"] if (note := from_object(each)) is not None)
    told["urls"], told["error"] = tuple(facts["urls"]), from_object(facts["error"])
    return Outcome(job, **told)
