"""In which language a run and a reply speak."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

CHINESE, ENGLISH = "zh-CN,zh;q=0.9,en;q=0.8", "en-US,en;q=0.9"


@pytest.fixture
def language(pack: Any, place: Any) -> Iterator[ModuleType]:
    module = importlib.import_module("banana_pack.nodes.language")
    module.forget()
    yield module
    module.forget()


def test_a_run_speaks_the_language_of_the_canvas_that_queued_it(language: ModuleType):
    assert language.of_request({"Accept-Language": CHINESE, "Grsai-Client": "left"}) == "zh"
    assert language.of_request({"Accept-Language": ENGLISH, "Grsai-Client": "right"}) == "en"
    assert (language.of_run("left"), language.of_run("right")) == ("zh", "en")


def test_a_run_of_nobody_known_speaks_the_language_that_was_heard_last(language: ModuleType):
    assert language.of_run(None) == "en"
    language.of_request({"Accept-Language": ENGLISH, "Grsai-Client": "left"})
    language.of_request({"Accept-Language": CHINESE})
    assert (language.of_run("a script"), language.of_run(None), language.of_run("left")) == ("zh", "zh", "en")


def test_a_request_speaks_its_own_language_and_the_chosen_one_goes_first(language: ModuleType, in_chinese: None):
    assert language.of_request({"Accept-Language": ENGLISH}) == language.of_run(None) == "zh"


def test_only_the_newest_canvases_are_remembered(language: ModuleType):
    for number in range(language.MOST_CANVASES + 5):
        language.of_request({"Accept-Language": CHINESE, "Grsai-Client": str(number)})
    language.of_request({"Accept-Language": ENGLISH})
    last = language.MOST_CANVASES + 4
    assert (language.of_run(str(last)), language.of_run("0")) == ("zh", "en")
