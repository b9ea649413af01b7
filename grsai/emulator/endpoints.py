"""The paths of the API: each a function from a call to its reply, or to Refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from PIL import Image

from .faults import HTML_TYPE, JSON_TYPE, MAINTENANCE, PLAIN, REFUSALS, RUNNING
from .models import CREDITS
from .replies import Call, Untyped, as_it_comes, cut, said, spoil, spoiled
from .service import HOST, Order, Refused, Service, Task

Handler = Callable[[Service, Call], Awaitable[web.StreamResponse]]

# storage


async def ticket(service: Service, call: Call) -> web.Response:
    service.admit(call.key)
    body = call.seen.body
    suffix = body.get("sux") if isinstance(body, dict) else None
    if not isinstance(suffix, str) or not suffix.isalnum():
        raise Refused(*REFUSALS["unparsable"])
    token, key = service.ticket(suffix)
    return said({"token": token, "key": key, "url": f"{service.url}/storage", "domain": f"{service.url}/files"})


async def upload(service: Service, call: Call) -> web.Response:
    key, file = call.form.get("key"), call.form.get("file")
    if not key or service.tokens.get(str(call.form.get("token"))) != key:
        return web.json_response({"error": "bad token"}, status=401)
    if not isinstance(file, web.FileField):
        return web.json_response({"error": "file is not specified in multipart"}, status=400)
    stored = await service.store(key, await asyncio.to_thread(file.file.read))
    return web.json_response({"hash": stored.sha256[:28], "key": key})


async def reference(service: Service, call: Call) -> web.Response:
    stored = service.uploads.get(call.seen.path.removeprefix("/files/"))
    if stored is None:
        return web.json_response({"error": "Document not found"}, status=404)
    content_type = Image.MIME.get(Image.registered_extensions().get(stored.suffix, ""), "application/octet-stream")
    return web.Response(body=service.stored(stored), content_type=content_type)


async def download(service: Service, call: Call) -> web.Response:
    content = await service.picture(call.seen.task_id)
    if content is None:
        return web.Response(status=404, content_type=HTML_TYPE, text=PLAIN["not_found"][2])
    service.tasks[call.seen.task_id].downloads += call.request.method == "GET"
    if call.kind == "corrupt":
        service.turns["corrupt"] += 1
        content = spoiled(content, service.turns["corrupt"])
    return web.Response(body=content, content_type="image/png")


# generation


def parsed_order(body: Any, *, unified: bool) -> Order:
    """Reads a submit's body. Wrong types cannot be parsed by the service."""
    fields = body if isinstance(body, dict) else {"prompt": None}

    def text(name: str, default: str) -> str:
        value = fields.get(name, default)
        if not isinstance(value, str):
            raise Refused(*REFUSALS["unparsable"])
        return value

    urls, quiet = fields.get("images" if unified else "urls") or [], fields.get("shutProgress") or False
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls) or not isinstance(quiet, bool):
        raise Refused(*REFUSALS["unparsable"])
    ratio, size, hook = text("aspectRatio", "auto"), text("imageSize", "1K"), text("webHook", "")
    return Order(text("model", ""), text("prompt", ""), tuple(urls), ratio, size, hook, quiet, unified)


def accepted(service: Service, call: Call, order: Order) -> Task:
    verdict = call.kind.removeprefix("task_") if call.kind.startswith("task_") else ""
    task = service.accept(order, prefix="" if call.kind == "no_prefix" else "14-", verdict=verdict)
    call.seen.task_id = task.id
    return task


async def submit(service: Service, call: Call) -> web.StreamResponse:
    service.admit(call.key)
    order = parsed_order(call.seen.body, unified=False)
    task = accepted(service, call, order)
    if not order.hook:
        return await stream(service, call, task, order)
    if order.hook != "-1":
        service.keep_running(f"push {task.id}", push(service, task, order))
    return said(task.id if call.kind == "bare_id" else {"id": task.id})


async def generate(service: Service, call: Call) -> web.Response:
    service.admit(call.key)
    task = accepted(service, call, parsed_order(call.seen.body, unified=True))
    return web.json_response({"id": task.id, "status": RUNNING})


async def poll(service: Service, call: Call) -> web.Response:
    service.admit(call.key)
    if not isinstance(call.seen.body, dict):
        raise Refused(*REFUSALS["unparsable"])
    task = asked_for(service, call)
    view = service.view(task)
    if call.kind in ("error_while_running", "stall"):
        error = "generate failed" if call.kind == "error_while_running" else ""
        progress = 33 if call.kind == "stall" else view["progress"]
        view.update(status=RUNNING, results=None, progress=progress, failure_reason="", error=error)
    elif call.kind == "empty_results":
        view["results"] = [] if task.polls % 2 else None
    elif call.kind == "top_level_url":
        view["url"] = view.pop("results")[0]["url"] if view["results"] else ""
    return said(view)


async def unified_result(service: Service, call: Call) -> web.Response:
    service.admit(call.key)
    view = service.view(asked_for(service, call))
    moderated = view.pop("failure_reason").endswith("moderation")
    return web.json_response({**view, "status": "violation" if moderated else view["status"]})


def asked_for(service: Service, call: Call) -> Task:
    task = service.visible(call.seen.task_id)
    if call.kind == "maintenance":
        service.finish(task, "error", MAINTENANCE)
    return task


async def stream(service: Service, call: Call, task: Task, order: Order) -> web.StreamResponse:
    """The reply to a submit without webHook, in the forms it was seen in: they take turns."""
    turn = service.turns["stream"]
    service.turns["stream"] += 1
    if call.kind in ("reset_after", "hang_taken", "http_500_taken", "slow_headers"):
        early = await spoil(call, web.Response())
        if call.kind != "slow_headers":
            return early
    response = Untyped() if turn % 3 == 2 else web.StreamResponse()
    response.content_type = ("text/event-stream", JSON_TYPE, "text/plain")[turn % 3]
    await asyncio.sleep(service.lag)
    await response.prepare(call.request)
    gap = ("\n\n", "\n")[turn // 3 % 2]
    try:
        async for view in service.views(task, quiet=order.quiet):
            line = f"data: {json.dumps(view, ensure_ascii=False)}{gap}"
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


# account and status


async def key_credits(service: Service, call: Call) -> web.Response:
    service.admit(str(call.seen.body.get("apiKey")) if isinstance(call.seen.body, dict) else "")
    return said({} if call.kind == "no_number" else {"credits": service.key_limit or 0})


async def account_credits(service: Service, call: Call) -> web.Response:
    service.admit(call.request.query.get("apikey", ""))
    service.turns["credits"] += 1
    if call.kind == "no_number":
        return said({})
    return said({"credits": service.credits if service.turns["credits"] % 2 else str(service.credits)})


async def model_status(_service: Service, call: Call) -> web.Response:
    model = call.request.query.get("model", "")
    error = MAINTENANCE if call.kind == "maintenance" else "" if model in CREDITS else "model not found"
    return said({"status": not error, "error": error})


async def model_list(_service: Service, call: Call) -> web.Response:
    down = call.kind == "maintenance"
    rows = [{"model": name, "name": name, "credits": price, "maintenance": down} for name, price in CREDITS.items()]
    return said(rows)


async def elsewhere(_service: Service, _call: Call) -> web.Response:
    """Where a redirect leads."""
    return web.json_response({})


async def unknown(_service: Service, call: Call) -> web.Response:
    return web.json_response({"error": f"no route {call.seen.method} {call.seen.path}"}, status=404)


ROUTES: Mapping[tuple[str, str], tuple[str, Handler]] = MappingProxyType(  # method and path → step, handler
    {
        ("POST", "/client/resource/newUploadTokenZH"): ("ticket", ticket),
        ("POST", "/storage"): ("upload", upload),
        ("POST", "/v1/draw/nano-banana"): ("submit", submit),
        ("POST", "/v1/draw/result"): ("poll", poll),
        ("POST", "/v1/api/generate"): ("submit", generate),
        ("GET", "/v1/api/result"): ("poll", unified_result),
        ("POST", "/client/openapi/getAPIKeyCredits"): ("credits", key_credits),
        ("GET", "/client/common/getCredits"): ("credits", account_credits),
        ("GET", "/client/common/getModelStatus"): ("status", model_status),
        ("POST", "/client/serverGrsai/getModelList"): ("status", model_list),
        ("GET", "/elsewhere"): ("elsewhere", elsewhere),
    }
)


def route(method: str, path: str) -> tuple[str, Handler]:
    """The step and the handler of a request."""
    if method in ("GET", "HEAD") and path.startswith("/file/"):
        return "download", download
    if method in ("GET", "HEAD") and path.startswith("/files/"):
        return "reference", reference
    return ROUTES.get((method, path), ("unknown", unknown))
