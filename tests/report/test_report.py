"""What a run leaves behind: the summary, report.json, the gallery page, thumbnails and the contact sheet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from grsai.errors import Moderated, StillOpen, Stopped, TaskFailed
from grsai.jobs import Job, Outcome
from grsai.models import Catalogue
from grsai.pictures import Reference
from grsai.report.gallery import write_gallery
from grsai.report.phrases import duration, money, price_text
from grsai.report.report import as_object, summary, totals, write_report
from grsai.report.thumbnails import make_thumbnails, write_contact_sheet

MODEL = Catalogue().named("nano-banana-fast")
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script></template>{{cards}} 中文'
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


class Shop:
    """A folder of sources and one of results, and outcomes made by hand."""

    def __init__(self, folder: Path) -> None:
        self.inputs = folder / "input"
        self.output = folder / "batch_outputs"
        self.inputs.mkdir()
        self.output.mkdir()

    def source(self, name: str, size: tuple[int, int] = (600, 400), **options: Any) -> Reference:
        Image.new("RGB", size, "orange").save(self.inputs / name, **options)
        return Reference.from_file(self.inputs / name)

    def result(self, name: str, colour: str = "teal", size: tuple[int, int] = (900, 600)) -> Path:
        path = self.output / name
        Image.new("RGB", size, colour).save(path)
        return path

    def made(self, task: int = 1, *, prompt: str = "a prompt", source: Reference | None = None, **facts: Any) -> Outcome:
        job = self.job(task, prompt, source)
        files = facts.pop("files", None) or (self.result(f"{job.name}_1.png"),)
        return Outcome(job, "succeeded", files, f"14-{task}", **{"seconds": 4.0, "credits": 440, **facts})

    def job(self, task: int = 1, prompt: str = "a prompt", source: Reference | None = None) -> Job:
        return Job(prompt, MODEL, references=(source,) if source else (), task=task, name=f"Task_{task}_photo")

    def page(self, *outcomes: Outcome, **options: Any) -> Page:
        path = write_gallery(outcomes, folder=self.output, seconds=5.0, **options)
        write_report(outcomes, folder=self.output, seconds=5.0)
        return Page(path)

    def thumbnails(self) -> dict[Path, int]:
        return {path: path.stat().st_ino for path in (self.output / "thumbnails").glob("*")}


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, name: str) -> list[str]:
        return [value for found, attributes in self.elements if found == tag and (value := attributes.get(name))]

    def cards(self) -> list[str | None]:
        """The states of the cards, in order."""
        return [attributes["data-state"] for tag, attributes in self.elements if attributes.get("class") == "card"]

    def addresses(self) -> list[str]:
        named = (attributes.get(name) for _, attributes in self.elements for name in ("src", "href", "data-after", "data-before"))
        return [urllib.parse.unquote(address) for address in named if address]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


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
        "status": "succeeded",
        "file": str(shop.output / "Task_1_photo_1.png"),
        "task_id": "14-1",
        "error": None,
        "seconds": 4.0,
        "credits": 440,
    }
    assert (found["jobs"][1]["status"], found["jobs"][1]["image"], found["jobs"][1]["file"]) == ("stopped", None, None)


def test_the_report_can_move_with_its_pictures(shop: Shop) -> None:
    path = write_report([shop.made(source=shop.source("photo.jpg"))], folder=shop.output, seconds=1.0)
    job = json.loads(path.read_text("utf-8"))["jobs"][0]
    assert (job["file"], job["image"]) == ("Task_1_photo_1.png", "../input/photo.jpg")


# The gallery


def test_the_page_shows_every_job_and_names_only_files_that_are_there(shop: Shop) -> None:
    source = shop.source("a photo #1 100%.jpg")
    failed = Outcome(shop.job(3), "failed", error=Moderated("Refused by moderation."))
    page = shop.page(shop.made(1, source=source), shop.made(2, reused=True), failed)
    assert page.cards() == ["succeeded", "reused", "failed"]
    assert "Refused by moderation." in page.text
    assert len(page.addresses()) > 6
    for address in page.addresses():
        assert (shop.output / address).is_file(), address


def test_hostile_texts_stay_texts(shop: Shop) -> None:
    name = "<b onmouseover=alert(1)>'\"{{policy}}.png" if sys.platform != "win32" else "'{{policy}}.png"
    source = shop.source(name)
    failed = Outcome(shop.job(2, HOSTILE), "failed", error=TaskFailed("{why}", why=HOSTILE), task_id=HOSTILE)
    page = shop.page(shop.made(1, prompt=HOSTILE, source=source), failed)
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "x" not in page.values("img", "src")
    assert page.text.count(HOSTILE) >= 5


def test_the_page_lets_no_script_run_but_its_own(shop: Shop) -> None:
    policy = next(value for value in shop.page(shop.made()).values("meta", "content") if "script-src" in value)
    assert "unsafe" not in policy
    assert "connect-src 'none'" in policy


def test_the_page_speaks_chinese(shop: Shop) -> None:
    page = shop.page(shop.made(source=shop.source("photo.jpg")), language="zh")
    assert ("html", {"lang": "zh-CN"}) in page.elements
    assert "已生成" in page.text
    assert "对比" in page.text


def test_before_and_after_can_be_slid_with_the_keyboard(shop: Shop) -> None:
    page = shop.page(shop.made(1, source=shop.source("photo.jpg")), shop.made(2))
    sliders = [attributes for tag, attributes in page.elements if tag == "input" and attributes.get("type") == "range"]
    assert [slider["aria-label"] for slider in sliders] == ["Before and after: Task_1_photo", "Before and after"]


def test_the_page_works_when_the_inputs_have_moved(shop: Shop) -> None:
    page = shop.page(shop.made(source=shop.source("photo.jpg")))
    shutil.rmtree(shop.inputs)
    for address in page.values("img", "src"):
        assert (shop.output / address).is_file(), address


def test_the_page_says_nothing_of_folders_far_away(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    far = tmp_path_factory.mktemp("customer") / "photo.jpg"
    Image.new("RGB", (60, 40)).save(far)
    page = shop.page(shop.made(source=Reference.from_file(far)))
    assert "customer" not in page.path.read_text("utf-8")


def test_a_job_of_two_pictures_has_two_cards(shop: Shop) -> None:
    page = shop.page(shop.made(files=(shop.result("one.png"), shop.result("two.png"))))
    assert page.cards() == ["succeeded", "succeeded"]
    assert "Task 1.2" in page.text


def test_a_thousand_pictures_are_one_light_page(shop: Shop) -> None:
    file, source = shop.result("one.png"), shop.source("photo.jpg")
    outcomes = [shop.made(task, source=source, files=(file,)) for task in range(1, 1001)]
    page = write_gallery(outcomes, folder=shop.output, seconds=5.0).read_text("utf-8")
    assert page.count('<figure class="card"') == 1000
    assert page.count('loading="lazy"') == 2000
    assert len(page) < 2_000_000
    assert len(shop.thumbnails()) == 2


# Thumbnails and contact sheet


def test_thumbnails_are_made_once(shop: Shop) -> None:
    outcome = shop.made(source=shop.source("photo.jpg"))
    make_thumbnails([outcome], folder=shop.output)
    first = shop.thumbnails()
    assert len(first) == 2
    shop.page(outcome)
    assert shop.thumbnails() == first


def test_a_picture_that_was_replaced_even_by_an_older_one_gets_a_new_thumbnail(shop: Shop) -> None:
    outcome = shop.made()
    make_thumbnails([outcome], folder=shop.output)
    os.utime(shop.result("Task_1_photo_1.png", "red"), (1e9, 1e9))
    make_thumbnails([outcome], folder=shop.output)
    (thumbnail,) = shop.thumbnails()
    with Image.open(thumbnail) as image:
        red, green, _ = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert red > 200 > 50 > green


def test_thumbnails_are_small_upright_and_opaque(shop: Shop) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = shop.source("turned.jpg", (1200, 800), exif=exif)
    clear = shop.output / "clear.png"
    Image.new("RGBA", (1000, 500), (0, 0, 0, 0)).save(clear)
    make_thumbnails([shop.made(source=source, files=(clear,))], folder=shop.output)
    sizes = []
    for path in shop.thumbnails():
        with Image.open(path) as image:
            sizes.append(image.size)
            assert image.format == "JPEG"
            assert image.size != (400, 200) or min(image.convert("L").getextrema()) > 250
    assert sorted(sizes) == [(267, 400), (400, 200)]


def test_a_picture_that_cannot_be_read_is_shown_without_a_thumbnail(shop: Shop) -> None:
    broken = shop.output / "broken.png"
    broken.write_bytes(b"no picture")
    page = shop.page(shop.made(files=(broken,)))
    assert page.values("img", "src") == ["broken.png"]


def test_a_run_that_was_stopped_decodes_nothing_more(shop: Shop) -> None:
    stop = threading.Event()
    stop.set()
    page = shop.page(shop.made(), stop=stop)
    assert page.values("img", "src") == ["Task_1_photo_1.png"]
    assert not (shop.output / "contact_sheet.jpg").exists()


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (16, 4), (40, 8)])
def test_the_contact_sheet_holds_every_picture(shop: Shop, count: int, columns: int) -> None:
    file = shop.result("square.png", size=(400, 400))
    outcomes = [shop.made(task, files=(file,), source=shop.source("photo.jpg")) for task in range(1, count + 1)]
    make_thumbnails(outcomes, folder=shop.output)
    path = write_contact_sheet(outcomes, folder=shop.output)
    assert path is not None
    with Image.open(path) as sheet:
        assert sheet.width == 32 + columns * 352
        assert sheet.height == 32 + -(-count // columns) * 374


def test_without_pictures_there_is_no_contact_sheet(shop: Shop) -> None:
    assert write_contact_sheet([Outcome(shop.job(), "stopped")], folder=shop.output) is None


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_browser_opens_the_page_from_disk_and_runs_its_script(shop: Shop, tmp_path: Path) -> None:
    page = shop.page(shop.made(1, prompt=HOSTILE, source=shop.source("photo.jpg")), shop.made(2))
    assert CHROMIUM is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run([CHROMIUM, *options, page.path.as_uri()], capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert ">2 of 2 shown</p>" in done.stdout
