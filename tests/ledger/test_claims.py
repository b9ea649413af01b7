"""Claims: a job is worked on by one thread of one process, and what a killed one held is taken over."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from grsai.ledger import Ledger

from .conftest import Opened, Writer

ROOT = Path(__file__).parents[2]


def test_a_job_is_claimed_once_in_a_process_and_among_processes(opened: Opened) -> None:
    with opened() as first, opened() as second:
        assert first.claim("job")
        assert not first.claim("job") and not second.claim("job")
        first.release("job")
        assert second.claim("job")
        assert not first.claim("job")


def test_a_claim_ends_with_the_ledger_that_made_it(opened: Opened) -> None:
    with opened() as first:
        assert first.claim("job")
    with opened() as second:
        assert second.claim("job")


def test_a_claim_ends_although_another_thread_closes_the_ledger(path: Path) -> None:
    ledger = Ledger(path)
    assert ledger.claim("job")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ledger.close).result()
    with Ledger(path) as second:
        assert second.claim("job")
    assert not list((path.parent / "owners").iterdir())


def test_the_claim_of_a_process_that_was_killed_is_taken_over(opened: Opened) -> None:
    program = """if True:
        import sys, time
        from pathlib import Path
        from grsai.ledger import Ledger
        ledger = Ledger(sys.argv[1], home=Path(sys.argv[2]))
        print(ledger.claim("job"), flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", program, str(opened.place), str(opened.home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == "True\n"
        with opened() as ledger:
            assert not ledger.claim("job")
            holder.kill()
            holder.wait()
            assert ledger.claim("job")


def test_what_killed_processes_left_is_removed_and_what_is_new_is_not(path: Path) -> None:
    Ledger(path).close()
    old, new = path.parent / "owners" / "old", path.parent / "owners" / "new"
    for file in (old, new):
        file.touch()
    os.utime(old, (0, 0))
    with Ledger(path):
        assert not old.exists() and new.exists()


def test_of_many_threads_one_claims(opened: Opened) -> None:
    with opened() as first, opened() as second, ThreadPoolExecutor(16) as pool:
        for number in range(10):
            claims = list(pool.map(lambda ledger: ledger.claim(f"job {number}"), [first, second] * 8))  # noqa: B023
            assert sum(claims) == 1


def test_a_locked_ledger_does_not_keep_a_release_from_coming_back(path: Path) -> None:
    with Ledger(path, busy_seconds=0.05) as ledger:
        assert ledger.claim("job")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            ledger.release("job")
            other.execute("ROLLBACK")
        assert ledger.claim("job")


def test_a_claim_has_a_mark_that_no_other_ledger_gives(opened: Opened, tmp_path: Path) -> None:
    with opened() as ledger, Ledger(tmp_path / "other" / "ledger.sqlite3") as other, opened(service="other") as third:
        assert len({ledger.mark("job"), ledger.mark("another"), other.mark("job"), third.mark("job")}) == 4
        with opened() as again:
            assert again.mark("job") == ledger.mark("job")


def test_what_somebody_works_on_is_not_uncollected(opened: Opened, write: Writer) -> None:
    mine, theirs, left = write.jobs(3)
    with opened() as first:
        with opened() as second:
            for ledger, job in ((first, mine), (second, theirs), (second, left)):
                assert ledger.claim(job.fingerprint)
                write.opened(ledger, job)
            second.release(left.fingerprint)
            assert [entry.prompt for entry in first.uncollected()] == [left.prompt]
        assert {entry.prompt for entry in first.uncollected()} == {theirs.prompt, left.prompt}
        first.release(mine.fingerprint)
        assert len(first.uncollected()) == len(first.open_entries()) == 3


def test_what_a_killed_process_worked_on_is_uncollected(opened: Opened, write: Writer) -> None:
    program = """if True:
        import sys, time
        from pathlib import Path
        from grsai.ledger import Ledger
        ledger = Ledger(sys.argv[1], home=Path(sys.argv[2]))
        print(ledger.claim(sys.argv[3]), flush=True)
        time.sleep(60)
    """
    [job] = write.jobs(1)
    command = [sys.executable, "-c", program, str(opened.place), str(opened.home), job.fingerprint]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder, opened() as ledger:
        assert holder.stdout and holder.stdout.readline() == "True\n"
        write.opened(ledger, job)
        assert ledger.uncollected() == []
        holder.kill()
        holder.wait()
        assert [entry.prompt for entry in ledger.uncollected()] == [job.prompt]
