"""LoadBananaFolder: the pictures and the prompts of a batch from ComfyUI's input folder."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import hashlib

from comfy_api.latest import io

from ..grsai.errors import GrsaiError
from . import bridge, images, paths
from .inputs import CATEGORY


class LoadBananaFolder(io.ComfyNode):
    """Runs again when the files changed, which ComfyUI learns from `fingerprint_inputs`. It pays nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadBananaFolder",
            display_name="Load Banana Folder",
            category=CATEGORY,
            description="Reads every picture of a folder, in natural order, and the prompts of a text file, one per line.",
            inputs=[
                io.String.Input(
                    "folder",
                    default="image",
                    tooltip="A folder inside ComfyUI's input folder, with jpg, png, webp, bmp, gif, tif or avif files.",
                ),
                io.String.Input(
                    "prompts_file",
                    default="text/text.txt",
                    tooltip="A text file under ComfyUI's input folder, saved as UTF-8, one prompt per line. Empty: no prompts.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "images", display_name="images", is_output_list=True, tooltip="The pictures, each in its own size."
                ),
                io.String.Output(
                    "names", display_name="names", is_output_list=True, tooltip="Their file names without the extension."
                ),
                io.String.Output("prompts", display_name="prompts", tooltip="The prompts, one per line."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    async def execute(cls, folder: str, prompts_file: str) -> io.NodeOutput:
        async with bridge.reading() as work:
            files = await work.do(paths.picture_files, folder)
            prompts = await work.do(paths.read_prompts, prompts_file)
            pictures = await work.do(images.load, files, work.run.stop)
        return io.NodeOutput(pictures, [file.stem for file in files], "\n".join(prompts))

    @classmethod
    def fingerprint_inputs(cls, folder: str, prompts_file: str) -> str:
        try:
            read = paths.picture_files(folder)
            read += [paths.text_file(prompts_file)] if prompts_file.strip() else []
        except GrsaiError as error:
            return str(error)
        facts = [(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in read if file.is_file()]
        return hashlib.sha256(repr(facts).encode()).hexdigest()
