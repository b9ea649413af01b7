"""The streams of the command: gone, full, closed from the start, or without a letter that is said."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from grsai.emulator import Fault
from tests.cli.shell import Shell

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
STEERING = ("\x1b", "\x07", "\x9b", "\u202e")
EVIL = "\x1b]0;owned\x07\x1b[31m\u202e evil"


def through_shell(shell: Shell, redirected: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = " ".join(map(shlex.quote, [sys.executable, "-m", "grsai", *arguments]))
    line = f"{command} {redirected}"
    return subprocess.run(["sh", "-c", line], cwd=shell.folder, env=shell.environment, capture_output=True, text=True, timeout=60)


@POSIX
@pytest.mark.parametrize(
    "redirected",
    [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1", "--json >&-", "--json 2>/dev/full"],
)
def test_streams_that_are_gone_end_no_run(shell: Shell, redirected: str) -> None:
    if "/dev/full" in redirected and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = through_shell(shell, redirected)
    assert (done.returncode, len(shell.pictures)) == (0, 4)
    assert "Traceback" not in done.stderr + done.stdout
    report = json.loads((shell.folder / "batch_outputs" / "report.json").read_text("utf-8"))
    assert report["succeeded"] == 4 and (shell.folder / "batch_outputs" / "index.html").is_file()


@POSIX
def test_a_file_that_is_opened_later_is_not_taken_for_a_closed_stream(shell: Shell) -> None:
    through_shell(shell, ">&- 2>&- <&-")
    home = Path(shell.environment["GRSAI_HOME"])
    assert (home / "ledger.sqlite3").read_bytes().startswith(b"SQLite format 3\0")
    assert "pictures made" not in (home / "ledger.journal").read_text("utf-8")


@POSIX
def test_a_terminal_that_is_closed_under_the_bar_ends_no_run(shell: Shell) -> None:
    import pty

    shell.emulator.seconds = (0.5, 0.5)
    master, slave = pty.openpty()
    code = "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); from grsai.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=shell.folder, env=shell.environment, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    while b"%" not in os.read(master, 65536):
        pass
    os.close(master)
    assert (process.wait(60), len(shell.pictures)) == (0, 4)


@pytest.mark.parametrize(
    ("encoding", "price"), [("gbk", "（￥0.176）"), ("cp437", "(¥0.176)"), ("ascii", "(CNY 0.176)"), ("cp1252", "(¥0.176)")]
)
def test_prices_are_written_in_letters_that_the_stream_has(shell: Shell, encoding: str, price: str) -> None:
    language = "zh" if encoding == "gbk" else "en"
    out = shell.run("--estimate", "--lang", language, PYTHONIOENCODING=encoding, PYTHONUTF8="0").out
    assert price in out and "?" not in out


def test_nothing_that_the_service_says_steers_the_terminal(shell: Shell, server) -> None:
    server.will_say({"code": -1, "msg": f"apikey error {EVIL}", "data": None})
    for arguments in (["balance"], ["--estimate"], [], ["status"], ["collect", f"t{EVIL}"], ["--verbose"]):
        done = shell.run(*arguments, "--base-url", server.url)
        assert not [letter for letter in STEERING if letter in done.out + done.err], arguments


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_no_name_of_a_file_steers_the_terminal(shell: Shell) -> None:
    shell.photo("a\x1b[2J\u202e.jpg")
    shell.write("input/text/text.txt", "red \u202e [error]\n")
    shell.emulator.add(Fault("submit", "http_500", times=1))
    steering = ["--output", "out\x1b[2J"]
    for arguments in (steering, ["--json", *steering], ["history"], ["config", "--ledger", "l\x1b.sqlite3"]):
        done = shell.run(*arguments)
        assert not [letter for letter in STEERING if letter in done.out + done.err], arguments
    (shell.folder / "input/image" / "b\x1b[31m.png").write_bytes(b"broken")
    assert "\x1b" not in shell.run().err


def test_json_keeps_what_it_escapes(shell: Shell) -> None:
    shell.write("input/text/text.txt", "a \u202e \U0001f9d1\u200d\U0001f680 boat\n")
    assert {job["prompt"] for job in shell.run("--json").object["jobs"]} == {"a \u202e \U0001f9d1\u200d\U0001f680 boat"}


def test_a_number_of_lines_that_no_computer_holds_is_one_sentence(shell: Shell) -> None:
    done = shell.run("history", "--limit", "9" * 30)
    assert (done.status, done.err) == (2, f"--limit must be a whole number from 0 to 999999999, not {'9' * 30}.\n")


def test_a_gallery_that_cannot_be_made_is_no_failure(shell: Shell) -> None:
    (shell.folder / "batch_outputs" / "index.html").mkdir(parents=True)
    done = shell.run()
    assert done.status == 0 and "4 of 4 pictures made" in done.out
    assert len(done.err.splitlines()) == 5 and "index.html" in done.err
