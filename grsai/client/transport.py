"""How requests travel: sessions and connections, and what is known of a request that failed. The only file with `requests`."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from ..errors import LostReply, Unreachable
from ..redact import redact

# What is raised while a connection is made. Other SSL and proxy errors may also cut one that has carried the request.
_NOT_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    NewConnectionError,
    ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)


@dataclass(frozen=True)
class Reply:
    """A whole reply."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class Transport:
    """A session for each thread, so that connections are kept open and none is shared."""

    def __init__(self, *, proxy: bool) -> None:
        self._proxy = proxy
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def close(self) -> None:
        for session in self._sessions:
            session.close()

    def send(self, method: str, url: str, *, fresh: bool = False, secrets: tuple[str, ...] = (), **content: Any) -> Reply:
        """One request with its whole reply; never along a redirect, which could carry the key to another host.

        `fresh`: over a connection of its own. Raises `Unreachable` if nothing was sent, else `LostReply`.
        """
        try:
            with contextlib.ExitStack() as ended:
                session = ended.enter_context(self._session()) if fresh else self.session
                reply = session.request(method, url, allow_redirects=False, **content)
                return Reply(reply.status_code, reply.headers, reply.content)
        except requests.RequestException as error:
            where = urlsplit(url).hostname
            why = redact(short(error), *secrets)
            if surely_not_sent(error):
                raise Unreachable("{host} cannot be reached ({why}). Check network and proxy.", host=where, why=why) from None
            raise LostReply("{host} gave no reply ({why}).", host=where, why=why) from None

    @property
    def session(self) -> requests.Session:
        """The one of this thread."""
        if not hasattr(self._local, "session"):
            self._local.session = self._session()
            self._sessions.append(self._local.session)
        return self._local.session

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = self._proxy
        session.max_redirects = 5
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter(pool_connections=4, pool_maxsize=2, max_retries=0))
        return session


class Bearer(AuthBase):
    """The key in the header. As `auth`, so that a .netrc of the user cannot replace it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class NoKey(AuthBase):
    """Sends nothing, and keeps requests from looking into .netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def short(error: BaseException) -> str:
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
