"""The grid on a node that makes pictures, on the classic and on the Vue canvas."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.comfy import PACK, Comfy

SOURCES = sorted(f"{path.name}" for path in (PACK / "grsai" / "demo" / "image").iterdir())
FRAME = 16.0  # milliseconds


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "vue"])
def seen(browse: Callable[..., Any], comfy: Comfy, request: pytest.FixtureRequest) -> dict[str, Any]:
    return browse("grid", comfy, vue=request.param, words=uuid.uuid4().hex[:8])


def test_the_pictures_of_a_list_stand_in_its_order(seen: dict[str, Any]):
    assert seen["listed"] == SOURCES


def test_what_came_of_a_run_is_said_for_good(seen: dict[str, Any]):
    assert seen["word"].startswith("5/5 done · ")


def test_one_tile_is_made_anew_and_the_others_stay(seen: dict[str, Any]):
    assert seen["anew"] == {"label": "Make this one again · offline · free", "changed": [1], "more": 1, "nodes": 1}


def test_several_tiles_are_dragged_at_once_each_at_its_full_size(seen: dict[str, Any]):
    dragged = seen["dragged"]
    assert dragged["loaded"] == dragged["wanted"]
    assert (dragged["small"], dragged["viewers"], dragged["chosen"]) == (0, 0, 0)


def test_a_grid_stands_in_its_own_workflow_only(seen: dict[str, Any]):
    assert seen["elsewhere"] == {"there": 0, "back": 2}


def test_a_batch_inside_of_subgraphs_shows_its_pictures_outside(seen: dict[str, Any]):
    assert seen["inside"] == [[True, 1]]


def test_the_grid_is_there_again_after_the_page_was_loaded_anew(seen: dict[str, Any]):
    assert seen["reloaded"] == 2


def test_what_was_made_anew_is_in_the_grid_after_a_reload_too(seen: dict[str, Any]):
    assert seen["kept"] is True


def test_a_made_picture_that_is_dropped_on_the_canvas_brings_its_workflow(seen: dict[str, Any]):
    assert seen["dropped"] == {"suffix": "png", "loaders": 0, "nodes": 1}


def test_two_hundred_tiles_stay_smooth(seen: dict[str, Any]):
    many = seen["many"]
    assert (many["drawn"], many["touched"]) == (200, 10)
    assert many["middle"] < FRAME, many
