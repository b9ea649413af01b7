"""Stories: scripts that use a page in a headless Chromium the way a user does, and say what they saw."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FRONTEND = Path(__file__).parent / "browser" / "frontend.mjs"
STORY_SECONDS = 300


def tell(script: Path, url: str, **options: Any) -> dict[str, Any]:
    """What a script answers that used the page at that address; the page must have had no troubles."""
    command = [str(shutil.which("node")), str(script), url, json.dumps(options)]
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=STORY_SECONDS, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    answer = json.loads(ended.stdout)
    troubles = answer.pop("troubles", [])
    assert troubles == []
    return answer


def need_a_browser() -> None:
    """Skips the test where there is none, or no Node.js to lead it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js: the browser tests need it")
    missing = _what_is_missing(node)
    if missing:
        pytest.skip(missing)


def _what_is_missing(node: str) -> str:
    script = f"import {{ whatIsMissing }} from {json.dumps(FRONTEND.as_uri())}; console.log(whatIsMissing() ?? '')"
    command = [node, "--input-type=module", "--eval", script]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=True).stdout.strip()
