"""What the pages are told of edits: the source, the outline of the mask, the picture that was made; never the plain result."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grsai.errors import GrsaiError
from grsai.ledger import Ledger, service_of
from grsai.masks import is_edit, outline_of, shown_of
from grsai.review.album import Album
from grsai.review.cards import Cards
from grsai.review.redo import Changes, planned
from grsai.review.verdicts import Verdict
from grsai.settings import load
from tests.cli.shell import Shell
from tests.masks.scene import far_from, pixels
from tests.masks.test_command import TWO, mask, shell  # noqa: F401


def album_of(shell: Shell) -> tuple[Album, Ledger]:  # noqa: F811
    ledger = Ledger(Path(shell.environment["GRSAI_HOME"]) / "ledger.sqlite3", service=service_of(shell.emulator.url))
    return Album(shell.folder / "batch_outputs", ledger).read(), ledger


def test_the_gallery_shows_source_outline_and_result(shell: Shell) -> None:  # noqa: F811
    done = shell.run("--masks", "masks", "--json")
    assert done.status == 0, done.err
    output = shell.folder / "batch_outputs"
    found = re.search(r'<script[^>]*id="run"[^>]*>(.*?)</script>', (output / "index.html").read_text("utf-8"), re.DOTALL)
    assert found is not None
    cards = json.loads(found[1])["cards"]
    assert [card["name"] for card in cards] == ["coffee", "coffee_2", "rocket", "rocket_2"]
    for card in cards:
        assert card["after"] == f"{card['name']}.png" and card["before"].startswith("../input/image/")
        assert pixels(Image.open(output / card["mask"])).shape[-1] == 2
    assert not (set((output / "thumbnails").glob("*.mask.png")) - {output / card["mask"] for card in cards})


def test_an_outline_lies_on_the_edge_of_its_mask(shell: Shell) -> None:  # noqa: F811
    shell.run("--masks", "masks", "--json")
    white = pixels(Image.open(shell.folder / "masks" / "coffee.png")) > 0
    data = outline_of(shell.folder / "batch_outputs" / "coffee.png")
    assert data is not None
    drawn = np.asarray(Image.open(io.BytesIO(data)))[..., 1] > 0
    assert drawn.shape == white.shape and drawn.any()
    inside, outside = far_from(~white, 6), far_from(white, 6)
    assert not drawn[(inside >= 6) | (outside >= 6)].any()
    assert outline_of(shell.folder / "batch_outputs" / "coffee.plain.png") is None
    assert not is_edit(shell.folder / "input" / "image" / "coffee.jpg")


def test_the_review_shows_what_was_pasted_and_makes_nothing_of_it_again(shell: Shell) -> None:  # noqa: F811
    shell.run("--masks", "masks", "--prompts", str(shell.write("one.txt", "red\n")), "--json")
    album, ledger = album_of(shell)
    with ledger:
        cards = [Cards(album).card(picture) for picture in album]
        assert sorted(card["name"] for card in cards) == ["coffee", "rocket"]
        assert sorted(picture.file.name for picture in album) == ["coffee.png", "rocket.png"]
        assert all(card["mask"].startswith("mask/") and card["before"].startswith("source/") for card in cards)
        album.judge({picture.id: Verdict("reject") for picture in album})
        redo = planned(album, load({"api_key": "sk-" + "0" * 32, "base_url": shell.emulator.url}, environment={}), Changes())
        assert not redo.jobs and len(redo.gone) == 2
        assert all(isinstance(error, GrsaiError) and "with its mask and another seed" in str(error) for _, error in redo.gone)


def test_the_review_shows_a_picture_with_several_areas_once(shell: Shell) -> None:  # noqa: F811
    source = shell.folder / "large" / "a.png"
    source.parent.mkdir()
    Image.open(shell.folder / "input" / "image" / "coffee.jpg").resize((2560, 1705)).save(source)
    mask(shell, "a", (2560, 1705), *TWO)
    prompts = str(shell.write("one.txt", "red\n"))
    done = shell.run("--images", "large", "--masks", "masks", "--prompts", prompts, "--json")
    assert done.status == 0, done.err
    album, ledger = album_of(shell)
    with ledger:
        assert [picture.file.name for picture in album] == ["a.png"]


@pytest.mark.parametrize(
    ("name", "there", "shown"),
    [
        ("a.png", (), "a.png"),
        ("a.plain.png", ("a.png",), "a.png"),
        ("a.plain (2).png", ("a.png",), "a.png"),
        ("a.plain_2.png", ("a_2.png",), "a_2.png"),
        ("a.plain.png", (), "a.plain.png"),
        ("a.area-1.plain.png", ("a.png",), None),
    ],
)
def test_of_a_plain_result_the_picture_is_shown_that_it_was_pasted_into(
    tmp_path: Path, name: str, there: tuple[str, ...], shown: str | None
) -> None:
    for each in there:
        (tmp_path / each).touch()
    found = shown_of(tmp_path / name)
    assert (found and found.name) == shown
