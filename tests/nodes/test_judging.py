"""Verdicts on the canvas, as its routes write them down."""

from __future__ import annotations

import importlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


def test_two_words_at_once_are_both_kept(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judging = importlib.import_module("banana_pack.nodes.judging")
    graph.batch("judged twice at once")
    [entry] = judging.account.ledger().entries(text="judged twice at once")
    asked = judging.verdicts_of

    def slowly(*asked_for: Any) -> Any:
        found = asked(*asked_for)
        time.sleep(0.2)  # the other one reads meanwhile, if nothing keeps it from it
        return found

    monkeypatch.setattr(judging, "verdicts_of", slowly)
    picture = {"task": entry.task_id, "number": 1}
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(judging.say, ({**picture, **word} for word in ({"stars": 4}, {"verdict": "keep"}, {"note": "sharp"}))))
    [said] = judging.of_tasks({"tasks": [entry.task_id]})["verdicts"].values()
    assert said == {"verdict": "keep", "stars": 4, "note": "sharp"}
