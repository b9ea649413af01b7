from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell


@pytest.fixture
def shell(tmp_path: Path, emulator: Any) -> Shell:
    return Shell(tmp_path, emulator)
