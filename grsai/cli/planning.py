"""What the options ask for, as jobs: a folder of pictures × prompts, or the rows of a sheet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import sheets
from ..errors import BadPicture, GrsaiError, WrongJob, WrongSetting, WrongSheet
from ..jobs import Job
from ..ledger import Ledger
from ..pictures import Reference
from ..report.report import REPORT_FILE
from ..settings import Settings, path_of
from ..sheets import Sheet, Wish
from .inputs import DEMO, files_of, pictures_of, prompts_of
from .options import PROMPTS, Options

DEMO_SHEET = DEMO / "jobs.csv"
_SHOWN = 8  # names in a sentence
Notice = Callable[[GrsaiError], object]
Fault = tuple[int, GrsaiError]


@dataclass(frozen=True)
class Plan:
    """The jobs in order. `rows`: the row of the sheet that each is of. `skipped`: how many pictures could not be read.

    `base`: where the paths of the sheet lead from.
    """

    jobs: tuple[Job, ...]
    rows: tuple[int | None, ...]
    sheet: Sheet | None = None
    base: Path | None = None
    skipped: int = 0


def plan_of(options: Options, settings: Settings, ledger: Ledger, notice: Notice) -> Plan:
    """Reads everything; `notice` is told what is left out. Raises `Refused` with all that is wrong."""
    model = settings.catalogue.named(settings.model)
    model.shape(settings.aspect_ratio, settings.image_size)  # what it has not is refused before a thousand pictures are read
    model.quality(settings.quality)
    model.background(settings.background)
    if options.jobs is not None:
        return _of_sheet(options, settings, ledger, notice)
    texts = _texts_folder(options)
    prompts = [] if texts else prompts_of(options)
    pictures = pictures_of(options, ledger, notice)
    wishes = [Wish(image=each, folder=pictures.folder_of(each)) for each in pictures.references]
    if texts and not wishes:
        raise WrongJob("There is no picture for the texts in {folder}. Name their folder with --images.", folder=texts)
    faults = _Faults(None, notice)
    wishes = _with_partners(wishes, options, notice, faults)
    wishes = _with_texts(wishes, texts, options, notice, faults) if texts else wishes
    faults.check(len(wishes))
    wishes = wishes or [Wish(prompt=prompt) for prompt in prompts]
    planned = sheets.planned(wishes, _given(options, settings, prompts))
    return Plan(planned.jobs, planned.rows, skipped=pictures.skipped)


def _of_sheet(options: Options, settings: Settings, ledger: Ledger, notice: Notice) -> Plan:
    path = _sheet_path(options)
    try:
        sheet = sheets.read_sheet(path)
    except FileNotFoundError:
        raise WrongSheet("There is no sheet {path}. Name another file with --jobs.", path=path) from None
    except OSError as error:
        text = "{path} cannot be read: {why}. Name another file with --jobs."
        raise WrongSheet(text, path=path, why=error.strerror or error) from None
    if not sheet.rows:
        raise WrongSheet("{path} has no rows below its first one, which names the columns.", path=path)
    folders, faults = _folders(path), _Faults(sheet, notice)
    wishes = sheets.wishes_of(sheet, sheets.beside(folders))
    skipped = 0
    if options.images is not None:  # named for the rows that have no picture of their own
        pictures = pictures_of(options, ledger, notice)
        skipped = pictures.skipped
        wishes = [each for wish in wishes for each in _with_each(wish, pictures.references)]
    texts = _texts_folder(options)
    wishes = _with_partners(wishes, options, notice, faults)
    wishes = _with_texts(wishes, texts, options, notice, faults) if texts else wishes
    faults.check(len(wishes))
    prompts = prompts_of(options) if options.prompts is not None and not texts else []
    planned = sheets.planned(wishes, _given(options, settings, prompts), sheet=sheet)
    return Plan(planned.jobs, planned.rows, sheet, folders[0], skipped)


def _sheet_path(options: Options) -> Path:
    if options.jobs:
        return path_of(options.jobs)
    if options.demo:
        return DEMO_SHEET
    raise WrongSetting("Option {option} needs a value. See --help.", option="--jobs")


def _folders(path: Path) -> list[Path]:
    """Where the paths of a sheet may lead from: its own folder. Of one that came back the report knows where it was before."""
    own = path.absolute().parent
    if not path.stem.endswith(sheets.DONE):
        return [own]
    try:
        told = [own / json.loads((own / REPORT_FILE).read_text("utf-8"))["sheet_folder"]]
    except (OSError, ValueError, KeyError, TypeError):
        told = []
    return [*told, own, own.parent, Path.cwd()]


def _given(options: Options, settings: Settings, prompts: Sequence[str]) -> sheets.Given:
    return sheets.Given(
        settings.catalogue,
        settings.model,
        settings.aspect_ratio,
        settings.image_size,
        settings.quality,
        settings.background,
        seed=settings.seed,
        prompts=tuple(prompts),
        pairing=settings.pairing,
        template=options.name or "",
    )


def _with_each(wish: Wish, pictures: Sequence[Reference]) -> list[Wish]:
    return [wish] if wish.image else [replace(wish, image=picture) for picture in pictures]


# What belongs to each picture


class _Faults:
    """What is wrong with a wish: told by rows for a sheet, else one after the other, and then how many."""

    def __init__(self, sheet: Sheet | None, notice: Notice) -> None:
        self._sheet = sheet
        self._notice = notice
        self._found: list[tuple[Wish, GrsaiError]] = []

    def add(self, wish: Wish, error: GrsaiError) -> None:
        self._found.append((wish, error))

    def check(self, total: int) -> None:
        if not self._found:
            return
        if self._sheet is not None:
            raise sheets.faulty(self._sheet.path, [(wish.row or 0, error) for wish, error in self._found])
        if len(self._found) == 1:
            raise self._found[0][1]
        for error in dict.fromkeys(str(error) for _, error in self._found):
            self._notice(next(each for _, each in self._found if str(each) == error))
        text = "What belongs to them is missing for {count} of {total} pictures. Nothing was sent."
        raise WrongJob(text, count=len(self._found), total=total)


def _with_partners(wishes: Sequence[Wish], options: Options, notice: Notice, faults: _Faults) -> list[Wish]:
    """Each wish with what the `--with` say, in their order. A row that names references keeps its own."""
    wishes = list(wishes)
    open_ones = [place for place, wish in enumerate(wishes) if not wish.references]
    for told in options.with_:
        path = path_of(told)
        if not path.exists():
            raise WrongSetting("There is no file or folder {path}. Name another one with --with.", path=path)
        places = open_ones if path.is_file() else [place for place in open_ones if wishes[place].image]
        found = _partners([wishes[place] for place in places], path, options, notice)
        read = sheets.read_each(each for each in found if isinstance(each, Path))
        for place, each in zip(places, found, strict=True):
            partner = read[each] if isinstance(each, Path) else each
            if isinstance(partner, Reference):
                wishes[place] = replace(wishes[place], references=(*wishes[place].references, partner))
            else:
                faults.add(wishes[place], partner)
    return wishes


def _partners(wishes: Sequence[Wish], path: Path, options: Options, notice: Notice) -> Sequence[Path | GrsaiError]:
    """For each wish its partner: the file itself, or one of the folder."""
    if path.is_file():
        return [path] * len(wishes)
    found = sheets.partners([_key(wish) for wish in wishes], path, files_of(path, options))
    for each in found.notices(path):
        notice(each)
    return found.files


def _texts_folder(options: Options) -> Path | None:
    """The folder of `--prompts`, if it names one."""
    path = path_of(options.prompts or PROMPTS)
    return path if options.prompts is not None and path.is_dir() else None


def _with_texts(wishes: Sequence[Wish], folder: Path, options: Options, notice: Notice, faults: _Faults) -> list[Wish]:
    """Each wish with the text of its picture's name, if it has no prompt."""
    wishes = list(wishes)
    places = [place for place, wish in enumerate(wishes) if not wish.prompt and wish.image]
    try:
        files = sheets.text_files(folder, recursive=options.recursive)
    except OSError as error:
        text = "The folder {folder} cannot be read: {why}. Name another with --prompts."
        raise BadPicture(text, folder=folder, why=error.strerror or error) from None
    found = sheets.texts([_key(wishes[place]) for place in places], folder, files)
    for each in found.notices(folder):
        notice(each)
    for place, path in zip(places, found.files, strict=True):
        try:
            if isinstance(path, GrsaiError):
                raise path
            wishes[place] = replace(wishes[place], prompt=sheets.text_of_picture(path))
        except GrsaiError as error:
            faults.add(wishes[place], error)
    return wishes


def _key(wish: Wish) -> str:
    """What a picture is called below its folder, without its suffix."""
    stem = wish.image.path.stem if wish.image and wish.image.path else ""
    return f"{wish.folder}/{stem}" if wish.folder else stem
