"""The two pictures of an edit: the original, and the mask that says where it may change."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ..errors import BadPicture
from ..pictures import Reference, eight_bits, picture, upright
from ..pictures.reading import turn, unreadable, why
from ..pictures.whole import PNG_MARK

ALPHA = "alpha"  # what a user writes for the mask that is in the picture itself
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")  # that a PNG holds as they are
Size = tuple[int, int]  # width and height, pixels
_ON_SIDE = (Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)
_DEEP = b"\x10\x02", b"\x10\x06"  # 16 bits a channel, in colour: Pillow reads 8 of them


@dataclass(frozen=True)
class Original:
    """A picture that is edited. `load` gives it upright, with its mode and profile; `digest` (SHA-256, hex) names its content."""

    name: str
    digest: str
    size: Size
    load: Callable[[], Image.Image] = field(compare=False, repr=False)
    path: Path | None = None
    turned: Image.Transpose | None = None  # how it was turned upright

    @classmethod
    def from_reference(cls, reference: Reference) -> Original:
        """The picture file of a reference. Raises `BadPicture` for one whose pixels could not stay as they are."""
        path = reference.path
        if path is None:
            raise BadPicture("{name} is no picture file: only those can be edited within a mask.", name=reference.name)
        try:
            with Image.open(path) as image:
                _check(path, image)
                turned, size = turn(image), image.size
        except (OSError, ValueError, SyntaxError) as error:  # since it was read whole
            raise unreadable(path.name, why(error)) from None
        size = (size[1], size[0]) if turned in _ON_SIDE else size
        load = functools.partial(_loaded, path.absolute(), reference.digest)
        return cls(reference.name, reference.digest, size, load, path, turned)


@dataclass(frozen=True)
class Mask:
    """Where a picture may change: a PNG of one bit a pixel, in `data`, white there. `opens`: made of the picture's own alpha,
    so that what was clear becomes opaque.
    """

    size: Size
    data: bytes = field(repr=False)
    opens: bool = False

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def image(self) -> Image.Image:
        """Mode L, 0 or 255."""
        return Image.open(io.BytesIO(self.data)).convert("L")

    @classmethod
    def of_image(cls, gray: Image.Image, *, name: str, opens: bool = False) -> Mask:
        """Of a picture in mode L: what is at least half white. Raises `BadPicture` where that is nothing."""
        bits = gray.point([255 * (value >= 128) for value in range(256)], "1")
        if bits.getbbox() is None:
            raise BadPicture("The mask of {name} is empty: nothing of it is white. Paint white what may change.", name=name)
        buffer = io.BytesIO()
        bits.save(buffer, "PNG")
        return cls(bits.size, buffer.getvalue(), opens)

    @classmethod
    def from_file(cls, path: Path, original: Original) -> Mask:
        """A picture file of the size of the original. What is clear in it counts as black. Raises `BadPicture`."""
        with picture(path.name, path) as image:
            gray = _on_black(upright(image))
            if gray.size != original.size and original.turned is not None and turn(image) is None:
                gray = gray.transpose(original.turned)  # drawn over the pixels as the camera wrote them
        check_mask_size(gray.size, original.size, original.name)
        return cls.of_image(gray, name=original.name)

    @classmethod
    def from_alpha(cls, original: Original) -> Mask:
        """What is clear in the picture itself. Raises `BadPicture`."""
        image = original.load()
        if not image.has_transparency_data:
            text = "{name} has no alpha that could be its mask. Make clear what may change, or name a folder with --masks."
            raise BadPicture(text, name=original.name)
        alpha = image.convert("RGBA").getchannel("A")
        return cls.of_image(alpha.point([255 - value for value in range(256)]), name=original.name, opens=True)


class Masked(NamedTuple):
    """A picture and its mask."""

    original: Original
    mask: Mask

    def read(self, _reference: Reference) -> Masked:
        return self


@dataclass(frozen=True)
class MaskFile:
    """Where the mask of a picture is: in a file, or, where `path` is None, in the picture's own alpha. `stamp`: tells whether the
    file is another one by now.
    """

    path: Path | None = None
    stamp: str = ""

    @classmethod
    def at(cls, path: Path) -> MaskFile:
        try:
            facts = path.stat()
        except OSError:  # told when it is read
            return cls(path)
        return cls(path, f"{facts.st_mtime_ns} {facts.st_size}")

    def read(self, reference: Reference) -> Masked:
        """Raises `BadPicture`."""
        original = Original.from_reference(reference)
        return Masked(original, Mask.from_file(self.path, original) if self.path else Mask.from_alpha(original))


def check_mask_size(mask: Size, size: Size, name: str) -> None:
    """Raises `BadPicture` for a mask that is not as large as its picture."""
    if mask != size:
        text = "The mask of {name} has {mask} pixels and the picture {size}. Make the mask as large as the picture."
        raise BadPicture(text, name=name, mask="{} × {}".format(*mask), size="{} × {}".format(*size))


def _loaded(path: Path, digest: str) -> Image.Image:
    try:
        data = path.read_bytes()
    except OSError as error:
        text = "{name} cannot be read: {why}. Check that it is still there and that no other program locks it."
        raise BadPicture(text, name=path.name, why=error.strerror or error) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise BadPicture("{name} has changed since the batch began. Run again.", name=path.name)
    with picture(path.name, data) as image:
        turned = upright(image)
        turned.info = dict(image.info)
        return turned


def _check(path: Path, image: Image.Image) -> None:
    """Raises `BadPicture` where a PNG of the edit would not hold the very pixels of the picture."""
    with open(path, "rb") as file:
        head = file.read(32)
    if head.startswith(PNG_MARK) and head[24:26] in _DEEP:
        text = "{name} has 16 bits a channel, of which an edit would keep 8. Save it with 8 bits to edit it within a mask."
        raise BadPicture(text, name=path.name)
    if image.mode not in MODES:
        text = "{name} has colours of a kind ({mode}) that cannot stay as they are. Save it as RGB to edit it within a mask."
        raise BadPicture(text, name=path.name, mode=image.mode)


def _on_black(image: Image.Image) -> Image.Image:
    """Mode L, what is clear black."""
    image = eight_bits(image)
    if not image.has_transparency_data:
        return image.convert("L")
    clear = image.convert("RGBA")
    ground = Image.new("L", clear.size)
    ground.paste(clear.convert("L"), mask=clear.getchannel("A"))
    return ground
