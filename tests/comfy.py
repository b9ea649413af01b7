"""A real ComfyUI with this pack in it, for the tests of nodes, routes and web extension.

`COMFYUI_PATH` names a checkout of ComfyUI (`~/ComfyUI` is found by itself); its own virtual environment runs it, or the
Python that `COMFYUI_PYTHON` names. Without one the tests that need it are skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PACK = Path(__file__).resolve().parent.parent
NAME = "grsai-nano-banana"
START_SECONDS = 180.0  # on a busy machine
_PYTHONS = (".venv/bin/python", "venv/bin/python", ".venv/Scripts/python.exe", "venv/Scripts/python.exe")
_NEEDED = "import aiohttp, alembic, comfyui_frontend_package, sqlalchemy, torch"


def comfyui_path() -> Path | None:
    """The checkout to test with."""
    named = os.environ.get("COMFYUI_PATH")
    path = Path(named) if named else Path.home() / "ComfyUI"
    return path.resolve() if (path / "comfyui_version.py").is_file() else None


def comfyui_python(path: Path) -> str | None:
    """The Python that can run that checkout."""
    embedded = path.parent / "python_embeded" / "python.exe"
    found = [path / each for each in _PYTHONS if (path / each).is_file()] + [embedded] * embedded.is_file()
    for python in [os.environ.get("COMFYUI_PYTHON"), *map(str, found), sys.executable]:
        if python and subprocess.run([python, "-c", _NEEDED], capture_output=True, check=False).returncode == 0:
            return python
    return None


def version(path: Path) -> tuple[int, ...]:
    text = (path / "comfyui_version.py").read_text("utf-8")
    return tuple(int(part) for part in re.findall(r"\d+", text.split("=")[1]))


@dataclass
class Comfy:
    """A ComfyUI process. Its folders lie under `base`, and nothing of the user's is touched."""

    path: Path
    python: str
    base: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    frontend: Path | None = None  # the folder of another frontend than its own
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def version(self) -> tuple[int, ...]:
        return version(self.path)

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def input(self) -> Path:
        return self.base / "input"

    @property
    def private(self) -> Path:
        """The pack's own folder, with key, settings and ledger."""
        return self.base / "user" / "__grsai"

    @property
    def log(self) -> str:
        return (self.base / "server.log").read_text("utf-8", errors="replace")

    def start(self) -> None:
        """Returns when it answers."""
        for folder in ("custom_nodes", "input", "output", "user", "models", "temp"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        _link(PACK, self.base / "custom_nodes" / NAME)
        self.port = _free_port()
        with (self.base / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command(), cwd=self.path, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.wait_until(lambda: self.answers("/system_stats"), START_SECONDS)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None

    def kill(self) -> None:
        """Ends it like a power cut."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def answers(self, path: str) -> bool:
        assert self.process is not None and self.process.poll() is None, f"ComfyUI ended:\n{self.log[-3000:]}"
        with contextlib.suppress(OSError):
            self.get(path)
            return True
        return False

    def wait_until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"it does not come about:\n{self.log[-3000:]}"
            time.sleep(0.05)

    def get(self, path: str) -> Any:
        """JSON of a route. Raises `urllib.error.HTTPError`."""
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """JSON that a route answers to JSON; None for an empty answer. Raises `urllib.error.HTTPError`."""
        data = json.dumps(body or {}).encode()
        return self._ask(urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}))

    def queue(self, prompt: Mapping[str, Any]) -> str:
        """Queues an API prompt; returns its id. What ComfyUI says against it is the assertion's text."""
        try:
            return self.post("/prompt", {"prompt": prompt, "client_id": "test"})["prompt_id"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def run(self, prompt: Mapping[str, Any], seconds: float = 60.0) -> dict[str, Any]:
        """Queues a prompt, waits for its end, and returns its entry in ComfyUI's history."""
        prompt_id = self.queue(prompt)
        self.wait_until(lambda: prompt_id in self.get(f"/history/{prompt_id}"), seconds)
        return self.get(f"/history/{prompt_id}")[prompt_id]

    def _ask(self, request: urllib.request.Request) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as reply:
            content = reply.read()
        return json.loads(content) if content else None

    def _command(self) -> list[str]:
        database = f"sqlite:///{(self.base / 'user' / 'comfyui.db').as_posix()}"
        where = ["--listen", "127.0.0.1", "--port", str(self.port), "--base-directory", str(self.base)]
        frontend = ["--front-end-root", str(self.frontend)] if self.frontend else []
        return [self.python, "main.py", "--cpu", "--disable-auto-launch", "--database-url", database, *where, *frontend]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GRSAI_", "PYTEST_"))}
        own = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "GRSAI_HOME": str(self.base / "home")}
        return {**inherited, **own, **self.environment}


@pytest.fixture(scope="session")
def comfy_checkout() -> tuple[Path, str]:
    """The checkout and the Python that runs it."""
    path = comfyui_path()
    if path is None:
        pytest.skip("no ComfyUI: name a checkout with COMFYUI_PATH")
    python = comfyui_python(path)
    if python is None:
        pytest.skip(f"no Python can run {path}: install its requirements, or name one with COMFYUI_PYTHON")
    return path, python


@pytest.fixture(scope="session")
def new_comfy(comfy_checkout: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Comfy]]:
    """Makes a ComfyUI of its own: `new_comfy(GRSAI_LIMIT="2")`. It is started already, and stopped at the end."""
    made: list[Comfy] = []

    def make(frontend: Path | None = None, **environment: str) -> Comfy:
        comfy = Comfy(*comfy_checkout, tmp_path_factory.mktemp("comfy"), environment, frontend)
        made.append(comfy)
        comfy.start()
        return comfy

    yield make
    for comfy in made:
        comfy.stop()


@pytest.fixture(scope="session")
def comfy(new_comfy: Callable[..., Comfy]) -> Comfy:
    """A ComfyUI that many tests share. It uses the offline emulator and starts out in English."""
    comfy = new_comfy()
    comfy.post("/grsai/settings", {"host": "offline"})
    return comfy


def _link(target: Path, link: Path) -> None:
    if link.exists():
        return
    if sys.platform == "win32":
        import _winapi

        _winapi.CreateJunction(str(target), str(link))
    else:
        link.symlink_to(target, target_is_directory=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
