"""A folder of sources and one of results, outcomes made by hand, and the page that is made of them."""

from __future__ import annotations

import json
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from PIL import Image

from grsai.jobs import Job, Outcome
from grsai.models import Catalogue
from grsai.pictures import Reference
from grsai.report.gallery import write_gallery
from grsai.report.report import write_report
from grsai.report.thumbnails import make_thumbnails, write_contact_sheet

MODEL = Catalogue().named("nano-banana-fast")
ADDRESSES = ("after", "after_small", "before", "before_small")


class Shop:
    """A folder of sources and one of results, and outcomes made by hand."""

    def __init__(self, folder: Path) -> None:
        self.inputs = folder / "input"
        self.output = folder / "batch_outputs"
        self.inputs.mkdir()
        self.output.mkdir()

    def source(self, name: str, size: tuple[int, int] = (600, 400), **options: Any) -> Reference:
        Image.new("RGB", size, "orange").save(self.inputs / name, **options)
        return Reference.from_file(self.inputs / name)

    def result(self, name: str, colour: str = "teal", size: tuple[int, int] = (900, 600)) -> Path:
        path = self.output / name
        Image.new("RGB", size, colour).save(path)
        return path

    def made(self, task: int = 1, *, prompt: str = "a prompt", source: Reference | None = None, **facts: Any) -> Outcome:
        job = self.job(task, prompt, source)
        files = facts.pop("files", None) or (self.result(f"{job.name}_1.png"),)
        return Outcome(job, "succeeded", files, f"14-{task}", **{"seconds": 4.0, "credits": 440, **facts})

    def job(self, task: int = 1, prompt: str = "a prompt", source: Reference | None = None) -> Job:
        return Job(prompt, MODEL, references=(source,) if source else (), task=task, name=f"Task_{task}_photo")

    def page(self, *outcomes: Outcome, **options: Any) -> Page:
        path = write_gallery(outcomes, folder=self.output, seconds=5.0, **options)
        write_report(outcomes, folder=self.output, seconds=5.0)
        return Page(path)

    def sheet(self, *outcomes: Outcome) -> Path | None:
        made = make_thumbnails(outcomes, folder=self.output)
        return write_contact_sheet(outcomes, made, folder=self.output, label=lambda outcome, _: outcome.job.name)

    def thumbnails(self) -> dict[Path, int]:
        return {path: path.stat().st_ino for path in (self.output / "thumbnails").glob("*")}


class Page(HTMLParser):
    """A page as a browser reads it: its elements, its policy, and the data that it draws itself from."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.text = path.read_text("utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._scripts: list[str] = []
        self.feed(self.text)
        self.data: dict[str, Any] = json.loads(self._scripts[0])
        self.cards: list[dict[str, Any]] = self.data["cards"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script" and data.strip():
            self._scripts.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        return [value for found, attributes in self.elements if found == tag and (value := attributes.get(name))]

    def states(self) -> list[str]:
        """The states of the cards, in order."""
        return [card["state"] for card in self.cards]

    def addresses(self) -> list[str]:
        """Every file that the page names."""
        named = [card[name] for card in self.cards for name in ADDRESSES if name in card]
        return [urllib.parse.unquote(address) for address in [*named, *(file for file, _ in self.data["links"])]]

    def shown(self) -> list[str]:
        """The pictures that the cards show before anybody opens one."""
        return [card[name] for card in self.cards for name in ("after_small", "before_small") if name in card]
