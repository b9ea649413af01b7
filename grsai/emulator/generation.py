"""Submit, poll, stream and web hook of both generations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from .connections import Untyped, as_it_comes, cut
from .faults import FAILED, RUNNING, VERDICTS
from .oddities import ENDED, IDS, INLINE, VIEWS, Body, flat, inline
from .refusals import JSON_TYPE, MAINTENANCE, REFUSALS, Refused
from .replies import Call, new_id, said, spoil
from .service import HOST, Service
from .tasks import Order, Task

AT_ONCE = {"failed_at_once": ("error", "generate failed"), "violation_at_once": VERDICTS["input_moderation"]}


def legacy_order(body: Any) -> Order:
    """Wrong types cannot be parsed by the service."""
    return order_of(body, "urls", hook=text_of(body, "webHook"), quiet=value_of(body, "shutProgress", False))


def unified_order(body: Any) -> Order:
    reply = text_of(body, "replyType", "json")  # the default is chosen: every client names one
    if reply not in ("async", "json", "stream"):
        raise Refused(*REFUSALS["unparsable"])
    return order_of(body, "images", quality=text_of(body, "quality"), background=text_of(body, "background"), reply=reply)


def order_of(body: Any, pictures: str, **more: Any) -> Order:
    urls = value_of(body, pictures, [])
    if not all(isinstance(url, str) for url in urls):
        raise Refused(*REFUSALS["unparsable"])
    return Order(
        unified=pictures == "images",
        model=text_of(body, "model"),
        prompt=text_of(body, "prompt"),
        urls=tuple(urls),
        ratio=text_of(body, "aspectRatio", "auto"),
        size=text_of(body, "imageSize", "1K"),
        **more,
    )


def text_of(body: Any, name: str, default: str = "") -> str:
    return value_of(body, name, default, nullable=False)


def value_of(body: Any, name: str, default: Any, *, nullable: bool = True) -> Any:
    """A field of the type that its default has; null is the default where it may be."""
    value = body.get(name, default) if isinstance(body, dict) else None
    if value is None and nullable and isinstance(body, dict):
        return default
    if type(value) is not type(default):
        raise Refused(*REFUSALS["unparsable"])
    return value


def accepted(service: Service, call: Call, order: Order) -> Task:
    verdict = call.kind.removeprefix("task_") if call.kind.removeprefix("task_") in VERDICTS else ""
    task = service.accept(order, new_id(call), verdict=verdict, error=call.fault.text if call.fault else "")
    call.seen.task_id = task.id
    if call.kind in AT_ONCE:
        reason, error = AT_ONCE[call.kind]
        service.finish(task, reason, (call.fault.text if call.fault else "") or error)
    return task


async def submit(service: Service, call: Call) -> web.StreamResponse:
    service.admit(call.key)
    order = legacy_order(call.seen.body)
    task = accepted(service, call, order)
    if not order.hook:
        return await stream(service, call, task, order, lambda view: view)
    if order.hook != "-1":
        service.keep_running(f"push {task.id}", push(service, task, order))
    return said(call, told_id(call, {"id": task.id}))


async def generate(service: Service, call: Call) -> web.StreamResponse:
    service.admit(call.key)
    order = unified_order(call.seen.body)
    task = accepted(service, call, order)
    if order.reply == "stream":
        return await stream(service, call, task, order, flat)
    if order.reply == "json":
        async for _view in service.views(task, quiet=True):
            pass
    if order.reply == "json" or task.status == FAILED:
        return said(call, flat(service.view(task)), status=400 if task.status == FAILED else 200)
    return said(call, told_id(call, {"id": task.id, "status": RUNNING}))


def told_id(call: Call, body: Body) -> Any:
    return IDS[call.kind](body) if call.kind in IDS else body


async def poll(service: Service, call: Call) -> web.Response:
    service.admit(call.key)
    if not isinstance(call.seen.body, dict):
        raise Refused(*REFUSALS["unparsable"])
    return said(call, await asked_view(service, call))


async def unified_result(service: Service, call: Call) -> web.Response:
    """The key is not looked at."""
    view = flat(await asked_view(service, call))
    service.turns["failed result"] += (failed := view["status"] in (FAILED, "violation"))
    return said(call, view, status=400 if failed and service.turns["failed result"] % 2 == 0 else 200)  # both were seen


async def asked_view(service: Service, call: Call) -> Body:
    """What a poll shows of its task, as its fault would have it."""
    task = service.asked_for(call.seen.task_id, unified=call.unified)
    if call.kind == "maintenance":
        service.finish(task, "error", MAINTENANCE)
    if call.kind.removeprefix("state_") in ENDED:
        service.finish(task, "error", call.kind.removeprefix("state_"))
    view = service.view(task)
    if call.kind in VIEWS:
        return VIEWS[call.kind](view, task)
    if call.kind in INLINE and (picture := await service.picture(task.id)):
        return inline(call.kind, view, picture)
    return view


async def stream(service: Service, call: Call, task: Task, order: Order, form: Callable[[Body], Body]) -> web.StreamResponse:
    """Views of the task while it runs, in the forms that streams were seen in: they take turns."""
    turn = service.turns["stream"]
    service.turns["stream"] += 1
    if call.kind in ("reset_after", "hang_taken", "http_500_taken", "slow_reply", "slow_headers"):
        early = await spoil(call, web.Response())
        if not call.kind.startswith("slow"):
            return early
    response = Untyped() if turn % 3 == 2 else web.StreamResponse()
    response.content_type = ("text/event-stream", JSON_TYPE, "text/plain")[turn % 3]
    await asyncio.sleep(service.lag)
    await response.prepare(call.request)
    gap = ("\n\n", "\n")[turn // 3 % 2]
    try:
        async for view in service.views(task, quiet=order.quiet):
            line = f"data: {json.dumps(form(view), ensure_ascii=False)}{gap}"
            if call.kind in ("reset_middle", "short_body"):
                await response.write(line[: len(line) // 2].encode())
                cut(call.request, reset=call.kind == "reset_middle")
                return response
            await as_it_comes(response, line.encode(), service.dice)
        if turn % 4 == 3:
            await response.write(f"data: [DONE]{gap}".encode())
        await response.write_eof()
    except ConnectionError:
        pass  # the listener left; the task goes on and stays paid
    return response


async def push(service: Service, task: Task, order: Order) -> None:
    """To the submit's own web hook, on this machine only."""
    if urlsplit(order.hook).hostname not in (HOST, "localhost"):
        return
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        async for view in service.views(task, quiet=order.quiet):
            try:
                async with session.post(order.hook, json=view):
                    pass
            except (aiohttp.ClientError, asyncio.TimeoutError):
                continue
