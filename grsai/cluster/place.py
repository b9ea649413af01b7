"""Where a cluster is: the address of a Dask scheduler, or so many workers to start on this machine."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from ..errors import WrongSetting

MOST_LOCAL = 64
_LOCAL = re.compile(r"local:(\d{1,4})", re.IGNORECASE)
_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-f:.%]+\]|[^\s/@:\[\]]+):(\d{1,5})/?", re.IGNORECASE)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Place:
    """`address` of a scheduler; or none, and `workers` are started here."""

    address: str = ""
    workers: int = 0


def place_of(text: str, *, insecure: bool = False) -> Place:
    """What `--cluster` names. Raises `WrongSetting`, also for a scheduler elsewhere that would be spoken to unencrypted.

    `insecure`: the user says that the network in between is safe.
    """
    if found := _LOCAL.fullmatch(text.strip()):
        count = int(found[1])
        if not 1 <= count <= MOST_LOCAL:
            text = "{name} can be {low} to {high}, not {value}."
            raise WrongSetting(text, name="--cluster local:N", low=1, high=MOST_LOCAL, value=count)
        return Place(workers=count)
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or not 0 < int(found[3]) < 65536:
        raise WrongSetting(
            "{value} is no address of a cluster. Use tcp://host:8786 or tls://host:8786, or local:4 for workers on this machine.",
            value=text,
        )
    scheme, host, port = found[1].lower(), found[2].lower(), found[3]
    if scheme == "tcp" and not insecure and not _is_here(host.strip("[]")):
        raise WrongSetting(
            "{host} is another machine, and tcp:// to it is not encrypted. Use tls://, or add --cluster-insecure if nobody else"
            " is on that network.",
            host=host,
        )
    return Place(f"{scheme}://{host}:{port}")


def _is_here(host: str) -> bool:
    """Whether it is this machine: every address of it can be listened at."""
    if host in _LOOPBACK:
        return True
    try:
        found = {(family, address[0]) for family, _, _, _, address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(_can_listen(family, str(address)) for family, address in found)


def _can_listen(family: int, address: str) -> bool:
    if address in ("0.0.0.0", "::"):
        return False
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.bind((address, 0))
    except OSError:
        return False
    return True
