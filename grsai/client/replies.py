"""What a reply of the service means: a typed value, or the error that it is. Every odd form that was seen is understood.

Source of all shapes: the vendor's API documents and captured replies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import GrsaiError, KeyRefused, LostReply, OutOfCredits, StorageError
from ..models import ListedModel
from ..redact import redact
from ..texts import plain
from .addresses import addresses
from .refusals import MODERATED, is_known, refusal, status_error
from .transport import Reply
from .values import MESSAGES, list_of, object_of, parsed, percent_of, text_of, truth_of, whole_of, without

MOST_ID, MOST_ROWS = 200, 1000  # letters of an id; rows of a list
_MARKUP = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_IDS = ("id", "taskId", "task_id")
_CUT_ID = re.compile(r'"(?:id|taskId|task_id)"\s*:\s*"([^"\\]{4,200})"')
_FINE = ("", "0", "200", "success", "ok", "None")  # codes of a reply that is no refusal

TaskStatus = Literal["running", "succeeded", "failed"]
_SUCCEEDED = ("succeeded", "succeed", "success", "completed", "complete", "finished", "done", "成功", "已完成")
_RUNNING = ("running", "pending", "queued", "submitted", "in_progress", "processing")
# Words of an end without a picture. Every other word is that of a task which is still on its way.
_ENDED = re.compile(
    r"cancel|time.?d?.?out|reject|refus|expire|fail|error|abort|terminat|violat|block|interrupt|失败|取消|超时|违规|拒绝|过期",
    re.IGNORECASE,
)
_MODERATED = re.compile(MODERATED, re.IGNORECASE)
_OF_THE_INPUT = re.compile(
    r"image format|image (is )?too large|(unsupported|invalid|corrupt\w*) (image|prompt|picture|aspect|size|param)"
    r"|prompt.{0,20}(long|empty|invalid)"
    r"|invalid.?(argument|param)|图片格式|图片过大|提示词.{0,6}(过长|为空|无效)|参数",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Task:
    """A reply about a task. `progress`: percent; `urls`: the pictures of a task that succeeded, may be missing even then, and
    may be `data:` addresses. `reason`: why it failed, with `moderation` or `input` in it where trying again cannot help."""

    id: str
    status: TaskStatus
    progress: int = 0
    urls: tuple[str, ...] = ()
    reason: str = ""
    error: str = ""

    @property
    def public_urls(self) -> tuple[str, ...]:
        """What anybody can ask for: without the pictures that came within the reply."""
        return tuple(url for url in self.urls if not url.startswith("data:"))


@dataclass(frozen=True)
class Balance:
    """Credits; None: unknown. `spendable`: the lower of the `account`'s and of the key's own `limit`; `of`: whose that is."""

    spendable: int | None
    account: int | None
    limit: int | None
    of: Literal["account", "key"]


@dataclass(frozen=True)
class ModelStatus:
    up: bool
    error: str = ""


@dataclass(frozen=True)
class Accepted:
    """The answer to a submit. `doubt`: why it may be refused all the same; `ended`: the task, if its end was told at once."""

    task_id: str
    doubt: GrsaiError | None = None
    ended: Task | None = None


def accepted(reply: Reply, base_url: str, secret: str) -> Accepted:
    """The task that a submit has started, or the error that its reply is. An id is an id, whatever stands beside it."""
    body = _body(reply, secret)
    fields = _task_fields(body)
    task_id = _id_of(fields, body)
    message, code = _message(body), _code_of(body)
    if task_id and len(task_id) <= MOST_ID:
        told = task_of(task_id, fields, base_url)
        if told.status == "failed" and reply.status >= 400:
            no = refusal("", message)
            if isinstance(no, (KeyRefused, OutOfCredits)):
                raise no  # nothing was made; the id is none that can be asked for
        refused = code not in _FINE or (code == "" and reply.status >= 400 and not _is_told(fields))
        ended = told.status == "failed" or (told.status == "succeeded" and told.urls)
        return Accepted(task_id, refusal(code or reply.status, message) if refused else None, told if ended else None)
    if task_id:
        raise LostReply("The service answered without a task id.")
    if body is None and (cut := _CUT_ID.search(reply.text)):
        return Accepted(cut[1])
    _raise_refusal(reply, body, secret)
    if message and (_ENDED.search(str(fields.get("status") or "")) or is_known(message)):
        raise refusal("", message)
    raise LostReply("The service answered without a task id.")


def polled(reply: Reply, task_id: str, base_url: str, secret: str) -> Task:
    """The task in a reply to a poll. One that has failed may come with HTTP 400."""
    body = _body(reply, secret)
    fields = _task_fields(body)
    known, told = _id_of(fields, body), _is_told(fields)
    if known and not told and reply.status < 300 and _code_of(body) in _FINE:
        return Task(task_id, "running")
    if not (told and (known or (reply.status < 300 and _code_of(body) in _FINE))):
        _raise_refusal(reply, body, secret)
        raise LostReply("The service answered without data.")
    if fields.get("id") == "" and is_known(_message(fields)):
        raise refusal("", _message(fields))
    return task_of(task_id, fields, base_url)


def data_of(reply: Reply, secret: str) -> object:
    """What any other endpoint answers, out of its wrapping. What it says in words never repeats the `secret`."""
    body = _body(reply, secret)
    _raise_refusal(reply, body, secret)
    return object_of(body).get("data", body)


def task_of(task_id: str, fields: Mapping[str, object], base_url: str) -> Task:
    state = str(fields.get("status") or fields.get("state") or "").strip().lower()
    progress, urls = percent_of(fields.get("progress")), addresses(fields, base_url)
    reason, error = text_of(fields.get("failure_reason")), _message({**fields, "failure_reason": None})
    status: TaskStatus = "succeeded" if state in _SUCCEEDED else "failed" if _ENDED.search(state) else "running"
    if status == "running" and urls and (progress == 100 or (state not in _RUNNING and fields.get("progress") is None)):
        status = "succeeded"  # whatever the state is called: the picture is there
    if status == "failed":
        reason = _reason(state, reason, error)
    return Task(task_id, status, progress, urls, reason, error)


def _reason(state: str, reason: str, error: str) -> str:
    """Why a task failed, as it is said or, where only words say it, as they mean."""
    if "violat" in state or "违规" in state:
        return reason or "output_moderation"
    if "moderation" not in reason and (found := _MODERATED.search(f"{reason} {error}")):
        return f"moderation ({found[0]})"
    return "input" if reason in ("", "error") and _OF_THE_INPUT.search(error) else reason


def balance_of(limit: int | None, account: int | None) -> Balance:
    """What can be spent is the lower of the two that are above 0; a negative number says nothing."""
    limit, account = (None if value is None or value < 0 else value for value in (limit, account))
    if limit and (not account or limit < account):
        return Balance(limit, account, limit, "key")
    return Balance(account, account, limit, "account")


def credits_of(data: object) -> int | None:
    """The credits in a reply; None if it does not say."""
    return whole_of(object_of(data).get("credits") if isinstance(data, dict) else data)


def model_status_of(data: object) -> ModelStatus:
    if not isinstance(data, dict):
        raise LostReply("The service answered without data.")
    fields = object_of(data)
    return ModelStatus(bool(truth_of(fields.get("status"))), text_of(fields.get("error")))


def listed_models(data: object) -> tuple[ListedModel, ...]:
    """The rows of getModelListV2, or of the older getModelList."""
    rows = object_of(data).get("list") if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise LostReply("The service did not say which models there are.")
    found = (_listed(object_of(row)) for row in list_of(rows)[:MOST_ROWS])
    return tuple(row for row in found if row is not None)


def _listed(row: Mapping[str, object]) -> ListedModel | None:
    name = row.get("model") or row.get("name")
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= MOST_ID:
        return None
    by_token, cost = str(row.get("costType") or "0") != "0", whole_of(row.get("cost", row.get("credits")))
    return ListedModel(
        name,
        None if by_token or not cost or cost < 0 else cost,
        bool(truth_of(row.get("closeModel"))),
        bool(truth_of(row.get("maintenance"))),
        truth_of(row.get("errorReturn")),
        truth_of(row.get("violationReturn")),
        text_of(row.get("type")) or "image",
    )


def ticket_of(data: object) -> tuple[str, str, str, str]:
    """Token, key, address and domain of an upload ticket."""
    ticket = object_of(data)
    found = [value for name in ("token", "key", "url", "domain") if isinstance(value := ticket.get(name), str) and value.strip()]
    if len(found) < 4:
        raise StorageError("The service gave no upload ticket. Nothing was paid; run again later.")
    token, key, url, domain = (value.strip() for value in found)
    return token, key, url, domain


def check_stored(reply: Reply) -> None:
    """A storage that says an error with HTTP 200 has taken nothing."""
    if error := object_of(parsed(reply.text)).get("error"):
        text = "The storage did not take the picture ({why}). Nothing was paid; run again later."
        raise StorageError(text, why=text_of(error))


def _raise_refusal(reply: Reply, body: object, secret: str) -> None:
    """Raises the error that a reply is, if it is one."""
    if reply.status >= 300:
        raise status_error(reply, _message(body), is_json=isinstance(body, dict))
    if not isinstance(body, dict):
        raise reply.why or _no_json(redact(reply.text, secret))
    code, message = _code_of(body), _message(body)
    if code not in _FINE or (not {"code", "data", "status"} & object_of(body).keys() and is_known(message)):
        raise refusal(code, message)


def _no_json(text: str) -> LostReply:
    start = plain(" ".join(_MARKUP.sub(" ", text).split()))[:60]
    if not start:
        return LostReply("The service answered with nothing.")
    if text.lstrip().startswith("<"):
        text = "A gateway, or a login page of your network, answered in place of the service with what is no JSON ({start})."
        return LostReply(text, start=start)
    return LostReply("The service answered with something that is no JSON ({start}).", start=start)


def _body(reply: Reply, secret: str) -> object:
    """The JSON of a reply, or the last event of a stream; None if it is neither. No text in it repeats the `secret`."""
    try:
        return without(secret, parsed(reply.text))
    except RecursionError:
        return None


def _task_fields(body: object) -> dict[str, object]:
    """The task in a reply, wrapped as `data` or not; with the address that stands beside it, where it names no picture itself."""
    fields = object_of(body)
    for _ in range(3):
        data = fields.get("data")
        found = parsed(data) if isinstance(data, str) and data.lstrip().startswith("{") else data
        inner = object_of(list_of(found)[0] if len(list_of(found)) == 1 else found)
        if not inner:
            break
        fields = {**inner, "url": inner.get("url") or fields.get("url")}
    return fields


def _id_of(fields: Mapping[str, object], body: object) -> str:
    """The id in a reply: in its task, beside it, or bare. A whole number is one too."""
    whole = object_of(body)
    named = [*(fields.get(name) for name in _IDS), *(whole.get(name) for name in _IDS)]
    bare = whole.get("data") if _code_of(body) in _FINE else None
    return next((each for each in map(_as_id, [*named, bare]) if each), "")


def _as_id(value: object) -> str:
    number = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value.strip() if isinstance(value, str) and not value.lstrip().startswith("{") else str(value) if number else ""


def _is_told(fields: Mapping[str, object]) -> bool:
    """Whether it is said how far the task is."""
    return any(fields.get(name) for name in ("status", "state", "results", "progress"))


def _code_of(body: object) -> str:
    """The code of a reply in lower case; "" where there is none."""
    fields = object_of(body)
    code = fields.get("code")
    if code is None:
        return "refused" if fields.get("success") is False else ""
    return str(code).strip().lower()


def _message(value: object) -> str:
    """What a reply says in words: the first of the fields that say anything but "success"."""
    fields = object_of(value)
    said = [text for name in MESSAGES if (text := text_of(fields.get(name))) and text.lower() not in _FINE]
    if not said and (inner := object_of(fields.get("data"))):
        return _message({name: inner.get(name) for name in MESSAGES})
    return said[0] if said else ""
