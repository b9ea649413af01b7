"""Every sentence that a user may read stands in the code in English and in grsai/zh.json in Chinese."""

from __future__ import annotations

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from grsai import errors
from grsai.texts import say, system_language

ROOT = Path(__file__).parent.parent
ERRORS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.GrsaiError)}
# The rows of tables whose sentences are shown later, and where these stand in them.
ROWS = {"_setting": (2,), "Option": (2,), "Command": (1, 5)}
Named = dict[str, list[object]]
CHINESE: dict[str, str] = json.loads((ROOT / "grsai" / "zh.json").read_text("utf-8"))


def said_in(module: ast.Module) -> Iterator[str]:
    """The templates that a module gives to `say` or to an error, directly, by a name, or in a table beside the error's class."""
    named: Named = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.targets[0], ast.Name):
            named.setdefault(node.targets[0].id, []).append(node.value.value)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and node.args and speaks(node.func):
            yield from texts(node.args[0], named)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ROWS:
            yield from (text for place in ROWS[node.func.id] for text in texts_at(node.args, place))
        if isinstance(node, ast.Tuple) and any(isinstance(each, ast.Name) and each.id in ERRORS for each in node.elts):
            yield from texts(node.elts[-1], named)


def texts_at(values: list[ast.expr], place: int) -> Iterator[str]:
    """The text that stands at that place, if one stands there."""
    yield from (text for value in values[place : place + 1] for text in texts(value, {}) if text)


def speaks(function: ast.expr) -> bool:
    """`say(…)`, `SomeError(…)`, `type(error)(…)`, `kind(…)`."""
    if isinstance(function, ast.Call):
        return isinstance(function.func, ast.Name) and function.func.id == "type"
    return isinstance(function, ast.Name) and (function.id in ERRORS or function.id in ("say", "kind"))


def texts(value: ast.expr, named: Named) -> Iterator[str]:
    """The text that an expression is, or the ones that it may be."""
    if isinstance(value, ast.IfExp):
        yield from (*texts(value.body, named), *texts(value.orelse, named))
    found = [value.value] if isinstance(value, ast.Constant) else named.get(value.id, []) if isinstance(value, ast.Name) else []
    yield from (text for text in found if isinstance(text, str))


def modules() -> list[ast.Module]:
    paths = [path for folder in ("grsai", "nodes") for path in (ROOT / folder).rglob("*.py")]
    return [ast.parse(path.read_text("utf-8")) for path in paths if path.parent.name != "emulator"]


def said() -> set[str]:
    return {text for module in modules() for text in said_in(module)} | {kind.reason for kind in ERRORS.values()}


def places(template: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)


def test_every_sentence_is_there_in_chinese() -> None:
    assert sorted(said() - set(CHINESE)) == []


def test_no_translation_is_left_of_a_sentence_that_is_gone() -> None:
    written = {node.value for module in modules() for node in ast.walk(module) if isinstance(node, ast.Constant)}
    assert sorted(text for text in CHINESE if text not in written) == []


@pytest.mark.parametrize("text", sorted(CHINESE))
def test_a_translation_fills_the_same_places(text: str) -> None:
    assert places(CHINESE[text]) == places(text)
    assert CHINESE[text].strip()


def test_an_error_speaks_both_languages_with_the_error_inside_it() -> None:
    inner = errors.NoKey("The service answered without data.")
    outer = errors.TaskFailed("Not sent: {why}", why=inner)
    assert str(outer) == "Not sent: The service answered without data."
    assert outer.say("zh") == CHINESE["Not sent: {why}"].format(why=CHINESE["The service answered without data."])


def test_a_sentence_without_a_translation_stays_english() -> None:
    assert say("Nobody has translated {this}.", "zh", this="me") == "Nobody has translated me."


def test_an_error_that_was_stored_says_the_same_in_both_languages() -> None:
    silent = errors.LostReply("{host} gave no reply ({why}).", host="grsaiapi.com", why="no reply in time")
    lost = "The service may have taken and charged this picture, but its reply was lost: {why} It is not sent again now;"
    told = errors.Uncertain(f"{lost} the next run sends it again.", why=silent)
    assert "等待回复超时" in told.say("zh")
    again = errors.from_object(json.loads(json.dumps(told.as_object())))
    assert isinstance(again, errors.Uncertain) and isinstance(again.values["why"], errors.LostReply)
    assert (str(again), again.say("zh")) == (str(told), told.say("zh"))


def test_numbers_and_paths_of_a_stored_error_fill_its_sentence_again(tmp_path: Path) -> None:
    text = "What is to be made ({count}) costs ¥{price:.2f}, more than the budget of ¥{budget:.2f}. Nothing was sent; raise the"
    price = errors.OverBudget(f"{text} budget or make fewer.", count=3, price=1.5, budget=1)
    place = errors.LedgerError("The ledger {path} was empty. It was made again from its journal.", path=tmp_path / "x")
    for error in (price, place):
        again = errors.from_object(json.loads(json.dumps(error.as_object())))
        assert again is not None and (str(again), again.say("zh")) == (str(error), error.say("zh"))


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        [],
        "text",
        {"kind": "NoKey"},
        {"kind": "NoKey", "text": 3, "values": {}},
        {"kind": "NoKey", "text": "x", "values": []},
        {"kind": "NoKey", "text": "{no}", "values": {"other": 1}},
        {"kind": "NoKey", "text": "{x:.2f}", "values": {"x": "no number"}},
        {"kind": "NoKey", "text": "{", "values": {"x": 1}},
    ],
)
def test_what_is_no_stored_error_is_none(stored: object) -> None:
    assert errors.from_object(stored) is None


def test_a_stored_error_of_a_kind_that_is_gone_still_says_what_it_said() -> None:
    again = errors.from_object({"kind": "Retired", "text": "Stopped.", "values": {}})
    assert again is not None and again.say("zh") == CHINESE["Stopped."]


@pytest.mark.parametrize("text", ["", "generate failed", "Nobody has translated me.", "google gemini timeout: 3 s"])
def test_what_the_service_says_is_told_as_it_is(text: str) -> None:
    told = errors.TaskFailed("Not sent: {why}", why=text)
    assert told.say("zh") == CHINESE["Not sent: {why}"].format(why=text)


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.Big5", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.gbk"}, "zh"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "C", "LANGUAGE": "zh_CN:en"}, "en"),
        ({"LANG": "C.UTF-8", "LC_ALL": ""}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "POSIX"}, "en"),
    ],
)
def test_the_language_is_that_of_the_variables_which_other_programs_read(variables: dict[str, str], language: str) -> None:
    assert system_language(variables) == language
