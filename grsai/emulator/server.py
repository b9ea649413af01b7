"""The HTTP server on 127.0.0.1: a thread of its own, the faults, and the record of what arrived."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Any

from aiohttp import web

from .connections import cut, strip_type
from .endpoints import ELSEWHERE, PORTAL, Handler, route
from .faults import KINDS, Fault, Plan
from .refusals import HTML_TYPE, PLAIN, REFUSALS, Refused
from .replies import Call, Received, plain, refusal, spoil
from .service import HOST, Service

REDIRECTS = {"redirect": 302, "redirect_301": 301, "redirect_308": 308, "portal_302": 302}
TAKEN = {kind for kind, (status, _, _) in PLAIN.items() if status == 200} - {"portal_200"}  # by a storage that says so
TOO_LARGE = "too large"  # instead of a body
TOLD_IN_DATA = {("maintenance", "poll"), ("maintenance", "status"), ("model_closed", "status")}  # not refused


@dataclass(kw_only=True, eq=False, repr=False)
class Emulator(Service):
    """An offline Grsai on 127.0.0.1, in a thread of its own. Stopped and started again, it keeps its port and its tasks.

    All options may be set while it runs, but for `render`, `prices` and the faults: those are added and cleared.
    """

    faults: InitVar[Iterable[Fault]] = ()

    received: list[Received] = field(default_factory=list, init=False)

    def __post_init__(self, prices: Mapping[str, int] | None, render: bool, faults: Iterable[Fault]) -> None:
        super().__post_init__(prices, render)
        self._forgotten: dict[str, float] = {}  # task id → since when a poll does not find it
        self._plan = Plan(self.seed, faults)
        self._thread: threading.Thread | None = None

    def add(self, *faults: Fault) -> None:
        for fault in faults:
            self._plan.add(fault)

    def clear_faults(self) -> None:
        self._plan.clear()

    def count(self, step: str) -> int:
        """How many requests of this step arrived, faulty ones too."""
        return sum(seen.step == step for seen in list(self.received))

    @property
    def leaks(self) -> list[Received]:
        """Requests that carried an Authorization header to storage, results or a redirect's target."""
        outside = ("upload", "download", "reference", "elsewhere")
        return [seen for seen in list(self.received) if seen.step in outside and "Authorization" in seen.headers]

    def start(self) -> None:
        """Returns when it listens. Raises OSError when the port is taken, OverflowError when there is no such port."""
        listening: concurrent.futures.Future[int] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="grsai-emulator", daemon=True)
        self._thread.start()
        try:
            self.port = listening.result()
        except BaseException:
            self._thread = None
            raise

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            thread.join()

    def reset(self) -> None:
        """Forgets tasks, uploads, the record and the faults; the credits are as at the start."""
        if self._thread is None:
            return self.forget()
        done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._loop.call_soon_threadsafe(lambda: done.set_result(self.forget()))
        done.result(10)

    def record(self) -> dict[str, Any]:
        """Everything that happened, as JSON can say it: without bodies and headers."""
        hidden = ("headers", "body")
        received = [
            {name: value for name, value in vars(seen).items() if name not in hidden}
            | {"authorized": "Authorization" in seen.headers}
            for seen in list(self.received)
        ]
        tasks = [{**vars(task), "urls": [url[:120] for url in task.urls]} for task in list(self.tasks.values())]
        return {
            "counts": dict(Counter(seen["step"] for seen in received)),
            "tasks": tasks,
            "uploads": {key: vars(upload) for key, upload in list(self.uploads.items())},
            "charged": self.charged,
            "credits": self.credits,
            "open": self.open,
            "peak_open": self.peak_open,
            "received": received,
        }

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # the server

    def _run(self, listening: concurrent.futures.Future[int]) -> None:
        asyncio.run(self._main(listening))

    async def _main(self, listening: concurrent.futures.Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        app = web.Application(client_max_size=1 << 40)  # see body_limit
        app.router.add_route("*", "/{path:.*}", self._serve)
        app.on_response_prepare.append(strip_type)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.05)
        await runner.setup()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1, "grsai-painter") as pool:
            try:
                await web.TCPSite(runner, HOST, self.port, backlog=1024).start()
                listening.set_result(runner.addresses[0][1])
                self.resume(pool)
                await self._stopping.wait()
            except Exception as error:  # for whoever waits in start()
                listening.set_exception(error)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                self.pause()
                for site in list(runner.sites):
                    await site.stop()
                await asyncio.sleep(0.01)  # connections that were just accepted become known, so that they are closed too
                await runner.cleanup()

    def forget(self) -> None:
        """Tasks, uploads, record and faults are gone; the credits are as at the start. For the loop: others call reset."""
        super().forget()
        self.received = []
        self._forgotten.clear()
        self.clear_faults()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/emulator/"):
            return await self._control(request)
        step, handler = route(request.method, request.path)
        seen, form = await self._note(request, step)
        fault = self._plan.pick(step, seen.path, self._subject(seen), lambda fault: self._fits(fault, seen))
        seen.fault = fault.kind if fault else None
        response = await self._answer(Call(request, seen, form, fault), handler)
        seen.status = response.status if request.transport and not request.transport.is_closing() else 0
        return response

    async def _note(self, request: web.Request, step: str) -> tuple[Received, Mapping[str, bytes]]:
        headers = {name.title(): value for name, value in request.headers.items()}
        seen = Received(time.time(), step, request.method, request.path, headers)
        self.received.append(seen)
        form: Mapping[str, bytes] = {}
        if request.content_type.startswith("multipart/"):
            form = form_of(await request.read(), request.headers["Content-Type"])
            seen.body = list(form)
        elif request.method == "POST":
            content = await request.read()
            seen.body = TOO_LARGE if len(content) > self.body_limit else parsed(content)
        elif request.query:
            seen.body = dict(request.query)
        seen.task_id = self._about(seen, form)
        return seen, form

    def _about(self, seen: Received, form: Mapping[str, bytes]) -> str:
        if seen.step == "upload":
            return form.get("key", b"").decode("utf-8", "replace")
        if seen.step == "download":
            return self.shown_at(seen.path)
        return str(seen.body.get("id", "")) if seen.step == "poll" and isinstance(seen.body, dict) else ""

    def _subject(self, seen: Received) -> str:
        if seen.step == "submit" and isinstance(seen.body, dict):
            lists = [seen.body.get(name) for name in ("urls", "images")]
            pictures = [self.meaning(url) for urls in lists if isinstance(urls, list) for url in urls]
            return repr([seen.body.get("model"), seen.body.get("prompt"), pictures])
        return seen.task_id

    def _fits(self, fault: Fault, seen: Received) -> bool:
        """Whether this fault makes sense for the state the task is in."""
        task = self.tasks.get(seen.task_id)
        if seen.step == "poll" and KINDS[fault.kind].when:
            return task is not None and task.status == KINDS[fault.kind].when
        if fault.kind == "forgotten":
            known = task is not None and task.polls > 0
            return known and time.time() - self._forgotten.setdefault(seen.task_id, time.time()) < fault.seconds
        return not (fault.kind in REDIRECTS and seen.headers.get("Host", "").startswith("localhost"))

    async def _answer(self, call: Call, handler: Handler) -> web.StreamResponse:
        if call.seen.body is TOO_LARGE:
            return web.Response(status=413, content_type=HTML_TYPE, text=PLAIN["http_413"][2])
        if call.fault and call.kind == "hang":
            await asyncio.sleep(call.fault.seconds)
            return cut(call.request, reset=False)
        if call.kind == "reset_before":
            return cut(call.request, reset=True)
        if call.kind in REDIRECTS:
            # by name the same machine is another host; a result may well lie there, the API does not
            path = call.request.path_qs if call.seen.step == "download" else ELSEWHERE
            path = PORTAL if call.kind == "portal_302" else path
            return web.Response(status=REDIRECTS[call.kind], headers={"Location": f"http://localhost:{self.port}{path}"})
        # any 2xx of the storage is a success, so the file is stored whatever the reply looks like
        taken = call.seen.step == "upload" and call.kind in TAKEN
        if call.fault and call.kind in PLAIN and not taken:
            return plain(call.fault)
        try:
            kind = "no_such_task" if call.kind == "forgotten" else call.kind
            if kind in REFUSALS and (kind, call.seen.step) not in TOLD_IN_DATA:
                raise Refused(*REFUSALS[kind])
            response = await handler(self, call)
        except Refused as refused:
            response = refusal(call, refused)
        await asyncio.sleep(self.lag + (self.drawn(self.submit_seconds) if call.seen.step == "submit" else 0.0))
        return await spoil(call, response)

    async def _control(self, request: web.Request) -> web.Response:
        """The emulator's own paths, for those who run it as a process."""
        match request.method, request.path:
            case "GET", "/emulator/record":
                return web.json_response(self.record())
            case "POST", "/emulator/reset":
                self.forget()
            case "POST", "/emulator/faults":
                try:
                    self.add(*[Fault(**row) for row in await request.json()])
                except (TypeError, ValueError) as error:
                    return web.json_response({"error": str(error)}, status=400)
            case "POST", "/emulator/models":
                try:
                    for name, facts in (await request.json()).items():
                        self.change(name, **facts)
                except (AttributeError, TypeError, ValueError) as error:
                    return web.json_response({"error": str(error)}, status=400)
            case _:
                return web.json_response({"error": "no such path"}, status=404)
        return web.json_response({"ok": True})


def form_of(content: bytes, content_type: str) -> dict[str, bytes]:
    """The fields of a multipart form, by hand: aiohttp's reader writes each file to disk in a thread."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary is None:
        return {}
    parts = (part.partition(b"\r\n\r\n") for part in (b"\r\n" + content).split(b"\r\n--" + boundary[1].encode()))
    named = ((re.search(rb'[ ;]name="([^"]*)"', head), value) for head, _, value in parts)
    return {name[1].decode("utf-8", "replace"): value for name, value in named if name}


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
