"""What somebody meets who starts it for the first time: the key, the price before the money, and words that are nearly right."""

from __future__ import annotations

import os
import select
import shutil
import site
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from grsai.emulator import Fault
from grsai.settings import OPTIONS
from tests.cli.shell import KEY, ROOT, Shell

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
NO_KEY = {"GRSAI_API_KEY": ""}


def at_terminal(
    shell: Shell, *arguments: str, answer: str, asked: str, program: list[str] | None = None, **environment: str
) -> tuple[int, str]:
    """The command at a terminal of its own, where `answer` is typed whenever it `asked`: its exit status and what it showed."""
    import fcntl
    import pty
    import termios

    ours, its = pty.openpty()
    process = subprocess.Popen(
        program or [sys.executable, "-m", "grsai", *arguments],
        cwd=shell.folder,
        env={**shell.environment, "LC_ALL": "C.UTF-8", **environment},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # its Ctrl+C is the process's
    )
    os.close(its)
    shown, typed, until = b"", 0, time.monotonic() + 60
    try:
        while time.monotonic() < until:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 4096)
                except OSError:  # all has been read, and nobody writes any more
                    break
            if shown.count(asked.encode()) > typed:
                time.sleep(0.2)  # what is typed before a question is thrown away
                os.write(ours, answer.encode())
                typed += 1
        return process.wait(10), shown.decode("utf-8", "replace")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


# The price before the money


def test_count_price_and_balance_are_told_before_the_first_upload(shell: Shell) -> None:
    shell.emulator.add(Fault("upload", "http_500"))
    done = shell.run("--concurrency", "1")
    first = done.out.splitlines()[0]
    assert first == "Pictures: 4. To pay: 1,760 credits (¥0.176). Balance: 1,000,000 credits (¥100.00)."


def test_what_was_paid_earlier_is_told_apart(shell: Shell) -> None:
    assert shell.run().status == 0
    assert shell.run().out.startswith("Pictures: 4, all paid earlier. Nothing to pay.")
    shell.write("input/text/text.txt", "red\nblue\ngreen\n")
    assert shell.run().out.startswith("Pictures: 6, of which 4 are paid already. To pay: 880 credits (¥0.088). Balance: ")


@POSIX
@pytest.mark.parametrize(("answer", "status", "submits"), [("y\n", 0, 4), ("n\n", 2, 0), ("\n", 2, 0), ("\x03", 2, 0)])
def test_a_terminal_is_asked_above_a_sum_of_the_users_own(shell: Shell, answer: str, status: int, submits: int) -> None:
    ended, shown = at_terminal(shell, answer=answer, asked="[y/N]", GRSAI_ASK_ABOVE="0.1")
    assert "more than ¥0.1 (ask_above)" in shown
    assert (ended, shell.emulator.count("submit"), shell.emulator.count("upload") > 0) == (status, submits, submits > 0), shown


@POSIX
@pytest.mark.parametrize("options", [("--yes",), ("--demo",)])
def test_nobody_is_asked_who_said_yes_or_pays_nothing(shell: Shell, options: tuple[str, ...]) -> None:
    ended, shown = at_terminal(shell, *options, answer="", asked="[y/N]", GRSAI_ASK_ABOVE="0.1")
    assert (ended, "[y/N]" in shown) == (0, False), shown


def test_a_pipe_is_never_asked(shell: Shell) -> None:
    done = shell.run(GRSAI_ASK_ABOVE="0.1")
    assert (done.status, shell.emulator.count("submit"), "[y/N]" in done.out + done.err) == (0, 4, False)


# The key


def test_without_a_key_it_is_told_where_it_was_looked_for_and_what_to_do(shell: Shell) -> None:
    (shell.folder / ".env").unlink()
    done = shell.run(**NO_KEY)
    assert done.status == 2
    for part in ("GRSAI_API_KEY", str(shell.folder / ".env"), "https://grsai.com", "grsai init", "--demo"):
        assert part in done.err


@pytest.mark.parametrize(
    ("name", "text", "said"), [(".env", f"API_KEY={KEY}", "has no line GRSAI_API_KEY="), (".env.txt", "", "rename it to .env")]
)
def test_a_key_file_that_is_nearly_right_is_named(shell: Shell, name: str, text: str, said: str) -> None:
    (shell.folder / ".env").unlink()
    shell.write(name, text)
    done = shell.run(**NO_KEY)
    assert done.status == 2 and str(shell.folder / name) in done.err and said in done.err
    assert KEY not in done.err


# init


@pytest.fixture
def empty(shell: Shell) -> Shell:
    for name in ("input", ".env", "grsai.toml"):
        path = shell.folder / name
        os.rename(path, shell.folder.parent / f"{shell.folder.name} old {name}")
    return shell


def test_init_makes_what_a_first_batch_needs_with_every_setting_explained(empty: Shell) -> None:
    done = empty.run("init", **NO_KEY)
    assert done.status == 0 and "https://grsai.com" in done.out
    assert (empty.folder / "input/image").is_dir() and (empty.folder / "input/text/text.txt").read_text("utf-8").strip()
    lines = (empty.folder / "grsai.toml").read_text("utf-8").splitlines()
    assert tomllib.loads("\n".join(lines)) == {}
    set_all = tomllib.loads("\n".join(line[1:] for line in lines if line.startswith("#") and not line.startswith("# ")))
    assert set(set_all) == {option.name for option in OPTIONS} - {"api_key"}
    explained = {lines[number - 1] for number, line in enumerate(lines) if line.startswith("#") and not line.startswith("# ")}
    assert all(line.startswith("# ") and len(line) > 8 for line in explained)
    if sys.platform != "win32":
        assert stat.S_IMODE((empty.folder / ".env").stat().st_mode) == 0o600


def test_init_leaves_alone_what_is_there(shell: Shell) -> None:
    before = {path: path.read_bytes() for path in shell.folder.rglob("*") if path.is_file()}
    done = shell.run("init", "--lang", "zh")
    assert done.status == 0 and "保持不变" in done.out
    assert {path: path.read_bytes() for path in shell.folder.rglob("*") if path.is_file()} == before


@POSIX
def test_init_asks_for_the_key_tests_it_and_a_batch_runs_at_once(empty: Shell) -> None:
    ended, shown = at_terminal(empty, "init", answer=f"{KEY}\n", asked="API key", **NO_KEY)
    assert ended == 0 and "The key works. Balance: " in shown and KEY not in shown
    assert empty.emulator.count("credits") and not empty.emulator.count("submit")
    empty.photo("coffee.jpg")
    assert empty.run(**NO_KEY).status == 0
    assert empty.emulator.count("submit") == 1


@POSIX
def test_a_key_that_the_service_refuses_is_not_kept(empty: Shell) -> None:
    empty.emulator.key = KEY
    wrong = "sk-" + "f" * 32
    _, shown = at_terminal(empty, "init", answer=f"{wrong}\n", asked="API key", **NO_KEY)
    assert "refuses the API key" in shown
    assert wrong not in (empty.folder / ".env").read_text("utf-8")


@POSIX
@pytest.mark.parametrize(("answer", "status", "made"), [("\n", 0, True), ("n\n", 2, False)])
def test_a_first_start_makes_what_is_needed_if_the_user_wants_it(empty: Shell, answer: str, status: int, made: bool) -> None:
    ended, shown = at_terminal(empty, answer=answer, asked="[Y/n]", GRSAI_API_KEY=KEY)
    assert "Nothing is set up in " in shown and (ended, (empty.folder / "input/text/text.txt").is_file()) == (status, made), shown
    assert empty.emulator.received == []


def test_nobody_is_asked_on_a_first_start_in_a_pipe(empty: Shell) -> None:
    done = empty.run()
    assert done.status == 2 and "There is no file " in done.err and not list(empty.folder.iterdir())


# Words that are nearly right


@pytest.mark.parametrize(
    ("word", "meant"), [("balace", "balance"), ("photos", "--images photos"), ("demo", "--demo"), ("version", "--version")]
)
def test_a_word_that_is_no_command_is_understood(shell: Shell, word: str, meant: str) -> None:
    (shell.folder / "photos").mkdir()
    done = shell.run(word)
    assert (done.status, done.err.strip()) == (2, f"There is no command {word}; did you mean {meant}?")


def test_the_version_is_that_of_the_project(shell: Shell) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert shell.run("--version").out.strip() == project["version"]


def test_the_demo_lies_apart_from_ones_own_pictures(shell: Shell) -> None:
    assert shell.run("--demo").status == 0
    assert shell.run().status == 0
    assert (shell.folder / "batch_outputs" / "demo" / "index.html").is_file()
    assert not [name for name in shell.pictures if "(" in name] and len(shell.pictures) == 4


@POSIX
def test_a_missing_package_points_to_the_environment_that_is_there(tmp_path: Path, shell: Shell) -> None:
    """A copy of the program with a `.venv`, started with a Python that lacks everything."""
    program = tmp_path / "program"
    shutil.copytree(ROOT / "grsai", program / "grsai", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "run_batch.py", program)
    own = program / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.symlink_to(sys.executable)
    bare = [sys.executable, "-S", "-I", str(program / "run_batch.py"), "--demo"]
    ended = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2 and str(own) in ended.stderr and "--demo" in ended.stderr, ended.stderr


@POSIX
@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_missing_is_installed_beside_the_program_if_the_user_wants_it(tmp_path: Path, shell: Shell, wanted: bool) -> None:
    """A copy of the program, started with a Python that lacks all. What it installs leads to the packages that are here."""
    program = tmp_path / "program"
    shutil.copytree(ROOT / "grsai", program / "grsai", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "run_batch.py", program)
    (program / "requirements.txt").write_text(f"{_wheel_that_leads_here(tmp_path)}\n")
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys._base_executable)"], capture_output=True, text=True, check=True
    )
    command = [bare.stdout.strip(), "-S", "-I", str(program / "run_batch.py"), "--prompt", "red", "--output", "made"]
    ended, shown = at_terminal(shell, answer="\n" if wanted else "n\n", asked="[Y/n]", program=command, PIP_NO_INDEX="1")
    assert "is missing. Install what is needed into " in shown
    assert (ended, shell.emulator.count("submit")) == ((0, 2) if wanted else (2, 0)), shown


def _wheel_that_leads_here(folder: Path) -> Path:
    wheel = folder / "here-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("here.pth", "\n".join(site.getsitepackages()) + "\n")
        archive.writestr("here-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: here\nVersion: 1\n")
        archive.writestr("here-1.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("here-1.dist-info/RECORD", "")
    return wheel
