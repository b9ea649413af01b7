"""Grsai over HTTP: one method an endpoint."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from ..errors import DownloadError, GatewayError, LostReply, NotKept, RequestRefused, StorageError
from ..models import Api
from ..pictures import Encoded
from ..redact import guard_http_logs
from ..settings import Settings, host, is_loopback
from .replies import (
    Balance,
    ListedModel,
    ModelStatus,
    Task,
    balance_of,
    data_of,
    fields_of,
    listed_models,
    number_of,
    or_zero,
    storage_error,
    task_of,
)
from .transport import Bearer, NoKey, Transport, short

_CHUNK = 1 << 16
_SUBMIT: Mapping[Api, str] = MappingProxyType({"unified": "/v1/api/generate", "legacy": "/v1/draw/nano-banana"})
_MIME = MappingProxyType({"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"})


class GrsaiClient:
    """A connection to one host with one key. Threads may share it.

    Methods raise a `ServiceError` for what the service or the network says; `NoKey` without a key; `NotKept` for an address
    of the storage or a result that is not safe; `download` a `DownloadError`, and `at` a `WrongSetting`.
    """

    def __init__(self, settings: Settings, *, base_url: str | None = None) -> None:
        self.base_url = base_url or settings.base_url
        self._settings = settings
        self._transport = Transport(proxy=settings.proxy and not is_loopback(self.base_url))  # this machine needs no proxy
        self._others: dict[str, GrsaiClient] = {}
        self._lock = threading.Lock()
        guard_http_logs()

    def __enter__(self) -> GrsaiClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for client in (self, *self._others.values()):
            client._transport.close()

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
        ticket = fields_of(self._call("POST", "/client/resource/newUploadTokenZH", json={"sux": picture.suffix}))
        try:
            token, key, url, domain = (str(ticket[name]) for name in ("token", "key", "url", "domain"))
        except KeyError:
            raise StorageError("The service gave no upload ticket. Nothing was paid; run again later.") from None
        self._put(url, {"token": token, "key": key}, (key, picture.data, _MIME.get(picture.suffix, "application/octet-stream")))
        return f"{domain.rstrip('/')}/{key}"

    @staticmethod
    def inline(picture: Encoded) -> str:
        """A picture as the address that holds it whole, for `urls` where no upload can be had."""
        kind = _MIME.get(picture.suffix, "application/octet-stream")
        return f"data:{kind};base64,{base64.b64encode(picture.data).decode()}"

    def submit(
        self,
        *,
        model: str,
        prompt: str,
        urls: Sequence[str],
        aspect_ratio: str,
        image_size: str | None,
        quality: str | None = None,
        background: str | None = None,
        api: Api = "legacy",
    ) -> str:
        """Starts a task, which is paid from here on, and returns its id, which only the same generation of the API knows.

        `urls`: addresses of the references, or `inline` pictures. Goes over a fresh connection: one that was kept open may be
        dead, and then nobody knows whether the request arrived.
        """
        asked = {"imageSize": image_size, "quality": quality, "background": background}
        body = {"model": model, "prompt": prompt, "aspectRatio": aspect_ratio, **{k: v for k, v in asked.items() if v}}
        if api == "unified":
            body |= {"images": list(urls), "replyType": "async"}
        else:
            body |= {"urls": list(urls), "webHook": "-1", "shutProgress": False}
        data = self._call("POST", _SUBMIT[api], json=body, fresh=True)
        task_id = data.get("id") if isinstance(data, dict) else data
        if not isinstance(task_id, str) or not task_id:
            raise LostReply("The service answered without a task id.")
        return task_id

    def poll(self, task_id: str, *, api: Api = "legacy") -> Task:
        """How far a task is. Raises `NoSuchTask` for one that is unknown, also in the first seconds after a submit."""
        if api == "unified":
            return task_of(task_id, fields_of(self._call("GET", "/v1/api/result", params={"id": task_id})))
        return task_of(task_id, fields_of(self._call("POST", "/v1/draw/result", json={"id": task_id})))

    def balance(self) -> Balance:
        """What the account holds and what the key may spend of it."""
        key = self._settings.key.reveal()
        limit = number_of(self._call("POST", "/client/openapi/getAPIKeyCredits", json={"apiKey": key}))
        account = None if limit else number_of(self._call("GET", "/client/common/getCredits", params={"apikey": key}))
        return balance_of(limit, account)

    def credits(self) -> int:
        """The credits that can be spent. Raises `LostReply` where the service does not say."""
        spendable = self.balance().spendable
        if spendable is None:  # unknown is not nothing: that would hold up every batch
            raise LostReply("The service did not say how many credits there are.")
        return spendable

    def model_list(self) -> tuple[ListedModel, ...]:
        """The service's models of today with their prices. Needs no key."""
        try:
            return listed_models(self._call("POST", "/client/serverGrsai/getModelListV2", json={}, auth=NoKey()))
        except (LostReply, RequestRefused, GatewayError):
            return listed_models(self._call("POST", "/client/serverGrsai/getModelList", json={}, auth=NoKey()))

    def model_status(self, model: str) -> ModelStatus:
        """Whether the vendor says that a model is up. Needs no key."""
        data = fields_of(self._call("GET", "/client/common/getModelStatus", params={"model": model}, auth=NoKey()))
        return ModelStatus(bool(data.get("status")), str(data.get("error") or ""))

    def download(self, url: str, file: BinaryIO) -> int:
        """Streams a result into `file` and returns its size in bytes. No key is sent. Raises `DownloadError`."""
        self._check_foreign(url)
        limit = int(self._settings.max_result_mb * 2**20)
        try:
            with self._transport.session.get(url, stream=True, timeout=self._timeout(), auth=NoKey()) as reply:
                self._check_foreign(reply.url)
                return _stream(reply, file, limit)
        except (requests.RequestException, ValueError) as error:  # a redirect may lead to what is no address
            raise DownloadError("The picture did not arrive ({why}).", why=short(error)) from None

    def _put(self, url: str, form: dict[str, str], file: tuple[str, bytes, str]) -> None:
        self._check_foreign(url)
        timeout = (self._settings.connect_seconds, self._settings.upload_seconds)
        reply = self._transport.send(
            "POST", url, auth=NoKey(), data=form, files={"file": file}, timeout=timeout, secrets=(form["token"],)
        )
        if not 200 <= reply.status < 300:
            raise storage_error(reply)

    def _call(self, method: str, path: str, *, auth: AuthBase | None = None, **content: Any) -> Any:
        """The data in the reply of an endpoint, asked with the key where no other `auth` is given."""
        auth = auth or Bearer(self._settings.key.reveal())
        reply = self._transport.send(method, self.base_url + path, auth=auth, timeout=self._timeout(), **content)
        return data_of(reply, self._settings.api_key.reveal() if self._settings.api_key else "")

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


def _stream(reply: requests.Response, file: BinaryIO, limit: int) -> int:
    if reply.status_code != 200:
        raise DownloadError("The picture is not there (HTTP {status}).", status=reply.status_code)
    size = 0
    if or_zero(reply.headers.get("Content-Length")) > limit:
        raise _too_large(limit)
    for chunk in reply.iter_content(_CHUNK):
        size += file.write(chunk)
        if size > limit:
            raise _too_large(limit)
    return size


def _too_large(limit: int) -> NotKept:
    text = "The picture is larger than {limit} MB, which is the most that is kept. Raise max_result_mb in grsai.toml."
    return NotKept(text, limit=limit >> 20)
