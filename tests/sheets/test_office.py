"""The sheet that comes back, as LibreOffice opens it. Skipped where there is none."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.cli.shell import Shell
from tests.sheets import twelve

OFFICE = shutil.which("soffice")
BACK = ("status", "file", "task_id", "credits", "seconds", "error", "finished")
# What separates and encodes the cells, as its dialog for text asks: 59 a semicolon, 44 a comma, 9 a tab; 76 is UTF-8.
TEXT = {"GBK with semicolons": "CSV:59,34,76,1", "Excel's csv": "CSV:44,34,76,1", "tsv": "CSV:9,34,76,1"}

pytestmark = pytest.mark.skipif(OFFICE is None, reason="no LibreOffice (soffice)")


def opened(path: Path, form: str) -> list[dict[str, Any]]:
    """The rows of a sheet after LibreOffice opened it and saved it as xlsx."""
    folder = path.parent / "opened"
    profile = f"-env:UserInstallation={(path.parent / 'profile').as_uri()}"
    how = [f"--infilter={TEXT[form]}"] if form in TEXT else []
    command = [str(OFFICE), "--headless", profile, *how, "--convert-to", "xlsx", "--outdir", str(folder), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    sheet: Any = openpyxl.load_workbook(folder / f"{path.stem}.xlsx").active
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def as_typed(value: Any) -> str:
    """A cell as it was typed: 16:9 in a text is a time to every spreadsheet."""
    if isinstance(value, datetime.time):
        return f"{value.hour}:{value.minute}"
    return "" if value is None else str(value)


@pytest.mark.parametrize("form", ["Excel's csv", "GBK with semicolons", "tsv", "xlsx"])
def test_the_sheet_that_came_back_opens_with_all_columns_right(shell: Shell, form: str) -> None:
    path = twelve.write(shell.folder / f"jobs{twelve.suffix_of(form)}", form)
    done = shell.run("--jobs", path.name, "--fit", "100x100", "--format", "jpg", "--json")
    assert done.status == 0, done.err
    back = shell.folder / "batch_outputs" / f"jobs_done{path.suffix}"
    rows = opened(back, form)
    assert list(rows[0]) == [*twelve.COLUMNS, *BACK]
    assert [[as_typed(row[name]) for name in twelve.COLUMNS] for row in rows] == [list(row) for row in twelve.ROWS]
    for row, job in zip(rows, done.object["jobs"], strict=True):
        assert (row["status"], row["task_id"], row["credits"], row["error"]) == (
            "succeeded", job["task_id"], job["credits"], None,
        )  # fmt: skip
        assert row["seconds"] == pytest.approx(job["seconds"], abs=0.01)
        assert back.parent / row["file"] == Path(job["file"]) and back.parent / row["finished"] == Path(job["finished"])
