"""The sidebar tab in the real frontend, over a ledger of 5,000 pictures."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grsai.emulator import Emulator
from grsai.ledger import service_of
from tests.comfy import PACK, Comfy

KEY = "sk-" + "0123456789abcdef" * 2
ENTRIES = 5000
PICTURES = ("astronaut.jpg", "coffee.jpg", "chelsea.jpg")


@pytest.fixture(scope="module")
def service(frontend: Path | None) -> Iterator[Emulator]:
    with Emulator(seconds=0.2, render=False, key=KEY, credits=981_234) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def said(browse: Callable[..., Any], new_comfy: Callable[..., Comfy], service: Emulator) -> dict[str, Any]:
    """What the tab showed, step by step."""
    comfy = new_comfy(GRSAI_BASE_URL=service.url, GRSAI_API_KEY=KEY)
    comfy.get("/grsai/history")  # makes the ledger
    _fill(comfy, service.url)
    return browse("sidebar", comfy, entries=ENTRIES, prompt="[slow 4] a picture that takes its time")


def test_thousands_of_entries_are_drawn_a_few_at_a_time(said: dict[str, Any]):
    assert said["balance"] == "¥98.12"
    assert said["end"] == str(ENTRIES)
    assert said["drawn"] < 40
    assert said["seconds"] < 30


def test_the_keyboard_reaches_every_entry_and_opens_it(said: dict[str, Any]):
    assert (said["reached"], said["below"]) == ("0", "1")
    assert said["clicked"] == f"prompt {ENTRIES}"
    assert said["viewer"] == {"first": f"prompt {ENTRIES}", "second": f"prompt {ENTRIES - 1}", "back": "1"}


def test_entries_are_found_by_their_words_and_by_their_state(said: dict[str, Any]):
    assert said["found"] == {"found": "the needle of the stack", "counted": "1 found"}
    assert said["failed"] and set(said["failed"]) == {"failed"}


def test_a_prompt_is_copied_and_a_picture_becomes_a_node(said: dict[str, Any]):
    assert said["copied"] == f"prompt {ENTRIES}"
    assert said["loaded"] == {"value": "Task_0.jpg", "shown": True, "errors": [], "reloaded": []}


def test_a_dragged_picture_is_loaded_at_its_full_size(said: dict[str, Any]):
    assert dict(said["dragged"]) == {"Task_0.jpg": 512, "Task_1.jpg": 512}


def test_what_was_stopped_is_offered_and_collected(said: dict[str, Any]):
    assert said["stopped"]["name"].startswith("Nano Banana Generate #")
    assert said["collected"]["about"].startswith("Paid, but not fetched: 1.")
    assert said["collected"]["first"].startswith("[slow 4]")


def test_a_picture_is_made_again_with_another_seed_and_the_canvas_stays(said: dict[str, Any]):
    before, after = said["again"]["seeds"]
    assert before != after
    assert len(set(said["again"]["prompts"])) == 1
    assert said["again"]["canvas"] == 2


def test_a_picture_of_a_file_is_made_again_without_its_node(said: dict[str, Any], service: Emulator):
    coffee = {"filename": "banana_demo_coffee.jpg", "subfolder": "", "type": "input"}
    assert said["edited"] == {"rows": 1, "sources": [[coffee], [coffee]]}
    assert service.count("submit") == 4
    assert service.count("upload") == 1


def _fill(comfy: Comfy, url: str) -> None:
    """A history: one in seven failed, the others have one of three pictures."""
    folder = comfy.output / "banana"
    folder.mkdir(parents=True, exist_ok=True)
    files = [_put(PACK / "grsai" / "demo" / "image" / name, folder / f"Task_{k}.jpg") for k, name in enumerate(PICTURES)]
    now = time.time()
    rows = [_row(number, url, now, files) for number in range(1, ENTRIES + 1)]
    with sqlite3.connect(comfy.private / "ledger.sqlite3") as database:
        names = ", ".join(rows[0])
        marks = ", ".join(f":{name}" for name in rows[0])
        database.executemany(f"INSERT INTO tasks ({names}) VALUES ({marks})", rows)
    database.close()


def _row(number: int, url: str, now: float, files: list[Path]) -> dict[str, Any]:
    failed = number % 7 == 3
    made = now - 3 * 3600 - (ENTRIES - number) * 60
    picture = files[number % len(files)] if number < ENTRIES else files[0]
    return {
        "service": service_of(url),
        "fingerprint": f"{number:064x}",
        "state": "failed" if failed else "done",
        "task_id": f"14-{number}",
        "base_url": url,
        "model": "nano-banana-2",
        "prompt": "the needle of the stack" if number == 1234 else f"prompt {number}",
        "aspect_ratio": "1:1",
        "image_size": "2K",
        "seed": number,
        "variation": 0,
        "credits": 1200,
        "created": made,
        "submitted": made,
        "finished": made + 31,
        "reason": "error" if failed else "",
        "error": "nano-banana-2: the service failed." if failed else "",
        "files": json.dumps([] if failed else [[str(picture), picture.stat().st_size]]),
        "name": f"Task_{number}",
        "folder": str(picture.parent),
    }


def _put(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    return target
