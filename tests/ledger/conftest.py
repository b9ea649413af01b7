"""What the tests of the ledger share: jobs, and ways to write them down as a run does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grsai.jobs import Job, plan
from grsai.ledger import Ledger
from grsai.models import Catalogue

MODEL = Catalogue().named("nano-banana-fast")
HOST = "https://grsaiapi.com"


@dataclass
class Writer:
    """Writes jobs into a ledger as a run does. Pictures go into `folder`."""

    folder: Path

    def jobs(self, count: int = 1, prompt: str = "picture") -> list[Job]:
        return plan([f"{prompt} {number}" for number in range(count)], model=MODEL)

    def submitting(self, ledger: Ledger, job: Job) -> int:
        return ledger.submitting(job, base_url=HOST, folder=self.folder)

    def opened(self, ledger: Ledger, job: Job, task_id: str | None = None) -> int:
        row = self.submitting(ledger, job)
        ledger.submitted(row, task_id or f"14-{row}")
        return row

    def made(self, ledger: Ledger, job: Job, task_id: str | None = None) -> Path:
        row = self.opened(ledger, job, task_id)
        return self.done(ledger, row, job)

    def done(self, ledger: Ledger, row: int, job: Job) -> Path:
        path = self.folder / f"{job.name}_{row}.png"
        path.write_bytes(b"a picture")
        ledger.done(row, [path], ["https://file.example/x.png?token=secret-signature"])
        return path


@dataclass
class Opened:
    """One ledger. `home`: where the journal of one on a server lies."""

    place: Path | str
    home: Path

    def __call__(self, **options: Any) -> Ledger:
        return Ledger(self.place, home=self.home, **options)


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return Writer(folder)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger" / "ledger.sqlite3"


@pytest.fixture(params=["file", "server"])
def opened(request: pytest.FixtureRequest, path: Path) -> Opened:
    """Opens the same ledger again and again: what is promised of a file holds of a server too."""
    place = path if request.param == "file" else request.getfixturevalue("address")
    return Opened(place, path.parent)


@pytest.fixture
def ledger(opened: Opened) -> Iterator[Ledger]:
    with opened() as ledger:
        yield ledger
