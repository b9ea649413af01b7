"""Why the network failed, in words for users: a table from what was raised to a sentence that says what to do."""

from __future__ import annotations

import errno
import re
import socket
import ssl

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    IncompleteRead,
    LocationValueError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from ..errors import LostReply, Unreachable
from ..settings import HOSTS
from ..texts import plain
from .connections import OWN_ANSWER, TooSlow, Untrusted, chain

# What requests and urllib3 say where they have no class of its own, and the sentence for it.
_NO_SOCKS = re.compile("Missing dependencies for SOCKS")
_NO_LOGIN = re.compile("SOCKS.*(authentication|methods)", re.IGNORECASE)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d+)")
_NO_TLS = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER|HTTP_REQUEST|UNEXPECTED_MESSAGE|appears to only use HTTP", re.IGNORECASE)
_WRONG_ADDRESS = (
    LocationValueError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    ValueError,
)
_NO_HANDLES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS)
_NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))

# The kinds of what goes on to happen on good days too. The first one in the chain of causes counts.
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (TooSlow, "the reply takes too long"),
    (ConnectTimeoutError, "no connection in time"),
    (socket.gaierror, "its name is not found"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "the connection was cut"),
    (BrokenPipeError, "the connection was cut"),
    ((ReadTimeoutError, TimeoutError, requests.ReadTimeout), "no reply in time"),
    (requests.ConnectTimeout, "no connection in time"),
    ((IncompleteRead, requests.exceptions.ChunkedEncodingError, EOFError), "the reply broke off"),
    ((ssl.SSLError, requests.exceptions.SSLError), "no secure connection"),
    (requests.exceptions.ContentDecodingError, "the reply cannot be unpacked"),
    (requests.exceptions.ProxyError, "the proxy failed"),
    (ProtocolError, "the reply broke off"),
)
_OUT_OF_DATE = ("expired", "not yet valid")
_OTHER_NAME = ("mismatch", "doesn't match", "not valid for")


def short(error: BaseException) -> str:
    """The kind of a network error, without the address and query that requests writes into its text."""
    causes = list(chain(error))
    for cause in reversed(causes):  # the innermost knows best
        for kinds, words in _KINDS:
            if isinstance(cause, kinds) and not isinstance(cause, NewConnectionError):
                return words
    if any("refused" in str(cause) for cause in causes):  # PySocks hands on words only
        return "connection refused"
    return "the connection failed"


def silence(error: BaseException, host: str) -> LostReply:
    return LostReply("{host} gave no reply ({why}).", host=host, why=short(error))


def unreachable(error: BaseException, *, host: str, proxy: str | None) -> Unreachable:
    """Why no connection came about. `proxy`: the address that the request was to go through."""
    causes = list(chain(error))
    said = " ".join(str(cause) for cause in causes)
    if any(isinstance(cause, OSError) and cause.errno in _NO_HANDLES for cause in causes):
        text = "This computer has no file handle left for a connection. Make fewer pictures at once, or raise its limit."
        return Unreachable(text)
    for cause in causes:
        if isinstance(cause, Untrusted):
            return _untrusted(cause, host)
    if proxy:
        return _through_proxy(error, causes, said, host, _shown(proxy))
    if isinstance(error, _WRONG_ADDRESS):
        return Unreachable("{host} is no address that can be asked. Correct base_url.", host=host, lasting=True)
    why = "what answers there is not encrypted" if _NO_TLS.search(said) else short(error)
    unknown = any(isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_NAME for cause in causes)
    ours = any(host in address for address in HOSTS.values())  # whose name is right: the network is down
    return Unreachable(
        "{host} cannot be reached ({why}). Check network and proxy, or the address in base_url: china and overseas are the"
        " service's own.",
        host=host,
        why=why,
        lasting=unknown and not ours,
    )


def _untrusted(error: Untrusted, host: str) -> Unreachable:
    why = plain(error.problem)
    if any(words in why for words in _OUT_OF_DATE):
        text = "The certificate of {host} is not valid today ({why}). Check the date of this computer."
    elif any(words in why for words in _OTHER_NAME):
        text = (
            "The certificate that is shown for {host} is another one's ({why}): a login page of your network, or a wrong address?"
        )
    elif error.signed_by:
        text = (
            "The certificate of {host} is not trusted ({why}): it is signed by {signer}. Is that the proxy of your company, or an"
            " antivirus program? Then set REQUESTS_CA_BUNDLE to a file with its certificate."
        )
        return Unreachable(text, host=host, why=why, signer=plain(error.signed_by), lasting=True)
    else:
        text = (
            "The certificate of {host} is not trusted ({why}). If the proxy of a company or an antivirus program re-signs"
            " traffic, set REQUESTS_CA_BUNDLE to a file with its certificate."
        )
    return Unreachable(text, host=host, why=why, lasting=True)


def _through_proxy(error: BaseException, causes: list[BaseException], said: str, host: str, proxy: str) -> Unreachable:
    if _NO_SOCKS.search(said):
        text = "The proxy {proxy} needs PySocks, which is not installed. Install it (pip install pysocks), or set proxy = false."
        return Unreachable(text, proxy=proxy, lasting=True)
    tunnel = _TUNNEL.search(said)
    status = int(tunnel[1]) if tunnel else 0
    if status == 407 or _NO_LOGIN.search(said):
        text = "The proxy {proxy} wants a name and a password. Write them into its address, or set proxy = false."
        return Unreachable(text, proxy=proxy, lasting=True)
    if status:
        text = "The proxy {proxy} does not let us through to {host} (HTTP {status}). Allow it there, or set proxy = false."
        return Unreachable(text, proxy=proxy, host=host, status=status, lasting=status < 500)
    if OWN_ANSWER in said or _NO_TLS.search(said):
        text = "The proxy {proxy} answers itself in place of {host}: a login page of your network? Log in, or set proxy = false."
        return Unreachable(text, proxy=proxy, host=host, lasting=True)
    if any(isinstance(cause, _WRONG_ADDRESS) for cause in causes) or isinstance(error, AssertionError):
        text = "The proxy address {proxy} is not valid. Correct it in the environment or the system, or set proxy = false."
        return Unreachable(text, proxy=proxy, lasting=True)
    text = "{host} cannot be reached over the proxy {proxy} ({why}). Check both, or set proxy = false."
    return Unreachable(text, host=host, proxy=proxy, why=short(error))


def _shown(proxy: str) -> str:
    """The address of a proxy without name and password."""
    return plain(re.sub(r"^([^:/@]*://)?.*@", lambda found: found[1] or "", proxy.strip()))
