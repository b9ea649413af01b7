"""Accidents: a full disk, a file that is removed or damaged while it is in use, a forked process, questions out of range."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from grsai.errors import LedgerError
from grsai.jobs import Job, plan
from grsai.ledger import Ledger

from .conftest import HOST, MODEL, Writer

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
Resize = Callable[[str], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Resize]]:
    """A disk of its own, and how it gets another size or becomes read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options: str) -> int:
        return subprocess.run(["mount", *options], capture_output=True).returncode

    if not shutil.which("mount") or mount("-t", "tmpfs", "-o", "size=100m", "tmpfs", str(disk)) != 0:
        pytest.skip("needs the right to mount a small disk")
    yield disk, lambda options: subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True).check_returncode()
    subprocess.run(["umount", "-l", str(disk)], check=True)


def pay(ledger: Ledger, write: Writer, job: Job) -> str | None:
    """As a run does it; the id of what was paid, though the ledger may not have kept it."""
    try:
        row = write.submitting(ledger, job)
    except LedgerError:
        return None
    task_id = f"14-{job.fingerprint[:8]}"
    with suppress(LedgerError):
        ledger.submitted(row, task_id)
    with suppress(LedgerError):
        write.done(ledger, row, job)
    return task_id


# A full disk


@pytest.mark.parametrize("kilobytes", [150, 200, 260, 320, 380, 440, 520, 600])
def test_nothing_is_paid_that_a_full_disk_could_not_keep(small_disk, write: Writer, kilobytes: int) -> None:
    disk, resize = small_disk
    resize(f"size={kilobytes}k")
    jobs, paid = plan([f"{number} {'x' * 1500}" for number in range(120)], model=MODEL), {}
    with suppress(LedgerError), Ledger(disk / "ledger.sqlite3") as ledger, ThreadPoolExecutor(12) as pool:
        for job, task_id in zip(jobs, pool.map(lambda job: pay(ledger, write, job), jobs), strict=True):
            paid.update({job.fingerprint: task_id} if task_id else {})
    assert len(paid) < len(jobs)
    resize("size=100m")
    with Ledger(disk / "ledger.sqlite3") as ledger:
        known = {fingerprint: ledger.find(fingerprint) for fingerprint in paid}
        assert [paid[fingerprint] for fingerprint, entry in known.items() if not (entry and entry.whole)] == []


def test_pictures_that_fill_the_same_disk_leave_room_for_the_ids(small_disk, tmp_path: Path) -> None:
    disk, resize = small_disk
    resize("size=4m")
    write = Writer(disk)
    jobs = write.jobs(40)
    with Ledger(disk / ".grsai" / "ledger.sqlite3") as ledger:
        rows = [write.submitting(ledger, job) for job in jobs]
        with suppress(OSError), open(disk / "a large picture.png", "wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()
        for number, row in enumerate(rows):
            with suppress(LedgerError):  # the database cannot grow, the journal can
                ledger.submitted(row, f"14-{number}")
    (disk / "a large picture.png").unlink()
    with Ledger(disk / ".grsai" / "ledger.sqlite3") as ledger:
        assert [entry.task_id for entry in ledger.open_entries()] == [f"14-{number}" for number in range(40)]


def test_the_room_is_free_again_when_the_ledger_is_closed(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        write.submitting(ledger, write.jobs()[0])
        assert [file.suffix for file in (path.parent / "owners").iterdir() if file.stat().st_size] == [".room"]
    assert not list((path.parent / "owners").iterdir())


# A disk that is gone or cannot be written any more


@pytest.mark.parametrize("how", ["a journal that is no file any more", "a folder that is gone"])
def test_an_id_that_the_ledger_cannot_hold_waits_beside_the_pictures(path: Path, write: Writer, how: str) -> None:
    (job,) = write.jobs()
    ledger = Ledger(path)
    row = write.submitting(ledger, job)
    if how == "a folder that is gone":
        path.parent.rename(path.parent.with_name("unplugged"))
    else:
        path.with_suffix(".journal").mkdir()
        ledger.database.close()  # as on a disk that is gone
    with pytest.raises(LedgerError):
        ledger.submitted(row, "14-paid")
    with pytest.raises(LedgerError):
        picture = write.done(ledger, row, job)
    with suppress(LedgerError):
        ledger.close()
    if how == "a folder that is gone":
        path.parent.with_name("unplugged").rename(path.parent)
    else:
        path.with_suffix(".journal").rmdir()
    picture = next(write.folder.glob("*.png"))
    with Ledger(path) as ledger:
        (entry,) = ledger.tries(job.fingerprint)
        assert (entry.state, entry.task_id, entry.kept) == ("done", "14-paid", (picture,))
    assert list(write.folder.iterdir()) == [picture]
    path.unlink()
    with Ledger(path) as ledger:
        assert ledger.counts() == {"done": 1}


def test_a_task_that_waits_beside_the_pictures_is_collected(path: Path, write: Writer) -> None:
    (job,) = write.jobs()
    with Ledger(path) as ledger:
        row = write.submitting(ledger, job)
        path.with_suffix(".journal").mkdir()
        ledger.database.close()
        with pytest.raises(LedgerError):
            ledger.submitted(row, "14-paid")
    path.with_suffix(".journal").rmdir()
    with Ledger(path) as ledger:
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-paid"]


def test_a_folder_of_pictures_on_a_stranger_s_disk_names_no_host_for_the_key(path: Path, write: Writer, tmp_path: Path) -> None:
    (job,) = write.jobs()
    evil = tmp_path / "evil" / "ledger.sqlite3"
    with Ledger(evil) as ledger:
        ledger.submitted(ledger.submitting(job, base_url="https://evil.example", folder=write.folder), "14-evil")
    with Ledger(path) as ledger:
        write.submitting(ledger, job)
        shutil.copy(evil.with_suffix(".journal"), write.folder / ".grsai.journal")
        assert [entry.base_url for entry in ledger.tries(job.fingerprint)] == [HOST]
        assert ledger.open_entries() == []


@POSIX
def test_a_ledger_by_another_name_is_the_same_ledger(path: Path, write: Writer, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.sqlite3"
    link.parent.mkdir()
    with Ledger(path) as ledger:
        link.symlink_to(path)
        with Ledger(link) as other:
            assert ledger.claim("job") and not other.claim("job")
            write.opened(other, write.jobs()[0], "14-x")
    assert os.listdir(link.parent) == [link.name]
    path.unlink()
    with Ledger(path) as ledger:
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-x"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "no folder\0/ledger.sqlite3"])
def test_a_place_that_cannot_be_is_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(LedgerError):
        Ledger(tmp_path / name)


def test_a_disk_that_becomes_read_only_is_a_sentence(small_disk, write: Writer) -> None:
    disk, resize = small_disk
    Ledger(disk / "ledger.sqlite3").close()
    resize("ro")
    with pytest.raises(LedgerError, match="Read-only file system"):
        Ledger(disk / "ledger.sqlite3")


def test_tables_that_do_not_fit_on_the_disk_leave_the_old_ones(small_disk) -> None:
    disk, resize = small_disk
    for file in (Path(__file__).parent / "version_1_0").iterdir():
        shutil.copy(file, disk)
    resize("size=44k")
    with pytest.raises(LedgerError):
        Ledger(disk / "ledger.sqlite3")
    resize("size=10m")
    with Ledger(disk / "ledger.sqlite3") as ledger:
        assert not ledger.notices and sum(ledger.counts().values()) == 6


# Removed, replaced or damaged while it is in use


@POSIX
@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_paid_once_the_file_is_not_the_one_that_was_opened(
    path: Path, write: Writer, tmp_path: Path, how: str
) -> None:
    first, second = write.jobs(2)
    Ledger(tmp_path / "another.sqlite3").close()
    with Ledger(path) as ledger:
        row = write.submitting(ledger, first)
        path.unlink()
        if how == "replaced":
            shutil.copy(tmp_path / "another.sqlite3", path)
        with pytest.raises(LedgerError, match="was removed or replaced while it was in use"):
            write.submitting(ledger, second)
        ledger.submitted(row, "14-paid")
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    with Ledger(path) as ledger:
        assert [entry.task_id for entry in ledger.open_entries()] == ["14-paid"]


def large(path: Path, write: Writer) -> list[Job]:
    """A ledger so large that not all of it is checked at each start."""
    jobs = plan([f"{number} {'x' * 400_000}" for number in range(60)], model=MODEL)
    with Ledger(path) as ledger:
        for job in jobs:
            write.opened(ledger, job)
    assert path.stat().st_size > 20 << 20
    return jobs


def test_damage_that_is_met_while_a_large_ledger_is_in_use_is_mended_at_the_next_start(path: Path, write: Writer) -> None:
    jobs = large(path, write)
    with closing(sqlite3.connect(path)) as database:
        ((page,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tasks_by_job'").fetchall()
    with open(path, "r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xee" * 4096)
    with Ledger(path) as ledger, pytest.raises(LedgerError, match="is damaged: .* Run again"):
        ledger.find(jobs[7].fingerprint)
    with Ledger(path) as ledger:
        assert ledger.notices and len(ledger.open_entries()) == 60
    with Ledger(path) as ledger:
        assert not ledger.notices


def test_a_large_ledger_whose_end_is_missing_is_made_again(path: Path, write: Writer) -> None:
    large(path, write)
    os.truncate(path, path.stat().st_size - (4 << 20))
    with Ledger(path) as ledger:
        assert ledger.notices and len(ledger.open_entries()) == 60


def test_a_large_ledger_is_checked_whole_after_a_process_was_killed(path: Path, write: Writer) -> None:
    large(path, write)
    (path.parent / "owners" / "0123").touch()  # what a killed process leaves
    with open(path, "r+b") as file:
        file.seek(11 << 20)
        file.write(b"\xee" * (64 << 10))
    with Ledger(path) as ledger:
        assert len(ledger.open_entries()) == 60


def test_an_index_that_lacks_a_task_is_made_again(path: Path, write: Writer) -> None:
    first, second = write.jobs(2)
    with Ledger(path) as ledger:
        write.opened(ledger, first)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        rows = database.execute("SELECT * FROM sqlite_master WHERE name = 'tasks_by_job'").fetchall()
        database.execute("DELETE FROM sqlite_master WHERE name = 'tasks_by_job'")
        database.execute("PRAGMA writable_schema = RESET")
        with suppress(sqlite3.OperationalError):
            database.execute("PRAGMA schema_version = 1000")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        ours = [
            name for _, name, *_ in database.execute("PRAGMA table_info(tasks)") if name not in ("row", "fingerprint", "task_id")
        ]
        names = ", ".join(ours)
        database.execute(
            f"INSERT INTO tasks (fingerprint, task_id, {names}) SELECT ?, '14-second', {names} FROM tasks", (second.fingerprint,)
        )
        database.execute("PRAGMA writable_schema = ON")
        database.executemany("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", rows)
        database.execute("PRAGMA writable_schema = RESET")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() != ("ok",)
    with Ledger(path) as ledger:
        entry = ledger.find(second.fingerprint)
        assert entry and entry.task_id == "14-second"
        assert not ledger.notices and ledger.counts() == {"open": 2}


@pytest.mark.parametrize("how", ["cut", "overwritten", "gone", "with another index", "without its database"])
def test_a_wal_that_a_power_cut_left_half_loses_no_paid_task(path: Path, write: Writer, tmp_path: Path, how: str) -> None:
    dice, jobs = random.Random(how), write.jobs(40)
    ledger = Ledger(path)
    for job in jobs:
        write.opened(ledger, job)
    shutil.copytree(path.parent, tmp_path / "as it was")
    ledger.close()
    for number in range(6):
        place = Path(shutil.copytree(tmp_path / "as it was", tmp_path / str(number))) / path.name
        wal, index = place.with_name(f"{path.name}-wal"), place.with_name(f"{path.name}-shm")
        whole, at = wal.read_bytes(), dice.randrange(wal.stat().st_size)
        if how == "cut":
            os.truncate(wal, at)
        elif how == "overwritten":
            wal.write_bytes(whole[:at] + dice.randbytes(300) + whole[at + 300 :])
        elif how == "gone":
            wal.unlink()
        elif how == "with another index":
            index.write_bytes(dice.randbytes(index.stat().st_size))
        else:
            os.truncate(place, dice.randrange(place.stat().st_size))
        with Ledger(place) as ledger:
            assert len(ledger.open_entries()) == 40


# A forked process


@POSIX
def test_a_forked_process_touches_nothing_of_its_parent_s(path: Path, write: Writer) -> None:
    with Ledger(path) as ledger:
        assert ledger.claim("job")
        child = os.fork()
        if child == 0:
            status = 1
            with suppress(BaseException):
                try:
                    ledger.claim("another")
                except LedgerError as error:
                    ledger.close()
                    status = 0 if "opened by another process" in str(error) else 2
            os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with Ledger(path) as other:
            assert not other.claim("job")
        write.opened(ledger, write.jobs()[0])


# Questions out of range


def test_questions_out_of_range_have_an_answer(ledger: Ledger, write: Writer) -> None:
    (job,) = write.jobs()
    write.opened(ledger, job)
    assert len(ledger.entries(limit=10**30)) == 1 and ledger.entries(limit=-1) == []
    assert len(ledger.entries(before=10**30)) == 1 and ledger.entries(before=-(10**30)) == [] and ledger.entries(before=0) == []
    assert ledger.entry(10**30) is None and ledger.entry(-(10**30)) is None
    assert ledger.entries(text="x" * 200_000) == [] and ledger.entries(text="\udcff\0'%") == []
    assert len(ledger.entries_of(["14-1", "\udcff", *(f"14-x{number}" for number in range(40_000))])) == 1
    assert ledger.file_of("\udcff") is None and ledger.digest_of("\udcff") is None


def test_many_jobs_are_looked_up_at_once(ledger: Ledger, write: Writer) -> None:
    jobs = write.jobs(1200)
    for job in jobs[:3]:
        write.made(ledger, job)
    write.opened(ledger, jobs[0])
    found = ledger.tries_many([job.fingerprint for job in (*jobs, jobs[0])])
    assert found == {job.fingerprint: ledger.tries(job.fingerprint) for job in jobs[:3]}
    assert [entry.state for entry in found[jobs[0].fingerprint]] == ["open", "done"]


def test_a_task_that_is_given_up_is_neither_collected_nor_waited_for(ledger: Ledger, path: Path, write: Writer) -> None:
    first, second = write.jobs(2)
    write.opened(ledger, first, "14-first")
    write.made(ledger, second, "14-second")
    assert ledger.forget("14-first") and not ledger.forget("14-first")
    assert not ledger.forget("14-second") and not ledger.forget("14-nobody")
    entry = ledger.find(first.fingerprint)
    assert entry and (entry.state, entry.reason) == ("failed", "forgotten")
    assert ledger.open_entries() == []


def test_opening_a_ledger_once_more_leaves_its_locks_alone(path: Path, write: Writer) -> None:
    """Else another process that closes it would take itself for the last one, and take away what is not yet in the file."""
    program = "import sys; from grsai.ledger import Ledger; Ledger(sys.argv[1]).close()"
    with Ledger(path) as ledger:
        first, second = write.jobs(2)
        write.opened(ledger, first)
        Ledger(path).close()
        subprocess.run([sys.executable, "-c", program, str(path)], cwd=Path(__file__).parents[2], check=True, timeout=60)
        assert path.with_name(f"{path.name}-wal").exists()
        write.opened(ledger, second)
        assert len(ledger.entries()) == 2
