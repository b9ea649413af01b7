"""Which files the pictures on a wire were loaded from, as far as the graph tells: the history shows them, names results by
them, and can make a picture once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import folder_paths

from ..grsai.errors import GrsaiError
from ..grsai.pictures import Reference
from .paths import picture_folder


@dataclass(frozen=True)
class Sources:
    """What is wired to a node of the graph that is run: `{id: {"class_type": …, "inputs": {socket: [id, output] or value}}}`."""

    graph: Mapping[str, Any] | None
    node_id: str | None

    def traced(self, references: Sequence[Reference], socket: str, *, renamed: bool = True) -> list[Reference]:
        """`references` with their files, if the node wired to `socket` loads just as many. `renamed`: called after them."""
        files = self._files(socket)
        if len(files) != len(references):
            return list(references)
        return [
            replace(reference, path=file, name=file.stem if renamed else reference.name)
            for reference, file in zip(references, files, strict=True)
        ]

    def asked(self, name: str) -> Any:
        """The value that is written into one of the node's inputs, where ComfyUI itself drops what it does not know."""
        value = self._inputs_of(self.node_id).get(name)
        return None if isinstance(value, list) else value  # a list is a link

    def _files(self, socket: str) -> list[Path]:
        match self._inputs_of(self.node_id).get(socket):
            case [str() | int() as source, 0]:
                load = _LOADERS.get((self.graph or {}).get(str(source), {}).get("class_type"))
                return load(self._inputs_of(str(source))) if load else []
        return []

    def _inputs_of(self, node_id: str | None) -> Mapping[str, Any]:
        return (self.graph or {}).get(node_id or "", {}).get("inputs", {})


def _of_load_image(inputs: Mapping[str, Any]) -> list[Path]:
    name = inputs.get("image")
    return [Path(folder_paths.get_annotated_filepath(name))] if isinstance(name, str) else []


def _of_folder(inputs: Mapping[str, Any]) -> list[Path]:
    try:
        return picture_folder(str(inputs.get("folder", ""))).files
    except GrsaiError:
        return []


_LOADERS = {"LoadImage": _of_load_image, "LoadBananaFolder": _of_folder}
