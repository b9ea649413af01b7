"""A client of the scripted server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grsai.client import GrsaiClient
from tests.client.caller import settings_for


@pytest.fixture
def client(server) -> Iterator[GrsaiClient]:
    with GrsaiClient(settings_for(server.url)) as client:
        yield client
