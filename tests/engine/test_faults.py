"""Every fault of the service × what becomes of a batch: nothing lost, nothing paid twice, nothing wrong.

The fast form, with few jobs, is part of every run. The full one (`-m full`) takes 60 jobs at concurrency 12, and writes the
table of what it measured to the file that `FAULT_TABLE` names.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from grsai.emulator import Emulator, Fault
from grsai.emulator import Task as PaidTask
from grsai.engine import Event
from grsai.jobs import Job, Outcome, plan
from grsai.models import Catalogue
from grsai.pictures import Encoded, Reference

FAST = Catalogue().with_rows({"nano-banana-fast": {"seconds": 0.1}}).named("nano-banana-fast")
STEPS = ("ticket", "upload", "submit", "poll", "download")
OTHER_KEY = "sk-" + "f" * 32
PATIENCE = {"read_seconds": 0.5, "upload_seconds": 0.5}

# What may break at every step, and how it is called in the table. "hang" is slower than we wait, "slow_headers" is not.
COMMON = {
    "http_500": "HTTP 500",
    "http_502_html": "HTTP 502 with HTML",
    "http_429": "HTTP 429",
    "http_429_retry_after": "HTTP 429 with Retry-After",
    "html_200": "HTML with HTTP 200",
    "reset_before": "connection reset before the reply",
    "reset_middle": "connection reset in the middle of the reply",
    "slow_headers": "slow headers",
    "hang": "no reply in time",
    "short_body": "body stops half way, right Content-Length",
}
WAITS = {"slow_headers": 0.2}  # seconds, where it is not one
SPECIAL = {
    ("upload", "not_found"): "HTTP 404",
    ("submit", "reset_after"): "accepted, then the connection is reset",
    ("submit", "http_500_taken"): "accepted, then HTTP 500",
    ("submit", "hang_taken"): "accepted, then no reply in time",
    ("submit", "empty_200"): "empty body with HTTP 200",
    ("submit", "bad_json"): "half a JSON with HTTP 200",
    ("submit", "bare_id"): "the id as a bare string",
    ("submit", "task_error"): "the task fails with reason `error`",
    ("submit", "task_output_moderation"): "the task is refused by moderation",
    ("submit", "task_empty"): "the task succeeds without a picture",
    ("poll", "no_such_task"): "-22, no such task",
    ("poll", "empty_results"): "succeeded without results",
    ("poll", "top_level_url"): "succeeded with the address on top level only",
    ("poll", "error_while_running"): "error filled while running",
    ("poll", "stall"): "progress stands still",
    ("download", "not_found"): "the result's address answers 404",
    ("download", "corrupt"): "a corrupt picture",
}


@dataclass(frozen=True)
class Case:
    """One line of the table. `prepare` sets the emulator up, `listen` hears of the run, `mend` makes the service well."""

    step: str
    name: str
    prepare: Callable[[Emulator, float, int], None]
    listen: Callable[[Emulator, Event], None] = lambda emulator, event: None
    mend: Callable[[Emulator], None] = lambda emulator: None
    slow_share: float = 0.0  # of the tasks that take longer than we wait
    settings: tuple[tuple[str, Any], ...] = ()
    strikes: int = 1  # at least so many requests must meet it, else nothing was tested

    def __str__(self) -> str:
        return f"{self.step}: {self.name}"


def faulty(step: str, kind: str) -> Callable[[Emulator, float, int], None]:
    """That kind at that share. A waiting time costs the test seconds, so the fast form has one of them only."""

    def prepare(emulator: Emulator, share: float, count: int) -> None:
        if kind == "error_while_running":
            emulator.seconds = 0.6  # else nobody looks while it runs
        times = 1 if kind == "http_429_retry_after" and count < 30 else None
        emulator.add(Fault(step, kind, share=share, seconds=WAITS.get(kind, 1.0), times=times))

    return prepare


def late_in_sight(emulator: Emulator, share: float, count: int) -> None:
    emulator.visible_after = 0.4


def half_the_credits(emulator: Emulator, share: float, count: int) -> None:
    emulator.add(Fault("credits", "http_500"))  # else the run would be refused at once
    emulator.credits = FAST.credits * (count // 2)


def top_up(emulator: Emulator) -> None:
    emulator.credits = 1_000_000


def change_key_in_the_middle(emulator: Emulator, event: Event) -> None:
    if event.kind == "finished" and event.snapshot.done >= event.snapshot.total // 3:
        emulator.key = OTHER_KEY


def restore_key(emulator: Emulator) -> None:
    emulator.key = None


def nothing(emulator: Emulator, share: float, count: int) -> None:
    pass


CASES = [
    *(Case(step, name, faulty(step, kind)) for step in STEPS for kind, name in COMMON.items()),
    *(Case(step, name, faulty(step, kind)) for (step, kind), name in SPECIAL.items()),
    Case("poll", "-22 for the first seconds after every submit", late_in_sight, strikes=0),
    Case(
        "poll",
        "not finished within our own deadline",
        nothing,
        slow_share=0.3,
        settings=(("deadline_seconds", 0.6),),
        strikes=0,
    ),
    Case("any", "the key stops working in the middle", nothing, listen=change_key_in_the_middle, mend=restore_key, strikes=0),
    Case("submit", "the credits run out in the middle", half_the_credits, mend=top_up),
]


def everything(emulator: Emulator, share: float, count: int) -> None:
    for step in STEPS:
        for kind in COMMON:
            faulty(step, kind)(emulator, share, count)
    for step, kind in SPECIAL:
        faulty(step, kind)(emulator, share, count)
    late_in_sight(emulator, share, count)


@dataclass
class Row:
    """What was measured of one case."""

    case: Case
    jobs: int
    struck: int = 0  # requests that met a fault
    first: Counter[str] = field(default_factory=Counter)  # statuses and reasons after the first run
    accepted_uncertain: int = 0  # of the uncertain ones: how many the service had taken
    submits: int = 0  # in all runs
    made: int = 0  # after the next runs
    refused: int = 0  # for good
    lost: int = 0
    paid_twice: int = 0
    wrong: int = 0
    unpaid_credits: int = 0  # difference between what the runs report and what the service charged
    seconds: float = 0.0

    def markdown(self) -> str:
        others = ", ".join(f"{number} {name}" for name, number in sorted(self.first.items()) if name not in ("made", "uncertain"))
        uncertain = f"{self.first['uncertain']} ({self.accepted_uncertain})" if self.first["uncertain"] else "0"
        cells = [
            self.case.step, self.case.name, self.struck or "–", self.first["made"], uncertain, others or "–", self.submits,
            f"{self.made} + {self.refused} refused" if self.refused else self.made, self.lost, self.paid_twice, self.wrong,
        ]  # fmt: skip
        return f"| {' | '.join(map(str, cells))} |"


HEAD = """\
| step | fault | struck | made | uncertain (taken) | other outcomes | submits | made in the end | lost | paid twice | wrong |
|---|---|---|---|---|---|---|---|---|---|---|"""


def small_picture(number: int) -> Reference:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (number % 256, number // 256, 77)).save(buffer, "PNG")
    data = buffer.getvalue()
    return Reference(f"picture {number}", hashlib.sha256(data).hexdigest(), load=lambda: Encoded(data, "png"))


def jobs_of(case: Case, count: int) -> list[Job]:
    """Each with a picture and a prompt of its own."""
    slow = round(count * case.slow_share)
    prompts = [f"job {number}{' [slow 1.5]' if number < slow else ''}" for number in range(count)]
    return plan(prompts, [small_picture(number) for number in range(count)], model=FAST, pairing="zip")


def measured(studio: Any, case: Case, *, count: int, concurrency: int, share: float) -> Row:
    """A batch against the faulty service, then as often as it helps against the mended one."""
    emulator, row, begun = studio.emulator, Row(case, count), time.monotonic()
    case.prepare(emulator, share, count)
    jobs = jobs_of(case, count)
    options = {"concurrency": concurrency, "settings": studio.settings(**PATIENCE, **dict(case.settings))}
    first = studio.run(jobs, on_event=lambda event: case.listen(emulator, event), **options)
    row.struck = sum(seen.fault is not None for seen in emulator.received)
    row.first = Counter(said_of(outcome) for outcome in first)
    uncertain = {outcome.job.prompt for outcome in first if outcome.status == "uncertain"}
    row.accepted_uncertain = len({task.prompt for task in live(emulator)} & uncertain)
    row.paid_twice = twice(emulator)
    check_told(first)
    paid = sum(outcome.credits for outcome in first)

    emulator.clear_faults()
    emulator.visible_after = 0.0
    case.mend(emulator)
    options["settings"] = studio.settings()
    for _ in range(2):
        last = studio.run(jobs, **options)
        paid += sum(outcome.credits for outcome in last)
    row.made = sum(outcome.status == "succeeded" for outcome in last)
    row.refused = sum(outcome.status == "failed" and outcome.error.reason == "moderation" for outcome in last)
    row.lost, row.wrong = lost(studio, uncertain), wrong(studio, last)
    row.paid_twice = max(row.paid_twice, twice(emulator, uncertain))
    row.submits = emulator.count("submit")
    unheard = [task for task in emulator.tasks.values() if task.id not in told(studio)]
    row.unpaid_credits = emulator.charged - paid - sum(task.credits for task in unheard)
    row.seconds = time.monotonic() - begun
    return row


def said_of(outcome: Outcome) -> str:
    if outcome.status == "succeeded":
        return "made"
    return outcome.error.reason if outcome.status == "failed" and outcome.error else outcome.status


def check_told(outcomes: list[Outcome]) -> None:
    """Whatever went wrong is told, and what is paid and not there names its task."""
    for outcome in outcomes:
        assert outcome.status == "succeeded" or str(outcome.error)
        if outcome.credits and outcome.status == "failed" and outcome.error.reason != "rate limit":
            assert outcome.task_id and outcome.task_id in str(outcome.error)


def live(emulator: Emulator) -> Iterator[PaidTask]:
    """The accepted tasks that did not fail: those that a picture is due for."""
    return (task for task in emulator.tasks.values() if task.status != "failed" and not task.empty)


def twice(emulator: Emulator, uncertain: Collection[str] = ()) -> int:
    """Tasks beyond one a job; a job that was reported as uncertain may have one more."""
    paid = Counter(task.prompt for task in live(emulator))
    return sum(max(0, number - 1 - (prompt in uncertain)) for prompt, number in paid.items())


def told(studio: Any) -> set[str]:
    """The tasks whose ids arrived."""
    with studio.ledger() as ledger:
        return {entry.task_id for entry in ledger.entries(limit=10_000) if entry.task_id}


def lost(studio: Any, uncertain: set[str]) -> int:
    """Pictures that were paid for and are not on the disk, but for those whose ids never arrived."""
    there = {hashlib.sha256(path.read_bytes()).hexdigest() for path in studio.pictures}
    known = told(studio)
    missing = [task for task in live(studio.emulator) if task.sha256 not in there]
    return len([task for task in missing if task.id in known or task.prompt not in uncertain])


def wrong(studio: Any, outcomes: list[Outcome]) -> int:
    """Files that do not hold what their job asked for."""
    made = [outcome for outcome in outcomes if outcome.status == "succeeded"]
    right = [
        outcome
        for outcome in made
        if outcome.file
        and hashlib.sha256(outcome.file.read_bytes()).hexdigest() == studio.task(outcome).sha256
        and studio.task(outcome).prompt == outcome.job.prompt
    ]
    return len(made) - len(right)


def assert_nothing_lost(studio: Any, row: Row) -> None:
    facts = row.markdown()
    assert row.struck >= row.case.strikes, facts
    assert (row.lost, row.paid_twice, row.wrong, row.unpaid_credits) == (0, 0, 0, 0), facts
    assert row.made + row.refused == row.jobs, facts
    assert len(studio.pictures) == row.made, facts  # each once
    studio.assert_nothing_left()


def each_once(step: str) -> Callable[[Emulator, float, int], None]:
    """Every common fault strikes one request: there are as many jobs as faults, so each of them comes about."""

    def prepare(emulator: Emulator, share: float, count: int) -> None:
        for kind in COMMON:
            emulator.add(Fault(step, kind, times=1, seconds=WAITS.get(kind, 1.0)))

    return prepare


# The common faults of a step at once, the special ones each alone.
QUICK = [
    *(Case(step, "each of what breaks everywhere", each_once(step), strikes=len(COMMON)) for step in STEPS),
    *CASES[len(STEPS) * len(COMMON) :],
]


@pytest.mark.parametrize("api", ["unified", "legacy"])
@pytest.mark.parametrize("case", QUICK, ids=str)
def test_a_few_jobs_come_through_each_fault(studio, case: Case, api: str) -> None:
    studio.api = api
    row = measured(studio, case, count=len(COMMON), concurrency=6, share=0.5)
    assert_nothing_lost(studio, row)


def test_a_batch_comes_through_all_faults_together(studio) -> None:
    row = measured(studio, Case("all", "all of them together", everything), count=24, concurrency=12, share=0.02)
    assert_nothing_lost(studio, row)


# What strikes a batch by chance: anything of the above, and runs that are stopped, pictures that vanish, a ledger that breaks.
# A success without results, again and again, is not among it: what the service never shows is rightly given up.
CHANCES = [*((step, kind) for step in STEPS for kind in COMMON), *(SPECIAL.keys() - {("poll", "empty_results")})]


def run_by_chance(studio: Any, jobs: list[Job], dice: random.Random) -> list[Outcome]:
    """A run that may be stopped, after a night in which anything may have happened to what the last one left."""
    if dice.random() < 0.3 and studio.pictures:
        dice.choice(studio.pictures).unlink()
    if dice.random() < 0.3 and studio.ledger_path.exists():
        studio.ledger_path.write_bytes(b"no ledger any more" * 500)
    if dice.random() < 0.3:
        studio.collect()
    patience = {**PATIENCE, "read_seconds": 0.5 if studio.emulator.submit_seconds == 0.0 else 3.0}
    last_word = {"last_word_seconds": dice.choice((0.0, 0.15, 5.0))}
    run = studio.start(jobs, concurrency=dice.randint(1, 12), settings=studio.settings(**patience), **last_word)
    if dice.random() < 0.6:
        time.sleep(dice.uniform(0.02, 0.8))
        run.stop.set()
    return run.outcomes(60)


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.full if seed > 2 else ()) for seed in range(30)])
def test_runs_that_are_struck_and_stopped_by_chance_pay_for_what_is_there(tmp_path: Path, Studio, seed: int) -> None:
    dice = random.Random(seed)
    slow = (0.0, 2.0) if seed % 2 else 0.0  # how late a submit is answered
    with Emulator(seconds=(0.02, 0.4), render=False, seed=seed, submit_seconds=slow) as emulator:
        studio = Studio(emulator, tmp_path, api=("unified", "legacy")[seed // 2 % 2])
        jobs = plan([f"job {number}" for number in range(16)], [small_picture(n) for n in range(16)], model=FAST, pairing="zip")
        for step, kind in dice.sample(sorted(CHANCES), 8):
            emulator.add(Fault(step, kind, share=dice.uniform(0.02, 0.25), seconds=WAITS.get(kind, 0.7)))
        outcomes = [outcome for _ in range(5) for outcome in run_by_chance(studio, jobs, dice)]
        emulator.clear_faults()
        outcomes += studio.run(jobs)
        last = studio.run(jobs)
        latest = 0.0 if slow == 0.0 else 4.0  # by then every submit has its answer, those of stopped runs too
        studio.wait_until(lambda: all(task.age > latest for task in emulator.tasks.values()))
        studio.collect()  # what was told after a job had been submitted again
        uncertain = Counter(outcome.job.prompt for outcome in outcomes if outcome.status == "uncertain")
        refused = [outcome for outcome in last if outcome.error and outcome.error.reason == "moderation"]
        assert len([outcome for outcome in last if outcome.status == "succeeded"]) + len(refused) == len(jobs)
        assert (lost(studio, set(uncertain)), wrong(studio, last)) == (0, 0)
        paid = Counter(task.prompt for task in live(emulator))
        assert not [prompt for prompt in paid if paid[prompt] > 1 + uncertain[prompt]], "paid twice, and not told"
        assert len(studio.pictures) == len({task.id for task in live(emulator)} & told(studio)), "each is there, and once"
        studio.assert_nothing_left()


@pytest.fixture(scope="module")
def table() -> Iterator[list[Row]]:
    """The rows of a full run; written down if there is one for each case."""
    rows: list[Row] = []
    yield rows
    path = os.environ.get("FAULT_TABLE")
    if path and len(rows) == len(FULL):
        Path(path).write_text(document(rows), "utf-8")


FULL = [
    *((case, 0.3) for case in CASES),
    (Case("all", "all of them together, 10 % of the requests in all", everything), 0.1 / len(COMMON)),
    (Case("all", "all of them together, 10 % of the requests each", everything), 0.1),
]


@pytest.mark.full
@pytest.mark.parametrize("api", ["unified", "legacy"])
@pytest.mark.parametrize("number", range(len(FULL)), ids=lambda number: str(FULL[number][0]))
def test_sixty_jobs_come_through_each_fault(tmp_path: Path, Studio, number: int, api: str, table: list[Row]) -> None:
    case, share = FULL[number]
    with Emulator(seconds=0.05, render=False, seed=number) as emulator:
        studio = Studio(emulator, tmp_path, api=api)
        row = measured(studio, case, count=60, concurrency=12, share=share)
    print(api, row.markdown(), f"{row.seconds:.1f} s", flush=True)
    if api == "unified":
        table.append(row)
    assert_nothing_lost(studio, row)


def document(rows: list[Row]) -> str:
    return f"""# What the service's faults do to a batch

Measured by `tests/engine/test_faults.py` on the unified API against the emulator, over real sockets: {rows[0].jobs} jobs at
concurrency 12, each with a picture of its own. Each fault alone strikes 30 % of the requests of its step.

    FAULT_TABLE=docs/fault_table.md python -m pytest tests/engine/test_faults.py -m full

- *Struck*: requests that met the fault; where it is no fault of single requests, a dash.
- *Made*: pictures on the disk after the first run, while the service was faulty.
- *Uncertain*: submits whose reply was lost. They are reported, and not sent again by the same run. In brackets: how many of
  them the service had taken and charged.
- *Other outcomes*: jobs that ended otherwise in the first run, by the reason that the user reads. What was paid among them
  stays in the ledger and is fetched by the next run.
- *Submits*: requests of the submit step in all runs, those included that the fault turned away.
- *Made in the end*: the same command twice more, with the service well again.
- *Lost*: pictures that were paid, whose task id arrived, and that are not on the disk in the end.
- *Paid twice*: accepted tasks that bring a picture, beyond one a job; a job that was reported as uncertain may have one more.
- *Wrong*: files that do not hold, bit for bit, what their job asked for.

{HEAD}
{chr(10).join(row.markdown() for row in rows)}
"""
