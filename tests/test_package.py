"""What stands around the code agrees with the code: metadata, requirements, package data, archive, photos."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PHOTOS = sorted((ROOT / "grsai/demo/image").iterdir())
README_COMMANDS = ("demo command", "demo command on windows", "test command", "test command on windows")

# What the registry archive may hold at its top: what runs, and what the licences ask for.
ARCHIVE = {
    "__init__.py", "nodes", "grsai", "run_batch.py", "run_batch.bat", "batch_banana_concurrent.py",
    "web", "locales", "example_workflows", "subgraphs",
    "pyproject.toml", "requirements.txt",
    "README.md", "README.zh.md", "CHANGELOG.md", "LICENSE", "NOTICE",
}  # fmt: skip

# Module → what brings it, where the two differ in name.
INSTALLED_AS = {"PIL": "pillow", "dotenv": "python-dotenv", "urllib3": "requests"}
# What only a ComfyUI has; nodes/ alone may import it.
COMFYUI_HAS = {"comfy", "comfy_api", "comfy_execution", "folder_paths", "server", "torch"}


def requirements() -> list[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def names(lines: list[str]) -> set[str]:
    return {re.split(r"[ ;<>=!~\[]", line, maxsplit=1)[0].lower() for line in lines}


def python_files(*folders: str) -> list[Path]:
    return [*ROOT.glob("*.py"), *(path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))]


def size(photo: Path) -> tuple[int, int]:
    with Image.open(photo) as picture:
        return picture.size


def hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(ROOT).parts)


def imported(files: list[Path]) -> set[str]:
    """What brings the modules of others that these files import, wherever in the file."""
    found: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    others = found - set(sys.stdlib_module_names) - {"grsai", "nodes", "tomllib"}
    return {INSTALLED_AS.get(name, name) for name in others}


def test_pip_and_the_registry_read_the_same_requirements() -> None:
    assert [line.replace('"', "'") for line in requirements()] == PROJECT["project"]["dependencies"]


def test_the_requirements_leave_torch_and_every_version_alone() -> None:
    assert not names(requirements()) & {"torch", "torchvision", "torchaudio"}
    assert not [line for line in requirements() if re.search(r"[=<~]=|<", line.partition(";")[0])]


def test_the_library_imports_nothing_that_the_requirements_do_not_name() -> None:
    extra = names(PROJECT["project"]["optional-dependencies"]["studio"])
    assert imported(python_files("grsai")) <= names(requirements()) | extra


def test_the_library_needs_no_extra_until_it_is_asked_for() -> None:
    extra = names(PROJECT["project"]["optional-dependencies"]["studio"])
    program = "import sys\nfor name in sys.argv[1:]: sys.modules[name] = None\n"  # importing it fails
    program += "from grsai.cli.main import main\nassert main(['config']) == main(['models']) == main(['history', '--json']) == 0"
    subprocess.run([sys.executable, "-c", program, *extra], cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_the_nodes_import_nothing_that_a_comfyui_does_not_bring() -> None:
    assert imported(python_files("nodes")) <= names(requirements()) | COMFYUI_HAS


def test_every_file_of_the_library_is_packaged() -> None:
    tool = PROJECT["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("grsai/**/__init__.py")}
    patterns = tool["package-data"]["grsai"]
    packaged = {path for pattern in patterns for path in (ROOT / "grsai").glob(pattern) if path.is_file()}
    files = {path for path in (ROOT / "grsai").rglob("*") if path.is_file() and not hidden(path)}
    data = {path for path in files if path.suffix not in {".py", ".pyc"}}
    assert {".".join(folder.parts) for folder in folders} == set(tool["packages"])
    assert data == packaged


def test_the_version_stands_in_pyproject_only() -> None:
    files = [*python_files("grsai", "nodes"), ROOT / "__init__.py"]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files if path.exists()}
    assert not [name for name, text in texts.items() if re.search(r"version\w*\s*=\s*[\"']\d", text, re.IGNORECASE)]


def test_the_registry_finds_what_it_asks_for() -> None:
    comfy, project = PROJECT["tool"]["comfy"], PROJECT["project"]
    assert "comfyui" not in project["name"].lower()
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    assert re.fullmatch(r">=\d+\.\d+\.\d+", comfy["requires-comfyui"])
    for key in ("Icon", "Banner"):
        base, _, file = comfy[key].partition("/main/")
        assert base == project["urls"]["Repository"].replace("//github.com", "//raw.githubusercontent.com")
        assert (ROOT / file).is_file()


def test_the_icon_and_the_banner_have_the_size_that_the_registry_shows() -> None:
    sizes = {}
    for name in ("icon", "banner"):
        head = (ROOT / f"assets/{name}.svg").read_text(encoding="utf-8")[:300]
        sizes[name] = tuple(int(re.search(rf'\b{side}="(\d+)"', head)[1]) for side in ("width", "height"))
    assert sizes["icon"][0] == sizes["icon"][1] <= 400
    assert sizes["banner"][0] * 9 == sizes["banner"][1] * 21


@pytest.mark.skipif(not shutil.which("git") or not (ROOT / ".git").exists(), reason="needs a git checkout")
def test_the_archive_holds_what_runs_and_nothing_else() -> None:
    def tracked(*options: str) -> set[str]:
        command = ["git", "-C", str(ROOT), "-c", "core.quotepath=off", "ls-files", *options]
        return set(subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout.splitlines())

    packed = tracked() - tracked("--cached", "--ignored", "--exclude-from=.comfyignore")
    assert {file.partition("/")[0] for file in packed} <= ARCHIVE


@pytest.mark.skipif(not shutil.which("git") or not (ROOT / ".git").exists(), reason="needs a git checkout")
def test_a_downloaded_zip_holds_the_batch_file_as_windows_reads_it() -> None:
    command = ["git", "-C", str(ROOT), "archive", "--format=zip", "--worktree-attributes", "HEAD"]
    packed = zipfile.ZipFile(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout))
    assert set(re.findall(rb"\r?\n", packed.read("run_batch.bat"))) == {b"\r\n"}
    assert b"\r" not in packed.read("run_batch.py")


@pytest.mark.parametrize("marker", README_COMMANDS)
def test_the_readme_has_each_command_in_one_line_after_its_marker(marker: str) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^<!-- {marker} -->\n```\w+\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)
    assert "\n" not in block
    assert "venv" in block


def test_the_demo_has_eight_small_photos_of_different_shapes_and_two_prompts() -> None:
    sizes = [size(path) for path in PHOTOS]
    assert len(PHOTOS) == 8
    assert max(max(size) for size in sizes) <= 512
    assert max(path.stat().st_size for path in PHOTOS) <= 60_000
    assert len(set(sizes)) >= 4
    assert len((ROOT / "grsai/demo/text/text.txt").read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.name)
def test_the_notice_names_the_licence_of_each_photo(photo: Path) -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    entry = notice.partition(f"\n{photo.name}\n")[2].partition("\n\n")[0]
    assert re.search(r"^    (Public domain|CC0 1\.0)", entry, re.MULTILINE)
    assert "Taken from " in entry
