from __future__ import annotations

from pathlib import Path

import pytest

from grsai.emulator import Emulator
from tests.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path, emulator: Emulator) -> Shell:
    return Shell(tmp_path, emulator)
