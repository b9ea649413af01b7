"""run_batch.bat: a real cmd runs it on Windows, with stand-ins for the Pythons that it may find. Elsewhere that of Wine does,
where the variable WINE names one: its server, which all runs share, may end just when the next one begins.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.packaging.conftest import PACK, SECONDS

WINDOWS = sys.platform == "win32"
WINE = os.environ.get("WINE", "")
pytestmark = pytest.mark.skipif(not WINDOWS and not WINE, reason="needs Windows, or a Wine that WINE names")

# As version managers put it on PATH: a batch file. It answers, says what it was given, ends with 1.
PYTHON = '@echo off\r\nif "%1"=="-c" exit /b 0\r\necho given %*\r\nexit /b 1\r\n'
CALLS = "@echo off\r\ncall run_batch.bat --estimate\r\necho after %ERRORLEVEL%\r\n"
MISSING = "No Python was found."
DOUBLE_CLICKED = r'C:\WINDOWS\system32\cmd.exe /c ""C:\a & b\grsai-nano-banana\run_batch.bat" "'
PROMPT = r'"C:\WINDOWS\system32\cmd.exe"'


class Ended(NamedTuple):
    status: int
    said: str


class Desk:
    """A copy of the batch file in a folder as Windows users have it, and a folder on PATH."""

    def __init__(self, folder: Path) -> None:
        self.pack = folder / "我的 ComfyUI (1)" / "ComfyUI" / "custom_nodes" / "grsai & pack"
        self.programs = folder / "programs"
        (self.pack / "grsai").mkdir(parents=True)
        self.programs.mkdir()
        shutil.copy(PACK / "run_batch.bat", self.pack)

    def put(self, name: str, text: str = PYTHON) -> None:
        (self.programs / name).write_bytes(text.encode())

    def put_program_that_fails(self, name: str) -> None:
        """Like the link to the store that Windows calls python.exe. This one knows no such options."""
        shutil.copy(self.system / "reg.exe", self.programs / name)

    @property
    def system(self) -> Path:
        if WINDOWS:
            return Path(os.environ["SYSTEMROOT"], "System32")
        prefix = Path(os.environ.get("WINEPREFIX") or Path.home() / ".wine")
        return prefix / "drive_c" / "windows" / "system32"

    def run(self, *command: str, **environment: str) -> Ended:
        """`cmd /c …` in the pack's folder, with an empty standard input: a wait for a key says so and ends."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GRSAI_")}
        kept |= {"WINEDEBUG": "-all", "LC_ALL": "C.UTF-8"}
        kept |= {"PATH": f"{self.programs};{self.system}"} if WINDOWS else {"WINEPATH": f"Z:{self.programs}"}
        done = subprocess.run(
            ["cmd", "/c", *command] if WINDOWS else [WINE, "cmd", "/c", *command],
            cwd=self.pack,
            env={**kept, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
        return Ended(done.returncode, done.stdout.decode("utf-8", "replace").replace("\r\n", "\n"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_it_passes_arguments_and_status_on(desk: Desk) -> None:
    desk.put("python.bat")
    ended = desk.run("run_batch.bat", "--images", "my photos", "--model=nano-banana-fast", GRSAI_NO_PAUSE="1")
    assert ended == (1, 'given -X utf8 run_batch.py --images "my photos" --model=nano-banana-fast\n')


def test_a_python_that_does_not_answer_is_none(desk: Desk) -> None:
    desk.put_program_that_fails("py.exe")
    desk.put_program_that_fails("python.exe")
    ended = desk.run("run_batch.bat", "--estimate", GRSAI_NO_PAUSE="1")
    assert ended.status == 2
    assert ended.said.startswith(MISSING)


def test_the_next_python_is_taken_when_one_does_not_answer(desk: Desk) -> None:
    desk.put_program_that_fails("py.exe")
    desk.put("python.bat")
    assert desk.run("run_batch.bat", GRSAI_NO_PAUSE="1") == (1, "given -X utf8 run_batch.py \n")


def test_without_a_python_the_window_says_so_and_stays_open(desk: Desk) -> None:
    ended = desk.run("run_batch.bat", CMDCMDLINE=DOUBLE_CLICKED)
    said = ended.said.splitlines()
    assert (ended.status, len(said)) == (2, 2)
    assert said[0].startswith(MISSING)


def test_on_a_chinese_windows_it_is_said_in_chinese_and_the_code_page_comes_back(desk: Desk) -> None:
    shutil.copy(PACK / "grsai" / "no_python.zh.txt", (desk.pack / "grsai"))
    told = desk.run("chcp 936 >nul & run_batch.bat & chcp", GRSAI_NO_PAUSE="1").said
    assert told.startswith("没有找到 Python。") and "https://www.python.org/downloads/" in told and MISSING not in told
    assert told.split()[-1].rstrip(".") == "936"


def test_the_window_stays_open_after_a_double_click_only(desk: Desk) -> None:
    desk.put("python.bat", PYTHON.replace("echo given %*", "rem silent"))
    (desk.pack / "mine.bat").write_bytes(CALLS.encode())
    clicked = desk.run("run_batch.bat", CMDCMDLINE=DOUBLE_CLICKED)
    assert (clicked.status, len(clicked.said.splitlines())) == (1, 1)  # "Press any key", in the language of Windows
    assert desk.run("run_batch.bat", CMDCMDLINE=PROMPT) == (1, "")
    assert desk.run("run_batch.bat", CMDCMDLINE=DOUBLE_CLICKED, GRSAI_NO_PAUSE="1") == (1, "")
    assert desk.run("mine.bat", CMDCMDLINE=DOUBLE_CLICKED.replace("run_batch", "mine")).said == "after 1\n"


@pytest.mark.parametrize("place", [".venv/Scripts", "../../../python_embeded"])
def test_a_python_that_belongs_to_the_pack_or_its_comfyui_is_taken_first(desk: Desk, place: str) -> None:
    desk.put("python.bat")
    python = desk.pack / place / "python.exe"
    python.parent.mkdir(parents=True)
    shutil.copy(desk.system / "reg.exe", python)
    ended = desk.run("run_batch.bat", "--estimate", GRSAI_NO_PAUSE="1")
    assert ended.status == 1  # its own
    assert "given" not in ended.said
    assert MISSING not in ended.said


@pytest.mark.skipif(not WINDOWS, reason="needs a Python for Windows")
def test_on_windows_it_runs_the_command() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRSAI_")}
    command = ["cmd", "/c", str(PACK / "run_batch.bat"), "models", "--json"]
    done = subprocess.run(command, env={**environment, "GRSAI_NO_PAUSE": "1"}, capture_output=True, timeout=SECONDS)
    assert done.returncode == 0
    assert json.loads(done.stdout)["models"]
