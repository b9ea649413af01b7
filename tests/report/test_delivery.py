"""A run of a sheet: its rows, what each picture was made from, and the finished files, wherever a run is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from grsai.errors import Moderated
from grsai.jobs import Outcome
from grsai.report.gallery import write_gallery
from grsai.report.report import Delivery, as_object, summary
from tests.report.shop import Page, Shop


@pytest.fixture
def pair(shop: Shop) -> Outcome:
    """A picture of a person, a garment and a logo."""
    person, garment, logo = (shop.source(f"{name}.png") for name in ("person", "garment", "logo"))
    Image.new("RGB", (60, 40), "purple").save(garment.path or "")
    garment = type(garment).from_file(garment.path or "")
    made = shop.made(1, source=person)
    return replace(made, job=replace(made.job, references=(person, garment, logo)))


def delivery(shop: Shop, outcome: Outcome) -> Delivery:
    assert outcome.file is not None
    finished = shop.output / "finished" / "Task_1_photo_1.jpg"
    return Delivery(shop.output / "jobs_done.csv", shop.inputs, (7, 9), {outcome.file: finished})


def test_the_page_shows_rows_partners_and_finished_files(shop: Shop, pair: Outcome) -> None:
    path = write_gallery([pair], folder=shop.output, seconds=1.0, delivery=delivery(shop, pair))
    [card] = Page(path).cards
    assert card["facts"][0] == "Row 7" and card["values"][-1] == "Row 7"
    assert card["finished"] == "finished/Task_1_photo_1.jpg"
    assert len(card["beside"]) == 2 and all((shop.output / small).is_file() for small in card["beside"])
    labels = Page(path).data["words"]["labels"]
    assert len(labels) == len(card["values"]) and labels[-1] == "Sheet"


def test_a_page_without_a_sheet_says_nothing_of_one(shop: Shop) -> None:
    [card] = shop.page(shop.made(1, source=shop.source("a.png"))).cards
    assert "Row" not in str(card["facts"]) and card["values"][-1] == "" and not card.keys() & {"beside", "finished"}


def test_the_contact_sheet_shows_what_each_picture_was_made_from(shop: Shop, pair: Outcome) -> None:
    assert shop.sheet(pair) == shop.output / "contact_sheet.jpg"
    with Image.open(shop.output / "contact_sheet.jpg") as sheet:
        colours = {sheet.convert("RGB").getpixel((x, y)) for x in range(0, sheet.width, 4) for y in range(0, sheet.height, 4)}
    assert any(red > 90 and green < 40 and blue > 90 for red, green, blue in colours)  # type: ignore[misc]
    before = (shop.output / "contact_sheet.jpg").stat().st_mtime_ns
    shop.sheet(pair)
    assert (shop.output / "contact_sheet.jpg").stat().st_mtime_ns == before


def test_the_contact_sheet_names_row_and_finished_file(shop: Shop, pair: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr("grsai.report.thumbnails._write", lambda sheet, text, *_: written.append(text))
    write_gallery([pair], folder=shop.output, seconds=1.0, delivery=delivery(shop, pair))
    assert written == ["7 · Task_1_photo → jpg"]
    write_gallery([pair], folder=shop.output, seconds=1.0)
    assert written[1:] == ["Task_1_photo"]


def test_report_and_summary_name_the_rows(shop: Shop, pair: Outcome) -> None:
    failed = Outcome(
        shop.job(2),
        "failed",
        error=Moderated("Refused by moderation ({why}), task {task}. Change prompt or picture.", why="x", task="14-2"),
    )
    told = delivery(shop, pair)
    found = as_object([pair, failed], seconds=1.0, beside=shop.output, delivery=told)
    assert (found["sheet"], found["sheet_folder"]) == ("jobs_done.csv", "../input")
    assert [(job["row"], job["finished"]) for job in found["jobs"]] == [(7, "finished/Task_1_photo_1.jpg"), (9, None)]
    assert "  Row 9, Task_2_photo (a prompt): Refused" in summary([pair, failed], seconds=1.0, delivery=told)
    assert "第 9 行，Task_2_photo" in summary([pair, failed], seconds=1.0, language="zh", delivery=told)


def test_without_a_delivery_a_report_is_as_it_was(shop: Shop, tmp_path: Path) -> None:
    found = as_object([shop.made(1)], seconds=1.0)
    assert not found.keys() & {"sheet", "sheet_folder"} and not found["jobs"][0].keys() & {"row", "finished"}
