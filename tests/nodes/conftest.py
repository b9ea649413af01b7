"""The pack on the real `comfy_api` of a ComfyUI checkout, without its server: what ComfyUI does to call a node, done here."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grsai.emulator import Emulator
from tests.graphs import batch_inputs, generate_inputs

PACK = Path(__file__).resolve().parents[2]
COMFYUI = Path(os.environ.get("COMFYUI_PATH") or Path.home() / "ComfyUI")
KEY = "sk-" + "0123456789abcdef" * 2
CONFIG = "".join(f'[models."{name}"]\nseconds = 0.1\n' for name in ("nano-banana-fast", "nano-banana-2", "nano-banana-pro"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.comfy)


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[types.ModuleType]:
    """ComfyUI's modules, importable, with folders of their own; the `nodes` package of the pack."""
    if not (COMFYUI / "comfyui_version.py").is_file():
        pytest.skip(f"no ComfyUI at {COMFYUI}; name one with COMFYUI_PATH")
    sys.path.append(str(COMFYUI))
    try:
        yield _loaded(tmp_path_factory.mktemp("comfyui"))
    finally:
        sys.path.remove(str(COMFYUI))


def _loaded(base: Path) -> types.ModuleType:
    arguments, sys.argv = sys.argv, sys.argv[:1]
    try:
        cli_args = importlib.import_module("comfy.cli_args")
        cli_args.args.cpu = True
        folder_paths = importlib.import_module("folder_paths")
        importlib.import_module("comfy.model_management")
        importlib.import_module("comfy_api.latest")
    except ImportError as error:
        pytest.skip(f"the ComfyUI at {COMFYUI} needs what this Python has not: {error}")
    finally:
        sys.argv = arguments
    for name in ("input", "output", "user"):
        (base / name).mkdir()
        getattr(folder_paths, f"set_{name}_directory")(str(base / name))
    spec = importlib.util.spec_from_file_location("banana_pack", PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["banana_pack"] = module
    spec.loader.exec_module(module)
    return importlib.import_module("banana_pack.nodes")


@dataclass
class Graph:
    """Calls nodes as ComfyUI does, in a fresh event loop each time, against an emulator."""

    pack: types.ModuleType
    emulator: Emulator
    base: Path
    node_id: str = "1"
    extra_pnginfo: dict[str, Any] | None = None

    def run(self, name: str, **inputs: Any) -> Any:
        """The node's output. `inputs` in the flat, dotted form of ComfyUI's API: `{"model.image_size": "1K"}`."""
        return asyncio.run(self.start(name, **inputs))

    async def start(self, name: str, **inputs: Any) -> Any:
        internal = importlib.import_module("comfy_api.internal")
        utils = importlib.import_module("comfy_execution.utils")
        _io = importlib.import_module("comfy_api.latest._io")
        node = self.node(name)
        schema = node.GET_SCHEMA()
        prompt = {self.node_id: {"class_type": name, "inputs": inputs}}
        if schema.is_input_list:
            inputs = {key: value if isinstance(value, list) else [value] for key, value in inputs.items()}
        plain = {key: value[0] if schema.is_input_list else value for key, value in inputs.items()}
        valid, _, v3 = _io.get_finalized_class_inputs(node.INPUT_TYPES(), plain)
        missing = set(valid["required"]) - set(inputs)
        assert not missing, f"ComfyUI would refuse this prompt: {missing} missing"
        known = {key: value for key, value in inputs.items() if any(key in valid[kind] for kind in valid)}
        hidden = {_io.Hidden.unique_id: self.node_id, _io.Hidden.prompt: prompt, _io.Hidden.extra_pnginfo: self.extra_pnginfo}
        v3["hidden_inputs"] = hidden
        call = internal.make_locked_method_func(node, node.FUNCTION, node.PREPARE_CLASS_CLONE(v3))
        with utils.CurrentNodeContext("prompt", self.node_id, 0):
            return await call(**_io.build_nested_inputs(known, v3))

    def node(self, name: str) -> Any:
        return getattr(self.pack, name)

    def module(self, name: str) -> types.ModuleType:
        """A module of the pack, such as `nodes.images`."""
        return importlib.import_module(f"banana_pack.{name}")

    def generate(self, prompt: str = "a red boat", **inputs: Any) -> Any:
        return self.run("NanoBananaGenerate", **generate_inputs(prompt, **inputs))

    def batch(self, prompts: Any = "a red boat", **inputs: Any) -> Any:
        return self.run("BatchBanana", **batch_inputs(prompts, **inputs))

    @property
    def files(self) -> list[str]:
        """The pictures in the output folder."""
        output = self.base / "output"
        return sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())


@pytest.fixture
def service() -> Iterator[Emulator]:
    with Emulator(seconds=0.1) as emulator:
        yield emulator
        assert not [seen.path for seen in emulator.received if seen.step == "unknown"]
        assert not emulator.leaks


@pytest.fixture
def place(pack: types.ModuleType, tmp_path: Path) -> Path:
    """ComfyUI's input, output and user folders, empty."""
    folder_paths = importlib.import_module("folder_paths")
    for name in ("input", "output", "user"):
        (tmp_path / name).mkdir()
        getattr(folder_paths, f"set_{name}_directory")(str(tmp_path / name))
    private = tmp_path / "user" / "__grsai"
    private.mkdir()
    (private / "grsai.toml").write_text(CONFIG, "utf-8")
    return tmp_path


@pytest.fixture
def graph(pack: types.ModuleType, service: Emulator, place: Path, monkeypatch: pytest.MonkeyPatch) -> Graph:
    monkeypatch.setenv("GRSAI_API_KEY", KEY)
    monkeypatch.setenv("GRSAI_BASE_URL", service.url)
    return Graph(pack, service, place)


@pytest.fixture
def in_chinese(place: Path) -> None:
    settings = place / "user" / "default" / "comfy.settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"Comfy.Locale": "zh"}), "utf-8")
