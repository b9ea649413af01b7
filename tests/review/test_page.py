"""The page in a browser: judged by keys, made again, watched as pictures come, with thousands of them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grsai.jobs import plan
from grsai.ledger import Ledger
from grsai.review.album import Album
from grsai.review.live import Run
from grsai.review.server import ReviewServer
from tests.conftest import MODELS, ROOT
from tests.review.conftest import Page
from tests.stories import need_a_browser, tell

SCRIPT = Path(__file__).parent / "review.mjs"
THOUSANDS = 5_000
STEPS = 30
BUSY = 80


@pytest.fixture(autouse=True)
def _browser() -> None:
    need_a_browser()


def use(page: Page, story: str, **options: Any) -> dict[str, Any]:
    return tell(SCRIPT, page.url, story=story, **options)


def test_the_keys_judge_and_what_they_say_is_on_disk_when_they_are_released(page: Page, studio: Any) -> None:
    said = use(page, "judge")
    first, second, third = "Task_1_astronaut", "Task_2_astronaut", "Task_3_cameraman"
    assert (said["first"], said["place"]) == (first, "1 of 6")
    assert said["released"] == [[first, "keep", second], [second, "reject", third]]
    assert said["undone"] == "Task_4_cameraman"
    assert said["last"][1] == "6 of 6"
    assert said["counts"] == ["All 6", "Not judged 3", "Kept 2", "Rejected 1"]
    assert said["marks"] == [["keep", ""], ["reject", ""], ["", "★4"], ["", ""], ["", ""], ["keep", ""]]
    assert said["filtered"] == [["open", 3], ["kept", 2], ["rejected", 1], ["all", 6]]
    assert {"K", "R", "U", "N", "F", "Z", "?", "←", "→"} <= set(said["keys"]) and said["closed"] == 0
    assert said["zip"] == list(b"PK")
    with studio.ledger() as ledger:
        album = Album(studio.output, ledger).read()
        judged = {each.entry.name: each.verdict for each in album}
    assert [judged[name].verdict for name in (first, second, third)] == ["keep", "reject", ""]
    assert (judged[third].stars, judged[third].note) == (4, "the hands are k r 5 wrong")


def test_a_picture_is_compared_zoomed_and_moved_with_keys_and_pointer(page: Page) -> None:
    said = use(page, "look")
    assert said["modes"] == ["slider", "beside", "after"]
    assert 5 < said["slid"] < 45
    scale, moved = said["zoomed"]
    assert scale == pytest.approx(1, abs=0.01) and moved == pytest.approx(-60, abs=2)
    assert said["next"] == pytest.approx(1, abs=0.01)
    assert said["fit"] < 1
    assert said["kept"] == ["3 of 6", "keep"]
    assert said["clicked"] == "4 of 6"


def test_two_of_six_rejected_are_made_again_and_two_are_paid(page: Page, studio: Any) -> None:
    before = studio.emulator.count("submit")
    said = use(page, "redo", prompt="in the desert")
    assert said["label"] == "Make the 2 rejected again · ¥0.088"
    assert said["dearer"].startswith("Make the 2 rejected again · ¥") and said["dearer"] != said["label"]
    assert studio.emulator.count("submit") == before + 2
    assert {each.body["model"] for each in studio.emulator.received[-40:] if each.step == "submit"} >= {"nano-banana-2"}
    assert said["live"].startswith("Finished · 2 of 2 made")
    assert said["marks"] == ["reject", "", "keep", "reject", "", "", "", ""]
    assert said["versions"] == ["Task_1_astronaut", "Task_1_astronaut_v2", 2]
    assert said["prompt"] == "in the desert"
    assert "picture/" in said["against"]
    assert not said["again"]


def test_pictures_come_while_the_first_are_judged(studio: Any, ledger: Ledger, six: list[Any]) -> None:
    studio.emulator.seconds = 2.0
    server = ReviewServer(Album(studio.output, ledger).read(), settings=studio.settings())
    page, jobs = Page(server.start()), studio.jobs(12, prompt="later")
    run = Run("batch", len(jobs))

    def make() -> None:
        studio.run(jobs, ledger=ledger, settings=studio.settings(concurrency=4), on_event=server.maker.hear)
        server.maker.ends(run)

    server.maker.begins(run)
    making = threading.Thread(target=make)
    making.start()
    said = use(page, "live", total=18)
    making.join()
    server.close()
    assert "of 12 made · about" in said["told"]
    assert said["begun"] < 18 and said["stayed"]
    assert "12 of 12 made · ¥0.528" in said["ended"]
    assert said["counts"] == ["All 18", "Not judged 17", "Kept 1", "Rejected 0"]


def test_what_the_page_began_can_be_stopped_there(open_page: Callable[..., Page], studio: Any, six: list[Any]) -> None:
    studio.emulator.seconds = 3.0
    before = studio.emulator.count("submit")
    said = use(open_page(settings=studio.settings(concurrency=1)), "stop")
    assert "of 4 made" in said["told"] and "4 of 4 made" not in said["told"]
    assert studio.emulator.count("submit") == before + 1


def test_judging_during_a_run_does_not_slow_it(studio: Any, ledger: Ledger, six: list[Any]) -> None:
    studio.emulator.seconds = 0.4
    server = ReviewServer(Album(studio.output, ledger).read(), settings=studio.settings())
    page = Page(server.start())
    seconds: list[float] = []

    def make(prompt: str) -> None:
        run = Run("batch", BUSY)
        server.maker.begins(run)
        begun = time.monotonic()
        settings = studio.settings(concurrency=4)
        studio.run(studio.jobs(BUSY, prompt=prompt), ledger=ledger, settings=settings, on_event=server.maker.hear)
        seconds.append(time.monotonic() - begun)
        server.maker.ends(run)

    def made_while(keys: list[str]) -> int:
        making = threading.Thread(target=make, args=(f"meanwhile {keys}",))
        making.start()
        said = use(page, "busy", keys=keys)
        making.join()
        return said["pressed"]

    made_while(["ArrowRight", "ArrowLeft"])
    judged = made_while(["k", "r"])
    server.close()
    print(f"a run of {BUSY}: {seconds[0]:.2f} s while looking on, {seconds[1]:.2f} s with {judged} verdicts meanwhile")
    assert judged >= 10
    assert seconds[1] < seconds[0] * 1.15 + 0.5


def test_models_are_compared_blind_and_the_winner_is_run_on_all(studio: Any) -> None:
    shutil.copytree(ROOT / "grsai/demo/image", studio.folder / "photos")
    for photo in sorted((studio.folder / "photos").iterdir())[4:]:
        photo.unlink()
    models = ("--model", "nano-banana-fast", "--model", "nano-banana-2")
    asked = ("--images", "photos", "--prompt", "at night", *models, "--sample", "2", "--output", "out")
    made = studio.command(*asked)
    assert made.communicate(timeout=60)[0] and made.returncode == 0 and studio.emulator.count("submit") == 4
    with studio.command("review", "--output", "out", "--no-browser") as reviewing:
        said = use(Page(reviewing.stdout.readline().strip()), "compare")
        reviewing.terminate()
    assert reviewing.returncode == 0
    heads, facts = said["blind"]
    assert sorted(name for name, _ in heads) == ["Column A", "Column B"] and set(facts) == {""}
    assert said["still"].startswith("Column")
    heads, facts = said["seen"]
    assert {name for name, _ in heads} == {"nano-banana-fast", "nano-banana-2"}
    assert {fact.split(" · ")[0] for fact in facts} == {"¥0.044", "¥0.12"}
    assert "The whole folder: ¥0.176 for 4 pictures" in str(heads) and "The whole folder: ¥0.48 for 4 pictures" in str(heads)
    price = {"nano-banana-fast": "¥0.088", "nano-banana-2": "¥0.24"}[said["winner"]]
    assert said["sure"] == f"Run it on all: 2 pictures · {price}"
    assert "4 of 4 made" in said["live"] and studio.emulator.count("submit") == 6
    new = [each.body["model"] for each in studio.emulator.received if each.step == "submit"][4:]
    assert new == [said["winner"]] * 2


def test_thousands_of_pictures_are_there_at_once(
    open_page: Callable[..., Page], studio: Any, ledger: Ledger, photos: Any
) -> None:
    _fill(studio, photos)
    page = open_page()
    said = use(page, "many", steps=STEPS)
    slowest = sorted(said["times"])
    print(
        f"{THOUSANDS} pictures: first paint {said['paint']:.0f} ms, a key to the next picture {slowest[STEPS // 2]:.0f} ms"
        f" (slowest {slowest[-1]:.0f} ms), elements and MB before {said['before']}, after {said['after']}"
    )
    assert said["paint"] <= 1000
    assert slowest[STEPS // 2] <= 100
    assert said["after"][0] < 2000
    assert said["after"][1] < said["before"][1] + 20
    assert said["place"] == f"{STEPS + 1} of {THOUSANDS}"


def _fill(studio: Any, photos: Any) -> None:
    """A folder of thousands of pictures: links to three, each with its row in the ledger."""
    studio.output.mkdir(exist_ok=True)
    made = studio.run(plan(["in the snow"], photos[:3], model=MODELS.named("nano-banana-fast")))
    pictures = [outcome.files[0] for outcome in made]
    with sqlite3.connect(studio.ledger_path) as database:
        database.row_factory = sqlite3.Row
        samples = [dict(row) for row in database.execute("SELECT * FROM tasks ORDER BY row")]
        rows = []
        for number in range(4, THOUSANDS + 1):
            sample, picture = samples[number % 3], pictures[number % 3]
            file = studio.output / f"Task_{number}_photo_1{picture.suffix}"
            os.link(picture, file)
            rows.append({
                **sample, "row": None, "fingerprint": f"{number:064x}", "task_id": f"14-{number}", "name": f"Task_{number}_photo",
                "files": json.dumps([[str(file), file.stat().st_size]]), "prompt": f"{sample['prompt']} {number}",
            })  # fmt: skip
        names, marks = ", ".join(rows[0]), ", ".join(f":{name}" for name in rows[0])
        database.executemany(f"INSERT INTO tasks ({names}) VALUES ({marks})", rows)
    database.close()
