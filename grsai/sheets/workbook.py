"""xlsx files. openpyxl reads and writes them, which only some users need and have: it is looked for where it is used."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import GrsaiError, WrongSheet

MOST_UNPACKED_MB = 400
_PIECE, _OVERLAP = 1 << 20, 1 << 16
# A formula that no program has computed since it was written: nobody can tell what it says.
_NOT_COMPUTED = re.compile(
    rb'<c [^>]*?\br="[A-Z]+(\d+)"[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>', re.DOTALL
)
_WIDTHS = (8, 60)  # of a column, in letters
_SAMPLE = 200  # rows that a width is made for


def read_workbook(path: Path, *, most_columns: int) -> Iterator[tuple[Any, ...]]:
    """The rows of its first sheet that is shown and holds something, with formulas as they were last computed.

    Raises `WrongSheet`.
    """
    openpyxl = _openpyxl(path)
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(each.file_size for each in packed.infolist()) > MOST_UNPACKED_MB << 20:
                raise ValueError("too large")
        with contextlib.closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            worksheet = next((each for each in book.worksheets if each.sheet_state == "visible" and _holds(each)), None)
            if worksheet is not None:
                _check_formulas(path, worksheet)
                yield from (row[:most_columns] for row in worksheet.iter_rows(values_only=True))
    except (GrsaiError, GeneratorExit):
        raise
    except Exception as error:  # openpyxl raises whatever a broken file brings about
        text = "{path} cannot be read as xlsx ({why}). If it has a password, remove it; else save it again, or as csv."
        raise WrongSheet(text, path=path, why=str(error) or type(error).__name__) from None


def write_workbook(columns: Sequence[str], rows: Iterable[Sequence[Any]], path: Path) -> bytes:
    """An xlsx file. What begins like a formula is a text all the same: none is ever made here."""
    openpyxl = _openpyxl(path)
    cells, styles, letters = (importlib.import_module(f"openpyxl.{name}") for name in ("cell", "styles", "utils.cell"))
    book = openpyxl.Workbook(write_only=True)
    worksheet = book.create_sheet("jobs")
    worksheet.freeze_panes = "A2"
    rows = list(rows)
    for place, name in enumerate(columns):
        longest = max((_width(row[place]) for row in rows[:_SAMPLE] if place < len(row)), default=0)  # an empty row has no cells
        width = min(max(longest, len(name) + 2, _WIDTHS[0]), _WIDTHS[1])
        worksheet.column_dimensions[letters.get_column_letter(place + 1)].width = width

    def cell(value: Any, *, bold: bool = False) -> Any:
        if not bold and not (isinstance(value, str) and value.startswith("=")):
            return value
        made = cells.WriteOnlyCell(worksheet, value)
        made.data_type = "s"
        if bold:
            made.font = styles.Font(bold=True)
        return made

    worksheet.append([cell(name, bold=True) for name in columns])
    for row in rows:
        worksheet.append([cell(value) for value in row])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _openpyxl(path: Path) -> Any:
    try:
        return importlib.import_module("openpyxl")
    except ModuleNotFoundError:
        text = "{path} is an xlsx file, for which the package openpyxl is needed. Install it ({command}), or save it as csv."
        raise WrongSheet(text, path=path, command=f'"{sys.executable}" -m pip install openpyxl') from None


def _holds(worksheet: Any) -> bool:
    if not hasattr(worksheet, "reset_dimensions"):  # a sheet of charts
        return False
    worksheet.reset_dimensions()  # what a file says of its size is often wrong
    return any(value is not None for row in worksheet.iter_rows(max_row=_SAMPLE, values_only=True) for value in row)


def _check_formulas(path: Path, worksheet: Any) -> None:
    rows, kept = dict[int, None](), b""
    with worksheet._get_source() as source:
        while piece := source.read(_PIECE):
            rows.update(dict.fromkeys(int(found[1]) for found in _NOT_COMPUTED.finditer(kept + piece)))
            kept = piece[-_OVERLAP:]
    if rows:
        text = "{path} has formulas without a value. Open it in Excel or LibreOffice, save it there, and run again."
        faults = [(row, WrongSheet("A formula in it has never been computed.")) for row in sorted(rows)]
        raise WrongSheet(text, path=path, faults=faults)


def _width(value: Any) -> int:
    lines = str(value).splitlines() if value is not None else []
    return max((sum(1 + (letter > "\u2e80") for letter in line) for line in lines), default=0)
