"""Two ComfyUIs and two commands on one ledger: each other's pictures, one limit, and whose run it was."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests import graphs

KEY = "sk-" + "0123456789abcdef" * 2
pytestmark = pytest.mark.comfy


def answers(comfy: Any) -> list[dict[str, Any]]:
    return comfy.get("/grsai/history?limit=100")["entries"]


def test_canvases_and_commands_on_one_ledger_make_each_picture_once(studio: Any, address: str, new_comfy: Any) -> None:
    prompts = [f"picture {number}" for number in range(30)]
    studio.furnish(prompts)
    studio.emulator.seconds = (0.3, 0.6)
    given = {"GRSAI_API_KEY": KEY, "GRSAI_BASE_URL": studio.emulator.url, "GRSAI_LEDGER": address, "GRSAI_LIMIT": "6"}
    canvases = [new_comfy(**given) for _ in range(2)]
    done: list[dict[str, Any]] = []
    batch = {"1": graphs.batch("\n".join(prompts), concurrency=12)}
    threads = [threading.Thread(target=lambda comfy=comfy: done.append(comfy.run(batch, 180))) for comfy in canvases]
    for thread in threads:
        thread.start()
    options = {"GRSAI_LEDGER": address, "GRSAI_LIMIT": "6", "GRSAI_CONCURRENCY": "12"}
    commands = [studio.command("--output", name, "--json", GRSAI_HOME=str(studio.folder / name), **options) for name in "ab"]
    reports = [json.loads(command.communicate(timeout=180)[0]) for command in commands]
    for thread in threads:
        thread.join(180)
    assert [report["succeeded"] for report in reports] == [30, 30]
    assert [len(each["outputs"]["1"]["images"]) for each in done] == [30, 30]
    assert len(studio.emulator.tasks) == 30 and studio.emulator.peak_open <= 6
    one, other = (answers(comfy) for comfy in canvases)
    assert [entry["task_id"] for entry in one] == [entry["task_id"] for entry in other] and len(one) == 30
    assert all("@" in run["who"] for comfy in canvases for run in comfy.get("/grsai/runs")["entries"])
    assert all("@" in entry["who"] and entry["files"] for entry in (*one, *other))  # each shows the copy that it has


def test_the_panel_shows_the_address_without_its_password(address: str, new_comfy: Any) -> None:
    comfy = new_comfy()
    entered = address.replace("postgres:@", "postgres:s3cret@")
    said = comfy.post("/grsai/settings", {"ledger": entered})
    assert said["ledger"] == comfy.get("/grsai/settings")["ledger"] != ""
    assert "s3cret" not in json.dumps(said)
    assert "ledger" not in said["locked"] and said["variables"]["ledger"] == "GRSAI_LEDGER"
    kept = [path.name for path in Path(comfy.base).rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert kept == ["ledger.json"]
    assert comfy.post("/grsai/settings", {"ledger": ""})["ledger"] == ""
