"""The command as a user starts it: in a process of its own, in a folder of its own, against a service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from grsai.emulator import Emulator

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT / "grsai" / "demo" / "image"
KEY = "sk-" + "0123456789abcdef" * 2


class Shell:
    """A working folder with pictures and prompts, and an environment that names the emulator and a key."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        self.emulator = emulator
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GRSAI_")}
        self.environment = {**kept, "PYTHONPATH": str(ROOT), "GRSAI_API_KEY": KEY, "GRSAI_BASE_URL": emulator.url}
        self.environment["GRSAI_HOME"] = str(folder.parent / f"{folder.name} home")
        self.write(".env", "")  # so that none of the developer's own is found
        self.write("grsai.toml", "")
        self.write("input/text/text.txt", "red\nblue\n")
        self.photo("coffee.jpg")
        self.photo("rocket.jpg")

    def write(self, name: str, text: str, *, encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return path

    def photo(self, name: str, folder: str = "input/image") -> Path:
        path = self.folder / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PHOTOS / "coffee.jpg" if not (PHOTOS / name).exists() else PHOTOS / name, path)
        return path

    def start(self, *arguments: str, program: tuple[str, ...] = ("-m", "grsai"), **environment: str) -> subprocess.Popen[str]:
        """The process, with both of its outputs in pipes."""
        command = [sys.executable, *program, *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        )

    def run(self, *arguments: str, **options: Any) -> Done:
        options = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", **options}
        process = self.start(*arguments, **options)
        return Done(process, *process.communicate(timeout=60))

    @property
    def pictures(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "batch_outputs").glob("Task_*"))


class Done:
    """A command that has ended."""

    def __init__(self, process: subprocess.Popen[str], out: str, err: str) -> None:
        self.status = process.returncode
        self.out = out
        self.err = err

    @property
    def object(self) -> dict[str, Any]:
        """Its whole stdout as one JSON object."""
        return json.loads(self.out)
