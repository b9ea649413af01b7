"""Which files the pictures on a wire were loaded from, as far as the graph tells: the history shows them, names results by
them, and can make a picture once more.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import folder_paths

from ..grsai.errors import GrsaiError
from ..grsai.pictures import Reference
from .paths import picture_folder, read_prompts, text_folder, view_of

PROMPTS_OUTPUT, JOBS_OUTPUT = 2, 4  # of Load Banana Folder
_HOLDERS = ("PrimitiveInt", "PrimitiveString", "PrimitiveStringMultiline")  # ComfyUI's own, with a `value`
_MOST_WIRES = 20  # in a row; a graph that goes round in a circle is none that runs


class Source(NamedTuple):
    """A picture file on a wire, the class of the node that loads it, and what that node has in `image` or `folder`."""

    file: Path
    loader: str
    asked: str


@dataclass(frozen=True)
class Sources:
    """What is wired to a node of the graph that is run: `{id: {"class_type": …, "inputs": {socket: [id, output] or value}}}`."""

    graph: Mapping[str, Any] | None
    node_id: str | None

    def traced(self, references: Sequence[Reference], socket: str, *, renamed: bool = True) -> list[Reference]:
        """`references` with their files, if the node wired to `socket` loads just as many. `renamed`: called after them."""
        files = [source.file for source in self.loaded(socket) or ()]
        if len(files) != len(references):
            return list(references)
        return [
            replace(reference, path=file, name=file.stem if renamed else reference.name)
            for reference, file in zip(references, files, strict=True)
        ]

    def loaded(self, socket: str) -> list[Source] | None:
        """What the node wired to `socket` loads; nothing without a wire. None: that is not known."""
        wired = self._inputs.get(socket)
        if not isinstance(wired, list):
            return []
        kind, inputs = self._node_behind(wired, output=0)
        files = _LOADERS[kind](inputs) if kind in _LOADERS else []
        return [Source(file, kind, str(inputs.get("image") or inputs.get("folder"))) for file in files] or None

    @property
    def kind(self) -> str:
        """The node's class."""
        return _part(self.graph, self.node_id, "class_type")

    def asked(self, name: str) -> Any:
        """The value that is written into one of the node's inputs, where ComfyUI itself drops what it does not know."""
        value = self._inputs.get(name)
        return None if isinstance(value, list) else value  # a list is a link

    def is_wired(self, name: str) -> bool:
        return isinstance(self._inputs.get(name), list)

    def wired(self) -> list[str]:
        """The inputs that a wire comes into."""
        return [name for name in self._inputs if self.is_wired(name)]

    def sockets(self, name: str) -> list[str]:
        """The sockets of an input that grows, that are wired, in their order."""
        wired = [socket for socket in self._inputs if socket.startswith(f"{name}.")]
        return sorted(wired, key=number_of)

    def value(self, name: str, deep: int = 0) -> Any:
        """What is in an input, also by a wire from a node that holds a text or a number. None: only the run can tell.

        Raises `GrsaiError` for a prompts file that cannot be read.
        """
        match self._inputs.get(name):
            case [str() | int() as source, int() as output]:
                return replace(self, node_id=str(source))._told(output, deep + 1)
            case written:
                return None if isinstance(written, list) else written

    def behind(self, name: str) -> tuple[Sources, int] | None:
        """The node at the other end of a wire, and which of its outputs it is; None where there is none."""
        match self._inputs.get(name):
            case [str() | int() as source, int() as output]:
                return replace(self, node_id=str(source)), output
        return None

    def wired_to(self) -> list[str]:
        """The nodes at the other ends of the wires that come in."""
        wires = [value for value in self._inputs.values() if isinstance(value, list) and len(value) == 2]
        return [str(source) for source, _ in wires]

    def _told(self, output: int, deep: int) -> Any:
        """What the node gives at an output, as far as it is known before the node runs."""
        if self.kind == "LoadBananaFolder" and output == PROMPTS_OUTPUT:
            named = str(self.value("prompts_file", deep) or "")
            return "" if text_folder(named) else "\n".join(read_prompts(named))
        if output or deep > _MOST_WIRES:
            return None
        if self.kind in _HOLDERS:
            return self.value("value", deep)
        if self.kind == "StringConcatenate":
            parts = [self.value(name, deep) for name in ("string_a", "delimiter", "string_b")]
            return "".join(parts) if all(isinstance(part, str) for part in parts) else None
        return None

    def _node_behind(self, wired: Any, *, output: int) -> tuple[str, Mapping[str, Any]]:
        """Class and inputs of the node at the other end of a wire."""
        match wired:
            case [str() | int() as source, int() as number] if number == output:
                return _part(self.graph, str(source), "class_type"), _part(self.graph, str(source), "inputs") or {}
        return "", {}

    @property
    def _inputs(self) -> Mapping[str, Any]:
        inputs = _part(self.graph, self.node_id, "inputs")
        return inputs if isinstance(inputs, Mapping) else {}


def number_of(socket: str) -> int:
    """The 3 of `images.image_3`."""
    return int(re.sub(r"\D", "", socket) or 0)


def _part(graph: Mapping[str, Any] | None, node_id: str | None, name: str) -> Any:
    node = (graph or {}).get(node_id or "")
    return node.get(name, "") if isinstance(node, Mapping) else ""


def _of_load_image(inputs: Mapping[str, Any]) -> list[Path]:
    try:
        file = Path(folder_paths.get_annotated_filepath(inputs["image"]))
    except (KeyError, TypeError, ValueError, AttributeError):  # nothing chosen, a link, or a path that leads elsewhere
        return []
    return [file] if view_of(file) else []


def _of_folder(inputs: Mapping[str, Any]) -> list[Path]:
    try:
        return picture_folder(str(inputs.get("folder", ""))).files
    except GrsaiError:
        return []


_LOADERS: Mapping[str, Callable[[Mapping[str, Any]], list[Path]]] = types.MappingProxyType(
    {"LoadImage": _of_load_image, "LoadBananaFolder": _of_folder}
)
