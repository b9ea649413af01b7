"""The components that every page of pictures is drawn with, and the pages: words in two languages, modules that stand in one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from grsai import components
from grsai.review import page

PLACES = re.compile(r"{\w+}")
REVIEW = Path(page.__file__).parent
WORDS = (components.FOLDER / "words.js", "WORDS", "say")
SENTENCES = (REVIEW / "sentences.js", "SENTENCES", "tell")
# Keys that the code puts together: say(`state.${tile.state}`).
COMPOSED = re.compile(r"(state|verdict|view|filter|keys)\.")
OWN = re.compile(r"(?m)^(?:export )?(?:async )?(?:const|let|function|class) (\w+)")


def modules() -> dict[str, str]:
    return {name: (components.FOLDER / name).read_text("utf-8") for name in components.MODULES}


def pages() -> dict[str, dict[str, str]]:
    """The modules of each page that are put into one, behind the components."""
    files = {"gallery": [REVIEW.parent / "report" / "gallery.js"], "review": [REVIEW / name for name in page._SCRIPTS]}
    return {name: {path.name: path.read_text("utf-8") for path in paths} for name, paths in files.items()}


def table(file: Path, name: str) -> dict[str, dict[str, str]]:
    _, found, rest = file.read_text("utf-8").partition(f"export const {name} = ")
    assert found
    return json.JSONDecoder().raw_decode(rest)[0]


@pytest.mark.parametrize(("file", "name", "_"), [WORDS, SENTENCES], ids=["words", "sentences"])
def test_every_text_is_in_both_languages_with_the_same_places(file: Path, name: str, _: str) -> None:
    for key, said in table(file, name).items():
        assert said["en"] and re.search(r"[\u4e00-\u9fff]|：", said["zh"]), key
        assert sorted(PLACES.findall(said["en"])) == sorted(PLACES.findall(said["zh"])), key


@pytest.mark.parametrize(("file", "name", "speaks"), [WORDS, SENTENCES], ids=["words", "sentences"])
def test_every_text_that_is_asked_for_is_there_and_none_is_left_over(file: Path, name: str, speaks: str) -> None:
    texts = table(file, name)
    code = "\n".join(path.read_text("utf-8") for path in components.FOLDER.parent.rglob("*.js") if path != file)
    asked = set(re.findall(rf"""\b{speaks}\(\s*["']([^"']+)["']""", code))
    assert asked and asked <= texts.keys()
    assert not [key for key in texts if f'"{key}"' not in code and not COMPOSED.match(key)]


def test_the_folder_holds_the_modules_that_are_named_and_the_styles() -> None:
    named = {*components.MODULES, *components.STYLES}
    assert {path.name for path in components.FOLDER.iterdir() if path.suffix in components.TYPES} == named
    assert {path.name for path in REVIEW.glob("*.js")} == set(page._SCRIPTS)
    texts = [*modules().values(), *(text for each in pages().values() for text in each.values())]
    assert all(text.startswith("// @ts-check\n") for text in texts)


@pytest.mark.parametrize("of", ["gallery", "review"])
def test_each_module_imports_only_those_before_it_and_no_two_have_a_name_in_common(of: str) -> None:
    texts = {**modules(), **pages()[of]}
    for place, text in enumerate(texts.values()):
        imported = set(re.findall(r'(?m)^import .*? from "\.[./\w]*/(.+)";', text))
        assert imported <= set(list(texts)[:place])
    names = [name for text in texts.values() for name in OWN.findall(text)]
    assert len(names) > 20 and [name for name in set(names) if names.count(name) > 1] == []
    assert not re.search(r"(?m)^import .* as ", "\n".join(texts.values()))
