"""What goes along with wishes that were made of pictures: more pictures, and the text of each one's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import GrsaiError
from ..pictures import Reference
from .partners import Partners, by_name, text_of_picture
from .wishes import Wish


def with_pictures(wishes: Sequence[Wish], pictures: Sequence[Reference]) -> list[Wish]:
    """Each wish without a picture once with each of these."""
    return [each for wish in wishes for each in ([wish] if wish.image else [replace(wish, image=one) for one in pictures])]


def with_texts(wishes: Sequence[Wish], folder: Path, files: Sequence[Path]) -> tuple[list[Wish], Partners]:
    """Each wish without a prompt with the text of its picture's name among the `files` of `folder`, or with that as a fault."""
    wishes = list(wishes)
    places = [place for place, wish in enumerate(wishes) if not wish.prompt and wish.image]
    found = by_name([key(wishes[place]) for place in places], folder, files)
    for place, path in zip(places, found.files, strict=True):
        try:
            if isinstance(path, GrsaiError):
                raise path
            wishes[place] = replace(wishes[place], prompt=text_of_picture(path))
        except GrsaiError as error:
            wishes[place] = wishes[place].with_fault(error)
    return wishes, found


def with_masks(wishes: Sequence[Wish], folder: Path, files: Sequence[Path]) -> tuple[list[Wish], Partners]:
    """Each wish with the mask of its picture's name among the `files` of `folder`, or with the fault that it has none.

    One that has a mask keeps it.
    """
    from ..masks import MaskFile

    wishes = list(wishes)
    places = [place for place, wish in enumerate(wishes) if wish.mask is None and wish.image]
    found = by_name([key(wishes[place]) for place in places], folder, files)
    for place, path in zip(places, found.files, strict=True):
        if isinstance(path, GrsaiError):
            wishes[place] = wishes[place].with_fault(path)
        else:
            wishes[place] = replace(wishes[place], mask=MaskFile.at(path))
    return wishes, found


def with_alpha(wishes: Sequence[Wish]) -> list[Wish]:
    """Each wish with a picture with that one's own alpha as its mask, unless it has another."""
    from ..masks import MaskFile

    return [replace(wish, mask=MaskFile()) if wish.mask is None and wish.image else wish for wish in wishes]


def key(wish: Wish) -> str:
    """What its picture is called below its folder, without its suffix."""
    stem = wish.image.path.stem if wish.image and wish.image.path else ""
    return f"{wish.folder}/{stem}" if wish.folder else stem
