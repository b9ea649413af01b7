"""Sheets are read as people keep them, and what is wrong with one is told whole, before anything is sent."""

from __future__ import annotations

import csv
import datetime
import io
import json
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from grsai.errors import WrongSheet, WrongText
from grsai.sheets import read_sheet
from grsai.sheets.columns import column_of
from grsai.sheets.sheet import text_of
from tests.sheets import twelve
from tests.sheets.conftest import plan_of


@pytest.fixture(scope="module")
def as_plain_csv(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, bool]]:
    path = twelve.write(tmp_path_factory.mktemp("plain") / "jobs.csv", "plain csv")
    return [(job.fingerprint, job.name, job.numbered) for job in plan_of(path).jobs]


@pytest.mark.parametrize("form", twelve.FORMS)
def test_one_sheet_gives_the_same_jobs_in_every_form(form: str, tmp_path: Path, as_plain_csv: list[Any]) -> None:
    path = twelve.write(tmp_path / f"jobs{twelve.suffix_of(form)}", form)
    plan = plan_of(path)
    assert [(job.fingerprint, job.name, job.numbered) for job in plan.jobs] == as_plain_csv
    if form != "jsonl":  # whose rows are its lines
        assert plan.rows == tuple(range(2, 14))


def test_the_twelve_are_what_their_cells_say(tmp_path: Path) -> None:
    jobs = plan_of(twelve.write(tmp_path / "jobs.csv", "plain csv")).jobs
    assert jobs[0].prompt == "a cup, in red; on a table"
    assert jobs[1].prompt == "第一行\n第二行，带“引号”"
    assert jobs[8].prompt == "no picture at all, 9"
    assert jobs[10].prompt == '{"animal": "cat", "colour": {"name": "黑"}}'
    assert jobs[11].prompt == "{word} and {unknown}"
    assert [reference.name for reference in jobs[2].references] == ["rocket", "coffee", "hopper"]
    assert [(job.model.id, job.image_size, job.aspect_ratio, job.seed) for job in jobs[:4]] == [
        ("nano-banana-2", "1K", "16:9", 1), ("nano-banana-2", "2K", "1:1", 0),
        ("nano-banana-2", "4K", "auto", 0), ("nano-banana-fast", None, "auto", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "meant"),
    [("Image", "image"), (" PROMPT ", "prompt"), ("Aspect Ratio", "aspect_ratio"), ("image-size", "image_size"),
     ("图片", "image"), ("参考图", "references"), ("提示词", "prompt"), ("模型", "model"), ("比例", "aspect_ratio"),
     ("尺寸", "image_size"), ("质量", "quality"), ("背景", "background"), ("种子", "seed"), ("数量", "count"), ("名称", "name"),
     ("ｐｒｏｍｐｔ", "prompt"), ("Task_ID", "task_id"), ("sku", None), ("size", None)],
)  # fmt: skip
def test_columns_are_known_in_both_languages_and_any_case(header: str, meant: str | None) -> None:
    assert column_of(header) == meant


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_out(separator: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(separator.join(["sku", "prompt", "note,or;two"]) + "\n" + separator.join("abc"), "utf-8")
    sheet = read_sheet(tmp_path / "a.csv")
    assert (sheet.separator, sheet.cell(sheet.rows[0], "prompt")) == (separator, "b")


def test_excels_own_way_to_say_the_separator_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\r\nimage;prompt\r\n;red\r\n", "utf-8")
    sheet = read_sheet(tmp_path / "a.csv")
    assert (sheet.columns, sheet.rows[0].number) == (("image", "prompt"), 2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_have_the_numbers_that_a_spreadsheet_shows(end: str, tmp_path: Path) -> None:
    lines = ["prompt,sku", '"two', 'lines",1', "", ",", "red,2"]
    (tmp_path / "a.csv").write_bytes(end.join(lines).encode())
    assert [row.number for row in read_sheet(tmp_path / "a.csv").rows] == [2, 5]


def refused(path: Path) -> WrongSheet:
    with pytest.raises(WrongSheet) as told:
        read_sheet(path)
    return told.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("prompt,Prompt\na,b", "two columns of the same meaning: prompt and Prompt"),
        ("prompt,提示词\na,b", "two columns of the same meaning: prompt and 提示词"),
        ("sku,prompt,SKU\na,b,c", "two columns of the same meaning: sku and SKU"),
        ('prompt\n"red\nblue\n', "cannot be read from row 2 on"),
        ('prompt,sku\nred,1\n"a" b,2\n', "cannot be read from row 3 on"),
    ],
)
def test_a_sheet_that_cannot_be_meant_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, "utf-8")
    assert said in str(refused(tmp_path / "a.csv"))


def test_all_lines_that_are_no_json_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "a"}\n{"prompt": \n\n["b"]\n', "utf-8")
    with pytest.raises(WrongSheet) as refusal:
        plan_of(tmp_path / "a.jsonl")
    told = refusal.value
    assert [row for row, _ in told.faults] == [2, 4]
    assert "Row 2: It is no JSON" in str(told) and "Row 4: It is no object" in str(told) and "第 4 行" in told.say("zh")


def test_a_kind_that_is_no_sheet_is_named(tmp_path: Path) -> None:
    for name in ("a.xls", "a.pdf", "a"):
        (tmp_path / name).write_text("prompt\na", "utf-8")
        assert "csv, tsv, jsonl and xlsx" in str(refused(tmp_path / name))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1251", "cp1252"])
def test_western_and_cyrillic_bytes_are_not_taken_for_chinese(encoding: str, tmp_path: Path) -> None:
    words = "красное платье на столе" if encoding == "cp1251" else "une robe élégante, très foncée, à côté du café"
    (tmp_path / "a.csv").write_bytes(f"prompt;sku\n{words};1\n".encode(encoding))
    with pytest.raises(WrongText, match="is not UTF-8 text"):
        read_sheet(tmp_path / "a.csv")


# xlsx


def workbook(path: Path, *rows: Any, change: Any = None) -> Path:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in rows:
        sheet.append(row)
    if change:
        change(book, sheet)
    book.save(path)
    return path


def test_numbers_dates_and_times_read_as_they_were_typed(tmp_path: Path) -> None:
    day, ratio = datetime.datetime(2026, 1, 5), datetime.time(16, 9)  # what Excel makes of 16:9
    path = workbook(
        tmp_path / "a.xlsx", ["prompt", "seed", "aspect_ratio", "sku", "day", "ok"], ["a", 7.0, ratio, 120.5, day, True]
    )
    sheet = read_sheet(path)
    [row] = sheet.rows
    assert [sheet.cell(row, name) for name in ("prompt", "seed", "aspect_ratio")] == ["a", "7", "16:9"]
    assert {name: text_of(row.values[place]) for name, place in sheet.variables.items()} == {
        "prompt": "a", "seed": "7", "aspect_ratio": "16:09:00", "sku": "120.5", "day": "2026-01-05", "ok": "TRUE",
    }  # fmt: skip


def test_a_ratio_that_a_spreadsheet_saved_as_a_time_is_a_ratio(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,aspect_ratio\na,16:09:00\nb,03:04:00\nc,21:9\n", "utf-8")
    sheet = read_sheet(tmp_path / "a.csv")
    assert [sheet.cell(row, "aspect_ratio") for row in sheet.rows] == ["16:9", "3:4", "21:9"]


def test_a_formula_counts_by_its_value_and_one_without_is_told(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ["prompt", "sku"], ["red", 1], ['="a "&B2', 2], ["=A2", 3])
    told = refused(path)
    assert [row for row, _ in told.faults] == [3, 4]
    assert "formulas without a value" in str(told)


def test_the_first_sheet_that_is_shown_and_holds_something_is_read(tmp_path: Path) -> None:
    def add(book: Any, first: Any) -> None:
        first.sheet_state = "hidden"
        book.create_sheet("empty")
        third = book.create_sheet("jobs")
        third["A3"], third["A5"] = "prompt", "blue"
        third["XFD1000000"].font = openpyxl.styles.Font(bold=True)  # a cell that was only painted

    sheet = read_sheet(workbook(tmp_path / "a.xlsx", ["prompt"], ["red"], change=add))
    assert (sheet.columns, sheet.header) == (("prompt",), 3)
    assert [(row.number, row.values) for row in sheet.rows] == [(5, ("blue",))]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no more", b"\xd0\xcf\x11\xe0 with a password", b"prompt\nred\n"])
def test_a_broken_workbook_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    assert "cannot be read as xlsx" in str(refused(tmp_path / "a.xlsx"))


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member:
            for _ in range(450):
                member.write(bytes(1 << 20))
    assert "too large" in str(refused(tmp_path / "a.xlsx"))


def test_xlsx_without_its_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "a.xlsx", ["prompt"], ["red"])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "pip install openpyxl), or save it as csv." in str(refused(path))


# Size


def test_a_sheet_of_20_000_rows_is_read_quickly_and_one_of_more_than_100_000_refused(tmp_path: Path) -> None:
    def sheet(count: int) -> str:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([("prompt", "sku", "颜色"), *((f"a bag, number {k}", f"S{k}", "红色") for k in range(count))])
        return text.getvalue()

    (tmp_path / "a.csv").write_text(sheet(20_000), "utf-8")
    assert len(read_sheet(tmp_path / "a.csv").rows) == 20_000
    (tmp_path / "b.csv").write_text(sheet(100_001), "utf-8")
    assert "at most 100 MB and 100,000 rows" in str(refused(tmp_path / "b.csv"))
    (tmp_path / "b.jsonl").write_text('{"prompt": "a"}\n' * 100_001, "utf-8")
    assert "at most 100 MB and 100,000 rows" in str(refused(tmp_path / "b.jsonl"))


def test_what_is_nested_in_json_is_a_text_of_json(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"prompt": {"a": ["红"]}, "references": ["x", "y"]}, ensure_ascii=False), "utf-8"
    )
    sheet = read_sheet(tmp_path / "a.jsonl")
    assert [sheet.cell(sheet.rows[0], name) for name in sheet.columns] == ['{"a": ["红"]}', "x\ny"]
