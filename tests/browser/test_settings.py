"""Each setting of the panel is turned in the browser, and read where it counts: on disk and on the wire."""

from __future__ import annotations

import http.server
import json
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grsai.emulator import Emulator
from tests.comfy import Comfy

FAR = "banana.invalid"
KEY = "sk-" + "fedcba9876543210" * 2


@pytest.fixture(scope="module")
def service(frontend: Path | None) -> Iterator[Emulator]:
    with Emulator(seconds=0.3, render=False, key=KEY, credits=123_400, prices={"nano-banana-fast": 800}) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def proxy(frontend: Path | None) -> Iterator[_Proxy]:
    with _Proxy(("127.0.0.1", 0), _Refusing) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.shutdown()


@pytest.fixture(scope="module")
def turned(
    browse: Callable[..., Any], new_comfy: Callable[..., Comfy], service: Emulator, proxy: _Proxy
) -> tuple[Comfy, dict[str, Any]]:
    """A ComfyUI whose settings were turned in the browser, and what the panel said."""
    address = f"http://127.0.0.1:{proxy.server_port}"
    comfy = new_comfy(HTTPS_PROXY=address, https_proxy=address, NO_PROXY="", no_proxy="")
    return comfy, browse("settings", comfy, key=KEY, far=f"https://{FAR}", address=service.url)


def test_the_panel_says_what_is_missing_and_what_works(turned: tuple[Comfy, dict[str, Any]]):
    _, said = turned
    assert said["first"].startswith("No key yet")
    assert said["key"] == "The key works. Balance: ¥12.34"
    assert said["badge"] == "≈$0.0062 · 440 credits"
    assert said["prices"] == "≈$0.0112 · 800 credits"
    assert said["asked"].startswith("Prices of the service, ")
    assert said["refused"] == "999 is no value for limit."
    assert said["focused"] == "Grsai.Limit"


def test_a_key_is_tested_as_it_is_typed(turned: tuple[Comfy, dict[str, Any]]):
    _, said = turned
    assert "The proxy http://127.0.0.1" in said["unsaved"]["said"] and not said["unsaved"]["stored"]


def test_an_empty_box_saves_nothing(turned: tuple[Comfy, dict[str, Any]]):
    _, said = turned
    assert said["empty"] == {"enabled": False, "stored": True}


def test_a_key_is_forgotten_only_when_asked_twice(turned: tuple[Comfy, dict[str, Any]]):
    _, said = turned
    assert said["forgotten"] == {"asked": [f"Forget …{KEY[-4:]} for good", True], "stored": False, "link": "https://grsai.com"}


def test_the_key_is_in_its_own_file_and_nowhere_else(turned: tuple[Comfy, dict[str, Any]]):
    comfy, said = turned
    file = comfy.private / "key.json"
    assert json.loads(file.read_text("utf-8"))["key"] == KEY
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert _files_with(comfy, KEY) == [file]
    assert KEY not in said["stored"] + said["box"]
    assert KEY not in json.dumps([comfy.get("/settings"), comfy.get("/grsai/key"), comfy.get("/grsai/settings")])


def test_no_setting_of_ours_gets_into_the_settings_of_comfyui(turned: tuple[Comfy, dict[str, Any]]):
    comfy, _ = turned
    assert not [name for name in comfy.get("/settings") if name.startswith("Grsai")]


def test_the_settings_are_on_disk(turned: tuple[Comfy, dict[str, Any]], service: Emulator):
    comfy, _ = turned
    stored = json.loads((comfy.private / "settings.json").read_text("utf-8"))
    chosen = {"host": "own", "own_url": service.url, "limit": 2, "proxy": False, "currency": "usd", "api": "unified"}
    assert stored | {**chosen, "budget_day": 2.5} == stored


def test_the_proxy_is_used_only_while_it_is_on(turned: tuple[Comfy, dict[str, Any]], proxy: _Proxy):
    _, said = turned
    assert proxy.seen and set(proxy.seen) == {f"{FAR}:443"}
    assert "The proxy http://127.0.0.1" in said["proxied"]
    assert "cannot be reached" in said["direct"] and "The proxy http" not in said["direct"]


def test_a_key_stays_with_its_host(turned: tuple[Comfy, dict[str, Any]], service: Emulator):
    _, said = turned
    assert said["other"].startswith("A key is stored, but for another host.")
    assert service.count("credits") > 0
    assert not service.leaks


def test_the_limit_holds_for_a_run(turned: tuple[Comfy, dict[str, Any]], service: Emulator):
    comfy, _ = turned
    ended = comfy.run(_batch(prompts=6, concurrency=6))
    assert ended["status"]["status_str"] == "success"
    assert service.count("submit") == 6
    assert service.peak_open == 2


def _batch(*, prompts: int, concurrency: int) -> dict[str, Any]:
    inputs = {
        "prompts": "\n".join(f"picture {number}" for number in range(prompts)),
        "pairing": "product",
        "concurrency": concurrency,
        "seed": 0,
        "on_failure": "keep going",
        "budget": 0,
        "filename_prefix": "banana/Task",
        "model": "nano-banana-fast",
        "model.aspect_ratio": "1:1",
    }
    return {"1": {"class_type": "BatchBanana", "inputs": inputs}}


def _files_with(comfy: Comfy, text: str) -> list[Any]:
    """The files of the user, and what was logged, that hold `text`."""
    folders = [comfy.base / name for name in ("user", "output", "temp", "input")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [file for file in [*files, comfy.base / "server.log"] if text.encode() in file.read_bytes()]


class _Proxy(http.server.ThreadingHTTPServer):
    """A proxy that refuses, and remembers what it was asked for."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: list[str] = []


class _Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # pyright: ignore[reportAttributeAccessIssue]
        self.send_error(403)

    do_POST = do_CONNECT = do_GET

    def log_message(self, *_: Any) -> None:
        pass
