"""The components that every page of pictures is drawn with: words in two languages, and modules that also stand in one."""

from __future__ import annotations

import json
import re

from grsai import components

PLACES = re.compile(r"{\w+}")
# Keys that the code puts together: say(`state.${tile.state}`).
COMPOSED = re.compile(r"(state|verdict|view)\.")


def texts() -> dict[str, str]:
    return {name: (components.FOLDER / name).read_text("utf-8") for name in components.MODULES}


def words() -> dict[str, dict[str, str]]:
    _, found, rest = texts()["words.js"].partition("export const WORDS = ")
    assert found
    return json.JSONDecoder().raw_decode(rest)[0]


def test_every_word_is_in_both_languages_with_the_same_places() -> None:
    for key, said in words().items():
        assert said["en"] and re.search(r"[\u4e00-\u9fff]|：", said["zh"]), key
        assert sorted(PLACES.findall(said["en"])) == sorted(PLACES.findall(said["zh"])), key


def test_every_word_that_is_asked_for_is_there_and_none_is_left_over() -> None:
    folder = components.FOLDER.parent
    code = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.js") if path.name != "words.js")
    asked = set(re.findall(r"""\bsay\(\s*["']([^"']+)["']""", code))
    assert asked and asked <= words().keys()
    assert not [key for key in words() if f'"{key}"' not in code and not COMPOSED.match(key)]


def test_the_folder_holds_the_modules_that_are_named_and_the_style() -> None:
    assert {path.name for path in components.FOLDER.iterdir() if path.suffix in components.TYPES} == {
        *components.MODULES,
        components.STYLE,
    }
    assert all(text.startswith("// @ts-check\n") for text in texts().values())


def test_each_module_imports_only_those_before_it() -> None:
    for place, text in enumerate(texts().values()):
        imported = set(re.findall(r'(?m)^import .* from "\./(.+)";', text))
        assert imported <= set(components.MODULES[:place])


def test_no_two_modules_have_a_name_in_common() -> None:
    own = re.compile(r"(?m)^(?:export )?(?:const|let|function|class) (\w+)")
    names = [name for text in texts().values() for name in own.findall(text)]
    assert len(names) == len(set(names)) > 20
    assert not re.search(r"(?m)^import .* as ", "\n".join(texts().values()))
