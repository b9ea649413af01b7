"""The pack as others get it: a git repository of its own with what is tracked now, and the tools that install and publish it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from filelock import FileLock

from tests.comfy import NAME, PACK

SECONDS = 180.0  # for any one command, on a busy machine
NODES = {"LoadBananaFolder", "BatchBanana", "NanoBananaGenerate", "GrsaiUpload"}
# A picture without a reference, shown.
PROMPT = {
    "1": {
        "class_type": "NanoBananaGenerate",
        "inputs": {"prompt": "a red boat", "count": 1, "seed": 0, "model": "nano-banana-fast", "model.aspect_ratio": "auto"},
    },
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and {"manager", "archive", "comfy_cli"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.comfy)


def ask(command: Sequence[str | Path], *, cwd: Path | None = None, **environment: str) -> str:
    """What a command prints, to both streams, as one text. It must end well."""
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**surroundings(), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"{' '.join(map(str, command))} ended with {ended.returncode}:\n{ended.stdout}"
    return ended.stdout


def surroundings() -> Mapping[str, str]:
    """Our environment without what would reach the pack, with a git that knows no settings of yours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GRSAI_", "PYTEST_", "GIT_"))}
    who = {f"GIT_{role}_{what}": "test@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**kept, **who, **git, "PYTHONUTF8": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def git(folder: Path, *arguments: str | Path) -> str:
    return ask(["git", "-C", folder, "-c", "core.quotepath=off", *arguments])


def script(python: Path, name: str) -> Path:
    """The command that a package brought into the environment of that Python."""
    found = shutil.which(name, path=str(python.parent))
    assert found, f"{python} has no command {name}"
    return Path(found)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with one commit: the tracked files as they are now, whether committed or not."""
    if not shutil.which("git") or not (PACK / ".git").exists():
        pytest.skip("needs a git checkout")
    folder = tmp_path_factory.mktemp("published") / NAME
    for name in git(PACK, "ls-files").splitlines():
        if (PACK / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PACK / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message=Publish")
    return folder


@pytest.fixture(scope="session")
def new_python() -> Callable[..., Path]:
    """Makes a virtual environment with packages in it and returns its Python. Kept in the user's cache for the next run."""

    def make(name: str, requirement: str, *, base: str = sys.executable, above: str | None = None) -> Path:
        """`above`: a Python whose packages are seen too, and which stays as it is."""
        packages = ("pip", requirement)  # the newest pip is twice as fast
        key = hashlib.sha256(repr((packages, base, above, sys.version)).encode()).hexdigest()[:12]
        folder = _cache() / f"{name}-{key}"
        with FileLock(f"{folder}.lock"):
            if not (folder / "whole").exists():
                shutil.rmtree(folder, ignore_errors=True)
                _install(folder, packages, base, above)
                (folder / "whole").touch()
        return _python(folder)

    return make


def _cache() -> Path:
    users = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    folder = Path(users) / f"{NAME}-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _install(folder: Path, packages: Sequence[str], base: str, above: str | None) -> None:
    try:
        ask([base, "-m", "venv", folder])
        if above:
            line = f"import site; site.addsitedir({_packages_of(above)!r})\n"
            Path(_packages_of(_python(folder)), "above.pth").write_text(line, "utf-8")
        pip = [_python(folder), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        ask([*pip, "install", "--quiet", "--no-compile", "--upgrade", *packages])
    except (AssertionError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"{packages[-1]} cannot be installed here: {str(error).strip().splitlines()[-1]}")


def _packages_of(python: str | Path) -> str:
    return ask([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
