"""The bridge to the running ComfyUI: it awaits the engine, which works in threads of its own, and turns Cancel into its stop.

What ComfyUI demands of an async node, and why this looks as it does: every prompt has an event loop of its own; work in the
loop's default threads would hold up the queue after Cancel; any BaseException but `InterruptProcessingException` that leaves
`execute` ends ComfyUI's worker for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import ParamSpec, TypeVar

import comfy.model_management

from ..grsai import engine
from ..grsai.engine.threads import in_background
from ..grsai.errors import GrsaiError, Stopped
from ..grsai.jobs import Job, Outcome
from ..grsai.pictures import Reference
from ..grsai.sheets import Back
from . import account, language, missing, paths
from .account import Account, answer_cuts
from .runs import Board, NodeRun, send_text, server
from .tiles import Tiles

LOOK_SECONDS = 0.1  # how often Cancel is looked for
LAST_WORD_SECONDS = 1.0  # how long the end of a run waits for its last pictures to be shown
PRICE_SECONDS = 0.3  # how long a run waits for its price to be shown
MOST_RUNS = 32  # a list wired into a node starts a run for each of its items
BOARD = Board()
_turns = threading.BoundedSemaphore(MOST_RUNS)
P = ParamSpec("P")
T = TypeVar("T")


@contextlib.asynccontextmanager
async def running(kind: str, node_id: str | None, workflow_id: str | None = None) -> AsyncIterator[Work]:
    """One execution of a node: on show while it lasts, stopped with ComfyUI, its errors told in the user's language."""
    run = BOARD.open(kind, node_id, _language(), workflow_id)
    work = Work(run)
    try:
        with _errors_in_the_users_language(run):
            async with work.turn():
                yield work
            BOARD.close(run)
            await work.until(run.shown, LAST_WORD_SECONDS)
    finally:
        run.stop.set()
        BOARD.close(run)


@contextlib.asynccontextmanager
async def reading(node_id: str | None) -> AsyncIterator[Work]:
    """An execution that pays nothing and is on no list."""
    run = NodeRun(0, "reading", node_id, _language())
    try:
        with _errors_in_the_users_language(run):
            yield Work(run)
    finally:
        run.stop.set()


class Work:
    """What a node does in one execution. Everything that waits or computes goes through `do`."""

    def __init__(self, run: NodeRun) -> None:
        self.run = run

    async def do(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """`function` in a thread of its own. Cancel ends the wait at once, and sets the run's stop for the thread."""
        future = in_background(function, *arguments, **named)
        finish = _finish_of(future)
        while not future.done():
            await asyncio.wait([finish], timeout=LOOK_SECONDS)
            self._look()
        return future.result()

    def tell(self, text: str) -> None:
        """A line on the node."""
        if self.run.node_id is not None:
            send_text(text, self.run.node_id)

    async def account(self) -> Account:
        """Settings, ledger and gate as they are now; starts the offline emulator if that is chosen."""
        current = await self.do(account.current)
        self.run.currency, self.run.offline = current.currency, current.offline
        self.run.credits_per_yuan = current.settings.credits_per_yuan
        return current

    async def make(
        self,
        jobs: Sequence[Job],
        account: Account,
        *,
        output: Path,
        concurrency: int | None = None,
        stop_at_failure: bool = False,
        budget: float | None = None,
        metadata: Mapping[str, str],
        back: Back | None = None,
    ) -> list[Outcome]:
        """The pictures of the jobs, in their order. The price is shown before anything is sent. `metadata`: that PNGs carry.

        `back`: the sheet that is written beside them while it goes on, also after Cancel, until the engine has ended.
        """
        paths.refuse_output_links(output)
        if account.offline:
            await self.do(answer_cuts, any(job.edit is not None for job in jobs))
        self.run.tiles = Tiles(jobs)
        price = await self.do(engine.estimate, jobs, account.ledger, output=output)
        self.run.snapshot = engine.Snapshot(len(jobs))
        self.run.price = price
        await self.until(self.run.priced, PRICE_SECONDS)

        def on_event(event: engine.Event) -> None:
            self.run.on_event(event)
            if back is not None and event.kind in ("started", "finished"):
                back.tell(*([event.outcome] if event.outcome else []))

        def run() -> list[Outcome]:
            with back.open() if back is not None else contextlib.nullcontext():
                outcomes = engine.run(
                    jobs,
                    settings=account.settings,
                    ledger=account.ledger,
                    output=output,
                    gate=account.gate,
                    stop=self.run.stop,
                    on_event=on_event,
                    stop_at_failure=stop_at_failure,
                    budget=budget,
                    concurrency=concurrency,
                    metadata=metadata,
                    run_id=self.run.ledger_id,
                )
                if back is not None:
                    back.tell(*outcomes)  # those that were stopped too
            return outcomes

        outcomes = await self.do(run)
        missing.remember(self.run.node_id, outcomes, output)
        return outcomes

    async def upload(self, references: Sequence[Reference], account: Account) -> list[str]:
        """The public URLs of the pictures, in order."""
        self.run.pays = False
        self.run.snapshot = engine.Snapshot(len(references))
        return await self.do(
            engine.upload,
            references,
            settings=account.settings,
            ledger=account.ledger,
            gate=account.gate,
            stop=self.run.stop,
            on_event=self.run.on_upload,
        )

    async def urls(self, outcomes: Sequence[Outcome], account: Account) -> list[str]:
        """Where the pictures of the outcomes lie: at the service, or uploaded again where that is not known any more."""
        urls: list[str] = []
        for outcome in outcomes:
            if len(outcome.urls) == len(outcome.files):
                urls += outcome.urls
            else:
                urls += await self.upload([await self.do(Reference.from_file, file) for file in outcome.files], account)
        return urls

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits while too many runs are under way."""
        while not _turns.acquire(blocking=False):
            await asyncio.sleep(LOOK_SECONDS / 2)
            self._look()
        try:
            yield
        finally:
            _turns.release()

    async def until(self, event: threading.Event, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not event.is_set() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
            self._look()

    def _look(self) -> None:
        if comfy.model_management.processing_interrupted() or self.run.stop.is_set():
            self.run.stop.set()
            raise comfy.model_management.InterruptProcessingException


async def off_loop(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """`function` in a thread of its own, for the routes: a service that hangs must hold up neither ComfyUI nor its end."""
    future = in_background(function, *arguments, **named)
    await _finish_of(future)
    return future.result()


def _finish_of(future: Future[T]) -> asyncio.Future[None]:
    """Is done in the running loop when `future` is, however it ends; nobody need look at it."""
    loop = asyncio.get_running_loop()
    finish: asyncio.Future[None] = loop.create_future()

    def tell(_: Future[T]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if finish.done() else finish.set_result(None))

    future.add_done_callback(tell)
    return finish


def _language() -> str:
    """That of the canvas whose prompt is run."""
    running_server = server()
    return language.of_run(running_server.client_id if running_server else None)


@contextlib.contextmanager
def _errors_in_the_users_language(run: NodeRun) -> Iterator[None]:
    """ComfyUI shows `str(error)`. Of CancelledErrors only ComfyUI's own pass: any other would end its worker."""
    try:
        yield
    except GrsaiError as error:
        run.error = error
        raise type(error)(error.say(run.language)) from None
    except asyncio.CancelledError:
        if _is_cancelled():  # by ComfyUI, as another node failed
            raise
        broken = Stopped("The run was cut short. The next run fetches what was paid for.")
        raise Stopped(broken.say(run.language)) from None


def _is_cancelled() -> bool:
    """Whether somebody cancelled this task. Python 3.10 cannot tell: there the answer is no, which is always safe."""
    task = asyncio.current_task()
    return task is not None and getattr(task, "cancelling", lambda: 0)() > 0
