"""The address of a ledger on a server: what is one, what it shows, and what is said where there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from grsai.errors import LedgerError
from grsai.ledger import Ledger
from grsai.places import Address
from grsai.redact import redact
from grsai.settings import load

ROOT = Path(__file__).parents[2]
SECRET = "s3cret%2Fword"
ADDRESSES = (
    f"postgresql://anna:{SECRET}@db.example:5432/studio?sslmode=require",
    f"postgres://anna:{SECRET}@db.example/studio",
    f"postgresql://anna:{SECRET}@/studio?host=/var/run/postgresql",
    f"postgresql:///studio?user=anna&password={SECRET}",
    f"postgresql://anna:{SECRET}@one.example:5432,two.example:5433/studio?target_session_attrs=read-write",
    f"host=db.example user=anna password = '{SECRET}' dbname=studio",
)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return server.getsockname()[1]


def config(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRSAI_LEDGER")}
    command = [sys.executable, "-m", "grsai", *arguments, "--lang", "en"]
    return subprocess.run(command, cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("text", ADDRESSES)
def test_a_password_does_not_show(text: str) -> None:
    address = load({"ledger": text}, environment={}).ledger
    assert isinstance(address, Address) and address.reveal() == text
    for shown in (
        str(address),
        repr(address),
        f"{address}",
        redact(f"the ledger {text} is away"),
        str(LedgerError("{p}", p=text)),
    ):
        assert "s3cret" not in shown and "***" in shown and "studio" in shown
    assert {SECRET, "s3cret/word"} <= set(address.secrets)


@pytest.mark.parametrize("text", ["ledger.sqlite3", "studio/postgresql/ledger.sqlite3", "C:\\ledgers\\host.sqlite3"])
def test_a_file_is_no_address(text: str) -> None:
    assert isinstance(load({"ledger": text}, environment={}).ledger, Path)


def test_an_address_is_the_same_wherever_it_is_set(tmp_path: Path) -> None:
    (tmp_path / "grsai.toml").write_text(f'ledger = "{ADDRESSES[0]}"\n', "utf-8")
    by_file = load(environment={}, folders=(tmp_path,)).ledger
    by_environment = load(environment={"GRSAI_LEDGER": ADDRESSES[0]}).ledger
    assert by_file == by_environment == Address(ADDRESSES[0])


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_the_command_shows_no_password(options: tuple[str, ...]) -> None:
    shown = config("config", *options, GRSAI_LEDGER=ADDRESSES[0])
    assert shown.returncode == 0 and "s3cret" not in shown.stdout + shown.stderr
    assert "postgresql://anna:***@db.example:5432/studio" in shown.stdout


@pytest.mark.parametrize("where", ["127.0.0.1:{port}/studio", "/studio?host={folder}"], ids=["port", "socket folder"])
def test_a_server_that_does_not_answer_is_a_sentence(where: str, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    address = f"postgresql://anna:s3cret@{where}".format(port=free_port(), folder=tmp_path)
    told = config("history", "--ledger", address)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("The ledger postgresql://anna:***@") and "does not answer" in told.stderr
    assert "s3cret" not in told.stderr and "Traceback" not in told.stderr


def test_an_address_that_is_none_is_a_sentence_that_tells_no_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(LedgerError, match="is no address of a PostgreSQL server") as told:
        Ledger("postgresql://anna:s3cret%zz@db.example/studio")
    assert "s3cret" not in str(told.value)


def test_without_the_package_the_ledger_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('no psycopg')\n", "utf-8")
    told = config("history", "--ledger", ADDRESSES[0], PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert told.returncode == 2 and "pip install psycopg[binary] distributed" in told.stderr
    assert "s3cret" not in told.stderr and len(told.stderr.strip().splitlines()) == 1
