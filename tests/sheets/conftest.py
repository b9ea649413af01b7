from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from grsai.jobs import Job
from grsai.models import Catalogue
from grsai.sheets import Given, Planned, beside, planned, read_sheet, wishes_of
from tests.cli.shell import Shell
from tests.sheets import twelve

Plan = Callable[..., tuple[Job, ...]]


@pytest.fixture
def shell(tmp_path: Path, emulator: Any) -> Shell:
    return Shell(tmp_path, emulator)


def plan_of(path: Path, **given: Any) -> Planned:
    """A sheet as the command plans it, with pictures beside it."""
    sheet = read_sheet(path)
    wishes = wishes_of(sheet, beside([path.parent]))
    return planned(wishes, Given(Catalogue(), **{"model": "nano-banana-fast", **given}), sheet=sheet)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The jobs of a sheet with these columns and rows, beside the photos of the twelve."""
    twelve.furnish(tmp_path)

    def plan(columns: str, *rows: Sequence[str], **given: Any) -> tuple[Job, ...]:
        path = tmp_path / "jobs.csv"
        path.write_text(twelve.delimited(",", rows, columns.split()), "utf-8")
        return plan_of(path, **given).jobs

    return plan
