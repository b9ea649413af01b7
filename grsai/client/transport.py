"""How requests travel: a session for each thread, limits on size and time of what comes back, a redirect followed by nobody."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.utils import get_environ_proxies, select_proxy

from ..errors import LostReply
from ..settings import certificates
from .causes import silence, unreachable
from .connections import Adapter, Attempt, attempt, surely_not_sent

_log = logging.getLogger(__name__)
CHUNK = 1 << 16


@dataclass(frozen=True)
class Reply:
    """What came back. `whole`: false where it broke off or took too long; then `why` says so."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    why: LostReply | None = None

    @property
    def text(self) -> str:
        """UTF-8, or what else a server in China may speak."""
        for encoding in ("utf-8-sig", "utf-16" if self.content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "gb18030"):
            with contextlib.suppress(UnicodeDecodeError):
                return self.content.decode(encoding)
        return self.content.decode("utf-8-sig", "replace")


class Transport:
    """A session for each thread, so that connections are kept open and none is shared. Threads may share it."""

    def __init__(self, *, proxy: bool, connect_seconds: float) -> None:
        self._proxy = proxy
        self._connect_seconds = connect_seconds
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def close(self) -> None:
        for session in self._sessions:
            session.close()

    def send(
        self, method: str, url: str, *, silence_seconds: float, seconds: float, most: int, fresh: bool = False, **content: Any
    ) -> Reply:
        """One request with its reply; never along a redirect, which could carry the key to another host.

        `silence_seconds`: for a reply to begin or go on; `seconds`: for all of it; `most`: bytes that are read; `fresh`: over a
        connection of its own. Raises `Unreachable` if nothing was sent, else `LostReply`; of a reply that broke off, what came.
        """
        with contextlib.ExitStack() as ended:
            session = ended.enter_context(self._session()) if fresh else None
            mine = Attempt(seconds, keeps=fresh)
            reply = ended.enter_context(
                self.open(method, url, silence_seconds=silence_seconds, attempted=mine, session=session, **content)
            )
            came, why = bytearray(), None
            try:
                for chunk in reply.iter_content(CHUNK):
                    came += chunk
                    if len(came) > most:
                        came, why = came[:CHUNK], LostReply("{host} replies without an end.", host=_host(url))
                        break
            except (requests.RequestException, OSError, ValueError) as error:
                came, why = mine.came.partition(b"\r\n\r\n")[2] or came, silence(error, _host(url))
            if why is not None:
                _log.info("%s %s: HTTP %s, then %s", method, urlsplit(url).path, reply.status_code, why)
            return Reply(reply.status_code, reply.headers, bytes(came), why)

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        silence_seconds: float,
        attempted: Attempt,
        session: requests.Session | None = None,
        **content: Any,
    ) -> Iterator[requests.Response]:
        """A reply whose body is still to come. Raises like `send`."""
        proxy, before = None, attempt.set(attempted)
        try:
            try:
                found = get_environ_proxies(url) if self._proxy else {}
                proxies = {name: _as_requests_reads(address) for name, address in found.items()}
                proxy = select_proxy(url, proxies)
                timeout = (self._connect_seconds, silence_seconds)
                reply = (session or self._of_this_thread()).request(
                    method, url, proxies=proxies, timeout=timeout, stream=True, allow_redirects=False, **content
                )
            except (requests.RequestException, OSError, ValueError) as error:
                known = isinstance(error, requests.RequestException)
                if surely_not_sent(error) or not (known or attempted.connected):
                    why = unreachable(error, host=_host(url), proxy=proxy)
                else:
                    why = silence(error, _host(url))
                _log.info("%s %s: %s", method, urlsplit(url).path, why)
                raise why from None
            with reply:
                yield reply
        finally:
            attempt.reset(before)

    def _of_this_thread(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = self._session()
            self._sessions.append(self._local.session)
        return self._local.session

    def _session(self) -> requests.Session:
        session = _Session()
        session.trust_env = False  # proxies and certificates are looked up here, .netrc never
        for scheme in ("https://", "http://"):
            session.mount(scheme, Adapter(certificates()))
        return session


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Nobody follows one: whoever wants to looks at the address first."""
        return None


def _as_requests_reads(proxy: str) -> str:
    """Desktops write `socks://`, which says no version."""
    return re.sub("^socks://", "socks5h://", proxy.strip(), flags=re.IGNORECASE)


def _host(url: str) -> str:
    """The host in an address, or the address if it is none."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


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
