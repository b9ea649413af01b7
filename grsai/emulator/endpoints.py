"""The paths of the API: each a function from a call to its reply, or to Refused."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web
from PIL import Image

from .formats import AS_FILE, as_file
from .generation import generate, poll, submit, unified_result
from .models import Model
from .refusals import CLOSED, HTML_TYPE, LOGIN, MAINTENANCE, PLAIN, REFUSALS, Refused
from .replies import Call, said
from .service import Service

Handler = Callable[[Service, Call], Awaitable[web.StreamResponse]]

# storage

DOMAINS: Mapping[str, Callable[[str], str]] = {  # fault kind → the domain of a ticket, from the emulator's address
    "domain_bare": lambda url: url.partition("://")[2] + "/files",
    "domain_odd": lambda url: url + "/files/图 片",
    "domain_slash": lambda url: url + "/files//",
}


async def ticket(service: Service, call: Call) -> web.Response:
    service.admit(call.key)
    suffix = call.fields.get("sux")
    if not isinstance(suffix, str) or not suffix.isalnum():
        raise Refused(*REFUSALS["unparsable"])
    token, key = service.ticket(suffix)
    domain = DOMAINS.get(call.kind, lambda url: url + "/files")(service.url)
    return said(call, {"token": token, "key": key, "url": f"{service.url}/storage", "domain": domain})


async def upload(service: Service, call: Call) -> web.Response:
    key, token, file = call.seen.task_id, call.form.get("token", b""), call.form.get("file")
    if not key or service.tokens.get(token.decode("utf-8", "replace")) != key:
        return web.json_response({"error": "bad token"}, status=401)
    if file is None:
        return web.json_response({"error": "file is not specified in multipart"}, status=400)
    if call.kind == "upload_error":
        return web.json_response({"error": (call.fault and call.fault.text) or "bucket is full"})
    stored = await service.store(key, file)
    return web.json_response({"hash": stored.sha256[:28], "key": key})


async def reference(service: Service, call: Call) -> web.Response:
    stored = service.uploads.get(call.seen.path.rpartition("/")[2])
    if stored is None:
        return web.json_response({"error": "Document not found"}, status=404)
    content_type = Image.MIME.get(Image.registered_extensions().get(stored.suffix, ""), "application/octet-stream")
    return web.Response(body=service.stored(stored), content_type=content_type)


async def download(service: Service, call: Call) -> web.Response:
    content = await service.picture(call.seen.task_id)
    if content is None:
        return web.Response(status=404, content_type=HTML_TYPE, text=PLAIN["not_found"][2])
    task = service.tasks[call.seen.task_id]
    task.downloads += call.request.method == "GET"
    if call.fault and call.kind in AS_FILE:
        service.turns["corrupt"] += call.kind == "corrupt"
        content = await asyncio.to_thread(as_file, call.kind, content, call.fault.size, service.turns["corrupt"])
        if call.kind != "corrupt":
            task.sha256, task.size = hashlib.sha256(content).hexdigest(), len(content)
    return web.Response(body=content, content_type="image/png")


# account and status

BALANCES: Mapping[str, Mapping[str, Any]] = {  # fault kind → the data instead of a balance
    "no_number": {},
    "negative": {"credits": -1},
    "text": {"credits": "plenty"},
    "null": {"credits": None},
}


async def key_credits(service: Service, call: Call) -> web.Response:
    service.admit(str(call.fields.get("apiKey")))
    return said(call, BALANCES.get(call.kind, {"credits": service.key_limit or 0}))


async def account_credits(service: Service, call: Call) -> web.Response:
    service.admit(call.request.query.get("apikey", ""))
    service.turns["credits"] += 1
    shown = service.credits if service.turns["credits"] % 2 else str(service.credits)  # both were seen
    return said(call, BALANCES.get(call.kind, {"credits": shown}))


async def model_status(service: Service, call: Call) -> web.Response:
    model = service.models.get(call.request.query.get("model", ""))
    error = "model not found"
    if model is not None:
        error = MAINTENANCE if down(model, call) else CLOSED if closed(model, call) else ""
    return said(call, {"status": not error, "error": error})


async def model_list(service: Service, call: Call) -> web.Response:
    rows = [
        {"model": name, "name": name, "credits": model.credits, "maintenance": down(model, call)}
        for name, model in service.models.items()
    ]
    return said(call, rows)


async def model_list_2(service: Service, call: Call) -> web.Response:
    rows = [
        {
            "name": name,
            "type": model.kind,
            "cost": model.credits,
            "costType": 0,
            "desc": f"{name}, {model.credits} credits a call",
            "closeModel": closed(model, call),
            "maintenance": down(model, call),
            "errorReturn": service.refunds(model, moderated=False),
            "violationReturn": service.refunds(model, moderated=True),
            "group": name.partition("-")[0],
        }
        for name, model in service.models.items()
    ]
    return said(call, {"list": rows})


def down(model: Model, call: Call) -> bool:
    return model.maintenance or call.kind == "maintenance"


def closed(model: Model, call: Call) -> bool:
    return model.closed or call.kind == "model_closed"


# elsewhere


async def elsewhere(_service: Service, call: Call) -> web.Response:
    """Where a redirect leads."""
    if call.seen.path == PORTAL:
        return web.Response(text=LOGIN, content_type=HTML_TYPE)
    return web.json_response({})


async def unknown(_service: Service, call: Call) -> web.Response:
    return web.json_response({"error": f"no route {call.seen.method} {call.seen.path}"}, status=404)


ELSEWHERE, PORTAL = "/elsewhere", "/portal"
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
        ("POST", "/client/serverGrsai/getModelListV2"): ("status", model_list_2),
    }
)


def route(method: str, path: str) -> tuple[str, Handler]:
    """The step and the handler of a request."""
    if path in (ELSEWHERE, PORTAL):
        return "elsewhere", elsewhere
    if method in ("GET", "HEAD") and path.startswith("/file/"):
        return "download", download
    if method in ("GET", "HEAD") and path.startswith("/files/"):
        return "reference", reference
    return ROUTES.get((method, path), ("unknown", unknown))
