"""What the panel is told of prices, of the service's own list of models, and of what was spent."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest

from grsai.emulator import Emulator

KEY = "sk-" + "0123456789abcdef" * 2


@pytest.fixture
def money(graph: Any) -> ModuleType:
    return graph.module("nodes.money")


@pytest.fixture
def panel(graph: Any) -> ModuleType:
    return graph.module("nodes.panel")


def credits_of(catalogue: dict[str, Any], name: str) -> int | None:
    return next(model["credits"] for model in catalogue["models"] if model["id"] == name)


def test_the_catalogue_says_when_the_service_was_asked_and_what_it_says_of_a_model(
    graph: Any, money: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    assert money.catalogue()["as_of"] is None
    with Emulator(prices={"nano-banana-fast": 5000}) as other:
        monkeypatch.setenv("GRSAI_BASE_URL", other.url)
        refreshed = money.refresh_models()
    assert credits_of(refreshed, "nano-banana-fast") == 5000
    assert refreshed["as_of"] > 1_700_000_000
    assert {"closed", "maintenance", "new", "refunds_failed"} <= refreshed["models"][0].keys()
    assert credits_of(money.catalogue(), "nano-banana-fast") == 5000


def test_one_services_prices_are_not_another_ones(graph: Any, money: ModuleType, monkeypatch: pytest.MonkeyPatch):
    with Emulator(prices={"nano-banana-fast": 5000}) as other:
        monkeypatch.setenv("GRSAI_BASE_URL", other.url)
        money.refresh_models()
    monkeypatch.setenv("GRSAI_BASE_URL", graph.emulator.url)
    assert credits_of(money.catalogue(), "nano-banana-fast") == 440
    assert money.catalogue()["as_of"] is None


def test_prices_of_the_service_decide_what_a_budget_refuses(graph: Any, monkeypatch: pytest.MonkeyPatch):
    with Emulator(prices={"nano-banana-fast": 5000}) as other:
        monkeypatch.setenv("GRSAI_BASE_URL", other.url)
        graph.module("nodes.money").refresh_models()
        with pytest.raises(graph.module("grsai.errors").OverBudget, match="0.50"):
            graph.batch("red", budget=0.4)
        assert other.count("submit") == 0


def test_what_was_spent_today_and_this_month_is_told_in_what_was_paid_for_it(graph: Any, money: ModuleType, panel: ModuleType):
    graph.batch("red\nblue\n[input_moderation] green")
    said = money.spent()
    assert said["today"]["credits"] == said["month"]["credits"] > 880
    assert said["today"]["yuan"] == said["today"]["credits"] / 10_000
    panel.change_panel({"credits_per_yuan": 20_000})
    assert money.spent()["today"]["yuan"] == said["today"]["credits"] / 20_000
    assert money.catalogue()["units"]["cny"]["per_credit"] == 1 / 20_000
    assert money.balance()["yuan"] == money.balance()["credits"] / 20_000


@pytest.mark.parametrize("name", ["budget_day", "budget_month"])
def test_a_budget_of_the_panel_by_day_or_month_is_kept(graph: Any, panel: ModuleType, name: str):
    panel.change_panel({name: 0.1})
    graph.batch("red\nblue")
    with pytest.raises(graph.module("grsai.errors").OverBudget, match=name):
        graph.batch("green")
    assert graph.emulator.count("submit") == 2


def test_the_generation_of_the_api_is_chosen_in_the_panel(graph: Any, panel: ModuleType):
    graph.generate("unified")
    panel.change_panel({"api": "legacy"})
    graph.generate("legacy")
    paths = [seen.path for seen in graph.emulator.received if seen.step == "submit"]
    assert [path.startswith("/v1/api/") for path in paths] == [True, False]


def test_offline_there_is_nothing_to_ask_and_no_budget_of_the_day(
    graph: Any, money: ModuleType, panel: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("GRSAI_BASE_URL")
    panel.change_panel({"host": "offline", "budget_day": 0.01})
    with pytest.raises(graph.module("grsai.errors").WrongSetting, match="emulator"):
        money.refresh_models()
    settings = importlib.import_module("banana_pack.nodes.account").current().settings
    assert (settings.budget_day, settings.budget_month) == (0.0, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"api": "newest"},
        {"credits_per_yuan": 0},
        {"budget_day": -1},
        {"budget_month": "5"},
        {"ask_above": "5"},
        {"ask_above": True},
    ],
)
def test_a_wrong_amount_is_refused(panel: ModuleType, graph: Any, wrong: dict[str, Any]):
    with pytest.raises(graph.module("grsai.errors").WrongSetting):
        panel.change_panel(wrong)
    with pytest.raises(graph.module("grsai.errors").WrongSetting):
        panel.change_panel({next(iter(wrong)): float("nan")})
