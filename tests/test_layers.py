"""The house: imports run one way, the library knows neither ComfyUI nor torch, and it runs where POSIX is not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "grsai"
# Each room, a file or a folder, may import those before it. Those of one line know nothing of each other.
ORDER = (
    {"texts", "redact", "components"},
    {"errors"},
    {"models", "pictures", "places"},
    {"files"},
    {"masks"},
    {"jobs"},
    {"catalogue", "settings_files"},
    {"settings"},
    {"client", "ledger", "report", "sheets", "finishing"},
    {"engine"},
    {"review", "cluster"},
    {"cli"},
    {"__main__"},
)
# The same within the folders. The face of a folder, its `__init__`, may import all of them.
INSIDE = {
    "components": (),
    "pictures": ({"whole", "folder"}, {"reading", "metadata"}, {"reference", "result"}),
    "client": (
        {"connections", "values"},
        {"addresses"},
        {"causes"},
        {"transport"},
        {"refusals", "downloads"},
        {"replies"},
        {"client"},
    ),
    "ledger": (
        {"room", "schema", "tables"},
        {"journal", "connection", "database", "postgres"},
        {"file", "entries", "remarks", "claims"},
        {"wanted"},
        {"runs"},
        {"questions", "replay", "server"},
        {"stores", "agreement"},
        {"ledger"},
        {"copying"},
    ),
    "masks": ({"beside", "options", "reading", "window"}, {"align", "areas", "colours"}, {"paste"}, {"edit"}),
    "finishing": ({"presets"}, {"finish"}, {"picture"}, {"folder"}),
    "sheets": (
        {"columns", "naming", "partners"},
        {"variables"},
        {"sheet"},
        {"workbook"},
        {"reading", "wishes", "back"},
        {"company"},
        {"planning"},
    ),
    "report": ({"phrases"}, {"report", "thumbnails"}, {"gallery"}, {"again"}),
    "engine": (
        {"gate", "polling", "retry", "decision", "threads"},
        {"steps", "evidence", "budget", "sharing"},
        {"price", "collect", "progress", "shared_gate"},
        {"context"},
        {"job_run"},
        {"run"},
    ),
    "review": ({"verdicts", "live"}, {"album"}, {"cards", "picks", "redo"}, {"compare", "making", "page"}, {"server"}),
    "cluster": ({"place", "order", "local"}, {"room", "connecting"}, {"worker"}, {"crew"}, {"run"}),
    "cli": (
        {"options", "screen", "stopping"},
        {"installing"},
        {"inputs", "asking", "init"},
        {"planning", "finishing"},
        {"comparing"},
        {"reviewing"},
        {"help", "batch"},
        {"picks", "redo"},
        {"commands"},
        {"main"},
    ),
}
# The same for the nodes, which stand on the library.
NODES = (
    {"images", "limits", "paths", "prefix", "workflow"},
    {"tiles"},
    {"language", "panel", "runs", "sources"},
    {"account"},
    {"missing", "money"},
    {"bridge", "history", "inputs", "results"},
    {"judging", "made", "masks", "wishes"},
    {"batch", "folder", "generate", "mask_options", "sheet", "upload", "outlook", "shutdown"},
    {"routes"},
    {"__init__"},
)
APART = {"__init__", "emulator"}
NOT_ON_WINDOWS = (
    "fcntl",
    "pwd",
    "grp",
    "resource",
    "termios",
    "tty",
    "pty",
    "syslog",
    "readline",
    "spwd",
    "crypt",
    "nis",
)
PATHS = sorted(LIBRARY.rglob("*.py"))
MODULES = [".".join(path.relative_to(LIBRARY).with_suffix("").parts) for path in PATHS]  # "files", "engine.gate"
ROOMS = {name.partition(".")[0] for name in MODULES}


def tree(module: str) -> ast.Module:
    return parsed(LIBRARY.joinpath(*module.split(".")).with_suffix(".py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(module: ast.AST) -> set[str]:
    """Every name that is imported anywhere in it, also within functions: `a.b` for absolute ones, `.a` for siblings."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {"." * node.level + name for name in names}
    return found


def of_the_library(module: str, names: set[str]) -> set[str]:
    """Those of the `names` imported by a module that are modules of ours, as `files` or `engine.gate`."""
    folder = module.split(".")[:-1]
    found = set()
    for name in names:
        level = len(name) - len(name.lstrip("."))
        if level:
            found.add(".".join([*folder[: len(folder) - level + 1], name[level:]]))
    return found


def room(name: str) -> str:
    return name.partition(".")[0]


def siblings(module: str) -> set[str]:
    return of_the_library(module, imported(tree(module)))


def top_level(module: str) -> set[str]:
    """What is imported when the module is: not what its functions import, nor what is for a type checker only."""
    body = [node for node in tree(module).body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))]
    found: set[str] = set()
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Try | ast.If):
            found |= imported(ast.Module([node], []))
    return of_the_library(module, found)


def test_every_room_has_a_place() -> None:
    placed = [name for line in ORDER for name in line]
    assert len(placed) == len(set(placed))
    assert {*placed, *APART} == ROOMS


@pytest.mark.parametrize("folder", INSIDE)
def test_every_file_has_a_place_in_its_room(folder: str) -> None:
    placed = [name for line in INSIDE[folder] for name in line]
    assert len(placed) == len(set(placed))
    assert {f"{folder}.{name}" for name in (*placed, "__init__")} == {name for name in MODULES if room(name) == folder} - {folder}


def test_every_folder_but_the_emulator_has_an_order() -> None:
    folders = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").is_file()}
    assert folders - APART == set(INSIDE)


@pytest.mark.parametrize("number", range(len(ORDER)))
def test_imports_run_one_way(number: int) -> None:
    below = set().union(*ORDER[:number])
    for module in (name for name in MODULES if room(name) in ORDER[number]):
        others = {room(name) for name in siblings(module)} - below - {room(module)}
        if room(module) == "cli":
            others -= {"emulator"}  # started from within a function only
            assert "emulator" not in {room(name) for name in top_level(module)}
        assert not others, f"{module} imports {others}"


@pytest.mark.parametrize("folder", INSIDE)
def test_imports_run_one_way_inside_a_room(folder: str) -> None:
    for number, line in enumerate(INSIDE[folder]):
        below = {f"{folder}.{name}" for earlier in INSIDE[folder][:number] for name in earlier}
        for module in sorted(f"{folder}.{name}" for name in line):
            others = {name for name in siblings(module) if room(name) == folder} - below
            assert not others, f"{module} imports {others}"


def test_imports_run_one_way_among_the_nodes() -> None:
    placed = [name for line in NODES for name in line]
    assert sorted(placed) == sorted(path.stem for path in (ROOT / "nodes").glob("*.py"))
    for number, line in enumerate(NODES):
        below = {name for earlier in NODES[:number] for name in earlier}
        for module in sorted(line):
            names = imported(parsed(ROOT / "nodes" / f"{module}.py"))
            others = {name[1:] for name in names if name.startswith(".") and not name.startswith("..")} - below
            assert not others, f"{module} imports {others}"


def test_the_emulator_knows_nothing_of_the_project() -> None:
    for module in (name for name in MODULES if room(name) == "emulator"):
        assert {room(name) for name in siblings(module)} <= {"emulator"}
        assert not {name for name in imported(tree(module)) if name.startswith("grsai")}


@pytest.mark.parametrize("module", MODULES)
def test_the_library_knows_neither_comfyui_nor_torch(module: str) -> None:
    roots = {name.partition(".")[0] for name in imported(tree(module))}
    assert not roots & {"torch", "torchvision", "comfy", "comfy_api", "folder_paths", "server", "nodes", "execution"}
    assert "numpy" not in roots or module in ("masks.align", "masks.areas", "masks.colours", "masks.paste")  # loaded late


@pytest.mark.parametrize("module", MODULES)
def test_one_room_speaks_http(module: str) -> None:
    roots = {name.partition(".")[0] for name in imported(tree(module))}
    speaks = roots & {"requests", "urllib3", "httpx", "aiohttp", "http"} | {
        name for name in imported(tree(module)) if name.startswith("urllib.request")
    }
    assert not speaks or room(module) in ("client", "emulator") or (module, speaks) == ("review.server", {"aiohttp"})


@pytest.mark.parametrize("module", MODULES)
def test_one_file_knows_sqlite(module: str) -> None:
    assert "sqlite3" not in imported(tree(module)) or module == "ledger.connection"


@pytest.mark.parametrize("module", MODULES)
def test_one_file_knows_psycopg(module: str) -> None:
    assert not {name for name in imported(tree(module)) if name.startswith("psycopg")} or module == "ledger.postgres"


@pytest.mark.parametrize("path", sorted((ROOT / "nodes").glob("*.py")), ids=lambda path: path.stem)
def test_one_file_of_the_nodes_knows_torch_and_none_speaks_http(path: Path) -> None:
    names = imported(parsed(path))
    roots = {name.partition(".")[0] for name in names if not name.startswith(".")}
    assert "torch" not in roots or path.stem == "images"
    assert not roots & {"requests", "urllib3", "httpx", "sqlite3"}


@pytest.mark.parametrize("module", MODULES)
def test_the_library_needs_nothing_that_windows_lacks(module: str) -> None:
    assert not imported(tree(module)) & set(NOT_ON_WINDOWS)


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) not in ("emulator", "cli", "__main__")])
def test_the_library_prints_nothing_and_reads_the_environment_in_one_file(module: str) -> None:
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("print", "input", "breakpoint")]
    reads = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")]
    assert not reads or module == "settings"


HIDDEN = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in {names!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hidden())
"""

A_BATCH = """
from pathlib import Path
from grsai import engine, settings
from grsai.jobs import plan
from grsai.ledger import Ledger, service_of
from grsai.pictures import Reference

given = settings.load({"api_key": "sk-" + "0" * 32, "base_url": sys.argv[1]}, environment={})
folder = Path(sys.argv[2])
jobs = plan(["a", "b"], [Reference.from_file(sys.argv[3])], model=given.catalogue.named("nano-banana-fast"))
with Ledger(folder / "ledger.sqlite3", service=service_of(given.base_url)) as ledger:
    outcomes = engine.run(jobs, settings=given, ledger=ledger, output=folder / "output")
assert [outcome.status for outcome in outcomes] == ["succeeded"] * 2, outcomes
"""


def run(program: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-B", "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_batch_runs_where_posix_is_not(studio, photos) -> None:
    run(HIDDEN.format(names=NOT_ON_WINDOWS) + A_BATCH, studio.emulator.url, str(studio.folder), str(photos[0].path))


# asyncio and what stands on it know their system; on Windows they do without these modules too.
THEIRS = "import asyncio, os, signal, subprocess, tempfile\nimport aiohttp.web, filelock, requests, tqdm\n"
NOT_IN_WINDOWS = {
    "os": ("fork", "getuid", "geteuid", "getgid", "killpg", "setsid", "mkfifo", "statvfs", "uname", "chown", "getloadavg",
           "sync", "nice", "sched_getaffinity", "posix_fallocate", "pread", "pwrite", "fdatasync"),
    "signal": ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM", "alarm", "pthread_sigmask"),
    "time": ("tzset",),
}  # fmt: skip
STRIPPED = """
import importlib
for module, names in {names}.items():
    for name in names:
        if hasattr(importlib.import_module(module), name):
            delattr(importlib.import_module(module), name)
"""
A_DEMO = """
from grsai.cli.main import main
assert main(["--demo", "--output", sys.argv[1], "--ledger", sys.argv[2]]) == 0
assert main(["models"]) == main(["config"]) == main(["history", "--ledger", sys.argv[2]]) == 0
"""


def test_the_demo_runs_where_posix_is_not(tmp_path: Path) -> None:
    program = THEIRS + HIDDEN.format(names=NOT_ON_WINDOWS) + STRIPPED.format(names=NOT_IN_WINDOWS) + A_DEMO
    run(program, str(tmp_path / "made"), str(tmp_path / "ledger.sqlite3"))
    assert (tmp_path / "made" / "index.html").is_file()


def test_nothing_of_ours_names_what_only_posix_has() -> None:
    named = {
        f"{path.name}: {node.value.id}.{node.attr}"
        for path in [*LIBRARY.rglob("*.py"), *(ROOT / "nodes").glob("*.py"), *ROOT.glob("*.py")]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.attr in NOT_IN_WINDOWS.get(node.value.id, ())
    }
    assert not named


def test_a_batch_runs_without_torch_numpy_and_comfyui(studio, photos) -> None:
    names = ("torch", "numpy", "comfy", "comfy_api", "folder_paths", "server", "aiohttp")
    run(HIDDEN.format(names=names) + A_BATCH, studio.emulator.url, str(studio.folder), str(photos[0].path))


# What others do when they are imported is theirs: it is done before the watch begins.
WATCH = """
import asyncio, logging, os, sys, threading
import PIL.Image, PIL.ImageFont, PIL.ImageOps, aiohttp.web, dotenv, filelock, numpy, requests, sqlite3, tqdm

class Watched(type(os.environ)):
    def __getitem__(self, name):
        done.append(("environment", name))
        return super().__getitem__(name)

ACTS = ("socket", "subprocess", "sqlite3.connect", "_thread", "os.putenv", "os.mkdir", "os.remove", "os.rename", "os.system")

def watch(event, arguments):
    if event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        done.append((event, arguments))
    if event == "open" and "grsai" in str(arguments[0]) and not str(arguments[0]).endswith((".py", ".pyc")):
        done.append((event, arguments))
    if event.startswith(ACTS):
        done.append((event, arguments))

done = []
before = dict(os.environ), list(sys.path), logging.root.handlers[:], sys.excepthook, PIL.Image.MAX_IMAGE_PIXELS
sys.addaudithook(watch)
os.environ.__class__ = Watched
"""
CHECK = """
assert not [act for act in done if act[0] != "environment" or act[1].startswith("GRSAI")], done
assert threading.active_count() == 1, threading.enumerate()
os.environ.__class__ = Watched.__base__
assert before == (dict(os.environ), list(sys.path), logging.root.handlers[:], sys.excepthook, PIL.Image.MAX_IMAGE_PIXELS)
"""


def test_importing_the_library_does_nothing() -> None:
    names = [name for name in MODULES if not name.endswith(("__init__", "__main__"))]
    run(WATCH + "".join(f"import grsai.{name}\n" for name in names) + CHECK)


@pytest.mark.parametrize("path", sorted([*ROOT.glob("*.py"), *PATHS]), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_nodes_know_comfyui(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(parsed(path))}
    assert not roots & {"comfy", "comfy_api", "comfy_execution", "folder_paths", "server", "execution", "torch"}


@pytest.mark.parametrize(
    "program",
    [["-m", "grsai"], [str(ROOT / "run_batch.py")], [str(ROOT / "batch_banana_concurrent.py")]],
    ids=["module", "run_batch", "batch_banana_concurrent"],
)
def test_ctrl_c_while_the_modules_are_loaded_is_quiet(program: list[str], tmp_path: Path) -> None:
    (tmp_path / "difflib.py").write_text("raise KeyboardInterrupt\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-B", *program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
