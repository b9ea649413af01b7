"""The command's pages: `review` of a folder, and `--watch` of a batch while it runs."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from grsai.ledger import Ledger
from grsai.review import Verdict, judge

from .conftest import Page

OPTIONS = ("--output", "output", "--ledger", "ledger.sqlite3", "--no-browser")


@contextmanager
def opened(studio: Any, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Page]]:
    """The command, and the page whose address it prints first."""
    process = studio.command(*arguments, *OPTIONS)
    try:
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:") and line.endswith("\n"), (line, process.stderr.read() if not line else "")
        yield process, Page(line.strip())
    finally:
        process.kill()
        process.communicate()


def batch(studio: Any) -> None:
    process = studio.command(*OPTIONS[:4])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends a process in another way")
def test_sigterm_ends_the_page_at_once(studio: Any, six: list[Any]) -> None:
    studio.furnish(["x"])
    with opened(studio, "review") as (process, page):
        page.judge({page.pictures()[0]["id"]: "keep"})
        begun = time.monotonic()
        process.terminate()
        assert process.wait(20) == 0
        assert time.monotonic() - begun < 5
        assert process.stdout is not None and process.stdout.read() == ""


def test_a_port_can_be_chosen_and_one_that_is_taken_is_told(studio: Any, six: list[Any]) -> None:
    studio.furnish(["x"])
    with opened(studio, "review") as (_, page):
        port = page.root.rpartition(":")[2]
        other = studio.command("review", "--port", port, *OPTIONS)
        _, err = other.communicate(timeout=30)
        assert other.returncode == 2 and port in err


@pytest.mark.parametrize("port", ["x", "-1", "65536", "99999999999", "８０"])
def test_a_port_that_is_none_is_refused(studio: Any, six: list[Any], port: str) -> None:
    process = studio.command("review", f"--port={port}", *OPTIONS)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2 and "--port" in err


def test_a_folder_that_there_is_not_is_named(studio: Any) -> None:
    process = studio.command("review", *OPTIONS)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2 and "output" in err


def test_the_verdicts_stand_in_the_report_and_the_gallery(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow"], photos[:2])
    batch(studio)
    with opened(studio, "review") as (process, page):
        first, second = page.pictures()
        page.post("verdict", verdicts=[{"id": first["id"], "verdict": "keep", "stars": 4, "note": "<b>good</b>"}])
        process.terminate()
        process.wait(20)
    told = json.loads((studio.output / "report.json").read_text("utf-8"))["jobs"]
    assert {name: told[0][name] for name in ("verdict", "stars", "note")} == {
        "verdict": "keep",
        "stars": 4,
        "note": "<b>good</b>",
    }
    assert "verdict" not in told[1]
    text = (studio.output / "index.html").read_text("utf-8")
    run = json.loads(text.partition('id="run">')[2].partition("</script>")[0])
    assert [card.get("verdict", "") for card in run["cards"]] == ["keep", ""]
    assert "<b>good" not in text
    batch(studio)  # the same again: a report of its own
    told = json.loads((studio.output / "report.json").read_text("utf-8"))["jobs"]
    assert (told[0]["verdict"], told[0]["stars"]) == ("keep", 4)


def test_a_batch_can_be_watched_and_judged_while_it_runs(studio: Any, photos: Any) -> None:
    studio.emulator.seconds = 0.4
    studio.furnish(["in the snow", "at night"], photos[:4])
    with opened(studio, "--watch", "--concurrency", "1") as (process, page):
        studio.wait_until(lambda: page.get("state")["total"] >= 2, 30)
        state = page.get("state")
        assert (state["run"]["state"], state["run"]["total"], state["run"]["kind"]) == ("running", 8, "batch")
        page.judge({page.pictures()[0]["id"]: "keep"})
        studio.wait_until(lambda: page.get("state")["run"]["state"] == "ended", 30)
        run = page.get("state")["run"]
        assert (run["done"], run["credits"], page.get("state")["total"]) == (8, 3520, 8)
        assert process.poll() is None  # it is looked at
        studio.wait_until((studio.output / "index.html").exists)
        process.terminate()
        process.wait(20)
    told = json.loads((studio.output / "report.json").read_text("utf-8"))["jobs"]
    assert [job.get("verdict", "") for job in told].count("keep") == 1


def test_stop_on_the_page_stops_the_batch(studio: Any, photos: Any) -> None:
    studio.emulator.seconds = 0.5
    studio.furnish(["in the snow"], photos)
    with opened(studio, "--watch", "--concurrency", "1") as (process, page):
        studio.wait_until(lambda: page.get("state")["total"] >= 1, 30)
        assert page.post("stop") == {"stopped": True}
        studio.wait_until(lambda: page.get("state")["run"]["state"] == "ended", 30)
        assert page.get("state")["run"]["stopped"] >= 1
        made = len(studio.emulator.tasks)
        assert made < 8
        process.terminate()
        process.wait(20)
    assert len(studio.emulator.tasks) == made


def test_with_json_the_address_stands_on_stderr(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow"], photos[:1])
    process = studio.command("--watch", "--json", *OPTIONS)
    assert process.stderr.readline().startswith("http://127.0.0.1:")
    out, _ = process.communicate(timeout=60)  # nobody looks: it ends by itself
    assert json.loads(out)["succeeded"] == 1 and process.returncode == 0


def test_a_batch_without_a_page_knows_verdicts_of_before(studio: Any, ledger: Ledger, photos: Any) -> None:
    studio.furnish(["in the snow"], photos[:1])
    batch(studio)
    (task,) = studio.emulator.tasks
    judge(ledger, {f"{task}/1": Verdict("reject", note="no")})
    batch(studio)
    (job,) = json.loads((studio.output / "report.json").read_text("utf-8"))["jobs"]
    assert (job["verdict"], job["note"]) == ("reject", "no")
