"""What the options ask for, as jobs: a folder of pictures × prompts, or the rows of a sheet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import sheets
from ..errors import BadPicture, GrsaiError, WrongJob, WrongSetting, WrongSheet
from ..jobs import Job
from ..ledger import Ledger
from ..models import Model
from ..pictures import Reference, look_at, look_below
from ..report.report import REPORT_FILE
from ..settings import Settings, path_of
from ..sheets import Sheet, Wish
from .inputs import DEMO, files_of, pictures_of, prompts_of, told
from .options import PROMPTS, Options

if TYPE_CHECKING:
    from ..masks import MaskOptions

DEMO_SHEET = DEMO / "jobs.csv"
_MASK_OPTIONS = ("margin", "feather", "align", "match")
_SHOWN = 8  # names in a sentence
Notice = Callable[[GrsaiError], object]


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
    sample: int = 0  # pictures that it takes of a folder of so many
    of: int = 0
    compared: bool = False  # several models, or a sample


def plan_of(options: Options, settings: Settings, ledger: Ledger, notice: Notice) -> Plan:
    """Reads everything; `notice` is told what is left out. Raises `Refused` with all that is wrong."""
    models = [settings.catalogue.named(name) for name in options.models or (settings.model,)]
    for model in models:  # what it has not is refused before a thousand pictures are read
        _check_model(model, settings)
    compared = len(models) > 1 or options.sample is not None
    if compared and (options.jobs is not None or settings.pairing != "product"):
        raise WrongSetting("Several --model and --sample need --images, --pairing product and no --jobs.")
    if options.jobs is not None:
        return _of_sheet(options, settings, ledger, notice)
    texts = _texts_folder(options)
    prompts = [] if texts else prompts_of(options)
    pictures = pictures_of(options, ledger, notice)
    wishes = [Wish(image=each, folder=pictures.folder_of(each)) for each in pictures.references]
    if texts and not wishes:
        raise WrongJob("There is no picture for the texts in {folder}. Name their folder with --images.", folder=texts)
    wishes = _with_partners(wishes, options, notice)
    wishes = _with_texts(wishes, texts, options, notice) if texts else wishes
    wishes = _with_masks(wishes, options, notice)
    _check(wishes, notice)
    wishes = wishes or [Wish(prompt=prompt) for prompt in prompts]
    if len(models) > 1:
        wishes = [replace(wish, model=model.id) for wish in wishes for model in models]
    planned = sheets.planned(wishes, _given(options, settings, prompts))
    counts = (len(pictures.references), pictures.of) if pictures.of else (1, 1)
    return Plan(planned.jobs, planned.rows, None, None, pictures.skipped, *counts, compared)


def _check_model(model: Model, settings: Settings) -> None:
    """Refuses what the model has not, and says which ones have it."""
    asked = ((settings.image_size, Model.size), (settings.quality, Model.quality), (settings.background, Model.background))
    for value, check in asked:
        try:
            check(model, value)
        except WrongJob as error:
            others = ", ".join(each.id for each in settings.catalogue.taking(check, value or "") if not each.closed)
            raise (error.within("{why} It can be had of {models}.", models=others) if others else error) from None
    model.shape(settings.aspect_ratio, settings.image_size)


def _of_sheet(options: Options, settings: Settings, ledger: Ledger, notice: Notice) -> Plan:
    path = _sheet_path(options)
    try:
        sheet = sheets.read_sheet(path)
    except FileNotFoundError:
        raise WrongSheet("There is no sheet {path}. Name another file with --jobs.", path=told(path)) from None
    except OSError as error:
        text = "{path} cannot be read: {why}. Name another file with --jobs."
        raise WrongSheet(text, path=told(path), why=error.strerror or error) from None
    folders = _folders(path)
    wishes = sheets.wishes_of(sheet, sheets.beside(folders))
    skipped = 0
    if options.images is not None:  # named for the rows that have no picture of their own
        pictures = pictures_of(options, ledger, notice)
        skipped = pictures.skipped
        wishes = sheets.with_pictures(wishes, pictures.references)
    texts = _texts_folder(options)
    wishes = _with_partners(wishes, options, notice)
    wishes = _with_texts(wishes, texts, options, notice) if texts else wishes
    wishes = _with_masks(wishes, options, notice)
    prompts = prompts_of(options) if options.prompts is not None and not texts else []
    if options.masks is None and not any(wish.mask for wish in wishes):
        _refuse_mask_options(options)
    planned = sheets.planned(wishes, _given(options, settings, prompts), sheet=sheet)
    return Plan(planned.jobs, planned.rows, sheet, folders[0], skipped)


def _refuse_mask_options(options: Options) -> None:
    """The sheet has no masks, and what is said of them would hold for nothing."""
    for name in _MASK_OPTIONS:
        if getattr(options, f"mask_{name}") is not None:
            text = "{option} says nothing without {needed}. Add that, or leave {option} out."
            raise WrongSetting(text, option=f"--mask-{name}", needed="--masks")


def _sheet_path(options: Options) -> Path:
    if options.jobs:
        return path_of(options.jobs)
    if options.demo:
        return DEMO_SHEET
    raise WrongSetting("Option {option} needs a value: {option} {place}", option="--jobs", place="FILE")


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
        mask_options=_mask_options(options),
        keeps_names=True,
    )


def _mask_options(options: Options) -> MaskOptions | None:
    """How a picture is edited within its mask; None where nothing is said of it."""
    given = {name: getattr(options, f"mask_{name}") for name in _MASK_OPTIONS}
    if all(value is None for value in given.values()):
        return None
    from ..masks import mask_options_of

    return mask_options_of(given)


# What belongs to each picture


def _check(wishes: Sequence[Wish], notice: Notice) -> None:
    """What is missing, one after the other where it is several, and then how much."""
    faults = [fault for wish in wishes for fault in wish.faults]
    if len(faults) == 1:
        raise faults[0]
    for fault in {str(fault): fault for fault in faults}.values():
        notice(fault)
    if faults:
        text = "What belongs to them is missing for {count} of {total} pictures. Nothing was sent."
        raise WrongJob(text, count=sum(bool(wish.faults) for wish in wishes), total=len(wishes))


def _with_partners(wishes: Sequence[Wish], options: Options, notice: Notice) -> list[Wish]:
    """Each wish with what the `--with` say, in their order. A row that names references keeps its own."""
    wishes = list(wishes)
    open_ones = [place for place, wish in enumerate(wishes) if not wish.references]
    for each in options.with_:
        path = path_of(each)
        if not path.exists():
            raise WrongSetting("There is no file or folder {path}. Name another one with --with.", path=told(path))
        places = open_ones if path.is_file() else [place for place in open_ones if wishes[place].image]
        found = _partners([wishes[place] for place in places], path, options, notice)
        read = sheets.read_each(each for each in found if isinstance(each, Path))
        for place, each in zip(places, found, strict=True):
            partner = read[each] if isinstance(each, Path) else each
            if isinstance(partner, Reference):
                wishes[place] = replace(wishes[place], references=(*wishes[place].references, partner))
            else:
                wishes[place] = wishes[place].with_fault(partner)
    return wishes


def _partners(wishes: Sequence[Wish], path: Path, options: Options, notice: Notice) -> Sequence[Path | GrsaiError]:
    """For each wish its partner: the file itself, or one of the folder."""
    if path.is_file():
        return [path] * len(wishes)
    found = sheets.partners([sheets.key(wish) for wish in wishes], path, files_of(path, options))
    for each in found.notices(path):
        notice(each)
    return found.files


def _with_masks(wishes: Sequence[Wish], options: Options, notice: Notice) -> list[Wish]:
    """Each wish with what `--masks` says. A row that names a mask keeps its own."""
    if options.masks is None:
        return list(wishes)
    if not any(wish.image for wish in wishes):
        raise WrongJob("There is no picture for the masks. Name the folder of the pictures with --images.")
    from ..masks import ALPHA

    if options.masks == ALPHA:
        return sheets.with_alpha(wishes)
    if not options.masks and not options.demo:
        raise WrongSetting("Option {option} needs a value: {option} {place}", option="--masks", place="DIR")
    folder = path_of(options.masks) if options.masks else DEMO / "mask"
    try:
        files = (look_below if options.recursive else look_at)(folder).files
    except OSError as error:
        text = "The folder {folder} cannot be read: {why}. Name another with --masks."
        raise BadPicture(text, folder=told(folder), why=error.strerror or error) from None
    wishes, found = sheets.with_masks(wishes, folder, files)
    for each in found.notices(folder):
        notice(each)
    return wishes


def _texts_folder(options: Options) -> Path | None:
    """The folder of `--prompts`, if it names one."""
    path = path_of(options.prompts or PROMPTS)
    return path if options.prompts is not None and options.prompt is None and path.is_dir() else None


def _with_texts(wishes: Sequence[Wish], folder: Path, options: Options, notice: Notice) -> list[Wish]:
    """Each wish with the text of its picture's name, if it has no prompt."""
    try:
        files = sheets.text_files(folder, recursive=options.recursive)
    except OSError as error:
        text = "The folder {folder} cannot be read: {why}. Name another with --prompts."
        raise BadPicture(text, folder=told(folder), why=error.strerror or error) from None
    wishes, found = sheets.with_texts(wishes, folder, files)
    for each in found.notices(folder):
        notice(each)
    return wishes
