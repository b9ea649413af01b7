"""What the service means when it says no: by code, by HTTP status, and by its words, English or Chinese."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import urlsplit

from ..errors import (
    GatewayError,
    GrsaiError,
    KeyRefused,
    LostReply,
    ModelUnavailable,
    NoSuchTask,
    OutOfCredits,
    RateLimited,
    RequestRefused,
    StorageError,
    UnknownRefusal,
    Unreachable,
)
from .transport import Reply

_NO_SUCH_TASK = "-22"
_GATEWAY = (408, 502, 503, 504)  # answers of a gateway that brought the request to nobody, or not whole

MODERATED = r"moderat|violat|prohibited|content.?polic|safety|(?<!in)(?<!case.)sensitive|敏感|违规|違規|审核|審核|审查"

_MONEY = "The credits are used up ({why}). Top up at the service and run again: what is made is kept."
_KEY = "The service refuses the API key ({why}). Check the key, and that it belongs to this host."
_RATE = "The service takes no more requests for now ({why})."
_MODERATION = "The service refuses the prompt or a picture ({why}). Change it and run again."
_OTHER = "The service refuses the request: {why}. Change what it names and run again."

# What a refusal says, and what it is. The first match counts: "apikey credits not enough" and "Your account balance is
# insufficient. Check your API key" are about money; "quota per minute" is not.
_SAYINGS: tuple[tuple[re.Pattern[str], type[GrsaiError], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), kind, text)
    for words, kind, text in (
        (
            r"per (second|minute|hour)|rate.?limit|too (many|frequent|fast)|throttl|concurren|频繁|请求过多|并发|每秒|每分钟",
            RateLimited,
            _RATE,
        ),
        (r"(?<![a-z])(credits?|balance|quota|arrears?|recharge|top.?up|payment|billing)(?![a-z])", OutOfCredits, _MONEY),
        (
            r"insufficient.{0,20}(fund|money|token|point)|余额|積分|积分|点数|额度|額度|配额|欠费|欠費|充值|付费",
            OutOfCredits,
            _MONEY,
        ),
        (
            r"task.{0,20}not (exist|found)|result not exist|任务.{0,6}不存在",
            NoSuchTask,
            "The service does not know the task ({why}).",
        ),
        (r"api.?key|unauthori[sz]ed|authenticat|密钥|令牌|invalid token|身份验证|未授权", KeyRefused, _KEY),
        (MODERATED, RequestRefused, _MODERATION),
        (
            r"maintenance|维护|維護|暂停服务",
            ModelUnavailable,
            "The model is in maintenance ({why}). Choose another one, or run again later.",
        ),
        (
            r"model.{0,40}(not (found|exist|register|support)|closed|offline|unavailable|no longer)"
            r"|(not|no|unknown|invalid) .{0,20}model"
            r"|模型.{0,20}(不存在|未找到|下线|关闭|不可用|不支持)",
            ModelUnavailable,
            "The service does not have this model any more ({why}). Choose another one.",
        ),
        (r"(?<![a-z])busy(?![a-z])|overload|frequen|稍后|稍後|繁忙|过多|排队", RateLimited, _RATE),
    )
)


def is_known(message: str) -> bool:
    """Whether the words alone tell that it is a refusal."""
    return _kind(message) is not None


def _kind(message: str) -> type[GrsaiError] | None:
    return next((kind for words, kind, _ in _SAYINGS if words.search(message)), None)


def refusal(code: Any, message: str) -> GrsaiError:
    if str(code) == _NO_SUCH_TASK:
        return NoSuchTask("The service does not know the task ({why}). It keeps tasks for 2 hours.", why=message)
    for words, kind, text in _SAYINGS:
        if words.search(message):
            return kind(text, why=message)
    return UnknownRefusal(_OTHER, why=message or f"code {code}")


def status_error(reply: Reply, message: str, *, is_json: bool) -> GrsaiError:
    """What an HTTP status means. The words count first where they are about money: they come with 402, 403, 429 and others."""
    status = reply.status
    kind = _kind(message) if is_json else None
    if status == 402 or kind is OutOfCredits:
        return OutOfCredits(_MONEY, why=message or "HTTP 402")
    if status == 429:
        retry_after = _seconds(reply.headers.get("Retry-After"))
        return RateLimited("The service takes no more requests for now (HTTP 429).", retry_after=retry_after)
    if status in _GATEWAY:
        return GatewayError("The gateway of the service answered HTTP {status}.", status=status)
    if 300 <= status < 400:
        text = (
            "Another server answers in place of the service (HTTP {status}, to {where}): a login page of your network, or a wrong"
            " address?"
        )
        return RequestRefused(text, status=status, where=_host(reply.headers.get("Location", "")) or "-")
    if status == 511:
        text = "Your network wants you to log in first (HTTP 511). Open a page in a browser, log in, and run again."
        return Unreachable(text, lasting=True)
    if status >= 500:
        return (
            refusal(status, message)
            if kind is KeyRefused
            else LostReply("The service broke down (HTTP {status}).", status=status)
        )
    if status in (404, 405) and not message:
        text = "This address has no such service (HTTP {status}). Correct base_url: it ends before /v1."
        return RequestRefused(text, status=status)
    if status == 413:
        return RequestRefused("The request is too large for the service (HTTP 413). Use fewer or smaller pictures.")
    if status == 403 and not is_json and reply.text.lstrip().startswith("<"):  # not the service, which would speak JSON
        text = "A gateway before the service refuses the request (HTTP 403). Change the prompt, or try another network or host."
        return RequestRefused(text)
    if status == 401 or (status == 403 and not message):
        return KeyRefused(_KEY, why=message or f"HTTP {status}")
    return refusal(status, message or f"HTTP {status}")


def storage_error(reply: Reply) -> GrsaiError:
    """All but a picture that is too large may go away with a new ticket; none of it is about the key."""
    if reply.status == 413:
        return RequestRefused("The storage takes no picture of that size (HTTP 413). Make it smaller.")
    if reply.status == 429 or reply.status in _GATEWAY:
        return status_error(reply, "", is_json=False)
    text = "The storage did not take the picture (HTTP {status}). Nothing was paid; run again later."
    return StorageError(text, status=reply.status)


def _host(url: str) -> str:
    """Scheme and host of an address; the rest may hold anything."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""
    except ValueError:
        return ""


def _seconds(value: str | None) -> float | None:
    """Seconds; a date or nonsense counts as none given."""
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), 300.0)
