"""Keep and reject on the canvas: one verdict on tiles, in the tab and in the viewer, in the ledger of the review page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grsai.ledger import Ledger
from grsai.review import verdicts_of
from tests.comfy import Comfy

WORDS = "judged on the canvas"


def test_a_picture_is_judged_wherever_it_is_seen(browse: Callable[..., Any], comfy: Comfy) -> None:
    said = browse("verdicts", comfy, words=WORDS)
    assert said["buttons"] == {"before": "0", "during": "1", "verdicts": ["keep", "reject", ""], "opened": 0}
    assert {"kept", "rejected"} <= set(said["options"])
    assert said["rejected"] == ["reject"]
    assert said["redo"] == "Make the 1 rejected again · offline · free"
    name, state = said["made"]
    assert name.endswith("_v2") and state == "done"
    assert said["viewer"] == {"pressed": "true", "stars": 4}
    assert said["everywhere"][:2] == ["keep", "reject"]
    assert said["change"] == ["slider", "change", "slider"]
    with Ledger(comfy.private / "ledger.sqlite3", service="offline") as ledger:
        judged = verdicts_of(ledger, service="offline").values()
    assert sorted((each.verdict, each.stars) for each in judged) == [("keep", 0), ("keep", 4), ("reject", 0)]
