"""What a run leaves behind in numbers and words: the summary and report.json."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from grsai.errors import DownloadError, GrsaiError, Moderated, OutputError, StillOpen, Stopped, TaskFailed, Uncertain
from grsai.jobs import Job, Outcome
from grsai.models import Catalogue
from grsai.report.phrases import duration, money, price_text
from grsai.report.report import as_object, summary, totals, write_report
from tests.report.shop import MODEL, Shop

# Numbers


def test_reused_pictures_count_as_made_and_take_no_time(shop: Shop) -> None:
    reused = shop.made(2, reused=True, seconds=0.0, credits=0)
    failed = Outcome(shop.job(3), "failed", error=TaskFailed("It failed."), seconds=2.0, credits=440)
    sums = totals([shop.made(1), reused, failed], seconds=4.5)
    assert (sums.total, sums.succeeded, sums.failed, sums.reused, sums.credits) == (3, 2, 1, 1, 880)
    assert (sums.serial_seconds, sums.average_seconds, sums.saved_seconds) == (6.0, 3.0, 1.5)


def test_the_summary_says_what_the_original_tool_said(shop: Shop) -> None:
    failed = Outcome(
        shop.job(3, "a secret agent"), "failed", task_id="14-3", error=Moderated("Refused by moderation."), seconds=2.0
    )
    said = summary([shop.made(1, seconds=70.0), shop.made(2, seconds=50.0), failed], seconds=65.0)
    assert said.splitlines() == [
        "2 of 3 pictures made, 1 failed",
        "  Total time: 1 min 05 s",
        "  Average: 41 s a picture",
        "  One after another: 2 min 02 s",
        "  Saved: 57 s (47%)",
        "  Paid: 880 credits (¥0.088)",
        "Not made (moderation × 1):",
        "  Task_3_photo (a secret agent): Refused by moderation. [14-3]",
    ]


def test_where_nothing_was_made_nothing_is_said_to_be_saved(shop: Shop) -> None:
    failed = [Outcome(shop.job(task), "failed", error=TaskFailed("It failed."), seconds=30.0) for task in (1, 2)]
    said = summary([*failed, shop.made(3, reused=True, seconds=0.0, credits=0)], seconds=31.0)
    assert "Average" not in said and "One after another" not in said and "Saved" not in said


def test_the_summary_speaks_chinese(shop: Shop) -> None:
    assert summary([shop.made()], seconds=65.0, language="zh").startswith("已生成 1/1 张图片\n  总用时：1 分 05 秒")


def test_what_failed_may_have_been_given_back_and_the_summary_says_so(shop: Shop) -> None:
    failed = Outcome(shop.job(2), "failed", error=TaskFailed("It failed."), credits=440)
    said = summary([shop.made(1), failed], seconds=1.0)
    assert (
        "\n  Charged on acceptance: 880 credits (¥0.088). Of that 440 credits (¥0.044) went to what failed;"
        " the service may have given it back.\n"
    ) in said
    assert "Paid" not in said


@pytest.mark.parametrize(
    ("error", "failed", "refused", "part"),
    [
        (TaskFailed("It failed."), False, True, 0),
        (TaskFailed("It failed."), True, False, 440),
        (Moderated("Refused by moderation."), True, False, 0),
        (Moderated("Refused by moderation."), False, None, 440),
    ],
)
def test_what_the_service_says_that_it_keeps_is_not_given_back(
    shop: Shop, error: GrsaiError, failed: bool, refused: bool | None, part: int
) -> None:
    model = replace(MODEL, refunds_failed=failed, refunds_refused=refused)
    outcome = Outcome(Job("a prompt", model), "failed", error=error, credits=440)
    assert totals([outcome], seconds=1.0).failed_credits == part


@pytest.mark.parametrize(
    ("error", "credits", "part"),
    [
        (Moderated("Refused by moderation."), 440, 440),
        (StillOpen("Still open."), 440, 0),
        (DownloadError("It did not arrive."), 440, 0),
        (OutputError("The disk is full."), 880, 440),
        (None, 440, 0),
        (None, 880, 440),
    ],
)
def test_what_is_paid_for_a_picture_that_is_there_is_not_given_back(
    shop: Shop, error: GrsaiError | None, credits: int, part: int
) -> None:
    outcome = replace(shop.made(credits=credits), status="failed" if error else "succeeded", error=error)
    assert totals([outcome], seconds=1.0).failed_credits == part


def test_a_note_is_said_once_however_many_pictures_have_it(shop: Shop) -> None:
    note = StillOpen("An earlier task was lost.")
    said = summary([shop.made(1, notes=(note,)), shop.made(2, notes=(note,))], seconds=1.0)
    assert said.endswith("\nAn earlier task was lost. (× 2)")


def test_no_text_of_others_steers_the_terminal(shop: Shop) -> None:
    failed = Outcome(shop.job(1, "prompt\nline \u202e"), "failed", error=TaskFailed("Task failed: {why}", why="\x1b]0;x\x07\r\n"))
    said = summary([failed], seconds=1.0)
    assert all(letter.isprintable() for letter in said.replace("\n", ""))
    assert len(said.splitlines()) == 5


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (8.44, "8.4 s"),
        (9, "9 s"),
        (59.4, "59 s"),
        (60, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_time_reads_as_people_say_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_no_price_is_rounded_away() -> None:
    assert [money(credits) for credits in (0, 440, 6600, 10_000_000)] == [
        "0 credits (¥0.00)",
        "440 credits (¥0.044)",
        "6,600 credits (¥0.66)",
        "10,000,000 credits (¥1,000.00)",
    ]


@pytest.mark.parametrize(
    ("credits", "currency", "said"),
    [
        (440, "cny", "¥0.044"),
        (3100, "cny", "¥0.31"),
        (12, "cny", "¥0.0012"),
        (440, "usd", "≈$0.0062"),
        (6600, "credits", "6,600"),
    ],
)
def test_a_price_reads_in_the_currency_that_was_chosen(credits: int, currency: str, said: str) -> None:
    assert price_text(credits, currency) == said


# report.json


def test_the_object_has_the_jobs_in_plan_order_and_absolute_paths(shop: Shop) -> None:
    source = shop.source("photo.jpg")
    stopped = Outcome(shop.job(2), "stopped", error=Stopped("Stopped."))
    found = as_object([shop.made(1, source=source), stopped], seconds=1.234)
    assert {name: value for name, value in found.items() if name != "jobs"} == {
        "total": 2, "succeeded": 1, "failed": 0, "reused": 0, "seconds": 1.23, "credits": 440,
    }  # fmt: skip
    assert found["jobs"][0] == {
        "task": 1,
        "image": str(shop.inputs / "photo.jpg"),
        "prompt": "a prompt",
        "model": "nano-banana-fast",
        "quality": None,
        "background": None,
        "status": "succeeded",
        "file": str(shop.output / "Task_1_photo_1.png"),
        "task_id": "14-1",
        "error": None,
        "notes": [],
        "seconds": 4.0,
        "credits": 440,
    }
    assert (found["jobs"][1]["status"], found["jobs"][1]["image"], found["jobs"][1]["file"]) == ("stopped", None, None)


def test_the_object_says_in_english_what_is_to_be_known_and_what_was_asked_for(shop: Shop) -> None:
    model = Catalogue().named("gpt-image-2.5-flare")
    job = Job("a prompt", model, quality="high", background="transparent")
    lost = Outcome(job, "uncertain", error=Uncertain("Lost."), notes=(Uncertain("None was charged."),), made_by="gpt-image-2")
    (found,) = as_object([lost], seconds=1.0)["jobs"]
    facts = ("model", "quality", "background", "error", "notes")
    assert [found[name] for name in facts] == ["gpt-image-2", "high", "transparent", "Lost.", ["None was charged."]]


def test_the_report_can_move_with_its_pictures(shop: Shop) -> None:
    path = write_report([shop.made(source=shop.source("photo.jpg"))], folder=shop.output, seconds=1.0)
    job = json.loads(path.read_text("utf-8"))["jobs"][0]
    assert (job["file"], job["image"]) == ("Task_1_photo_1.png", "../input/photo.jpg")
