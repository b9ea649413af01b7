"""From wishes to jobs: what a wish leaves open is filled in, variables too, and everything that is wrong is told at once."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..errors import BadPicture, GrsaiError, WrongJob, WrongSheet
from ..jobs import MAX_PREFIX_BYTES, Job, check_prompt, pairs, safe_stem, with_edits
from ..models import Catalogue, Model
from .columns import COLUMNS
from .naming import Numbers, alike, safe_folder, safe_name
from .sheet import Sheet
from .variables import fill, of_picture, used
from .wishes import Wish, failed, has_failed

if TYPE_CHECKING:
    from ..masks import Edit, Masked, MaskOptions

MOST_COUNT = 1000  # pictures of a row
MOST_JOBS = 100_000
MOST_SEED = 2**31 - 1
_NUMBER = "k"


@dataclass(frozen=True)
class Given:
    """What holds for every wish that does not say otherwise. `prompts`: each meets every wish without one.

    `template`: what files are called, with variables and `{k}`; "" for `<prefix>_<n>_<picture>_<k>`. `prompts_from`: where a
    user gives prompts.
    """

    catalogue: Catalogue
    model: str
    aspect_ratio: str = "auto"
    image_size: str | None = None
    quality: str | None = None
    background: str | None = None
    seed: int = 0
    prompts: tuple[str, ...] = ()
    pairing: str = "product"
    template: str = ""
    prefix: str = "Task"
    prompts_from: str = "--prompts"
    mask_options: MaskOptions | None = None  # None: as they are without any
    keeps_names: bool = False  # a picture that is edited within a mask is called as its source, unless a template says otherwise


@dataclass(frozen=True)
class Planned:
    """`rows`: for each job the row of the sheet that asked for it; None for one without a sheet."""

    jobs: tuple[Job, ...]
    rows: tuple[int | None, ...]


def planned(wishes: Sequence[Wish], given: Given, *, sheet: Sheet | None = None) -> Planned:
    """The jobs in order of the wishes, of each with every prompt, `count` times.

    Raises `WrongSheet` with all that is wrong in the `sheet`; without one `WrongJob` for the first fault.
    """
    return _Planner(given, sheet).planned(wishes)


class _Shape(NamedTuple):
    model: Model
    ratio: str
    size: str | None
    quality: str | None
    background: str | None


class _Name(NamedTuple):
    """`numbered`: whether `_1`, `_2` … follows."""

    stem: str
    numbered: bool


class _Planner:
    """Collects jobs, and what is wrong, row by row."""

    def __init__(self, given: Given, sheet: Sheet | None) -> None:
        self._given = given
        self._sheet = sheet
        self._faults: list[tuple[int, GrsaiError]] = list(sheet.faults) if sheet else []
        self._lacks_prompts = False  # told once for the whole sheet
        self._place = 0  # in the plan; one that is not made has a place too
        self._numbers = Numbers()
        self._names: dict[str, int | None] = {}
        self._shapes: dict[tuple[str | None, ...], _Shape | list[GrsaiError]] = {}  # many rows ask for the same

    def planned(self, wishes: Sequence[Wish]) -> Planned:
        jobs, rows = list[Job](), list[int | None]()
        edits: list[Sequence[Edit]] = []
        for wish, prompts in zip(wishes, self._prompts(wishes), strict=True):
            masked = self._masked(wish)
            for job in self._jobs(wish, prompts):
                if len(jobs) == MOST_JOBS:
                    raise WrongJob("The plan has more than {most:,} pictures. Divide it.", most=MOST_JOBS)
                jobs.append(job)
                edits.append(self._edits(wish, job, masked) if masked else ())
                rows += [wish.row] * max(len(edits[-1]), 1)
        if self._sheet and (self._lacks_prompts or self._faults):
            raise self._faulty(self._sheet)
        return Planned(tuple(with_edits(jobs, edits)), tuple(rows))

    def _masked(self, wish: Wish) -> Masked | None:
        """The picture of a wish with its mask, if it has one that can be read."""
        if wish.mask is None or wish.image is None or wish.faults:
            return None
        try:
            return wish.mask.read(wish.image)
        except BadPicture as error:
            self._fault(wish, error)
            return None

    def _edits(self, wish: Wish, job: Job, masked: Masked) -> Sequence[Edit]:
        from ..masks import MaskOptions, edits_of

        given, ratio = self._given, wish.aspect_ratio or self._given.aspect_ratio
        size = wish.image_size or given.image_size or None
        try:
            return edits_of(
                masked.original, masked.mask, model=job.model, ratio=ratio, size=size, options=given.mask_options or MaskOptions()
            )  # fmt: skip
        except WrongJob as error:
            self._fault(wish, error)
            return ()

    def _faulty(self, sheet: Sheet) -> WrongSheet:
        faults = sorted(self._faults, key=lambda fault: fault[0])
        if self._lacks_prompts:
            return _without_prompts(sheet, self._given.prompts_from, faults)
        text = "{path} has faults ({count}). Nothing was sent; correct them and run again."
        return WrongSheet(text, faults=faults, path=sheet.path, count=len(faults))

    def _prompts(self, wishes: Sequence[Wish]) -> list[Sequence[str]]:
        """The prompts of each wish: its own, else those that are given."""
        known = self._given.prompts or any(wish.prompt for wish in wishes)
        self._lacks_prompts = self._sheet is not None and not known and "prompt" not in self._sheet.places
        places = [place for place, wish in enumerate(wishes) if not wish.prompt]
        found: list[list[str]] = [[wish.prompt] if wish.prompt else [] for wish in wishes]
        if places and self._given.prompts:
            for place, prompt in pairs(self._given.prompts, places, self._given.pairing):
                found[place or 0].append(prompt)
        return list(found)

    def _jobs(self, wish: Wish, prompts: Sequence[str]) -> Iterator[Job]:
        """Those of a wish, up to the first in which something is wrong."""
        for error in wish.faults:
            self._fault(wish, error)
        if not (prompts or self._lacks_prompts):
            text = "It has no prompt. Write one, or give prompts for all with {option}."
            self._fault(wish, WrongJob(text, option=self._given.prompts_from))
        count = self._whole(wish, "count", wish.count, 1, 1, MOST_COUNT)
        seed = self._whole(wish, "seed", wish.seed, self._given.seed, 0, MOST_SEED)
        shape = self._shape(wish)
        references = (*((wish.image,) if wish.image else ()), *wish.references)
        several, folder = (count or 1) > 1, safe_folder(wish.folder)
        for prompt in (prompt for prompt in prompts for _ in range(count or 1)):
            self._place = number = self._place + 1
            values = {**of_picture(wish.image and wish.image.path, number), **wish.values}
            text = self._prompt(wish, prompt, values)
            named = self._name(wish, values, number, shape, several=several)
            if shape is None or seed is None or text is None or named is None:
                return
            yield Job(
                text,
                *shape[:3],
                references,
                seed,
                task=number,
                name=named.stem,
                quality=shape.quality,
                background=shape.background,
                numbered=named.numbered,
                folder=folder,
            )

    def _shape(self, wish: Wish) -> _Shape | None:
        """Model and shape, each part checked by itself; None where one is wrong."""
        given = self._given
        ratio, size = wish.aspect_ratio or given.aspect_ratio, wish.image_size or given.image_size
        asked = wish.model or given.model, ratio, size, wish.quality or given.quality, wish.background or given.background
        if asked not in self._shapes:
            self._shapes[asked] = _checked(given.catalogue, *asked)
        found = self._shapes[asked]
        faults = found if isinstance(found, list) else []
        if isinstance(found, _Shape) and (many := len(wish.references) + (wish.image is not None)) > found.model.references:
            text = "{count} pictures are too many for one job: {model} takes at most {most}. Use fewer references."
            faults = [WrongJob(text, count=many, model=found.model.id, most=found.model.references)]
        for error in faults:
            self._fault(wish, error)
        return found if isinstance(found, _Shape) and not faults else None

    def _prompt(self, wish: Wish, prompt: str, values: Mapping[str, str]) -> str | None:
        """The finished prompt; None where something is wrong with it.

        Without a sheet one that uses no variable is left as it stands, whatever braces it has.
        """
        try:
            if "{" in prompt:
                others = {name: value for name, value in values.items() if name != "prompt"}
                _check_values(prompt, others)
                prompt = fill(prompt, others) if wish.row is not None or used(prompt, others) else prompt
            check_prompt(prompt)
            return prompt.strip()
        except WrongJob as error:
            self._fault(wish, error)
            return None

    def _name(self, wish: Wish, values: Mapping[str, str], number: int, shape: _Shape | None, *, several: bool) -> _Name | None:
        """What the files are called; None where something is wrong with it."""
        try:
            if template := wish.name or self._given.template:
                model = shape.model.id if shape else wish.model
                name = _Name(self._from_template(wish, template, {**values, "model": model}, number, several=several), False)
            elif wish.mask is not None and wish.image is not None and self._given.keeps_names:
                name = _Name(self._like_the_source(wish, safe_name(wish.image.name)), False)
            else:
                picture = safe_stem(wish.image.name if wish.image else "text")
                name = _Name(f"{safe_stem(self._given.prefix, most_bytes=MAX_PREFIX_BYTES)}_{number}_{picture}", True)
            self._check_name(wish, f"{name.stem}_1" if name.numbered else name.stem)
            return name
        except WrongJob as error:
            self._fault(wish, error)
            return None

    def _from_template(self, wish: Wish, template: str, values: Mapping[str, str], number: int, *, several: bool) -> str:
        without = {"stem": "text", "name": "text", "folder": "", **of_picture(wish.image and wish.image.path, number)}
        known = {**without, **values}
        if wish.name:  # it does not stand within itself
            known["name"] = without["name"]
        _check_values(template, known)
        if several and not used(template, {_NUMBER: ""}):
            template += "_{k}"
        count = self._numbers.next(fill(template, {_NUMBER: "", **known}))
        return safe_name(fill(template, {_NUMBER: str(count), **known}))

    def _like_the_source(self, wish: Wish, stem: str) -> str:
        """With a number where another picture is called so."""
        number, folder = 1, safe_folder(wish.folder)
        while alike(f"{folder}/{stem}" if number == 1 else f"{folder}/{stem}_{number}") in self._names:
            number += 1
        return stem if number == 1 else f"{stem}_{number}"

    def _check_name(self, wish: Wish, name: str) -> None:
        """Two files of one name would be told apart by a number that nobody asked for."""
        place = alike(f"{safe_folder(wish.folder)}/{name}")
        if place not in self._names:
            self._names[place] = wish.row
        elif (row := self._names[place]) is not None:
            text = "Its name {name} is that of row {row}, too. With {{n}} or {{k}} in it names differ."
            raise WrongJob(text, name=name, row=row)
        else:
            text = "Two pictures would be called {name}. With {{n}} or {{k}} in --name they differ."
            raise WrongJob(text, name=name)

    def _whole(self, wish: Wish, name: str, text: str, default: int, low: int, high: int) -> int | None:
        if not text:
            return default
        plain = unicodedata.normalize("NFKC", text).strip()
        if re.fullmatch(r"[+-]?\d{1,18}(\.0*)?", plain) and low <= (value := int(plain.partition(".")[0])) <= high:
            return value
        problem = "{name} can be {low} to {high}, not {value}."
        self._fault(wish, WrongJob(problem, name=name, low=low, high=high, value=text))
        return None

    def _fault(self, wish: Wish, error: GrsaiError) -> None:
        if wish.row is None:
            raise error
        self._faults.append((wish.row, error))


def _check_values(text: str, values: Mapping[str, str]) -> None:
    for name, value in used(text, values).items():
        if has_failed(value):
            raise failed(name, value)


def _without_prompts(sheet: Sheet, option: str, faults: Sequence[tuple[int, GrsaiError]]) -> WrongSheet:
    near = difflib.get_close_matches("prompt", [name for name in sheet.variables if name not in COLUMNS], 1)
    if near:
        text = "{path} has no column prompt. Is it {near}? Rename it, or give prompts for all with {option}."
        name = sheet.columns[sheet.variables[near[0]]]
        return WrongSheet(text, path=sheet.path, near=name, option=option, faults=faults)
    text = "{path} has no column prompt. Its first row names the columns; or give prompts for all with {option}."
    return WrongSheet(text, path=sheet.path, option=option, faults=faults)


def _checked(
    catalogue: Catalogue, name: str, ratio: str, size: str | None, quality: str | None, background: str | None
) -> _Shape | list[GrsaiError]:
    """All that is wrong with it, if anything is."""
    faults = list[GrsaiError]()
    try:
        model = catalogue.named(name)
    except WrongJob as error:
        return [error, *_of_no_model(catalogue, ratio, size, quality, background)]
    for check in (
        lambda: model.ratio(ratio),
        lambda: model.size(size),
        lambda: model.quality(quality),
        lambda: model.background(background),
        lambda: faults or model.shape(ratio, size),
    ):
        try:
            check()
        except WrongJob as error:
            faults.append(error)
    return faults or _Shape(model, ratio, size, quality, background)


def _of_no_model(
    catalogue: Catalogue, ratio: str, size: str | None, quality: str | None, background: str | None
) -> Iterator[GrsaiError]:
    """What is wrong whichever model was meant."""
    for name, value, check in (
        ("aspect_ratio", ratio, Model.ratio),
        ("image_size", size, Model.size),
        ("quality", quality, Model.quality),
        ("background", background, Model.background),
    ):
        if value and not catalogue.taking(check, value):
            yield WrongJob("There is no model that has {name} {value}.", name=name, value=value)
