"""Edits within masks on the canvas: what the sockets bring becomes the edits of the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from comfy_api.latest import io

from ..grsai.errors import BadPicture, WrongJob
from ..grsai.jobs import Job, with_edits
from ..grsai.masks import Edit, Masked, MaskOptions, edits_of
from ..grsai.pictures import Reference
from . import images
from .inputs import Choice
from .limits import only

KIND = "GRSAI_MASK_OPTIONS"


@dataclass(frozen=True)
class Edits:
    """What the sockets `mask` and `mask_options` brought, as they come."""

    masks: Any
    wire: Any  # of the options

    @property
    def is_wired(self) -> bool:
        return self.masks is not None and self.masks != []

    @property
    def options(self) -> MaskOptions:
        """Those of the wire, else the usual ones. Raises `WrongJob` for what is none."""
        given = only(self.wire)
        if given is None:
            return MaskOptions()
        if not isinstance(given, MaskOptions):
            raise WrongJob("mask_options takes the wire of Grsai Mask Options. Wire one into it, or none.")
        return given

    def of(self, pictures: Sequence[Reference], frames: Sequence[Any]) -> list[Masked]:
        """Each picture, whose pixels are in `frames`, with its mask.

        Raises `BadPicture` for a mask that is empty or of another size, and `WrongJob` where they are neither one nor as many.
        """
        masks = images.mask_frames(self.masks)
        if len(masks) == 1:
            masks = masks * len(pictures)
        if len(masks) != len(pictures) or not pictures:
            text = "mask holds {masks} masks for {pictures} pictures. Give one for all, or one for each."
            raise WrongJob(text, masks=len(masks), pictures=len(pictures))
        return [
            Masked(original := images.original(frame, picture), images.mask(mask, original))
            for picture, frame, mask in zip(pictures, frames, masks, strict=True)
        ]


def mask_inputs(about: str) -> list[io.Input]:
    """The two sockets, which may stay empty."""
    options = "Margin, feather and the like, of Grsai Mask Options. Without it the usual ones."
    return [
        io.Mask.Input("mask", optional=True, tooltip=about),
        io.Custom(KIND).Input("mask_options", optional=True, tooltip=options),
    ]


def edited(jobs: Sequence[Job], masked: Sequence[Masked | None], choice: Choice, options: MaskOptions) -> list[Job]:
    """The jobs, each within its mask, which is None where it has none: one for each area that needs a cut of its own."""
    return with_edits(jobs, [_edits(job, each, choice, options) for job, each in zip(jobs, masked, strict=True)])


def _edits(job: Job, masked: Masked | None, choice: Choice, options: MaskOptions) -> Sequence[Edit]:
    if masked is None:
        return ()
    return edits_of(
        masked.original, masked.mask, model=job.model, ratio=choice.aspect_ratio, size=choice.image_size, options=options
    )


def first_of(sockets: Any) -> Any:
    """What `image_1` brought. Raises `BadPicture` where it is not wired."""
    value = (sockets or {}).get("image_1")
    if value is None:
        raise BadPicture("mask is for image_1, and nothing is wired into that. Wire in the picture to edit.")
    return images.frames(value, "images.image_1")[0]
