"""Sheets as people keep them: csv with whatever separator and encoding, tsv, lines of JSON, and xlsx."""

from __future__ import annotations

import csv
import io
import json
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ..errors import GrsaiError, WrongSheet, WrongText
from ..files import text_of
from .columns import BACK, column_of, plain
from .sheet import Kind, Row, Sheet

MOST_MB = 100  # of a sheet, unpacked
MOST_ROWS = 100_000
_SEPARATORS = (",", ";", "\t", "|")
_MOST_COLUMNS = 500
KIND_OF: Mapping[str, Kind] = types.MappingProxyType(
    {
        ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx",
        ".xlsm": "xlsx",
    }
)  # fmt: skip
_UTF_8_MARK = b"\xef\xbb\xbf"


def read_sheet(path: Path) -> Sheet:
    """The sheet of a csv, tsv, txt, jsonl or xlsx file, with a row at least, though it may have faults.

    Raises `WrongSheet` for what is none, `WrongText`, and `OSError`.
    """
    sheet = _read(path, _kind_of(path))
    if not (sheet.rows or sheet.faults):
        raise WrongSheet("{path} has no rows below its first one, which names the columns.", path=path)
    return sheet


def _read(path: Path, kind: Kind) -> Sheet:
    if path.stat().st_size > MOST_MB << 20:
        raise _too_large(path)
    if kind == "xlsx":
        from .workbook import read_workbook

        return _sheet(path, kind, read_workbook(path, most_columns=_MOST_COLUMNS))
    data = path.read_bytes()
    text = _text(data, path)
    if kind == "jsonl":
        return _of_lines(path, text)
    return _delimited(path, kind, text, marked=data.startswith(_UTF_8_MARK) or not _is_plain(data))


def _kind_of(path: Path) -> Kind:
    if kind := KIND_OF.get(path.suffix.lower()):
        return kind
    raise WrongSheet("{path} is no sheet that is read: csv, tsv, jsonl and xlsx are. Save it as one of these.", path=path)


def _too_large(path: Path) -> WrongSheet:
    text = "{path} is too large for a sheet: at most {megabytes} MB and {rows:,} rows are read. Divide it."
    return WrongSheet(text, path=path, megabytes=MOST_MB, rows=MOST_ROWS)


def _text(data: bytes, path: Path) -> str:
    """The text of a sheet. Excel in China writes GBK, which is told from other encodings by its commonest letters."""
    try:
        return text_of(data, path)
    except WrongText:
        text = _chinese(data)
        if text is None:
            raise
        return text


def _chinese(data: bytes) -> str | None:
    """What bytes say as GBK; None where they hardly can be. Most Chinese is in rows 16 to 55 of GB 2312, as accented letters
    of the West and Cyrillic are not."""
    try:
        text = data.decode("gb18030")
    except UnicodeError:
        return None
    pairs = [letter.encode("gb18030") for letter in text if letter > "\x7f"]
    common = sum(len(pair) == 2 and (0xB0 <= pair[0] <= 0xD7 or 0xA1 <= pair[0] <= 0xA3) and pair[1] >= 0xA1 for pair in pairs)
    return text if pairs and common * 4 >= len(pairs) * 3 else None


def _is_plain(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeError:
        return False
    return b"\0" not in data


# csv and tsv


def _delimited(path: Path, kind: Kind, text: str, *, marked: bool) -> Sheet:
    text = text.removeprefix("\ufeff")
    head, _, rest = text.partition("\n")
    if head.rstrip("\r").lower().startswith("sep=") and len(head.rstrip("\r")) == 5:  # Excel's own way to say it
        separator, text = head[4], rest
    else:
        separator = max(_separators(kind), key=lambda each: _known_columns(text, each))
    records = _records(path, csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    return _sheet(path, kind, records, separator=separator, marked=marked)


def _separators(kind: Kind) -> Sequence[str]:
    return ("\t", *(each for each in _SEPARATORS if each != "\t")) if kind == "tsv" else _SEPARATORS


def _known_columns(text: str, separator: str) -> tuple[int, int]:
    """How many columns the first row names so, those that mean something first."""
    try:
        header = next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)), [])
    except csv.Error:
        return 0, 0
    return sum(column_of(name) is not None for name in header), len(header)


def _records(path: Path, reader: Iterable[list[str]]) -> Iterator[tuple[Any, ...]]:
    number = 0
    try:
        for record in reader:
            number += 1
            yield tuple(record)
    except csv.Error as error:
        text = "{path} cannot be read from row {row} on: {why}. Look at the quotation marks there."
        raise WrongSheet(text, path=path, row=number + 1, why=str(error)) from None


# Lines of JSON


def _of_lines(path: Path, text: str) -> Sheet:
    """The columns are the names in order of their first appearance."""
    rows, columns, faults = list[tuple[int, dict[str, Any]]](), dict[str, None](), list[tuple[int, GrsaiError]]()
    left_out = list[tuple[int, str]]()
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if not line.strip():
            left_out.append((number, line.rstrip("\n")))
            continue
        try:
            values = json.loads(line)
        except (RecursionError, ValueError) as error:
            faults.append((number, WrongSheet("It is no JSON: {why}.", why=getattr(error, "msg", str(error)))))
            continue
        if not isinstance(values, dict):
            faults.append((number, WrongSheet("It is no object such as {example}.", example='{"prompt": "…"}')))
            continue
        if len(rows) == MOST_ROWS:
            raise _too_large(path)
        columns.update(dict.fromkeys(values))
        if any(values.values()):
            rows.append((number, values))
        else:
            left_out.append((number, line.rstrip("\n")))
    if columns or not faults:
        _check_columns(path, tuple(columns))
    named = tuple(Row(number, tuple(row.get(name) for name in columns)) for number, row in rows)
    nulls = {name: {number for number, row in rows if row.get(name, "") is None} for name in columns}
    return Sheet(path, "jsonl", tuple(columns), named, faults=tuple(faults), nulls=nulls, left_out=tuple(left_out))


# All of them


def _sheet(path: Path, kind: Kind, records: Iterator[tuple[Any, ...]], *, separator: str = ",", marked: bool = True) -> Sheet:
    numbered = ((number, record) for number, record in enumerate(records, 1) if any(map(_is_there, record)))
    first, header = next(numbered, (1, ()))
    columns = tuple("" if name is None else str(name).strip() for name in header)
    while columns and not columns[-1]:
        columns = columns[:-1]
    _check_columns(path, columns)
    rows, faults = list[Row](), list[tuple[int, GrsaiError]]()
    for number, record in numbered:
        if any(map(_is_there, record[len(columns) :])):
            text = "It has more cells than the first row has names. A cell that holds the separator needs quotation marks."
            faults.append((number, WrongSheet(text)))
        if len(rows) == MOST_ROWS:
            raise _too_large(path)
        rows.append(Row(number, tuple(value for _, value in zip_longest(columns, record[: len(columns)]))))
    return Sheet(path, kind, columns, tuple(rows), first, separator, marked, tuple(faults))


def _is_there(value: Any) -> bool:
    return value is not None and (not isinstance(value, str) or bool(value.strip()))


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    """Refuses names that stand twice: nobody could tell which one is meant."""
    if not columns:
        raise WrongSheet("{path} is empty. Its first row names the columns, such as image and prompt.", path=path)
    seen: dict[str, str] = {}
    for name in columns:
        meant = column_of(name) or plain(name)
        if name and meant in seen and meant not in BACK:
            text = "{path} has two columns of the same meaning: {first} and {second}. Rename or remove one of them."
            raise WrongSheet(text, path=path, first=seen[meant], second=name)
        seen[meant] = name
