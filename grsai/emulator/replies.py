"""How the service speaks: what it says, how it refuses, and replies that break."""

from __future__ import annotations

import asyncio
import math
import os
import random
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from .faults import FAILED, JSON_TYPE, PLAIN, Fault
from .service import Refused


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
    form: Mapping[str, Any]
    fault: Fault | None

    @property
    def kind(self) -> str:
        return self.fault.kind if self.fault else ""

    @property
    def key(self) -> str:
        scheme, _, key = self.seen.headers.get("Authorization", "").partition(" ")
        return key if scheme == "Bearer" else ""


def said(data: Any) -> web.Response:
    return web.json_response({"code": 0, "msg": "success", "data": data})


def plain(fault: Fault) -> web.Response:
    status, content_type, text = PLAIN[fault.kind]
    headers = {"Retry-After": str(math.ceil(fault.seconds))} if fault.kind == "http_429_retry_after" else None
    return web.Response(status=status, content_type=content_type, text=text, headers=headers)


def refusal(path: str, refused: Refused) -> web.Response:
    """How the two generations of the API say no."""
    if not path.startswith("/v1/api/") or refused.status != 200:
        body = {"code": refused.code, "data": None, "msg": refused.message}
        return web.json_response(body, status=refused.status, headers=refused.headers)
    if "apikey" in refused.message and "credits" not in refused.message:
        return web.Response(content_type=JSON_TYPE)
    if refused.code == -22:
        return web.json_response({"error": "result not exist, valid for 2 hours"}, status=404)
    return web.json_response({"id": "", "status": FAILED, "error": refused.message}, status=400)


async def spoil(call: Call, response: web.StreamResponse) -> web.StreamResponse:
    """The faults of a reply whose request was processed."""
    if call.fault is None or response.prepared:
        return response
    if call.kind in ("slow_headers", "hang_taken"):
        await asyncio.sleep(call.fault.seconds)
    if call.kind in ("reset_after", "hang_taken"):
        return cut(call.request, reset=call.kind == "reset_after")
    if call.kind == "http_500_taken":
        return plain(replace(call.fault, kind="http_500"))
    if call.kind in PLAIN:
        return plain(call.fault)
    if call.kind in ("reset_middle", "short_body") and isinstance(response, web.Response):
        return await send_half(call.request, response, reset=call.kind == "reset_middle")
    return response


def cut(request: web.Request, *, reset: bool) -> web.Response:
    """Ends the connection now: with a reset, or in an orderly way. What it returns can no longer be sent."""
    transport = request.transport
    if transport is not None and reset:
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    elif transport is not None:
        transport.close()
    return web.Response()


async def send_half(request: web.Request, whole: web.Response, *, reset: bool) -> web.StreamResponse:
    """The right Content-Length, half of the body, and the end of the connection."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    headers = {"Content-Type": whole.content_type, "Content-Length": str(len(body))}
    half = web.StreamResponse(status=whole.status, headers=headers)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if reset:
        await asyncio.sleep(0.02)  # a reset overtakes what still lies in the buffers
    cut(request, reset=reset)
    return half


def spoiled(png: bytes, turn: int) -> bytes:
    """No picture, a truncated one, or one with a broken middle, in turn."""
    middle = len(png) // 2
    return (b"this is no picture" * 50, png[:middle], png[:middle] + b"\0" * 64 + png[middle + 64 :])[turn % 3]


async def as_it_comes(response: web.StreamResponse, data: bytes, dice: random.Random) -> None:
    """Writes in pieces that end anywhere, also within a line or a character."""
    while data:
        size = dice.randint(1, max(2, len(data)))
        await response.write(data[:size])
        data = data[size:]
        await asyncio.sleep(0.002)  # else the pieces leave as one


class Untyped(web.StreamResponse):
    """A stream that does not say what it is."""


async def strip_type(_request: web.Request, response: web.StreamResponse) -> None:
    if isinstance(response, Untyped):
        response.headers.pop("Content-Type", None)
