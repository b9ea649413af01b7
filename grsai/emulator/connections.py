"""Replies whose connection is the trouble: cut, reset, late, dripping or endless."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
import time
import zlib

from aiohttp import web


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
    body = content(whole)
    headers = {"Content-Type": whole.content_type, "Content-Length": str(len(body))}
    half = web.StreamResponse(status=whole.status, headers=headers)
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if reset:
        await asyncio.sleep(0.02)  # a reset overtakes what still lies in the buffers
    cut(request, reset=reset)
    return half


async def drip(request: web.Request, whole: web.Response, *, seconds: float, head: bool) -> web.Response:
    """A byte each so many seconds, from the first header on or from the body on; then the end of the connection."""
    body = content(whole)
    headers = {**whole.headers, "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {whole.status} {whole.reason}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    first = "\r\n".join(lines).encode()
    at_once, slowly = (b"", first + body) if head else (first, body)
    transport = request.transport
    if transport is not None:
        transport.write(at_once)
        for index in range(len(slowly)):
            if transport.is_closing():
                break
            transport.write(slowly[index : index + 1])
            await asyncio.sleep(seconds)
    return cut(request, reset=False)


async def go_on(request: web.Request, whole: web.Response, *, seconds: float) -> web.StreamResponse:
    """The body as it should be, but for its end: instead of it comes more and more, for so many seconds."""
    body, end = content(whole), time.monotonic() + seconds
    response = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
    await response.prepare(request)
    try:
        await response.write(body[:-1] + b',"more":"' if body.endswith(b"}") else body)
        while time.monotonic() < end:
            await response.write(b"x" * 65_536)
    except ConnectionError:
        pass  # the listener left
    cut(request, reset=False)
    return response


def bomb(whole: web.Response, *, size: int) -> web.Response:
    """The reply packed, with so many bytes more before its end than it needs."""
    body = content(whole)
    start, end = (body[:-1] + b',"more":"', b'"}') if body.endswith(b"}") else (body, b"")
    packer, more = zlib.compressobj(9, zlib.DEFLATED, 31), b"x" * (1 << 20)  # 31: gzip
    pieces = [start, *(more for _ in range(size >> 20)), end]
    packed = b"".join([*map(packer.compress, pieces), packer.flush()])
    headers = {"Content-Type": whole.content_type, "Content-Encoding": "gzip"}
    return web.Response(status=whole.status, body=packed, headers=headers)


async def as_it_comes(response: web.StreamResponse, data: bytes, dice: random.Random) -> None:
    """Writes in pieces that end anywhere, also within a line or a character."""
    while data:
        size = dice.randint(1, max(2, len(data)))
        await response.write(data[:size])
        data = data[size:]
        await asyncio.sleep(0.002)  # else the pieces leave as one


def content(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


class Untyped(web.StreamResponse):
    """A stream that does not say what it is."""


async def strip_type(_request: web.Request, response: web.StreamResponse) -> None:
    if isinstance(response, Untyped):
        response.headers.pop("Content-Type", None)
