"""LoadBananaSheet, the jobs wire and `paired`: on the canvas the same jobs as by the command."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from grsai.models import Catalogue
from grsai.pictures import Reference
from grsai.sheets import Given, Wish, planned
from tests.sheets import twelve
from tests.sheets.conftest import plan_of

torch = pytest.importorskip("torch")
PHOTOS = Path(__file__).resolve().parents[2] / "grsai" / "demo" / "image"


def errors(graph: Any) -> Any:
    return graph.module("grsai.errors")


def fingerprints_of(graph: Any) -> list[str]:
    """Of the jobs that were made, in the order in which they were planned."""
    entries = graph.module("nodes.account").ledger().entries(limit=100)
    return [entry.fingerprint for entry in sorted(entries, key=lambda entry: entry.row)]


def test_the_rows_of_a_sheet_are_the_jobs_of_the_command(graph: Any) -> None:
    path = twelve.write(graph.base / "input" / "shop" / "jobs.csv", "GBK with semicolons")
    wire, report = graph.run("LoadBananaSheet", file="shop/jobs.csv").result
    assert report.splitlines()[:2] == ["Rows: 12 · pictures: 4", "2 · coffee · nano-banana-2 · a cup, in {颜色}; on a table"]
    _, files, said, _ = graph.batch("", jobs=wire).result
    asked = plan_of(path).jobs
    assert sorted(fingerprints_of(graph)) == sorted(job.fingerprint for job in asked)
    assert [Path(file).stem for file in files] == [job.stem() for job in asked]
    back = graph.base / "output" / "banana" / "jobs_done.csv"
    assert f"Sheet: {back}" in said
    assert back.read_text("utf-8-sig").count(";succeeded;") == 12
    graph.batch("", jobs=wire)
    assert graph.emulator.count("submit") == 12


def write(graph: Any, name: str, text: str) -> None:
    path = graph.base / "input" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def wire_of(graph: Any, text: str) -> Any:
    write(graph, "jobs.csv", text)
    return graph.run("LoadBananaSheet", file="jobs.csv").result[0]


def test_what_a_row_leaves_open_comes_from_the_node(graph: Any) -> None:
    wire = wire_of(graph, "prompt,model,aspect_ratio,sku\nred {sku},nano-banana-2,,1\n,nano-banana-fast,1:1,2\n")
    graph.batch("blue {sku}", jobs=wire, model="nano-banana-2", seed=7, **{"model.aspect_ratio": "8:1", "model.image_size": "2K"})
    red, blue = (next(task for task in graph.emulator.tasks.values() if task.prompt == name) for name in ("red 1", "blue 2"))
    assert (red.model, red.aspect_ratio, red.image_size) == ("nano-banana-2", "8:1", "2K")
    assert (blue.model, blue.aspect_ratio) == ("nano-banana-fast", "1:1")


def test_all_that_is_wrong_is_told_with_its_rows_and_nothing_is_sent(graph: Any) -> None:
    wire = wire_of(graph, "image,prompt,model\ngone.jpg,red,\n,blue,nano-bananna\n,,\nx,,,too many\n")
    with pytest.raises(errors(graph).WrongSheet) as told:
        graph.batch("", jobs=wire)
    lines = str(told.value).splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["Row 2", "Row 3", "Row 5", "Row 5", "Row 5"]
    assert not graph.emulator.received


@pytest.mark.parametrize("told", ["../user/x.jpg", "/etc/passwd", "C:\\x.jpg", "link.jpg", "a/../../x.jpg"])
def test_no_row_leads_out_of_the_input_folder(graph: Any, told: str, tmp_path: Path) -> None:
    shutil.copy(PHOTOS / "coffee.jpg", tmp_path / "x.jpg")
    (graph.base / "user" / "x.jpg").write_bytes((tmp_path / "x.jpg").read_bytes())
    try:
        (graph.base / "input" / "link.jpg").symlink_to(tmp_path / "x.jpg")
    except OSError:
        pytest.skip("this system makes no links")
    wire = wire_of(graph, f'image,prompt\n"{told}",red\n')
    with pytest.raises(errors(graph).WrongSheet, match="Row 2: "):
        graph.batch("", jobs=wire)
    assert not graph.emulator.received


def test_a_row_may_name_a_picture_of_a_folder_beside_its_own(graph: Any) -> None:
    write(graph, "a/jobs.csv", "image,prompt\n../b\\coffee.jpg,red\n")
    (graph.base / "input" / "b").mkdir()
    shutil.copy(PHOTOS / "coffee.jpg", graph.base / "input" / "b")
    wire, _ = graph.run("LoadBananaSheet", file="a/jobs.csv").result
    assert len(graph.batch("", jobs=wire).result[1]) == 1


@pytest.mark.parametrize(
    ("file", "said"), [("", "No sheet is named"), ("gone.csv", "There is no sheet"), ("../x.csv", "cannot be used")]
)
def test_a_sheet_that_is_not_there_is_one_sentence(graph: Any, file: str, said: str) -> None:
    with pytest.raises(errors(graph).GrsaiError, match=said):
        graph.run("LoadBananaSheet", file=file)


def test_a_sheet_is_read_again_when_it_or_a_picture_changed(graph: Any) -> None:
    node = graph.node("LoadBananaSheet")
    shutil.copy(PHOTOS / "coffee.jpg", graph.base / "input" / "a.jpg")
    write(graph, "jobs.csv", "image,prompt\na.jpg,red\n")
    first = node.fingerprint_inputs(file="jobs.csv")
    assert node.fingerprint_inputs(file="jobs.csv") == first
    shutil.copy(PHOTOS / "hopper.jpg", graph.base / "input" / "a.jpg")
    second = node.fingerprint_inputs(file="jobs.csv")
    write(graph, "jobs.csv", "image,prompt\na.jpg,blue\n")
    assert len({first, second, node.fingerprint_inputs(file="jobs.csv")}) == 3


def test_a_wire_of_jobs_brings_its_own_pictures(graph: Any) -> None:
    wire = wire_of(graph, "prompt\nred\n")
    with pytest.raises(errors(graph).WrongJob, match="Take the wires off images, paired"):
        graph.batch("", jobs=wire, images=torch.zeros(1, 8, 8, 3), **{"paired.image_1": [torch.zeros(1, 8, 8, 3)]})
    with pytest.raises(errors(graph).WrongJob, match="jobs takes one wire"):
        graph.batch("", jobs="red")
    assert not graph.emulator.received


# Pairs


def pictures(count: int, first: float) -> list[Any]:
    return [torch.full((1, 16, 16, 3), first + number / 100) for number in range(count)]


def test_each_picture_goes_with_its_own_partner_and_what_all_share(graph: Any) -> None:
    sockets = {"paired.image_1": pictures(3, 0.3), "paired.image_3": pictures(3, 0.6), "references.image_1": pictures(1, 0.9)}
    graph.batch("dress them", images=pictures(3, 0.1), **sockets)
    urls = [task.urls for task in graph.emulator.tasks.values()]
    assert [len(each) for each in urls] == [4, 4, 4]
    assert [len({each[place] for each in urls}) for place in range(4)] == [3, 3, 3, 1]


@pytest.mark.parametrize("count", [2, 4])
def test_a_list_of_another_length_is_refused_by_its_name(graph: Any, count: int) -> None:
    with pytest.raises(errors(graph).WrongJob, match=rf"paired.image_2 holds {count} pictures for the 3 of images"):
        graph.batch(
            "red", images=pictures(3, 0.1), **{"paired.image_1": pictures(3, 0.3), "paired.image_2": pictures(count, 0.6)}
        )
    assert not graph.emulator.received


def test_pictures_in_a_batch_have_partners_too(graph: Any) -> None:
    graph.batch("red\nblue", images=torch.cat(pictures(3, 0.1)), **{"paired.image_1": torch.cat(pictures(3, 0.4))})
    assert len(graph.emulator.tasks) == 6 and graph.emulator.count("upload") == 6


# A text a picture


def furnish(graph: Any, **texts: str) -> None:
    folder = graph.base / "input" / "photos"
    folder.mkdir()
    for name in ("coffee", "rocket"):
        shutil.copy(PHOTOS / f"{name}.jpg", folder)
    for name, text in texts.items():
        write(graph, f"texts/{name}.txt", text)


def test_a_folder_of_texts_gives_each_picture_its_own(graph: Any) -> None:
    furnish(graph, coffee="a cup,\r\nsteaming {stem}\r\n", rocket="a rocket", more="of nothing")
    _, names, prompts, report, wire = graph.run("LoadBananaFolder", folder="photos", prompts_file="texts").result
    assert (names, prompts) == (["coffee", "rocket"], "")
    assert report.splitlines()[0] == "Pictures: 2 · prompts: 2" and "belong to no picture: more.txt" in report
    _, files, *_ = graph.batch("", jobs=wire).result
    assert [Path(file).stem for file in files] == ["Task_1_coffee_1", "Task_2_rocket_1"]
    assert {task.prompt for task in graph.emulator.tasks.values()} == {"a cup,\nsteaming coffee", "a rocket"}
    wishes = [Wish(image=Reference.from_file(PHOTOS / "rocket.jpg"), prompt="a rocket")]
    [job] = planned(wishes, Given(Catalogue(), "nano-banana-fast")).jobs
    assert job.fingerprint in fingerprints_of(graph)


def test_pictures_without_a_text_are_all_told(graph: Any) -> None:
    furnish(graph, other="x")
    with pytest.raises(errors(graph).WrongJob) as told:
        graph.run("LoadBananaFolder", folder="photos", prompts_file="texts")
    assert "coffee has no partner" in str(told.value) and "rocket has no partner" in str(told.value)


def test_a_folder_is_read_again_when_a_text_changed(graph: Any) -> None:
    furnish(graph, coffee="a", rocket="b")
    node = graph.node("LoadBananaFolder")
    first = node.fingerprint_inputs(folder="photos", prompts_file="texts")
    write(graph, "texts/coffee.txt", "another")
    assert node.fingerprint_inputs(folder="photos", prompts_file="texts") != first


def test_the_jobs_of_a_folder_and_a_file_are_each_picture_with_each_prompt(graph: Any) -> None:
    furnish(graph)
    write(graph, "p.txt", "red\nblue\n")
    wire = graph.run("LoadBananaFolder", folder="photos", prompts_file="p.txt").result[4]
    assert len(graph.batch("", jobs=wire).result[1]) == 4
    wire = graph.run("LoadBananaFolder", folder="photos", prompts_file="").result[4]
    assert len(graph.batch("green", jobs=wire).result[1]) == 2
