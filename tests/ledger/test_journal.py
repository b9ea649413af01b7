"""The journal: its lines, how far the database has taken it in, and what it brings back."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from grsai.errors import EmptyResult
from grsai.jobs import plan
from grsai.ledger import Ledger
from grsai.ledger.journal import Journal, as_line

from .conftest import HOST, MODEL, Writer

ROOT = Path(__file__).parents[2]
LONG = "x" * 20_000


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.with_suffix(".journal").read_bytes().splitlines()]


def change(path: Path, change: Callable[[bytes], bytes]) -> None:
    journal = path.with_suffix(".journal")
    journal.write_bytes(change(journal.read_bytes()))


def old_line(facts: dict[str, Any]) -> bytes:
    """As version 1.0 would have written it."""
    text = {"urls": "[]", "files": "[]", "copies": "[]", "sources": "[]", "reason": "", "error": ""}
    later = ("sum", "api", "quality", "background", "asked_model", "run", "key_mark", "refunded", "trouble")
    old = {"image_size": None, "seed": 0, "variation": 0, "finished": None, **text, **facts}
    return json.dumps({name: value for name, value in old.items() if name not in later}).encode() + b"\n"


# Lines


def test_a_line_that_was_changed_does_not_count(path: Path, write: Writer) -> None:
    first, second = write.jobs(2)
    with Ledger(path) as ledger:
        write.opened(ledger, first)
        write.opened(ledger, second)
    change(path, lambda text: text.replace(first.fingerprint[:8].encode(), b"00000000"))
    path.unlink()
    with Ledger(path) as ledger:
        assert ledger.counts() == {"open": 1}
        assert ledger.find(second.fingerprint)


@pytest.mark.parametrize("name", ["fingerprint", "service", "base_url", "created"])
def test_a_line_without_a_sum_never_changes_a_row_that_is_sound(path: Path, write: Writer, name: str) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        picture = write.made(ledger, job, "14-x")
    whole = {**lines_of(path)[0], **lines_of(path)[1]}
    other = {"fingerprint": "0" * 64, "service": "grsaj", "base_url": "https://grsaiapj.com", "created": whole["created"] + 9}
    change(path, lambda text: text + old_line({**whole, name: other[name]}))
    with Ledger(path) as ledger:
        entry = ledger.find(job.fingerprint)
        assert entry and (entry.state, entry.kept, entry.task_id) == ("done", (picture,), "14-x")


def test_later_lines_hold_only_what_changed(path: Path, write: Writer) -> None:
    (job,) = plan([LONG], model=MODEL)
    with Ledger(path) as ledger:
        write.made(ledger, job)
    first, second = path.with_suffix(".journal").read_bytes().splitlines()
    assert len(first) > len(LONG) and len(second) < 1000
    assert "error" not in json.loads(first)


def test_chinese_takes_three_bytes_a_letter(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        write.opened(ledger, plan(["画" * 1500], model=MODEL)[0])
    assert path.with_suffix(".journal").stat().st_size < 1500 * 3 + 1000


def test_threads_and_processes_that_append_at_once_lose_no_line(path: Path, write: Writer) -> None:
    program = """if True:
        import sys
        from pathlib import Path
        from grsai.ledger.journal import Journal
        journal = Journal(Path(sys.argv[1]))
        for number in range(100):
            journal.append({"task_id": f"{sys.argv[2]} {number}", "text": "x" * 3000})
    """
    place = path.with_suffix(".journal")
    place.parent.mkdir()
    started = [subprocess.Popen([sys.executable, "-c", program, str(place), str(n)], cwd=ROOT) for n in range(3)]
    journal = Journal(place)
    with ThreadPoolExecutor(16) as pool:
        parts = list(pool.map(lambda n: journal.append({"task_id": f"here {n}", "text": "y" * (n * 10)}), range(200)))
    assert [process.wait() for process in started] == [0, 0, 0]
    found = [facts["task_id"] for chunk in journal.chunks() for facts in chunk.facts]
    assert len(found) == len(set(found)) == 500
    text = place.read_bytes()
    for number, (begin, end) in enumerate(parts):
        assert text[begin:end] == as_line({"task_id": f"here {number}", "text": "y" * (number * 10)})


def test_a_line_without_end_is_passed_over_in_pieces(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        write.opened(ledger, job)
    change(path, lambda text: bytes(40 << 20) + b"\n" + text)
    path.unlink()
    with Ledger(path) as ledger:
        assert ledger.find(job.fingerprint)


def test_lines_of_a_newer_version_are_read_as_far_as_they_are_known(path: Path, write: Writer) -> None:
    first, second, third = write.jobs(3)
    with Ledger(path) as ledger:
        for job in (first, second, third):
            write.opened(ledger, job, f"14-{job.prompt[-1]}")
    one, two, three = lines_of(path)
    newer = [
        {**one, "colour": "blue"},
        {**two, "state": "eaten"},
        three,
        {"service": "grsai", "task_id": "14-2", "state": "eaten"},
        {"service": "grsai", "task_id": "14-0", "number": 1, "verdict": "keep"},
    ]
    text = b"".join(as_line({name: value for name, value in line.items() if name != "sum"}) for line in newer)
    change(path, lambda _: text)
    path.unlink()
    with Ledger(path) as ledger:
        assert ledger.counts() == {"open": 2}
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-0", "14-2"]


# What it brings back


def test_an_old_database_that_is_put_back_loses_nothing(path: Path, write: Writer, tmp_path: Path) -> None:
    before, after = write.jobs(2, "before"), write.jobs(90, f"after {LONG}")
    with Ledger(path) as ledger:
        for job in before:
            write.made(ledger, job)
    backup = shutil.copy(path, tmp_path / "backup")
    with Ledger(path) as ledger:
        for job in after:
            write.made(ledger, job)
    assert path.with_suffix(".journal").stat().st_size > 1_800_000
    shutil.copy(backup, path)
    with Ledger(path) as ledger:
        assert ledger.counts() == {"done": 92}
        assert all(ledger.tries(job.fingerprint)[0].whole for job in after)


def test_what_was_taken_in_is_remembered(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        for job in write.jobs(3):
            write.made(ledger, job)
    with closing(sqlite3.connect(path)) as database:
        ((taken,),) = database.execute("SELECT bytes FROM journal_read").fetchall()
    assert taken == path.with_suffix(".journal").stat().st_size


def test_a_process_that_is_killed_leaves_little_to_be_read_again(path: Path, write: Writer, tmp_path: Path) -> None:
    ledger = Ledger(path)
    for job in write.jobs(150, LONG):
        write.opened(ledger, job)
    shutil.copytree(path.parent, tmp_path / "as it is now")
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "as it is now" / path.name)) as database:
        ((taken,),) = database.execute("SELECT bytes FROM journal_read").fetchall()
    assert path.with_suffix(".journal").stat().st_size - taken < 2 << 20


@pytest.mark.parametrize("other", ["shorter", "of another ledger", "gone"])
def test_a_journal_that_is_not_the_one_that_was_read_is_read_whole(path: Path, write: Writer, tmp_path: Path, other: str) -> None:
    jobs, others = write.jobs(3), write.jobs(9, "other")
    with Ledger(path) as ledger:
        for job in jobs:
            write.made(ledger, job)
    another = tmp_path / "another" / "ledger.sqlite3"
    with Ledger(another) as ledger:
        for number, job in enumerate(others[: 1 if other == "shorter" else 9]):
            write.made(ledger, job, f"15-{number}")
    path.with_suffix(".journal").unlink()
    if other != "gone":
        shutil.copy(another.with_suffix(".journal"), path.with_suffix(".journal"))
    with Ledger(path) as ledger:
        assert ledger.counts() == {"done": {"shorter": 4, "of another ledger": 12, "gone": 3}[other]}
        write.made(ledger, write.jobs(1, "new")[0])
    path.unlink()
    with Ledger(path) as ledger:
        assert ledger.find(write.jobs(1, "new")[0].fingerprint)


def test_a_gap_in_the_middle_of_a_long_history_is_closed_before_anything_is_claimed(path: Path, write: Writer) -> None:
    jobs = plan([f"{number} {LONG * 5}" for number in range(120)], model=MODEL)
    with Ledger(path) as ledger:
        for job in jobs:
            write.opened(ledger, job)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM tasks WHERE row BETWEEN 50 AND 60")
        database.execute("DELETE FROM journal_read")  # as after version 1.0, which did not remember it
    with Ledger(path) as ledger:
        assert ledger.claim(jobs[55].fingerprint)
        entry = ledger.find(jobs[55].fingerprint)
        assert entry and entry.collectable
        assert ledger.counts() == {"open": 120}


def test_processes_that_take_in_a_long_journal_at_once_write_each_task_once(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        for job in write.jobs(150, LONG * 5):
            write.opened(ledger, job)
    path.unlink()
    program = "import sys; from grsai.ledger import Ledger; print(sum(Ledger(sys.argv[1]).counts().values()))"
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0] for process in started] == ["150\n"] * 3
    with Ledger(path) as ledger:
        assert len(ledger.open_entries()) == 150


def test_a_process_that_is_killed_while_it_makes_the_database_again_leaves_it_to_the_next(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        for job in write.jobs(150, LONG * 5):
            write.opened(ledger, job)
    path.unlink()
    program = """if True:
        import os, sys, threading
        from pathlib import Path
        from grsai.ledger import Ledger
        folder = Path(sys.argv[1]).parent
        def kill():
            while not any(draft.stat().st_size > 1_000_000 for draft in folder.glob("*.new")):
                pass
            os._exit(9)
        threading.Thread(target=kill, daemon=True).start()
        Ledger(sys.argv[1])
    """
    assert subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT).returncode == 9
    assert not path.exists()
    with Ledger(path) as ledger:
        assert len(ledger.open_entries()) == 150
    assert not list(path.parent.glob("*.new"))


def test_a_task_that_failed_first_and_was_fetched_later_is_done_after_a_loss(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        row = write.opened(ledger, job)
        ledger.failed(row, EmptyResult("Task {task} succeeded without a picture. Ask the service with this id.", task="14-1"))
        picture = write.done(ledger, row, job)
    path.unlink()
    with Ledger(path) as ledger:
        entry = ledger.find(job.fingerprint)
        assert entry and (entry.state, entry.kept, entry.error) == ("done", (picture,), "")


def test_copies_are_known_after_a_loss(path: Path, write: Writer, tmp_path: Path) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        first = write.made(ledger, job)
        second = Path(shutil.copy(first, tmp_path / "copy.png"))
        entry = ledger.find(job.fingerprint)
        assert entry
        ledger.copied(entry.row, [second])
    first.unlink()
    path.unlink()
    with Ledger(path) as ledger:
        entry = ledger.find(job.fingerprint)
        assert entry and entry.kept == (second,)


def test_the_same_id_at_two_services_is_two_tasks(path: Path, write: Writer) -> None:
    first, second = write.jobs(2)
    with Ledger(path, service="one") as one, Ledger(path, service="two") as two:
        one.submitted(one.submitting(first, base_url="http://one", folder=write.folder), "task-1")
        two.submitted(two.submitting(second, base_url="http://two", folder=write.folder), "task-1")
    path.unlink()
    with Ledger(path, service="one") as one, Ledger(path, service="two") as two:
        assert [entry.fingerprint for entry in one.open_entries()] == [first.fingerprint]
        assert [entry.fingerprint for entry in two.open_entries()] == [second.fingerprint]


def test_an_id_that_a_service_gives_twice_is_two_tasks(path: Path, write: Writer) -> None:
    first, second = write.jobs(2)
    with Ledger(path) as ledger:
        write.made(ledger, first, "task-1")
        write.made(ledger, second, "task-1")
    path.unlink()
    with Ledger(path) as ledger:
        assert ledger.counts() == {"done": 2}
        assert all(ledger.tries(job.fingerprint)[0].whole for job in (first, second))


def test_a_thread_that_fails_tells_each_that_waited(path: Path) -> None:
    place = path.with_suffix(".journal")
    place.mkdir(parents=True)
    journal, together = Journal(place), threading.Barrier(8)

    def append(number: int) -> str:
        together.wait()
        try:
            journal.append({"number": number})
        except OSError as error:
            return error.strerror or ""
        return "written"

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(append, range(8))) == {"Is a directory"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("fingerprint", "0" * 64),
        ("fingerprint", "\ufffd" * 64),
        ("service", "grsaj"),
        ("base_url", "https://grsaiapj.com"),
        ("state", "opdn"),
        ("created", 1e300),
        ("submitted", 3.0),
        ("urls", "{"),
        ("files", '[["/another/place.png", 9]]'),
        ("files", '[["/another/place.png"]]'),
        ("copies", "7"),
        ("sources", "null"),
        ("credits", "many"),
        ("folder", 3),
    ],
)
def test_a_row_that_was_damaged_unseen_is_mended_by_its_line(path: Path, write: Writer, column: str, value: object) -> None:
    jobs = write.jobs(3)
    with Ledger(path) as ledger:
        pictures = [write.made(ledger, job) for job in jobs]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        with suppress(sqlite3.IntegrityError):
            database.execute(f"UPDATE tasks SET {column} = ? WHERE row = 2", (value,))
    with Ledger(path) as ledger:
        for job, picture in zip(jobs, pictures, strict=True):
            entry = ledger.find(job.fingerprint)
            assert entry and (entry.kept, entry.fingerprint, entry.base_url) == ((picture,), job.fingerprint, HOST)
        assert len(ledger.entries()) == 3
