"""What a row leaves open, its variables, the names of its files, and all that can be wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grsai.errors import WrongJob, WrongSheet
from grsai.jobs import plan as plan_of_1_0
from grsai.models import Catalogue
from grsai.pictures import Reference
from grsai.sheets import Given, Wish, planned
from grsai.sheets.variables import fill
from tests.sheets.conftest import Plan

MODELS = Catalogue()


def wishes(*prompts: str, image: Reference | None = None) -> list[Wish]:
    return [Wish(image=image, prompt=prompt) for prompt in prompts]


def given(**options: Any) -> Given:
    return Given(MODELS, **{"model": "nano-banana-fast", **options})


def faults(told: pytest.ExceptionInfo[WrongSheet]) -> list[tuple[int, str]]:
    return [(row, str(error)) for row, error in told.value.faults]


# Without a sheet


def test_without_a_sheet_the_jobs_are_those_of_1_0(photos: tuple[Reference, ...]) -> None:
    prompts = ["red", "red", ' {"a": {"b": 1}} ', "{{stem}} {word}", "{", "}{"]
    before = plan_of_1_0(prompts, photos, model=MODELS["nano-banana-fast"], seed=3)
    now = planned([wish for photo in photos for wish in wishes(*prompts, image=photo)], given(seed=3)).jobs
    assert [(job.fingerprint, job.stem(), job.task) for job in now] == [(job.fingerprint, job.stem(), job.task) for job in before]
    assert [job.prompt for job in now] == [job.prompt for job in before]


def test_a_prompt_that_uses_a_variable_is_filled_and_only_that_one(photos: tuple[Reference, ...]) -> None:
    said = ("{stem} {{stem}}", "{{stem}}", "{name} of {folder}, {n}", '{"{stem}": {n}}')
    jobs = planned(wishes(*said, image=photos[0]), given()).jobs
    assert [job.prompt for job in jobs] == ["astronaut {stem}", "{{stem}}", "astronaut.jpg of image, 3", '{"astronaut": 4}']


def test_without_a_picture_there_is_no_stem_to_fill_in() -> None:
    assert [job.prompt for job in planned(wishes("{stem} {n}"), given()).jobs] == ["{stem} 1"]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{sku}", "S1"),
        ("{SKU} { sku }", "S1 S1"),
        ("{颜色}", "红"),
        ("{product name}", "bag"),
        ("{{sku}}", "{sku}"),
        ("{{{sku}}}", "{{sku}}"),
        ("{{any}}", "{any}"),
        ("{any}", "{any}"),
        ("{{a b}} {} {{}} { } {", "{{a b}} {} {{}} { } {"),
        ('{"sku": {"x": "{sku}"}}', '{"sku": {"x": "S1"}}'),
        ("{braces}", "{sku}"),
        ("a\\{sku}", "a\\S1"),
    ],
)
def test_braces_mean_a_variable_only_around_its_name(text: str, filled: str) -> None:
    assert fill(text, {"sku": "S1", "颜色": "红", "product_name": "bag", "braces": "{sku}"}) == filled


# What a row leaves open


def test_what_a_row_leaves_open_is_given_and_what_it_says_counts(plan: Plan) -> None:
    rows = (["red", "", "", ""], ["blue", "nano-banana-pro", "16:9", "7"])
    first, second = plan("prompt model aspect_ratio seed", *rows, model="nano-banana-2", image_size="2K", seed=5)
    assert (first.model.id, first.aspect_ratio, first.image_size, first.seed) == ("nano-banana-2", "auto", "2K", 5)
    assert (second.model.id, second.aspect_ratio, second.image_size, second.seed) == ("nano-banana-pro", "16:9", "2K", 7)


def test_rows_without_a_prompt_meet_each_prompt_that_is_given(plan: Plan) -> None:
    rows = (["photos/coffee.jpg", ""], ["photos/rocket.jpg", "own"], ["photos/hopper.jpg", ""])
    jobs = plan("image prompt", *rows, prompts=("a {stem}", "b"))
    assert [job.prompt for job in jobs] == ["a coffee", "b", "own", "a hopper", "b"]
    assert [job.prompt for job in plan("image prompt", *rows, prompts=("a", "b"), pairing="zip")] == ["a", "own", "b"]


def test_count_makes_as_many_different_pictures(plan: Plan) -> None:
    jobs = plan("prompt count name", ["red", "3", "shoe"], ["red", "1.0", ""], ["blue", "２", "{n}-{k}"])
    assert [job.variation for job in jobs] == [0, 1, 2, 3, 0, 1]
    assert [job.stem() for job in jobs] == ["shoe_1", "shoe_2", "shoe_3", "Task_4_text_1", "5-1", "6-1"]


# Variables and names


def test_a_column_wins_over_what_there_is_without_a_sheet(plan: Plan) -> None:
    rows = (
        ["photos/coffee.jpg", "{stem} {n} {name}", "other", "x", "no {name}"],
        ["photos/coffee.jpg", "{stem} {n}", "", "", "z"],
    )
    first, second = plan("image prompt stem n name", *rows)
    assert (first.prompt, first.stem()) == ("other x no {name}", "no coffee.jpg")
    assert (second.prompt, second.stem()) == ("coffee 2", "z")


def test_what_comes_back_is_no_variable(plan: Plan) -> None:
    assert plan("prompt status file", ["{status} {file}", "failed", "x.png"])[0].prompt == "{status} {file}"


def test_an_empty_cell_is_an_empty_text(plan: Plan) -> None:
    assert plan("prompt sku", ["a {sku}-bag", ""])[0].prompt == "a -bag"


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("", ["Task_1_coffee_1", "Task_2_rocket_1"]),
        ("{stem}", ["coffee", "rocket"]),
        ("{n}-{model}-{k}", ["1-nano-banana-fast-1", "2-nano-banana-fast-1"]),
        ("x_{k}", ["x_1", "x_2"]),
        ("{sku}", ["a_b", "_CON"]),
        ("{folder}/{stem}", ["photos_coffee", "photos_rocket"]),
        ("../../{stem}", ["_.._coffee", "_.._rocket"]),
        ("{{k}} {unknown} {n}", ["{k} {unknown} 1", "{k} {unknown} 2"]),
        ("照片 {n}\n", ["照片 1", "照片 2"]),
        ("{n}\u202egnp.exe", ["1gnp.exe", "2gnp.exe"]),
    ],
)
def test_a_template_names_the_files_safely(plan: Plan, template: str, names: list[str]) -> None:
    rows = (["photos/coffee.jpg", "red", "a/b"], ["photos/rocket.jpg", "red", "CON"])
    assert [job.stem() for job in plan("image prompt sku", *rows, template=template)] == names


def test_a_very_long_name_is_cut_to_what_every_system_takes(plan: Plan) -> None:
    [latin, chinese] = plan("prompt name", ["red", "x" * 500], ["blue", "照" * 500])
    assert (len(latin.stem()), chinese.stem()) == (80, "照" * 40)


@pytest.mark.parametrize("pair", [("shoe", "shoe"), ("Shoe", "sHOE"), ("é", "e\u0301"), ("a:b", "a?b"), ("x" * 90, "x" * 99)])
def test_names_that_some_system_takes_for_equal_are_told_before_paying(plan: Plan, pair: tuple[str, str]) -> None:
    with pytest.raises(WrongSheet) as told:
        plan("prompt name", ["red", pair[0]], ["blue", "other"], ["green", pair[1]])
    [(row, said)] = faults(told)
    assert row == 4 and "is that of row 2, too. With {n} or {k} in it names differ." in said


def test_equal_names_without_a_sheet_are_told_too(photos: tuple[Reference, ...]) -> None:
    with pytest.raises(WrongJob, match=r"Two pictures would be called astronaut\. With \{n\} or \{k\} in --name"):
        planned(wishes("a", "b", image=photos[0]), given(template="{stem}"))


def test_a_name_that_is_like_one_without_a_template_is_told(plan: Plan) -> None:
    with pytest.raises(WrongSheet, match="Its name Task_1_text_1 is that of row 2, too"):
        plan("prompt name", ["red", ""], ["blue", "Task_1_text_1"])


# What is wrong


def test_all_faults_of_all_rows_are_told_together(plan: Plan) -> None:
    columns = "image references prompt model aspect_ratio image_size quality seed count"
    with pytest.raises(WrongSheet) as told:
        plan(
            columns,
            ["photos/gone.jpg", "also/gone.png|photos/coffee.jpg", "red", "", "", "", "", "", ""],
            ["", "", "fine", "", "", "", "", "", ""],
            ["jobs.csv", "", "red", "", "", "", "", "", ""],
            ["", "", "", "", "", "", "", "", ""],
            ["photos/coffee.jpg", "", "", "", "", "", "", "x", "0"],
            ["", "", "red", "nano-bannana-2", "", "", "", "", "-1"],
            ["", "", "red", "nano-banana-2", "7:8", "9K", "high", "2147483648", "100000"],
            ["", "", "\u200b", "", "", "", "", "1.5", ""],
            ["", "|".join(["photos/coffee.jpg"] * 15), "red", "", "", "", "", "", ""],
            ["", "", "red, without quotation marks", "", "", "", "", "", "", "one more"],
        )
    said = faults(told)
    assert [row for row, _ in said] == [2, 2, 4, 6, 6, 6, 7, 7, 8, 8, 8, 8, 8, 9, 9, 10, 11]
    for row, text in (
        (2, "There is no file photos/gone.jpg"),
        (2, "There is no file also/gone.png"),
        (4, "jobs.csv is no picture that can be read"),
        (6, "It has no prompt. Write one, or give prompts for all with --prompts."),
        (6, "count can be 1 to 1000, not 0."),
        (6, "seed can be 0 to 2147483647, not x."),
        (7, "did you mean nano-banana-2?"),
        (8, "nano-banana-2 has no ratio 7:8."),
        (8, "nano-banana-2 has no size 9K."),
        (8, "nano-banana-2 takes no quality."),
        (9, "seed can be 0 to 2147483647, not 1.5."),
        (9, "The prompt is empty."),
        (10, "15 pictures are too many for one job"),
        (11, "It has more cells than the first row has names"),
    ):
        assert any(number == row and text in each for number, each in said), (row, text)
    assert "has faults (17). Nothing was sent" in str(told.value)
    assert "第 11 行" in told.value.say("zh")


def test_a_column_that_is_nearly_called_prompt_is_asked_after(plan: Plan) -> None:
    with pytest.raises(WrongSheet, match="has no column prompt. Is it promt?"):
        plan("image promt", ["photos/coffee.jpg", "red"])


@pytest.mark.parametrize("columns", ["prompt sku", "sku prompt"])
def test_a_formula_that_failed_is_never_paid_for(plan: Plan, columns: str) -> None:
    rows = (["#N/A", "{sku}"], ["fine", "#REF!"])
    with pytest.raises(WrongSheet, match="a formula in it failed"):
        plan(columns, *rows)
    assert plan("prompt price", ["red", "#DIV/0!"])[0].prompt == "red"


def test_a_plan_without_end_is_refused(plan: Plan) -> None:
    with pytest.raises(WrongJob, match="more than 100,000 pictures"):
        plan("prompt count", *[["red", "1000"]] * 101)


def test_paths_follow_links_and_lead_upwards_as_their_user_may(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "photos" / "link.jpg").symlink_to(tmp_path / "photos" / "coffee.jpg")
    absolute = str(tmp_path / "photos" / "rocket.jpg")
    rows = (
        [f"../{tmp_path.name}/photos/coffee.jpg", "a"],
        ["photos/link.jpg", "b"],
        [absolute, "c"],
        ["photos\\hopper.jpg", "d"],
    )
    jobs = plan("image prompt", *rows)
    assert [job.references[0].name for job in jobs] == ["coffee", "link", "rocket", "hopper"]
