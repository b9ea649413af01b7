"""Odd and bad input, row by row, each with the sentence that the user reads. What needs a tensor is tested with the nodes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import struct
import sys
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile

from grsai import engine
from grsai.client import GrsaiClient
from grsai.errors import BadPicture, DownloadError, GrsaiError, NotKept, OutputError, WrongJob, WrongSetting
from grsai.jobs import MAX_STEM, Job, plan, safe_stem, split_prompts
from grsai.models import Catalogue
from grsai.pictures import MAX_UPLOAD_BYTES, Reference, check_result, list_pictures, natural
from grsai.report.gallery import write_gallery
from grsai.report.report import summary
from grsai.settings import load

FAST = Catalogue().with_rows({"nano-banana-fast": {"seconds": 0.1}}).named("nano-banana-fast")


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert("RGB").convert(mode)


def sixteen_bit() -> bytes:
    ramp = Image.new("I;16", (64, 48))
    ramp.putdata([x * 1024 for _ in range(48) for x in range(64)])
    return saved(ramp, "PNG")


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(photo(), "JPEG", exif=exif)


def with_broken_exif() -> bytes:
    content = bytearray(rotated())
    place = content.index(b"Exif")
    content[place + 6 : place + 24] = bytes(range(1, 19))
    return bytes(content)


def moving(kind: str) -> bytes:
    return saved(photo(), kind, save_all=True, append_images=[photo().rotate(180)], duration=100)


def huge(side: int = 12_000) -> bytes:
    """A black picture of that many pixels a side, without drawing it."""
    rows = zlib.compressobj()
    line = bytes(1 + (side + 7) // 8)
    data = b"".join([*(rows.compress(line) for _ in range(side)), rows.flush()])

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# Pictures that are refused: name, content, sentence

REFUSED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "0 bytes": ("empty.png", lambda: b"", r"empty\.png is empty \(0 bytes\)\. Remove it or put the picture back\."),
    "renamed text": (
        "letter.jpg",
        lambda: b"Dear reader,\n" * 50,
        r"letter\.jpg is no picture that can be read \(cannot identify image file\)\. Remove it or save it again\.",
    ),
    "renamed HTML": ("page.webp", lambda: b"<!DOCTYPE html><html></html>", r"page\.webp is no picture that can be read"),
    "truncated JPEG": (
        "half.jpg",
        lambda: saved(photo(size=(640, 480)), "JPEG")[:3000],
        r"half\.jpg is no picture that can be read \(image file is truncated.*\)\. Remove it or save it again\.",
    ),
    "truncated PNG": (
        "half.png",
        lambda: saved(photo(size=(640, 480)), "PNG")[:900],
        r"half\.png is no picture that can be read",
    ),
    "truncated WebP": (
        "half.webp",
        lambda: saved(photo(size=(640, 480)), "WEBP")[:300],
        r"half\.webp is no picture that can be read",
    ),
    "12,000 × 12,000": (
        "map.png",
        huge,
        r"map\.png has (144 million|12000 × 12000) pixels; at most 89 million are sent\. Make it smaller\.",
    ),
    "20,000 × 20,000": ("bomb.png", lambda: huge(20_000), r"bomb\.png has 400 million pixels; at most 89 million are sent\."),
    "PostScript": (
        "script.png",
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        r"is no picture that can be read",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("lenient", [False, True], ids=["", "with a lenient Pillow"])
def test_a_picture_that_cannot_be_sent_is_refused_with_its_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, lenient: bool
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)  # as other packs of ComfyUI do
    name, content, sentence = REFUSED[case]
    (tmp_path / name).write_bytes(content())
    if lenient and case.startswith("truncated"):
        sentence = "is no picture that can be read"
    with pytest.raises(BadPicture, match=sentence):
        Reference.from_file(tmp_path / name)


def test_a_picture_that_is_not_there_is_refused_with_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadPicture, match=r"gone\.png cannot be read: No such file or directory\."):
        Reference.from_file(tmp_path / "gone.png")


@pytest.mark.parametrize("case", ["0 bytes", "renamed text", "truncated JPEG", "12,000 × 12,000"])
def test_the_command_says_the_sentence_and_sends_nothing(studio, photos, case: str) -> None:
    name, content, sentence = REFUSED[case]
    studio.furnish(["a"], photos[:1])
    (studio.folder / "input" / "image" / name).write_bytes(content())
    process = studio.command()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and not out
    assert re.search(sentence, err) and "Traceback" not in err
    assert not studio.emulator.received


# Pictures that are sent: name, content, what goes up (None: the file as it is, else format, mode and size)

SENT: dict[str, tuple[str, Callable[[], bytes], tuple[str, str, tuple[int, int]] | None]] = {
    "JPEG": ("a.jpg", lambda: saved(photo(), "JPEG"), None),
    "PNG": ("a.png", lambda: saved(photo(), "PNG"), None),
    "WebP": ("a.webp", lambda: saved(photo(), "WEBP"), None),
    "RGBA": ("a.png", lambda: saved(photo("RGBA"), "PNG"), None),
    "grey": ("a.png", lambda: saved(photo("L"), "PNG"), None),
    "palette": ("a.png", lambda: saved(photo("P"), "PNG"), None),
    "1 × 1": ("a.png", lambda: saved(photo(size=(1, 1)), "PNG"), None),
    "a PNG called .jpg": ("a.jpg", lambda: saved(photo(), "PNG"), None),
    "one bit": ("a.png", lambda: saved(photo("1"), "PNG"), ("PNG", "RGB", (64, 48))),
    "CMYK": ("a.jpg", lambda: saved(photo("CMYK"), "JPEG"), ("PNG", "RGB", (64, 48))),
    "16 bit": ("a.png", sixteen_bit, ("PNG", "RGB", (64, 48))),
    "BMP": ("a.bmp", lambda: saved(photo(), "BMP"), ("PNG", "RGB", (64, 48))),
    "GIF": ("a.gif", lambda: saved(photo("P"), "GIF"), ("PNG", "RGB", (64, 48))),
    "animated GIF": ("a.gif", lambda: moving("GIF"), ("PNG", "RGB", (64, 48))),
    "animated WebP": ("a.webp", lambda: moving("WEBP"), ("PNG", "RGB", (64, 48))),
    "animated PNG": ("a.png", lambda: moving("PNG"), ("PNG", "RGB", (64, 48))),
    "EXIF-rotated": ("a.jpg", rotated, ("PNG", "RGB", (48, 64))),
    "broken EXIF": ("a.jpg", with_broken_exif, None),
    "a TIFF called .jpg": ("a.jpg", lambda: saved(photo(), "TIFF"), ("PNG", "RGB", (64, 48))),
}


@pytest.mark.parametrize("case", SENT)
def test_an_odd_picture_goes_up_as_the_service_takes_it(studio, case: str) -> None:
    name, make, expected = SENT[case]
    content = make()
    (studio.folder / name).write_bytes(content)
    reference = Reference.from_file(studio.folder / name)
    (outcome,) = studio.run(plan(["a"], [reference], model=FAST))
    studio.assert_right([outcome])
    ((key, upload),) = studio.emulator.uploads.items()
    with urllib.request.urlopen(f"{studio.emulator.url}/files/{key}", timeout=5) as reply:
        sent = reply.read()
    with Image.open(io.BytesIO(sent)) as image:
        assert key.endswith({"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}[image.format])
        if expected is None:
            assert sent == content
        else:
            assert (image.format, image.mode, image.size) == expected
    assert upload.sha256 == hashlib.sha256(sent).hexdigest()


def test_sixteen_bits_keep_their_brightness(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(sixteen_bit())
    reference = Reference.from_file(tmp_path / "a.png")
    assert reference.load is not None
    with Image.open(io.BytesIO(reference.load().data)) as image:
        row = [image.getpixel((x, 0)) for x in (0, 32, 63)]
    assert row == [(0, 0, 0), (128, 128, 128), (252, 252, 252)]


def test_a_picture_that_is_too_heavy_goes_up_lighter(tmp_path: Path) -> None:
    noise = Image.effect_noise((2700, 2600), 200).convert("RGB")
    content = saved(noise, "BMP")
    assert len(content) > MAX_UPLOAD_BYTES
    (tmp_path / "a.bmp").write_bytes(content)
    reference = Reference.from_file(tmp_path / "a.bmp")
    assert reference.load is not None
    assert len(reference.load().data) <= MAX_UPLOAD_BYTES


def test_a_picture_that_breaks_between_plan_and_upload_stops_no_other(studio, photos) -> None:
    path = studio.folder / "a.bmp"
    path.write_bytes(saved(photo(), "BMP"))
    jobs = plan(["a"], [Reference.from_file(path), photos[0]], model=FAST)
    path.unlink()
    first, second = studio.run(jobs)
    assert isinstance(first.error, BadPicture) and "a.bmp cannot be read" in str(first.error)
    studio.assert_right([second])


# Prompts


@pytest.mark.parametrize("prompt", ["", " ", "\n\t", "\u3000"])
def test_an_empty_prompt_is_refused_with_its_sentence(prompt: str) -> None:
    with pytest.raises(WrongJob, match=r"^The prompt is empty\. Write what the picture should show\.$"):
        Job(prompt, FAST)


def test_half_a_letter_is_refused_with_its_sentence() -> None:
    with pytest.raises(WrongJob, match=r"The prompt holds half a character, perhaps of an emoji that was cut\. Write it again\."):
        Job("a banana \ud83c", FAST)


PROMPTS = {
    "20,000 characters": "a very long banana " * 1053,
    "20,000 Chinese characters": "香蕉" * 10_000,
    "emoji": "🍌👩🏽‍🚀 in space 🚀",
    "right to left": "موزة على الطاولة — בננה על השולחן",
    "quotes and braces": """{"a": '<b>', `c`} \\ %s {name} $HOME & | ; rm -rf /""",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "line separators": "a\u2028b\u2029c\x85d",
    "lines and tabs": "a\tb\nc\r\nd",
}


@pytest.mark.parametrize("case", PROMPTS)
def test_an_odd_prompt_arrives_as_it_was_written(studio, case: str) -> None:
    prompt = PROMPTS[case]
    (outcome,) = studio.run([Job(prompt, FAST)])
    studio.assert_right([outcome])
    assert studio.task(outcome).prompt == prompt
    (again,) = studio.run([Job(prompt, FAST)])
    assert again.reused


@pytest.mark.parametrize("letter", ["\0", "\a", "\x1b", "\x7f", "\x9b"])
def test_a_control_character_is_refused_before_it_is_paid(studio, letter: str) -> None:
    with pytest.raises(WrongJob, match=rf"The prompt holds a control character \(U\+00{ord(letter):02X}\)\. Remove it\."):
        Job(f"a{letter}b", FAST)
    studio.furnish(["red", f"blue{letter} boat", "green", f"{letter}[31mgrey"])
    process = studio.command()
    _, err = process.communicate(timeout=60)
    code = f"U+00{ord(letter):02X}"
    assert (process.returncode, studio.emulator.received) == (2, [])
    assert f"Prompts hold control characters, in line 2 ({code}), 4 ({code}). Remove them." in err


@pytest.mark.parametrize("prompt", ["\u200b", "\u200b \ufeff\u2060"])
def test_a_prompt_of_invisible_letters_is_empty(prompt: str) -> None:
    with pytest.raises(WrongJob, match=r"^The prompt is empty"):
        Job(prompt, FAST)


def test_an_odd_prompt_harms_no_report(studio) -> None:
    studio.furnish([prompt.strip() for prompt in PROMPTS.values() if len(prompt) < 1000])
    process = studio.command("--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    count = len(json.loads(out)["jobs"])
    page = (studio.folder / "batch_outputs" / "index.html").read_text("utf-8")
    assert "<script>alert(1)" not in page and "<img src=x" not in page
    assert len(json.loads((studio.folder / "batch_outputs" / "report.json").read_text("utf-8"))["jobs"]) == count


def test_a_file_without_prompts_is_refused_with_its_sentence(studio) -> None:
    studio.furnish(["\ufeff", "   ", ""])
    process = studio.command()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "holds no prompt. Write one prompt per line into it." in err
    assert not studio.emulator.received


def test_a_plan_without_prompts_is_refused_with_its_sentence(photos) -> None:
    with pytest.raises(WrongJob, match=r"^There is no prompt\. Write at least one line\.$"):
        plan([], photos, model=FAST)


@pytest.mark.parametrize(
    ("text", "prompts"),
    [
        ("\ufeffred\r\nblue\r\n", ["red", "blue"]),
        ("red\n\n\n  blue  \n", ["red", "blue"]),
        ("red\rblue", ["red", "blue"]),
        ("red\u2028blue\x85", ["red\u2028blue"]),
        ("", []),
    ],
)
def test_a_prompt_is_a_line(text: str, prompts: list[str]) -> None:
    assert split_prompts(text) == prompts


def test_five_hundred_prompts_are_five_hundred_jobs() -> None:
    jobs = plan([f"prompt {number}" for number in range(500)], model=FAST)
    assert len({job.fingerprint for job in jobs}) == len({job.name for job in jobs}) == 500


@pytest.mark.full
def test_five_hundred_prompts_are_made(studio) -> None:
    outcomes = studio.run(studio.jobs(500), concurrency=50)
    studio.assert_right(outcomes)
    assert len(studio.emulator.tasks) == 500 and studio.emulator.peak_open <= 50


# Plans


@pytest.mark.parametrize(("pictures", "prompts"), [(3, 2), (2, 3), (1, 8)])
def test_zip_of_unequal_lists_is_refused_with_its_sentence(photos, pictures: int, prompts: int) -> None:
    sentence = rf"there are {pictures} pictures and {prompts} prompts\."
    with pytest.raises(WrongJob, match="Pairing zip needs as many prompts as pictures: " + sentence):
        plan(["a"] * prompts, photos[:pictures], model=FAST, pairing="zip")


def test_another_pairing_is_refused_with_its_sentence(photos) -> None:
    with pytest.raises(WrongJob, match=r"^Pairing is product or zip, not all\.$"):
        plan(["a"], photos, model=FAST, pairing="all")


def test_pictures_of_one_name_do_not_replace_each_other(studio) -> None:
    for folder, suffix in (("one", ".png"), ("two", ".png"), ("two", ".jpg"), ("two", ".webp")):
        path = studio.folder / folder / f"same{suffix}"
        path.parent.mkdir(exist_ok=True)
        image = photo().rotate(90 * len(list(studio.folder.rglob("same.*"))))
        image.save(path)
    references = [Reference.from_file(path) for path in sorted(studio.folder.rglob("same.*"))]
    outcomes = studio.run(plan(["a"], references, model=FAST))
    studio.assert_right(outcomes)
    assert [outcome.file.name for outcome in outcomes] == [f"Task_{n}_same_1.png" for n in (1, 2, 3, 4)]


FORBIDDEN = {
    'a<b>c:d"e|f?g*h': "a_b_c_d_e_f_g_h",
    "..": "picture",
    "../../etc/passwd": "_.._etc_passwd",
    "C:\\Windows\\x": "C__Windows_x",
    " name. ": "name",
    "name...": "name",
    "tab\tnew\nline\x00": "tab_new_line_",
    "": "picture",
    "x" * 300: "x" * MAX_STEM,
    "照片 🍌": "照片 🍌",
    "照" * 100: "照" * 40,
}


@pytest.mark.parametrize(("name", "stem"), FORBIDDEN.items())
def test_a_name_that_windows_forbids_is_made_one_that_it_takes(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


@pytest.mark.parametrize("name", ["CON", "nul", "COM1", "lpt9", "aux", "a\ud800b"])
def test_files_of_odd_pictures_have_names_that_every_system_takes(studio, name: str) -> None:
    reference = Reference(name, hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest(), load=lambda: encoded())
    (outcome,) = studio.run(plan(["a"], [reference], model=FAST))
    studio.assert_right([outcome])
    stem = outcome.file.stem
    stem.encode()
    assert stem.split(".")[0].upper() not in {"CON", "NUL", "COM1", "LPT9", "AUX"}


def encoded() -> Any:
    from grsai.pictures import Encoded

    return Encoded(saved(photo(), "PNG"), "png")


def test_the_longest_chinese_names_still_fit_the_file_system(studio) -> None:
    studio.output.mkdir()
    jobs = plan(["a", "b"], [Reference("照" * 200, "0" * 64, load=encoded)], model=FAST, prefix="批" * 200)
    for job in jobs:
        (studio.output / f"{job.name}_1.png").write_bytes(b"somebody else's")
    studio.assert_right(studio.run(jobs))


@pytest.mark.skipif(sys.platform != "linux", reason="fills a path up to what Linux takes")
def test_a_folder_so_deep_that_no_name_fits_is_refused_before_anything_is_paid(studio) -> None:
    deep = studio.output.joinpath(*["f" * 199] * ((3980 - len(str(studio.output))) // 200))
    deep /= "g" * max(3990 - len(str(deep)), 1)
    jobs = plan(["a"], [Reference("long" * 30, "0" * 64, load=encoded)], model=FAST)
    with pytest.raises(OutputError, match="cannot be written: File name too long"):
        studio.run(jobs, output=deep)
    assert not studio.emulator.received


@pytest.mark.parametrize("prefix", ["../evil", "/evil", "a/b", "..", "C:\\evil", "CON", "a\x00b"])
def test_a_prefix_cannot_lead_out_of_the_output_folder(studio, prefix: str) -> None:
    (outcome,) = studio.run(plan(["a"], model=FAST, prefix=prefix))
    studio.assert_right([outcome])
    assert outcome.file.parent == studio.output
    assert {path.relative_to(studio.folder).parts[0] for path in studio.folder.rglob("*.png")} == {"output"}


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot have such names")
def test_pictures_with_names_that_windows_forbids_are_read_and_made(studio) -> None:
    folder = studio.folder / "pictures"
    folder.mkdir()
    for name in ('what? "this": <a|b>*.png', "back\\slash.png", " .png", "..png"):
        (folder / name).write_bytes(saved(photo(), "PNG"))
    references = [Reference.from_file(path) for path in list_pictures(folder)]
    assert len(references) == 3  # one that begins with a dot is hidden
    studio.assert_right(studio.run(plan(["a"], references, model=FAST)))


def test_pictures_are_in_natural_order_and_others_are_left_out(tmp_path: Path) -> None:
    for name in ("photo 10.png", "photo 2.PNG", "Photo 1.jpg", "notes.txt", ".hidden.png", "photo 3.tiff", "photo 4.heic"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_pictures(tmp_path)] == ["Photo 1.jpg", "photo 2.PNG", "photo 3.tiff", "photo 10.png"]
    assert natural("a²") < natural("b")  # a digit to Python, and no number


# Models


def test_a_model_that_left_the_catalogue_is_refused_with_its_sentence(studio) -> None:
    with pytest.raises(
        WrongJob, match=r"There is no model nano-banana-9; did you mean nano-banana-2\? A new model can be added to"
    ):
        Catalogue().named("nano-banana-9")
    studio.furnish(["a"])
    process = studio.command("--model", "nano-banana-9")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "There is no model nano-banana-9" in err
    assert not studio.emulator.received


def test_a_model_that_left_the_service_is_told_and_costs_nothing(studio) -> None:
    gone = Catalogue().with_rows({"nano-banana-gone": {"credits": 100}}).named("nano-banana-gone")
    (outcome,) = studio.run(plan(["a"], model=gone))
    assert outcome.status == "failed"
    assert "The service does not have this model any more (model not register). Choose another one." in str(outcome.error)
    assert studio.emulator.charged == 0


def test_a_job_of_a_model_that_left_the_catalogue_is_still_collected(studio) -> None:
    own = Catalogue().with_rows({"nano-banana-fast": {"credits": 441, "seconds": 0.1}}).named("nano-banana-fast")
    run = studio.start(plan(["[slow 0.4] a"], model=own))
    studio.wait_until(lambda: [event for event in studio.events if event.kind == "submitted"])
    run.stopped()
    studio.wait_until(lambda: studio.emulator.open == 0)
    (collected,) = studio.collect()
    assert collected.files


@pytest.mark.parametrize(
    ("model", "options", "sentence"),
    [
        ("nano-banana-fast", {"aspect_ratio": "1:8"}, r"nano-banana-fast has no ratio 1:8\. Allowed: auto, 1:1, "),
        ("nano-banana-fast", {"image_size": "2K"}, r"nano-banana-fast takes no image size\. Leave it out\."),
        ("nano-banana-2-lite", {"image_size": "4K"}, r"nano-banana-2-lite has no size 4K\. Allowed: 1K\."),
        ("nano-banana-2", {"image_size": "8k"}, r"nano-banana-2 has no size 8k\. Allowed: 1K, 2K, 4K\."),
    ],
)
def test_what_a_model_has_not_is_refused_with_what_it_has(model: str, options: dict[str, str], sentence: str) -> None:
    with pytest.raises(WrongJob, match=sentence):
        plan(["a"], model=Catalogue().named(model), **options)


@pytest.mark.parametrize(
    "given",
    [
        {"concurrency": 0}, {"concurrency": 1000}, {"concurrency": "many"}, {"concurrency": True}, {"seed": -1}, {"retries": 11},
        {"budget": -1}, {"budget": "nan"}, {"budget": "inf"}, {"budget": "cheap"}, {"read_seconds": 0}, {"pairing": "all"},
        {"proxy": "maybe"}, {"base_url": "nowhere"},
    ],
)  # fmt: skip
def test_a_setting_that_is_none_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(WrongSetting):
        load(given, environment={})


# Results


RESULTS: dict[str, tuple[Callable[[], bytes], type[GrsaiError] | str]] = {
    "PNG": (lambda: saved(photo(), "PNG"), ".png"),
    "JPEG": (lambda: saved(photo(), "JPEG"), ".jpg"),
    "progressive JPEG": (lambda: saved(photo(size=(640, 480)), "JPEG", progressive=True), ".jpg"),
    "JPEG with more behind it": (lambda: saved(photo(), "JPEG") + b"\xff\xda and more", ".jpg"),
    "JPEG with a thumbnail": (lambda: rotated(), ".jpg"),
    "WebP": (lambda: saved(photo(), "WEBP"), ".webp"),
    "GIF": (lambda: saved(photo("P"), "GIF"), ".gif"),
    "nothing": (lambda: b"", DownloadError),
    "HTML": (lambda: b"<html></html>", DownloadError),
    "half a PNG": (lambda: saved(photo(), "PNG")[:-30], DownloadError),
    "a PNG without its end": (lambda: saved(photo(), "PNG")[:-12], DownloadError),
    "half a JPEG": (lambda: saved(photo(size=(640, 480)), "JPEG")[:-600], DownloadError),
    "half a WebP": (lambda: saved(photo(), "WEBP")[:-10], DownloadError),
    "half a GIF": (lambda: saved(photo("P"), "GIF")[:-10], DownloadError),
    "a bomb": (lambda: huge(20_000), NotKept),
    "a large one": (lambda: huge(12_000), NotKept),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', DownloadError),
    "HTML behind the mark of a PNG": (lambda: b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", DownloadError),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", NotKept),
    "PDF": (lambda: b"%PDF-1.7\n%%EOF\n", DownloadError),
    "a BMP": (lambda: saved(photo(), "BMP"), ".bmp"),
    "half a BMP": (lambda: saved(photo(), "BMP")[:-10], DownloadError),
    "a TIFF": (lambda: saved(photo(), "TIFF"), ".tif"),
}


@pytest.mark.parametrize("case", RESULTS)
@pytest.mark.parametrize("lenient", [False, True], ids=["", "with a lenient Pillow"])
def test_only_whole_pictures_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, lenient: bool) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)  # as other packs of ComfyUI do
    make, expected = RESULTS[case]
    path = tmp_path / "received.part"
    path.write_bytes(make())
    if isinstance(expected, str):
        assert check_result(path) == expected
    else:
        with pytest.raises(DownloadError) as caught:
            check_result(path)
        assert type(caught.value) is expected


EVIL = "../../../evil/..%2f..%2fevil\\..\\evil.svg"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[2J'


def will_make(server: Any, result: bytes, *, task_id: str = "14-x", **headers: str) -> None:
    """The server takes one job, and its task succeeds with `result`."""
    for _ in ("of the key", "of the account"):
        server.will_say({"code": 0, "data": {"credits": 1_000_000}})
    server.will_say({"code": 0, "data": {"id": task_id}})
    rows = [{"url": f"{server.url}/{EVIL}?file=../../evil.png"}]
    server.will_say({"code": 0, "data": {"id": task_id, "status": "succeeded", "results": rows}})
    server.will_say(result, **headers)


def test_no_path_of_the_service_leads_anywhere(server, studio) -> None:
    named = 'attachment; filename="../../evil.html"'
    will_make(server, saved(photo(), "PNG"), task_id="../../evil/14-x", Content_Type="text/html", Content_Disposition=named)
    (outcome,) = studio.run(plan(["a"], model=FAST), settings=studio.settings(base_url=server.url))
    assert outcome.status == "succeeded" and outcome.file == studio.output / "Task_1_text_1.png"
    assert not [path for path in (*studio.folder.rglob("*"), *studio.folder.parent.iterdir()) if "evil" in path.name]


def test_no_upload_key_of_the_service_leads_anywhere(server, studio, photos) -> None:
    key = '../../evil.png"\r\nX-Evil: 1\r\n'
    server.will_say({"code": 0, "data": {"token": "t", "key": key, "url": f"{server.url}/{EVIL}", "domain": server.url}})
    server.will_say("")
    with studio.ledger() as ledger:
        engine.upload(photos[:1], settings=studio.settings(base_url=server.url), ledger=ledger)
    sent = server.seen[1]
    assert "X-Evil" not in sent.headers and sent.body.count(b"\r\nX-Evil") == 1  # the value of a field, and no header of the file
    assert not [path for path in studio.folder.rglob("*") if "evil" in path.name]


@pytest.mark.parametrize("case", ["HTML", "SVG"])
def test_what_is_no_picture_is_not_kept_whatever_the_service_calls_it(server, studio, case: str) -> None:
    will_make(server, RESULTS[case][0](), Content_Type="image/png")
    (outcome,) = studio.run(plan(["a"], model=FAST), settings=studio.settings(base_url=server.url))
    assert outcome.status == "failed" and outcome.credits == FAST.credits
    assert str(outcome.error).startswith("What the service sent is no whole picture")
    assert ".part" not in str(outcome.error), "the name of a temporary file says nothing to the user"
    assert not studio.pictures and not list(studio.folder.rglob("*.part"))


def test_a_bomb_is_paid_and_so_is_kept_but_never_unpacked(server, studio) -> None:
    bomb = huge(20_000)
    will_make(server, bomb, Content_Type="image/png")
    (outcome,) = studio.run(plan(["a"], model=FAST), settings=studio.settings(base_url=server.url))
    assert outcome.status == "succeeded" and outcome.file.read_bytes() == bomb
    assert "Task_1_text_1.png was kept as it came: it cannot be read here." in str(outcome.notes[0])


def test_a_reply_that_unpacks_to_too_much_is_cut_off(server, studio) -> None:
    server.will_say(gzip.compress(bytes(80 * 2**20), 1), Content_Encoding="gzip")
    file = io.BytesIO()
    settings = studio.settings(base_url=server.url, max_result_mb=1)
    with GrsaiClient(settings) as client, pytest.raises(NotKept, match="larger than 1 MB"):
        client.download(f"{server.url}/a.png", file)
    assert len(file.getvalue()) <= 2**20 + (1 << 16)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, "NaN", '"\\ud800"', "{}", "[]", "null"])
def test_a_reply_that_is_no_sense_is_an_error_of_ours(server, studio, text: str) -> None:
    server.will_say(text)
    with GrsaiClient(studio.settings(base_url=server.url)) as client, pytest.raises(GrsaiError):
        client.submit(model="m", prompt="p", urls=[], aspect_ratio="auto", image_size=None)


def test_what_the_service_says_stays_text_in_the_page(server, studio) -> None:
    for _ in ("of the key", "of the account"):
        server.will_say({"code": 0, "data": {"credits": 1_000_000}})
    server.will_say({"code": 0, "data": {"id": HOSTILE}})
    server.will_say({"code": 0, "data": {"status": "failed", "failure_reason": "error", "error": HOSTILE}})
    outcomes = studio.run(plan(["a"], model=FAST), settings=studio.settings(base_url=server.url, retries=0))
    page = write_gallery(outcomes, folder=studio.output, seconds=1.0).read_text("utf-8")
    assert r"\u003cscript\u003ealert(1)" in page and "<script>alert" not in page and "<img src=x" not in page
    assert "\x1b" not in summary(outcomes, seconds=1.0)
