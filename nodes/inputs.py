"""The inputs that several nodes share: how they are declared, and how what comes in is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from comfy_api.latest import io

from ..grsai.errors import WrongJob
from ..grsai.ledger import Ledger
from ..grsai.models import Catalogue, Model
from ..grsai.pictures import Reference
from . import account, images
from .sources import Sources

CATEGORY = "Grsai"
MOST_REFERENCES = 14  # clients of this service allow 6 to 14
MOST_SEED = 2**31 - 1


class Choice(NamedTuple):
    """What the model input says. `aspect_ratio` and `image_size` None: as the model has it."""

    model: Model
    aspect_ratio: str | None
    image_size: str | None


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


def choice_of(model: Any, catalogue: Catalogue) -> Choice:
    """Refuses a model that left the catalogue: ComfyUI itself lets its name pass, or drops it."""
    values = model if isinstance(model, dict) else {"model": model}
    name = only(values.get("model"))
    if not name:
        raise WrongJob("The model of this node is not in the catalogue any more. Choose another one in the node.")
    return Choice(catalogue.named(name), only(values.get("aspect_ratio")), only(values.get("image_size")))


def references_of_sockets(pictures: Any, name: str, sources: Sources) -> list[Reference]:
    """The references of an Autogrow input in the order of their sockets, which may have gaps."""
    sockets = sorted((pictures or {}).items(), key=lambda socket: int(re.sub(r"\D", "", socket[0]) or 0))
    return [
        reference
        for socket, value in sockets
        if value is not None
        for reference in sources.traced(images.references(value, name=f"{name}.{socket}"), f"{name}.{socket}")
    ]


def references_of_urls(urls: str, ledger: Ledger) -> list[Reference]:
    """The references of an `image_urls` input. One that the ledger knows counts as its content, wherever it lies by now."""
    return [_from_url(line, ledger) for line in lines(urls)]


def only(value: Any) -> Any:
    """The one value of a widget, which a node that takes lists gets as a list."""
    if isinstance(value, (list, tuple)):
        return value[0] if value else None
    return value


def lines(value: str | Sequence[str] | None) -> list[str]:
    """The lines of one text or of several, empty ones left out."""
    texts = [value] if isinstance(value, str) else value or []
    return [line.strip() for text in texts if text for line in text.splitlines() if line.strip()]


def _options_of(model: Model) -> list[io.Input]:
    ratio = "Width to height. auto: like the first picture; without a picture, the model decides."
    options: list[io.Input] = [io.Combo.Input("aspect_ratio", options=list(model.ratios), tooltip=ratio)]
    if model.sizes:
        size = "About 1, 2 or 4 thousand pixels on the longer side. Larger ones take longer."
        options.append(io.Combo.Input("image_size", options=list(model.sizes), tooltip=size))
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
