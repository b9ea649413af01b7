"""Money: asked before it is spent, kept within the budget, and reported to the credit as the service charged it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from grsai import engine
from grsai.emulator import Fault
from grsai.errors import KeyRefused, OverBudget, WrongSetting
from grsai.models import CREDITS_PER_YUAN, Catalogue, yuan

PRICE = Catalogue()["nano-banana-fast"].credits
BIG = "nano-banana-pro"


def sent(studio: Any) -> set[str]:
    return {seen.step for seen in studio.emulator.received}


# Before the first submit


def test_a_batch_that_the_balance_does_not_cover_is_refused_with_both_figures(studio, photos) -> None:
    studio.emulator.credits = 9 * PRICE + 439
    with pytest.raises(OverBudget, match=rf"\(10\) costs {10 * PRICE:,} credits, but the balance is {9 * PRICE + 439:,}"):
        studio.run(studio.with_references(studio.jobs(10), photos[:1]))
    assert sent(studio) == {"credits"}


def test_the_balance_is_told_in_the_unit_of_the_budgets_too(studio) -> None:
    studio.emulator.credits = 2 * PRICE
    yuan = f"¥{10 * PRICE / 10_000:.2f} and ¥{2 * PRICE / 10_000:.2f}"
    with pytest.raises(OverBudget, match=f"[(]{yuan}[)]"):
        studio.run(studio.jobs(10))


def test_a_batch_that_the_balance_just_covers_is_made(studio) -> None:
    studio.emulator.credits = 10 * PRICE
    studio.assert_right(studio.run(studio.jobs(10)))
    assert studio.emulator.credits == 0


def test_a_key_with_a_limit_of_its_own_is_measured_by_that(studio) -> None:
    studio.emulator.key_limit = 2 * PRICE
    with pytest.raises(OverBudget, match=f"the balance is {2 * PRICE}"):
        studio.run(studio.jobs(3))
    studio.assert_right(studio.run(studio.jobs(2)))


@pytest.mark.parametrize(
    "kind", ["http_500", "html_200", "http_502_html", "reset_before", "hang", "redirect", "http_429", "no_number"]
)
def test_a_balance_that_cannot_be_asked_holds_nothing_up(studio, kind: str) -> None:
    studio.emulator.add(Fault("credits", kind, seconds=2))
    studio.assert_right(studio.run(studio.jobs(2), settings=studio.settings(read_seconds=0.3)))


def test_a_key_that_the_service_refuses_is_told_before_anything_else(studio, photos) -> None:
    studio.emulator.key = "sk-" + "f" * 32
    with pytest.raises(KeyRefused, match="refuses the API key"):
        studio.run(studio.with_references(studio.jobs(2), photos[:1]))
    assert sent(studio) == {"credits"}


def test_the_balance_is_not_asked_where_nothing_is_to_be_paid(studio) -> None:
    studio.run(studio.jobs(2))
    asked = studio.emulator.count("credits")
    studio.emulator.credits = 0
    studio.assert_right(studio.run(studio.jobs(2)))
    assert studio.emulator.count("credits") == asked


def test_a_batch_that_costs_more_than_the_budget_is_refused_with_both_figures(studio) -> None:
    with pytest.raises(OverBudget, match=r"\(10\) costs ¥0\.44, more than the budget of ¥0\.40\. Nothing was sent"):
        studio.run(studio.jobs(10), budget=0.40)
    assert not studio.emulator.received


@pytest.mark.parametrize(("count", "budget"), [(10, 0.44), (3, 0.132), (7, 0.308), (1, 0.044)])
def test_a_batch_that_costs_just_the_budget_is_made(studio, count: int, budget: float) -> None:
    studio.assert_right(studio.run(studio.jobs(count), budget=budget))


@pytest.mark.parametrize("budget", [0.00001, 0.0439])
def test_the_smallest_budget_is_a_budget(studio, budget: float) -> None:
    with pytest.raises(OverBudget):
        studio.run(studio.jobs(1), budget=budget)


def test_no_budget_is_no_limit(studio) -> None:
    studio.assert_right(studio.run(studio.jobs(2), budget=0))


def test_the_budget_of_the_settings_counts_unless_the_run_has_its_own(studio) -> None:
    settings = studio.settings(budget=0.05)
    with pytest.raises(OverBudget):
        studio.run(studio.jobs(2), settings=settings)
    studio.assert_right(studio.run(studio.jobs(2), settings=settings, budget=1))


def test_the_budget_is_for_what_is_new(studio) -> None:
    studio.run(studio.jobs(10))
    studio.assert_right(studio.run(studio.jobs(11), budget=0.05))


def test_submitting_again_keeps_within_the_budget(studio) -> None:
    outcomes = studio.run(studio.jobs(4, prompt="[error]"), budget=6 * yuan(PRICE), settings=studio.settings(retries=5))
    assert studio.emulator.charged == 6 * PRICE == sum(outcome.credits for outcome in outcomes)
    assert all(outcome.status == "failed" for outcome in outcomes)
    assert any("the budget of ¥0.26 is used up" in str(outcome.error) for outcome in outcomes)


def test_a_submit_that_may_have_been_paid_counts_against_the_budget(studio) -> None:
    studio.emulator.add(Fault("submit", "reset_after"))
    studio.run(studio.jobs(3), budget=3 * yuan(PRICE))
    assert studio.emulator.charged <= 3 * PRICE


def test_a_submit_that_was_not_taken_costs_no_budget(studio) -> None:
    studio.emulator.add(Fault("submit", "http_502_html", times=3))
    studio.assert_right(studio.run(studio.jobs(3), budget=3 * yuan(PRICE)))


# Afterwards


def test_the_credits_of_the_outcomes_are_what_the_service_charged(studio, photos) -> None:
    studio.emulator.add(
        Fault("submit", "http_502_html", share=0.2),
        Fault("submit", "task_error", share=0.2),
        Fault("poll", "http_500", share=0.2),
    )
    jobs = [
        *studio.jobs(12, model="nano-banana-fast"),
        *studio.jobs(4, prompt="large", model=BIG, image_size="2K"),
        *studio.jobs(2, prompt="[output_moderation]"),
        *studio.jobs(2, prompt="[empty]"),
        *studio.with_references(studio.jobs(3, prompt="with a photo"), photos[:1]),
    ]
    outcomes = studio.run(jobs, concurrency=8)
    assert sum(outcome.credits for outcome in outcomes) == studio.emulator.charged
    assert studio.events[-1].snapshot.credits == studio.emulator.charged
    for outcome in outcomes:
        paid = [task.credits for task in studio.emulator.tasks.values() if task.prompt == outcome.job.prompt]
        assert outcome.credits == sum(paid)


def test_what_may_have_been_paid_is_apart_from_what_was(studio) -> None:
    studio.emulator.add(Fault("submit", "reset_after", times=3))
    outcomes = studio.run(studio.jobs(8))
    uncertain = [outcome for outcome in outcomes if outcome.status == "uncertain"]
    assert len(uncertain) == 3 and all("charged" in str(outcome.error) for outcome in uncertain)
    assert sum(outcome.credits for outcome in outcomes) == 5 * PRICE
    assert studio.emulator.charged == 8 * PRICE


def test_reused_and_collected_pictures_cost_nothing_and_say_so(studio) -> None:
    run = studio.start(studio.jobs(4, prompt="[slow 0.5]"))
    studio.wait_until(lambda: len([event for event in studio.events if event.kind == "submitted"]) == 4)
    run.stopped()
    collected = studio.run(studio.jobs(4, prompt="[slow 0.5]"))
    reused = studio.run(studio.jobs(4, prompt="[slow 0.5]"))
    assert [(outcome.credits, outcome.reused) for outcome in collected] == [(0, False)] * 4
    assert [(outcome.credits, outcome.reused) for outcome in reused] == [(0, True)] * 4
    assert studio.emulator.charged == 4 * PRICE


def test_the_report_of_the_command_says_what_the_service_charged(studio, photos) -> None:
    studio.furnish(["one", "[error once] two", "[input_moderation] three"], photos[:2])
    reports = []
    for _ in range(2):
        process = studio.command("--json")
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, err
        reports.append(json.loads(out))
    assert [report["credits"] for report in reports] == [studio.emulator.charged, 0]
    assert sum(job["credits"] for job in reports[0]["jobs"]) == studio.emulator.charged == 8 * PRICE
    assert [report["reused"] for report in reports] == [0, 4]
    written = json.loads((studio.folder / "batch_outputs" / "report.json").read_text("utf-8"))
    assert (written["credits"], written["reused"]) == (0, 4)


def test_the_command_refuses_with_both_figures_and_status_2(studio) -> None:
    studio.furnish([f"prompt {number}" for number in range(5)])
    studio.emulator.credits = 100
    process = studio.command(f"--budget={yuan(5 * PRICE)}")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"(5) costs {5 * PRICE:,} credits, but the balance is 100" in err
    process = studio.command("--budget", "0.1")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "(5) costs ¥0.22, more than the budget of ¥0.10" in err
    assert not studio.emulator.tasks
    assert isinstance(process, subprocess.Popen) and not out


def test_the_price_is_told_before_anything_is_sent(studio) -> None:
    with studio.ledger() as ledger:
        price = engine.estimate(studio.jobs(50, model=BIG, image_size="4K"), ledger)
    assert (price.new, price.credits, price.yuan) == (50, 50 * 1800, 50 * 1800 / CREDITS_PER_YUAN)
    assert not studio.emulator.received


# Budgets by day and month


@pytest.mark.parametrize("name", ["budget_day", "budget_month"])
def test_what_was_spent_before_counts_against_the_budget_of_a_time(studio, name: str) -> None:
    settings = studio.settings(**{name: 5 * yuan(PRICE)})
    studio.assert_right(studio.run(studio.jobs(3), settings=settings))
    with pytest.raises(OverBudget, match=f"spent already this is more than {name} allows: ¥0.22"):
        studio.run(studio.jobs(3, prompt="more"), settings=settings)
    assert studio.emulator.count("submit") == 3
    studio.assert_right(studio.run(studio.jobs(2, prompt="more"), settings=settings))


def test_the_day_before_does_not_count(studio) -> None:
    settings = studio.settings(budget_day=3 * yuan(PRICE))
    studio.run(studio.jobs(3), settings=settings)
    studio.make_older(24 * 3600)
    studio.assert_right(studio.run(studio.jobs(3, prompt="today"), settings=settings))


def test_submitting_again_keeps_within_the_budget_of_the_day(studio) -> None:
    settings = studio.settings(retries=5, budget_day=6 * yuan(PRICE))
    outcomes = studio.run(studio.jobs(4, prompt="[error]"), settings=settings)
    assert studio.emulator.charged == 6 * PRICE
    assert any("budget_day (¥0.26) is used up" in str(outcome.error) for outcome in outcomes)


def test_a_budget_is_in_what_the_user_paid_for_a_credit(studio) -> None:
    settings = studio.settings(credits_per_yuan=20_000, budget=0.066)
    studio.assert_right(studio.run(studio.jobs(3), settings=settings))
    with pytest.raises(OverBudget, match=r"costs ¥0\.09, more than the budget of ¥0\.07"):
        studio.run(studio.jobs(4, prompt="more"), settings=settings)


@pytest.mark.parametrize("budget", [float("nan"), -1.0, float("inf"), 1e12])
def test_a_budget_that_is_no_amount_is_refused(studio, budget: float) -> None:
    with pytest.raises(WrongSetting, match="budget"):
        studio.run(studio.jobs(1), budget=budget)
    assert not studio.emulator.received


@pytest.mark.parametrize(
    ("prompt", "given_back", "spent"),
    [
        ("[error]", {"refunds_failed": True}, 0),
        ("[error]", {"refunds_failed": False}, PRICE),
        ("[error]", {"refunds_refused": True}, PRICE),
        ("[output_moderation]", {"refunds_refused": True}, 0),
        ("[output_moderation]", {"refunds_failed": True}, PRICE),
        ("[error]", {}, PRICE),
    ],
)
def test_what_the_service_gives_back_by_its_own_list_is_not_spent(studio, prompt: str, given_back: dict, spent: int) -> None:
    (job,) = studio.jobs(1, prompt=prompt)
    studio.run([replace(job, model=replace(job.model, **given_back))], settings=studio.settings(retries=0))
    with studio.ledger() as ledger:
        assert ledger.spent(0) == spent
