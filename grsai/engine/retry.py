"""What is tried again: uploads, polls and downloads freely; the paid submit only where the service surely did not take it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from ..errors import (
    DownloadError,
    GatewayError,
    GrsaiError,
    LostReply,
    NotKept,
    RateLimited,
    TaskError,
    TaskFailed,
    Unreachable,
)

Verdict = Literal["again", "refused", "uncertain"]
# What the error of a submit says about the money. Everything not named here was refused and cost nothing.
_VERDICTS: tuple[tuple[type[GrsaiError], Verdict], ...] = (
    (Unreachable, "again"),  # no connection
    (RateLimited, "again"),  # 429
    (GatewayError, "again"),  # 502, 503, 504 without an id
    (LostReply, "uncertain"),  # cut, timed out, HTTP 500, or not understood
)
FREE = (Unreachable, RateLimited, GatewayError, LostReply, DownloadError)  # what passes, in all steps that cost nothing
_FINAL_ERRORS = ("image format is incorrect", "maintenance")  # trying again at once brings the same, and costs again


def verdict(error: GrsaiError) -> Verdict:
    """Whether a submit that ended in `error` may be sent again, was refused, or may have been paid."""
    for kind, said in _VERDICTS:
        if isinstance(error, kind):
            return said
    return "refused"


def may_pass(error: GrsaiError) -> bool:
    """Whether a step that costs nothing may go well when it is tried again."""
    return isinstance(error, FREE) and not isinstance(error, NotKept) and not getattr(error, "lasting", False)


def may_help(error: TaskError) -> bool:
    """Whether submitting again may bring a picture where the task failed."""
    text = str(error).lower()
    return isinstance(error, TaskFailed) and not any(final in text for final in _FINAL_ERRORS)


@dataclass(frozen=True)
class Backoff:
    """Waiting between tries of one step: exponential with jitter, `Retry-After` honoured. Seconds."""

    tries: int = 8
    first: float = 0.4
    longest: float = 15.0

    def wait(self, failures: int, retry_after: float | None = None) -> float:
        """Seconds to wait after so many failures in a row (1 or more)."""
        full = min(self.first * 2 ** (failures - 1), self.longest)
        return max(retry_after or 0.0, full * random.uniform(0.5, 1.0))
