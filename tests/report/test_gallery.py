"""The page of a run: its data, and what a browser draws of it from disk."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PIL import Image

from grsai.errors import Moderated, Refused, TaskFailed, Uncertain
from grsai.jobs import Job, Outcome
from grsai.models import Catalogue
from grsai.pictures import Reference
from grsai.report.gallery import write_gallery
from grsai.report.report import Delivery
from tests.report.browser import CHROMIUM, Browser
from tests.report.shop import Page, Shop

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script></template>{{run}}<!--\u2028\u2029\\u003c & &lt; 中文'
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()
    assert opened.troubles == []


# What stands in it


def test_the_page_shows_every_job_and_names_only_files_that_are_there(shop: Shop) -> None:
    source = shop.source("a photo #1 100%.jpg")
    failed = Outcome(shop.job(3), "failed", error=Moderated("Refused by moderation."))
    page = shop.page(shop.made(1, source=source), shop.made(2, reused=True), failed)
    assert page.states() == ["succeeded", "reused", "failed"]
    assert page.cards[2]["said"] == ["Refused by moderation."]
    assert len(page.addresses()) > 6
    for address in page.addresses():
        assert (shop.output / address).is_file(), address


def test_hostile_texts_stay_texts(shop: Shop) -> None:
    name = "<b onmouseover=alert(1)>'\"{{policy}}.png" if sys.platform != "win32" else "'{{policy}}.png"
    failed = Outcome(shop.job(2, HOSTILE), "failed", error=TaskFailed("{why}", why=HOSTILE), task_id=HOSTILE)
    page = shop.page(shop.made(1, prompt=HOSTILE, source=shop.source(name)), failed)
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "img" not in [tag for tag, _ in page.elements]
    assert page.text.count("alert(2)") >= 4 and "<script>alert" not in page.text and "\u2028" not in page.text
    assert [card["prompt"] for card in page.cards] == [HOSTILE, HOSTILE]
    assert name.removesuffix(".png") in page.cards[0]["values"]


def test_the_page_lets_nothing_in_but_its_own_script_and_style(shop: Shop) -> None:
    policy = next(value for value in shop.page(shop.made()).values("meta", "content") if "script-src" in value)
    assert "unsafe" not in policy and "http" not in policy
    assert "default-src 'none'" in policy


def test_the_page_speaks_chinese(shop: Shop) -> None:
    page = shop.page(shop.made(source=shop.source("photo.jpg")), language="zh")
    assert ("html", {"lang": "zh-CN"}) in page.elements
    assert "已生成" in page.data["heading"]
    assert page.data["words"]["compare"] == "前后对比"


def test_the_page_works_when_the_inputs_have_moved(shop: Shop) -> None:
    page = shop.page(shop.made(source=shop.source("photo.jpg")))
    shutil.rmtree(shop.inputs)
    for address in page.shown():
        assert (shop.output / address).is_file(), address


def test_the_page_says_nothing_of_folders_far_away(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    far = tmp_path_factory.mktemp("customer") / "photo.jpg"
    Image.new("RGB", (60, 40)).save(far)
    page = shop.page(shop.made(source=Reference.from_file(far)))
    assert "customer" not in page.path.read_text("utf-8")


def test_a_job_of_two_pictures_has_two_cards(shop: Shop) -> None:
    page = shop.page(shop.made(files=(shop.result("one.png"), shop.result("two.png"))))
    assert page.states() == ["succeeded", "succeeded"]
    assert [card["number"] for card in page.cards] == ["1.1", "1.2"]


def test_a_thousand_pictures_are_one_light_page(shop: Shop) -> None:
    file, source = shop.result("one.png"), shop.source("photo.jpg")
    outcomes = [shop.made(task, source=source, files=(file,)) for task in range(1, 1001)]
    page = Page(write_gallery(outcomes, folder=shop.output, seconds=5.0))
    assert len(page.cards) == 1000
    assert len(page.shown()) == 2000
    assert len(page.text) < 500_000
    assert len(shop.thumbnails()) == 2


def test_what_was_asked_for_and_who_made_it_stands_beside_a_picture(shop: Shop) -> None:
    model = Catalogue().named("gpt-image-2.5-flare")
    job = Job("a prompt", model, "3:2", "2K", quality="high", background="transparent", name="Task_1_photo")
    outcome = replace(shop.made(), job=job, made_by="gpt-image-2", notes=(Refused("Another model stood in."),))
    page = shop.page(outcome)
    beside = dict(zip(page.data["words"]["labels"], page.cards[0]["values"], strict=True))
    assert {name: beside[name] for name in ("Model", "Ratio", "Size", "Quality", "Background")} == {
        "Model": "gpt-image-2", "Ratio": "3:2", "Size": "2K", "Quality": "high", "Background": "transparent",
    }  # fmt: skip
    assert page.cards[0]["said"] == page.data["notes"] == ["Another model stood in."]
    assert "gpt-image-2" in page.cards[0]["facts"]


def test_what_is_known_of_an_uncertain_picture_stands_on_its_card(shop: Shop) -> None:
    evidence = Uncertain("None of them was charged.")
    lost = Outcome(shop.job(), "uncertain", error=Uncertain("Its reply was lost."), notes=(evidence,))
    assert shop.page(lost).cards[0]["said"] == ["Its reply was lost.", "None of them was charged."]


def test_what_failed_may_have_been_given_back_and_the_page_says_so(shop: Shop) -> None:
    failed = Outcome(shop.job(2), "failed", error=TaskFailed("It failed."), credits=440)
    page = shop.page(shop.made(1), failed)
    assert page.data["sums"][-1] == [
        "Charged on acceptance",
        "¥0.088",
        "880 credits · ¥0.044 for what failed, perhaps given back",
    ]
    assert "440 credits (¥0.044) · ¥0.044 for what failed, perhaps given back" in page.cards[1]["values"]
    assert shop.page(shop.made(1)).data["sums"][-1] == ["Paid", "¥0.044", "440 credits"]


def test_a_picture_that_cannot_be_read_is_shown_without_a_thumbnail(shop: Shop) -> None:
    broken = shop.output / "broken.png"
    broken.write_bytes(b"no picture")
    page = shop.page(shop.made(files=(broken,)))
    assert page.shown() == ["broken.png"]


def test_a_run_that_was_stopped_decodes_nothing_more(shop: Shop) -> None:
    stop = threading.Event()
    stop.set()
    page = shop.page(shop.made(), stop=stop)
    assert page.shown() == ["Task_1_photo_1.png"]
    assert not (shop.output / "contact_sheet.jpg").exists()


# What a browser makes of it, from disk and without a network


@in_a_browser
def test_a_browser_draws_the_page_and_runs_nothing_that_a_prompt_holds(shop: Shop, browser: Browser) -> None:
    failed = Outcome(shop.job(3, HOSTILE), "failed", error=TaskFailed("{why}", why=HOSTILE))
    page = shop.page(shop.made(1, prompt=HOSTILE, source=shop.source("photo.jpg")), shop.made(2), failed)
    browser.open(page.path)
    assert browser.ask("[...document.querySelectorAll('.grsai-card .state')].map((word) => word.dataset.state)") == page.states()
    assert browser.ask("document.querySelector('.grsai-prompt').textContent") == HOSTILE
    assert "alert(2)" in browser.ask("document.querySelector('.grsai-tile[data-state=failed] .grsai-tile-words').textContent")
    assert browser.ask("document.querySelectorAll('script').length") == 2
    assert browser.ask("document.getElementById('shown').textContent") == "3 of 3 shown"
    browser.wait_for("[...document.images].every((image) => image.complete)")
    assert browser.ask("[...document.querySelectorAll('.grid img[src]')].every((image) => image.naturalWidth > 1)")


@in_a_browser
def test_before_and_after_can_be_slid_with_pointer_and_keyboard(shop: Shop, browser: Browser) -> None:
    browser.open(shop.page(shop.made(1, source=shop.source("photo.jpg")), shop.made(2)).path)
    labels = "[...document.querySelectorAll('.grid input')].map((input) => input.getAttribute('aria-label'))"
    assert browser.ask(labels) == ["Before and after: Task_1_photo"]
    at = "document.querySelector('.grsai-slid').style.getPropertyValue('--grsai-at')"
    browser.point_at(".grsai-slid", share=0.25)
    assert float(browser.ask(at).removesuffix("%")) == pytest.approx(25, abs=1)
    browser.ask("document.querySelector('.grid input').focus()")
    for _ in range(3):
        browser.press("ArrowRight")
    assert float(browser.ask(at).removesuffix("%")) == pytest.approx(28, abs=1)


@in_a_browser
def test_cards_are_found_by_state_and_by_text(shop: Shop, browser: Browser) -> None:
    failed = Outcome(shop.job(3, "a red boat"), "failed", error=Moderated("Refused by moderation."))
    browser.open(shop.page(shop.made(1, prompt="A red car"), shop.made(2, prompt="a blue boat"), failed).path)
    names = "[...document.querySelectorAll('.grsai-card .name')].map((name) => name.textContent)"
    browser.write("#find", "RED")
    assert browser.ask(names) == ["Task 1", "Task 3"]
    browser.click("#states button[value=failed]")
    assert browser.ask(names) == ["Task 3"]
    browser.write("#find", " car")
    assert browser.ask("document.getElementById('nothing').textContent") == "Nothing matches."


@in_a_browser
def test_one_picture_opens_large_and_the_arrows_go_on(shop: Shop, browser: Browser) -> None:
    first = shop.made(1, source=shop.source("photo.jpg"))
    browser.open(shop.page(first, shop.made(2), Outcome(shop.job(3), "failed", error=Moderated("Refused by moderation."))).path)
    title = "document.querySelector('dialog h2').textContent"
    browser.click(".grsai-card .grsai-tile")
    assert browser.ask("document.querySelector('dialog').open")
    browser.wait_for("document.querySelector('dialog .grsai-pixels').textContent.includes('900 × 600')")
    assert browser.ask("document.querySelector('dialog .grsai-after').src").endswith("/Task_1_photo_1.png")
    assert browser.ask("document.querySelector('dialog .grsai-before').src").endswith("/input/photo.jpg")
    browser.press("ArrowRight")
    assert browser.ask(title) == "Task_2_photo"
    assert browser.ask("document.querySelector('dialog .grsai-stage').dataset.mode === 'after'")
    browser.press("ArrowRight")
    assert browser.ask("document.querySelector('dialog .grsai-nothing p').textContent") == "Refused by moderation."
    browser.press("ArrowRight")
    browser.press("ArrowLeft")
    browser.press("ArrowLeft")
    assert browser.ask(title) == "Task_2_photo"
    browser.press("Escape")
    browser.wait_for("!document.querySelector('dialog').open && document.activeElement.textContent === 'Task 2'")


@in_a_browser
def test_what_was_compared_stands_in_a_table_with_prices_and_verdicts(shop: Shop, browser: Browser) -> None:
    photo, other = shop.source("photo.jpg"), shop.source("other.jpg")
    made = [replace(shop.made(task, source=source), made_by=model) for task, source, model in (
        (1, photo, ""), (2, photo, "nano-banana-2"), (3, other, ""), (4, other, "nano-banana-2"))]  # fmt: skip
    whole = {"pictures": 9, "credits": 3960, "yuan": 0.396}
    facts = {"prompt": "a prompt", "made": 2, "seconds": 4.0, "credits": 440, "yuan": 0.044, "whole": whole}
    columns = [{"model": model, "command": f"run {model}", **facts} for model in ("nano-banana-fast", "nano-banana-2")]
    verdicts = {"14-1/1": {"verdict": "keep"}, "14-2/1": {"verdict": "reject"}}
    delivery = Delivery(verdicts=verdicts, compare={"sample": 2, "of": 9, "columns": columns})
    browser.open(write_gallery(made, folder=shop.output, seconds=5.0, delivery=delivery))
    browser.click("#views [value=compared]")
    texts = "(head) => [...head.children].map((each) => each.textContent)"
    heads = f"[...document.querySelectorAll('#compared thead th')].slice(1).map({texts})"
    told = ["¥0.044 a picture · 4.0 s", "The whole folder: ¥0.396 for 9 pictures"]
    assert browser.ask(heads) == [
        ["nano-banana-fast", "a prompt", "1 kept · 0 rejected · 1 open", *told, "run nano-banana-fast"],
        ["nano-banana-2", "a prompt", "0 kept · 1 rejected · 1 open", *told, "run nano-banana-2"],
    ]
    assert browser.ask("[...document.querySelectorAll('#compared tbody th')].map((row) => row.textContent)") == ["photo", "other"]
    tiles = "[...document.querySelectorAll('#compared .grsai-tile')]"
    assert browser.ask(f"{tiles}.map((tile) => tile.dataset.verdict)") == ["keep", "reject", "", ""]
    browser.click("#compared .grsai-tile")
    assert browser.ask("document.querySelector('dialog h2').textContent") == "Task_1_photo"
    browser.press("ArrowRight")
    assert browser.ask("document.querySelector('dialog h2').textContent") == "Task_3_photo"


@in_a_browser
def test_the_picture_before_is_shown_small_where_its_file_has_gone(shop: Shop, browser: Browser) -> None:
    page = shop.page(shop.made(source=shop.source("photo.jpg")))
    (shop.inputs / "photo.jpg").unlink()
    browser.open(page.path)
    browser.click(".grsai-card .grsai-tile")
    browser.wait_for("document.querySelector('dialog .grsai-before').src.includes('/thumbnails/')")
    browser.wait_for("document.querySelector('dialog .grsai-before').naturalWidth === 400")
    browser.troubles = [trouble for trouble in browser.troubles if "photo.jpg" not in trouble]  # that it is gone


@in_a_browser
def test_of_twenty_thousand_cards_those_are_drawn_that_are_seen(shop: Shop, browser: Browser) -> None:
    file = shop.result("one.png", size=(60, 40))
    outcomes = [Outcome(shop.job(task), "succeeded", (file,)) for task in range(1, 20_001)]
    browser.open(write_gallery(outcomes, folder=shop.output, seconds=5.0))
    count = "document.querySelectorAll('.grsai-card').length"
    last = "[...document.querySelectorAll('.grsai-card .name')].at(-1).textContent"
    assert 10 < browser.ask(count) < 200
    height = browser.ask("document.documentElement.scrollHeight")
    browser.ask("scrollTo(0, document.documentElement.scrollHeight)")
    browser.wait_for(f"{last} === 'Task 20000'")
    assert browser.ask(count) < 200 and browser.ask("document.documentElement.scrollHeight") == pytest.approx(height, abs=400)
    browser.ask("scrollTo(0, document.documentElement.scrollHeight / 2)")
    browser.wait_for("[...document.querySelectorAll('.grsai-card .name')].some((name) => name.textContent === 'Task 10000')")
    box = browser.ask("(({top, bottom}) => [top, bottom, innerHeight])(document.querySelector('.grid').getBoundingClientRect())")
    boxes = "[...document.querySelectorAll('.grsai-card')].map((card) => card.getBoundingClientRect())"
    drawn = browser.ask(f"{boxes}.map(({{top, bottom}}) => [top, bottom])")
    assert box[0] < 0 and box[1] > box[2] and min(top for top, _ in drawn) <= 0 and max(bottom for _, bottom in drawn) >= box[2]


@in_a_browser
def test_what_the_page_shows_far_down_opens_and_is_found_again(shop: Shop, browser: Browser) -> None:
    file = shop.result("one.png", size=(60, 40))
    outcomes = [Outcome(shop.job(task), "succeeded", (file,)) for task in range(1, 2001)]
    browser.open(write_gallery(outcomes, folder=shop.output, seconds=5.0))
    browser.click(".grsai-card .grsai-tile")
    browser.press("ArrowLeft")
    assert browser.ask("document.querySelector('dialog h2').textContent") == "Task_2000_photo"
    browser.press("Escape")
    browser.wait_for("document.activeElement.textContent === 'Task 2000'")
