"""Everything that can go wrong.

GrsaiError
├── Refused                  refused here, before anything was sent
│   ├── WrongSetting         key, host, option or file of settings
│   │   └── NoKey
│   ├── WrongJob             model, ratio, size, prompt or plan
│   ├── WrongSheet           a sheet, with what is wrong in which row
│   ├── WrongText            a file that is no text, or not in an encoding that is read
│   ├── BadPicture           a picture that cannot be read, or is too large
│   ├── OverBudget           the batch costs more than the budget or the balance
│   └── OutputError          the output folder or file cannot be written
├── ServiceError             the service refused, or could not be reached
│   ├── Unreachable          no connection: surely not taken
│   ├── RateLimited          429
│   ├── GatewayError         502, 503, 504: surely not taken
│   ├── LostReply            sent, but the reply never came, or cannot be understood: nobody can tell
│   │   └── StorageError     a picture could not go up: nothing was submitted
│   ├── Uncertain            a submit whose reply was lost: it may have been paid
│   ├── KeyRefused
│   ├── OutOfCredits
│   ├── RequestRefused       any other refusal
│   │   ├── ModelUnavailable     closed, in maintenance, or without room
│   │   └── UnknownRefusal       in words that say nothing to us
│   └── NoSuchTask           -22
├── TaskError                the task ran and brought no picture
│   ├── Moderated            final
│   ├── TaskFailed           often temporary
│   ├── EmptyResult          succeeded without a picture
│   ├── Forgotten            given up by the user
│   └── StillOpen            our own deadline passed; the task may still finish
├── DownloadError            the picture is there and paid, but did not arrive whole
│   └── NotKept              what came is no picture, or at an address that is not safe
│       └── TooLarge         more than max_result_mb: it can be fetched once that is raised
├── LedgerError              the ledger cannot be read or written
│   └── LedgerBusy
└── Stopped                  the user stopped the run
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeGuard, TypeVar

from .redact import redact
from .texts import plain, say

E = TypeVar("E", bound="GrsaiError")
_SAY_SOMETHING = ("why", "source")


class GrsaiError(Exception):
    """What happened and what to do next, in any language: `str(error)` is English, `error.say("zh")` Chinese.

    Neither ever shows a key or a signed URL.
    """

    reason: ClassVar[str] = "error"
    lasting = False  # whether to try the same again cannot help

    def __init_subclass__(cls) -> None:
        cls.__module__ = "grsai"  # ComfyUI shows module and class to the user

    def __init__(self, text: str, /, **values: Any) -> None:
        self.text = text
        self.values = {name: redact(value) if isinstance(value, str) else value for name, value in values.items()}
        super().__init__(self.say())

    def within(self: E, text: str, /, **values: Any) -> E:
        """The same error told within another sentence, in which `{why}` is what it said."""
        told = type(self).__new__(type(self))  # not by `copy`: libraries that send errors about change what that does
        told.__dict__.update(self.__dict__)
        GrsaiError.__init__(told, text, why=self, **values)
        return told

    def say(self, language: str = "en") -> str:
        said = {name: _said(name, value, language) for name, value in self.values.items()}
        return redact(say(self.text, language, **said))

    def as_object(self) -> dict[str, Any]:
        """What is stored of it, as JSON holds it: `from_object` makes an error of it that says the same in every language."""
        values = {name: _storable(value) for name, value in self.values.items()}
        return {"kind": type(self).__name__, "text": self.text, "values": values}


def from_object(stored: Any) -> GrsaiError | None:
    """The error that `as_object` stored; None if that is not what was stored. A kind that is gone is a plain error."""
    if not _is_stored(stored):
        return None
    kinds = (kind for kind in globals().values() if isinstance(kind, type) and issubclass(kind, GrsaiError))
    kind = next((kind for kind in kinds if kind.__name__ == stored["kind"]), GrsaiError)
    values = {name: from_object(value) if isinstance(value, dict) else value for name, value in stored["values"].items()}
    try:
        return kind(stored["text"], **values)
    except (ArithmeticError, LookupError, TypeError, ValueError):  # values that do not fill the sentence
        return None


def _said(name: str, value: Any, language: str) -> Any:
    """A value in a sentence. Of the texts those are translated that say something; all others are names."""
    if isinstance(value, GrsaiError):
        return value.say(language)
    if isinstance(value, str) and name in _SAY_SOMETHING:
        return plain(say(value, language))
    return plain(str(value)) if isinstance(value, str | Path) else value


def _storable(value: Any) -> Any:
    if isinstance(value, GrsaiError):
        return value.as_object()
    return value if isinstance(value, str | int | float | None) else str(value)


def _is_stored(value: Any) -> TypeGuard[dict[str, Any]]:
    kinds = {"kind": str, "text": str, "values": dict}
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in kinds.items())


class Refused(GrsaiError):
    reason = "refused"


class WrongSetting(Refused):
    pass


class NoKey(WrongSetting):
    pass


class WrongJob(Refused):
    pass


class WrongSheet(Refused):
    """`faults`: what is wrong, each with its row as a spreadsheet numbers them; told line by line."""

    def __init__(self, text: str, /, *, faults: Sequence[tuple[int, GrsaiError]] = (), **values: Any) -> None:
        self.faults = tuple(faults)
        super().__init__(text, **values)

    def say(self, language: str = "en") -> str:
        rows = [say("Row {row}: {why}", language, row=row, why=error.say(language)) for row, error in self.faults]
        return "\n".join([super().say(language), *rows])


class WrongText(Refused):
    pass


class BadPicture(Refused):
    pass


class OverBudget(Refused):
    pass


class OutputError(Refused):
    reason = "not written"


class ServiceError(GrsaiError):
    reason = "service"


class Unreachable(ServiceError):
    """`lasting`: whether it will be so until somebody changes a setting."""

    reason = "unreachable"

    def __init__(self, text: str, /, *, lasting: bool = False, **values: Any) -> None:
        self.lasting = lasting
        super().__init__(text, **values)


class RateLimited(ServiceError):
    """`retry_after`: seconds that the service asks to wait, if it says."""

    reason = "rate limit"

    def __init__(self, text: str, /, *, retry_after: float | None = None, **values: Any) -> None:
        self.retry_after = retry_after
        super().__init__(text, **values)


class GatewayError(ServiceError):
    reason = "gateway"


class LostReply(ServiceError):
    reason = "reply lost"


class StorageError(LostReply):
    reason = "upload"


class Uncertain(ServiceError):
    reason = "uncertain"


class KeyRefused(ServiceError):
    reason = "key"


class OutOfCredits(ServiceError):
    reason = "credits"


class RequestRefused(ServiceError):
    reason = "refused"


class ModelUnavailable(RequestRefused):
    pass


class UnknownRefusal(RequestRefused):
    pass


class NoSuchTask(ServiceError):
    reason = "no such task"


class TaskError(GrsaiError):
    reason = "task failed"


class Moderated(TaskError):
    reason = "moderation"


class TaskFailed(TaskError):
    pass


class EmptyResult(TaskError):
    reason = "no picture"


class Forgotten(TaskError):
    reason = "forgotten"


class StillOpen(TaskError):
    reason = "still open"


class DownloadError(GrsaiError):
    reason = "download"

    def __init__(self, text: str, /, *, lasting: bool | None = None, **values: Any) -> None:
        self.lasting = type(self).lasting if lasting is None else lasting
        super().__init__(text, **values)


class NotKept(DownloadError):
    lasting = True


class TooLarge(NotKept):
    pass


class LedgerError(GrsaiError):
    reason = "ledger"


class LedgerBusy(LedgerError):
    pass


class Stopped(GrsaiError):
    reason = "stopped"
