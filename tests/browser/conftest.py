"""ComfyUI's real frontend in a headless Chromium.

Every story runs on the frontend that ComfyUI ships, and once more on the one that `COMFYUI_FRONTEND` names: the folder `static`
of an unpacked `comfyui-frontend-package`.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.comfy import Comfy

HERE = Path(__file__).parent
STORY_SECONDS = 300
FRONTENDS = {name: title for name, title in (("", "shipped"), (os.environ.get("COMFYUI_FRONTEND"), "newest")) if name is not None}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and "comfy" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", params=FRONTENDS, ids=FRONTENDS.get)
def frontend(request: pytest.FixtureRequest) -> Path | None:
    """The folder of the frontend; None for the one that ComfyUI ships."""
    return Path(request.param) if request.param else None


@pytest.fixture(scope="session")
def new_comfy(new_comfy: Callable[..., Comfy], frontend: Path | None) -> Callable[..., Comfy]:
    return functools.partial(new_comfy, frontend)


@pytest.fixture(scope="session")
def comfy(new_comfy: Callable[..., Comfy]) -> Comfy:
    """One for the stories of all modules. It uses the offline emulator."""
    comfy = new_comfy()
    comfy.post("/grsai/settings", {"host": "offline"})
    return comfy


@pytest.fixture(scope="session")
def browse() -> Callable[..., dict[str, Any]]:
    """Runs a script of this folder against a ComfyUI: `browse("settings", comfy, locale="en")` → what it answers."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js: the browser tests need it")
    missing = _what_is_missing(node)
    if missing:
        pytest.skip(missing)

    def run(script: str, comfy: Comfy, **options: Any) -> dict[str, Any]:
        command = [node, str(HERE / f"{script}.mjs"), comfy.url, json.dumps(options)]
        ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=STORY_SECONDS, check=False)
        assert ended.returncode == 0, ended.stderr[-3000:]
        answer = json.loads(ended.stdout)
        assert not answer.pop("troubles", [])
        return answer

    return run


def _what_is_missing(node: str) -> str:
    script = f"import {{ whatIsMissing }} from {json.dumps((HERE / 'frontend.mjs').as_uri())}; console.log(whatIsMissing() ?? '')"
    command = [node, "--input-type=module", "--eval", script]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=True).stdout.strip()
