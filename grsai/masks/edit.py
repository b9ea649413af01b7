"""One edit within a mask: what the model gets to see, and how what it made goes back into the picture."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, PngImagePlugin

from ..errors import BadPicture, GrsaiError
from ..files import save
from ..models import Model
from ..pictures import Encoded, Reference, encode, picture, upright
from ..pictures.reading import unreadable
from .beside import MARK, facts_of
from .options import MaskOptions
from .reading import Mask, Original
from .window import Box, Window, window_of

if TYPE_CHECKING:
    from .align import Alignment

_WAY = 1  # of pasting: another one makes all of them anew
_PASTERS = threading.BoundedSemaphore(2)  # in this process; a 4K picture takes about 400 MB while it is pasted
_NO_TEXTS: Mapping[str, str] = types.MappingProxyType({})
_FASTEST = 1  # compression of a PNG: three times as fast as Pillow's usual one, and a tenth larger


@dataclass(frozen=True)
class PastedFile:
    """A picture with the edit in it, and what the user should know of it."""

    file: Path
    notes: tuple[GrsaiError, ...] = ()


@dataclass(frozen=True)
class Edit:
    """An area of a mask and the cut around it. `part` of `parts`: areas of one picture are edited in turn, each on the picture
    that the one before made, which is `base` then.

    `reference`: the cut, as the job's first picture. Its digest tells what is sent, of earlier areas by what was asked for.
    """

    original: Original
    mask: Mask
    area: Box
    window: Window
    options: MaskOptions
    reference: Reference
    part: int = 1
    parts: int = 1
    base: Path | None = None
    name: str = ""  # of the picture it brings, without the suffix

    @property
    def is_last(self) -> bool:
        """Whether it brings the whole picture, and not one for the next area to be edited on."""
        return self.part == self.parts

    @property
    def mark(self) -> str:
        """Behind the name of the picture it brings: nothing, but for an area that others follow."""
        return "" if self.is_last else f".area-{self.part}"

    def named(self, name: str) -> Edit:
        """The same for a picture that is called so, without the suffix."""
        return replace(self, name=name + self.mark)

    def onto(self, base: Path) -> Edit:
        """The same on the picture that the edit before it made."""
        edit = replace(self, base=base)
        content = _digest("cut", self.reference.digest, hashlib.sha256(base.read_bytes()).hexdigest())
        return replace(edit, reference=replace(self.reference, load=edit.cut, content=content))

    def cut(self) -> Encoded:
        """What goes up: the cut in RGB, upright, its values as they are."""
        from .paste import cut_out

        piece = cut_out(self._source(), self.window.box)
        if piece.size != self.window.sent:
            piece = piece.resize(self.window.sent, Image.Resampling.LANCZOS)
        return encode(piece)

    def paste(self, plain: Path, folder: Path, *, number: int = 1, metadata: Mapping[str, str] = _NO_TEXTS) -> PastedFile:
        """Writes the picture with `plain`, the model's `number`th result, in it as `folder/<name>.png`.

        One that is there already and was made of the same is not made anew. Raises `BadPicture` and `OutputError`.
        """
        stamp, stem = self._stamp(plain), self.name if number == 1 else f"{self.name}_{number}"
        for file in _candidates(folder, stem):
            if (facts := facts_of(file)).get("stamp") == stamp:
                return PastedFile(file, self._notes(facts))
        with _PASTERS:
            from .paste import pasted

            try:
                with picture(plain.name, plain) as image:
                    result = upright(image)
                made = pasted(
                    self._source(), result, self.mask.image, part=self.area, window=self.window.box,
                    options=self.options, opens=self.mask.opens,
                )  # fmt: skip
                facts = {"stamp": stamp, **_told(made.alignment), "mask": base64.b64encode(self.mask.data).decode()}
                data = _png(made.image, {**metadata, MARK: json.dumps(facts)})
            except MemoryError:
                raise unreadable(self.original.name, "not enough memory") from None
        file = save(folder, stem, stamp, lambda target: target.write(data))
        return PastedFile(file, self._notes(facts))

    def _source(self) -> Image.Image:
        if self.base is None:
            return self.original.load()
        with picture(self.base.name, self.base) as image:
            return image

    def _stamp(self, plain: Path) -> str:
        """Of all that the pasted picture depends on."""
        base = hashlib.sha256(self.base.read_bytes()).hexdigest() if self.base else ""
        digests = self.original.digest, self.mask.digest, hashlib.sha256(_bytes_of(plain)).hexdigest(), base
        return _digest(_WAY, digests, self.area, self.window.box, sorted(asdict(self.options).items()), self.mask.opens)

    def _notes(self, facts: Mapping[str, Any]) -> tuple[GrsaiError, ...]:
        if facts.get("fits", True):
            return ()
        text = (
            "{name}: what surrounds the mask does not fit the picture. It lies about {pixels} pixels off, as the model changed"
            " more than the mask. Look at the seam; the plain result is beside it."
        )
        return (BadPicture(text, name=self.original.name, pixels=f"{facts.get('off', 0.0):.0f}"),)


def edits_of(
    original: Original,
    mask: Mask,
    *,
    model: Model,
    ratio: str = "auto",
    size: str | None = None,
    options: MaskOptions = MaskOptions(),  # noqa: B008 — frozen
) -> tuple[Edit, ...]:
    """The edits that a picture needs, in turn: one where a single cut holds all areas of its mask without being much larger.

    `ratio` and `size` as they were asked for; `auto` and None: whatever fits the cut. Raises `WrongJob` for what the model has
    not.
    """
    from .areas import areas_of

    def window(area: Box) -> Window:
        return window_of(area.grown(options.margin), original.size, model, ratio, size)

    areas = areas_of(mask, lambda area: window(area).box.area)
    edits, before = list[Edit](), list[str]()
    for part, area in enumerate(areas, 1):
        place = window(area)
        digest = _digest("cut", original.digest, place.box, place.sent, *before)
        reference = Reference(original.name, digest, path=original.path, size=4 * place.box.area)
        edit = Edit(original, mask, area, place, options, reference, part, len(areas))
        edits.append(replace(edit, reference=replace(reference, load=edit.cut)))
        before.append(digest)
    return tuple(edits)


def _digest(*facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()


def _told(alignment: Alignment) -> dict[str, Any]:
    (across, down), shift = alignment.move.scale, alignment.move.shift
    return {
        "scale": [round(across, 5), round(down, 5)],
        "shift": [round(each, 2) for each in shift],
        "off": round(alignment.off, 2),
        "fits": alignment.fits,
    }


def _candidates(folder: Path, stem: str) -> list[Path]:
    """What may be the pasted picture of an earlier run."""
    found, number = list[Path](), 1
    while (file := folder / (f"{stem}.png" if number == 1 else f"{stem} ({number}).png")).is_file():
        found.append(file)
        number += 1
    return found


def _png(image: Image.Image, texts: Mapping[str, str]) -> bytes:
    told = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        told.add_text(name, text)
    buffer = io.BytesIO()
    kept = {name: image.info[name] for name in ("icc_profile", "dpi") if image.info.get(name)}
    image.save(buffer, "PNG", pnginfo=told, compress_level=_FASTEST, **kept)
    return buffer.getvalue()


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        text = "{name} cannot be read: {why}. Check that it is still there and that no other program locks it."
        raise BadPicture(text, name=file.name, why=error.strerror or error) from None
