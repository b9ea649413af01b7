"""How the service speaks: a call, what is said to it, how it is refused, and faults of whole replies."""

from __future__ import annotations

import asyncio
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from .connections import bomb, cut, drip, go_on, send_half
from .faults import FAILED, Fault
from .models import UNIFIED
from .refusals import JSON_TYPE, LIMITED, NO_CREDITS, NO_KEY_CREDITS, PLAIN, Refused


@dataclass
class Received:
    """One request as it arrived; the emulator's own /emulator/ paths are not recorded."""

    time: float  # seconds since the epoch
    step: str  # of STEPS, or "reference" (fetched an uploaded file), "elsewhere" (followed a redirect), "unknown"
    method: str
    path: str  # without the query, which may hold the key
    headers: dict[str, str]  # names in Title-Case
    body: Any = None  # parsed JSON, the query of a GET, the names of a form, or None
    task_id: str = ""  # of a submit once accepted; the key of an upload
    fault: str | None = None
    status: int = 0  # 0: no reply was sent


@dataclass(frozen=True)
class Call:
    request: web.Request
    seen: Received
    form: Mapping[str, bytes]
    fault: Fault | None

    @property
    def kind(self) -> str:
        return self.fault.kind if self.fault else ""

    @property
    def key(self) -> str:
        scheme, _, key = self.seen.headers.get("Authorization", "").partition(" ")
        return key if scheme == "Bearer" else ""

    @property
    def unified(self) -> bool:
        return self.seen.path.startswith(UNIFIED)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body as an object, empty if it is none."""
        return self.seen.body if isinstance(self.seen.body, dict) else {}


def said(call: Call, data: Any, *, status: int = 200) -> web.Response:
    """What a generation answers: legacy within an envelope, unified as it is."""
    if isinstance(data, dict) and call.kind == "error_object" and data.get("error"):
        data = {**data, "error": {"message": data["error"]}}
    if call.unified and call.kind == "id_and_code":
        return as_json(call, {**data, "error": LIMITED}, status=400)
    if call.unified and call.kind not in ("wrapped", "code_200"):
        return as_json(call, data, status=status)
    code, message = {"code_200": (200, "success"), "id_and_code": (-1, LIMITED)}.get(call.kind, (0, "success"))
    return as_json(call, {"code": code, "msg": message, "data": data}, status=status)


def as_json(call: Call, body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    text = ("\ufeff" if call.kind == "bom" else "") + json.dumps(body)
    return web.Response(text=text, content_type=JSON_TYPE, status=status, headers=headers)


def refusal(call: Call, refused: Refused) -> web.Response:
    """How the two generations of the API say no."""
    message: Any = call.fault.text if call.fault and call.fault.text else refused.message
    told = {"message": message} if call.kind == "error_object" else message
    if not call.unified or refused.status != 200:
        name = "error" if call.kind == "error_object" else "msg"
        body = {"code": refused.code, "data": None, name: told}
        return as_json(call, body, status=refused.status, headers=refused.headers)
    if refused.code == -22:
        return as_json(call, {"error": "result not exist, valid for 2 hours"}, status=404)
    if call.seen.step == "poll":
        return as_json(call, {"error": told}, status=400)  # chosen: without a state, which would be the task's
    if message.startswith("apikey") and message != NO_KEY_CREDITS and call.fields.get("replyType") == "async":
        return web.Response(content_type=JSON_TYPE)
    if message in (NO_CREDITS, NO_KEY_CREDITS):  # the id is none that can be asked for
        return as_json(call, {"id": new_id(call), "status": FAILED, "error": NO_KEY_CREDITS}, status=400)
    return as_json(call, {"id": "", "status": FAILED, "error": told}, status=400)


def new_id(call: Call) -> str:
    """A task's id: `<number>-<uuid>`, or as the fault says."""
    if call.kind == "id_number":
        return str(uuid.uuid4().int % 10**12)
    return f"{'' if call.kind == 'no_prefix' else '13-' if call.unified else '14-'}{uuid.uuid4()}"


def plain(fault: Fault) -> web.Response:
    """The whole reply that comes instead of any processing."""
    status, content_type, text = PLAIN[fault.kind]
    headers = {"Retry-After": str(math.ceil(fault.seconds))} if fault.kind == "http_429_retry_after" else None
    return web.Response(status=status, content_type=content_type, text=fault.text or text, headers=headers)


async def spoil(call: Call, response: web.StreamResponse) -> web.StreamResponse:
    """The faults of a reply whose request was processed."""
    if call.fault is None or response.prepared:
        return response
    if call.kind in ("slow_reply", "slow_headers", "hang_taken"):
        await asyncio.sleep(call.fault.seconds)
    if call.kind in ("reset_after", "hang_taken"):
        return cut(call.request, reset=call.kind == "reset_after")
    if call.kind == "http_500_taken":
        return plain(replace(call.fault, kind="http_500"))
    if call.kind in PLAIN:
        return plain(call.fault)
    if not isinstance(response, web.Response):
        return response
    if call.kind in ("reset_middle", "short_body"):
        return await send_half(call.request, response, reset=call.kind == "reset_middle")
    if call.kind in ("drip_head", "drip_body"):
        return await drip(call.request, response, seconds=call.fault.seconds, head=call.kind == "drip_head")
    if call.kind == "bomb":
        return bomb(response, size=call.fault.size)
    if call.kind == "endless":
        return await go_on(call.request, response, seconds=call.fault.seconds)
    return response
