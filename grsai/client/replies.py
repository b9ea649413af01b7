"""What a reply of the service means: a typed value, or the error that it is. Every odd form that was seen is understood.

Source of all shapes: the vendor's API documents and captured replies.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from ..errors import (
    GatewayError,
    GrsaiError,
    KeyRefused,
    LostReply,
    NoSuchTask,
    OutOfCredits,
    RateLimited,
    RequestRefused,
    StorageError,
)
from ..redact import redact
from .transport import Reply

NO_SUCH_TASK = "-22"
_MARKUP = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_SURELY_NOT_TAKEN = (502, 503, 504)  # the gateway's own answers: no server behind it took the request

# What a refusal says (lower case), and what it is. The first match counts: "apikey credits not enough" is about credits.
_REFUSALS: tuple[tuple[str, type[GrsaiError], str], ...] = (
    (
        "credit",
        OutOfCredits,
        "The credits are used up ({why}). Top up at the service and run again: what is made is kept.",
    ),
    ("apikey", KeyRefused, "The service refuses the API key ({why}). Check the key, and that it belongs to this host."),
    (
        "api key",
        KeyRefused,
        "The service refuses the API key ({why}). Check the key, and that it belongs to this host.",
    ),
    (
        "unauthorized",
        KeyRefused,
        "The service refuses the API key ({why}). Check the key, and that it belongs to this host.",
    ),
    ("model not found", RequestRefused, "The service does not have this model any more ({why}). Choose another one."),
    ("maintenance", RequestRefused, "The model is in maintenance ({why}). Choose another one, or run again later."),
    ("rate limit", RateLimited, "The service takes no more requests for now ({why})."),
)
_OTHER_REFUSAL = "The service refuses the request: {why}. Change what it names and run again."

TaskStatus = Literal["running", "succeeded", "failed"]
_STATUS: Mapping[str, TaskStatus] = MappingProxyType(
    {"succeeded": "succeeded", "success": "succeeded", "failed": "failed", "violation": "failed", "error": "failed"}
)  # everything else (running, pending, queued, submitted, in_progress, processing) is still on its way


@dataclass(frozen=True)
class Task:
    """A reply about a task. `progress`: percent; `urls`: the pictures of a task that succeeded, may be missing even then."""

    id: str
    status: TaskStatus
    progress: int = 0
    urls: tuple[str, ...] = ()
    reason: str = ""
    error: str = ""


@dataclass(frozen=True)
class Balance:
    """Credits; None: unknown. `spendable`: the lower of the `account`'s and of the key's own `limit`; `of`: whose that is."""

    spendable: int | None
    account: int | None
    limit: int | None
    of: Literal["account", "key"]


@dataclass(frozen=True)
class ListedModel:
    """A row of the service's own list. `credits`: a picture; None where that is not said. A refund of None: not said."""

    id: str
    credits: int | None
    closed: bool = False
    maintenance: bool = False
    refunds_failed: bool | None = None
    refunds_refused: bool | None = None
    kind: str = "image"


@dataclass(frozen=True)
class ModelStatus:
    up: bool
    error: str = ""


def data_of(reply: Reply, secret: str) -> Any:
    """The `data` of a reply, or the error that the reply is. Its texts never repeat the `secret`."""
    body = _body(reply.content, secret)
    if isinstance(body, dict) and _id_of(body):
        return _with_url(body.get("data") or body, body)  # an id is an id, whatever the status says
    if reply.status >= 300:
        raise _status_error(reply, body)
    if not isinstance(body, dict):
        raise _no_json(redact(reply.text, secret))
    code, message = body.get("code", 0), str(body.get("msg") or body.get("error") or "")
    if not _is_zero(code):
        raise _refusal(code, message)
    return body.get("data", body)


def _with_url(data: Any, body: dict[str, Any]) -> Any:
    """The task with the address that stands beside it, which counts where it names no picture itself."""
    if isinstance(data, dict) and body.get("url") and not data.get("url"):
        return {**data, "url": body["url"]}
    return data


def _no_json(text: str) -> LostReply:
    start = " ".join(_MARKUP.sub(" ", text).split())[:60]
    if not start:
        return LostReply("The service answered with nothing.")
    return LostReply("The service answered with something that is no JSON ({start}).", start=start)


def _body(content: bytes, secret: str) -> Any:
    """JSON, or the last event of a stream, told apart by the first bytes as the content type cannot be trusted."""
    text = content.decode("utf-8", "replace").strip()
    if text.startswith("data:"):
        events = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
        text = next((event for event in reversed(events) if event.startswith("{")), "")
    try:
        return json.loads(_storable(text), object_hook=lambda found: found | _told(found, secret))
    except (ValueError, RecursionError):
        return None


def _storable(text: str) -> str:
    """JSON without halves of letters, such as of an emoji that was cut: no file and no database takes them."""
    if "\\ud" not in text.lower():
        return text
    return json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()


def _told(found: dict[str, Any], secret: str) -> dict[str, str]:
    """What the service says in words, and a key may have any shape that it could repeat there."""
    return {name: redact(str(found[name]), secret) for name in ("msg", "error", "failure_reason") if found.get(name)}


def _id_of(body: dict[str, Any]) -> bool:
    data = body.get("data")
    found = data.get("id") if isinstance(data, dict) else data
    return _is_zero(body.get("code")) and (isinstance(found, str) and found != "" or bool(body.get("id")))


def _is_zero(code: Any) -> bool:
    return code in (0, "0", None)


def storage_error(reply: Reply) -> GrsaiError:
    """All but a picture that is too large may go away with a new ticket; none of it is about the key."""
    if reply.status == 413:
        return RequestRefused("The storage takes no picture of that size (HTTP 413). Make it smaller.")
    if reply.status == 429 or reply.status in _SURELY_NOT_TAKEN:
        return _status_error(reply)
    text = "The storage did not take the picture (HTTP {status}). Nothing was paid; run again later."
    return StorageError(text, status=reply.status)


def _status_error(reply: Reply, body: Any = None) -> GrsaiError:
    status, message = (
        reply.status,
        str(body.get("msg") or body.get("error") or "") if isinstance(body, dict) else "",
    )
    if status == 429:
        retry_after = _retry_after(reply.headers.get("Retry-After"))
        return RateLimited("The service takes no more requests for now (HTTP 429).", retry_after=retry_after)
    if status in _SURELY_NOT_TAKEN:
        return GatewayError("The gateway of the service answered HTTP {status}.", status=status)
    if status == 403 and body is None and reply.text.lstrip().startswith("<"):  # not the service, which would speak JSON
        text = "A gateway before the service refuses the request (HTTP 403). Change the prompt, or try another network or host."
        return RequestRefused(text)
    if status in (401, 403):
        return _refusal(status, message or f"apikey, HTTP {status}")
    if status >= 500:
        return LostReply("The service broke down (HTTP {status}).", status=status)
    return _refusal(status, message or f"HTTP {status}")


def _refusal(code: Any, message: str) -> GrsaiError:
    if str(code) == NO_SUCH_TASK or "result not exist" in message:
        return NoSuchTask("The service does not know the task ({why}). It keeps tasks for 2 hours.", why=message)
    for part, kind, text in _REFUSALS:
        if part in message.lower():
            return kind(text, why=message)
    return RequestRefused(_OTHER_REFUSAL, why=message or f"code {code}")


def _retry_after(value: str | None) -> float | None:
    """Seconds; a date or nonsense counts as none given."""
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), 300.0)


def task_of(task_id: str, data: dict[str, Any]) -> Task:
    status = _STATUS.get(str(data.get("status") or "").lower(), "running")
    reason = str(data.get("failure_reason") or "")
    if data.get("status") == "violation":
        reason = reason or "output_moderation"
    progress = min(max(int(or_zero(data.get("progress"))), 0), 100)
    return Task(task_id, status, progress, _urls(data), reason, str(data.get("error") or ""))


def _urls(data: dict[str, Any]) -> tuple[str, ...]:
    """The pictures: in `results`, else in a `url` on the top level."""
    rows = data.get("results")
    found = [row.get("url") if isinstance(row, dict) else row for row in (rows if isinstance(rows, list) else [])]
    return _addresses(found) or _addresses([data.get("url")])


def _addresses(found: list[Any]) -> tuple[str, ...]:
    return tuple(url for url in found if isinstance(url, str) and url.startswith(("http://", "https://")))


def fields_of(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise LostReply("The service answered without data.")
    return data


def number_of(data: Any) -> int | None:
    """The credits in a reply; None if it does not say."""
    found: Any = data.get("credits") if isinstance(data, dict) else data
    try:
        return int(float(found))
    except (TypeError, ValueError, OverflowError):
        return None


def or_zero(value: Any) -> float:
    try:
        return float(value) if math.isfinite(float(value)) else 0.0
    except (TypeError, ValueError, OverflowError):
        return 0.0


def balance_of(limit: int | None, account: int | None) -> Balance:
    """What can be spent is the lower of the two that are above 0; a negative number says nothing."""
    limit, account = (None if value is None or value < 0 else value for value in (limit, account))
    if limit and (not account or limit < account):
        return Balance(limit, account, limit, "key")
    return Balance(account, account, limit, "account")


def listed_models(data: Any) -> tuple[ListedModel, ...]:
    """The rows of getModelListV2, or of the older getModelList."""
    rows = data.get("list") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise LostReply("The service did not say which models there are.")
    return tuple(_listed(row) for row in rows if isinstance(row, dict) and (row.get("name") or row.get("model")))


def _listed(row: dict[str, Any]) -> ListedModel:
    by_token = str(row.get("costType") or "0") != "0"
    return ListedModel(
        str(row.get("model") or row["name"]),
        None if by_token else number_of(row.get("cost", row.get("credits"))),
        bool(row.get("closeModel")),
        bool(row.get("maintenance")),
        None if row.get("errorReturn") is None else bool(row["errorReturn"]),
        None if row.get("violationReturn") is None else bool(row["violationReturn"]),
        str(row.get("type") or "image"),
    )
