"""GrsaiUpload: pictures go up once and are used by as many nodes as are wired to them."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..grsai.errors import BadPicture
from . import bridge
from .images import references
from .inputs import CATEGORY, searchable


class GrsaiUpload(io.ComfyNode):
    """Uploads are free; content that went up less than a day ago is not sent again."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        schema = io.Schema(
            node_id="GrsaiUpload",
            display_name="Grsai Upload",
            category=CATEGORY,
            description="Uploads pictures once, so that several nodes can use them by their address. Costs nothing.",
            inputs=[io.Image.Input("images", tooltip="One picture, a batch or a list, of any sizes.")],
            outputs=[
                io.String.Output(
                    "image_urls",
                    display_name="image_urls",
                    tooltip="The addresses, one per line. Wire them into image_urls of Nano Banana Generate.",
                )
            ],
            hidden=[io.Hidden.unique_id],
            is_input_list=True,
        )
        return searchable(schema, "image url", "upload image", "上传")

    @classmethod
    async def execute(cls, images: Any) -> io.NodeOutput:
        async with bridge.running("GrsaiUpload", cls.hidden.unique_id) as work:
            pictures = await work.do(references, images)
            if not pictures:
                raise BadPicture("There is no picture to upload. Wire one into images.")
            urls = await work.upload(pictures, await work.account())
        return io.NodeOutput("\n".join(urls))
