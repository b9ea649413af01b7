"""GrsaiMaskOptions: how pictures are edited within their masks."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..grsai.masks import MaskOptions
from ..grsai.masks.options import MOST_FEATHER, MOST_MARGIN
from .inputs import CATEGORY, searchable
from .limits import whole
from .masks import KIND

_USUAL = MaskOptions()


class GrsaiMaskOptions(io.ComfyNode):
    """Only the margin changes what is sent; all else is pasted anew without paying."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        schema = io.Schema(
            node_id="GrsaiMaskOptions",
            display_name="Grsai Mask Options",
            category=CATEGORY,
            description="How a picture is edited within its mask. Only another margin is paid for again; all else pastes the same"
            " result once more.",
            inputs=[
                io.Int.Input(
                    "margin",
                    default=_USUAL.margin,
                    min=0,
                    max=MOST_MARGIN,
                    tooltip="Pixels around the mask that the model sees at least.",
                ),
                io.Int.Input(
                    "feather",
                    default=_USUAL.feather,
                    min=0,
                    max=MOST_FEATHER,
                    tooltip="Pixels around the mask on which the edit fades out. Beyond them every pixel stays.",
                ),
                io.Boolean.Input("align", default=_USUAL.align, tooltip="Undo what the model shifted and scaled."),
                io.Boolean.Input(
                    "colour_match",
                    default=_USUAL.match,
                    tooltip="Give the edit the brightness and colour of what surrounds the mask.",
                ),
            ],
            outputs=[io.Custom(KIND).Output("mask_options", display_name="mask_options", tooltip="For the socket of this name.")],
        )
        return searchable(schema, "inpaint", "mask", "feather", "蒙版", "遮罩", "局部重绘")

    @classmethod
    async def execute(
        cls, margin: int = 128, feather: int = 16, align: bool = True, colour_match: bool = True, **_: Any
    ) -> io.NodeOutput:
        pixels = whole(margin, "margin", 0, MOST_MARGIN), whole(feather, "feather", 0, MOST_FEATHER)
        return io.NodeOutput(MaskOptions(*pixels, align=bool(align), match=bool(colour_match)))
