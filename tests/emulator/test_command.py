"""`python -m grsai.emulator`."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from grsai.emulator import AS_MODELS, KINDS, Drift, Emulator, Fault, build, fault_from_text, main
from tests.emulator.caller import ROOT, Caller

WRONG = [
    ["--host", "0.0.0.0"],
    ["--fault", "poll:bare_id:1"],
    ["--fault", "poll"],
    ["--port", "99999"],
    ["--price", "x"],
    ["--fault", "submit:busy:1:1:soon"],
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_use_of_the_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2 and "usage" in (said := capsys.readouterr().err) and arguments[1] in said


def test_the_command_tells_every_kind_of_fault_with_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kinds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS)
    assert all(", ".join(kind.steps) in line for line, kind in zip(lines, KINDS.values(), strict=True))


def test_options_become_an_emulator() -> None:
    given = {
        "price": ["nano-banana-fast:7", "new:8"],
        "seconds": "1:4",
        "speed": "2",
        "key_limit": "9",
        "refund_failed": True,
        "faithful": True,
        "drift": True,
    }
    emulator = build({**given, "fault": ["submit:slow_reply:1:1:0.2", "poll:busy:0.5::3"], "language": "en", "port": None})
    assert (emulator.models["nano-banana-fast"].credits, emulator.models["new"].credits) == (7, 8)
    assert emulator.faithful and emulator.drift == AS_MODELS and build({}).drift == Drift()
    assert (emulator.seconds, emulator.key_limit, emulator.refund_failed, emulator.port) == ((0.5, 2.0), 9, True, 0)
    assert fault_from_text("poll:busy:0.5::3") == Fault("poll", "busy", 0.5, seconds=3.0)
    assert fault_from_text("submit:slow_reply:1:1:0.2") == Fault("submit", "slow_reply", times=1, seconds=0.2)


def test_the_command_says_where_it_listens_and_ends_quietly() -> None:
    options = ["--seconds", "22:62", "--speed", "1000", "--fault", "submit:http_500:1:1", "--cheap", "--credits", "900"]
    flags = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
    command = [sys.executable, "-m", "grsai.emulator", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, creationflags=flags
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            url = process.stdout.readline().removeprefix("Grsai emulator on ").strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
            emulator = Emulator(port=int(url.rpartition(":")[2]))  # only its address is used
            caller = Caller(emulator)
            assert caller.order().status_code == 500
            assert caller.outcome(caller.submit())["status"] == "succeeded"
            assert [task["credits"] for task in caller.get(f"{url}/emulator/record").json()["tasks"]] == [440]
            process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
            if sys.platform != "win32":
                assert (process.wait(10), process.stderr.read()) == (0, "")
        finally:
            process.kill()
