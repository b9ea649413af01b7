"""Making rejected pictures again: which, with what, and what that costs. A kept picture is never paid for again."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import engine
from ..engine import Estimate
from ..errors import BadPicture, GrsaiError, WrongJob
from ..files import relative
from ..jobs import MAX_NAME_BYTES, MOST_SEED, Job
from ..ledger import Ledger
from ..masks import PLAIN
from ..pictures import Reference, read_all
from ..settings import Settings
from .album import Album, Picture, replaced_by, replaced_pictures

Notice = Callable[[GrsaiError], object]


@dataclass(frozen=True)
class Changes:
    """What is to be other than it was; None for what stays. `seed`: each picture gets the first new one from there on."""

    prompt: str | None = None
    model: str | None = None
    aspect_ratio: str | None = None
    image_size: str | None = None
    quality: str | None = None
    background: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Redo:
    """`jobs`: one for each task whose pictures are made again; `replaced`: their names. `gone`: those that have no source now,
    each with why. `foreign`: how many are of another service."""

    jobs: tuple[Job, ...]
    replaced: Mapping[str, Sequence[str]]  # by fingerprint
    gone: tuple[tuple[Picture, GrsaiError], ...]
    foreign: int
    price: Estimate

    def begin(self, ledger: Ledger) -> None:
        """Writes down what replaces what. To be called before anything is paid."""
        replaced_by(ledger, self.replaced)


def planned(
    album: Album, settings: Settings, changes: Changes, *, ids: Sequence[str] | None = None, notice: Notice = lambda error: None
) -> Redo:
    """What making the rejected pictures again comes to, or those of them that `ids` names. Sends nothing.

    Raises `WrongJob` and `WrongSetting` for changes that a picture cannot have.
    """
    rejected = [picture for picture in album.rejected() if ids is None or picture.id in ids]
    ours = [picture for picture in rejected if picture.entry.service == album.ledger.service]
    by_task: dict[str, list[Picture]] = {}
    for picture in ours:
        by_task.setdefault(picture.entry.task_id or "", []).append(picture)
    references = _references(list(by_task.values()), album.ledger, notice)
    jobs, replaced, gone = list[Job](), dict[str, list[str]](), list[tuple[Picture, GrsaiError]]()
    for pictures, found in zip(by_task.values(), references, strict=True):
        if isinstance(found, GrsaiError):
            gone += [(picture, found) for picture in pictures]
            continue
        names = [picture.name for picture in pictures]
        job = _unseen(_job(pictures[0], album, settings, changes, found, task=len(jobs) + 1), names, album.ledger, replaced)
        jobs.append(job)
        replaced[job.fingerprint] = names
    price = engine.estimate(jobs, album.ledger, output=album.folder)
    return Redo(tuple(jobs), replaced, tuple(gone), len(rejected) - len(ours), price)


def _job(
    picture: Picture, album: Album, settings: Settings, changes: Changes, references: Sequence[Reference], *, task: int
) -> Job:
    """The job that makes a picture again. Its seed may be one that was used before."""
    entry, folder = picture.entry, relative(picture.file.parent, album.folder)
    asked = settings.catalogue.get(entry.asked_model)
    model = settings.catalogue.named(changes.model or entry.asked_model)
    smallest = asked is not None and model is not asked and asked.sizes[:1] == (entry.image_size,)
    versions = album.versions(picture)
    return Job(
        changes.prompt if changes.prompt is not None else entry.prompt,
        model,
        changes.aspect_ratio or entry.aspect_ratio,
        changes.image_size or (None if smallest else entry.image_size),
        tuple(references),
        entry.seed + 1 if changes.seed is None else changes.seed,
        0,
        task,
        _version_name(versions[0].entry.name, len(versions) + 1),
        changes.quality or (entry.quality if model.qualities else None),
        changes.background or (entry.background if model.backgrounds else None),
        entry.numbered,
        "" if folder == "." else folder,
    )


def _version_name(name: str, number: int) -> str:
    ending = f"_v{number}"
    return os.fsencode(name)[: MAX_NAME_BYTES - len(ending)].decode("utf-8", "ignore") + ending


def _unseen(job: Job, names: Sequence[str], ledger: Ledger, taken: Mapping[str, object]) -> Job:
    """The job with the first seed from its own on that makes a new picture; the same again as long as it has brought none."""
    for seed in itertools.count(job.seed):
        found = replace(job, seed=seed % (MOST_SEED + 1))
        tries = ledger.tries(found.fingerprint)
        under_way = not any(entry.state == "done" for entry in tries) and _replaces(ledger, found, names)
        if found.fingerprint not in taken and (not tries or under_way):
            return found
    raise AssertionError("the seeds have no end")


def _replaces(ledger: Ledger, job: Job, names: Sequence[str]) -> bool:
    return replaced_pictures(ledger, [job.fingerprint]).get(job.fingerprint) == list(names)


def _references(groups: Sequence[Sequence[Picture]], ledger: Ledger, notice: Notice) -> list[tuple[Reference, ...] | GrsaiError]:
    """What the pictures of each task were made from, as it can be had now, or why it cannot."""
    pictures = [group[0] for group in groups]
    files = list(dict.fromkeys(file for picture in pictures for file in picture.sources if file is not None))
    read = read_all(files)
    there = {reference.path: reference for reference in read.references}
    found: list[tuple[Reference, ...] | GrsaiError] = []
    for picture in pictures:
        try:
            if picture.entry.name.endswith(PLAIN):  # made from cuts, not from its sources
                text = "{name} was edited within a mask. Make it again by the command with its mask and another seed."
                raise WrongJob(text, name=picture.file.name)
            places = range(len(picture.sources))
            found.append(tuple(_reference(picture, place, there, ledger, notice) for place in places))
        except (BadPicture, WrongJob) as error:
            found.append(error)
    return found


def _reference(picture: Picture, place: int, there: Mapping[Path | None, Reference], ledger: Ledger, notice: Notice) -> Reference:
    """The file as it is now, else its upload, as long as the service has that. Raises `BadPicture`."""
    entry, file = picture.entry, picture.sources[place]
    source, digest = entry.sources[place], entry.digests[place] if place < len(entry.digests) else ""
    if digest.startswith(("http:", "https:")):
        return Reference.from_url(digest)
    if (reference := there.get(file)) is not None:
        if digest and reference.digest != digest:
            notice(BadPicture("{name} has changed since it was used. It is taken as it is now.", name=Path(source).name))
        return reference
    if digest and (url := ledger.uploaded(digest)):
        notice(BadPicture("{name} is gone. What was uploaded of it is used again.", name=Path(source).name))
        return Reference(Path(source).stem, digest, url=url, path=Path(source) if Path(source).is_absolute() else None)
    text = "{source}, from which {name} was made, is gone. Put it back, or leave that picture out."
    raise BadPicture(text, source=source, name=picture.file.name)
