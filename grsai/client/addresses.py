"""Where the pictures of a task lie: every form of address that a reply was seen to hold, and which of them are safe to ask."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit

from ..errors import GrsaiError, NotKept
from ..settings import is_loopback
from .values import list_of, object_of, parsed

MOST_PICTURES = 16  # of one task; ours make one
_LISTS = ("results", "result", "images", "output")
_NAMES = ("url", "image_url", "imageUrl", "src", "b64_json", "base64", "image", "content")
_MAGIC = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
    b"RIFF": "webp",
    b"GIF8": "gif",
    b"BM": "bmp",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
}
_IN_TEXT = re.compile(r"\(\s*((?:https?://|data:image/)[^\s)]+)\s*\)", re.IGNORECASE)  # ![picture](https://…)
_A_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.[a-z]{2,}(:\d+)?/\S+", re.IGNORECASE)
_A_FILE = re.compile(r"\S+\.(png|jpe?g|webp|gif|avif|bmp|tiff?)(\?\S*)?", re.IGNORECASE)


def addresses(task: Mapping[str, object], base_url: str) -> tuple[str, ...]:
    """The pictures of a task: in `results`, else beside it. One that came within the reply has a `data:` address."""
    for name in _LISTS:
        told = task.get(name)
        if isinstance(told, str) and told.lstrip()[:1] in ("[", "{"):  # packed once more
            told = parsed(told)
        numbered = [row for key, row in object_of(told).items() if key.isdecimal()]
        rows = list_of(told) or numbered or [told]
        if found := tuple(dict.fromkeys(_of_rows(rows[:MOST_PICTURES], base_url))):
            return found
    return tuple(_of_rows([{name: task.get(name) for name in ("url", "image_url")}], base_url))


def check_address(url: str, *, base_url: str, kind: type[GrsaiError] = NotKept) -> None:
    """Storage and results come over https, but for an emulator, which itself is on loopback."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise kind("The service gave an address that is not valid.") from None
    if host and parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url) and is_loopback(base_url)):
        return
    raise kind("The service named an address that is not safe: {scheme}://{host}.", scheme=parts.scheme, host=host)


def encrypted(url: str) -> str:
    """The same address over https."""
    return f"https://{url[7:]}" if url.startswith("http://") else url


def unpacked(url: str) -> bytes:
    """The bytes of a `data:` address. Raises ValueError if it holds none."""
    packed = "".join(url.partition(",")[2].split()).replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)


def _of_rows(rows: list[object], base_url: str) -> Iterator[str]:
    for row in rows:
        fields = object_of(row) or {"url": row}
        for value in map(fields.get, _NAMES):
            inner = object_of(value).get("url") or value
            if isinstance(inner, str) and (address := _address(inner.strip(), base_url)):
                yield address
                break


def _address(text: str, base_url: str) -> str | None:
    scheme, colon, rest = text.partition("://")
    if colon and re.fullmatch(r"\w+", scheme):
        return f"{scheme.lower()}://{rest}" if scheme.lower() in ("http", "https") else None
    if found := _IN_TEXT.search(text):
        return _address(found[1], base_url)
    if inline := _inline(text):
        return inline
    if text.startswith("//"):
        return f"https:{text}"
    if _A_HOST.fullmatch(text) and not _A_FILE.fullmatch(text.partition("/")[0]):
        return f"https://{text}"
    if _A_FILE.fullmatch(text) or re.fullmatch(r"/\S+", text):
        return urljoin(f"{base_url}/", text)
    return None


def _inline(text: str) -> str | None:
    """A picture in base64, bare or as a `data:` address, as the latter."""
    if len(text) < 60:
        return None
    begin = text.find(",") + 1 if text[:5].lower() == "data:" else 0
    try:
        head = unpacked("," + text[begin : begin + 64])
    except (binascii.Error, ValueError):
        return None
    kind = (
        "avif"
        if head[4:12] in (b"ftypavif", b"ftypmif1")
        else next((_MAGIC[each] for each in _MAGIC if head.startswith(each)), None)
    )
    return f"data:image/{kind};base64,{text[begin:]}" if kind else None
