"""The bridge to the running ComfyUI: it awaits the engine, which works in threads of its own, and turns Cancel into its stop.

What ComfyUI demands of an async node, and why this looks as it does: every prompt has an event loop of its own; work in the
loop's default threads would hold up the queue after Cancel; any BaseException but `InterruptProcessingException` that leaves
`execute` ends ComfyUI's worker for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import types
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import comfy.model_management

from ..grsai import engine
from ..grsai.errors import GrsaiError, Stopped
from ..grsai.jobs import Job, Outcome
from ..grsai.pictures import Reference
from . import account, paths
from .account import Account
from .runs import Board, NodeRun

LOOK_SECONDS = 0.1  # how often Cancel is looked for
LAST_WORD_SECONDS = 1.0  # how long the end of a run waits for its last pictures to be shown
PRICE_SECONDS = 0.3  # how long a run waits for its price to be shown
MOST_UPLOADS = 4  # of one node at once
MOST_RUNS = 32  # a list wired into a node starts a run for each of its items
BOARD = Board()
_browser = types.SimpleNamespace(languages="en")
_turns = threading.BoundedSemaphore(MOST_RUNS)
T = TypeVar("T")
Ended: TypeAlias = "asyncio.Future[tuple[T | None, BaseException | None]]"


@contextlib.asynccontextmanager
async def running(kind: str, node_id: str | None) -> AsyncIterator[Work]:
    """One execution of a node: on show while it lasts, stopped with ComfyUI, its errors told in the user's language."""
    run = BOARD.open(kind, node_id, language())
    work = Work(run)
    try:
        with _told_to_the_user(run):
            async with work.turn():
                yield work
            BOARD.close(run)
            await work.until(run.shown, LAST_WORD_SECONDS)
    finally:
        run.stop.set()
        BOARD.close(run)


@contextlib.asynccontextmanager
async def reading() -> AsyncIterator[Work]:
    """An execution that pays nothing and shows nothing."""
    run = NodeRun(0, "reading", None, language())
    try:
        with _told_to_the_user(run):
            yield Work(run)
    finally:
        run.stop.set()


class Work:
    """What a node does in one execution. Everything that waits or computes goes through `do`."""

    def __init__(self, run: NodeRun) -> None:
        self.run = run

    async def do(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """`function` in a daemon thread of its own. Cancel ends the wait at once, and sets the run's stop for the thread."""
        future = in_thread(function, *arguments, **named)
        while not future.done():
            await asyncio.wait([future], timeout=LOOK_SECONDS)
            self._look()
        return _result(future)

    async def account(self) -> Account:
        """Settings, ledger and gate as they are now; starts the offline emulator if that is chosen."""
        mine = await self.do(account.account)
        self.run.currency, self.run.offline = mine.currency, mine.offline
        return mine

    async def make(
        self,
        jobs: Sequence[Job],
        mine: Account,
        *,
        output: Path,
        concurrency: int | None = None,
        stop_at_failure: bool = False,
        budget: float | None = None,
    ) -> list[Outcome]:
        """The pictures of the jobs, in their order. The price is shown before anything is sent."""
        paths.refuse_links(paths.output_folder(), output)
        price = await self.do(engine.estimate, jobs, mine.ledger, output=output)
        self.run.snapshot = engine.Snapshot(len(jobs))
        self.run.price = price
        await self.until(self.run.priced, PRICE_SECONDS)
        return await self.do(
            engine.run,
            jobs,
            settings=mine.settings,
            ledger=mine.ledger,
            output=output,
            gate=mine.gate,
            stop=self.run.stop,
            on_event=self.run.hear,
            stop_at_failure=stop_at_failure,
            budget=budget,
            concurrency=concurrency,
        )

    async def upload(self, references: Sequence[Reference], mine: Account) -> list[str]:
        """The public URLs of the pictures, in order."""
        self.run.pays = False
        self.run.snapshot = engine.Snapshot(len(references))
        free = asyncio.Semaphore(MOST_UPLOADS)

        async def upload_one(reference: Reference) -> str:
            async with free:
                urls = await self.do(
                    engine.upload,
                    [reference],
                    settings=mine.settings,
                    ledger=mine.ledger,
                    gate=mine.gate,
                    stop=self.run.stop,
                )
            done = self.run.snapshot.done + 1
            self.run.snapshot = engine.Snapshot(len(references), done, progress=done / len(references))
            return urls[0]

        ends = await asyncio.gather(*map(upload_one, references), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return [end for end in ends if isinstance(end, str)]

    async def urls(self, outcomes: Sequence[Outcome], mine: Account) -> list[str]:
        """Where the pictures of the outcomes lie: at the service, or uploaded again where that is not known any more."""
        urls: list[str] = []
        for outcome in outcomes:
            if len(outcome.urls) == len(outcome.files):
                urls += outcome.urls
            else:
                urls += await self.upload(await self.do(_from_files, outcome.files), mine)
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


def in_thread(function: Callable[..., T], *arguments: Any, **named: Any) -> Ended[T]:
    """Calls `function` in a daemon thread of its own. The future never fails: it holds the result and the error."""
    loop = asyncio.get_running_loop()
    future: Ended[T] = loop.create_future()

    def work() -> None:
        try:
            ended: tuple[T | None, BaseException | None] = function(*arguments, **named), None
        except BaseException as error:
            ended = None, error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, future, ended)

    threading.Thread(target=work, name="grsai-host", daemon=True).start()
    return future


async def off_loop(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """`function` in a daemon thread, for the routes: a service that hangs must hold up neither ComfyUI nor its end."""
    future = in_thread(function, *arguments, **named)
    await future
    return _result(future)


def language() -> str:
    """The language that the user chose in ComfyUI, or else the browser's, which the canvas takes and stores nowhere."""
    try:
        chosen = json.loads((paths.user_folder() / "comfy.settings.json").read_text("utf-8")).get("Comfy.Locale")
    except (OSError, ValueError, AttributeError):
        chosen = None
    return "zh" if str(chosen or _browser.languages).lower().startswith("zh") else "en"


def hear_browser(languages: str | None) -> None:
    """`languages`: what a request of the web extension says that its browser prefers, such as `zh-CN,zh;q=0.9`."""
    _browser.languages = languages or _browser.languages


def _from_files(files: Sequence[Path]) -> list[Reference]:
    return [Reference.from_file(file) for file in files]


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _result(future: Ended[T]) -> T:
    result, error = future.result()
    if error is not None:
        raise error
    return cast(T, result)


@contextlib.contextmanager
def _told_to_the_user(run: NodeRun) -> Iterator[None]:
    """Errors in the user's language, as ComfyUI shows `str(error)`; and no `CancelledError` but ComfyUI's own."""
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
