"""The library as pip installs it: a wheel, built from a clean checkout, that needs nothing beside it."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.conftest import ask, git


@pytest.fixture(scope="module")
def wheel(checkout: Path, new_python: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a build leaves files behind
    git(folder, "clone", "--quiet", checkout, source)
    python = new_python("setuptools", "setuptools>=77")
    ask([python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source])
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's modules, to be named in PYTHONPATH."""
    folder = tmp_path_factory.mktemp("我的 packages")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_the_wheel_holds_the_library_with_its_types_texts_and_demo(wheel: Path, checkout: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == {path.relative_to(checkout).as_posix() for path in (checkout / "grsai").rglob("*") if path.is_file()}
    assert {"grsai/py.typed", "grsai/zh.json", "grsai/demo/text/text.txt"} <= names


def test_the_installed_library_makes_the_demo_and_knows_its_models(installed: Path, tmp_path: Path) -> None:
    said = ask([sys.executable, "-m", "grsai", "--demo", "--lang", "zh"], cwd=tmp_path, PYTHONPATH=str(installed))
    assert "已生成 16/16 张图片" in said
    assert len(list((tmp_path / "batch_outputs" / "demo").glob("Task_*"))) == 16
    assert json.loads(ask([sys.executable, "-m", "grsai", "models", "--json"], cwd=tmp_path, PYTHONPATH=str(installed)))["models"]
