"""Jobs and plans: what decides a picture, what goes into its request, and what is refused before it is paid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from grsai.emulator import Fault
from grsai.errors import WrongJob
from grsai.jobs import Job, plan, split_prompts
from grsai.models import Catalogue
from grsai.pictures import Reference

MODELS = Catalogue()


def references(letters: str) -> tuple[Reference, ...]:
    return tuple(Reference(letter, letter * 64, url=f"https://pictures.example/{letter}") for letter in letters)


# As version 1.0 made them. A ledger finds what is paid by them.
OF_1_0 = (
    ("595b04e88d41d53a09a4154e8498121ab4d2116bc7d2310c8563c7a05dbe30b9", "nano-banana-fast", "", "a red boat", {}),
    (
        "39df6a61df867ccaa35f0eb471e3b5b88c8efe2791dccbbe94396268a579f487", "nano-banana-fast", "ab", "一只猫 🐈",
        {"seed": 7, "variation": 2},
    ),
    (
        "1ea8e0573c9e7fa35665a28878609b88f1ff8d1c78fc902940deac21adde5215", "nano-banana-2", "c", "a red boat",
        {"aspect_ratio": "1:8", "image_size": "4K"},
    ),
    ("4864feca44ce5cd49c2ce19d6dd810c58ad5d4e23bda9c32d8b95b5257280108", "nano-banana-2", "", "a red boat", {}),
    (
        "ff84d8e1bb940a8efee6816e0515f202b3804e701a7f84cd88cc7b94512f8279", "nano-banana-2-2k-cl", "", "a red boat",
        {"aspect_ratio": "16:9"},
    ),
    (
        "3d914fc884e894d1de4b11a9cdbffb63b15bf980efac88774a03018e655c033f", "nano-banana-pro", "", "a\tred boat\nby the sea",
        {"aspect_ratio": "21:9", "image_size": "2K", "seed": 2147483647},
    ),
    (
        "56b6c658bcabe13d94f7fbc6bd7aad1982f7f60fd874749bb9140326e739115f", "nano-banana", "", "a red boat",
        {"task": 5, "name": "Task_5_x"},
    ),
)  # fmt: skip


@pytest.mark.parametrize(("fingerprint", "model", "letters", "prompt", "options"), OF_1_0)
def test_a_fingerprint_of_1_0_stays_as_it_was(
    fingerprint: str, model: str, letters: str, prompt: str, options: dict[str, Any]
) -> None:
    for newer in ({}, {"quality": "", "background": "auto"}):
        assert Job(prompt, MODELS[model], references=references(letters), **options, **newer).fingerprint == fingerprint


def test_what_is_typed_differently_and_means_the_same_is_one_job() -> None:
    typed = [("16:9", "2K"), ("16：9", "2k"), ("16x9", " 2 K ")]
    assert len({Job("a", MODELS["nano-banana-2"], ratio, size).fingerprint for ratio, size in typed}) == 1


def test_quality_and_background_make_another_picture() -> None:
    flare = MODELS["gpt-image-2.5-flare"]
    asked: list[dict[str, str]] = [{}, {"quality": "low"}, {"quality": "high"}, {"background": "transparent"}]
    asked.append({"quality": "low", "background": "transparent"})
    assert len({Job("a", flare, "1:1", **options).fingerprint for options in asked}) == 5


def test_the_same_pixels_are_the_same_picture_however_they_are_named() -> None:
    vip = MODELS["gpt-image-2-vip"]
    by_ratio, by_pixels = Job("a", vip, "16:9", "4K"), Job("a", vip, "3840x2160")
    assert by_ratio.sent_ratio == by_pixels.sent_ratio == "3840x2160"
    assert by_ratio.sent_size is by_pixels.sent_size is None
    assert by_ratio.fingerprint == by_pixels.fingerprint


def test_pixels_say_their_size_themselves() -> None:
    assert Job("a", MODELS["gpt-image-2-vip"], "3840x2160", "1K").image_size == "4K"


def test_a_plan_hands_quality_and_background_on() -> None:
    (job,) = plan(["a"], model=MODELS["gpt-image-2.5-sunburst"], quality="max", background="transparent")
    assert (job.quality, job.background) == ("max", "transparent")


@pytest.mark.parametrize(("model", "most"), [("nano-banana-fast", 14), ("gpt-image-2", 16)])
def test_more_references_than_a_model_takes_are_refused_before_they_go_up(model: str, most: int) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    Job("a", MODELS[model], references=references(letters[:most]))
    with pytest.raises(WrongJob, match=f"{most + 1} pictures are too many for one job: {model} takes at most {most}"):
        Job("a", MODELS[model], references=references(letters[: most + 1]))


@pytest.mark.parametrize("seed", [-1, 2**63, True, 1.5, "7"])
def test_a_seed_that_no_ledger_holds_is_refused(seed: Any) -> None:
    assert Job("a", MODELS["nano-banana-fast"], seed=2**63 - 1).seed == 2**63 - 1
    with pytest.raises(WrongJob, match="The seed can be 0 to 9223372036854775807, not"):
        Job("a", MODELS["nano-banana-fast"], seed=seed)


@pytest.mark.parametrize("name", ["", "a/b", "..\\b", "a\0b", "a\nb", "x" * 221, "照" * 74])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(WrongJob, match="is no name for files"):
        Job("a", MODELS["nano-banana-fast"], name=name)


UNSEEN = ("\u200b", "\ufeff \u200d", "\u3164", "\u2800\u2800", "\u00ad", "\u202e", "\u3000\t")


@pytest.mark.parametrize("prompt", UNSEEN)
def test_a_prompt_of_which_nothing_is_seen_is_refused(prompt: str) -> None:
    with pytest.raises(WrongJob, match="The prompt is empty"):
        Job(prompt, MODELS["nano-banana-fast"])


def test_a_line_of_which_nothing_is_seen_is_no_prompt() -> None:
    assert split_prompts("\n".join(["a red boat", *UNSEEN, "👩\u200d🚀"])) == ["a red boat", "👩\u200d🚀"]


@pytest.mark.parametrize("letter", ["\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x80", "\x9b"])
def test_a_control_character_is_never_paid_for(letter: str) -> None:
    with pytest.raises(WrongJob, match=rf"control character \(U\+{ord(letter):04X}\)"):
        Job(f"a red{letter} boat", MODELS["nano-banana-fast"])
    with pytest.raises(WrongJob, match=rf"in line 2 \(U\+{ord(letter):04X}\)"):
        split_prompts(f"a\r\nred{letter} boat\rb")


def test_lines_end_only_where_an_editor_ends_them() -> None:
    assert split_prompts("a\u2028b\u2029c\x85d\r\ne\rf\n\n") == ["a\u2028b\u2029c\x85d", "e", "f"]


def test_a_name_may_do_without_the_number_of_its_only_picture(studio) -> None:
    [job] = studio.jobs()
    bare = replace(job, name="shoe", numbered=False)
    assert [replace(job, name="shoe").stem(k) for k in (1, 2)] == ["shoe_1", "shoe_2"]
    assert [bare.stem(k) for k in (1, 2)] == ["shoe", "shoe_2"]
    assert bare.fingerprint == job.fingerprint


@pytest.mark.parametrize("folder", ["/tmp", "..", "a/../b", "a//b", "a/", "./a", "a\\b", "C:", "a\0b"])
def test_a_folder_that_is_not_below_the_output_is_refused(folder: str) -> None:
    with pytest.raises(WrongJob, match="is no folder below the output"):
        Job("a", MODELS["nano-banana-fast"], folder=folder)


def test_a_job_with_a_folder_is_made_reused_and_found_again_where_they_moved(studio) -> None:
    jobs = [replace(job, folder="shoes/red", name=str(k), numbered=False) for k, job in enumerate(studio.jobs(2))]
    made = studio.run(jobs)
    assert [outcome.file for outcome in made] == [studio.output / "shoes" / "red" / name for name in ("0.png", "1.png")]
    assert [outcome.file for outcome in studio.run(jobs)] == [outcome.file for outcome in made]
    moved = studio.output.rename(studio.folder / "moved")
    again = studio.run(jobs, output=moved)
    assert [outcome.file for outcome in again] == [moved / "shoes" / "red" / name for name in ("0.png", "1.png")]
    assert studio.emulator.count("submit") == 2


def test_what_is_collected_is_called_as_its_run_would_have_called_it(studio) -> None:
    studio.emulator.add(Fault("download", "not_found"))
    studio.run([replace(job, folder="shoes", name="red", numbered=False) for job in studio.jobs()])
    studio.emulator.clear_faults()
    [found] = studio.collect()
    assert found.files == (studio.output / "shoes" / "red.png",)
