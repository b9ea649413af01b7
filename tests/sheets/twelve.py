"""One sheet of twelve rows in every form in which people keep it: two models, three sizes, references, Chinese, commas, lines."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

PHOTOS = Path(__file__).parents[2] / "grsai" / "demo" / "image"
COLUMNS = ("image", "references", "prompt", "model", "image_size", "aspect_ratio", "seed", "count", "name", "颜色")
ROWS: tuple[tuple[str, ...], ...] = (
    ("photos/coffee.jpg", "", "a cup, in {颜色}; on a table", "nano-banana-2", "1K", "16:9", "1", "1", "cup", "red"),
    ("photos/coffee.jpg", "photos/rocket.jpg", "第一行\n第二行，带“引号”", "nano-banana-2", "2K", "1:1", "", "", "两行", "蓝色"),
    ("photos/rocket.jpg", "photos/coffee.jpg|photos/hopper.jpg", 'say "hello"', "nano-banana-2", "4K", "", "", "", "", ""),
    ("photos/hopper.jpg", "", "{颜色}的帽子", "nano-banana-fast", "", "", "2", "", "帽子", "绿色"),
    *(
        ("photos/hopper.jpg", "", f"hat number {k}, plain", "nano-banana-fast", "", "3:4", "", "", f"hat-{k}", "")
        for k in range(4)
    ),
    ("", "", "no picture at all, {n}", "nano-banana-2", "1K", "9:16", "", "", "none", ""),
    (
        "photos/chelsea.jpg",
        "photos/hopper.jpg\nphotos/rocket.jpg",
        "a cat | a hat",
        "nano-banana-2",
        "2K",
        "auto",
        "",
        "",
        "",
        "",
    ),
    (
        "photos/chelsea.jpg",
        "",
        '{"animal": "cat", "colour": {"name": "{颜色}"}}',
        "nano-banana-fast",
        "",
        "",
        "",
        "",
        "json",
        "黑",
    ),
    ("photos/chelsea.jpg", "", "{{word}} and {unknown}", "nano-banana-2", "1K", "4:3", "", "", "braces", ""),
)


def furnish(folder: Path) -> None:
    """The pictures that the sheet names."""
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    for name in ("coffee", "rocket", "hopper", "chelsea"):
        shutil.copy(PHOTOS / f"{name}.jpg", folder / "photos")


def delimited(separator: str = ",", rows: Sequence[Sequence[str]] = ROWS, columns: Sequence[str] = COLUMNS) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows([columns, *rows])
    return text.getvalue()


def write(path: Path, form: str) -> Path:
    """The sheet in one of the `FORMS`, beside its pictures."""
    furnish(path.parent)
    FORMS[form](path)
    return path


def _csv(separator: str, encoding: str):
    return lambda path: path.write_bytes(delimited(separator).encode(encoding))


def _jsonl(path: Path) -> None:
    rows = [{name: value for name, value in zip(COLUMNS, row, strict=True) if value} for row in ROWS]
    for row in rows:
        if "references" in row:
            row["references"] = row["references"].replace("\n", "|").split("|")
        if "seed" in row:
            row["seed"] = int(row["seed"])
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _xlsx(path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(COLUMNS)
    for row in ROWS:
        cells = zip(COLUMNS, row, strict=True)
        sheet.append([float(value) if name in ("seed", "count") and value else value or None for name, value in cells])
    book.save(path)


FORMS = {
    "Excel's csv": _csv(",", "utf-8-sig"),
    "plain csv": _csv(",", "utf-8"),
    "semicolons": _csv(";", "utf-8"),
    "GBK": _csv(",", "gbk"),
    "GBK with semicolons": _csv(";", "gbk"),
    "Excel's Unicode text": _csv("\t", "utf-16"),
    "tsv": _csv("\t", "utf-8"),
    "jsonl": _jsonl,
    "xlsx": _xlsx,
}
SUFFIXES = {"jsonl": ".jsonl", "xlsx": ".xlsx", "tsv": ".tsv", "Excel's Unicode text": ".txt"}


def suffix_of(form: str) -> str:
    return SUFFIXES.get(form, ".csv")
