"""The inputs that several nodes share: how they are declared, and how what comes in is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from comfy_api.latest import io

from ..grsai.errors import WrongJob
from ..grsai.ledger import Ledger
from ..grsai.models import Catalogue, Model
from ..grsai.pictures import Reference
from . import account, images
from .limits import MOST_SEED, text, texts
from .sources import Sources, number_of

CATEGORY = "Grsai"
T = TypeVar("T")
PAINTED = "clipspace"  # the folder of pictures on which a mask was painted
MOST_REFERENCES = 14  # sockets; a batch in one counts as several


class Choice(NamedTuple):
    """What the model input says. None: as the model has it."""

    model: Model
    aspect_ratio: str
    image_size: str | None
    quality: str | None
    background: str | None


class _Ratios(list[str]):
    """The ratios on offer. ComfyUI asks whether a posted value is among them: pixels that the model makes are, too."""

    model: Model | None = None  # none in the copies that ComfyUI makes of a node's description

    @classmethod
    def of(cls, model: Model) -> _Ratios:
        ratios = cls(model.ratios)
        ratios.model = model
        return ratios

    def __contains__(self, value: object) -> bool:
        try:
            return super().__contains__(value) or bool(self.model and isinstance(value, str) and self.model.ratio(value))
        except WrongJob:
            return False


def searchable(schema: io.Schema, *words: str) -> io.Schema:
    """Lets the node search find the node by these words, too; a ComfyUI that is too old for it passes over them."""
    schema.search_aliases = ["grsai", "nano banana", "香蕉", *words]
    return schema


def model_input() -> io.DynamicCombo.Input:
    """The models with what each can do. Last among the widgets, as its own widgets come and go behind it."""
    options = [io.DynamicCombo.Option(model.id, _options_of(model)) for model in account.catalogue().values()]
    return io.DynamicCombo.Input("model", options=options, tooltip="The model. Its price is on the node's badge.")


def seed_input() -> io.Int.Input:
    """The seed, fixed at the start so that Run does not pay again unawares.

    As a plain word, which the canvas of every ComfyUI since 0.13 understands; `io.ControlAfterGenerate` came with 0.14.
    """
    tooltip = (
        "With the same seed and inputs you get the same pictures without paying again."
        " Another seed makes new ones, and costs again."
    )
    fixed = {"control_after_generate": "fixed"}
    return io.Int.Input("seed", default=0, min=0, max=MOST_SEED, tooltip=tooltip, extra_dict=fixed)


def text_socket(name: str, tooltip: str) -> io.String.Input:
    """A STRING socket that may stay empty and has no widget.

    Not by `force_input`: canvases drop a saved value of such a node wherever its values happen to be one more than its widgets
    (they take it for the socket's, from before 2025), and a workflow would come back with another aspect ratio.
    """
    return io.String.Input(name, optional=True, tooltip=tooltip, extra_dict={"widgetType": "SOCKET"})


def references_input(name: str, tooltip: str) -> io.Autogrow.Input:
    """Picture sockets that grow as they are wired; none need be."""
    names = [f"image_{number}" for number in range(1, MOST_REFERENCES + 1)]
    template = io.Autogrow.TemplateNames(io.Image.Input("image", tooltip=tooltip), names=names, min=0)
    return io.Autogrow.Input(name, template=template, tooltip=tooltip)


def jobs_input() -> io.Input:
    tooltip = "Jobs of Load Banana Sheet or Load Banana Folder, in place of images and prompts."
    return io.Custom("BANANA_JOBS").Input("jobs", optional=True, tooltip=tooltip)


def jobs_output(tooltip: str) -> io.Output:
    return io.Custom("BANANA_JOBS").Output("jobs", display_name="jobs", tooltip=tooltip)


def masks_output() -> io.Mask.Output:
    """Last, as a saved workflow knows outputs by their place."""
    tooltip = "Where each picture is clear, for Join Image with Alpha: of models with a transparent background."
    return io.Mask.Output("masks", display_name="masks", is_output_list=True, tooltip=tooltip)


def choice_of(model: Any, catalogue: Catalogue, sources: Sources) -> Choice:
    """Refuses a model that left the catalogue, or never was in it: ComfyUI itself lets its name pass, or drops it."""
    values = model if isinstance(model, dict) else {"model": model}
    name = text(values.get("model") or sources.asked("model"), "model")
    if not name:
        raise WrongJob("No model came in. Choose one of: {allowed}.", allowed=", ".join(catalogue))
    named = {part: text(values.get(part), f"model.{part}") or None for part in ("image_size", "quality", "background")}
    return Choice(catalogue.named(name), text(values.get("aspect_ratio"), "model.aspect_ratio") or "auto", **named)


def references_of_sockets(pictures: Any, name: str, sources: Sources) -> list[Reference]:
    """The references of an Autogrow input in the order of their sockets, which may have gaps."""
    return [reference for _, references in _sockets(pictures, name, sources) for reference in references]


def partners_of_sockets(pictures: Any, count: int, sources: Sources) -> list[tuple[Reference, ...]]:
    """For each of `count` pictures what each socket of `paired` brings for it. Raises `WrongJob` where they are not as many."""
    return paired(_sockets(pictures, "paired", sources), count)


def paired(lists: Sequence[tuple[str, Sequence[T]]], count: int) -> list[tuple[T, ...]]:
    """The same of the lists of the sockets, by their names."""
    for socket, partners in lists:
        if len(partners) != count:
            text = "{socket} holds {partners} pictures for the {pictures} of images. Give as many: the first goes with the first."
            raise WrongJob(text, socket=socket, partners=len(partners), pictures=count)
    return [tuple(partners[place] for _, partners in lists) for place in range(count)]


def as_files(references: Iterable[Reference]) -> tuple[Reference, ...]:
    """Those that come straight from a loader as the files that they are, so that the command makes the same job of them.

    A mask that was painted on a picture is kept in its file's alpha: of such only the pixels are meant. Raises `BadPicture`.
    """
    return tuple(
        replace(Reference.from_file(each.path), name=each.name) if each.path and each.path.parent.name != PAINTED else each
        for each in references
    )


def _sockets(pictures: Any, name: str, sources: Sources) -> list[tuple[str, list[Reference]]]:
    """What each socket of an Autogrow input brings, in their order."""
    sockets = sorted((pictures or {}).items(), key=lambda socket: number_of(socket[0]))
    wired = [(f"{name}.{socket}", value) for socket, value in sockets if value is not None]
    return [(socket, _traced(value, socket, sources)) for socket, value in wired]


def _traced(value: Any, socket: str, sources: Sources) -> list[Reference]:
    """With the files that they were loaded from, as the wire tells, or else `value` itself."""
    found, file = sources.traced(images.references(value, name=socket), socket), images.file_of(value)
    if file is None or len(found) != 1 or found[0].path:
        return found
    return [replace(found[0], path=file, name=file.stem)]


def references_of_urls(urls: str, ledger: Ledger) -> list[Reference]:
    """The references of an `image_urls` input. One that the ledger knows counts as its content, wherever it lies by now."""
    return [_from_url(line.strip(), ledger) for line in lines(urls) if line.strip()]


def lines(text: str) -> list[str]:
    """Lines end as files of any system end them, and nowhere else."""
    return re.split(r"\r\n|\r|\n", text)


def names_of(value: Any, count: int) -> list[str]:
    """The names of `count` pictures by their place, empty where one has none; none at all if nothing came.

    A list has a name in each item, a single text has one in each line. Raises `WrongJob` if they are not as many as the pictures:
    whichever is missing, files would get the names of their neighbours.
    """
    given = texts(value, "names")
    if len(given) == 1:
        given = lines(given[0].rstrip("\r\n"))
    names = [" ".join(name.split()) for name in given]
    if not any(names):
        return []
    if len(names) != count:
        raise WrongJob("names holds {names} names for {count} pictures. Give as many, or none.", names=len(names), count=count)
    return names


def _options_of(model: Model) -> list[io.Input]:
    ratios = list(model.ratios) if model.pixels == "never" else _Ratios.of(model)
    tooltip = "Width to height. auto: like the first picture; without a picture, the model decides."
    options: list[io.Input] = [io.Combo.Input("aspect_ratio", options=ratios, tooltip=tooltip)]
    if model.sizes:
        tooltip = "About 1, 2 or 4 thousand pixels on the longer side. Larger ones take longer."
        options.append(io.Combo.Input("image_size", options=list(model.sizes), tooltip=tooltip))
    if model.qualities:
        tooltip = "How much work goes into the picture. auto: the service decides. The price is the same."
        options.append(io.Combo.Input("quality", options=["auto", *model.qualities], optional=True, tooltip=tooltip))
    if model.backgrounds:
        tooltip = "transparent: a PNG with alpha; the node's masks say where it is clear. auto: the service decides."
        options.append(io.Combo.Input("background", options=["auto", *model.backgrounds], optional=True, tooltip=tooltip))
    return options


def _from_url(url: str, ledger: Ledger) -> Reference:
    if not re.fullmatch(r"https?://\S+", url):
        raise WrongJob("{url} is no address of a picture. image_urls takes one http(s) address per line.", url=url[:80])
    given = Reference.from_url(url)
    digest = ledger.digest_of(url)
    if digest is not None:
        return replace(given, digest=digest)
    kept = ledger.file_of(url)
    return Reference.from_file(kept) if kept else given
