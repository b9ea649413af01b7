"""BatchBanana: pictures × prompts, many at once."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from comfy_api.latest import io

from ..grsai.errors import WrongJob
from ..grsai.jobs import PAIRINGS, plan, split_prompts
from ..grsai.models import Catalogue
from ..grsai.pictures import Reference
from ..grsai.sheets import Back, Given, Planned, Sheet
from . import bridge, missing, paths, results, wishes, workflow
from .images import frames, load, references
from .inputs import (
    CATEGORY,
    Choice,
    as_files,
    choice_of,
    jobs_input,
    masks_output,
    model_input,
    names_of,
    partners_of_sockets,
    references_input,
    references_of_sockets,
    searchable,
    seed_input,
    text_socket,
)
from .limits import MOST_AT_ONCE, MOST_BUDGET, MOST_JOBS, MOST_SEED, amount, one_of, text, texts, whole
from .masks import Edits, edited, mask_inputs
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
            description="Makes a whole batch: every picture with every prompt, one to one, or the rows of a sheet. One failure"
            " stops nothing, and a second run pays only for what is missing.",
            inputs=[
                io.Image.Input("images", optional=True, tooltip="The pictures to edit: a list or a batch, of any sizes."),
                text_socket("names", "Names of the pictures, used in the names of the files. Load Banana Folder gives them."),
                references_input("references", "Pictures that go along with every job, such as a logo or a face."),
                references_input(
                    "paired", "A list as long as images: its first picture goes along with the first one, and so on."
                ),
                jobs_input(),
                *mask_inputs("Where images may change; all else stays to the pixel. One for all, or as many as images."),
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
        paired: Any = None,
        jobs: Any = None,
        mask: Any = None,
        mask_options: Any = None,
        **_: Any,
    ) -> io.NodeOutput:
        async with bridge.running("BatchBanana", cls.hidden.unique_id, workflow.id_of(cls.hidden.extra_pnginfo)) as work:
            folder, prefix = paths.output_place(
                expanded(text(filename_prefix, "filename_prefix"), cls.hidden.prompt, time.localtime())
            )
            stop = one_of(on_failure, "on_failure", (KEEP_GOING, STOP)) == STOP
            at_once = whole(concurrency, "concurrency", 1, MOST_AT_ONCE)
            most_yuan = amount(budget, "budget", MOST_BUDGET)
            account = await work.account()
            sources = Sources(cls.hidden.prompt, cls.hidden.unique_id)
            chosen = choice_of(model, account.settings.catalogue, sources)
            wired = _Wired(images, names, references, paired, jobs, Edits(mask, mask_options), sources)
            asked, sheet = await work.do(
                _planned,
                wired,
                chosen,
                catalogue=account.settings.catalogue,
                prompts=[prompt for part in texts(prompts, "prompts") for prompt in split_prompts(part)],
                pairing=one_of(pairing, "pairing", PAIRINGS),
                seed=whole(seed, "seed", 0, MOST_SEED),
                prefix=prefix,
            )
            back = Back(sheet, asked.rows, folder, language=work.run.language) if sheet else None
            outcomes = await work.make(
                asked.jobs,
                account,
                output=folder,
                concurrency=at_once,
                stop_at_failure=stop,
                budget=most_yuan,
                metadata=workflow.metadata_of(cls.hidden.prompt, cls.hidden.extra_pnginfo, account.settings.key),
                back=back,
            )
            files = results.files_of(outcomes, all_or_nothing=stop)
            loaded = await work.do(load, files, clear=any(job.background == "transparent" for job in asked.jobs))
            report = results.report(outcomes, loaded, work.run, account, back)
        shown = {"images": [place for place in map(paths.view_of, files) if place]}
        return io.NodeOutput(loaded.images, [str(file) for file in loaded.files], report, loaded.masks, ui=shown)

    @classmethod
    def fingerprint_inputs(cls, **widgets: Any) -> str:
        return missing.fingerprint(cls.hidden.unique_id, widgets)


class _Wired(NamedTuple):
    """What the sockets brought."""

    images: Any
    names: Any
    references: Any
    paired: Any
    jobs: Any
    edits: Edits
    sources: Sources


def _planned(
    wired: _Wired,
    choice: Choice,
    *,
    catalogue: Catalogue,
    prompts: Sequence[str],
    pairing: str,
    seed: int,
    prefix: str,
) -> tuple[Planned, Sheet | None]:
    """What comes by a wire of jobs or has partners is planned as the command does it, of files where they are known.

    With the sheet that the jobs are of, if they are of one.
    """
    shared = references_of_sockets(wired.references, "references", wired.sources)
    pictures, edits = _pictures(wired), wired.edits
    masked = edits.of(pictures, frames(wired.images)) if edits.is_wired else None
    if wired.jobs or wired.paired:
        partners = partners_of_sockets(wired.paired, len(pictures), wired.sources)
        together = as_files(shared)
        asked = wishes.of_wire(wired.jobs) or wishes.of_pairs(as_files(pictures), [as_files(each) for each in partners], together)
        if masked:
            rows = (replace(wish, mask=each) for wish, each in zip(asked.rows, masked, strict=True))
            asked = replace(asked, rows=tuple(rows))
        given = Given(
            catalogue, choice.model.id, seed=seed, prompts=tuple(prompts), pairing=pairing, prefix=prefix,
            mask_options=edits.options,
        )  # fmt: skip
        return wishes.planned(asked, choice, given, shared=together), asked.sheet
    count = len(prompts) * max(len(pictures), 1) if pairing == PAIRINGS[0] else len(prompts)
    if count > MOST_JOBS:
        raise WrongJob("{count:,} pictures are too many for one batch; at most {most:,} are made.", count=count, most=MOST_JOBS)
    jobs = plan(prompts, pictures, **choice._asdict(), shared=shared, pairing=pairing, seed=seed, prefix=prefix)
    if masked:
        per_picture = len(jobs) // len(masked)  # each with every prompt, or with its own
        jobs = edited(jobs, [masked[place // per_picture] for place in range(len(jobs))], choice, edits.options)
    return Planned(tuple(jobs), (None,) * len(jobs)), None


def _pictures(wired: _Wired) -> list[Reference]:
    """Those of `images`. A wire of jobs brings its own."""
    given = {"images": wired.images, "names": wired.names, "paired": wired.paired, "mask": wired.edits.masks}
    too_many = [name for name, value in given.items() if value] if wired.jobs else []
    if too_many:
        raise WrongJob("jobs brings its own pictures. Take the wires off {sockets}.", sockets=", ".join(too_many))
    pictures = frames(wired.images)
    named = names_of(wired.names, len(pictures))
    return wired.sources.traced(references(pictures, named), "images", renamed=not named)
