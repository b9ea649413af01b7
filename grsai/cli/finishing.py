"""Finished files: beside a run as its pictures come, and for the pictures that are there."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .. import sheets
from ..errors import GrsaiError, OutputError, WrongSetting
from ..finishing import PRESETS, Finish, FinishedFile, Finisher, finish_all, finish_of, originals_in
from ..finishing.folder import WORKERS
from ..jobs import Outcome
from ..report.again import write_finished
from ..report.report import REPORT_FILE
from ..settings import Settings
from ..sheets import Sheet
from ..texts import plain, say
from .inputs import output_of
from .options import FINISHED_BY, Options, settings_of
from .screen import show, show_json, trouble


def finish_asked(options: Options, settings: Settings) -> Finish | None:
    """How the pictures are to be finished, if they are. Raises `WrongSetting`."""
    given = {name: getattr(options, name) for name in FINISHED_BY}
    return finish_of(given, preset=given.pop("preset"), presets=settings.presets)


class Finishing:
    """The finished files of a run, in the order in which they are done."""

    def __init__(
        self, finish: Finish, folder: Path, workers: Executor, stop: threading.Event, on_file: Callable[[Path, Path], object]
    ) -> None:
        self.finisher = Finisher(finish, folder)
        self.files: list[FinishedFile] = []
        self._workers = workers
        self._stop = stop
        self._on_file = on_file
        self._under_way: dict[Path, Future[None]] = {}

    def take(self, outcome: Outcome) -> None:
        """Finishes what a job made, once."""
        for original in outcome.files:
            if original not in self._under_way:
                self._under_way[original] = self._workers.submit(self._finish, original, outcome.job.prompt)

    def wait(self) -> None:
        for future in self._under_way.values():
            future.result()

    @property
    def by_original(self) -> dict[Path, Path]:
        return {each.original: each.file for each in self.files if each.file}

    def tell(self, options: Options) -> None:
        tell_finished(self.files, self.finisher.folder, options)

    def _finish(self, original: Path, prompt: str) -> None:
        if self._stop.is_set():
            return
        file = self.finisher.finish(original, prompt=prompt)
        self.files.append(file)
        if file.file is not None:
            self._on_file(original, file.file)


@contextlib.contextmanager
def finishing(
    finish: Finish, options: Options, stop: threading.Event, on_file: Callable[[Path, Path], object]
) -> Iterator[Finishing]:
    """Finishes what is taken while other pictures are still in the making; a stopped run leaves the rest.

    `on_file` is told of each original and its finished file. All are there at the end of this.
    """
    with ThreadPoolExecutor(WORKERS, "finish") as workers:
        found = Finishing(finish, output_of(options), workers, stop, on_file)
        yield found
        found.wait()
    _save(found.finisher, options.language)


def tell_finished(files: Sequence[FinishedFile], folder: Path, options: Options) -> None:
    """How many there are, where, and how much of them was cut off. What failed is said on stderr."""
    language = options.language
    for file in files:
        if file.error is not None:
            name = file.original.name
            trouble(plain(say("{name} is not finished: {why}", language, name=name, why=file.error.say(language))))
    if options.json:
        return
    made = [file for file in files if file.file]
    text = "Finished: 1 picture in {folder}" if len(made) == 1 else "Finished: {count} pictures in {folder}"
    show(say(text, language, count=len(made), folder=folder))
    cut = [file for file in made if file.cut >= 0.005]
    if cut:
        most = max(cut, key=lambda file: file.cut)
        text = "  Cut off to fit: {share} at most ({name}), in {count} of them. With --fit-how contain or pad nothing is cut."
        show(say(text, language, share=f"{most.cut:.0%}", name=plain(most.original.name), count=len(cut)))


def finish(options: Options) -> int:
    """0 if all pictures of the folder are finished, else 1."""
    settings = settings_of(options)
    wanted, output = finish_asked(options, settings), output_of(options)
    if wanted is None:
        known = ", ".join({**PRESETS, **settings.presets})
        text = "Nothing says how to finish them. Add --fit, --format, --max-kb or --preset. Presets: {known}."
        raise WrongSetting(text, known=known)
    try:
        originals = originals_in(output)
    except OSError as error:
        text = "The folder {folder} cannot be read: {why}. Name another with --output."
        raise OutputError(text, folder=output, why=error.strerror or error) from None
    finisher = Finisher(wanted, output)
    files = finish_all(originals, finisher, prompts=_prompts(output), stop=threading.Event(), on_file=lambda file: None)
    _save(finisher, options.language)
    _write_down(output, {file.original: file.file for file in files if file.file}, options.language)
    if options.json:
        show_json({"finished": sum(file.file is not None for file in files), "files": [_object(file) for file in files]})
    tell_finished(files, finisher.folder, options)
    return 1 if any(file.error for file in files) else 0


def _write_down(folder: Path, finished: Mapping[Path, Path], language: str) -> None:
    """The finished files, in the report, the gallery and the sheet of the run that made the pictures."""
    try:
        write_finished(folder, finished)
        if (sheet := _sheet_beside(folder)) is not None:
            sheets.write_finished(sheet, folder, finished)
    except OutputError as error:  # the files are there
        trouble(error.say(language))


def _sheet_beside(folder: Path) -> Sheet | None:
    """The sheet that came back beside the pictures, as the report names it."""
    try:
        path = folder / json.loads((folder / REPORT_FILE).read_text("utf-8"))["sheet"]
        sheet = sheets.read_sheet(path) if path.parent == folder else None
    except (GrsaiError, OSError, ValueError, KeyError, TypeError):
        return None
    return sheet if sheet is not None and "file" in sheet.places else None


def _save(finisher: Finisher, language: str) -> None:
    try:
        finisher.save()
    except OutputError as error:  # the files are there; the next run makes them anew
        trouble(error.say(language))


def _prompts(folder: Path) -> dict[Path, str]:
    """The prompts of the pictures, as the report beside them tells."""
    try:
        jobs = json.loads((folder / REPORT_FILE).read_text("utf-8"))["jobs"]
        return {folder / job["file"]: str(job["prompt"]) for job in jobs if job["file"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _object(file: FinishedFile) -> dict[str, Any]:
    return {
        "file": str(file.original),
        "finished": str(file.file) if file.file else None,
        "cut": round(file.cut, 4),
        "error": str(file.error) if file.error else None,
    }
