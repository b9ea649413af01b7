"""The sheet as it comes back: the same rows, columns and order, and what came of each row."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..files import relative, write_whole
from ..jobs import Outcome
from ..texts import plain as one_line
from .columns import BACK, column_of
from .sheet import Row, Sheet
from .workbook import write_workbook

DONE = "_done"
_WORST_FIRST = ("failed", "uncertain", "stopped", "succeeded")
_SHARE = 9  # the thread rests so many times as long as it wrote
_OTHER_NAMES = 9  # are tried where the file is open in another program


class Back:
    """Told of outcomes from any thread; writes the sheet again and again while it is open, and a last time at its end.

    `rows`: for each job of the plan the row that asked for it. Nothing is written before something happened.
    """

    def __init__(
        self, sheet: Sheet, rows: Sequence[int | None], folder: Path, *, finishing: bool = False, language: str = "en"
    ) -> None:
        self._sheet = sheet
        self.rows = rows
        self._folder = folder
        self._language = language
        self._names = BACK if finishing else BACK[:-1]
        self._outcomes: dict[int, list[Outcome]] = {}
        self._finished: dict[Path, Path] = {}
        self._changed = threading.Condition()
        self._is_new, self._over = False, False
        self.path = folder / done_name(sheet.path)
        self.error: OutputError | None = None

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """While this lasts the file follows what is told. If it could not be written at the end, `error` says why."""
        writer = threading.Thread(target=self._follow, name="sheet", daemon=True)
        writer.start()
        try:
            yield
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()
            writer.join()
            if self._outcomes:
                self._write_somewhere()

    def tell(self, *outcomes: Outcome) -> None:
        """What came of jobs, also again. None: something is under way, and there is a file from now on."""
        with self._changed:
            for outcome in outcomes:
                row = self.rows[outcome.job.task - 1] or 0
                others = [each for each in self._outcomes.get(row, ()) if each.job.task != outcome.job.task]
                self._outcomes[row] = sorted((*others, outcome), key=lambda each: each.job.task)
            self._is_new = True
            self._changed.notify_all()

    def tell_finished(self, file: Path, finished: Path) -> None:
        with self._changed:
            self._finished[file] = finished
            self._is_new = True
            self._changed.notify_all()

    def _follow(self) -> None:
        while True:
            with self._changed:
                while not self._is_new and not self._over:
                    self._changed.wait()
                if self._over:
                    return
                self._is_new = False
            begun = time.monotonic()
            with contextlib.suppress(OutputError):  # the last write says so
                write_whole(self.path, self._content())
            with self._changed:
                self._changed.wait_for(lambda: self._over, _SHARE * (time.monotonic() - begun))

    def _write_somewhere(self) -> None:
        """Under another name where the file is open in a program that locks it."""
        content, first = self._content(), self.path
        for number in range(2, _OTHER_NAMES + 2):
            try:
                write_whole(self.path, content)
                return
            except OutputError as error:
                if number > _OTHER_NAMES or not first.exists():
                    self.error = error
                    return
                self.path = first.with_name(f"{first.stem} ({number}){first.suffix}")

    def _content(self) -> bytes:
        with self._changed:
            outcomes, finished = dict(self._outcomes), dict(self._finished)
        columns = (*self._sheet.columns, *(name for name in self._names if name not in map(column_of, self._sheet.columns)))
        places = {known: place for place, name in enumerate(columns) if (known := column_of(name)) in BACK}

        def filled(row: Row) -> list[Any]:
            came = self._came(outcomes.get(row.number, ()), finished)
            cells = [*row.values, *[None] * (len(columns) - len(row.values))]
            for known, place in places.items():
                cells[place] = came.get(known or "")
            return cells

        return _CONTENT[self._sheet.kind](self._sheet, columns, [(row.number, filled(row)) for row in self._sheet.rows])

    def _came(self, outcomes: Sequence[Outcome], finished: Mapping[Path, Path]) -> dict[str, Any]:
        """What came of a row. Of several pictures: the worst state, sums, and one after another what cannot be added.

        What an earlier run paid for them counts: the row tells of its pictures, not of the run.
        """
        if not outcomes:
            return {}
        files = [file for outcome in outcomes for file in outcome.files]
        errors = dict.fromkeys(one_line(outcome.error.say(self._language)) for outcome in outcomes if outcome.error)
        return {
            "status": min((outcome.status for outcome in outcomes), key=_WORST_FIRST.index),
            "file": self._told(files),
            "task_id": "|".join(outcome.task_id for outcome in outcomes if outcome.task_id) or None,
            "credits": sum(outcome.credits + outcome.earlier_credits for outcome in outcomes),
            "seconds": round(sum(outcome.seconds + outcome.earlier_seconds for outcome in outcomes), 2),
            "error": "\n".join(errors) or None,
            "finished": self._told([finished[file] for file in files if file in finished]),
        }

    def _told(self, files: Sequence[Path]) -> str | None:
        return "|".join(relative(file, self._folder) for file in files) or None


def write_finished(sheet: Sheet, folder: Path, finished: Mapping[Path, Path]) -> None:
    """Writes into a sheet that came back which finished files its pictures have by now. Raises `OutputError`."""
    columns, kept = list(sheet.columns), dict[int, list[Any]]()
    if "finished" not in sheet.places:
        columns.append("finished")
    place, file_place = ([*map(column_of, columns)].index(name) for name in ("finished", "file"))
    for row in sheet.rows:
        cells = [*row.values, *[None] * (len(columns) - len(row.values))]
        files = [folder / each for each in str(cells[file_place] or "").split("|")]
        cells[place] = "|".join(relative(finished[file], folder) for file in files if file in finished) or None
        kept[row.number] = cells
    write_whole(sheet.path, _CONTENT[sheet.kind](sheet, columns, list(kept.items())))


def done_name(path: Path) -> str:
    """`jobs_done.csv` for `jobs.csv`, and for `jobs_done.csv` too."""
    suffix = ".xlsx" if path.suffix.lower() == ".xlsm" else path.suffix
    return f"{path.stem.removesuffix(DONE)}{DONE}{suffix}"


Numbered = Sequence[tuple[int, list[Any]]]  # rows with their numbers in the sheet


def _delimited(sheet: Sheet, columns: Sequence[str], rows: Numbered) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=sheet.separator, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(_with_gaps(sheet, rows))
    return text.getvalue().encode("utf-8-sig" if sheet.marked else "utf-8", "replace")


def _lines(sheet: Sheet, columns: Sequence[str], rows: Numbered) -> bytes:
    lines = dict(sheet.left_out)
    for number, cells in rows:
        told = zip(columns, cells, strict=True)
        said = {name for name, numbers in sheet.nulls.items() if number in numbers}
        there = {name: value for name, value in told if value is not None or column_of(name) in BACK or name in said}
        lines[number] = json.dumps(there, ensure_ascii=False)
    return "".join(f"{lines[number]}\n" for number in sorted(lines)).encode("utf-8", "replace")


def _workbook(sheet: Sheet, columns: Sequence[str], rows: Numbered) -> bytes:
    return write_workbook(columns, _with_gaps(sheet, rows), sheet.path)


def _with_gaps(sheet: Sheet, rows: Numbered) -> Iterator[list[Any]]:
    """The rows, empty ones where the sheet has such: each keeps its number."""
    expected = sheet.header + 1
    for number, cells in rows:
        yield from ([] for _ in range(expected, number))
        yield cells
        expected = number + 1


_CONTENT = {"csv": _delimited, "tsv": _delimited, "jsonl": _lines, "xlsx": _workbook}
