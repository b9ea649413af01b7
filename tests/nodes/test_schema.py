"""What saved workflows rely on: ids, inputs, their order and kinds. A change here breaks somebody's workflow."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from grsai.models import Catalogue

SNAPSHOT = Path(__file__).with_name("schema.json")


@pytest.fixture
def schemas(pack: Any, place: Path) -> dict[str, Any]:
    nodes = asyncio.run(pack.BananaExtension().get_node_list())
    return {node.GET_SCHEMA().node_id: node for node in nodes}


def test_ids_inputs_and_their_order_are_those_that_were_released(schemas: dict[str, Any]):
    seen = {name: _facts(node) for name, node in schemas.items()}
    released = json.loads(SNAPSHOT.read_text("utf-8"))
    assert {name: {**facts, "models": {}} for name, facts in seen.items()} == {
        name: {**facts, "models": {}} for name, facts in released.items()
    }


def test_every_model_that_was_released_is_still_on_offer(schemas: dict[str, Any]):
    for name, facts in json.loads(SNAPSHOT.read_text("utf-8")).items():
        assert facts["models"].items() <= _facts(schemas[name])["models"].items()


def test_the_model_is_the_last_widget(schemas: dict[str, Any]):
    for name in ("NanoBananaGenerate", "BatchBanana"):
        assert schemas[name].GET_SCHEMA().inputs[-1].id == "model"


def test_the_first_model_has_a_widget(schemas: dict[str, Any]):
    for option in schemas["BatchBanana"].GET_SCHEMA().inputs[-1].options:
        assert option.inputs[0].id == "aspect_ratio"


def test_every_input_and_output_has_a_tooltip(schemas: dict[str, Any]):
    for node in schemas.values():
        schema = node.GET_SCHEMA()
        assert all(each.tooltip for each in [*schema.inputs, *schema.outputs]), schema.node_id


def test_seeds_start_fixed_and_fit_into_a_browser(schemas: dict[str, Any]):
    for name in ("NanoBananaGenerate", "BatchBanana"):
        seed = schemas[name].INPUT_TYPES()["required"]["seed"][1]
        assert seed["control_after_generate"] == "fixed"
        assert seed["max"] == 2**31 - 1


def test_no_node_takes_a_key(schemas: dict[str, Any]):
    assert "key" not in json.dumps([_facts(node) for node in schemas.values()]).lower()


def test_a_model_of_the_user_is_on_offer(schemas: dict[str, Any], place: Path):
    row = '[models.brand-new]\ncredits = 7\nratios = ["1:1"]\nsizes = ["2K"]\n'
    (place / "user" / "__grsai" / "grsai.toml").write_text(row, "utf-8")
    new = schemas["BatchBanana"].GET_SCHEMA().inputs[-1].options[-1]
    assert (new.key, [each.id for each in new.inputs]) == ("brand-new", ["aspect_ratio", "image_size"])


def test_a_broken_file_of_models_leaves_the_nodes_there(schemas: dict[str, Any], place: Path):
    (place / "user" / "__grsai" / "grsai.toml").write_text("models = [", "utf-8")
    assert len(schemas["BatchBanana"].GET_SCHEMA().inputs[-1].options) == len(Catalogue())


def _facts(node: Any) -> dict[str, Any]:
    schema = node.GET_SCHEMA()
    inputs = [[each.id, each.get_io_type(), each.optional] for each in schema.inputs]
    models = {o.key: [i.id for i in o.inputs] for i in schema.inputs if i.id == "model" for o in i.options}
    return {
        "category": schema.category,
        "inputs": inputs,
        "outputs": [[each.id, each.get_io_type(), each.is_output_list] for each in schema.outputs],
        "takes_lists": schema.is_input_list,
        "is_output": schema.is_output_node,
        "is_partner": schema.is_api_node,
        "models": models,
    }
