"""What a plain Dask worker is asked to do. These functions are called there, by name; nothing has to be set up for them."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import GrsaiError, from_object
from ..redact import redact
from ..settings import load, program_folders
from .order import Kin, Order, machine, unpacked
from .room import Room

ORDER_SECONDS = 60.0  # so long a job waits here for its run's order
LAST_WORD_SECONDS = 8.0  # a worker that ends waits so long for the replies to paid requests
_LOOK_SECONDS = 0.05
_rooms: dict[str, Room] = {}
_refused: dict[str, GrsaiError] = {}
_lock = threading.Lock()
_log = logging.getLogger(__name__)


def about_me() -> dict[str, Any]:
    """What the command must know before it sends anything here."""
    return {"kin": tuple(Kin.mine()), "machine": machine()}


def is_news(record: logging.LogRecord) -> bool:
    """Not that the command was heard of, which Dask would write down twice a second."""
    return record.args != (heard.__name__,)


async def enter(data: bytes) -> dict[str, Any] | None:
    """Makes ready for a run. Returns why this worker is not fit for it, as an object; None where it is."""
    return await asyncio.to_thread(_enter, data)


def heard(run: str, stop: bool, halted: dict[str, Any] | None) -> dict[str, Any] | None:
    """The command lives. None: this worker has not entered the run."""
    room = _rooms.get(run)
    return room.heard(stop=stop, halted=from_object(halted)) if room else None


async def leave(run: str) -> None:
    """The run is over."""
    with _lock:
        room = _rooms.pop(run, None)
        _refused.pop(run, None)
    if room is not None:
        await asyncio.to_thread(room.leave)


def make(run: str, number: int, data: bytes, halted: dict[str, Any] | None) -> dict[str, Any] | list[dict[str, Any]]:
    """The task: one job's whole way, in a thread that leaves its place to the next task at once, as it mostly waits.

    Nothing is raised, so that no log tells what went wrong but ours: a bug comes back as `bug`, a run that this worker cannot
    take part in as `unfit`. Within a list: something of the job may still be open at the service.
    """
    dask = import_module("distributed")
    worker = dask.get_worker()
    name = f"worker-{worker.name}" if isinstance(worker.name, int) else str(worker.name or worker.address)
    dask.secede()
    try:
        if (room := _room_of(run)) is None:
            refused = _refused.get(run)
            return [{"unfit": refused.as_object() if refused else None, "worker": name}]
        if (why := from_object(halted)) is not None:
            room.share.halt(why)
        made = room.make(number, unpacked(data), name)
        return made if made["status"] == "succeeded" else [made]
    except Exception as error:
        _log.exception("job %d of run %s", number, run)
        return [{"bug": redact("".join(traceback.format_exception(error))), "worker": name}]


def _enter(data: bytes) -> dict[str, Any] | None:
    order: Order = unpacked(data)
    logging.getLogger("distributed.worker").addFilter(is_news)
    _sweep()
    try:
        own = load(folders=(Path.cwd(), *program_folders()), own=program_folders())
        room = Room(order, own)
    except GrsaiError as error:
        with _lock:
            _refused[order.run] = error
        return error.as_object()
    with _lock:
        _refused.pop(order.run, None)
        first = not _rooms
        other = _rooms.setdefault(order.run, room)
    if other is not room:  # asked twice
        room.leave()
    if first:
        atexit.unregister(_end)
        atexit.register(_end)
    return None


def _room_of(run: str) -> Room | None:
    until = time.monotonic() + ORDER_SECONDS
    while (room := _rooms.get(run)) is None and run not in _refused and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
    return room


def _sweep() -> None:
    """Leaves the runs whose command is gone."""
    with _lock:
        silent = [run for run, room in _rooms.items() if room.is_silent]
        rooms = [_rooms.pop(run) for run in silent]
    for room in rooms:
        room.leave()


def _end() -> None:
    """The worker ends: requests that are paid for have a moment to be answered."""
    for room in list(_rooms.values()):
        room.leave(seconds=LAST_WORD_SECONDS)
