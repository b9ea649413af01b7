"""ComfyUI's end. Cancel leaves the answers to paid requests to the threads that wait for them; when the process ends they would
die with it, and the next run would pay again. So the process waits for them.
"""

from __future__ import annotations

import atexit
import logging
import signal
import threading
import time
from types import FrameType

from . import account, bridge

WAIT_SECONDS = 15.0
_log = logging.getLogger(__name__)


def wait_for_answers_at_the_end() -> None:
    """Called once. Signals that would end the process at once wait as well, if nobody else handles them."""
    atexit.register(_wait_for_answers)
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    _wait_for_answers()
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _wait_for_answers() -> None:
    """Begins nothing new, and waits until each request that may be paid has its answer in the ledger. Ctrl+C ends the wait."""
    for run in bridge.BOARD.runs():
        run.stop.set()
    until, waiting = time.monotonic() + WAIT_SECONDS, account.unanswered()
    if waiting:
        _log.warning("waiting for the answers to %d paid requests", waiting)
    try:
        while account.unanswered() and time.monotonic() < until:
            time.sleep(0.05)
    except KeyboardInterrupt:
        return
