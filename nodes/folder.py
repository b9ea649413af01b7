"""LoadBananaFolder: the pictures and the prompts of a batch from ComfyUI's input folder."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import hashlib
from pathlib import Path

from comfy_api.latest import io

from ..grsai.errors import BadPicture, GrsaiError, WrongJob, WrongSetting
from ..grsai.jobs import split_prompts
from ..grsai.pictures import list_pictures
from . import host, images, places
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
                    tooltip="A folder inside ComfyUI's input folder, with jpg, png, webp, bmp or gif files.",
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
        async with host.reading() as work:
            files = await work.do(picture_files, folder)
            prompts = await work.do(read_prompts, prompts_file)
            pictures = await work.do(images.load, files, work.run.stop)
        return io.NodeOutput(pictures, [file.stem for file in files], "\n".join(prompts))

    @classmethod
    def fingerprint_inputs(cls, folder: str, prompts_file: str) -> str:
        try:
            read = picture_files(folder)
            read += [text_file(prompts_file)] if prompts_file.strip() else []
        except GrsaiError as error:
            return str(error)
        facts = [(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in read if file.is_file()]
        return hashlib.sha256(repr(facts).encode()).hexdigest()


def picture_files(folder: str) -> list[Path]:
    """The pictures of a folder under ComfyUI's input folder. Refuses a missing or empty one, and links."""
    root = places.input_folder()
    path = places.inside(root, folder)
    if not path.is_dir():
        raise WrongSetting("There is no folder {path}. Make it and put pictures into it.", path=path)
    files = list_pictures(path)
    if not files:
        raise BadPicture("There is no picture in {path}. Put jpg, png, webp, bmp or gif files there.", path=path)
    for file in files:
        places.refuse_links(root, file)
    return files


def read_prompts(prompts_file: str) -> list[str]:
    """The prompts of a text file under ComfyUI's input folder. An empty name: none."""
    if not prompts_file.strip():
        return []
    path = text_file(prompts_file)
    try:
        prompts = split_prompts(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise WrongSetting("There is no file {path}. Make it, with one prompt per line.", path=path) from None
    except (OSError, UnicodeError) as error:
        raise WrongSetting("{path} cannot be read: {why}. Save it as UTF-8 text.", path=path, why=error) from None
    if not prompts:
        raise WrongJob("There is no prompt in {path}. Write one per line.", path=path)
    return prompts


def text_file(prompts_file: str) -> Path:
    return places.inside(places.input_folder(), prompts_file)
