"""A running emulator and a user of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grsai.emulator import Emulator
from tests.emulator.caller import Caller


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(seconds=0.05) as running:
        yield running
    assert running.count("unknown") == 0


@pytest.fixture
def caller(emulator: Emulator) -> Iterator[Caller]:
    user = Caller(emulator)
    with user.session:
        yield user
