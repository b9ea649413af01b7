"""The web extension as it stands in the files: every text in two languages, every picture and page there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

PACK = Path(__file__).parent.parent
MODULES = sorted((PACK / "web" / "js").rglob("*.js"))
COMPONENTS = PACK / "grsai" / "components"
NODES = ("BatchBanana", "GrsaiUpload", "LoadBananaFolder", "LoadBananaSheet", "NanoBananaGenerate")
SENTENCES = PACK / "web" / "js" / "sentences.js"
# Keys that the code puts together: t(`state.${entry.state}`).
COMPOSED = re.compile(r"(api|currency|host)\.|(ask_above|budget_day|budget_month|credits_per_yuan|limit)\.(label|about)$")
CHINESE = re.compile(r"[\u4e00-\u9fff]|[（：]|^sk-")  # letters, or at least marks; a key looks the same everywhere


def _exported(name: str) -> dict[str, Any]:
    """An object of sentences.js, which is written as JSON."""
    _, found, rest = SENTENCES.read_text("utf-8").partition(f"export const {name} = ")
    assert found
    return json.JSONDecoder().raw_decode(rest)[0]


def _texts() -> dict[str, tuple[str, str]]:
    return {key: (text["en"], text["zh"]) for key, text in _exported("TEXTS").items()}


def _code() -> str:
    """All modules but the sentences themselves."""
    return "\n".join(module.read_text("utf-8") for module in MODULES if module != SENTENCES)


def test_every_text_is_in_both_languages_with_the_same_places():
    for key, (english, chinese) in _texts().items():
        assert english and CHINESE.search(chinese), key
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", chinese)), key


def test_every_text_that_is_asked_for_is_there_and_none_is_left_over():
    code = _code()
    asked = set(re.findall(r"""\bt\(\s*["']([^"']+)["']""", code))
    assert asked and asked <= _texts().keys()
    assert not [key for key in _texts() if f'"{key}"' not in code and not COMPOSED.match(key)]


def test_no_sentence_is_written_into_the_modules():
    for module in MODULES:
        if module not in (SENTENCES, SENTENCES.with_name("main.js")):
            code = re.sub(r"//.*|/\*.*?\*/", "", module.read_text("utf-8"))
            spoken = re.findall(r'"([A-Z][a-z]+ [a-z]+[^"]*)"', code)
            assert not spoken, module


def test_the_settings_are_called_as_in_the_locale():
    locale = json.loads((PACK / "locales" / "en" / "settings.json").read_text("utf-8"))
    settings = {
        name.replace(".", "_"): {"name": texts["name"], "tooltip": texts["tooltip"]}
        for name, texts in _exported("SETTINGS").items()
    }
    assert settings == locale


def test_the_headings_of_the_settings_are_in_the_locale():
    headings = {heading for texts in _exported("SETTINGS").values() for heading in texts["category"][:2]}
    locale = json.loads((PACK / "locales" / "en" / "main.json").read_text("utf-8"))
    assert locale["settingsCategories"].keys() == headings


def test_every_setting_is_on_the_screen():
    code = _code()
    assert all(f'entry("{name}"' in code for name in _exported("SETTINGS"))


def test_every_module_is_checked_by_types():
    assert [module for module in MODULES if not module.read_text("utf-8").startswith("// @ts-check\n")] == []


def test_only_one_module_does_something_when_it_is_loaded():
    assert [module.name for module in MODULES if "app.registerExtension(" in module.read_text("utf-8")] == ["main.js"]


def test_every_import_leads_to_a_file():
    for module in MODULES:
        for target in re.findall(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)["'](\.[^"']+)["']""", module.read_text("utf-8")):
            path = (module.parent / target).resolve()
            if path.parent.name == "components":  # the server hands these out, as if they lay there
                path = COMPONENTS / path.name
            assert path.is_file() or path.parent.name == "scripts", (module, path)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("node", NODES)
def test_every_node_has_a_help_page_with_a_picture(node: str, language: str):
    docs = PACK / "web" / "docs"
    page = (docs / node / f"{language}.md").read_text("utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert pictures
    for picture in pictures:
        with Image.open(docs / picture) as image:  # ComfyUI looks for it beside the folder of the node
            assert max(image.size) <= 1600 and (image.width <= 560 or not Path(picture).name.startswith("canvas"))  # legible
    assert not re.search(r"^\|", page, re.MULTILINE)  # a table runs out of the panel
    assert bool(CHINESE.search(page)) == (language == "zh")


@pytest.mark.parametrize("example", sorted((PACK / "example_workflows").glob("*.jpg")), ids=lambda path: path.stem)
def test_the_picture_of_an_example_is_small(example: Path):
    with Image.open(example) as image:
        assert image.format == "JPEG" and max(image.size) <= 1024
    assert example.stat().st_size < 200_000
