"""A history that moves from a file to a server and back, again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grsai.errors import Moderated, Uncertain
from grsai.ledger import Ledger
from grsai.ledger.copying import copy

from .conftest import Opened, Writer

ROOT = Path(__file__).parents[2]


def told(ledger: Ledger) -> list[tuple[object, ...]]:
    """Everything that a history says, but for the numbers of its rows."""
    return [
        (
            each.fingerprint,
            each.state,
            each.task_id,
            each.created,
            each.finished,
            each.files,
            each.reason,
            each.who,
            each.refunded,
        )
        for each in reversed(ledger.entries(limit=1000))
    ]


def fill(ledger: Ledger, write: Writer, count: int = 6) -> None:
    made, waiting, failed, silent, killed, *rest = write.jobs(count)
    write.made(ledger, made, "14-made")
    write.opened(ledger, waiting, "14-waiting")
    ledger.failed(write.opened(ledger, failed, "14-failed"), Moderated("No."), refunded=True)
    ledger.uncertain(write.submitting(ledger, silent), Uncertain("Nobody knows."))
    write.submitting(ledger, killed)
    for job in rest:
        write.made(ledger, job)
    ledger.record_upload("digest", "https://file.example/a.png")
    ledger.remark("verdict", {"14-made/1": {"stars": 4}})


@pytest.fixture
def other(opened: Opened, tmp_path: Path, request: pytest.FixtureRequest) -> Opened:
    """A second ledger: a server's beside a file, a file beside a server's."""
    place = request.getfixturevalue("address") if isinstance(opened.place, Path) else tmp_path / "other" / "ledger.sqlite3"
    return Opened(place, tmp_path / "other")


def test_all_of_it_comes_over_and_nothing_twice(opened: Opened, other: Opened, write: Writer) -> None:
    with opened() as source, other() as target:
        fill(source, write, 1200)
        assert copy(source, target) == (1200, 1200)
        assert told(target) == told(source)
        assert target.counts() == source.counts() and target.spent(0) == source.spent(0)
        assert target.uploaded("digest") == "https://file.example/a.png"
        assert target.remarks("verdict") == source.remarks("verdict")
        assert copy(source, target) == (1200, 0)
        assert copy(target, source) == (1200, 0)
        assert told(target) == told(source)


def test_what_went_on_is_brought_over_the_next_time(opened: Opened, other: Opened, write: Writer) -> None:
    with opened() as source, other() as target:
        fill(source, write)
        copy(source, target)
        waiting = write.jobs(2)[1]
        write.done(source, source.tries(waiting.fingerprint)[0].row, waiting)
        write.made(target, write.jobs(1, "elsewhere")[0], "14-elsewhere")
        assert copy(source, target).news == 1
        assert copy(target, source).news == 1
        assert sorted(map(str, told(source))) == sorted(map(str, told(target)))
        assert source.tries(waiting.fingerprint)[0].whole


def test_what_was_brought_into_a_file_is_in_its_journal(address: str, path: Path, write: Writer) -> None:
    with Ledger(address, home=path.parent) as source, Ledger(path) as target:
        fill(source, write)
        copy(source, target)
    path.unlink()
    with Ledger(path) as target:
        assert target.counts() == {"done": 2, "open": 1, "failed": 1}
        assert [each.said for each in target.remarks("verdict")] == [{"stars": 4}]


def test_the_command_says_how_many(address: str, path: Path, write: Writer) -> None:
    with Ledger(path) as source:
        fill(source, write)

    def copied(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "grsai", "ledger", *words, "--lang", "en"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    first, again = copied("copy", str(path), address), copied("copy", str(path), address, "--json")
    assert (first.returncode, first.stdout.split(" to ")[0]) == (0, "Copied 6 of 6 tasks")
    assert json.loads(again.stdout) == {"tasks": 6, "news": 0}
    assert copied("copy", address, str(path)).stdout.startswith("Copied 0 of 6 tasks")
    for wrong in (
        ("copy", str(path)),
        ("move", str(path), address),
        ("copy", str(path), str(path)),
        ("copy", "nothing", address),
    ):
        assert (copied(*wrong).returncode, copied(*wrong).stdout) == (2, "")
