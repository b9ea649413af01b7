"""Edits in a run: what is sent and paid, what stands on the disk, and what a later run does."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from grsai import engine
from grsai.emulator import AS_MODELS, Drift, Emulator
from grsai.jobs import plan, with_edits
from grsai.masks import MaskOptions
from grsai.pictures import Reference
from tests.conftest import MODELS, PHOTOS
from tests.masks.scene import Oval, edits, far_from, mask_image, pixels, saved

TWO = ((0.03, 0.05, 0.13, 0.15), (0.85, 0.82, 0.95, 0.92))


@pytest.fixture
def studio(Studio: Any, tmp_path: Path) -> Iterator[Any]:
    """Its service answers a cut as the models do: a little off."""
    with Emulator(seconds=0.05, faithful=True, drift=AS_MODELS) as emulator:
        yield Studio(emulator, tmp_path)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Large enough that areas in two of its corners need two cuts."""
    return saved(tmp_path / "large.png", Image.open(PHOTOS / "coffee.jpg").resize((2560, 1705)))


def jobs_of(photo: Path, *ovals: Oval, options: MaskOptions | None = None, prompts: int = 1) -> list[Any]:
    model = MODELS.named("nano-banana-2")
    jobs = plan([f"a red disc {k}" for k in range(prompts)], [Reference.from_file(photo)], model=model)
    return with_edits(jobs, [edits(photo, *ovals, options=options)] * prompts)


def sent(studio: Any) -> int:
    return studio.emulator.count("submit")


def changed(file: Path, photo: Path) -> Any:
    return (pixels(Image.open(file).convert("RGB")) != pixels(Image.open(photo).convert("RGB"))).any(-1)


def test_the_cut_goes_up_and_the_picture_comes_back_with_only_its_mask_changed(studio: Any, photo: Path) -> None:
    [job] = jobs_of(photo, (0.4, 0.4, 0.5, 0.5))
    [outcome] = studio.run([job])
    assert outcome.status == "succeeded" and not outcome.notes and outcome.urls == ()
    cut = job.references[0].load().data
    [upload] = studio.emulator.uploads.values()
    assert upload.sha256 == hashlib.sha256(cut).hexdigest()
    assert Image.open(io.BytesIO(cut)).size == job.edit.window.sent
    assert studio.task(outcome).aspect_ratio == job.edit.window.ratio
    assert [path.name for path in studio.pictures] == ["Task_1_large_1.plain.png", "Task_1_large_1.png"]
    assert outcome.file.name == "Task_1_large_1.png" and outcome.plain[0].name == "Task_1_large_1.plain.png"
    differs = changed(outcome.file, photo)
    far = far_from(pixels(job.edit.mask.image) > 0, MaskOptions().feather)
    assert differs[far == 0].mean() > 0.9 and not differs[far >= MaskOptions().feather].any()


def test_another_feather_pays_and_sends_nothing_and_pastes_anew(studio: Any, photo: Path) -> None:
    area = (0.4, 0.4, 0.5, 0.5)
    [first] = studio.run(jobs_of(photo, area))
    asked = len(studio.emulator.received)
    [again] = studio.run(jobs_of(photo, area))
    [other] = studio.run(jobs_of(photo, area, options=MaskOptions(feather=60)))
    assert len(studio.emulator.received) == asked and sent(studio) == 1
    assert again.reused and again.file == first.file
    assert other.reused and other.file not in (None, first.file) and other.file.is_file() and first.file.is_file()
    assert changed(other.file, photo).sum() > changed(first.file, photo).sum()
    [wider] = studio.run(jobs_of(photo, area, options=MaskOptions(margin=600)))  # another cut is another picture
    assert not wider.reused and sent(studio) == 2


def test_a_crash_between_the_paid_result_and_the_paste_loses_nothing(studio: Any, photo: Path) -> None:
    [job] = jobs_of(photo, (0.4, 0.4, 0.5, 0.5))
    hidden = photo.rename(photo.with_suffix(".away"))
    whole = job.edit.reference.load
    hidden.rename(photo)
    loaded = whole()
    hidden = photo.rename(hidden)  # gone when the result has come, so that it cannot be pasted
    failing = replace(job, references=(replace(job.references[0], load=lambda: loaded),))
    [failed] = studio.run([failing])
    assert failed.status == "failed" and "run again, and it is pasted without paying" in str(failed.error)
    assert failed.plain[0].is_file() and not failed.files and [path.name for path in studio.pictures] == [failed.plain[0].name]
    hidden.rename(photo)
    with studio.ledger() as ledger:
        price = engine.estimate([job], ledger, output=studio.output)
    assert (price.new, price.credits, price.reused) == (0, 0, 1)
    [outcome] = studio.run([job])
    assert outcome.status == "succeeded" and outcome.file.is_file() and sent(studio) == 1


def test_separate_areas_are_paid_one_by_one_each_on_the_picture_of_the_former(studio: Any, photo: Path) -> None:
    jobs = jobs_of(photo, *TWO)
    assert [(job.edit.part, job.edit.parts, job.task) for job in jobs] == [(1, 2, 1), (2, 2, 2)]
    with studio.ledger() as ledger:
        price = engine.estimate(jobs, ledger, output=studio.output)
    assert (price.new, price.credits) == (2, 2400)
    first, last = studio.run(jobs)
    assert first.status == last.status == "succeeded" and (first.files, len(last.files)) == ((), 1)
    order = [seen.step for seen in studio.emulator.received if seen.step == "submit"]
    assert len(order) == 2 and studio.task(first).created < studio.task(last).created
    assert studio.task(last).created >= studio.task(first).created + 0.04  # the former has ended
    differs = changed(last.file, photo)
    for job in jobs:
        x, y, width, height = job.edit.area
        assert differs[y : y + height, x : x + width].mean() > 0.2
    far = far_from(pixels(mask_image((2560, 1705), *TWO)) > 0, 16)
    assert not differs[far >= 16].any()
    again = studio.run(jobs_of(photo, *TWO, options=MaskOptions(feather=30)))
    assert [each.reused for each in again] == [True, True] and sent(studio) == 2
    assert again[1].file != last.file


def test_an_area_whose_former_failed_is_not_sent(studio: Any, photo: Path) -> None:
    jobs = [
        replace(job, prompt=f"{job.prompt} [output_moderation]") if job.edit.part == 1 else job for job in jobs_of(photo, *TWO)
    ]
    first, last = studio.run(jobs)
    assert (first.status, last.status, sent(studio)) == ("failed", "stopped", 1)
    assert str(last.error).startswith("Not sent: ")


def test_many_chains_at_once_do_not_wait_for_each_other_in_vain(studio: Any, photo: Path) -> None:
    jobs = jobs_of(photo, *TWO, prompts=4)
    outcomes = studio.run(jobs, concurrency=2)
    assert all(outcome.status == "succeeded" for outcome in outcomes) and sent(studio) == 8


def test_a_result_that_shows_something_else_is_pasted_with_a_warning(studio: Any, photo: Path) -> None:
    studio.emulator.drift = Drift(shift=(160, 0))
    [outcome] = studio.run(jobs_of(photo, (0.4, 0.4, 0.5, 0.5)))
    assert outcome.status == "succeeded"
    assert re.search(r"does not fit the picture\. It lies about 1[012]\d pixels off", str(outcome.notes[0]))
    [again] = studio.run(jobs_of(photo, (0.4, 0.4, 0.5, 0.5)))
    assert [str(note) for note in again.notes] == [str(note) for note in outcome.notes]


def test_a_stopped_run_of_areas_ends_soon_and_goes_on_later(studio: Any, photo: Path) -> None:
    studio.emulator.seconds = 1.0
    started = studio.start(jobs_of(photo, *TWO))
    studio.wait_until(lambda: sent(studio) == 1)
    assert started.stopped() < 3
    studio.emulator.seconds = 0.05
    outcomes = studio.run(jobs_of(photo, *TWO))
    assert [outcome.status for outcome in outcomes] == ["succeeded"] * 2 and sent(studio) == 2
