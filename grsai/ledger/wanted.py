"""What is looked for in the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .entries import text_of

_LONGEST = 1_000  # letters of a text that is looked for
_HAS_TEXT = "(prompt LIKE ? ESCAPE '\\' OR name LIKE ? ESCAPE '\\')"


@dataclass(frozen=True)
class Wanted:
    """Tasks of one `service`, in one `state`, of one `model`, made `since` then (seconds since 1970), of one `run`, with `text`
    in prompt or name. What is empty, or 0, asks for all; `run` "" for those of which no run is known, None for all.
    """

    service: str
    state: str = ""
    model: str = ""
    since: float = 0.0
    run: str | None = None
    text: str = ""

    def where(self) -> tuple[str, list[Any]]:
        """As SQL, with the values of its places."""
        parts: list[str] = ["service = ?"]
        values: list[Any] = [text_of(self.service)]
        for name, value in (("state", self.state), ("model", self.model)):
            if value:
                parts.append(f"{name} = ?")
                values.append(text_of(value))
        if self.since:
            parts.append("created >= ?")
            values.append(self.since)
        if self.run is not None:
            parts.append("run IS ?")
            values.append(text_of(self.run) or None)
        if self.text:
            looked_for = text_of(self.text)[:_LONGEST].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            parts.append(_HAS_TEXT)
            values += [f"%{looked_for}%"] * 2
        return " AND ".join(parts), values

    @property
    def index(self) -> str:
        """The one by which they are found."""
        if self.run is not None:
            return "tasks_by_run"
        return "tasks_by_state" if self.state else "tasks_by_service"
