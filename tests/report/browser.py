"""A headless Chromium that opens a page from disk, and does and says what a test asks for."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
)
_SECONDS = 60


class Browser:
    """Speaks the protocol of Chromium's own tools. `troubles`: what its console has complained of."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        arguments = [CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
        self._process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._loop = asyncio.new_event_loop()
        self._numbers = itertools.count(1)
        self.troubles: list[str] = []
        self._loop.run_until_complete(self._connect(profile / "DevToolsActivePort"))

    def open(self, page: Path, *, width: int = 1300, height: int = 900) -> None:
        """Opens a page and waits until it has drawn itself."""
        self._tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._tell("Page.navigate", url=page.as_uri())
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        said = self._tell("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def wait_for(self, expression: str) -> None:
        until = time.monotonic() + _SECONDS
        while not self.ask(expression):
            assert time.monotonic() < until, expression
            self.ask("new Promise(requestAnimationFrame)")

    def press(self, key: str) -> None:
        codes = {"ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Escape": 27, "Tab": 9}
        for kind in ("rawKeyDown", "keyUp"):
            self._tell("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])

    def write(self, selector: str, text: str) -> None:
        """Types into a field, behind what stands there."""
        self.ask(f"document.querySelector({selector!r}).focus()")
        self._tell("Input.insertText", text=text)

    def click(self, selector: str, *, share: float = 0.5) -> None:
        """Clicks into an element, as far from its left side as `share` of its width."""
        x, y = self._point(selector, share)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._tell("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def point_at(self, selector: str, *, share: float = 0.5) -> None:
        x, y = self._point(selector, share)
        self._tell("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def close(self) -> None:
        self._loop.run_until_complete(self._session.close())
        self._loop.close()
        self._process.terminate()
        self._process.wait(_SECONDS)

    def _point(self, selector: str, share: float) -> tuple[float, float]:
        box = self.ask(
            f"(() => {{ const it = document.querySelector({selector!r}); it.scrollIntoView({{block: 'nearest'}});"
            " const {left, top, width, height} = it.getBoundingClientRect(); return [left, top, width, height]; })()"
        )
        return box[0] + box[2] * share, box[1] + box[3] / 2

    def _tell(self, method: str, **values: Any) -> dict[str, Any]:
        return self._loop.run_until_complete(asyncio.wait_for(self._told(method, values), _SECONDS))

    async def _connect(self, place: Path) -> None:
        until = time.monotonic() + _SECONDS
        while not place.exists() or not place.read_text().strip():
            assert self._process.poll() is None and time.monotonic() < until
            await asyncio.sleep(0.05)
        address = f"http://127.0.0.1:{place.read_text().split()[0]}"
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"{address}/json/list") as reply:
            (page,) = [each for each in await reply.json() if each["type"] == "page"]
        self._socket = await self._session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self._told(f"{domain}.enable", {})
        await self._told(
            "Network.emulateNetworkConditions", {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        )

    async def _told(self, method: str, values: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": values})
        while True:
            said = await self._socket.receive_json()
            if said.get("id") == number:
                assert "error" not in said, said
                return said["result"]
            if said.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.troubles.append(str(said["params"]))
