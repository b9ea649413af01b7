"""BatchBanana and LoadBananaFolder, called as ComfyUI calls them, against the emulator."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
PHOTOS = Path(__file__).resolve().parents[2] / "grsai" / "demo" / "image"


def picture(value: float = 0.5, height: int = 32, width: int = 48) -> Any:
    return torch.full((1, height, width, 3), value)


def errors(graph: Any) -> Any:
    return graph.module("grsai.errors")


def test_every_picture_meets_every_prompt_in_the_order_of_the_plan(graph: Any):
    pictures = [picture(0.2, 40, 60), picture(0.8, 60, 40)]
    out = graph.batch("red\n\nblue\n", images=pictures, names=["cat", "dog"])
    made, files, report, _ = out.result
    names = ["Task_1_cat_1", "Task_2_cat_1", "Task_3_dog_1", "Task_4_dog_1"]
    assert [Path(file).stem for file in files] == names
    assert [file["filename"] for file in out.ui["images"]] == [f"{name}.png" for name in names]
    assert {(file["subfolder"], file["type"]) for file in out.ui["images"]} == {("banana", "output")}
    assert [each.shape[1] > each.shape[2] for each in made] == [False, False, True, True]
    assert sorted(task.prompt for task in graph.emulator.tasks.values()) == ["blue", "blue", "red", "red"]
    assert graph.emulator.count("upload") == 2
    assert "4 of 4" in report


def test_pictures_and_prompts_pair_one_to_one(graph: Any):
    _, files, *_ = graph.batch("red\nblue", images=torch.cat([picture(0.1), picture(0.9)]), pairing="zip").result
    assert [Path(file).stem for file in files] == ["Task_1_image_1_1", "Task_2_image_2_1"]


def test_unequal_lists_do_not_pair_one_to_one(graph: Any):
    with pytest.raises(errors(graph).WrongJob, match="2 pictures and 1 prompts"):
        graph.batch("red", images=[picture(0.1), picture(0.9)], pairing="zip")
    assert not graph.emulator.received


def test_prompts_alone_are_a_batch(graph: Any):
    assert len(graph.batch("red\nblue").result[0]) == 2


def test_prompts_may_come_as_a_list(graph: Any):
    graph.batch(["red\nblue", "green"])
    assert {task.prompt for task in graph.emulator.tasks.values()} == {"red", "blue", "green"}


def test_shared_references_go_along_behind_the_picture(graph: Any):
    graph.batch("red", images=picture(0.1), **{"references.image_1": [picture(0.5)], "references.image_2": [picture(0.9)]})
    [task] = graph.emulator.tasks.values()
    assert len(task.urls) == 3


def test_a_second_run_sends_nothing(graph: Any):
    first = graph.batch("red\nblue", images=[picture(0.1), picture(0.2)])
    before = len(graph.emulator.received)
    second = graph.batch("red\nblue", images=[picture(0.1), picture(0.2)])
    assert first.result[1] == second.result[1]
    assert len(graph.emulator.received) == before


def test_one_changed_picture_pays_for_one(graph: Any):
    graph.batch("red", images=[picture(0.1), picture(0.2), picture(0.3)])
    graph.batch("red", images=[picture(0.1), picture(0.9), picture(0.3)])
    assert graph.emulator.count("submit") == 4


def test_one_failure_stops_nothing_and_is_in_the_report(graph: Any):
    made, files, report, _ = graph.batch("red\n[input_moderation] bad\nblue").result
    assert [Path(file).stem for file in files] == ["Task_1_text_1", "Task_3_text_1"]
    assert len(made) == 2
    assert "Task_2_text" in report and "moderation" in report


def test_asked_to_stop_it_stops_at_the_first_failure_and_says_what_is_kept(graph: Any):
    prompts = "\n".join(["1", "2", "[input_moderation] 3", *map(str, range(4, 20))])
    with pytest.raises(errors(graph).Moderated, match=r"\d of 19 pictures are made and kept"):
        graph.batch(prompts, on_failure="stop", concurrency=1)
    assert graph.emulator.count("submit") <= 4  # the one after it may have been on its way
    assert len(graph.files) == graph.emulator.count("submit") - 1


def test_a_batch_that_made_nothing_is_an_error(graph: Any):
    with pytest.raises(errors(graph).Moderated, match="none of the 2 pictures"):
        graph.batch("[input_moderation] 1\n[input_moderation] 2")


def test_more_than_the_budget_is_not_begun(graph: Any):
    with pytest.raises(errors(graph).OverBudget, match="¥"):
        graph.batch("1\n2\n3", budget=0.1)
    assert graph.emulator.count("submit") == 0


def test_concurrency_is_kept(graph: Any):
    graph.emulator.seconds = 0.2
    graph.batch("\n".join(str(number) for number in range(8)), concurrency=2)
    assert graph.emulator.peak_open == 2


def test_a_prefix_names_folder_and_files(graph: Any):
    graph.batch("red", filename_prefix="shop\\spring/Look")
    assert graph.files == ["shop/spring/Look_1_text_1.png"]


@pytest.mark.parametrize("prefix", ["../Task", "/tmp/Task", "C:\\Task", "a/../../Task", "banana/nul"])
def test_a_prefix_that_leads_outside_is_refused(graph: Any, prefix: str):
    with pytest.raises(errors(graph).OutputError, match="absolute|cannot be used"):
        graph.batch("red", filename_prefix=prefix)
    assert not graph.emulator.received


def test_a_folder_that_is_a_link_is_refused(graph: Any, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (graph.base / "output" / "shop").mkdir()
    link(graph.base / "output" / "shop" / "banana", tmp_path / "elsewhere")
    with pytest.raises(errors(graph).GrsaiError, match="link"):
        graph.batch("red", filename_prefix="shop/banana/Task")
    assert not graph.emulator.received


def test_the_first_folder_below_output_may_be_a_link_as_output_itself_may(graph: Any, tmp_path: Path):
    (tmp_path / "nas").mkdir()
    link(graph.base / "output" / "banana", tmp_path / "nas")
    out = graph.batch("red")
    graph.generate("blue")
    assert len(list((tmp_path / "nas").glob("*.png"))) == 2
    assert out.ui["images"] == [{"filename": "Task_1_text_1.png", "subfolder": "banana", "type": "output"}]


def test_a_link_that_leads_nowhere_is_refused_before_anything_is_paid(graph: Any, tmp_path: Path):
    link(graph.base / "output" / "banana", tmp_path / "gone")
    with pytest.raises(errors(graph).OutputError, match="not there"):
        graph.batch("red")
    assert not graph.emulator.received


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")


def test_an_unwritable_output_is_refused_before_anything_is_paid(graph: Any):
    (graph.base / "output" / "banana").write_text("a file where the folder should be", "utf-8")
    with pytest.raises(errors(graph).OutputError, match="cannot be written"):
        graph.batch("red")
    assert not graph.emulator.received


def test_names_that_windows_forbids_become_file_names(graph: Any):
    _, [file], *_ = graph.batch("red", images=picture(), names=['a<b>:"c"|d?*']).result
    assert Path(file).name == "Task_1_a_b___c__d___1.png"


def test_two_pictures_of_one_name_both_stay(graph: Any):
    _, files, *_ = graph.batch("red", images=[picture(0.1), picture(0.9)], names=["cat", "cat"]).result
    assert len(set(files)) == 2


@pytest.mark.parametrize("names", [["cat", "", "dog"], ["cat\n\ndog"], ["cat\r\n \r\ndog\r\n"]])
def test_an_empty_name_does_not_shift_the_others(graph: Any, names: list[str]):
    _, files, *_ = graph.batch("red", images=picture().repeat(3, 1, 1, 1), names=names).result
    assert [Path(file).stem for file in files] == ["Task_1_cat_1", "Task_2_image_2_1", "Task_3_dog_1"]


@pytest.mark.parametrize("names", [["cat"], ["cat", "dog", "cow"], ["", "dog", "cow"]])
def test_names_for_another_number_of_pictures_are_refused(graph: Any, names: list[str]):
    with pytest.raises(errors(graph).WrongJob, match=rf"{len(names)} names for 2 pictures"):
        graph.batch("red", images=picture().repeat(2, 1, 1, 1), names=names)
    assert not graph.emulator.received


@pytest.mark.parametrize("names", [[""], ["", ""], ["\n"]])
def test_names_that_are_all_empty_are_none(graph: Any, names: list[str]):
    _, files, *_ = graph.batch("red", images=picture().repeat(2, 1, 1, 1), names=names).result
    assert [Path(file).stem for file in files] == ["Task_1_image_1_1", "Task_2_image_2_1"]


def test_offline_the_report_says_what_it_would_cost_and_not_that_it_was_paid(graph: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GRSAI_BASE_URL")
    graph.module("nodes.panel").change_panel({"host": "offline"})
    report = graph.batch("red").result[2]
    assert "Would have cost: 440 credits (¥0.044)" in report and "Paid" not in report


def test_a_fresh_folder_node_finds_the_demo(graph: Any):
    graph.module("nodes.paths").place_demo()
    defaults = {each.id: each.default for each in graph.node("LoadBananaFolder").GET_SCHEMA().inputs}
    pictures, names, prompts, report, _ = graph.run("LoadBananaFolder", **defaults).result
    assert len(pictures) == len(names) == 8 and prompts
    assert report == "Pictures: 8 · prompts: 2"


def test_what_is_left_out_of_a_folder_is_said_with_its_reason(graph: Any):
    folder = graph.base / "input" / "image"
    (folder / "more").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "IMG_1.HEIC"):
        (folder / name).write_bytes((PHOTOS / "coffee.jpg").read_bytes())
    (folder / "b.jpg").write_bytes((PHOTOS / "coffee.jpg").read_bytes()[:500])
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (folder / name).write_bytes(b"the system's")
    link(folder / "c.jpg", folder / "a.jpg")
    out = graph.run("LoadBananaFolder", folder="image", prompts_file="")
    assert out.result[1] == ["a"]
    report = out.result[3]
    assert report.splitlines()[0] == "Pictures: 1 · prompts: 0"
    assert all(
        part in report
        for part in ("b.jpg is no picture", "c.jpg is a link", "of a kind that is not read: IMG_1.HEIC", "folders in it: more")
    )
    assert out.ui["text"] == [report]


def test_a_folder_of_unreadable_pictures_names_them_all(graph: Any):
    folder = graph.base / "input" / "image"
    folder.mkdir()
    for name in ("a.jpg", "b.png"):
        (folder / name).write_bytes(b"no picture")
    with pytest.raises(errors(graph).BadPicture) as refused:
        graph.run("LoadBananaFolder", folder="image", prompts_file="")
    assert "a.jpg" in str(refused.value) and "b.png" in str(refused.value)


def test_a_folder_is_read_in_natural_order_with_names_and_prompts(graph: Any):
    folder = graph.base / "input" / "image"
    folder.mkdir()
    for name, source in (("10", "coffee"), ("2", "rocket"), ("1", "hopper")):
        (folder / f"{name}.jpg").write_bytes((PHOTOS / f"{source}.jpg").read_bytes())
    (folder / "notes.txt").write_text("no picture", "utf-8")
    (graph.base / "input" / "text").mkdir()
    (graph.base / "input" / "text" / "text.txt").write_text("\ufeffred\r\n\r\n蓝色\r\n", "utf-8")
    pictures, names, prompts, *_ = graph.run("LoadBananaFolder", folder="image", prompts_file="text/text.txt").result
    assert names == ["1", "2", "10"]
    assert prompts == "red\n蓝色"
    assert all(each.ndim == 4 and each.shape[-1] == 3 for each in pictures)
    assert len({tuple(each.shape) for each in pictures}) > 1


def test_no_prompts_file_gives_no_prompts(graph: Any):
    (graph.base / "input" / "image").mkdir()
    (graph.base / "input" / "image" / "a.jpg").write_bytes((PHOTOS / "coffee.jpg").read_bytes())
    assert graph.run("LoadBananaFolder", folder="image", prompts_file="").result[2] == ""


@pytest.mark.parametrize(
    ("folder", "prompts_file", "said"),
    [
        ("missing", "", "no folder"),
        ("empty", "", "no picture"),
        ("image", "missing.txt", "no file"),
        ("image", "empty.txt", "no prompt"),
        ("image", "latin.txt", "UTF-8"),
        ("image", "../user/default/comfy.settings.json", "cannot be used"),
        ("image", "/etc/passwd", "absolute"),
        ("../output", "", "cannot be used"),
        ("C:/Users", "", "absolute"),
        ("image", "NUL", "cannot be used"),
    ],
)
def test_a_wrong_folder_or_file_is_one_clear_sentence(graph: Any, folder: str, prompts_file: str, said: str):
    root = graph.base / "input"
    for name in ("empty", "image"):
        (root / name).mkdir()
    (root / "image" / "a.jpg").write_bytes((PHOTOS / "coffee.jpg").read_bytes())
    (root / "empty.txt").write_text("\n \n", "utf-8")
    (root / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(errors(graph).GrsaiError, match=said):
        graph.run("LoadBananaFolder", folder=folder, prompts_file=prompts_file)


def test_a_linked_picture_in_the_folder_is_refused(graph: Any, tmp_path: Path):
    (graph.base / "input" / "image").mkdir()
    try:
        (graph.base / "input" / "image" / "a.jpg").symlink_to(PHOTOS / "coffee.jpg")
    except OSError:
        pytest.skip("this system makes no links")
    with pytest.raises(errors(graph).GrsaiError, match="link"):
        graph.run("LoadBananaFolder", folder="image", prompts_file="")


def test_changed_files_make_the_folder_be_read_again(graph: Any):
    node = graph.node("LoadBananaFolder")
    folder = graph.base / "input" / "image"
    folder.mkdir()
    (folder / "a.jpg").write_bytes((PHOTOS / "coffee.jpg").read_bytes())
    first = node.fingerprint_inputs(folder="image", prompts_file="")
    assert first == node.fingerprint_inputs(folder="image", prompts_file="")
    os.utime(folder / "a.jpg", (1, 1))
    second = node.fingerprint_inputs(folder="image", prompts_file="")
    (folder / "b.jpg").write_bytes((PHOTOS / "rocket.jpg").read_bytes())
    assert len({first, second, node.fingerprint_inputs(folder="image", prompts_file="")}) == 3
    assert "cannot be used" in node.fingerprint_inputs(folder="..", prompts_file="")


def test_the_key_is_in_nothing_that_a_run_leaves(graph: Any):
    key = importlib.import_module("os").environ["GRSAI_API_KEY"]
    out = graph.batch("red\n[input_moderation] bad", images=picture())
    assert key not in repr(out.result[1:]) + repr(out.ui)
    assert not [path for path in graph.base.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
