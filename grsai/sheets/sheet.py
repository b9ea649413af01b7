"""A sheet as it was read: columns, and rows with the numbers that a spreadsheet shows."""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..errors import GrsaiError
from .columns import BACK, column_of, plain
from .variables import BUILT_IN

Kind = Literal["csv", "tsv", "jsonl", "xlsx"]
KINDS: tuple[Kind, ...] = ("csv", "tsv", "jsonl", "xlsx")


_TIME = re.compile(r"(\d\d?):(\d\d):00")  # what a spreadsheet makes of 16:9


class Row(NamedTuple):
    """`number`: as a spreadsheet shows it, the header's is 1; in jsonl the line. `values`: one for each column, as read."""

    number: int
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Sheet:
    """`columns` as they are called there; "" for one without a name. Rows with no value at all are left out."""

    path: Path
    kind: Kind
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    header: int = 1  # the row that names the columns
    separator: str = ","
    marked: bool = True  # written back with a byte order mark, by which Excel knows UTF-8
    faults: tuple[tuple[int, GrsaiError], ...] = ()  # rows that cannot be read whole, by their numbers
    nulls: Mapping[str, set[int]] = field(default_factory=dict)  # of jsonl: the lines that say null in a column, not nothing
    left_out: tuple[tuple[int, str], ...] = ()  # of jsonl: lines that ask for nothing, by their numbers, as they stand

    @functools.cached_property
    def places(self) -> Mapping[str, int]:
        """Where the columns that mean something stand."""
        return {known: place for place, name in enumerate(self.columns) if (known := column_of(name))}

    @functools.cached_property
    def variables(self) -> Mapping[str, int]:
        """Where each column stands that may be used as a variable, by its name as `plain` compares it."""
        return {plain(name): place for place, name in enumerate(self.columns) if name and column_of(name) not in BACK}

    def cell(self, row: Row, column: str) -> str:
        """What a row says in a column, "" for nothing."""
        place = self.places.get(column)
        value = None if place is None else row.values[place]
        text = text_of(value)
        if column == "aspect_ratio" and (time := _TIME.fullmatch(text)):
            return f"{int(time[1])}:{int(time[2])}"
        return text

    def values(self, row: Row) -> dict[str, str]:
        """The variables of a row. An empty cell leaves those alone that there are without it."""
        found = {name: text_of(row.values[place]) for name, place in self.variables.items()}
        return {name: text for name, text in found.items() if text or name not in BUILT_IN}


def text_of(value: Any) -> str:
    """A value of a cell as a user would write it: `1` for 1.0, a date without the midnight."""
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value).strip()
