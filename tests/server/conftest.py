"""A real ComfyUI with the pack in it, working against an emulator of this process, and an ear on its websocket."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from grsai.emulator import Emulator
from tests import graphs
from tests.comfy import Comfy

KEY = "sk-" + "0123456789abcdef" * 2
MODELS = ("nano-banana-fast", "nano-banana-2")
CONFIG = "".join(f'[models."{name}"]\nseconds = 0.1\n' for name in MODELS)  # the emulator is quicker than the service
PREVIEW_WITH_METADATA, TEXT = 4, 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.comfy)


@dataclass
class Ear:
    """What a browser hears, as client `test`."""

    url: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    previews: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Ear:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._listen(),), daemon=True)
        self._thread.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._over = asyncio.Event()
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{self.url}/ws?clientId=test") as socket:
            await socket.send_json({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
            over = asyncio.ensure_future(self._over.wait())
            while not over.done():
                heard = asyncio.ensure_future(socket.receive())
                await asyncio.wait([heard, over], return_when=asyncio.FIRST_COMPLETED)
                if not heard.done():
                    heard.cancel()
                else:
                    self._take(heard.result())

    def _take(self, message: aiohttp.WSMessage) -> None:
        if message.type == aiohttp.WSMsgType.TEXT:
            said = json.loads(message.data)
            self.events.append((said["type"], said["data"]))
            if said["type"] == "feature_flags":
                self.ready.set()
        elif message.type == aiohttp.WSMsgType.BINARY:
            self._take_bytes(message.data)

    def _take_bytes(self, data: bytes) -> None:
        kind, length = struct.unpack(">II", data[:8])
        if kind == TEXT:
            self.texts.append(data[8 + length :].decode())
        elif kind == PREVIEW_WITH_METADATA:
            self.previews.append((json.loads(data[8 : 8 + length]), data[8 + length :]))

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [data for name, data in list(self.events) if name == kind]

    def percents(self, node_id: str) -> list[float]:
        return [data["nodes"][node_id]["value"] for data in self.all("progress_state") if node_id in data["nodes"]]


@dataclass
class Room:
    """ComfyUI, the service that it uses, and what writes graphs."""

    comfy: Comfy
    service: Emulator

    batch, generate, folder, save = (staticmethod(make) for make in (graphs.batch, graphs.generate, graphs.folder, graphs.save))

    def run(self, graph: dict[str, Any], seconds: float = 60.0) -> dict[str, Any]:
        """Runs a graph that must succeed; returns what its output nodes show."""
        entry = self.comfy.run(graph, seconds)
        assert entry["status"]["status_str"] == "success", entry["status"]
        return entry["outputs"]

    def fail(self, graph: dict[str, Any]) -> dict[str, Any]:
        """Runs a graph that must fail; returns what ComfyUI tells of it."""
        entry = self.comfy.run(graph)
        return dict(entry["status"]["messages"])["execution_error"]

    def idle(self) -> bool:
        return not self.comfy.get("/queue")["queue_running"]

    def cancel(self) -> float:
        """Presses Cancel and returns the seconds until ComfyUI is idle."""
        begun = time.monotonic()
        self.comfy.post("/interrupt")
        while not self.idle():
            assert time.monotonic() - begun < 10, "Cancel does nothing"
            time.sleep(0.02)
        return time.monotonic() - begun

    def listen(self) -> Ear:
        return Ear(self.comfy.url)

    def wait_until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        self.comfy.wait_until(condition, seconds)


@pytest.fixture(scope="module")
def module_room(new_comfy: Callable[..., Comfy]) -> Iterator[Room]:
    with Emulator(seconds=0.2) as service:
        comfy = new_comfy(GRSAI_API_KEY=KEY, GRSAI_BASE_URL=service.url)
        comfy.private.mkdir(parents=True, exist_ok=True)
        (comfy.private / "grsai.toml").write_text(CONFIG, "utf-8")
        yield Room(comfy, service)
        assert not [seen.path for seen in service.received if seen.step == "unknown"]
        assert not service.leaks
        comfy.stop()


@pytest.fixture
def room(module_room: Room) -> Room:
    """The module's ComfyUI, with a service that has forgotten nothing but its faults."""
    module_room.service.clear_faults()
    module_room.service.seconds = 0.2
    module_room.wait_until(module_room.idle)
    return module_room
