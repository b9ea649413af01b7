"""How a result comes down: no key, no unsafe address on the way, not more than is kept, and not slower than a snail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import requests

from ..errors import DownloadError, NotKept, ServiceError, TooLarge
from .addresses import check_address, encrypted, unpacked
from .causes import silence
from .connections import Attempt
from .transport import CHUNK, NoKey, Transport

_KINDS = {"Accept": "image/png,image/jpeg,image/webp"}  # what is kept; a host may send others to who takes all
_REDIRECTS = 5
_LEAST = 4096  # bytes in the time that counts as silence


def download(transport: Transport, url: str, file: BinaryIO, *, base_url: str, most: int, silence_seconds: float) -> int:
    """Writes the picture at `url` into `file` and returns its size. `most`: bytes that are kept. Raises `DownloadError`.

    A host that is named without encryption is asked with it.
    """
    if url.startswith("data:"):
        return _write([_inline(url)], file, most)
    try:
        check_address(url, base_url=base_url)
    except NotKept as unsafe:
        try:
            return _fetch(transport, encrypted(url), file, base_url=base_url, most=most, silence_seconds=silence_seconds)
        except TooLarge:
            raise
        except DownloadError:
            raise unsafe from None
    return _fetch(transport, url, file, base_url=base_url, most=most, silence_seconds=silence_seconds)


def _fetch(transport: Transport, url: str, file: BinaryIO, *, base_url: str, most: int, silence_seconds: float) -> int:
    for _ in range(_REDIRECTS + 1):
        check_address(url, base_url=base_url)
        try:
            with transport.open(
                "GET",
                url,
                silence_seconds=silence_seconds,
                attempted=Attempt(10 * silence_seconds, _LEAST),
                headers=_KINDS,
                auth=NoKey(),
            ) as reply:
                if 300 <= reply.status_code < 400 and (where := reply.headers.get("Location")):
                    url = _joined(url, where)
                    continue
                if reply.status_code != 200:
                    raise DownloadError("The picture is not there (HTTP {status}).", status=reply.status_code)
                if (length := reply.headers.get("Content-Length", "")).isdecimal() and int(length[:20]) > most:
                    raise _too_large(most)
                return _write(_chunks(reply, url), file, most)
        except ServiceError as error:
            raise DownloadError("The picture did not arrive: {why}", why=error, lasting=error.lasting) from None
    raise DownloadError("The picture did not arrive: its address leads to another one again and again.")


def _write(chunks: Iterator[bytes] | list[bytes], file: BinaryIO, most: int) -> int:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        file.write(chunk)
    return size


def _chunks(reply: requests.Response, url: str) -> Iterator[bytes]:
    try:
        yield from reply.iter_content(CHUNK)
    except (requests.RequestException, OSError, ValueError) as error:
        raise silence(error, urlsplit(url).hostname or "") from None


def _inline(url: str) -> bytes:
    try:
        return unpacked(url)
    except ValueError:
        raise DownloadError("What the service sent is no whole picture ({why}).", why="base64") from None


def _joined(url: str, where: str) -> str:
    try:
        return urljoin(url, where.encode("latin-1").decode("utf-8"))
    except ValueError:  # not UTF-8, or no address
        raise DownloadError("The picture did not arrive: its address leads to what is none.") from None


def _too_large(most: int) -> TooLarge:
    text = "The picture is larger than {limit} MB, which is the most that is kept. Raise max_result_mb in grsai.toml."
    return TooLarge(text, limit=most >> 20)
