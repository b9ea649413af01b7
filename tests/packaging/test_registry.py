"""The Comfy registry: what its own command says of the pack, and whether the archive that it makes is enough to run."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.comfy import NAME, Comfy
from tests.packaging.conftest import NODES, PROMPT, ask, script
from tests.test_package import ARCHIVE

MOST_BYTES = 4_000_000


@pytest.fixture(scope="module")
def comfy_cli(
    comfy_checkout: tuple[Path, str],
    checkout: Path,
    new_python: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., str]:
    """Runs `comfy` in the published repository, with settings of its own. It is a large install: only beside a ComfyUI."""
    command = script(new_python("comfy-cli", "comfy-cli"), "comfy")
    home = str(tmp_path_factory.mktemp("home"))
    settings = {"HOME": home, "USERPROFILE": home, "APPDATA": home, "XDG_CONFIG_HOME": home, "DO_NOT_TRACK": "1"}

    def run(*arguments: str) -> str:
        return ask([command, "--skip-prompt", *arguments], cwd=checkout, **settings)

    return run


@pytest.fixture(scope="module")
def archive(comfy_cli: Callable[..., str], checkout: Path) -> zipfile.ZipFile:
    assert comfy_cli("node", "pack").splitlines() == ["Validating node configuration...", "Created zip file: node.zip"]
    return zipfile.ZipFile(checkout / "node.zip")


@pytest.fixture(scope="module")
def unpacked(archive: zipfile.ZipFile, comfy_checkout: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Comfy:
    """A ComfyUI that is not started yet, with the archive in its custom_nodes, where a path is as Windows users have it."""
    comfy = Comfy(*comfy_checkout, tmp_path_factory.mktemp("unpacked") / "我的 ComfyUI (1)")
    archive.extractall(comfy.base / "custom_nodes" / NAME)
    return comfy


def test_the_registry_has_nothing_to_say_against_the_pack(comfy_cli: Callable[..., str]) -> None:
    said = comfy_cli("node", "validate").splitlines()
    assert said[:2] == ["Validating node configuration...", "Running security checks..."]
    assert [line for line in said[2:] if line.strip()] == ["✓ All validation checks passed successfully"]


def test_the_registry_archive_holds_what_runs_and_nothing_else(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    assert {name.partition("/")[0] for name in names} <= ARCHIVE
    assert {"__init__.py", "nodes/__init__.py", "grsai/__init__.py", "run_batch.py", "web/js/main.js", "LICENSE"} <= set(names)
    assert not [name for name in names if Path(name).name.startswith((".", "test_", "conftest"))]
    assert sum(entry.compress_size for entry in archive.infolist()) < MOST_BYTES
    assert not archive.read("run_batch.bat").replace(b"\r\n", b"").count(b"\n")


def test_the_unpacked_archive_is_a_pack_that_works(unpacked: Comfy) -> None:
    unpacked.start()
    try:
        unpacked.post("/grsai/settings", {"host": "offline"})
        status = unpacked.run(PROMPT)["status"]["status_str"]
        nodes, scripts = set(unpacked.get("/object_info")), unpacked.get("/extensions")
        examples, texts = unpacked.get("/workflow_templates"), unpacked.get("/i18n")
    finally:
        unpacked.stop()
    assert "IMPORT FAILED" not in unpacked.log
    assert status == "success"
    assert nodes >= NODES
    assert f"/extensions/{NAME}/js/main.js" in scripts
    assert examples[NAME]
    assert set(texts["zh"]["nodeDefs"]) >= NODES


def test_the_unpacked_archive_makes_the_demo_with_a_python_that_looks_at_nothing_else(unpacked: Comfy, tmp_path: Path) -> None:
    """As the Python of a portable ComfyUI does: no environment, and no folder of the script on its path."""
    pack = unpacked.base / "custom_nodes" / NAME
    made = tmp_path / "成品 图"
    ask([sys.executable, "-I", "-X", "utf8", pack / "run_batch.py", "--demo", "--output", made], cwd=tmp_path)
    assert len(list(made.glob("Task_*"))) == 16
