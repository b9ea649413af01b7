"""One picture to make is a `Job`; what came of it is an `Outcome`; pictures × prompts make the plan."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .errors import GrsaiError, WrongJob
from .models import Model
from .pictures import Reference

if TYPE_CHECKING:
    from .masks import Edit

T = TypeVar("T")
Status = Literal["succeeded", "failed", "uncertain", "stopped"]
Pairing = Literal["product", "zip"]
PAIRINGS: tuple[Pairing, ...] = ("product", "zip")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")  # a prompt may have lines and tabs
_HALF_LETTER = re.compile("[\ud800-\udfff]")
_UNSEEN = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters to Unicode, and blank
MOST_SEED = 2**63 - 1  # what a ledger holds
MAX_NAME_BYTES = 220  # with a number, a suffix and the mark of a temporary file it must stay below 255
MAX_STEM = 80  # characters; keeps whole paths below the 260 of Windows
MAX_STEM_BYTES, MAX_PREFIX_BYTES = 120, 80  # keeps names below the 255 bytes of Linux, where a Chinese letter has three


@dataclass(frozen=True)
class Job:
    """Everything that decides one picture. Refuses what the model has not (`WrongJob`)."""

    prompt: str
    model: Model
    aspect_ratio: str = "auto"
    image_size: str | None = None  # None: the model's smallest
    references: tuple[Reference, ...] = ()
    seed: int = 0  # the API has no seed: another seed is another job, so a new picture
    variation: int = 0  # tells equal jobs of one plan apart
    task: int = 1  # place in the plan, from 1
    name: str = "Task_1"  # of the files, without number and suffix
    quality: str | None = None  # None: as the service has it
    background: str | None = None
    numbered: bool = True  # whether the files are called <name>_1, <name>_2 …; else the first one is <name>
    folder: str = ""  # of the files, below the output: names with slashes between them
    edit: Edit | None = None  # within a mask: what comes goes back into the picture that the first reference was cut of

    def __post_init__(self) -> None:
        check_prompt(self.prompt)
        if len(self.references) > self.model.references:
            text = "{count} pictures are too many for one job: {model} takes at most {most}. Use fewer references."
            raise WrongJob(text, count=len(self.references), model=self.model.id, most=self.model.references)
        if type(self.seed) is not int or not 0 <= self.seed <= MOST_SEED:
            raise WrongJob("The seed can be 0 to {most}, not {seed}.", most=MOST_SEED, seed=self.seed)
        if re.search(r"[/\\\x00-\x1f]", self.name) or not 0 < len(os.fsencode(self.name)) <= MAX_NAME_BYTES:
            raise WrongJob("{name} is no name for files: it is empty, too long, or holds a slash.", name=self.name[:80])
        if self.folder and any(part in ("", ".", "..") or re.search(r"[\\:\x00-\x1f]", part) for part in self.folder.split("/")):
            raise WrongJob("{folder} is no folder below the output.", folder=self.folder[:80])
        ratio, size = self.model.shape(self.aspect_ratio, self.image_size)
        object.__setattr__(self, "aspect_ratio", ratio)
        object.__setattr__(self, "image_size", size)
        object.__setattr__(self, "quality", self.model.quality(self.quality))
        object.__setattr__(self, "background", self.model.background(self.background))

    @property
    def sent_ratio(self) -> str:
        """What goes into `aspectRatio` of the request: a ratio, `auto`, or pixels."""
        return self.model.sent_ratio(self.aspect_ratio, self.image_size)

    @property
    def sent_size(self) -> str | None:
        """What goes into `imageSize` of the request; None: nothing."""
        return self.model.sent_size(self.image_size)

    def made_with(self, model: Model) -> Job:
        """The same with another model, its smallest size for the smallest. Raises `WrongJob` where it has not the like."""
        smallest = self.model.sizes[:1] == (self.image_size,)
        return replace(self, model=model, image_size=None if smallest else self.image_size)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides the picture: equal jobs are paid for once. Newer facts join it where they are set."""
        digests = [reference.digest for reference in self.references]
        facts: list[Any] = [self.model.id, self.prompt, self.sent_ratio, self.image_size, self.seed, self.variation, digests]
        newer = {"quality": self.quality, "background": self.background}
        if any(newer.values()):
            facts.append({name: value for name, value in newer.items() if value})
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def edited(self, edit: Edit) -> Job:
        """The same within a mask: its first picture is the cut, and what comes is called `<name>.plain`, `<name>` what is pasted.

        `variation` begins anew: see `with_edits`.
        """
        from .masks import PLAIN

        edit, references = edit.named(self.stem()), (edit.reference, *self.references[1:])
        return replace(
            self, aspect_ratio=edit.window.ratio, image_size=edit.window.size, references=references, variation=0,
            name=edit.name + PLAIN, numbered=False, edit=edit,
        )  # fmt: skip

    def onto(self, file: Path) -> Job:
        """The same on the picture that the edit before it made. What is paid for stays the same."""
        if self.edit is None:
            return self
        edit = self.edit.onto(file)
        return replace(self, edit=edit, references=(edit.reference, *self.references[1:]))

    @property
    def title(self) -> str:
        """Its name as people are told it: of an edit that of the picture it brings."""
        return self.edit.name if self.edit else self.name

    def stem(self, number: int = 1) -> str:
        """What the file of its `number`th picture is called, without the suffix."""
        return f"{self.name}_{number}" if self.numbered or number > 1 else self.name

    @property
    def source(self) -> Path | None:
        """The file of the first picture, or of what it was cut of, if it is one."""
        return self.references[0].path if self.references else None


@dataclass(frozen=True)
class Outcome:
    """What came of a job. `credits`: what this run paid for it; `seconds`: from its submit to the file.

    An edit of an area that others follow has no `files`: the last one brings the picture with all of them.
    """

    job: Job
    status: Status
    files: tuple[Path, ...] = ()
    task_id: str | None = None
    error: GrsaiError | None = None
    seconds: float = 0.0
    credits: int = 0
    reused: bool = False  # made and paid in an earlier run
    notes: tuple[GrsaiError, ...] = ()  # what the user should know although it went well
    urls: tuple[str, ...] = ()  # where the service keeps the pictures, for 2 hours
    made_by: str = ""  # the model, where another one stood in for the job's
    worker: str = ""  # of a cluster, which made it
    plain: tuple[Path, ...] = ()  # of an edit: what came from the service, which `files` hold pasted into their picture
    earlier_credits: int = 0  # what an earlier run paid for the picture
    earlier_seconds: float = 0.0  # and how long it took there

    @property
    def model(self) -> str:
        """The id of the model that made it, or was to."""
        return self.made_by or self.job.model.id

    @property
    def file(self) -> Path | None:
        return self.files[0] if self.files else None


def plan(
    prompts: Sequence[str],
    pictures: Sequence[Reference] = (),
    *,
    model: Model,
    aspect_ratio: str = "auto",
    image_size: str | None = None,
    shared: Sequence[Reference] = (),
    pairing: str = "product",
    seed: int = 0,
    prefix: str = "Task",
    quality: str | None = None,
    background: str | None = None,
) -> list[Job]:
    """The jobs in order: every picture with every prompt, or one to one (`zip`). `shared` pictures go with every job.

    Equal jobs get different variations, so that a prompt written twice makes two pictures.
    """
    jobs = list[Job]()
    for task, (picture, prompt) in enumerate(pairs(prompts, pictures, pairing), 1):
        references = (picture, *shared) if picture else tuple(shared)
        name = f"{safe_stem(prefix, most_bytes=MAX_PREFIX_BYTES)}_{task}_{safe_stem(picture.name if picture else 'text')}"
        jobs.append(Job(prompt.strip(), model, aspect_ratio, image_size, references, seed, 0, task, name, quality, background))
    return told_apart(jobs)


def check_prompt(prompt: str) -> None:
    """Raises `WrongJob` for one that nobody meant to send."""
    if not _is_seen(prompt):
        raise WrongJob("The prompt is empty. Write what the picture should show.")
    if _HALF_LETTER.search(prompt):
        raise WrongJob("The prompt holds half a character, perhaps of an emoji that was cut. Write it again.")
    if found := _CONTROL.search(prompt):
        raise WrongJob("The prompt holds a control character ({code}). Remove it.", code=_code(found[0]))


def pairs(prompts: Sequence[str], pictures: Sequence[T], pairing: str) -> list[tuple[T | None, str]]:
    """Each picture with each of the prompts (`product`), or one to one (`zip`). Without pictures the prompts alone."""
    if not prompts:
        raise WrongJob("There is no prompt. Write at least one line.")
    if not pictures:
        return [(None, prompt) for prompt in prompts]
    if pairing == "product":
        return [(picture, prompt) for picture in pictures for prompt in prompts]
    if pairing != "zip":
        raise WrongJob("Pairing is product or zip, not {pairing}.", pairing=pairing)
    if len(pictures) != len(prompts):
        raise WrongJob(
            "Pairing zip needs as many prompts as pictures: there are {pictures} pictures and {prompts} prompts.",
            pictures=len(pictures),
            prompts=len(prompts),
        )
    return list(zip(pictures, prompts, strict=True))


def told_apart(jobs: Iterable[Job]) -> list[Job]:
    """The jobs, equal ones with different variations, so that each of them makes a picture of its own."""
    seen, apart = Counter[str](), list[Job]()
    for job in jobs:
        apart.append(replace(job, variation=seen[job.fingerprint]) if seen[job.fingerprint] else job)
        seen[job.fingerprint] += 1
    return apart


def with_edits(jobs: Sequence[Job], edits: Sequence[Sequence[Edit]]) -> list[Job]:
    """The jobs in order, each with `edits` as often as it has of them, one after the other, and numbered anew."""
    planned = [each for job, own in zip(jobs, edits, strict=True) for each in (map(job.edited, own) if own else [job])]
    return told_apart(replace(job, task=task, variation=0) for task, job in enumerate(planned, 1))


def safe_stem(name: str, *, most_bytes: int = MAX_STEM_BYTES) -> str:
    """`name` without what Windows forbids in file names, and no longer than a file system takes."""
    allowed = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]', "_", name)[:MAX_STEM]
    return allowed.encode()[:most_bytes].decode("utf-8", "ignore").strip(" .") or "picture"


def split_prompts(text: str) -> list[str]:
    """One prompt a line; empty lines do not count. Raises `WrongJob` for control characters, which nobody wrote."""
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", text.lstrip("\ufeff"))]
    wrong = [f"{number} ({_code(found[0])})" for number, line in enumerate(lines, 1) if (found := _CONTROL.search(line))]
    if wrong:
        raise WrongJob("Prompts hold control characters, in line {lines}. Remove them.", lines=", ".join(wrong))
    return [line for line in lines if _is_seen(line)]


def _is_seen(text: str) -> bool:
    """Whether something of it can be seen: not only blanks, byte order marks and letters without width."""
    return any(letter.isprintable() and not letter.isspace() and letter not in _UNSEEN for letter in text)


def _code(letter: str) -> str:
    return f"U+{ord(letter):04X}"
