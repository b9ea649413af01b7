"""LoadBananaFolder: the pictures and the prompts of a batch from ComfyUI's input folder."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

from comfy_api.latest import io

from ..grsai.errors import BadPicture, GrsaiError, WrongJob
from ..grsai.texts import say
from . import bridge, images, paths, wishes
from .inputs import CATEGORY, jobs_output, searchable
from .limits import text


class LoadBananaFolder(io.ComfyNode):
    """Runs again when the files changed, which ComfyUI learns from `fingerprint_inputs`. It pays nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        schema = io.Schema(
            node_id="LoadBananaFolder",
            display_name="Load Banana Folder",
            category=CATEGORY,
            description="Reads every picture of a folder, in natural order, and the prompts of a text file, one per line.",
            inputs=[
                io.String.Input(
                    "folder",
                    default="banana_demo/image",
                    tooltip="A folder inside ComfyUI's input folder, with jpg, png, webp, bmp, gif, tif or avif files.",
                ),
                io.String.Input(
                    "prompts_file",
                    default="banana_demo/text/text.txt",
                    tooltip="A text file under ComfyUI's input folder, saved as UTF-8, one prompt per line. Empty: no prompts."
                    " A folder: a text for each picture, called like it.",
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
                io.String.Output("report", display_name="report", tooltip="What was read, and what was left out and why."),
                jobs_output("Each picture with its own text, or with each of the prompts, for Batch Banana's jobs."),
            ],
            hidden=[io.Hidden.unique_id],
        )
        return searchable(schema, "batch", "load folder", "load images", "批量")

    @classmethod
    async def execute(cls, folder: str, prompts_file: str) -> io.NodeOutput:
        async with bridge.reading(cls.hidden.unique_id) as work:
            found = await work.do(paths.picture_folder, text(folder, "folder"))
            texts = await work.do(paths.text_folder, text(prompts_file, "prompts_file"))
            prompts = [] if texts else await work.do(paths.read_prompts, text(prompts_file, "prompts_file"))
            loaded = await work.do(images.load, found.files, stop=work.run.stop)
            if not loaded.images:
                why = "\n".join(error.say(work.run.language) for error in loaded.left_out)
                raise BadPicture("None of the pictures can be read.\n{why}", why=why)
            of_texts = await work.do(_of_texts, loaded.files, texts, work.run.language) if texts else wishes.Wishes(())
            left_out = [*loaded.left_out, *found.left_out, *of_texts.notices]
            report = _report(len(loaded.images), len(of_texts.rows) or len(prompts), left_out, work.run.language)
            work.tell(report)
        names = [file.stem for file in loaded.files]
        return io.NodeOutput(
            loaded.images,
            names,
            "\n".join(prompts),
            report,
            wishes.Wire(functools.partial(wishes.of_files, loaded.files, texts, prompts)),
            ui={"text": [report]},
        )

    @classmethod
    def fingerprint_inputs(cls, folder: str, prompts_file: str) -> str:
        try:
            found = paths.picture_folder(text(folder, "folder"))
            named = text(prompts_file, "prompts_file").strip()
            texts = paths.text_folder(named)
            read = [*found.files, *(paths.texts_in(texts) if texts else [paths.text_file(named)] if named else [])]
            facts = [(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in read if file.is_file()]
        except (GrsaiError, OSError) as error:
            return str(error)
        return hashlib.sha256(repr((facts, [str(error) for error in found.left_out])).encode()).hexdigest()


def _of_texts(files: Sequence[Path], folder: Path, language: str) -> wishes.Wishes:
    """Each picture with its text. Raises `WrongJob` with all that have none, before anything is made of the others."""
    found = wishes.of_files(files, folder, (), wishes.by_facts)
    if found.faults:
        why = "\n".join(fault.say(language) for _, fault in found.faults)
        raise WrongJob("Each picture needs a text of its name.\n{why}", why=why)
    return found


def _report(pictures: int, prompts: int, left_out: Sequence[GrsaiError], language: str) -> str:
    """What was read, and each file that was left out, with the reason."""
    lines = [say("Pictures: {pictures} · prompts: {prompts}", language, pictures=pictures, prompts=prompts)]
    return "\n".join([*lines, *(error.say(language) for error in left_out)])
