"""BatchBanana: pictures × prompts, many at once."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..grsai.errors import WrongJob
from ..grsai.jobs import PAIRINGS, Job, plan, split_prompts
from . import bridge, missing, paths, results, workflow
from .images import frames, load, references
from .inputs import (
    CATEGORY,
    Choice,
    choice_of,
    masks_output,
    model_input,
    names_of,
    references_input,
    references_of_sockets,
    searchable,
    seed_input,
    text_socket,
)
from .limits import MOST_AT_ONCE, MOST_BUDGET, MOST_JOBS, MOST_SEED, amount, one_of, text, texts, whole
from .prefix import expanded
from .sources import Sources

KEEP_GOING, STOP = "keep going", "stop"


class BatchBanana(io.ComfyNode):
    """Every picture is on disk and on the canvas as soon as it is made; one that was paid for is never paid for again."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        schema = io.Schema(
            node_id="BatchBanana",
            display_name="Batch Banana",
            category=CATEGORY,
            description="Makes a whole batch: every picture with every prompt, or one to one. One failure stops nothing, and a"
            " second run pays only for what is missing.",
            inputs=[
                io.Image.Input("images", optional=True, tooltip="The pictures to edit: a list or a batch, of any sizes."),
                text_socket("names", "Names of the pictures, used in the names of the files. Load Banana Folder gives them."),
                references_input("references", "Pictures that go along with every job, such as a logo or a face."),
                io.String.Input("prompts", multiline=True, default="", tooltip="The prompts, one per line."),
                io.Combo.Input(
                    "pairing",
                    options=list(PAIRINGS),
                    default=PAIRINGS[0],
                    tooltip="product: every picture with every prompt. zip: the first with the first, and so on.",
                ),
                io.Int.Input(
                    "concurrency",
                    default=5,
                    min=1,
                    max=MOST_AT_ONCE,
                    tooltip="How many pictures are made at the same time. The limit in the settings counts over all nodes.",
                ),
                seed_input(),
                io.Combo.Input(
                    "on_failure",
                    options=[KEEP_GOING, STOP],
                    default=KEEP_GOING,
                    tooltip="keep going: the report lists what failed. stop: nothing more is paid after the first failure.",
                ),
                io.Float.Input(
                    "budget",
                    default=0.0,
                    min=0.0,
                    max=MOST_BUDGET,
                    step=0.1,
                    round=0.0001,
                    tooltip="The most that this run may cost, in yuan. 0: no limit. A run that would cost more is not started.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="banana/Task",
                    tooltip="Folder under ComfyUI's output, and how the files begin: <prefix>_<number>_<picture>_<k>.png."
                    " ComfyUI's tokens work, such as %date:yyyy-MM-dd%.",
                ),
                model_input(),
            ],
            outputs=[
                io.Image.Output(
                    "images",
                    display_name="images",
                    is_output_list=True,
                    tooltip="The pictures in input order: first by picture, then by prompt. Each in its own size.",
                ),
                io.String.Output("files", display_name="files", is_output_list=True, tooltip="Their files, in the same order."),
                io.String.Output("report", display_name="report", tooltip="What was made, failed and paid."),
                masks_output(),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_input_list=True,
            is_output_node=True,
        )
        return searchable(schema, "gemini", "gpt image", "image edit", "batch edit", "text to image", "batch", "批量")

    @classmethod
    async def execute(
        cls,
        prompts: Sequence[str],
        pairing: Sequence[str] = (PAIRINGS[0],),
        concurrency: Sequence[int] = (5,),
        seed: Sequence[int] = (0,),
        on_failure: Sequence[str] = (KEEP_GOING,),
        budget: Sequence[float] = (0.0,),
        filename_prefix: Sequence[str] = ("banana/Task",),
        model: Any = None,
        images: Any = None,
        names: Sequence[str] | None = None,
        references: Any = None,
        **_: Any,
    ) -> io.NodeOutput:
        async with bridge.running("BatchBanana", cls.hidden.unique_id) as work:
            folder, prefix = paths.output_place(
                expanded(text(filename_prefix, "filename_prefix"), cls.hidden.prompt, time.localtime())
            )
            stop = one_of(on_failure, "on_failure", (KEEP_GOING, STOP)) == STOP
            at_once = whole(concurrency, "concurrency", 1, MOST_AT_ONCE)
            most_yuan = amount(budget, "budget", MOST_BUDGET)
            account = await work.account()
            sources = Sources(cls.hidden.prompt, cls.hidden.unique_id)
            chosen = choice_of(model, account.settings.catalogue, sources)
            jobs = await work.do(
                _jobs,
                images,
                [prompt for part in texts(prompts, "prompts") for prompt in split_prompts(part)],
                names=names,
                shared=references,
                sources=sources,
                choice=chosen,
                pairing=one_of(pairing, "pairing", PAIRINGS),
                seed=whole(seed, "seed", 0, MOST_SEED),
                prefix=prefix,
            )
            metadata = workflow.metadata_of(cls.hidden.prompt, cls.hidden.extra_pnginfo, account.settings.key)
            outcomes = await work.make(
                jobs, account, output=folder, concurrency=at_once, stop_at_failure=stop, budget=most_yuan, metadata=metadata
            )
            files = results.files_of(outcomes, all_or_nothing=stop)
            loaded = await work.do(load, files, clear=chosen.background == "transparent")
            report = results.report(outcomes, loaded, work.run, account)
        shown = {"images": [place for place in map(paths.view_of, files) if place]}
        return io.NodeOutput(loaded.images, [str(file) for file in loaded.files], report, loaded.masks, ui=shown)

    @classmethod
    def fingerprint_inputs(cls, **widgets: Any) -> str:
        return missing.fingerprint(cls.hidden.unique_id, widgets)


def _jobs(
    images: Any,
    prompts: Sequence[str],
    *,
    names: Any,
    shared: Any,
    sources: Sources,
    choice: Choice,
    pairing: str,
    seed: int,
    prefix: str,
) -> list[Job]:
    pictures = frames(images)
    named = names_of(names, len(pictures))
    count = len(prompts) * max(len(pictures), 1) if pairing == PAIRINGS[0] else len(prompts)
    if count > MOST_JOBS:
        raise WrongJob("{count:,} pictures are too many for one batch; at most {most:,} are made.", count=count, most=MOST_JOBS)
    return plan(
        prompts,
        sources.traced(references(pictures, named), "images", renamed=not named),
        model=choice.model,
        aspect_ratio=choice.aspect_ratio,
        image_size=choice.image_size,
        quality=choice.quality,
        background=choice.background,
        shared=references_of_sockets(shared, "references", sources),
        pairing=pairing,
        seed=seed,
        prefix=prefix,
    )
