"""Pictures on their way up: each is read and encoded only when it goes, and named by its content."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import pickle
import types
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from PIL import Image, features

from ..errors import BadPicture
from .reading import eight_bits, extremes, in_srgb, on_white, picture, turn, unreadable, upright

MAX_UPLOAD_BYTES = 20 * 2**20  # clients of this API cap at 5 to 20 MB
# What the service takes as it is, by Pillow's name. Other files are turned into PNG. MPO is a phone's JPEG.
_AS_IT_IS = types.MappingProxyType({"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp"})
_PLAIN_MODES = ("RGB", "RGBA", "L", "LA", "P")
_LOSSY = ("JPEG", "MPO", "WEBP")  # as PNG they would only grow
_QUALITIES = (95, 88, 80)
_LONGEST = types.MappingProxyType({"JPEG": 65_500, "WEBP": 16_383})  # pixels a side
_WHITE = (255, 255, 255)
_MOST_BYTES = 2**30  # of a file: more than the most pixels take, 16 bits a channel
_MOST_PROFILE_BYTES = 2**20  # what Pillow reads of a PNG again


class Encoded(NamedTuple):
    """A picture as it goes up: the bytes of a file and its extension without the dot."""

    data: bytes
    suffix: str


@dataclass(frozen=True)
class Reference:
    """A picture that a job refers to: read and encoded by `load` only when it goes up, or already at a public `url`.

    `digest` (SHA-256, hex) names the content: the same digest is uploaded once and is paid for once.
    """

    name: str
    digest: str
    load: Callable[[], Encoded] | None = field(default=None, compare=False, repr=False)
    url: str | None = None
    path: Path | None = None
    size: int = field(default=0, compare=False)  # bytes that it is read from; 0: not known
    content: str = field(default="", compare=False)  # what its upload is known by; "": its digest

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes about while it goes up: what it is read from, what goes up, and that in a request."""
        return self.size + 2 * min(self.size or MAX_UPLOAD_BYTES, MAX_UPLOAD_BYTES)

    @property
    def can_travel(self) -> bool:
        """Whether another process can load it, too: it is on the web, a file, or cut of one."""
        if self.load is None or isinstance(self.load, functools.partial):
            return True
        try:
            pickle.dumps(self.load)
        except (pickle.PicklingError, AttributeError, TypeError):  # a function that stands nowhere by name
            return False
        return True

    @classmethod
    def from_file(cls, path: str | Path) -> Reference:
        """A picture file, decoded once to be sure that it is whole. Raises `BadPicture`."""
        path = Path(path)
        data = _read(path)
        with picture(path.name, data, side=1):  # a JPEG is read to its end all the same, at an eighth of the work
            pass
        digest = hashlib.sha256(data).hexdigest()
        return cls(path.stem, digest, load=functools.partial(_load, path.absolute(), digest), path=path, size=len(data))

    @classmethod
    def from_url(cls, url: str) -> Reference:
        """A picture that is already on the web, such as one from `GrsaiUpload`."""
        name = url.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        return cls(name, hashlib.sha256(url.encode()).hexdigest(), url=url)


class Read(NamedTuple):
    """Pictures that were read, in order, and a `BadPicture` for each of the others."""

    references: tuple[Reference, ...]
    failures: tuple[BadPicture, ...]


def read_all(files: Sequence[Path]) -> Read:
    """Many picture files at once: one that cannot be read stops no other."""

    def read_one(file: Path) -> Reference | BadPicture:
        try:
            return Reference.from_file(file)
        except BadPicture as error:
            return error

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), "read") as readers:
        read = list(readers.map(read_one, files))
    return Read(
        tuple(each for each in read if isinstance(each, Reference)), tuple(each for each in read if isinstance(each, BadPicture))
    )


def encode(image: Image.Image, *, compress_level: int = 6) -> Encoded:
    """An RGB or RGBA picture with its colour profile as PNG; lighter where that would be too large to go up."""
    data = _saved(image, "PNG", compress_level=compress_level)
    return Encoded(data, "png") if len(data) <= MAX_UPLOAD_BYTES else lighter(image)


def lighter(image: Image.Image) -> Encoded:
    """An RGB or RGBA picture as JPEG, or as WebP where it is transparent: with less quality, then fewer pixels."""
    image, kind = _hide_clear(image), "JPEG"
    if image.mode == "RGBA" and extremes(image.getchannel("A"))[0] < 255 and features.check("webp"):
        kind = "WEBP"
    elif image.mode == "RGBA":
        profile = image.info.get("icc_profile")
        image = on_white(image)
        image.info["icc_profile"] = profile
    while True:
        if max(image.size) <= _LONGEST[kind]:
            for quality in _QUALITIES:
                data = _saved(image, kind, quality=quality)
                if len(data) <= MAX_UPLOAD_BYTES:
                    return Encoded(data, _AS_IT_IS[kind])
        smaller = image.resize((max(image.width * 3 // 4, 1), max(image.height * 3 // 4, 1)), Image.Resampling.LANCZOS)
        smaller.info["icc_profile"] = image.info.get("icc_profile")
        image = smaller


def _hide_clear(image: Image.Image) -> Image.Image:
    """White where an RGBA picture is wholly clear: whoever drops the alpha must not see what was hidden there."""
    if image.mode != "RGBA" or extremes(image.getchannel("A"))[0] > 0:
        return image
    alpha = image.getchannel("A")
    hidden = image.copy()
    hidden.paste((*_WHITE, 0), mask=alpha.point(lambda value: 255 * (value == 0)))
    return hidden


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            text = "{name} is larger than {most} MB. Save it smaller, as JPEG or PNG."
            raise BadPicture(text, name=path.name, most=_MOST_BYTES >> 20)
        data = path.read_bytes()
    except MemoryError:
        raise unreadable(path.name, "not enough memory") from None
    except OSError as error:
        text = "{name} cannot be read: {why}. Check that it is still there and that no other program locks it."
        raise BadPicture(text, name=path.name, why=error.strerror or error) from None
    if not data:
        raise BadPicture("{name} is empty (0 bytes). Remove it or put the picture back.", name=path.name)
    return data


def _load(path: Path, digest: str) -> Encoded:
    """The file as it is where the service takes it, else its first frame, upright, as PNG."""
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise BadPicture("{name} has changed since the batch began. Run again.", name=path.name)
    too_large = len(data) > MAX_UPLOAD_BYTES
    with picture(path.name, data) as image:
        suffix = _AS_IT_IS.get(image.format or "")
        if suffix and image.mode in _PLAIN_MODES and not too_large and turn(image) is None and not _moves(image):
            return Encoded(data, suffix)
        lossy, plain = image.format in _LOSSY, _plain(upright(image))
        return lighter(plain) if lossy and too_large else encode(plain)


def _moves(image: Image.Image) -> bool:
    try:
        return getattr(image, "n_frames", 1) > 1 and image.format != "MPO"
    except Exception:  # frames behind the first one are broken: the first one is taken
        return True


def _plain(image: Image.Image) -> Image.Image:
    """RGB or RGBA, 8 bits a channel, with the colour profile where it still fits, and no other metadata."""
    profile = image.info.get("icc_profile")
    if profile and (profile[16:20] != b"RGB " or image.mode in ("L", "LA", "CMYK", "LAB")):
        image, profile = in_srgb(image, profile), None
    plain = eight_bits(image)
    plain = plain.convert("RGBA" if plain.has_transparency_data else "RGB")
    plain.info = {"icc_profile": profile if profile and len(profile) <= _MOST_PROFILE_BYTES else None}
    return plain


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, icc_profile=image.info.get("icc_profile"), **options)
    return buffer.getvalue()
