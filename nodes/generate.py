"""NanoBananaGenerate: one prompt, with or without pictures, into one or more pictures."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from ..grsai.jobs import Job, plan, safe_stem
from ..grsai.ledger import Ledger
from . import bridge, missing, paths, results, workflow
from .images import load
from .inputs import (
    CATEGORY,
    Choice,
    choice_of,
    masks_output,
    model_input,
    references_input,
    references_of_sockets,
    references_of_urls,
    searchable,
    seed_input,
    text_socket,
)
from .limits import MOST_PICTURES, MOST_SEED, text, whole
from .masks import Edits, edited, first_of, mask_inputs
from .sources import Sources

_STEM = 40  # characters of the prompt in a file name


class NanoBananaGenerate(io.ComfyNode):
    """Pictures of equal inputs, seed included, are paid for once, also after a restart."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        schema = io.Schema(
            node_id="NanoBananaGenerate",
            display_name="Nano Banana Generate",
            category=CATEGORY,
            description="Makes or edits pictures with Google's nano-banana models through Grsai. What was paid for is kept"
            " in output/banana and used again while the inputs stay the same.",
            inputs=[
                references_input("images", "Pictures to edit, or to take as a reference. A batch counts as several."),
                text_socket("image_urls", "More pictures by their addresses, one per line, as Grsai Upload gives them."),
                *mask_inputs("Where image_1 may change; all else of it stays to the pixel. The mask editor paints it."),
                io.String.Input("prompt", multiline=True, default="", tooltip="What the picture should show, or what to change."),
                io.Int.Input("count", default=1, min=1, max=MOST_PICTURES, tooltip="How many pictures. Each is paid for."),
                seed_input(),
                model_input(),
            ],
            outputs=[
                io.Image.Output(
                    "images", display_name="images", is_output_list=True, tooltip="The pictures, each in its own size."
                ),
                io.String.Output(
                    "image_urls",
                    display_name="image_urls",
                    tooltip="Their addresses, one per line, for the next node's image_urls.",
                ),
                io.String.Output("report", display_name="report", tooltip="What was made, failed and paid."),
                masks_output(),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )
        return searchable(schema, "gemini", "gpt image", "image edit", "text to image", "图像编辑", "文生图")

    @classmethod
    async def execute(
        cls,
        prompt: str,
        count: int = 1,
        seed: int = 0,
        model: Any = None,
        images: Any = None,
        image_urls: str | None = None,
        mask: Any = None,
        mask_options: Any = None,
        **_: Any,
    ) -> io.NodeOutput:
        async with bridge.running("NanoBananaGenerate", cls.hidden.unique_id, workflow.id_of(cls.hidden.extra_pnginfo)) as work:
            account = await work.account()
            sources = Sources(cls.hidden.prompt, cls.hidden.unique_id)
            chosen = choice_of(model, account.settings.catalogue, sources)
            jobs = await work.do(
                _jobs,
                text(prompt, "prompt"),
                images,
                Edits(mask, mask_options),
                text(image_urls, "image_urls"),
                count=whole(count, "count", 1, MOST_PICTURES),
                seed=whole(seed, "seed", 0, MOST_SEED),
                choice=chosen,
                sources=sources,
                ledger=account.ledger,
            )
            metadata = workflow.metadata_of(cls.hidden.prompt, cls.hidden.extra_pnginfo, account.settings.key)
            outcomes = await work.make(jobs, account, output=paths.output_folder() / paths.KEPT, metadata=metadata)
            files = results.files_of(outcomes)
            loaded = await work.do(load, files, clear=chosen.background == "transparent")
            urls = await work.urls(outcomes, account)
            report = results.report(outcomes, loaded, work.run, account)
        return io.NodeOutput(loaded.images, "\n".join(urls), report, loaded.masks)

    @classmethod
    def fingerprint_inputs(cls, **widgets: Any) -> str:
        return missing.fingerprint(cls.hidden.unique_id, widgets)


def _jobs(
    prompt: str,
    images: Any,
    edits: Edits,
    image_urls: str,
    *,
    count: int,
    seed: int,
    choice: Choice,
    sources: Sources,
    ledger: Ledger,
) -> list[Job]:
    """Equal jobs but for their variation, each with a file name of its own."""
    references = [*references_of_sockets(images, "images", sources), *references_of_urls(image_urls, ledger)]
    jobs = plan(
        [prompt] * count,
        model=choice.model,
        aspect_ratio=choice.aspect_ratio,
        image_size=choice.image_size,
        quality=choice.quality,
        background=choice.background,
        shared=references,
        seed=seed,
    )
    stem = safe_stem(re.sub(r"\s+", "_", prompt.strip())[:_STEM])
    jobs = [replace(job, name=f"{stem}_{job.fingerprint[:8]}") for job in jobs]
    if not edits.is_wired:
        return jobs
    [masked] = edits.of(references[:1], [first_of(images)])
    return edited(jobs, [masked] * len(jobs), choice, edits.options)
