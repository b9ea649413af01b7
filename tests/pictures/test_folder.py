"""What a folder holds: pictures to work on, and what is left out and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grsai.pictures import list_pictures, look_at


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"x")


def test_every_kind_that_is_read_is_found(tmp_path: Path) -> None:
    names = ["1.jpg", "2.JPEG", "3.jfif", "4.jpe", "5.png", "6.webp", "7.bmp", "8.gif", "9.tif", "10.TIFF", "11.avif"]
    put(tmp_path, *names)
    assert [path.name for path in list_pictures(tmp_path)] == names


def test_what_is_left_out_is_named_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path, "photo.jpg", "IMG_1.HEIC", "notes.txt", "photo.CR2", "no_suffix")
    (tmp_path / "more").mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = look_at(tmp_path)
    assert [path.name for path in found.files] == ["photo.jpg"]
    assert [(each.name, each.why) for each in found.left_out] == [
        ("gone.png", "link"), ("IMG_1.HEIC", "kind"), ("more", "folder"), ("no_suffix", "kind"), ("notes.txt", "kind"),
        ("photo.CR2", "kind"),
    ]  # fmt: skip
    assert [str(notice) for notice in found.notices()] == [
        "Left out, of a kind that is not read: IMG_1.HEIC, no_suffix, notes.txt, photo.CR2. Save them as JPEG or PNG.",
        "Left out, links that lead nowhere: gone.png.",
        "Left out, folders in it: more. Name one of them to use its pictures.",
    ]


def test_many_names_are_not_all_listed(tmp_path: Path) -> None:
    put(tmp_path, *(f"{number}.heic" for number in range(100)))
    (notice,) = look_at(tmp_path).notices()
    assert "0.heic, 1.heic" in str(notice) and "… (100)" in str(notice) and len(str(notice)) < 200


@pytest.mark.parametrize("name", ["Thumbs.db", "desktop.ini", ".DS_Store", "._a.jpg", "Icon\r", "~$a.png", ".a.png.0123.part"])
def test_what_systems_put_there_is_passed_over_without_a_word(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    assert look_at(tmp_path) == ((), ())


def test_what_was_made_here_is_no_material(tmp_path: Path) -> None:
    put(tmp_path, "photo.jpg", "Task_1_photo_1.png", "Task_1_photo_1 (2).png", "Task_12_photo_3.webp", "told.png", "known.png")
    put(tmp_path, "contact_sheet.jpg", "index.html")
    (tmp_path / "thumbnails").mkdir()
    jobs = [{"file": "told.png"}, {"file": None}, {"file": "../a/photo.jpg"}]
    (tmp_path / "report.json").write_text(json.dumps({"jobs": jobs}))
    found = look_at(tmp_path, is_result=lambda path: path == tmp_path / "known.png")
    assert [path.name for path in found.files] == ["photo.jpg"]
    assert {each.why for each in found.left_out} == {"ours"}
    (notice,) = found.notices()
    assert "Task_1_photo_1.png" in str(notice) and "contact_sheet.jpg" in str(notice) and "index.html" not in str(notice)


def test_results_that_were_copied_elsewhere_are_material_again(tmp_path: Path) -> None:
    put(tmp_path, "Task_1_photo_1.png", "Task_2_text_1.png", "Task_3.png")
    assert len(look_at(tmp_path).files) == 3


@pytest.mark.parametrize("report", ["", "[]", "{}", '{"jobs": 3}', '{"jobs": [1, {}]}', "\x00", "9" * 9000])
def test_a_report_that_is_none_is_no_trouble(tmp_path: Path, report: str) -> None:
    put(tmp_path, "a.png")
    (tmp_path / "report.json").write_text(report)
    assert [path.name for path in list_pictures(tmp_path)] == ["a.png"]


def test_a_link_that_leads_to_itself_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    assert look_at(tmp_path).left_out == (("loop.png", "link"),)


def test_a_link_to_a_picture_is_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    put(tmp_path / "elsewhere", "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    assert [path.name for path in list_pictures(tmp_path)] == ["b.png"]
