"""Connections that tell what went wrong before anything was sent, trust what the system trusts, and end with their time."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import os
import ssl
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import ConnectTimeoutError, LocationValueError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from ..errors import Unreachable

# What is raised while a connection is made. Other SSL and proxy errors may also cut one that has carried the request.
_NOT_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    LocationValueError,
    NewConnectionError,
    ConnectTimeoutError,
    ssl.SSLCertVerificationError,
)
OWN_ANSWER = "the proxy answers itself"
_ORGANISATION, _COMMON_NAME = b"\x55\x04\x0a", b"\x55\x04\x03"  # of a certificate: 2.5.4.10 and 2.5.4.3


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from, the outermost first."""
    while error is not None:
        yield error
        wrapped = (getattr(error, "reason", None), getattr(error, "original_error", None), *error.args[:1], error.__cause__)
        error = next((each for each in wrapped if isinstance(each, BaseException)), None)


def surely_not_sent(error: BaseException | None) -> bool:
    """Whether no connection came about, so that the request cannot have arrived."""
    return any(isinstance(each, _NOT_SENT) for each in chain(error))


@dataclass
class Attempt:
    """A request under way. `seconds`: for its whole reply; `least`: bytes that must come in the time that counts as silence."""

    seconds: float = float("inf")
    least: int = 0
    keeps: bool = False  # for a reply that breaks off: an id may have come
    came: bytearray = field(default_factory=bytearray)
    connected: bool = False  # over a connection of its own; one that was kept open does not tell


attempt: ContextVar[Attempt] = ContextVar("attempt")  # of this thread


class TooSlow(TimeoutError):
    """A reply goes on for longer than it may, or brings next to nothing."""


class Untrusted(NewConnectionError):
    """A certificate that is not trusted. `signed_by`: as it says itself, may be empty; `problem`: as OpenSSL says."""

    def __init__(self, connection: Any, problem: str, signed_by: str) -> None:
        self.problem, self.signed_by = problem, signed_by
        super().__init__(connection, problem)


class Adapter(HTTPAdapter):
    """`bundles`: files or folders of all certificates that are trusted; if none, those of requests and of the system."""

    def __init__(self, bundles: tuple[str, ...]) -> None:
        self._bundles = bundles
        super().__init__(pool_connections=4, pool_maxsize=2, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _make_careful(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, ssl_context=trusted(self._bundles), **options)
        _make_careful(manager)
        return manager

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        if (request.url or "").startswith("https:"):
            self.poolmanager.connection_pool_kw["ssl_context"] = trusted(self._bundles)
        return super().send(request, *arguments, **options)


@functools.cache
def trusted(bundles: tuple[str, ...]) -> ssl.SSLContext:
    """Read once: to read it anew for each connection takes longer than the connection."""
    context = create_urllib3_context()
    if not bundles:
        context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
        context.load_default_certs()  # of the system; also where SSL_CERT_FILE and SSL_CERT_DIR say
    for bundle in bundles:
        try:
            context.load_verify_locations(**{"capath" if os.path.isdir(bundle) else "cafile": bundle})
        except OSError as error:
            text = "REQUESTS_CA_BUNDLE names {path}, which holds no certificates that can be read ({why}). Correct it."
            raise Unreachable(text, path=bundle, why=error.strerror or type(error).__name__, lasting=True) from None
    return context


def _make_careful(manager: Any) -> None:
    manager.pool_classes_by_scheme = {scheme: _careful(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}


@functools.cache
def _careful(pool: Any) -> Any:
    """The same pool, of whatever kind of proxy, with careful connections."""
    if issubclass(pool.ConnectionCls, _Careful):
        return pool
    connection = type(pool.ConnectionCls.__name__, (_Careful, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class _ClockedBytes(io.RawIOBase):
    """What comes over a socket, as long as the attempt may take. The socket's own time-out is what counts as silence."""

    def __init__(self, sock: Any) -> None:
        self._sock, self._raw = sock, sock.makefile("rb", buffering=0)
        self._attempt = attempt.get(Attempt())
        self._silence = sock.gettimeout() or float("inf")
        self._until = time.monotonic() + self._attempt.seconds
        self._turn, self._came = time.monotonic() + self._silence, 0
        self.last = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        now = time.monotonic()
        if now >= self._until or (now >= self._turn and self._came < self._attempt.least):
            raise TooSlow
        if now >= self._turn:
            self._turn, self._came = now + self._silence, 0
        if self._until - now < self._silence:
            self._sock.settimeout(self._until - now)
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            raise (TooSlow if time.monotonic() >= self._until else TimeoutError) from None
        self.last = bytes(buffer[:count])
        self._came += count or 0
        if self._attempt.keeps:
            self._attempt.came += self.last
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _ClockedSocket:
    """All of a socket that a response asks for."""

    def __init__(self, came: _ClockedBytes) -> None:
        self._came = came

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._came)


class _Response(http.client.HTTPResponse):
    """What a server says beforehand, such as 103 with early hints, is no reply. Python passes over 100 only."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 101 < status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Careful:
    """A connection that tells one that never came about from one that was cut: only that may have carried a request."""

    def response_class(self, sock: Any, *arguments: Any, **options: Any) -> http.client.HTTPResponse:
        self._came = _ClockedBytes(sock)
        return _Response(_ClockedSocket(self._came), *arguments, **options)  # type: ignore[arg-type]

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]
        if self._came.last.partition(b"\r\n\r\n")[2]:  # behind a tunnel the word is ours
            raise ConnectionError(OWN_ANSWER)

    def connect(self: Any) -> None:
        """Whatever goes wrong here, to a proxy and with TLS too, is an error before anything was sent."""
        if getattr(self, "ssl_context", None) is not None:
            self.ca_certs = self.ca_cert_dir = None  # the context has them
        try:
            super().connect()  # type: ignore[misc]
            attempt.get(Attempt()).connected = True
        except (NewConnectionError, ConnectTimeoutError):
            raise
        except ssl.SSLCertVerificationError as error:
            raise Untrusted(self, error.verify_message or str(error), self._signed_by()) from error
        except Exception as error:
            raise NewConnectionError(self, type(error).__name__) from error

    def _signed_by(self: Any) -> str:
        """Who signed the certificate that is shown here: a second connection over which nothing is sent."""
        with contextlib.suppress(Exception), contextlib.closing(self):
            self.close()
            self.cert_reqs, self.ssl_context = ssl.CERT_NONE, create_urllib3_context(cert_reqs=ssl.CERT_NONE)
            super().connect()  # type: ignore[misc]
            return issuer_of(self.sock.getpeercert(True))
        return ""


def issuer_of(certificate: bytes) -> str:
    """Name and organisation of who signed it. `certificate`: DER."""
    ((_, whole),) = _elements(certificate)
    fields = [content for tag, content in _elements(next(_elements(whole))[1]) if tag != 0xA0]  # without the version
    names: dict[bytes, str] = {}
    for _, entries in _elements(fields[2]):
        for _, entry in _elements(entries):
            (_, kind), (tag, text) = _elements(entry)
            names[kind] = text.decode("utf-16-be" if tag == 0x1E else "utf-8", "replace")
    name, organisation = names.get(_COMMON_NAME, ""), names.get(_ORGANISATION, "")
    return f"{name}, {organisation}" if name and organisation else name or organisation


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element."""
    place = 0
    while place < len(der):
        tag, length = der[place], der[place + 1]
        place += 2
        if length & 0x80:
            place, length = place + (length & 0x7F), int.from_bytes(der[place : place + (length & 0x7F)], "big")
        yield tag, der[place : place + length]
        place += length
