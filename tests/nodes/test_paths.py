"""What a workflow says about files stays inside ComfyUI's own folders."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def places(pack: Any, place: Path) -> ModuleType:
    return importlib.import_module("banana_pack.nodes.paths")


OUTSIDE = [
    "..",
    "../secret",
    "image/../../secret",
    "image\\..\\..\\secret",
    "/etc",
    "\\etc",
    "//server/share",
    "\\\\server\\share",
    "\\\\?\\C:\\x",
    "C:",
    "c:/windows",
    "C:windows",
    "~/pictures",
    "image:stream",
    "con",
    "NUL.txt",
    "image/aux",
    "COM1",
    "lpt9.png",
    "conin$",
    "image/a\x00b",
    "image/what?",
    "image/ends with dot.",
    "image/ ..",
    "...",
]


@pytest.mark.parametrize("told", OUTSIDE)
def test_what_could_lead_outside_is_refused(places: ModuleType, place: Path, told: str):
    with pytest.raises(Exception, match="absolute|cannot be used"):
        places.inside(place / "input", told)


@pytest.mark.parametrize("told", OUTSIDE)
def test_no_picture_is_written_outside_of_output(places: ModuleType, told: str):
    with pytest.raises(Exception, match="absolute|cannot be used"):
        places.output_place(f"{told}/Task")


@pytest.mark.parametrize(
    ("told", "below"),
    [("image", "image"), ("a/b c", "a/b c"), ("a\\b", "a/b"), ("./a//b/", "a/b"), ("", "."), ("圖片", "圖片"), (".h", ".h")],
)
def test_folders_inside_are_taken_as_any_system_writes_them(places: ModuleType, place: Path, told: str, below: str):
    assert places.inside(place / "input", told) == place / "input" / below


def test_links_are_refused(places: ModuleType, place: Path, tmp_path: Path):
    (tmp_path / "secret").mkdir()
    try:
        (place / "input" / "link").symlink_to(tmp_path / "secret", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    for told in ("link", "link/below"):
        with pytest.raises(Exception, match="link"):
            places.inside(place / "input", told)


def test_an_input_folder_that_is_itself_a_link_is_the_users_choice(places: ModuleType, tmp_path: Path):
    (tmp_path / "real" / "image").mkdir(parents=True)
    try:
        (tmp_path / "linked").symlink_to(tmp_path / "real", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    assert places.inside(tmp_path / "linked", "image") == tmp_path / "linked" / "image"


@pytest.mark.parametrize(
    ("prefix", "folder", "stem"),
    [("banana/Task", "banana", "Task"), ("Task", ".", "Task"), ("a/b/", "a/b", "Task"), ("", ".", "Task"), ("a\\x", "a", "x")],
)
def test_a_prefix_is_a_folder_and_a_beginning(places: ModuleType, place: Path, prefix: str, folder: str, stem: str):
    assert places.output_place(prefix) == (place / "output" / folder, stem)


def test_only_files_of_comfyui_are_shown(places: ModuleType, place: Path, tmp_path: Path):
    assert places.view_of(place / "output" / "a" / "b.png") == {"filename": "b.png", "subfolder": "a", "type": "output"}
    assert places.view_of(place / "input" / "b.png") == {"filename": "b.png", "subfolder": "", "type": "input"}
    assert places.view_of(tmp_path / "user" / "b.png") is None


def test_the_demo_is_placed_once(places: ModuleType, place: Path):
    places.place_demo()
    text = place / "input" / "banana_demo" / "text" / "text.txt"
    text.write_text("mine", "utf-8")
    places.place_demo()
    assert text.read_text("utf-8") == "mine"
    assert len(list((place / "input" / "banana_demo" / "image").iterdir())) == 8
