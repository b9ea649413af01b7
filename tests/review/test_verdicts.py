"""Verdicts: what may be one, and that it stays with its picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from grsai.errors import WrongSetting
from grsai.ledger import Ledger
from grsai.review import Verdict, judge, name_of, verdicts_of


@pytest.mark.parametrize(
    "wrong",
    [{"verdict": "yes"}, {"stars": 6}, {"stars": -1}, {"stars": True}, {"stars": 2.0}, {"note": "x" * 2001}, {"note": None}],
    ids=str,
)
def test_what_is_no_verdict_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(WrongSetting):
        Verdict(**wrong)  # type: ignore[arg-type]


def test_a_verdict_is_known_by_task_and_number(tmp_path: Path) -> None:
    first, second = name_of("14-1", 1), name_of("14-1", 2)
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        judge(ledger, {first: Verdict("keep", 4, "soft light"), second: Verdict("reject")})
        assert verdicts_of(ledger, [first, second, "14-2/1"]) == {
            first: Verdict("keep", 4, "soft light"),
            second: Verdict("reject"),
        }
        judge(ledger, {first: Verdict()})
        assert verdicts_of(ledger, [first]) == {}


def test_no_note_tells_a_key(tmp_path: Path) -> None:
    key = "sk-" + "0123456789abcdef" * 2
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        judge(ledger, {"14-1/1": Verdict(note=f"made with {key}")})
        assert key not in verdicts_of(ledger, ["14-1/1"])["14-1/1"].note
    assert key not in (tmp_path / "ledger.journal").read_text("utf-8")
