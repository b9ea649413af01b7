"""Grsai over HTTP: one method an endpoint."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO
from urllib.parse import quote

from requests.auth import AuthBase

from ..errors import GatewayError, GrsaiError, KeyRefused, LostReply, RequestRefused, ServiceError, StorageError, Unreachable
from ..models import Api
from ..pictures import Encoded
from ..redact import guard_http_logs
from ..settings import Settings, host, is_loopback
from .addresses import check_address
from .downloads import download
from .refusals import storage_error
from .replies import (
    Balance,
    ListedModel,
    ModelStatus,
    Task,
    accepted,
    balance_of,
    check_stored,
    credits_of,
    data_of,
    listed_models,
    model_status_of,
    polled,
    ticket_of,
)
from .transport import Bearer, NoKey, Reply, Transport

_log = logging.getLogger(__name__)
_MOST = 8 << 20  # bytes of a reply without pictures
_SUBMIT_SECONDS = 30.0  # at least: to give up on a reply that still comes may cost a picture
_SUBMIT: Mapping[Api, str] = MappingProxyType({"unified": "/v1/api/generate", "legacy": "/v1/draw/nano-banana"})
_MIME = MappingProxyType({"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"})


class GrsaiClient:
    """A connection to one host with one key. Threads may share it.

    Methods raise a `ServiceError` for what the service or the network says, and `NoKey` without a key; `download` raises a
    `DownloadError`, and `at` a `WrongSetting`.
    """

    def __init__(self, settings: Settings, *, base_url: str | None = None) -> None:
        self.base_url = base_url or settings.base_url
        self._settings = settings
        proxy = settings.proxy and not is_loopback(self.base_url)  # a proxy has no business with this machine
        self._transport = Transport(proxy=proxy, connect_seconds=settings.connect_seconds)
        self._ended: dict[str, Task] = {}  # tasks whose end the reply to their submit told already
        self._others: dict[str, GrsaiClient] = {}
        self._lock = threading.Lock()
        guard_http_logs()

    def __enter__(self) -> GrsaiClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.let_go()

    def let_go(self) -> None:
        """Closes the connections that are kept open and idle, in all threads: others may need what they hold."""
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
        """Uploads in three steps and returns the public URL. Every address is checked before anything counts on it."""
        token, key, url, domain = ticket_of(
            data_of(self._ask("POST", "/client/resource/newUploadTokenZH", json={"sux": picture.suffix}), self._secret)
        )
        public = f"{domain if '://' in domain else f'https://{domain}'}".rstrip("/") + "/" + quote(key)
        for address in (url, public):
            check_address(address, base_url=self.base_url, kind=StorageError)
        seconds = self._settings.upload_seconds
        file = (key, picture.data, _MIME.get(picture.suffix, "application/octet-stream"))
        reply = self._transport.send(
            "POST",
            url,
            silence_seconds=seconds,
            seconds=2 * seconds,
            most=_MOST,
            auth=NoKey(),
            data={"token": token, "key": key},
            files={"file": file},
        )
        if not 200 <= reply.status < 300:
            raise storage_error(reply)
        if reply.why is not None:
            raise reply.why
        check_stored(reply)
        return public

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
        reply = self._ask("POST", _SUBMIT[api], seconds=_SUBMIT_SECONDS, json=body, fresh=True)
        if not reply.content.strip() and 200 <= reply.status < 300:
            self._check_key()
        found = accepted(reply, self.base_url, self._secret)
        if found.doubt is not None and not self._knows(found.task_id, api):
            text = "The service refuses the request, and names task {task} all the same: {why}"
            raise LostReply(text, task=found.task_id, why=found.doubt)
        if found.doubt is not None or reply.why is not None:
            _log.warning("task %s is accepted: %s", found.task_id, found.doubt or reply.why)
        if found.ended is not None:
            self._ended[found.task_id] = found.ended
        return found.task_id

    def poll(self, task_id: str, *, api: Api = "legacy") -> Task:
        """How far a task is. Raises `NoSuchTask` for one that is unknown, also in the first seconds after a submit."""
        if (told := self._ended.pop(task_id, None)) is not None:
            return told
        most = _MOST + int(1.5 * min(self._settings.max_result_mb, 32) * 2**20)  # the picture may come within the reply
        if api == "unified":
            reply = self._ask("GET", "/v1/api/result", most=most, params={"id": task_id})
        else:
            reply = self._ask("POST", "/v1/draw/result", most=most, json={"id": task_id})
        return polled(reply, task_id, self.base_url, self._secret)

    def balance(self) -> Balance:
        """What can be spent: of the account, or of the key where it has a limit of its own that is lower.

        One of the two may be unknown. Raises if neither can be asked.
        """
        key = self._settings.key.reveal()
        found: list[int | None] = []
        errors: list[ServiceError] = []
        ways: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("POST", "/client/openapi/getAPIKeyCredits", {"json": {"apiKey": key}}),
            ("GET", "/client/common/getCredits", {"params": {"apikey": key}}),
        )
        for method, path, content in ways:
            try:
                found.append(credits_of(data_of(self._ask(method, path, **content), self._secret)))
            except (KeyRefused, Unreachable):
                raise
            except ServiceError as error:
                found.append(None)
                errors.append(error)
        if len(errors) == len(found):
            raise errors[0]
        return balance_of(*found)

    def credits(self) -> int:
        """The credits that can be spent. Raises `LostReply` where the service does not say."""
        spendable = self.balance().spendable
        if spendable is None:  # unknown is not nothing: that would hold up every batch
            raise LostReply("The service did not say how many credits there are.")
        return spendable

    def model_list(self) -> tuple[ListedModel, ...]:
        """The service's models of today with their prices. Needs no key."""
        try:
            return self._listed("/client/serverGrsai/getModelListV2")
        except (LostReply, RequestRefused, GatewayError) as error:
            _log.info("the list of models: %s Asking the older one.", error)
            return self._listed("/client/serverGrsai/getModelList")

    def model_status(self, model: str) -> ModelStatus:
        """Whether the vendor says that a model is up. Needs no key."""
        reply = self._ask("GET", "/client/common/getModelStatus", auth=NoKey(), params={"model": model})
        return model_status_of(data_of(reply, self._secret))

    def download(self, url: str, file: BinaryIO) -> int:
        """Streams a result into `file` and returns its size in bytes. No key is sent. Raises `DownloadError`."""
        most, seconds = int(self._settings.max_result_mb * 2**20), self._settings.read_seconds
        return download(self._transport, url, file, base_url=self.base_url, most=most, silence_seconds=seconds)

    def _listed(self, path: str) -> tuple[ListedModel, ...]:
        return listed_models(data_of(self._ask("POST", path, auth=NoKey(), json={}), self._secret))

    def _check_key(self) -> None:
        """An empty reply to a submit is how a key is refused, or was lost on its way: only the balance can tell."""
        try:
            self.balance()
        except KeyRefused:
            raise
        except GrsaiError:
            pass

    def _knows(self, task_id: str, api: Api) -> bool:
        """Whether the service has a task that it seemed to refuse: asking is free."""
        try:
            self.poll(task_id, api=api)
        except ServiceError:
            return False
        return True

    @property
    def _secret(self) -> str:
        return self._settings.api_key.reveal() if self._settings.api_key else ""

    def _ask(
        self, method: str, path: str, *, auth: AuthBase | None = None, most: int = _MOST, seconds: float = 0.0, **content: Any
    ) -> Reply:
        """An endpoint's reply, asked with the key where no other `auth` is given. `seconds`: that it may take at least."""
        auth = auth or Bearer(self._settings.key.reveal())
        silence = self._settings.read_seconds
        return self._transport.send(
            method,
            self.base_url + path,
            silence_seconds=silence,
            seconds=max(seconds, 2 * silence),
            most=most,
            auth=auth,
            **content,
        )
