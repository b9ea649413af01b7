"""Two processes, or machines, on one ledger: one limit, one budget, no picture twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grsai.ledger import Ledger, service_of


def ended(process: Any, seconds: float = 120.0) -> dict[str, Any]:
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    assert out.startswith("{"), err
    return json.loads(out)


def started(studio, address: str, *arguments: str, machine: str = "one", **environment: str) -> Any:
    home = str(studio.folder / machine)
    return studio.command(*arguments, "--json", GRSAI_LEDGER=address, GRSAI_HOME=home, **environment)


@pytest.mark.parametrize("limit", [4, 9])
def test_two_commands_make_each_picture_once_and_keep_one_limit(studio, address: str, limit: int) -> None:
    studio.furnish([f"picture {number}" for number in range(40)])
    studio.emulator.seconds = (0.2, 0.6)
    options = {"GRSAI_LIMIT": str(limit), "GRSAI_CONCURRENCY": "12"}
    commands = [started(studio, address, "--output", "made", machine=name, **options) for name in ("one", "two")]
    reports = [ended(command) for command in commands]
    assert len(studio.emulator.tasks) == 40
    assert studio.emulator.peak_open <= limit
    for report in reports:
        assert [job["status"] for job in report["jobs"]] == ["succeeded"] * 40
    assert sum(report["reused"] for report in reports) == 40


def test_two_commands_with_different_jobs_share_the_limit_fairly(studio, address: str) -> None:
    studio.furnish([f"picture {number}" for number in range(24)])
    studio.emulator.seconds = (0.2, 0.4)
    options = {"GRSAI_LIMIT": "6", "GRSAI_CONCURRENCY": "6"}
    one = started(studio, address, "--output", "one", **options)
    two = started(studio, address, "--output", "two", machine="two", GRSAI_SEED="7", **options)
    for report in [ended(command) for command in (one, two)]:
        assert [job["status"] for job in report["jobs"]] == ["succeeded"] * 24
    assert len(studio.emulator.tasks) == 48 and studio.emulator.peak_open <= 6


def test_a_budget_of_the_day_is_that_of_all(studio, address: str) -> None:
    studio.furnish([f"picture {number}" for number in range(12)])
    studio.emulator.seconds = (0.1, 0.2)
    budget = {"GRSAI_BUDGET_DAY": str(15 * 440 / 10_000)}  # of 24 pictures
    one = started(studio, address, "--output", "one", **budget)
    two = started(studio, address, "--output", "two", machine="two", GRSAI_SEED="7", **budget)
    for command in (one, two):
        command.communicate(timeout=60)
    assert studio.emulator.charged <= 15 * 440
    with Ledger(address, service=service_of(studio.emulator.url), home=studio.folder / "home") as ledger:
        assert ledger.spent(0) == studio.emulator.charged > 11 * 440


def test_a_refusal_slows_all(studio, address: str) -> None:
    studio.furnish([f"picture {number}" for number in range(30)])
    studio.emulator.seconds, studio.emulator.max_open = (0.2, 0.4), 5
    options = {"GRSAI_CONCURRENCY": "20"}
    one = started(studio, address, "--output", "one", **options)
    two = started(studio, address, "--output", "two", machine="two", GRSAI_SEED="7", **options)
    for report in [ended(command) for command in (one, two)]:
        assert [job["status"] for job in report["jobs"]] == ["succeeded"] * 30
    assert len(studio.emulator.tasks) == 60 and studio.emulator.peak_open <= 5
