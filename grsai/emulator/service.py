"""The service behind the API: tasks, money, uploads and results. It knows no HTTP."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import InitVar, dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .faults import BAD_IMAGE, FAILED, NEVER, RUNNING, SUCCEEDED, VERDICTS
from .models import MOST_REFERENCES, Model, catalogue, changed, refused_ratio
from .painting import Drift, Painter, Wish
from .refusals import LIMITED, NO_CREDITS, NO_KEY_CREDITS, REFUSALS, Refused
from .tasks import Order, Task, Upload

HOST = "127.0.0.1"  # never another: whoever can reach it can spend and read everything
KEY = re.compile(r"sk-[0-9a-fA-F]{32}")
SLOW = re.compile(r"\[slow (\d+(?:\.\d+)?)\]")
T = TypeVar("T")
Span = float | tuple[float, float]


@dataclass(kw_only=True, eq=False, repr=False)
class Service:
    """All options may be set while it runs, but for `render` and `prices`."""

    port: int = 0  # 0: any free one, known after the start
    key: str | None = None  # the only good key; None: any well-formed one
    credits: int = 1_000_000  # the balance
    key_limit: int | None = None  # credits of the key itself; None: no limit of its own
    seconds: Span | Mapping[str, Span] = (0.2, 0.4)  # how long a task takes: a figure, a range, or either by model
    seed: int = 0  # of faults and durations
    lag: float = 0.0  # seconds before every reply
    submit_seconds: Span = 0.0  # from taking a submit to answering it
    upload_seconds: float = 0.0  # how long the storage takes for a file
    max_open: int | None = None  # a submit beyond so many open tasks gets 429,
    retry_after: int | None = None  # with this Retry-After
    visible_after: float = 0.0  # for so many seconds after its submit a task is "-22, no such task"
    lifetime: float = 7200.0  # of tasks and results, in seconds
    body_limit: int = 256 << 20  # bytes of a request to the API; beyond it the gateway says 413
    refund_failed: bool = False  # for models that do not say otherwise
    drift: Drift = Drift()  # how pictures come out a little off what was asked
    faithful: bool = False  # a picture keeps what its first reference shows, but for a disc in the middle
    prices: InitVar[Mapping[str, int] | None] = None  # credits by model; a name that is not known yet joins the models
    render: InitVar[bool] = True  # False: one plain picture per size, for benchmarks
    side: int | None = None  # of that plain picture, in pixels

    models: dict[str, Model] = field(init=False)  # see change()
    tasks: dict[str, Task] = field(default_factory=dict, init=False)
    uploads: dict[str, Upload] = field(default_factory=dict, init=False)  # by key
    tokens: dict[str, str] = field(default_factory=dict, init=False)  # upload token → key
    charged: int = field(default=0, init=False)  # credits taken in all, less the refunds
    open: int = field(default=0, init=False)  # tasks under way
    peak_open: int = field(default=0, init=False)
    turns: Counter[Any] = field(default_factory=Counter, init=False)  # how often something came, where the next time differs

    def __post_init__(self, prices: Mapping[str, int] | None, render: bool) -> None:
        self.models = catalogue(prices or {})
        self.dice = random.Random(self.seed)
        self._painter = Painter(render=render)
        self._painter.side = self.side
        self._wishes: dict[str, Wish] = {}  # by task id
        self._names: dict[str, str] = {}  # result file → task id
        self._work: dict[str, asyncio.Task[None]] = {}  # by task id
        self._at_the_start = self.credits, dict(self.models)
        self._loop: asyncio.AbstractEventLoop
        self._pool: ThreadPoolExecutor

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def resume(self, pool: ThreadPoolExecutor) -> None:
        """Goes on with the open tasks in the running loop; `pool` paints."""
        self._loop, self._pool = asyncio.get_running_loop(), pool
        for task in list(self.tasks.values()):
            if task.status == RUNNING:
                self.keep_running(task.id, self._work_on(task))

    def pause(self) -> None:
        for work in self._work.values():
            work.cancel()

    def forget(self) -> None:
        """Tasks, uploads and turns are gone; credits and models are as at the start."""
        self.pause()
        for kept in (self._work, self.tasks, self.uploads, self._wishes, self._names, self.tokens, self.turns):
            kept.clear()
        self._painter.files.clear()
        self.dice.seed(self.seed)
        self.credits, self.models = self._at_the_start[0], dict(self._at_the_start[1])
        self.charged, self.open, self.peak_open = 0, 0, 0

    def admit(self, key: str) -> None:
        if not KEY.fullmatch(key):
            raise Refused(-1, "apikey error")
        if self.key is not None and key != self.key:
            raise Refused(-1, "apikey not found")

    def change(self, model: str, **facts: Any) -> None:
        """Other facts of a model, by their names in `Model`; a new name joins the models."""
        self.models = {**self.models, model: changed(self.models, model, **facts)}

    # storage

    def ticket(self, suffix: str) -> tuple[str, str]:
        """Token and key of an upload to come."""
        token, key = f"up:{uuid.uuid4().hex}", f"{uuid.uuid4()}.{suffix}"
        self.tokens[token] = key
        return token, key

    async def store(self, key: str, content: bytes) -> Upload:
        digest = self._painter.keep(content)
        await asyncio.sleep(self.upload_seconds)
        self.uploads[key] = Upload(digest, len(content), os.path.splitext(key)[1], time.time())
        return self.uploads[key]

    def stored(self, upload: Upload) -> bytes:
        return self._painter.files[upload.sha256]

    def meaning(self, url: Any) -> Any:
        """What tells references apart: a picture that went up twice is the same."""
        upload = self.uploads.get(url.rpartition("/")[2]) if isinstance(url, str) else None
        return upload.sha256 if upload else url

    def _digest(self, url: str) -> str | None:
        """The stored or inline picture a reference means; nothing is ever fetched from elsewhere."""
        if url.startswith(("http://", "https://")):
            upload = self.uploads.get(urlsplit(url).path.rpartition("/")[2])
            return upload.sha256 if upload else None
        try:
            return self._painter.keep(base64.b64decode(url.rpartition(",")[2], validate=True))
        except (binascii.Error, ValueError):
            return None

    # tasks

    def accept(self, order: Order, task_id: str, *, verdict: str = "", error: str = "") -> Task:
        """Takes the credits and starts a task, or raises Refused. `verdict` (of VERDICTS) and `error` name its end."""
        model = self._offered(order)
        if not order.prompt:
            raise Refused(*REFUSALS["unparsable"])  # chosen: the prompt is required, the refusal's words are not known
        if self.max_open is not None and self.open >= self.max_open:
            headers = None if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            raise Refused(-1, LIMITED, status=429, headers=headers)
        self._charge(model.credits)
        slow = SLOW.search(order.prompt)
        task = Task(
            id=task_id,
            model=order.model,
            prompt=order.prompt,
            urls=order.urls,
            aspect_ratio=order.ratio,
            image_size=order.size,
            quality=order.quality,
            background=order.background,
            unified=order.unified,
            askable=order.reply == "async",
            seconds=float(slow[1]) if slow else self._duration(order.model),
            credits=model.credits,
        )
        self._judge(task, model, verdict, error)
        self.tasks[task.id] = task
        self._names[task.file] = task.id
        self.open += 1
        self.peak_open = max(self.peak_open, self.open)
        self.keep_running(task.id, self._work_on(task))
        return task

    def _offered(self, order: Order) -> Model:
        """The model that is ordered, if it takes such an order. The words for what gpt-image does not take are chosen."""
        model = self.models.get(order.model)
        if model is None or model.kind != "image" or (model.unified_only and not order.unified):
            raise Refused(-1, "model not register" if order.unified else "model not found")
        if model.closed:
            raise Refused(*REFUSALS["model_closed"])
        if model.maintenance:
            raise Refused(*REFUSALS["maintenance"])
        if refused_ratio(model, order.ratio):
            raise Refused(-1, f"invalid aspectRatio {order.ratio}")
        if model.qualities and order.quality not in ("", *model.qualities):
            raise Refused(-1, f"invalid quality {order.quality}")
        if model.takes_pixels and len(order.urls) > MOST_REFERENCES:
            raise Refused(-1, f"too many images: {len(order.urls)}")
        return model

    def _duration(self, model: str) -> float:
        span = self.seconds
        if isinstance(span, Mapping):
            span = span.get(model, (0.2, 0.4))
        return self.drawn(span)

    def drawn(self, span: Span) -> float:
        return self.dice.uniform(span[0], span[-1]) if isinstance(span, tuple) else float(span)

    def _charge(self, price: int) -> None:
        if self.key_limit is not None and self.key_limit < price:
            raise Refused(-1, NO_KEY_CREDITS)
        if self.credits < price:
            raise Refused(-1, NO_CREDITS)
        self._pay(price)

    def _pay(self, price: int) -> None:
        self.credits -= price
        self.charged += price
        if self.key_limit is not None:
            self.key_limit -= price

    def _judge(self, task: Task, model: Model, verdict: str, error: str) -> None:
        """Decides how the task will end and what it will show."""
        references = [self._digest(url) for url in task.urls]
        if not verdict and "[error once]" in task.prompt:
            wished = (task.prompt, *map(self.meaning, task.urls))
            self.turns[wished] += 1
            verdict = "error" if self.turns[wished] == 1 else ""
        verdict = verdict or next((name for name in VERDICTS if f"[{name}]" in task.prompt), "")
        task.empty = verdict == "empty"
        task.seconds = NEVER if verdict == "never" else task.seconds
        task.ending = VERDICTS.get(verdict, ("", ""))
        if task.ending[0]:
            task.ending = (task.ending[0], error or task.ending[1])
        elif None in references:
            task.ending = ("error", BAD_IMAGE)
        wish = Wish(
            model=task.model,
            prompt=task.prompt,
            references=tuple(filter(None, references)),
            ratio=task.aspect_ratio,
            size=model.size(task.image_size),
            by_pixels=model.takes_pixels,
            transparent=model.transparent and task.background == "transparent",
            drift=self.drift,
            faithful=self.faithful,
        )
        self._wishes[task.id] = replace(wish, variant=self.turns[wish] % 12)
        self.turns[wish] += 1

    def keep_running(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Runs beside the requests, until the service pauses. Of a task's work the name is its id."""
        self._work[name] = self._loop.create_task(work)
        self._work[name].add_done_callback(lambda _done: self._work.pop(name, None))

    async def _work_on(self, task: Task) -> None:
        painted = None
        if not task.ending[0] and task.seconds < NEVER:
            painted = self._beside(self._paint, task)
        await asyncio.sleep(max(0.0, task.seconds - task.age))
        self.finish(task, *(await painted if painted else task.ending))

    def _beside(self, paint: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """The painter's work in its pool, or at once where it is none."""
        if self._painter.render:
            return self._loop.run_in_executor(self._pool, paint, *arguments)
        done: asyncio.Future[T] = self._loop.create_future()
        done.set_result(paint(*arguments))
        return done

    def _paint(self, task: Task) -> tuple[str, str]:
        """Makes the result file; a reason and an error when that cannot be done. Runs in the painters' pool."""
        try:
            content = self._painter.picture(self._wishes[task.id], task.id)
        except Exception:  # whatever Pillow raises on a broken reference, the real service too only says "error"
            return "error", BAD_IMAGE
        task.sha256, task.size = hashlib.sha256(content).hexdigest(), len(content)
        return "", ""

    def finish(self, task: Task, reason: str, error: str) -> None:
        """Ends a task, unless it has ended."""
        if task.status != RUNNING:
            return
        self.open -= 1
        task.failure_reason, task.error = reason, error
        task.status = FAILED if reason else SUCCEEDED
        model = self.models.get(task.model)
        if reason and (self.refunds(model, moderated=task.moderated) if model else self.refund_failed):
            task.refunded = True
            self._pay(-task.credits)

    def refunds(self, model: Model, *, moderated: bool) -> bool:
        """Whether credits come back for a task that failed, or that moderation refused."""
        says = model.refunds_refusals if moderated else model.refunds_errors
        return self.refund_failed if says is None else says

    # results

    def asked_for(self, task_id: str, *, unified: bool) -> Task:
        """The task that a poll of this generation asks for, or raises Refused."""
        task = self.tasks.get(task_id)
        known = task and task.askable and task.unified == unified
        if task is None or not known or not self.visible_after <= task.age <= self.lifetime:
            raise Refused(*REFUSALS["no_such_task"])
        task.polls += 1
        return task

    def view(self, task: Task) -> dict[str, Any]:
        """The flat task object, as the legacy generation shows it."""
        results: list[dict[str, str]] | None = None if task.status == RUNNING else []
        if task.status == SUCCEEDED and not task.empty:
            results = [{"url": f"{self.url}/file/{task.file}", "content": ""}]
        return {
            "id": task.id,
            "results": results,
            "progress": task.progress,
            "status": task.status,
            "failure_reason": task.failure_reason,
            "error": task.error,
        }

    async def views(self, task: Task, *, quiet: bool) -> AsyncIterator[dict[str, Any]]:
        """Views of the task while it runs (unless quiet), and the last one."""
        work = self._work.get(task.id)
        pause = None if quiet else min(1.0, max(0.05, task.seconds / 8))
        while work is not None and not work.done():
            if not quiet:
                yield self.view(task)
            await asyncio.wait({work}, timeout=pause)
        yield self.view(task)

    def shown_at(self, path: str) -> str:
        """The id of the task whose result file has this path, or nothing."""
        return self._names.get(path.rpartition("/")[2], "")

    async def picture(self, task_id: str) -> bytes | None:
        """The result file of a task, if it has one."""
        task = self.tasks.get(task_id)
        if task is None or task.status != SUCCEEDED or task.age > self.lifetime:
            return None
        return await self._beside(self._painter.picture, self._wishes[task.id], task.id)
