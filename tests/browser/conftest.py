"""ComfyUI's real frontend in a headless Chromium.

Every story runs on the frontend that ComfyUI ships, and once more on the one that `COMFYUI_FRONTEND` names: the folder `static`
of an unpacked `comfyui-frontend-package`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.comfy import Comfy
from tests.stories import need_a_browser, tell

HERE = Path(__file__).parent
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
    need_a_browser()

    def run(script: str, comfy: Comfy, **options: Any) -> dict[str, Any]:
        return tell(HERE / f"{script}.mjs", comfy.url, **options)

    return run
