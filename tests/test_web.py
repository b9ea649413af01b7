"""The web extension as it stands in the files: every text in two languages, every picture and page there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

PACK = Path(__file__).parent.parent
MODULES = sorted((PACK / "web" / "js").rglob("*.js"))
NODES = ("BatchBanana", "GrsaiUpload", "LoadBananaFolder", "NanoBananaGenerate")
STRING = r'"((?:[^"\\]|\\.)*)"'
# Keys that the code puts together: t(`state.${entry.state}`).
COMPOSED = ("currency.", "host.", "key.", "limit.", "proxy.", "state.")
CHINESE = re.compile(r"[\u4e00-\u9fff]|[（：]|^sk-")  # letters, or at least marks; a key looks the same everywhere


def _texts() -> dict[str, tuple[str, str]]:
    source = (PACK / "web" / "js" / "texts.js").read_text("utf-8")
    found = re.findall(rf"^  {STRING}: {{\s*en: {STRING},\s*zh: {STRING},?\s*}}", source, re.MULTILINE)
    assert len(found) == len(re.findall(r"\ben: ", source))
    return {key: (english, chinese) for key, english, chinese in found}


def test_every_text_is_in_both_languages_with_the_same_places():
    for key, (english, chinese) in _texts().items():
        assert CHINESE.search(chinese), key
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", chinese)), key


def test_every_text_that_is_asked_for_is_there_and_none_is_left_over():
    source = "\n".join(module.read_text("utf-8") for module in MODULES if module.name != "texts.js")
    own = (PACK / "web" / "js" / "texts.js").read_text("utf-8")
    asked = set(re.findall(rf"\bt\(\s*{STRING}", source + own))
    assert asked <= _texts().keys()
    named = set(re.findall(STRING, source)) | asked
    assert not [key for key in _texts() if key not in named and not key.startswith(COMPOSED)]


def test_no_sentence_is_written_into_the_modules():
    for module in MODULES:
        if module.name not in ("texts.js", "settings.js", "main.js"):
            code = re.sub(r"//.*|/\*.*?\*/", "", module.read_text("utf-8"))
            spoken = re.findall(r'"([A-Z][a-z]+ [a-z]+[^"]*)"', code)
            assert not spoken, module


def test_the_settings_are_called_as_in_the_locale():
    source = (PACK / "web" / "js" / "settings.js").read_text("utf-8")
    names = dict(re.findall(rf"entry\({STRING}, \[[^\]]*\], {STRING}", source))
    tooltips = dict(re.findall(rf"^  {STRING}: {STRING},$", source, re.MULTILINE))
    locale = json.loads((PACK / "locales" / "en" / "settings.json").read_text("utf-8"))
    assert {name.replace(".", "_"): {"name": text, "tooltip": tooltips[name]} for name, text in names.items()} == locale


def test_the_headings_of_the_settings_are_in_the_locale():
    source = (PACK / "web" / "js" / "settings.js").read_text("utf-8")
    headings = {heading for _, *pair in re.findall(rf"entry\({STRING}, \[{STRING}, {STRING}, ", source) for heading in pair}
    locale = json.loads((PACK / "locales" / "en" / "main.json").read_text("utf-8"))
    assert locale["settingsCategories"].keys() == headings


def test_only_one_module_does_something_when_it_is_loaded():
    assert [module.name for module in MODULES if "app.registerExtension(" in module.read_text("utf-8")] == ["main.js"]


def test_every_import_leads_to_a_file():
    for module in MODULES:
        for target in re.findall(rf"^import .* from {STRING};|^}} from {STRING};", module.read_text("utf-8"), re.MULTILINE):
            path = (module.parent / "".join(target)).resolve()
            assert path.is_file() or "scripts" in path.parts, (module, path)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("node", NODES)
def test_every_node_has_a_help_page_with_a_picture(node: str, language: str):
    docs = PACK / "web" / "docs"
    page = (docs / node / f"{language}.md").read_text("utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert pictures
    for picture in pictures:
        with Image.open(docs / picture) as image:  # ComfyUI looks for it beside the folder of the node
            assert max(image.size) <= 1600
    assert bool(CHINESE.search(page)) == (language == "zh")


@pytest.mark.parametrize("example", sorted((PACK / "example_workflows").glob("*.jpg")), ids=lambda path: path.stem)
def test_the_picture_of_an_example_is_small(example: Path):
    with Image.open(example) as image:
        assert image.format == "JPEG" and max(image.size) <= 1024
    assert example.stat().st_size < 200_000
