"""Compare: several models and prompts on a few pictures first, then one of them on all."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from grsai.cli.inputs import spread

from .conftest import Page
from .test_watch import opened

MODELS = ("--model", "nano-banana-fast", "--model", "nano-banana-2")
OPTIONS = ("--output", "output", "--ledger", "ledger.sqlite3")


def batch(studio: Any, *arguments: str) -> tuple[int, str, str]:
    process = studio.command(*OPTIONS, *arguments)
    out, err = process.communicate(timeout=90)
    return process.returncode, out, err


def made(studio: Any) -> Counter[str]:
    return Counter(task.model for task in studio.emulator.tasks.values())


@pytest.mark.parametrize(("count", "taken"), [(1, [4]), (2, [0, 7]), (3, [0, 4, 7]), (8, list(range(8))), (99, list(range(8)))])
def test_a_sample_is_spread_over_the_folder(count: int, taken: list[int]) -> None:
    files = [Path(f"{n}.jpg") for n in range(8)]
    assert [files.index(file) for file in spread(files, count)] == taken


def test_every_model_and_prompt_runs_on_a_few_pictures(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow", "at night"], photos)
    status, out, err = batch(studio, *MODELS, "--sample", "2")
    assert status == 0, err
    assert made(studio) == {"nano-banana-fast": 4, "nano-banana-2": 4}
    told = json.loads((studio.output / "report.json").read_text("utf-8"))["compare"]
    assert (told["sample"], told["of"], len(told["columns"])) == (2, 8, 4)
    first = told["columns"][0]
    assert (first["model"], first["prompt"], first["made"], first["yuan"]) == ("nano-banana-fast", "in the snow", 2, 0.044)
    assert first["whole"] == {"pictures": 8, "credits": 3520, "yuan": 0.352}
    assert first["command"] in out and "Compared on 2 of 8 pictures." in out


def test_the_printed_command_runs_the_winner_on_all_and_pays_only_the_others(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow", "at night"], photos)
    assert batch(studio, *MODELS, "--sample", "2", "--aspect-ratio", "4:3")[0] == 0
    told = json.loads((studio.output / "report.json").read_text("utf-8"))["compare"]["columns"]
    (winner,) = [each for each in told if (each["model"], each["prompt"]) == ("nano-banana-2", "at night")]
    words = shlex.split(winner["command"])
    assert words[:3] == ["python", "-m", "grsai"]
    process = studio.command(*words[3:])
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert made(studio) == {"nano-banana-fast": 4, "nano-banana-2": 4 + 6}
    assert {task.prompt for task in list(studio.emulator.tasks.values())[8:]} == {"at night"}


def test_one_model_goes_on_as_before(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow"], photos[:2])
    status, out, _ = batch(studio, "--model", "nano-banana-2")
    assert status == 0 and made(studio) == {"nano-banana-2": 2}
    assert "compare" not in json.loads((studio.output / "report.json").read_text("utf-8"))
    assert sorted(path.name for path in studio.output.glob("*.png"))[0].startswith("Task_1_")


def test_one_prompt_takes_the_place_of_the_list(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow", "at night"], photos[:2])
    assert batch(studio, "--prompt", "in the rain")[0] == 0
    assert {task.prompt for task in studio.emulator.tasks.values()} == {"in the rain"}


@pytest.mark.parametrize(
    "wrong",
    [("--sample", "0"), ("--sample", "x"), ("--sample=-1",), (*MODELS, "--pairing", "zip"), (*MODELS, "--jobs", "jobs.csv"),
     (*MODELS, "--model", "nano-bananas"), ("--prompt", " ")],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_and_nothing_sent(studio: Any, photos: Any, wrong: tuple[str, ...]) -> None:
    studio.furnish(["in the snow"], photos[:2])
    status, _, err = batch(studio, *wrong)
    assert status == 2 and err
    assert not studio.emulator.tasks


# On the page


def test_the_page_has_rows_columns_and_a_tally(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow"], photos)
    assert batch(studio, *MODELS, "--sample", "3")[0] == 0
    with opened(studio, "review") as (_, page):
        assert page.get("state")["compare"] is True
        cards = {card["id"]: card for card in page.pictures()}
        page.judge({id: "keep" for id, card in cards.items() if card["model"] == "nano-banana-2"})
        said = page.get("compare")
        assert [column["model"] for column in said["columns"]] == ["nano-banana-fast", "nano-banana-2"]
        assert [(column["kept"], column["open"], column["pictures"]) for column in said["columns"]] == [(0, 3, 3), (3, 0, 3)]
        assert said["columns"][1]["whole"] == {"pictures": 8, "credits": 9600, "yuan": 0.96, "price": "¥0.96"}
        assert (said["sample"], said["of"], len(said["rows"])) == (3, 8, 3)
        for row in said["cells"]:
            assert [[cards[id]["model"] for id in cell] for cell in row] == [["nano-banana-fast"], ["nano-banana-2"]]
        assert all(page.ask(row["before_small"])[0] == 200 for row in said["rows"])


def test_the_button_runs_the_winner_on_all_at_the_price_that_was_shown(studio: Any, photos: Any) -> None:
    studio.furnish(["in the snow"], photos)
    assert batch(studio, *MODELS, "--sample", "3")[0] == 0
    with opened(studio, "review") as (_, page):
        column = page.get("compare")["columns"][1]
        said = page.post("compare/estimate", column=column["id"])
        assert (said["pictures"], said["reused"], said["new"], said["price"]) == (8, 3, 5, "¥0.60")
        assert sum(made(studio).values()) == 6
        page.post("make", ticket=said["ticket"])
        studio.wait_until(lambda: page.get("state")["run"]["state"] == "ended", 30)
        assert made(studio) == {"nano-banana-fast": 3, "nano-banana-2": 8}
        assert page.get("state")["total"] == 11
    told = json.loads((studio.output / "report.json").read_text("utf-8"))
    assert (told["total"], told["succeeded"], told["reused"]) == (8, 8, 3)


def test_a_column_that_there_is_not_is_not_priced(page: Page) -> None:
    assert page.get("compare")["columns"] == [] or page.get("compare")["sample"] is None
    assert page.ask("compare/estimate", {"column": "0" * 12})[0] == 404
