"""ComfyUI Manager, with its own command and offline: installs the pack from a git URL, updates and removes it."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.comfy import NAME, Comfy
from tests.packaging.conftest import NODES, PROMPT, ask, git, script

# What is the user's or too large to copy, in a ComfyUI's own folder.
USERS = {"custom_nodes", "input", "models", "output", "temp", "user", ".git", ".venv", "venv"}
# uv would not see the packages of the environment above.
CONFIG = "[default]\nnetwork_mode = offline\nuse_uv = False\n"
ROWS = '[models."my-own-model"]\ncredits = 500\n'


class Source:
    """The pack's repository, served as a bare clone over HTTP."""

    def __init__(self, work: Path, bare: Path, url: str) -> None:
        self.work, self.bare, self.url = work, bare, url

    def publish(self) -> None:
        git(self.work, "push", "--quiet", self.bare, "HEAD:main")
        git(self.bare, "update-server-info")

    def publish_version(self, version: str) -> None:
        project = self.work / "pyproject.toml"
        text = re.sub(r'^version = ".*"$', f'version = "{version}"', project.read_text("utf-8"), flags=re.MULTILINE)
        project.write_bytes(text.encode())
        git(self.work, "commit", "--quiet", "--all", f"--message=Release {version}")
        self.publish()


class ManagedComfy(Comfy):
    """A ComfyUI that runs its Manager."""

    def _command(self) -> list[str]:
        return [*super()._command(), "--enable-manager"]


@dataclass(frozen=True)
class Manager:
    """A ComfyUI's folder, and a Python that has its packages and the Manager's."""

    folder: Path
    python: Path

    @property
    def pack(self) -> Path:
        return self.folder / "custom_nodes" / NAME

    @property
    def version(self) -> str:
        (version,) = re.findall(r'^version = "(.*)"$', (self.pack / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
        return version

    def run(self, *arguments: str) -> Step:
        """One command of the Manager. pip has no index: what it wanted to download would be an error."""
        packages = self.packages()
        said = ask([script(self.python, "cm-cli"), *arguments], COMFYUI_PATH=str(self.folder), PIP_NO_INDEX="1")
        return Step(said, packages, self.packages(), self.private())

    def packages(self) -> str:
        return ask([self.python, "-m", "pip", "--disable-pip-version-check", "freeze", "--all"])

    def private(self) -> dict[str, bytes]:
        """What the pack keeps for its user."""
        folder = self.folder / "user" / "__grsai"
        return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Step:
    """What the Manager said, and what it left."""

    said: str
    packages_before: str
    packages: str
    private: dict[str, bytes]


@dataclass(frozen=True)
class Seen:
    """A ComfyUI with the installed pack, while it ran and when it had ended."""

    nodes: set[str]
    listed: dict[str, Any]
    status: str
    log: str
    changed: str
    private: dict[str, bytes]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def source(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("served")
    work = tmp_path_factory.mktemp("work") / NAME
    git(folder, "clone", "--quiet", checkout, work)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", NAME)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = Source(work, folder / NAME, f"http://127.0.0.1:{server.server_port}/{NAME}")
        source.publish()
        yield source
        server.shutdown()


@pytest.fixture(scope="module")
def manager(
    comfy_checkout: tuple[Path, str], new_python: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Manager:
    """A ComfyUI of its own, made of links to the code of the one at hand, and the Manager that belongs to it."""
    path, python = comfy_checkout
    wanted = path / "manager_requirements.txt"
    requirement = wanted.read_text("utf-8").strip() if wanted.is_file() else "comfyui-manager"
    folder = _tree(path, tmp_path_factory.mktemp("managed") / "ComfyUI")
    return Manager(folder, new_python("manager", requirement, base=python, above=python))


def _tree(comfyui: Path, folder: Path) -> Path:
    """Files are copied: ComfyUI looks for its folders beside the real `folder_paths.py`."""
    for name in ("custom_nodes", "input", "models", "output", "user/__manager"):
        (folder / name).mkdir(parents=True)
    for entry in comfyui.iterdir():
        if entry.is_file():
            shutil.copy2(entry, folder)
        elif entry.name not in USERS:
            (folder / entry.name).symlink_to(entry, target_is_directory=True)
    (folder / "user/__manager/config.ini").write_text(CONFIG, "utf-8")
    return folder


@pytest.fixture(scope="module")
def installed(manager: Manager, source: Source) -> Step:
    return manager.run("install", source.url)


@pytest.fixture(scope="module")
def restarted(installed: Step, manager: Manager) -> Seen:
    """Its user enters a key, adds a model and makes a picture offline."""
    comfy = ManagedComfy(manager.folder, str(manager.python), manager.folder)
    comfy.start()
    try:
        comfy.post("/grsai/key", {"key": "sk-" + "0123456789abcdef" * 2})
        comfy.post("/grsai/settings", {"host": "offline"})
        (comfy.private / "grsai.toml").write_text(ROWS, "utf-8")
        status = comfy.run(PROMPT)["status"]["status_str"]
        nodes, listed = set(comfy.get("/object_info")), comfy.get("/v2/customnode/installed")
    finally:
        comfy.stop()
    return Seen(nodes, listed, status, comfy.log, git(manager.pack, "status", "--porcelain"), manager.private())


@pytest.fixture(scope="module")
def updated(restarted: Seen, manager: Manager, source: Source) -> tuple[Step, str]:
    source.publish_version("99.0.0")
    step = manager.run("update", NAME)
    return step, manager.version


@pytest.fixture(scope="module")
def removed(updated: tuple[Step, str], manager: Manager) -> Step:
    return manager.run("uninstall", NAME)


def test_the_manager_installs_the_pack_from_a_git_url(installed: Step) -> None:
    assert "INSTALLED" in installed.said
    assert not re.findall(r"error|warning|failed", installed.said, re.IGNORECASE)


def test_the_install_replaces_adds_and_removes_no_package(installed: Step) -> None:
    assert "torch==" in installed.packages_before
    assert installed.packages == installed.packages_before


def test_after_a_restart_the_nodes_are_there_and_work(restarted: Seen) -> None:
    assert restarted.nodes >= NODES
    assert "IMPORT FAILED" not in restarted.log
    assert restarted.status == "success"


def test_the_manager_lists_the_pack_as_installed_and_enabled(restarted: Seen) -> None:
    assert restarted.listed[NAME]["enabled"]


def test_the_pack_writes_nothing_into_its_own_folder(restarted: Seen) -> None:
    """Else the Manager could not pull."""
    assert not restarted.changed


def test_an_update_brings_the_new_version_and_leaves_key_ledger_and_own_models_alone(
    restarted: Seen, updated: tuple[Step, str]
) -> None:
    step, version = updated
    assert version == "99.0.0"
    assert step.packages == step.packages_before
    assert {"key.json", "ledger.sqlite3", "grsai.toml"} <= set(restarted.private)
    assert step.private == restarted.private


def test_an_uninstall_takes_the_pack_and_leaves_key_ledger_and_own_models_alone(
    restarted: Seen, removed: Step, manager: Manager
) -> None:
    assert not manager.pack.exists()
    assert removed.packages == removed.packages_before
    assert removed.private == restarted.private
