"""ComfyUI's tokens stand for what they name in a filename_prefix."""

from __future__ import annotations

import importlib
import re
import time
from typing import Any

import pytest

NOW = time.struct_time((2026, 3, 7, 9, 5, 4, 5, 66, -1))
GRAPH = {
    "1": {"class_type": "KSampler", "inputs": {"seed": 42, "model": ["2", 0]}, "_meta": {"title": "My sampler"}},
    "2": {"class_type": "Loader", "inputs": {"name": "a/b:c.safetensors"}},
}


@pytest.mark.parametrize(
    ("prefix", "means"),
    [
        ("banana/%date:yyyy-MM-dd%/Task", "banana/2026-03-07/Task"),
        ("%date:yy.M.d hh-mm-ss%", "26.3.7 09-05-04"),
        ("%date%/x", "20260307090504/x"),
        ("%year%%month%%day%_%hour%%minute%%second%", "20260307_090504"),
        ("%KSampler.seed%_%My sampler.seed%", "42_42"),
        ("%Loader.name%", "a_b_c.safetensors"),
        ("%KSampler.model% %Nobody.seed% %batch_num% 100%", "%KSampler.model% %Nobody.seed% %batch_num% 100%"),
        ("banana/Task", "banana/Task"),
    ],
)
def test_a_token_stands_for_what_it_names(pack: Any, prefix: str, means: str):
    assert importlib.import_module("banana_pack.nodes.prefix").expanded(prefix, GRAPH, NOW) == means


def test_a_batch_goes_into_the_folder_of_its_day(graph: Any):
    graph.batch("red", filename_prefix="shop/%date:yyyy-MM-dd%/Look")
    [file] = graph.files
    assert re.fullmatch(r"shop/\d{4}-\d\d-\d\d/Look_1_text_1\.png", file)


def test_a_token_leads_nowhere_else(graph: Any):
    with pytest.raises(graph.module("grsai.errors").OutputError, match="cannot be used"):
        graph.batch("red", filename_prefix="%BatchBanana.pairing%/%date:..%/x", pairing="product")
