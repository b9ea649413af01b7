"""A verdict: whether a picture is kept or rejected, its stars and a note. It belongs to the picture, wherever its file lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ..errors import WrongSetting
from ..ledger import Ledger
from ..redact import redact

Choice = Literal["keep", "reject", ""]
CHOICES: tuple[Choice, ...] = get_args(Choice)
MOST_STARS = 5
MOST_NOTE = 2_000  # letters
_KIND = "verdict"


@dataclass(frozen=True)
class Verdict:
    """What was said of one picture; nothing as long as nobody did. Raises `WrongSetting` for what is none."""

    verdict: Choice = ""
    stars: int = 0  # 1 to 5
    note: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in CHOICES:
            raise WrongSetting("A verdict is keep, reject or nothing, not {value}.", value=str(self.verdict)[:40])
        if type(self.stars) is not int or not 0 <= self.stars <= MOST_STARS:
            raise WrongSetting("Stars can be 0 to {most}, not {value}.", most=MOST_STARS, value=str(self.stars)[:40])
        if not isinstance(self.note, str) or len(self.note) > MOST_NOTE:
            raise WrongSetting("A note is a text of at most {most} letters.", most=MOST_NOTE)

    def __bool__(self) -> bool:
        return bool(self.verdict or self.stars or self.note)


NOTHING_SAID = Verdict()


def name_of(task_id: str, number: int) -> str:
    """The name of a picture: the task that made it, and its place among the pictures of that task, from 1."""
    return f"{task_id}/{number}"


def judge(ledger: Ledger, verdicts: Mapping[str, Verdict], *, service: str | None = None) -> None:
    """Writes verdicts down, by the names of their pictures. They are on disk when this returns. Raises `LedgerError`."""
    said = {name: _facts(verdict) for name, verdict in verdicts.items()}
    ledger.remark(_KIND, said, service=service)


def verdicts_of(ledger: Ledger, names: Sequence[str] | None = None, *, service: str | None = None) -> dict[str, Verdict]:
    """What was said of pictures, by their names; those that nobody judged are not in it. Without `names`: of all, or of those
    of one service.
    """
    remarks = ledger.remarks(_KIND, None if names is None else list(names))
    found = {remark.about: _verdict(remark.said) for remark in remarks if service in (None, remark.service)}
    return {name: verdict for name, verdict in found.items() if verdict}


def _facts(verdict: Verdict) -> dict[str, Any]:
    """As the ledger holds it: what is set."""
    note = redact(verdict.note.encode("utf-8", "replace").decode())
    return {name: value for name, value in {**asdict(verdict), "note": note}.items() if value}


def _verdict(facts: Mapping[str, Any]) -> Verdict:
    """What a newer program may have written, and this one does not know, counts as nothing said."""
    try:
        return Verdict(facts.get("verdict", ""), facts.get("stars", 0), facts.get("note", ""))
    except WrongSetting:
        return NOTHING_SAID
