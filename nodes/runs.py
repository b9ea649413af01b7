"""What a run shows: percent, a line of text and each finished picture on its node, and itself in the panel.

The engine reports from threads of its own, as often as it likes. One thread shows it all, at most ten times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from comfy_api.latest import ComfyAPI
from comfy_execution.utils import get_executing_context

from ..grsai.engine import Collected, Estimate, Event, Snapshot
from ..grsai.errors import BadPicture, GrsaiError
from ..grsai.models import CREDITS_PER_YUAN
from ..grsai.pictures import thumbnail
from ..grsai.report.phrases import duration, price_text
from ..grsai.texts import LANGUAGES, say
from .tiles import Tiles

SHOW_SECONDS = 0.1
PREVIEW_SIDE = 512  # pixels
MOST_WAITING = 8  # pictures that wait to be shown; older ones are passed over
MOST_KEPT = 5_000  # tiles of runs that are over, for pages that are loaded later
EVENT, TILES_EVENT = "grsai.run", "grsai.tiles"
_log = logging.getLogger(__name__)


@dataclass
class NodeRun:
    """One run of a node, or a collection, as the outside sees it. The engine's threads write, the showing thread reads."""

    id: int
    kind: str
    node_id: str | None
    language: str
    group: int = 0  # the first of the runs that a list started in one node
    currency: str = "cny"
    credits_per_yuan: float = CREDITS_PER_YUAN
    offline: bool = False
    pays: bool = True  # uploads and collections cost nothing
    stop: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=time.monotonic)
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(0))
    price: Estimate | None = None
    error: GrsaiError | None = None
    finished: bool = False
    prompt_id: str | None = None  # ComfyUI's name of what is run
    workflow_id: str | None = None  # that was on the canvas
    tiles: Tiles = field(default_factory=Tiles)
    pictures: deque[Path] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    priced: threading.Event = field(default_factory=threading.Event)  # its price was shown
    shown: threading.Event = field(default_factory=threading.Event)  # its last word was said

    def on_event(self, event: Event) -> None:
        """Called by the engine, which waits for it: only takes note. After a stop its counts are those of the jobs that
        have heard of it so far: the picture as it was is the true one.
        """
        if not self.stop.is_set():
            self.snapshot = event.snapshot
        self.tiles.on_event(event)
        if event.outcome is not None:
            self.pictures.extend(event.outcome.files)

    def on_upload(self, up: int, total: int) -> None:
        """The same for uploads."""
        self.snapshot = Snapshot(total, up, progress=up / total)

    def on_collected(self, collected: Collected, total: int) -> None:
        """The same for paid tasks that are fetched."""
        done, failed = self.snapshot.done + (collected.error is None), self.snapshot.failed + (collected.error is not None)
        left = total - done - failed
        self.snapshot = Snapshot(total, done=done, failed=failed, running=left, progress=1 - left / total)
        self.error = collected.error or self.error
        self.pictures.extend(collected.files)

    @property
    def ledger_id(self) -> str | None:
        """By which the ledger knows it: one run for all items of a list. Tells what was run, and which node of it."""
        return f"{self.prompt_id}/{self.node_id}" if self.prompt_id and self.node_id else None

    @property
    def now(self) -> Snapshot:
        return replace(self.snapshot, seconds=time.monotonic() - self.begun)

    def as_object(self, group: Sequence[NodeRun]) -> dict[str, Any]:
        """What the panel is told of it, and in words of its whole group."""
        now = self.now
        return {
            "id": self.id,
            "kind": self.kind,
            "node_id": self.node_id,
            "workflow_id": self.workflow_id,
            "group": self.group,
            "total": now.total,
            "done": now.done,
            "failed": now.failed,
            "running": now.running,
            "reused": now.reused,
            "progress": round(now.progress, 4),
            "seconds": round(now.seconds, 1),
            "remaining_seconds": now.remaining_seconds,
            "credits": now.credits,
            "offline": self.offline,
            "stopping": self.stop.is_set() and not self.finished,
            "finished": self.finished,
            "text": {language: line(group, language) for language in LANGUAGES},
            "error": {language: self.error.say(language) for language in LANGUAGES} if self.error else None,
        }


def line(runs: Sequence[NodeRun], language: str) -> str:
    """`7/20 done · 1 failed · 2 running · 42 s · ¥0.31`; before anything is sent, what it will cost, or why nothing is."""
    now, first = together(runs), runs[0]
    begun = now.done + now.failed + now.stopped + now.running
    refused = next((run.error for run in runs if run.error and not begun), None)
    if refused:
        return refused.say(language)
    if not now.total:
        return say("preparing", language)
    if now.reused == now.total:
        return say("{count} made earlier, nothing paid", language, count=now.total)
    prices = [run.price for run in runs if run.price]
    if prices and not begun:
        parts = _plan_parts(prices, language)
        credits = sum(price.credits for price in prices)
        cost = say("will cost {price}", language, price=price_text(credits, first.currency, first.credits_per_yuan))
    else:
        stopped = any(run.stop.is_set() for run in runs)
        parts, cost = _progress_parts(now, stopped, language), price_text(now.credits, first.currency, first.credits_per_yuan)
    if first.offline:
        cost = say("offline emulator, nothing is paid", language)
    return " · ".join([*parts, cost] if first.offline or first.pays else parts)


def together(runs: Sequence[NodeRun]) -> Snapshot:
    """The runs of one node as one: a list that comes into a node makes a run of each item."""
    all_now = [run.now for run in runs]
    total = sum(now.total for now in all_now)
    return Snapshot(
        total=total,
        done=sum(now.done for now in all_now),
        failed=sum(now.failed for now in all_now),
        running=sum(now.running for now in all_now),
        reused=sum(now.reused for now in all_now),
        progress=sum(now.progress * now.total for now in all_now) / total if total else 0.0,
        seconds=max(now.seconds for now in all_now),
        credits=sum(now.credits for now in all_now),
        stopped=sum(now.stopped for now in all_now),
    )


def server() -> Any:
    """ComfyUI's server; None where the nodes are used without one."""
    module = sys.modules.get("server")
    return getattr(getattr(module, "PromptServer", None), "instance", None)


class Board:
    """All runs of this process, and the thread that shows them while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[int, NodeRun] = {}  # a node's are kept until the last of them is over
        self._last_texts: dict[int, tuple[str, float]] = {}  # text and percent by group
        self._last_facts: dict[int, dict[str, Any]] = {}  # to the panel, by run
        self._kept: dict[tuple[str | None, str], list[dict[str, Any]]] = {}  # by workflow and node: the tiles of its last runs
        self._showing = False
        self._number = 0

    def open(self, kind: str, node_id: str | None, language: str, workflow_id: str | None = None) -> NodeRun:
        """A new run, on show until `close`."""
        with self._lock:
            self._number += 1
            group = next((run.group for run in self._runs.values() if _is_on(run, node_id, workflow_id)), self._number)
            run = self._runs[self._number] = NodeRun(self._number, kind, node_id, language, group, workflow_id=workflow_id)
            run.prompt_id = context.prompt_id if (context := get_executing_context()) else None
            if not self._showing:
                self._showing = True
                threading.Thread(target=self._show_all, name="grsai-canvas", daemon=True).start()
        return run

    def close(self, run: NodeRun) -> None:
        """The run is over: its last word is said soon, and `run.shown` is set then."""
        run.finished = True

    def runs(self) -> list[NodeRun]:
        """Those that are not over."""
        with self._lock:
            return [run for run in self._runs.values() if not run.finished]

    def as_objects(self) -> list[dict[str, Any]]:
        """What the panel is told of the runs that are not over."""
        with self._lock:
            known = list(self._runs.values())
        groups = {run.group: [each for each in known if each.group == run.group] for run in known}
        return [run.as_object(groups[run.group]) for run in known if not run.finished]

    def kept(self, workflow_id: str) -> list[dict[str, Any]]:
        """The tiles that the nodes of a workflow showed last, with what was said of them; of runs that are over."""
        with self._lock:
            return [tiles for (workflow, _), runs in self._kept.items() if workflow == workflow_id for tiles in runs]

    def _keep(self, runs: Sequence[NodeRun]) -> None:
        """Instead of those before on the same node. Of all, the oldest go first."""
        first, text = runs[0], {language: line(runs, language) for language in LANGUAGES}
        said = {"finished": True, "text": text, "offline": first.offline}
        shown = [{**tiles_object(run, tiles), **said} for run in runs if (tiles := run.tiles.all())]
        if first.node_id is None or not shown:
            return
        self._kept.pop((first.workflow_id, first.node_id), None)
        self._kept[first.workflow_id, first.node_id] = shown
        while sum(len(each["tiles"]) for runs in self._kept.values() for each in runs) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def _show_all(self) -> None:
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            while groups := self._groups():
                for runs in groups:
                    priced = [run for run in runs if run.price is not None]
                    over = [run for run in runs if run.finished]
                    for run in over:
                        run.tiles.end()
                    with _failures_logged():
                        loop.run_until_complete(self._show_node(runs))
                    for run in runs:
                        with _failures_logged():
                            self._send_to_panel(run, runs)
                            _send_tiles(run)
                    for run in priced:
                        run.priced.set()
                    self._forget(runs, over)
                time.sleep(SHOW_SECONDS)

    def _groups(self) -> list[list[NodeRun]]:
        """The runs by node. None left: the thread ends, and the next run starts another."""
        with self._lock:
            groups = defaultdict[int, list[NodeRun]](list)
            for run in self._runs.values():
                groups[run.group].append(run)
            self._showing = bool(groups)
            return list(groups.values())

    async def _show_node(self, runs: list[NodeRun]) -> None:
        first = runs[0]
        if first.node_id is None:
            return
        text, percent = line(runs, first.language), round(together(runs).progress * 100, 1)
        last_text, last_percent = self._last_texts.get(first.group, ("", -1.0))
        self._last_texts[first.group] = (text, percent)
        if text != last_text:
            send_text(text, first.node_id)
        pictures = [picture for run in runs for picture in _next_pictures(run)]
        for picture in pictures:
            with contextlib.suppress(BadPicture):
                await _send_percent(percent, first.node_id, thumbnail(picture, PREVIEW_SIDE))
        if percent != last_percent and not pictures and not all(run.finished for run in runs):
            await _send_percent(percent, first.node_id)

    def _send_to_panel(self, run: NodeRun, group: list[NodeRun]) -> None:
        if run.shown.is_set() or not (run.snapshot.total or run.finished):
            return
        facts = run.as_object(group)
        passing = ("seconds", "remaining_seconds", *(["text"] if len(group) > 1 else []))  # else each would tell of all others
        lasting = {name: fact for name, fact in facts.items() if name not in passing}
        if lasting != self._last_facts.get(run.id):
            self._last_facts[run.id] = lasting
            if (running := server()) is not None:
                running.send_sync(EVENT, facts)

    def _forget(self, runs: list[NodeRun], over: list[NodeRun]) -> None:
        for run in over:
            run.shown.set()
        if len(over) == len(runs):
            with self._lock:
                self._keep(runs)
                for run in runs:
                    self._runs.pop(run.id, None)
                    self._last_facts.pop(run.id, None)
            self._last_texts.pop(runs[0].group, None)


def tiles_object(run: NodeRun, tiles: Sequence[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """Tiles by their places in the plan, and whose they are."""
    origin = {"prompt_id": run.prompt_id, "workflow_id": run.workflow_id}
    return {"run": run.id, "group": run.group, "node_id": run.node_id, **origin, "tiles": tiles}


def _send_tiles(run: NodeRun) -> None:
    if (tiles := run.tiles.take()) and (running := server()) is not None:
        running.send_sync(TILES_EVENT, tiles_object(run, tiles))


def _is_on(run: NodeRun, node_id: str | None, workflow_id: str | None) -> bool:
    return node_id is not None and (run.node_id, run.workflow_id) == (node_id, workflow_id) and not run.finished


def _next_pictures(run: NodeRun) -> list[Path]:
    """The pictures to show now: one a tick, the rest when the run is over."""
    count = len(run.pictures) if run.finished else min(len(run.pictures), 1)
    return [run.pictures.popleft() for _ in range(count)]


async def _send_percent(percent: float, node_id: str, picture: Any = None) -> None:
    # Not ComfyAPI().execution, which ComfyUI before 0.14 does not have.
    await ComfyAPI.Execution().set_progress(percent, 100.0, node_id=node_id, preview_image=picture)


def send_text(text: str, node_id: str) -> None:
    running = server()
    if running is not None and running.client_id is not None:  # without one it would go to every browser
        running.send_progress_text(text, node_id, sid=running.client_id)


@contextlib.contextmanager
def _failures_logged() -> Iterator[None]:
    """Showing must not end a run that is paid for."""
    try:
        yield
    except Exception:
        _log.debug("could not show a run", exc_info=True)


def _plan_parts(prices: Sequence[Estimate], language: str) -> list[str]:
    reused, already_paid = sum(price.reused for price in prices), sum(price.open for price in prices)
    parts = [say("pictures: {count}", language, count=sum(price.total for price in prices))]
    if reused:
        parts.append(say("made earlier: {count}", language, count=reused))
    if already_paid:
        parts.append(say("already paid: {count}", language, count=already_paid))
    return parts


def _progress_parts(now: Snapshot, stopped: bool, language: str) -> list[str]:
    parts = [say("{done}/{total} done", language, done=now.done, total=now.total)]
    if now.failed:
        parts.append(say("{count} failed", language, count=now.failed))
    if stopped and now.running:
        parts.append(say("{count} paid, fetched by the next run", language, count=now.running))
    elif now.running:
        parts.append(say("{count} running", language, count=now.running))
    left = now.total - now.done - now.failed - now.running
    if stopped and left:
        parts.append(say("{count} not started", language, count=left))
    return [*parts, duration(int(now.seconds), language)]
