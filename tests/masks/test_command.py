"""Edits within masks as a user starts the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from grsai.emulator import AS_MODELS, Emulator
from grsai.ledger import Ledger, service_of
from grsai.pictures import look_at
from grsai.review import Verdict, judge
from tests.cli.shell import Shell
from tests.masks.scene import far_from, hole_in, mask_image, pixels, saved

TWO = ((0.03, 0.05, 0.13, 0.15), (0.85, 0.82, 0.95, 0.92))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Two photos with a mask each, and a service that answers a cut as the models do."""
    with Emulator(seconds=0.05, faithful=True, drift=AS_MODELS) as emulator:
        shell = Shell(tmp_path / "work", emulator)
        for name in ("coffee", "rocket"):
            with Image.open(shell.folder / "input" / "image" / f"{name}.jpg") as photo:
                mask(shell, name, photo.size)
        yield shell


def mask(shell: Shell, name: str, size: tuple[int, int], *ovals: Any) -> None:
    (shell.folder / "masks").mkdir(exist_ok=True)
    saved(shell.folder / "masks" / f"{name}.png", mask_image(size, *ovals))


def made_in(shell: Shell, folder: str = "batch_outputs") -> list[str]:
    return sorted(path.name for path in (shell.folder / folder).glob("*.png"))


def sent(shell: Shell) -> int:
    return shell.emulator.count("submit")


def test_pictures_are_edited_within_the_masks_of_their_names(shell: Shell) -> None:
    done = shell.run("--masks", "masks", "--json")
    assert (done.status, sent(shell)) == (0, 4), done.err
    first = ["coffee.plain.png", "coffee.png", "coffee_2.plain.png", "coffee_2.png"]
    assert made_in(shell) == [*first, *[name.replace("coffee", "rocket") for name in first]]
    for job in done.object["jobs"]:
        source, file = Image.open(job["image"]), Image.open(job["file"])
        white = pixels(Image.open(shell.folder / "masks" / f"{Path(job['image']).stem}.png")) > 0
        differs = (pixels(file) != pixels(source)).any(-1)
        assert (file.mode, file.size) == (source.mode, source.size)
        assert differs[white].mean() > 0.3 and not differs[far_from(white, 16) >= 16].any()
        assert [Path(plain).name for plain in job["plain"]] == [f"{Path(job['file']).stem}.plain.png"]
        assert job["mask"]["parts"] == 1 and job["notes"] == []
    report = json.loads((shell.folder / "batch_outputs" / "report.json").read_text("utf-8"))
    assert report["jobs"][0]["plain"] == ["coffee.plain.png"]
    found = look_at(shell.folder / "batch_outputs")
    assert not found.files and {each.why for each in found.left_out} == {"ours"}


def test_a_rejected_edit_is_refused_for_what_it_is_and_the_price_says_so(shell: Shell) -> None:
    ledger = str(shell.folder / "ledger.sqlite3")
    done = shell.run("--masks", "masks", "--ledger", ledger, "--json")
    with Ledger(ledger, service=service_of(shell.emulator.url)) as opened:
        judge(opened, {f"{job['task_id']}/1": Verdict("reject") for job in done.object["jobs"][:2]})
    asked = sent(shell)
    told = shell.run("redo", "--output", "batch_outputs", "--ledger", ledger, "--estimate")
    assert told.err.count("was edited within a mask") == 2 and "has changed" not in told.err, told.err
    assert "None of the 2 rejected pictures can be made again" in told.out and "no picture is rejected" not in told.out
    refused = shell.run("redo", "--output", "batch_outputs", "--ledger", ledger)
    assert refused.status != 0 and "was edited within a mask" in refused.err and sent(shell) == asked


def test_other_mask_options_send_nothing_and_paste_anew(shell: Shell) -> None:
    shell.run("--masks", "masks", "--json")
    asked = len(shell.emulator.received)
    for more in ((), ("--mask-feather", "40"), ("--mask-align", "off", "--mask-match", "off")):
        again = shell.run("--masks", "masks", *more, "--json")
        assert (again.status, again.object["reused"], len(shell.emulator.received)) == (0, 4, asked), again.err
    files = [job["file"] for job in again.object["jobs"]]
    assert [Path(file).name for file in files] == ["coffee (3).png", "coffee_2 (3).png", "rocket (3).png", "rocket_2 (3).png"]
    plain = shell.run("--json")  # without the masks it is another picture
    assert plain.object["reused"] == 0 and sent(shell) == 8


def test_areas_far_from_each_other_are_priced_one_by_one(shell: Shell) -> None:
    source = shell.folder / "large" / "a.png"
    source.parent.mkdir()
    Image.open(shell.folder / "input" / "image" / "coffee.jpg").resize((2560, 1705)).save(source)
    mask(shell, "a", (2560, 1705), *TWO)
    given = ("--images", "large", "--masks", "masks", "--model", "nano-banana-2")
    price = shell.run(*given, "--estimate", "--json")
    assert (price.object["total"], price.object["credits"]) == (4, 4800) and sent(shell) == 0
    assert "files that belong to no picture: coffee.png, rocket.png" in price.err
    done = shell.run(*given, "--json")
    assert (done.status, sent(shell), done.object["credits"]) == (0, 4, 4800), done.err
    assert [job["file"] and Path(job["file"]).name for job in done.object["jobs"]] == [None, "a.png", None, "a_2.png"]
    assert [job["mask"]["part"] for job in done.object["jobs"]] == [1, 2, 1, 2]
    shell.run("finish", "--output", "batch_outputs", "--format", "jpg")
    finished = shell.folder / "batch_outputs" / "finished"
    assert sorted(path.name for path in finished.glob("*.jpg")) == ["a.jpg", "a_2.jpg"]


def test_the_alpha_of_a_picture_can_be_its_mask(shell: Shell) -> None:
    for photo in (shell.folder / "input" / "image").glob("*.jpg"):
        saved(photo.with_suffix(".png"), hole_in(Image.open(photo), (0.4, 0.4, 0.6, 0.6)))
        photo.unlink()
    done = shell.run("--masks", "alpha", "--json")
    assert done.status == 0, done.err
    for job in done.object["jobs"]:
        image = Image.open(job["file"])
        assert image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255)


def test_a_sheet_names_the_mask_of_each_row(shell: Shell) -> None:
    rows = "image,蒙版,prompt\ninput/image/coffee.jpg,masks/coffee.png,red\ninput/image/rocket.jpg,,blue\n"
    shell.write("a.csv", rows)
    done = shell.run("--jobs", "a.csv", "--json")
    assert (done.status, sent(shell)) == (0, 2), done.err
    assert made_in(shell) == ["Task_2_rocket_1.png", "coffee.plain.png", "coffee.png"]
    assert "mask" in done.object["jobs"][0] and "mask" not in done.object["jobs"][1]
    shell.write("b.csv", "image,mask,prompt\n,masks/coffee.png,red\ninput/image/coffee.jpg,masks/rocket.png,x\na,b,c\n")
    wrong = shell.run("--jobs", "b.csv")
    assert wrong.status != 0 and sent(shell) == 2
    assert "It has a mask and no picture" in wrong.err and "There is no file a" in wrong.err
    assert "The mask of coffee has 512 × 342 pixels and the picture 512 × 341" in wrong.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--masks", "nowhere"), "cannot be read"),
        (("--masks", "alpha"), "has no alpha"),
        (("--masks", "masks", "--mask-feather", "201"), "mask-feather can be 0 to 200, not 201"),
        (("--masks", "masks", "--mask-align", "perhaps"), "perhaps is no value for mask-align. There are: on, off"),
        (("--masks",), "Option --masks needs a value"),
        (("--masks", "one"), "rocket has no partner in one"),
        (("--masks", "empty"), "The mask of coffee is empty"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_before_anything_is_sent(shell: Shell, options: tuple[str, ...], said: str) -> None:
    for folder in ("one", "empty"):
        (shell.folder / folder).mkdir()
        saved(shell.folder / folder / "coffee.png", mask_image((512, 341)) if folder == "one" else Image.new("L", (512, 341)))
    Image.new("L", (512, 342), 255).save(shell.folder / "empty" / "rocket.png")
    done = shell.run(*options)
    assert done.status != 0 and said in done.err and sent(shell) == 0


def test_the_demo_has_masks_of_its_own(shell: Shell) -> None:
    done = shell.run("--demo", "--masks", "--json")
    assert done.status == 0 and "coffee.plain.png" in made_in(shell, "batch_outputs/demo"), done.err
    assert not [note for job in done.object["jobs"] for note in job["notes"]]
