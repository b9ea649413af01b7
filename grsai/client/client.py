"""Grsai over HTTP: one method an endpoint, every odd reply understood. The only file with `requests`."""

from __future__ import annotations

import contextlib
import json
import math
import re
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO, Literal
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from ..errors import (
    DownloadError,
    GatewayError,
    GrsaiError,
    KeyRefused,
    LostReply,
    NoSuchTask,
    NotKept,
    OutOfCredits,
    RateLimited,
    RequestRefused,
    StorageError,
    Unreachable,
)
from ..pictures import Encoded
from ..redact import guard_http_logs, redact
from ..settings import Settings, host, is_loopback

NO_SUCH_TASK = "-22"
_CHUNK = 1 << 16
_MIME = MappingProxyType({"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"})
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

# What is raised while a connection is made. Other SSL and proxy errors may also cut one that has carried the request.
_NOT_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    NewConnectionError,
    ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)

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
class ModelStatus:
    up: bool
    error: str = ""


class GrsaiClient:
    """A connection to one host with one key. Threads may share it: each has a session of its own.

    Every method raises `ServiceError`s only. Source of all shapes: the vendor's API documents and captured replies.
    """

    def __init__(self, settings: Settings, *, base_url: str | None = None) -> None:
        self.base_url = base_url or settings.base_url
        self._settings = settings
        self._proxy = settings.proxy and not is_loopback(self.base_url)  # a proxy has no business with this machine
        self._sessions = _Sessions(self._proxy)
        self._others: dict[str, GrsaiClient] = {}
        self._lock = threading.Lock()
        guard_http_logs()

    def __enter__(self) -> GrsaiClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._sessions.close()
        for other in self._others.values():
            other._sessions.close()

    def at(self, base_url: str) -> GrsaiClient:
        """The same key at another host: a task is polled where it was accepted."""
        if base_url == self.base_url:
            return self
        with self._lock:
            if base_url not in self._others:
                self._others[base_url] = GrsaiClient(self._settings, base_url=host(base_url))
            return self._others[base_url]

    def upload(self, picture: Encoded) -> str:
        """Uploads in three steps and returns the public URL."""
        ticket = _object(self._post("/client/resource/newUploadTokenZH", {"sux": picture.suffix}))
        try:
            token, key, url, domain = (str(ticket[name]) for name in ("token", "key", "url", "domain"))
        except KeyError:
            raise StorageError("The service gave no upload ticket. Nothing was paid; run again later.") from None
        self._put(url, {"token": token, "key": key}, (key, picture.data, _MIME.get(picture.suffix, "application/octet-stream")))
        return f"{domain.rstrip('/')}/{key}"

    def submit(self, *, model: str, prompt: str, urls: Sequence[str], aspect_ratio: str, image_size: str | None) -> str:
        """Starts a task, which is paid from here on, and returns its id.

        Goes over a fresh connection: one that was kept open may be dead, and then nobody knows whether the request arrived.
        """
        body = {"model": model, "prompt": prompt, "urls": list(urls), "aspectRatio": aspect_ratio}
        body |= {"imageSize": image_size} if image_size else {}
        with _session(self._proxy) as session:
            data = self._post("/v1/draw/nano-banana", body | {"webHook": "-1", "shutProgress": False}, session=session)
        task_id = data.get("id") if isinstance(data, dict) else data
        if not isinstance(task_id, str) or not task_id:
            raise LostReply("The service answered without a task id.")
        return task_id

    def poll(self, task_id: str) -> Task:
        """How far a task is. Raises `NoSuchTask` for one that is unknown, also in the first seconds after a submit."""
        return _task(task_id, _object(self._post("/v1/draw/result", {"id": task_id})))

    def credits(self) -> int:
        """The balance in credits: of the key if it has a limit of its own, else of the account."""
        key = self._settings.key.reveal()
        balance = _number(self._post("/client/openapi/getAPIKeyCredits", {"apiKey": key}))
        balance = balance or _number(self._get("/client/common/getCredits", {"apikey": key}))
        if balance is None:  # unknown is not nothing: that would hold up every batch
            raise LostReply("The service did not say how many credits there are.")
        return balance

    def model_status(self, model: str) -> ModelStatus:
        """Whether the vendor says that a model is up. Needs no key."""
        data = _object(self._get("/client/common/getModelStatus", {"model": model}, _NoKey()))
        return ModelStatus(bool(data.get("status")), str(data.get("error") or ""))

    def download(self, url: str, file: BinaryIO) -> int:
        """Streams a result into `file` and returns its size in bytes. No key is sent. Raises `DownloadError`."""
        self._check_foreign(url)
        limit = int(self._settings.max_result_mb * 2**20)
        try:
            with self._sessions.get().get(url, stream=True, timeout=self._timeout(), auth=_NoKey()) as reply:
                self._check_foreign(reply.url)
                return _stream(reply, file, limit)
        except (requests.RequestException, ValueError) as error:  # a redirect may lead to what is no address
            raise DownloadError("The picture did not arrive ({why}).", why=_short(error)) from None

    def _put(self, url: str, form: dict[str, str], file: tuple[str, bytes, str]) -> None:
        self._check_foreign(url)
        timeout = (self._settings.connect_seconds, self._settings.upload_seconds)
        reply = self._send("POST", url, auth=_NoKey(), data=form, files={"file": file}, timeout=timeout, secrets=(form["token"],))
        if not 200 <= reply.status_code < 300:
            raise _storage_error(reply)

    def _post(self, path: str, body: dict[str, Any], *, session: requests.Session | None = None) -> Any:
        return self._call("POST", path, session=session, json=body)

    def _get(self, path: str, query: dict[str, str], auth: AuthBase | None = None) -> Any:
        return self._call("GET", path, params=query, auth=auth)

    def _call(self, method: str, path: str, *, auth: AuthBase | None = None, **content: Any) -> Any:
        auth = auth or _Bearer(self._settings.key.reveal())
        reply = self._send(method, self.base_url + path, auth=auth, timeout=self._timeout(), **content)
        return _data(reply, self._settings.api_key.reveal() if self._settings.api_key else "")

    def _send(
        self,
        method: str,
        url: str,
        *,
        session: requests.Session | None = None,
        secrets: tuple[str, ...] = (),
        **content: Any,
    ) -> requests.Response:
        """One request with its whole reply; never along a redirect, which could carry the key to another host."""
        try:
            return (session or self._sessions.get()).request(method, url, allow_redirects=False, **content)
        except requests.RequestException as error:
            where = urlsplit(url).hostname
            why = redact(_short(error), *secrets)
            if surely_not_sent(error):
                raise Unreachable("{host} cannot be reached ({why}). Check network and proxy.", host=where, why=why) from None
            raise LostReply("{host} gave no reply ({why}).", host=where, why=why) from None

    def _timeout(self) -> tuple[float, float]:
        return self._settings.connect_seconds, self._settings.read_seconds

    def _check_foreign(self, url: str) -> None:
        """Storage and results come over https, but for an emulator, which itself is on loopback."""
        try:
            parts = urlsplit(url)
        except ValueError:
            raise NotKept("The service gave an address that is not valid.") from None
        if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url) and is_loopback(self.base_url)):
            return
        raise NotKept(
            "The service named an address that is not safe: {scheme}://{host}.",
            scheme=parts.scheme,
            host=parts.hostname,
        )


def surely_not_sent(error: BaseException | None) -> bool:
    """Whether no connection came about, so that the request cannot have arrived."""
    while error is not None:
        if isinstance(error, _NOT_SENT):
            return True
        inner = (
            getattr(error, "reason", None) or getattr(error, "original_error", None) or (error.args[0] if error.args else None)
        )
        error = inner if isinstance(inner, BaseException) else None
    return False


@contextlib.contextmanager
def _connecting(connection: HTTPConnection) -> Iterator[None]:
    """Whatever goes wrong while a connection is made, to a proxy and with TLS too, is an error before anything was sent."""
    try:
        yield
    except (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError):
        raise
    except Exception as error:
        raise NewConnectionError(connection, type(error).__name__) from error


class _Connection(HTTPConnection):
    def connect(self) -> None:
        with _connecting(self):
            super().connect()


class _SecureConnection(HTTPSConnection):
    def connect(self) -> None:
        with _connecting(self):
            super().connect()


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls: Any = _SecureConnection


class _Adapter(HTTPAdapter):
    """Its connections tell one that never came about from one that was cut: only that may have carried a request."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager


class _Sessions:
    """A session for each thread, so that connections are kept open and none is shared."""

    def __init__(self, proxy: bool) -> None:
        self._proxy = proxy
        self._local = threading.local()
        self._all: list[requests.Session] = []

    def get(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = _session(self._proxy)
            self._all.append(self._local.session)
        return self._local.session

    def close(self) -> None:
        for session in self._all:
            session.close()


def _session(proxy: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = proxy
    session.max_redirects = 5
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(pool_connections=4, pool_maxsize=2, max_retries=0))
    return session


class _Bearer(AuthBase):
    """The key in the header. As `auth`, so that a .netrc of the user cannot replace it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class _NoKey(AuthBase):
    """Sends nothing, and keeps requests from looking into .netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _data(reply: requests.Response, secret: str) -> Any:
    """The `data` of a reply, or the error that the reply is. Its texts never repeat the `secret`."""
    body = _body(reply.content, secret)
    if isinstance(body, dict) and _id_of(body):
        return _with_url(body.get("data") or body, body)  # an id is an id, whatever the status says
    if reply.status_code >= 300:
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


def _storage_error(reply: requests.Response) -> GrsaiError:
    """All but a picture that is too large may go away with a new ticket; none of it is about the key."""
    if reply.status_code == 413:
        return RequestRefused("The storage takes no picture of that size (HTTP 413). Make it smaller.")
    if reply.status_code == 429 or reply.status_code in _SURELY_NOT_TAKEN:
        return _status_error(reply)
    text = "The storage did not take the picture (HTTP {status}). Nothing was paid; run again later."
    return StorageError(text, status=reply.status_code)


def _status_error(reply: requests.Response, body: Any = None) -> GrsaiError:
    status, message = (
        reply.status_code,
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
    if str(code) == NO_SUCH_TASK:
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


def _task(task_id: str, data: dict[str, Any]) -> Task:
    status = _STATUS.get(str(data.get("status") or "").lower(), "running")
    reason = str(data.get("failure_reason") or "")
    if data.get("status") == "violation":
        reason = reason or "output_moderation"
    progress = min(max(int(_or_zero(data.get("progress"))), 0), 100)
    return Task(task_id, status, progress, _urls(data), reason, str(data.get("error") or ""))


def _urls(data: dict[str, Any]) -> tuple[str, ...]:
    """The pictures: in `results`, else in a `url` on the top level."""
    rows = data.get("results")
    found = [row.get("url") if isinstance(row, dict) else row for row in (rows if isinstance(rows, list) else [])]
    return _addresses(found) or _addresses([data.get("url")])


def _addresses(found: list[Any]) -> tuple[str, ...]:
    return tuple(url for url in found if isinstance(url, str) and url.startswith(("http://", "https://")))


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise LostReply("The service answered without data.")
    return data


def _number(data: Any) -> int | None:
    """The credits in a reply; None if it does not say."""
    found: Any = data.get("credits") if isinstance(data, dict) else data
    try:
        return int(float(found))
    except (TypeError, ValueError, OverflowError):
        return None


def _or_zero(value: Any) -> float:
    try:
        return float(value) if math.isfinite(float(value)) else 0.0
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _stream(reply: requests.Response, file: BinaryIO, limit: int) -> int:
    if reply.status_code != 200:
        raise DownloadError("The picture is not there (HTTP {status}).", status=reply.status_code)
    size = 0
    if _or_zero(reply.headers.get("Content-Length")) > limit:
        raise _too_large(limit)
    for chunk in reply.iter_content(_CHUNK):
        size += file.write(chunk)
        if size > limit:
            raise _too_large(limit)
    return size


def _too_large(limit: int) -> NotKept:
    text = "The picture is larger than {limit} MB, which is the most that is kept. Raise max_result_mb in grsai.toml."
    return NotKept(text, limit=limit >> 20)


def _short(error: BaseException) -> str:
    """The kind of a network error, without the address and query that requests writes into its text."""
    names = {
        "ConnectTimeout": "no connection in time",
        "ReadTimeout": "no reply in time",
        "ProxyError": "the proxy failed",
        "SSLError": "no secure connection",
        "ConnectionError": "the connection failed",
        "ChunkedEncodingError": "the reply broke off",
    }
    return names.get(type(error).__name__, type(error).__name__)
