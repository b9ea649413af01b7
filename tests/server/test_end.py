"""ComfyUI's end while requests that are paid for have no answer yet."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from grsai.emulator import Emulator, Fault
from tests import graphs

KEY = "sk-" + "0123456789abcdef" * 2
CONFIG = '[models."nano-banana-fast"]\nseconds = 0.1\n'


@pytest.fixture
def service() -> Iterator[Emulator]:
    with Emulator(seconds=0.2) as service:
        yield service


@pytest.fixture
def comfy(new_comfy: Callable[..., Any], service: Emulator) -> Iterator[Any]:
    comfy = new_comfy(GRSAI_API_KEY=KEY, GRSAI_BASE_URL=service.url)
    comfy.private.mkdir(parents=True, exist_ok=True)
    (comfy.private / "grsai.toml").write_text(CONFIG, "utf-8")
    yield comfy
    comfy.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=["SIGTERM", "Ctrl+C", "terminal closed"])
def test_the_answers_to_paid_requests_are_written_down_before_the_process_ends(
    comfy: Any, service: Emulator, end: signal.Signals
):
    service.add(Fault("submit", "slow_reply", seconds=2.0, times=5))
    graph = {"1": graphs.batch("\n".join(f"ended {number}" for number in range(12)))}
    comfy.queue(graph)
    comfy.wait_until(lambda: service.count("submit") == 5)
    begun = time.monotonic()
    comfy.process.send_signal(end)
    comfy.process.wait(30)
    assert time.monotonic() - begun < 15.0  # no longer than it waits for answers that never come
    assert service.count("submit") == 5
    comfy.process = None
    comfy.start()
    assert len(comfy.run(graph)["outputs"]["1"]["images"]) == 12
    assert service.count("submit") == 12


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_where_nothing_is_under_way_the_end_comes_at_once(comfy: Any):
    begun = time.monotonic()
    comfy.process.send_signal(signal.SIGTERM)
    assert comfy.process.wait(10) == -signal.SIGTERM
    assert time.monotonic() - begun < 2.0
