"""Redo: what was rejected is made again and paid for once; what was kept never is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from grsai.ledger import Ledger
from grsai.review import Verdict, judge
from grsai.review.album import Album
from grsai.review.redo import Changes, planned

from .conftest import Page


def reject(studio: Any, *outcomes: Any, verdict: str = "reject") -> None:
    with studio.ledger() as ledger:
        judge(ledger, {f"{outcome.task_id}/1": Verdict(verdict) for outcome in outcomes})  # type: ignore[arg-type]


def redo(studio: Any, *arguments: str) -> tuple[int, str, str]:
    """The command as a user would type it."""
    studio.furnish(["x"])
    process = studio.command("redo", "--output", "output", "--ledger", "ledger.sqlite3", *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def paid(studio: Any) -> int:
    return len(studio.emulator.tasks)


def album(studio: Any, ledger: Ledger) -> Album:
    return Album(studio.output, ledger).read()


def test_redo_of_two_of_six_pays_two(studio: Any, six: list[Any]) -> None:
    before = {file: file.read_bytes() for file in studio.output.glob("*.png")}
    reject(studio, six[1], six[4])
    reject(studio, six[0], verdict="keep")
    status, out, err = redo(studio)
    assert status == 0, err
    assert paid(studio) == 8
    new = list(studio.emulator.tasks.values())[6:]
    assert sorted(task.prompt for task in new) == ["at night", "in the snow"]
    assert "¥0.088" in out.splitlines()[0]
    assert {file: file.read_bytes() for file in before} == before
    assert {file.name for file in studio.output.glob("*_v2_1.png")} == {f"{six[n].job.name}_v2_1.png" for n in (1, 4)}
    status, out, _ = redo(studio)
    assert (status, paid(studio)) == (0, 8)
    assert "nothing to make again" in out


def test_an_estimate_sends_nothing_and_says_the_price(studio: Any, six: list[Any]) -> None:
    reject(studio, six[1], six[4])
    asked = len(studio.emulator.received)
    status, out, _ = redo(studio, "--estimate", "--json")
    said = json.loads(out)
    assert status == 0
    assert {name: said[name] for name in ("total", "new", "credits", "yuan", "gone")} == {
        "total": 2, "new": 2, "credits": 880, "yuan": 0.088, "gone": [],
    }  # fmt: skip
    assert len(studio.emulator.received) == asked


def test_the_price_is_shown_before_anything_is_sent(studio: Any, six: list[Any]) -> None:
    reject(studio, six[0])
    studio.emulator.seconds = 60
    studio.furnish(["x"])
    process = studio.command("redo", "--output", "output", "--ledger", "ledger.sqlite3")
    assert process.stdout is not None
    assert "¥0.044" in process.stdout.readline()
    process.terminate()
    process.communicate(timeout=30)


def test_versions_stand_beside_each_other(studio: Any, six: list[Any]) -> None:
    reject(studio, six[1])
    assert redo(studio)[0] == 0
    with studio.ledger() as ledger:
        names = [picture.entry.name for picture in album(studio, ledger)]
        assert names[1:3] == [six[1].job.name, f"{six[1].job.name}_v2"]
        first, second = album(studio, ledger).versions(album(studio, ledger).page(1, 1)[0])
        assert second.replaces == first.name
        judge(ledger, {second.name: Verdict("reject")})
    assert redo(studio)[0] == 0
    with studio.ledger() as ledger:
        assert [picture.entry.name for picture in album(studio, ledger)][1:4] == [
            six[1].job.name, f"{six[1].job.name}_v2", f"{six[1].job.name}_v3",
        ]  # fmt: skip
        assert album(studio, ledger).rejected() == []
    assert paid(studio) == 8


@pytest.mark.parametrize("kept", [0, 1])
def test_a_picture_of_which_any_version_is_kept_is_not_paid_again(studio: Any, six: list[Any], kept: int) -> None:
    reject(studio, six[1])
    redo(studio)
    with studio.ledger() as ledger:
        versions = album(studio, ledger).versions(album(studio, ledger).page(1, 1)[0])
        judge(ledger, {each.name: Verdict("keep" if place == kept else "reject") for place, each in enumerate(versions)})
    status, out, _ = redo(studio)
    assert (status, paid(studio)) == (0, 7)


def test_other_options_make_another_picture(studio: Any, six: list[Any]) -> None:
    reject(studio, six[0])
    status, out, err = redo(studio, "--prompt", "in the rain", "--model", "nano-banana-2", "--image-size", "2K", "--json")
    assert status == 0, err
    task = list(studio.emulator.tasks.values())[-1]
    assert (task.prompt, task.model) == ("in the rain", "nano-banana-2")
    (job,) = json.loads(out)["jobs"]
    assert job["replaces"] == [f"{six[0].task_id}/1"] and job["status"] == "succeeded"
    assert task.urls == studio.task(six[0]).urls  # what was uploaded is used again


def test_a_stopped_redo_goes_on_with_the_same_job(studio: Any, six: list[Any]) -> None:
    reject(studio, six[0])
    with studio.ledger() as ledger:
        first = planned(album(studio, ledger), studio.settings(), Changes())
        first.begin(ledger)
        outcomes = studio.run(first.jobs, ledger=ledger, stop=_set())
        assert [outcome.status for outcome in outcomes] == ["stopped"]
        again = planned(album(studio, ledger), studio.settings(), Changes())
    assert [job.fingerprint for job in again.jobs] == [job.fingerprint for job in first.jobs]


def _set() -> Any:
    import threading

    event = threading.Event()
    event.set()
    return event


def test_a_source_that_is_gone_is_made_of_its_upload(studio: Any, six: list[Any]) -> None:
    reject(studio, six[0])
    six[0].job.source.unlink()
    status, _, err = redo(studio)
    assert status == 0 and paid(studio) == 7
    assert "is gone. What was uploaded of it is used again." in err
    assert list(studio.emulator.tasks.values())[-1].urls == studio.task(six[0]).urls


def test_a_source_that_is_gone_for_good_is_named_before_anything_is_paid(studio: Any, six: list[Any]) -> None:
    reject(studio, six[0], six[5])
    six[0].job.source.unlink()
    with studio.ledger() as ledger:
        ledger.forget_upload(six[0].job.references[0].digest)
    status, _, err = redo(studio)
    assert status == 2 and paid(studio) == 6
    assert six[0].job.source.name in err and "Nothing was sent" in err
    status, out, err = redo(studio, "--skip-unreadable")
    assert status == 1 and paid(studio) == 7


def test_sources_that_moved_with_the_folder_are_found(studio: Any, six: list[Any]) -> None:
    reject(studio, six[0])
    with studio.ledger() as ledger:
        ledger.forget_upload(six[0].job.references[0].digest)
    moved = studio.folder / "moved"
    moved.mkdir()
    for name in ("output", "photos"):
        (studio.folder / name).rename(moved / name)
    with studio.ledger() as ledger:
        found = planned(Album(moved / "output", ledger).read(), studio.settings(), Changes())
        assert not found.gone
        assert found.jobs[0].references[0].path == moved / "photos" / six[0].job.source.name


def test_a_source_that_changed_is_told(studio: Any, six: list[Any], photos: Any) -> None:
    reject(studio, six[0])
    six[0].job.source.write_bytes(photos[5].path.read_bytes())
    status, _, err = redo(studio, "--estimate")
    assert status == 0 and "has changed since" in err


def test_a_model_that_there_is_not_is_refused_and_nothing_sent(studio: Any, six: list[Any]) -> None:
    reject(studio, six[0])
    status, _, err = redo(studio, "--model", "nano-bananas")
    assert (status, paid(studio)) == (2, 6)
    assert "did you mean" in err


def test_the_report_and_the_gallery_tell_of_it(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow"], photos[:2])
    options = ("--output", "output", "--ledger", "ledger.sqlite3", "--concurrency", "2")
    process = studio.command(*options)
    process.communicate(timeout=60)
    told = json.loads((studio.output / "report.json").read_text("utf-8"))
    task = told["jobs"][0]["task_id"]
    with studio.ledger() as ledger:
        judge(ledger, {f"{task}/1": Verdict("reject")})
    assert redo(studio)[0] == 0
    told = json.loads((studio.output / "report.json").read_text("utf-8"))
    assert (told["total"], told["succeeded"], told["credits"]) == (3, 3, 1320)
    assert told["jobs"][2]["replaces"] == [task] and told["jobs"][2]["task"] == 3
    page = (studio.output / "index.html").read_text("utf-8")
    run = json.loads(page.partition('id="run">')[2].partition("</script>")[0])
    assert [card["number"] for card in run["cards"]] == ["1", "1 ↻", "2"]
    assert run["heading"] == "3 of 3 pictures made"


# From the page


def test_the_page_makes_what_it_showed_the_price_of_and_nothing_else(page: Page, studio: Any, six: list[Any]) -> None:
    cards = page.pictures()
    page.judge({cards[0]["id"]: "reject", cards[3]["id"]: "reject", cards[1]["id"]: "keep"})
    said = page.post("redo/estimate")
    assert (said["pictures"], said["price"], paid(studio)) == (2, "¥0.088", 6)
    page.post("make", ticket=said["ticket"])
    studio.wait_until(lambda: page.get("state")["run"]["state"] == "ended")
    assert paid(studio) == 8
    assert page.get("state")["run"]["price"] == "¥0.09" or page.get("state")["run"]["price"] == "¥0.088"
    versions = [card["versions"] for card in page.pictures() if card["versions"]]
    assert len(versions) == 4 and page.get("state")["total"] == 8
    assert page.ask("make", {"ticket": said["ticket"]})[0] == 409
    assert paid(studio) == 8


@pytest.mark.parametrize("ticket", [None, "", "made-up", 7])
def test_nothing_is_made_without_a_ticket(page: Page, studio: Any, ticket: Any) -> None:
    page.judge({page.pictures()[0]["id"]: "reject"})
    assert page.ask("make", {"ticket": ticket})[0] == 409
    assert paid(studio) == 6


def test_what_is_kept_after_its_price_was_shown_is_not_made(page: Page, studio: Any) -> None:
    first = page.pictures()[0]["id"]
    page.judge({first: "reject"})
    ticket = page.post("redo/estimate")["ticket"]
    page.judge({first: "keep"})
    assert page.ask("make", {"ticket": ticket})[0] == 409
    assert paid(studio) == 6


def test_only_rejected_pictures_can_be_asked_for(page: Page) -> None:
    first, second, *_ = page.pictures()
    page.judge({first["id"]: "reject", second["id"]: "keep"})
    assert page.post("redo/estimate", ids=[first["id"], second["id"], "0" * 16])["pictures"] == 1
    assert page.post("redo/estimate", ids=[second["id"]])["ticket"] is None


def test_stop_ends_a_run_of_the_page(page: Page, studio: Any) -> None:
    studio.emulator.seconds = 60
    page.judge({card["id"]: "reject" for card in page.pictures()})
    page.post("make", ticket=page.post("redo/estimate")["ticket"])
    studio.wait_until(lambda: paid(studio) > 6)
    assert page.post("stop") == {"stopped": True}
    studio.wait_until(lambda: page.get("state")["run"]["state"] == "ended")
    assert page.post("stop") == {"stopped": False}


def test_without_a_key_the_page_says_so_and_judging_goes_on(six: list[Any], studio: Any, open_page: Callable[..., Page]) -> None:
    page = open_page(settings=studio.settings(api_key=None))
    first = page.pictures()[0]["id"]
    page.judge({first: "reject"})
    said = page.post("redo/estimate")
    status, _, body = page.ask("make", {"ticket": said["ticket"]})
    assert status == 400 and "GRSAI_API_KEY" in json.loads(body)["error"]["en"]
