"""What the program needs, installed beside it where the user says so: a first start without a word about pip."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..settings import program_folders
from ..texts import say
from .screen import NO, answer, trouble


def own_python(folder: Path) -> Path | None:
    """The Python of the virtual environment beside the program."""
    return next((path for name in ("bin/python", "Scripts/python.exe") if (path := folder / ".venv" / name).is_file()), None)


def install_and_go_on(missing: str, argv: Sequence[str], language: str) -> int | None:
    """Asks at a terminal, installs, and runs the command anew: its exit status. None where nobody is asked or it did not work."""
    (folder,) = program_folders() or (None,)
    if folder is None or not (folder / "requirements.txt").is_file():
        return None
    text = "The package {name} is missing. Install what is needed into {folder}? That is loaded once, about 26 MB. [Y/n] "
    said = answer(say(text, language, name=missing, folder=folder / ".venv"))
    if said is None or said.lower() in NO:
        return None
    trouble(say("Installing. This takes a minute or two.", language))
    if not _installed(folder, missing):
        trouble(say("It could not be installed.", language))
        return None
    started = sys.argv[:1] if Path(sys.argv[0]).name != "__main__.py" else ["-m", "grsai"]
    return subprocess.call([str(own_python(folder)), "-X", "utf8", *started, *argv])


def _installed(folder: Path, missing: str) -> bool:
    if own_python(folder) is None and _ran(sys.executable, "-m", "venv", str(folder / ".venv")) != 0:
        return False
    python = str(own_python(folder))
    needed = ("-q", "--disable-pip-version-check", "-r", str(folder / "requirements.txt"))
    return _ran(python, "-m", "pip", "install", *needed) == 0 and _ran(python, "-c", f"import {missing}") == 0


def _ran(*command: str) -> int:
    """What it says goes to stderr: on stdout stand results."""
    return subprocess.call(command, stdout=2)
