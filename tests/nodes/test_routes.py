"""Which requests a page of another origin sent."""

from __future__ import annotations

import importlib
from typing import Any

import pytest


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "null", "https://evil.example"])
def test_an_origin_that_is_none_is_foreign(pack: Any, origin: str):
    routes = importlib.import_module("banana_pack.nodes.routes")
    assert routes.is_foreign({"Origin": origin, "Host": "127.0.0.1:8188"})
    assert not routes.is_foreign({"Origin": "http://127.0.0.1:8188", "Host": "127.0.0.1:8188"})
