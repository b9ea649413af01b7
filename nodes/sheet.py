"""LoadBananaSheet: the rows of a sheet below ComfyUI's input folder, a row a job."""

# ComfyNode says execute(**kwargs); a node names its inputs.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

from comfy_api.latest import io

from ..grsai.errors import GrsaiError
from . import bridge, wishes
from .inputs import CATEGORY, jobs_output, searchable
from .limits import text


class LoadBananaSheet(io.ComfyNode):
    """Runs again when the sheet or one of its pictures changed. It pays nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        schema = io.Schema(
            node_id="LoadBananaSheet",
            display_name="Load Banana Sheet",
            category=CATEGORY,
            description="Reads a sheet with a row for each picture: csv, tsv, jsonl or xlsx, with columns such as image,"
            " references, prompt, model and name.",
            inputs=[
                io.String.Input(
                    "file",
                    default="banana_demo/jobs.csv",
                    tooltip="A csv, tsv, jsonl or xlsx file under ComfyUI's input folder. Its paths are as seen from the sheet.",
                ),
            ],
            outputs=[
                jobs_output("The rows, for Batch Banana, which fills in what they leave open."),
                io.String.Output(
                    "report", display_name="report", tooltip="The rows, what is wrong with them, and the first ones."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )
        return searchable(schema, "csv", "xlsx", "excel", "spreadsheet", "table", "batch", "表格", "批量")

    @classmethod
    async def execute(cls, file: str) -> io.NodeOutput:
        async with bridge.reading(cls.hidden.unique_id) as work:
            asked = await work.do(wishes.of_sheet, text(file, "file"))
            report = wishes.told(asked, work.run.language)
            work.tell(report)
        return io.NodeOutput(wishes.Wire(lambda: asked), report, ui={"text": [report]})

    @classmethod
    def fingerprint_inputs(cls, file: str) -> str:
        try:
            return wishes.fingerprint(wishes.of_sheet(text(file, "file"), wishes.by_facts))
        except GrsaiError as error:
            return str(error)
