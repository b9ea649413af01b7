"""An offline Grsai on 127.0.0.1: the service's endpoints, storage and odd behaviour, for demos, tests and benchmarks.

It knows nothing of the client. What the service's documents leave open and had to be decided here is marked "chosen".
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import colorsys
import concurrent.futures
import hashlib
import io
import json
import math
import os
import random
import re
import socket
import struct
import sys
import threading
import time
import uuid
import zlib
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

HOST = "127.0.0.1"  # never another: whoever can reach it can spend and read everything

# ---------------------------------------------------------------------------------------------------------------- facts

CREDITS = {
    "nano-banana-fast": 440,
    "nano-banana": 1400,
    "nano-banana-2-lite": 440,
    "nano-banana-2": 1200,
    "nano-banana-2-cl": 6000,
    "nano-banana-2-2k-cl": 9000,
    "nano-banana-2-4k-cl": 13000,
    "nano-banana-pro": 1800,
    "nano-banana-pro-vt": 1800,
    "nano-banana-pro-cl": 10000,
    "nano-banana-pro-vip": 10000,
    "nano-banana-pro-4k-vip": 18000,
}
GPT_IMAGE_CREDITS = 600  # chosen: the unified endpoint also takes gpt-image models, whose prices are not documented

PIXELS = {  # width × height at 1K, the sizes Gemini's image models are known for
    "1:1": (1024, 1024),
    "16:9": (1376, 768),
    "9:16": (768, 1376),
    "4:3": (1200, 896),
    "3:4": (896, 1200),
    "3:2": (1264, 848),
    "2:3": (848, 1264),
    "5:4": (1152, 928),
    "4:5": (928, 1152),
    "21:9": (1584, 672),
    "1:4": (512, 2048),
    "4:1": (2048, 512),
    "1:8": (384, 3072),
    "8:1": (3072, 384),
}
SCALES = {"1K": 1, "2K": 2, "4K": 4}

SUCCEEDED, FAILED, RUNNING = "succeeded", "failed", "running"
GEMINI_TIMEOUT = "google gemini timeout..."
BAD_IMAGE = "The image format is incorrect. Please check the reference images."
MAINTENANCE = "model maintenance"

VERDICTS = {  # how a task ends when its prompt holds "[name]", or at the submit fault "task_name": reason, error
    "input_moderation": ("input_moderation", ""),
    "output_moderation": ("output_moderation", ""),
    "error": ("error", GEMINI_TIMEOUT),
    "maintenance": ("error", MAINTENANCE),
    "empty": ("", ""),
    "never": ("", ""),
}
NEVER = 1e9  # seconds
SLOW = re.compile(r"\[slow (\d+(?:\.\d+)?)\]")
KEY = re.compile(r"sk-[0-9a-fA-F]{32}")

HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
LIMITED = '{"code":-1,"data":null,"msg":"Upstream rate limit exceeded"}'
JSON_TYPE, HTML_TYPE = "application/json", "text/html"

PLAIN = {  # fault kind → status, content type, body of the reply that comes instead of any processing
    "http_500": (500, "text/plain", "Internal Server Error"),
    "http_502_html": (502, HTML_TYPE, HTML.format("502 Bad Gateway")),
    "http_504_html": (504, HTML_TYPE, HTML.format("504 Gateway Time-out")),
    "http_429": (429, JSON_TYPE, LIMITED),
    "http_429_retry_after": (429, JSON_TYPE, LIMITED),
    "html_200": (200, HTML_TYPE, HTML.format("Under construction")),
    "empty_200": (200, JSON_TYPE, ""),
    "bad_json": (200, JSON_TYPE, '{"code":0,"msg":"success","data":{"id":"14-'),
    "not_found": (404, HTML_TYPE, HTML.format("404 Not Found")),
}
REFUSALS = {  # fault kind → code, msg
    "key_refused": (-1, "apikey error"),
    "out_of_credits": (-1, "insufficient credits"),
    "maintenance": (-1, MAINTENANCE),
    "unparsable": (-4, "parse body error"),
    "no_such_task": (-22, "task not exist"),
}
TOLD_IN_DATA = {("maintenance", "poll"), ("maintenance", "status")}  # not refused: the reply's data says so

STEPS = ("ticket", "upload", "submit", "poll", "download", "credits", "status")
API_STEPS = ("ticket", "submit", "poll", "credits", "status")
FAULTS: dict[str, tuple[str, ...]] = {  # fault kind → the steps it exists for
    **dict.fromkeys(PLAIN, STEPS),
    "not_found": ("upload", "download"),
    **dict.fromkeys(("reset_before", "reset_after", "reset_middle", "slow_headers", "hang", "short_body"), STEPS),
    "hang_taken": STEPS,  # processed, then no reply
    "redirect": ("ticket", "submit", "poll", "download", "credits", "status"),  # 302 to another host
    **dict.fromkeys(("key_refused", "unparsable"), API_STEPS),
    "out_of_credits": ("submit",),
    "maintenance": ("submit", "poll", "status"),
    "http_500_taken": ("upload", "submit"),  # processed, then 500
    "bare_id": ("submit",),  # data is the id itself
    "no_prefix": ("submit",),  # the id is a bare uuid
    **{f"task_{name}": ("submit",) for name in VERDICTS},
    "no_such_task": ("poll",),
    "empty_results": ("poll",),
    "top_level_url": ("poll",),
    "no_number": ("credits",),  # a reply as always, but for the balance in it
    "error_while_running": ("poll",),
    "stall": ("poll",),
    "corrupt": ("download",),
}
AT_THE_END = {"empty_results", "top_level_url"}  # these wait until the task has succeeded
WHILE_RUNNING = {"error_while_running", "maintenance"}  # on a poll, these come only before the task is done


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at one step. Of several that could strike a request, the first added does."""

    step: str
    kind: str
    share: float = 1.0  # probability per request
    times: int | None = None  # at most so often in all
    per_task: int | None = None  # at most so often per task, upload or wish (the same model, prompt and references)
    after: int = 0  # the first so many requests of the step pass
    seconds: float = 1.0  # of slow_headers, hang, hang_taken; the figure in Retry-After

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(FAULTS)}")
        if self.step not in FAULTS[self.kind]:
            raise ValueError(f"{self.kind} does not happen at {self.step!r}, only at {', '.join(FAULTS[self.kind])}")


class Plan:
    """Which fault strikes which request: the draws are seeded, so the same requests in the same order meet the same."""

    def __init__(self, seed: int, faults: Iterable[Fault]) -> None:
        self._random = random.Random(seed)
        self._entries: list[tuple[Fault, Counter[str]]] = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        self._entries = [*self._entries, (fault, Counter())]  # a new list: the server may be reading the old one

    def clear(self) -> None:
        self._entries = []

    def pick(self, step: str, subject: str, fits: Callable[[str], bool]) -> Fault | None:
        """The fault for a request of this step about this task or upload; `fits` tells a kind's own conditions."""
        for fault, seen in self._entries:
            if fault.step == step and fits(fault.kind) and self._strikes(fault, seen, subject):
                return fault
        return None

    def _strikes(self, fault: Fault, seen: Counter[str], subject: str) -> bool:
        seen["all requests"] += 1
        if seen["all requests"] <= fault.after or self._random.random() >= fault.share:
            return False
        if fault.times is not None and seen["all strikes"] >= fault.times:
            return False
        if fault.per_task is not None and seen["on " + subject] >= fault.per_task:
            return False
        seen["all strikes"] += 1
        seen["on " + subject] += 1
        return True


# --------------------------------------------------------------------------------------------------------------- record


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


@dataclass
class Task:
    """One accepted generation."""

    id: str
    model: str
    prompt: str
    urls: tuple[str, ...]
    aspect_ratio: str
    image_size: str
    seconds: float  # from the submit to the result
    credits: int
    created: float = field(default_factory=time.time)
    file: str = field(default_factory=lambda: f"{uuid.uuid4().hex}.png")
    ending: tuple[str, str] = ("", "")  # the failure_reason and error it will end with
    status: str = RUNNING
    failure_reason: str = ""
    error: str = ""
    empty: bool = False  # succeeds without results
    refunded: bool = False
    sha256: str = ""  # of the result file, once it is made
    size: int = 0  # bytes of the result file
    polls: int = 0
    downloads: int = 0

    @property
    def age(self) -> float:
        return time.time() - self.created

    @property
    def progress(self) -> int:
        if self.status == RUNNING:
            return min(99, int(100 * self.age / max(self.seconds, 0.001)))
        return 100 if self.status == SUCCEEDED else 0


@dataclass(frozen=True)
class Upload:
    """One stored file."""

    sha256: str
    size: int  # bytes
    suffix: str  # with the dot
    time: float  # seconds since the epoch


# ------------------------------------------------------------------------------------------------------------- pictures


@dataclass(frozen=True)
class Wish:
    """What decides a picture. `variant` counts equal wishes, so that paying for four brings four pictures."""

    model: str
    prompt: str
    references: tuple[str, ...]  # sha256 of each
    ratio: str
    size: str
    variant: int = 0


class Painter:
    """Wishes to PNG files. Thread-safe; keeps its last works, up to `room` bytes, and paints again what it dropped."""

    def __init__(self, *, render: bool, room: int = 128 << 20) -> None:
        self.files: dict[str, bytes] = {}  # sha256 → reference
        self._render = render
        self._room = room
        self._kept: OrderedDict[Wish, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.files[digest] = content
        return digest

    def picture(self, wish: Wish, task_id: str) -> bytes:
        """The result file of a task. Raises OSError or ValueError when a reference is no picture."""
        if not self._render:
            return stamped(blank(pixels(wish.ratio, wish.size, None)), task_id)
        with self._lock:
            painted = self._kept.get(wish)
        return stamped(painted or self._keep_painted(wish), task_id)

    def _keep_painted(self, wish: Wish) -> bytes:
        painted = paint(wish, [self.files[digest] for digest in wish.references])
        with self._lock:
            self._kept[wish] = painted
            while sum(map(len, self._kept.values())) > self._room:
                self._kept.popitem(last=False)
        return painted


def paint(wish: Wish, references: Sequence[bytes]) -> bytes:
    """The references side by side, recoloured as the prompt's hash says, with the prompt as caption: a PNG file."""
    dice = random.Random(wish.prompt.encode("utf-8", "replace") + bytes([wish.variant]))
    sources = [opened(content) for content in references]
    width, height = pixels(wish.ratio, "1K", sources[0].size if sources else None)
    canvas = transformed(side_by_side(sources, width, height), dice) if sources else invented(width, height, dice)
    scale = SCALES.get(wish.size, 1)
    if scale > 1:
        canvas = canvas.resize((width * scale, height * scale), Image.Resampling.BILINEAR)
    details = [wish.model, wish.ratio, wish.size, f"{len(references)} ref" if references else "text only"]
    write_caption(canvas, wish.prompt, " · ".join([*details, f"#{wish.variant + 1}"]))
    return as_png(canvas)


@lru_cache(maxsize=64)
def blank(size: tuple[int, int]) -> bytes:
    return as_png(Image.linear_gradient("L").resize(size).convert("RGB"))


def as_png(image: Image.Image) -> bytes:
    """An RGB picture as PNG, every row with the Sub filter: twice as fast as Pillow, which tries all filters."""
    left = ImageChops.offset(image, 1, 0)
    left.paste((0, 0, 0), (0, 0, 1, image.height))
    raw, step = ImageChops.subtract_modulo(image, left).tobytes(), 3 * image.width
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    rows = packer.compress(b"".join([b"\1" + raw[at : at + step] for at in range(0, len(raw), step)])) + packer.flush()
    header = struct.pack(">IIBBBBB", *image.size, 8, 2, 0, 0, 0)  # 8 bits, RGB
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def stamped(png: bytes, task_id: str) -> bytes:
    """The same picture with the task's id in a text chunk: every paid picture is a file of its own."""
    return png[:-12] + chunk(b"tEXt", b"task\0" + task_id.encode("latin-1")) + png[-12:]  # before IEND


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))


def pixels(ratio: str, size: str, source: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height. `auto` follows the source (sides in steps of 16, the area of a square), else it is 1:1."""
    scale = SCALES.get(size, 1)
    if source and ratio not in PIXELS:
        stretch = math.sqrt(min(8.0, max(1 / 8, source[0] / source[1])))
        width, height = (max(16, round(1024 * side / 16) * 16) for side in (stretch, 1 / stretch))
    else:
        width, height = PIXELS.get(ratio, PIXELS["1:1"])
    return width * scale, height * scale


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.draft("RGB", (2048, 2048))  # JPEG only: decodes large photos at a fraction of their size
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGBA", "LA", "PA", "P"):
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return upright.convert("RGB")


def side_by_side(sources: Sequence[Image.Image], width: int, height: int) -> Image.Image:
    canvas = Image.new("RGB", (width, height), "white")
    for index, source in enumerate(sources):
        if width >= height:
            box = (index * width // len(sources), 0, (index + 1) * width // len(sources), height)
        else:
            box = (0, index * height // len(sources), width, (index + 1) * height // len(sources))
        cell = (box[2] - box[0], box[3] - box[1])
        canvas.paste(ImageOps.fit(source, cell, Image.Resampling.BILINEAR), box[:2])
    return canvas


def transformed(image: Image.Image, dice: random.Random) -> Image.Image:
    return dice.choice((duotone, recoloured, mirrored, poster))(image, dice)


def duotone(image: Image.Image, dice: random.Random) -> Image.Image:
    hue = dice.random()
    return ImageOps.colorize(ImageOps.grayscale(image), colour(hue, 0.9, 0.3), colour(hue + 0.4, 0.45, 1.0))


def recoloured(image: Image.Image, dice: random.Random) -> Image.Image:
    """The hues turned around the grey axis, by 80 to 280 degrees."""
    angle = math.radians(dice.uniform(80, 280))
    even = (1 - math.cos(angle)) / 3
    lean = math.sin(angle) / math.sqrt(3)
    row = (math.cos(angle) + even, even - lean, even + lean)
    return image.convert("RGB", (*row, 0, row[2], row[0], row[1], 0, row[1], row[2], row[0], 0))


def mirrored(image: Image.Image, dice: random.Random) -> Image.Image:
    tint = Image.new("RGB", image.size, colour(dice.random(), 0.8, 0.9))
    return Image.blend(ImageOps.mirror(image), tint, 0.3)


def poster(image: Image.Image, dice: random.Random) -> Image.Image:
    return Image.blend(ImageOps.posterize(image, 2), duotone(image, dice), 0.35)


def invented(width: int, height: int, dice: random.Random) -> Image.Image:
    """A picture out of nothing: a gradient with discs."""
    hue = dice.random()
    grey = Image.linear_gradient("L").resize((width, height))
    canvas = ImageOps.colorize(grey, colour(hue, 0.6, 0.95), colour(hue + 0.2, 0.8, 0.35))
    draw = ImageDraw.Draw(canvas)
    for _ in range(9):
        x, y, radius = dice.random() * width, dice.random() * height, dice.uniform(0.05, 0.25) * min(width, height)
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=colour(hue + dice.uniform(-0.2, 0.5), 0.7, 0.9))
    return canvas


def colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


# Pillow looks these names up in the font folders of Windows, macOS and Linux; each holds Chinese and Latin letters.
FONTS = (
    *("msyh.ttc", "simhei.ttf", "simsun.ttc"),
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Medium.ttc"),
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "SourceHanSansSC-Regular.otf"),
    *("wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf", "DejaVuSans.ttf"),
)
WIDE = "\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"  # scripts whose lines break anywhere
PIECES = re.compile(rf"[{WIDE}]|[^\s{WIDE}]+\s*|\s+")


@lru_cache(maxsize=1)
def font_file() -> str | None:
    for name in FONTS:
        try:
            return str(ImageFont.truetype(name).path)
        except OSError:
            continue
    return None


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = font_file()
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def write_caption(image: Image.Image, prompt: str, details: str) -> None:
    width, height = image.size
    size = max(14, round(math.sqrt(width * height) / 26))
    large, small = font(size), font(max(10, size * 2 // 3))
    lines = wrapped(prompt, large, width - 2 * size, most=4)
    top = height - round(size * (1.35 * len(lines) + 2.2))
    band = image.crop((0, top, width, height))
    image.paste(Image.blend(band, Image.new("RGB", band.size), 0.65), (0, top))
    draw = ImageDraw.Draw(image)
    for index, line in enumerate(lines):
        draw.text((size, top + size * (0.5 + 1.35 * index)), line, "white", large)
    draw.text((size, height - size * 1.4), details, (190, 190, 190), small)


def wrapped(text: str, typeface: Any, width: float, *, most: int) -> list[str]:
    clean = " ".join("".join(c if c.isprintable() else " " for c in text[:400]).split())
    lines = [""]
    for piece in (part for long in PIECES.findall(clean) for part in fitting(long, typeface, width)):
        if typeface.getlength(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1][:-1].rstrip() + "…"]


def fitting(piece: str, typeface: Any, width: float) -> Iterator[str]:
    """A word in parts that fit a line; nearly always the word itself."""
    while len(piece) > 1 and typeface.getlength(piece.rstrip()) > width:
        cut = max(1, int(len(piece) * width / typeface.getlength(piece)))
        yield piece[:cut]
        piece = piece[cut:]
    yield piece


# -------------------------------------------------------------------------------------------------------------- replies


class Refused(Exception):
    """The service says no. `status` is the HTTP status of the legacy endpoints."""

    def __init__(self, code: int, message: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers


@dataclass(frozen=True)
class Order:
    """A body of a submit, legacy or unified."""

    model: str
    prompt: str
    urls: tuple[str, ...]
    ratio: str
    size: str
    hook: str
    quiet: bool  # shutProgress


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


def parsed_order(body: Any, pictures: str) -> Order:
    """Reads a submit's body; `pictures` is the field of the references. Wrong types cannot be parsed by the service."""
    fields = body if isinstance(body, dict) else {"prompt": None}

    def text(name: str, default: str) -> str:
        value = fields.get(name, default)
        if not isinstance(value, str):
            raise Refused(*REFUSALS["unparsable"])
        return value

    urls, quiet = fields.get(pictures) or [], fields.get("shutProgress") or False
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls) or not isinstance(quiet, bool):
        raise Refused(*REFUSALS["unparsable"])
    ratio, size, hook = text("aspectRatio", "auto"), text("imageSize", "1K"), text("webHook", "")
    return Order(text("model", ""), text("prompt", ""), tuple(urls), ratio, size, hook, quiet)


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


# ------------------------------------------------------------------------------------------------------------- emulator

Span = float | tuple[float, float]
Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(kw_only=True, eq=False, repr=False)
class Emulator:
    """An offline Grsai on 127.0.0.1, in a thread of its own. Stopped and started again, it keeps its port and its tasks.

    All options but the faults may be set while it runs; faults are added and cleared.
    """

    port: int = 0  # 0: any free one, known after the start
    key: str | None = None  # the only good key; None: any well-formed one
    credits: int = 1_000_000  # the balance
    key_limit: int | None = None  # credits of the key itself; None: no limit of its own
    seconds: Span | Mapping[str, Span] = (0.2, 0.4)  # how long a task takes: a figure, a range, or either by model
    seed: int = 0  # of faults and durations
    lag: float = 0.0  # seconds before every reply
    upload_seconds: float = 0.0  # how long the storage takes for a file
    max_open: int | None = None  # a submit beyond so many open tasks gets 429,
    retry_after: int | None = None  # with this Retry-After
    visible_after: float = 0.0  # for so many seconds after its submit a task is "-22, no such task"
    lifetime: float = 7200.0  # of tasks and results, in seconds
    refund_failed: bool = False
    faults: InitVar[Iterable[Fault]] = ()
    render: InitVar[bool] = True  # False: one plain picture per size, for benchmarks

    received: list[Received] = field(default_factory=list, init=False)
    tasks: dict[str, Task] = field(default_factory=dict, init=False)
    uploads: dict[str, Upload] = field(default_factory=dict, init=False)  # by key
    charged: int = field(default=0, init=False)  # credits taken in all, less the refunds
    peak_open: int = field(default=0, init=False)

    def __post_init__(self, faults: Iterable[Fault], render: bool) -> None:
        self._random = random.Random(self.seed)
        self._plan = Plan(self.seed, faults)
        self._painter = Painter(render=render)
        self._wishes: dict[str, Wish] = {}  # by task id
        self._names: dict[str, str] = {}  # result file → task id
        self._tokens: dict[str, str] = {}  # upload token → key
        self._turns: Counter[Any] = Counter()  # how often something came, where the next time differs
        self._work: dict[str, asyncio.Task[None]] = {}  # by task id
        self._start_credits = self.credits
        self._thread: threading.Thread | None = None
        self._routes: dict[tuple[str, str], tuple[str, Handler]] = {
            ("POST", "/client/resource/newUploadTokenZH"): ("ticket", self._ticket),
            ("POST", "/storage"): ("upload", self._upload),
            ("POST", "/v1/draw/nano-banana"): ("submit", self._submit),
            ("POST", "/v1/draw/result"): ("poll", self._poll),
            ("POST", "/v1/api/generate"): ("submit", self._generate),
            ("GET", "/v1/api/result"): ("poll", self._unified_result),
            ("POST", "/client/openapi/getAPIKeyCredits"): ("credits", self._key_credits),
            ("GET", "/client/common/getCredits"): ("credits", self._account_credits),
            ("GET", "/client/common/getModelStatus"): ("status", self._model_status),
            ("POST", "/client/serverGrsai/getModelList"): ("status", self._model_list),
            ("GET", "/elsewhere"): ("elsewhere", self._elsewhere),
        }

    # what tests and demos use

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def add(self, *faults: Fault) -> None:
        for fault in faults:
            self._plan.add(fault)

    def clear_faults(self) -> None:
        self._plan.clear()

    def count(self, step: str) -> int:
        """How many requests of this step arrived, faulty ones too."""
        return sum(seen.step == step for seen in list(self.received))

    @property
    def open(self) -> int:
        return sum(task.status == RUNNING for task in list(self.tasks.values()))

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
            return self._forget()
        done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._loop.call_soon_threadsafe(lambda: done.set_result(self._forget()))
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
        app = web.Application(client_max_size=256 << 20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        app.on_response_prepare.append(strip_type)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.05)
        await runner.setup()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1, "grsai-painter") as self._pool:
            try:
                await web.TCPSite(runner, HOST, self.port, backlog=1024).start()
                listening.set_result(runner.addresses[0][1])
                for task in list(self.tasks.values()):
                    self._begin(task)
                await self._stopping.wait()
            except Exception as error:  # for whoever waits in start()
                listening.set_exception(error)
            finally:
                self._pool.shutdown(wait=False, cancel_futures=True)
                for work in self._work.values():
                    work.cancel()
                for site in list(runner.sites):
                    await site.stop()
                await asyncio.sleep(0.01)  # connections that were just accepted become known, so that they are closed too
                await runner.cleanup()

    def _forget(self) -> None:
        for work in self._work.values():
            work.cancel()
        for kept in (self._work, self.tasks, self.uploads, self._wishes, self._names, self._tokens, self._turns):
            kept.clear()
        self._painter.files.clear()
        self.received = []
        self.clear_faults()
        self._random.seed(self.seed)
        self.credits, self.charged, self.peak_open = self._start_credits, 0, 0

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/emulator/"):
            return await self._control(request)
        step, handler = self._route(request)
        seen, form = await self._note(request, step)
        fault = self._plan.pick(step, self._subject(seen), lambda kind: self._fits(kind, seen))
        seen.fault = fault.kind if fault else None
        try:
            response = await self._answer(Call(request, seen, form, fault), handler)
        finally:
            for value in form.values():
                if isinstance(value, web.FileField):
                    value.file.close()
        seen.status = response.status if request.transport and not request.transport.is_closing() else 0
        return response

    def _route(self, request: web.Request) -> tuple[str, Handler]:
        if request.method in ("GET", "HEAD") and request.path.startswith("/file/"):
            return "download", self._download
        if request.method in ("GET", "HEAD") and request.path.startswith("/files/"):
            return "reference", self._reference
        return self._routes.get((request.method, request.path), ("unknown", self._unknown))

    async def _note(self, request: web.Request, step: str) -> tuple[Received, Mapping[str, Any]]:
        headers = {name.title(): value for name, value in request.headers.items()}
        seen = Received(time.time(), step, request.method, request.path, headers)
        self.received.append(seen)
        form: Mapping[str, Any] = {}
        if request.content_type.startswith("multipart/"):
            form = await request.post()
            seen.body = list(form)
        elif request.method == "POST":
            seen.body = parsed(await request.read())
        elif request.query:
            seen.body = dict(request.query)
        seen.task_id = self._about(seen, form)
        return seen, form

    def _about(self, seen: Received, form: Mapping[str, Any]) -> str:
        if seen.step == "upload":
            return str(form.get("key", ""))
        if seen.step == "download":
            return self._names.get(seen.path.rpartition("/")[2], "")
        return str(seen.body.get("id", "")) if seen.step == "poll" and isinstance(seen.body, dict) else ""

    def _subject(self, seen: Received) -> str:
        if seen.step == "submit" and isinstance(seen.body, dict):
            lists = [seen.body.get(name) for name in ("urls", "images")]
            pictures = [self._meaning(url) for urls in lists if isinstance(urls, list) for url in urls]
            return repr([seen.body.get("model"), seen.body.get("prompt"), pictures])
        return seen.task_id

    def _meaning(self, url: Any) -> Any:
        """What tells references apart: a picture that went up twice is the same."""
        upload = self.uploads.get(url.rpartition("/")[2]) if isinstance(url, str) else None
        return upload.sha256 if upload else url

    def _fits(self, kind: str, seen: Received) -> bool:
        """Whether this kind of fault makes sense for the state the task is in."""
        task = self.tasks.get(seen.task_id)
        if kind in AT_THE_END:
            return task is not None and task.status == SUCCEEDED
        if kind in WHILE_RUNNING and seen.step == "poll":
            return task is not None and task.status == RUNNING
        return not (kind == "redirect" and seen.headers.get("Host", "").startswith("localhost"))

    async def _answer(self, call: Call, handler: Handler) -> web.StreamResponse:
        if call.fault and call.kind == "hang":
            await asyncio.sleep(call.fault.seconds)
            return cut(call.request, reset=False)
        if call.kind == "reset_before":
            return cut(call.request, reset=True)
        if call.kind == "redirect":
            # by name the same machine is another host; a result may well lie there, the API does not
            path = call.request.path_qs if call.seen.step == "download" else "/elsewhere"
            return web.Response(status=302, headers={"Location": f"http://localhost:{self.port}{path}"})
        # any 2xx of the storage is a success, so the file is stored whatever the reply looks like
        if call.fault and call.kind in PLAIN and not (call.seen.step == "upload" and PLAIN[call.kind][0] == 200):
            return plain(call.fault)
        try:
            if call.kind in REFUSALS and (call.kind, call.seen.step) not in TOLD_IN_DATA:
                raise Refused(*REFUSALS[call.kind])
            response = await handler(call)
        except Refused as refused:
            response = refusal(call.seen.path, refused)
        await asyncio.sleep(self.lag)
        return await self._spoil(call, response)

    async def _spoil(self, call: Call, response: web.StreamResponse) -> web.StreamResponse:
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

    async def _control(self, request: web.Request) -> web.Response:
        """The emulator's own paths, for those who run it as a process."""
        match request.method, request.path:
            case "GET", "/emulator/record":
                return web.json_response(self.record())
            case "POST", "/emulator/reset":
                self._forget()
            case "POST", "/emulator/faults":
                try:
                    self.add(*[Fault(**row) for row in await request.json()])
                except (TypeError, ValueError) as error:
                    return web.json_response({"error": str(error)}, status=400)
            case _:
                return web.json_response({"error": "no such path"}, status=404)
        return web.json_response({"ok": True})

    # storage

    async def _ticket(self, call: Call) -> web.Response:
        self._admit(call.key)
        body = call.seen.body
        suffix = body.get("sux") if isinstance(body, dict) else None
        if not isinstance(suffix, str) or not suffix.isalnum():
            raise Refused(*REFUSALS["unparsable"])
        token, key = f"up:{uuid.uuid4().hex}", f"{uuid.uuid4()}.{suffix}"
        self._tokens[token] = key
        return said({"token": token, "key": key, "url": f"{self.url}/storage", "domain": f"{self.url}/files"})

    async def _upload(self, call: Call) -> web.Response:
        key, file = call.form.get("key"), call.form.get("file")
        if not key or self._tokens.get(str(call.form.get("token"))) != key:
            return web.json_response({"error": "bad token"}, status=401)
        if not isinstance(file, web.FileField):
            return web.json_response({"error": "file is not specified in multipart"}, status=400)
        content = await asyncio.to_thread(file.file.read)
        digest = self._painter.keep(content)
        await asyncio.sleep(self.upload_seconds)
        self.uploads[key] = Upload(digest, len(content), os.path.splitext(key)[1], time.time())
        return web.json_response({"hash": digest[:28], "key": key})

    async def _reference(self, call: Call) -> web.Response:
        upload = self.uploads.get(call.seen.path.removeprefix("/files/"))
        if upload is None:
            return web.json_response({"error": "Document not found"}, status=404)
        content_type = Image.MIME.get(Image.registered_extensions().get(upload.suffix, ""), "application/octet-stream")
        return web.Response(body=self._painter.files[upload.sha256], content_type=content_type)

    async def _download(self, call: Call) -> web.Response:
        task = self.tasks.get(call.seen.task_id)
        if task is None or task.status != SUCCEEDED or task.age > self.lifetime:
            return web.Response(status=404, content_type=HTML_TYPE, text=PLAIN["not_found"][2])
        content = await self._loop.run_in_executor(self._pool, self._painter.picture, self._wishes[task.id], task.id)
        task.downloads += call.request.method == "GET"
        if call.kind == "corrupt":
            self._turns["corrupt"] += 1
            content = spoiled(content, self._turns["corrupt"])
        return web.Response(body=content, content_type="image/png")

    # generation

    async def _submit(self, call: Call) -> web.StreamResponse:
        self._admit(call.key)
        order = parsed_order(call.seen.body, "urls")
        task = self._accept(call, order)
        if not order.hook:
            return await self._stream(call, task, order)
        if order.hook != "-1":
            self._keep_running(f"push {task.id}", self._push(task, order))
        return said(task.id if call.kind == "bare_id" else {"id": task.id})

    async def _generate(self, call: Call) -> web.Response:
        self._admit(call.key)
        task = self._accept(call, parsed_order(call.seen.body, "images"))
        return web.json_response({"id": task.id, "status": RUNNING})

    def _accept(self, call: Call, order: Order) -> Task:
        """Takes the credits and starts the task, or raises Refused."""
        price = CREDITS.get(order.model)
        if call.seen.path.startswith("/v1/api/") and order.model.startswith("gpt-image"):
            price = GPT_IMAGE_CREDITS
        if price is None:
            raise Refused(-1, "model not found")
        if not order.prompt:
            raise Refused(*REFUSALS["unparsable"])  # chosen: the prompt is required, the refusal's words are not known
        if self.max_open is not None and self.open >= self.max_open:
            headers = None if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            raise Refused(-1, "Upstream rate limit exceeded", status=429, headers=headers)
        self._charge(price)
        slow = SLOW.search(order.prompt)
        task = Task(
            id=f"{'' if call.kind == 'no_prefix' else '14-'}{uuid.uuid4()}",
            model=order.model,
            prompt=order.prompt,
            urls=order.urls,
            aspect_ratio=order.ratio,
            image_size=order.size,
            seconds=float(slow[1]) if slow else self._duration(order.model),
            credits=price,
        )
        self._judge(task, call.kind.removeprefix("task_") if call.kind.startswith("task_") else "")
        self.tasks[task.id] = task
        self._names[task.file] = task.id
        call.seen.task_id = task.id
        self.peak_open = max(self.peak_open, self.open)
        self._begin(task)
        return task

    def _duration(self, model: str) -> float:
        span = self.seconds
        if isinstance(span, Mapping):
            span = span.get(model, (0.2, 0.4))
        return self._random.uniform(*span) if isinstance(span, tuple) else float(span)

    def _charge(self, price: int) -> None:
        if self.key_limit is not None and self.key_limit < price:
            raise Refused(-1, "apikey credits not enough")
        if self.credits < price:
            raise Refused(-1, "insufficient credits")
        self._pay(price)

    def _pay(self, price: int) -> None:
        self.credits -= price
        self.charged += price
        if self.key_limit is not None:
            self.key_limit -= price

    def _judge(self, task: Task, verdict: str) -> None:
        """Decides how the task will end and what it will show."""
        references = [self._digest(url) for url in task.urls]
        if not verdict and "[error once]" in task.prompt:
            wished = (task.prompt, *map(self._meaning, task.urls))
            self._turns[wished] += 1
            verdict = "error" if self._turns[wished] == 1 else ""
        verdict = verdict or next((name for name in VERDICTS if f"[{name}]" in task.prompt), "")
        task.empty = verdict == "empty"
        task.seconds = NEVER if verdict == "never" else task.seconds
        task.ending = VERDICTS.get(verdict, ("", ""))
        if not task.ending[0] and None in references:
            task.ending = ("error", BAD_IMAGE)
        wish = Wish(task.model, task.prompt, tuple(filter(None, references)), task.aspect_ratio, task.image_size)
        self._wishes[task.id] = replace(wish, variant=self._turns[wish] % 12)
        self._turns[wish] += 1

    def _digest(self, url: str) -> str | None:
        """The stored or inline picture a reference means; nothing is ever fetched from elsewhere."""
        if url.startswith(("http://", "https://")):
            upload = self.uploads.get(urlsplit(url).path.removeprefix("/files/"))
            return upload.sha256 if upload else None
        try:
            return self._painter.keep(base64.b64decode(url.rpartition(",")[2], validate=True))
        except (binascii.Error, ValueError):
            return None

    def _begin(self, task: Task) -> None:
        if task.status == RUNNING:
            self._keep_running(task.id, self._work_on(task))

    def _keep_running(self, name: str, work: Any) -> None:
        self._work[name] = self._loop.create_task(work)
        self._work[name].add_done_callback(lambda _done: self._work.pop(name, None))

    async def _work_on(self, task: Task) -> None:
        picture = None
        if not task.ending[0] and task.seconds < NEVER:
            picture = self._loop.run_in_executor(self._pool, self._paint, task)
        await asyncio.sleep(max(0.0, task.seconds - task.age))
        self._finish(task, *(await picture if picture else task.ending))

    def _paint(self, task: Task) -> tuple[str, str]:
        """Makes the result file; a reason and an error when that cannot be done. Runs in the painters' pool."""
        try:
            content = self._painter.picture(self._wishes[task.id], task.id)
        except Exception:  # whatever Pillow raises on a broken reference, the real service too only says "error"
            return "error", BAD_IMAGE
        task.sha256, task.size = hashlib.sha256(content).hexdigest(), len(content)
        return "", ""

    def _finish(self, task: Task, reason: str, error: str) -> None:
        if task.status != RUNNING:
            return
        task.failure_reason, task.error = reason, error
        task.status = FAILED if reason else SUCCEEDED
        if reason and self.refund_failed:
            task.refunded = True
            self._pay(-task.credits)

    # results

    async def _poll(self, call: Call) -> web.Response:
        self._admit(call.key)
        if not isinstance(call.seen.body, dict):
            raise Refused(*REFUSALS["unparsable"])
        task = self._visible(call)
        view = self._view(task)
        if call.kind in ("error_while_running", "stall"):
            error = "generate failed" if call.kind == "error_while_running" else ""
            progress = 33 if call.kind == "stall" else view["progress"]
            view.update(status=RUNNING, results=None, progress=progress, failure_reason="", error=error)
        elif call.kind == "empty_results":
            view["results"] = [] if task.polls % 2 else None
        elif call.kind == "top_level_url":
            view["url"] = view.pop("results")[0]["url"] if view["results"] else ""
        return said(view)

    async def _unified_result(self, call: Call) -> web.Response:
        self._admit(call.key)
        view = self._view(self._visible(call))
        moderated = view.pop("failure_reason").endswith("moderation")
        return web.json_response({**view, "status": "violation" if moderated else view["status"]})

    def _visible(self, call: Call) -> Task:
        task = self.tasks.get(call.seen.task_id)
        if task is None or not self.visible_after <= task.age <= self.lifetime:
            raise Refused(*REFUSALS["no_such_task"])
        task.polls += 1
        if call.kind == "maintenance":
            self._finish(task, "error", MAINTENANCE)
        return task

    def _view(self, task: Task) -> dict[str, Any]:
        """The flat task object."""
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

    async def _events(self, task: Task, *, quiet: bool) -> AsyncIterator[dict[str, Any]]:
        """Views of the task while it runs (unless quiet), and the last one."""
        work = self._work.get(task.id)
        pause = None if quiet else min(1.0, max(0.05, task.seconds / 8))
        while work is not None and not work.done():
            if not quiet:
                yield self._view(task)
            await asyncio.wait({work}, timeout=pause)
        yield self._view(task)

    async def _stream(self, call: Call, task: Task, order: Order) -> web.StreamResponse:
        """The reply to a submit without webHook, in the forms it was seen in: they take turns."""
        turn = self._turns["stream"]
        self._turns["stream"] += 1
        if call.kind in ("reset_after", "hang_taken", "http_500_taken", "slow_headers"):
            early = await self._spoil(call, web.Response())
            if call.kind != "slow_headers":
                return early
        response = Untyped() if turn % 3 == 2 else web.StreamResponse()
        response.content_type = ("text/event-stream", JSON_TYPE, "text/plain")[turn % 3]
        await asyncio.sleep(self.lag)
        await response.prepare(call.request)
        gap = ("\n\n", "\n")[turn // 3 % 2]
        try:
            async for view in self._events(task, quiet=order.quiet):
                line = f"data: {json.dumps(view, ensure_ascii=False)}{gap}"
                if call.kind in ("reset_middle", "short_body"):
                    await response.write(line[: len(line) // 2].encode())
                    cut(call.request, reset=call.kind == "reset_middle")
                    return response
                await as_it_comes(response, line.encode(), self._random)
            if turn % 4 == 3:
                await response.write(f"data: [DONE]{gap}".encode())
            await response.write_eof()
        except ConnectionError:
            pass  # the listener left; the task goes on and stays paid
        return response

    async def _push(self, task: Task, order: Order) -> None:
        """To the submit's own web hook, on this machine only."""
        if urlsplit(order.hook).hostname not in (HOST, "localhost"):
            return
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            async for view in self._events(task, quiet=order.quiet):
                try:
                    async with session.post(order.hook, json=view):
                        pass
                except (aiohttp.ClientError, asyncio.TimeoutError):
                    continue

    # account and status

    def _admit(self, key: str) -> None:
        if not KEY.fullmatch(key):
            raise Refused(-1, "apikey error")
        if self.key is not None and key != self.key:
            raise Refused(-1, "apikey not found")

    async def _key_credits(self, call: Call) -> web.Response:
        self._admit(str(call.seen.body.get("apiKey")) if isinstance(call.seen.body, dict) else "")
        return said({} if call.kind == "no_number" else {"credits": self.key_limit or 0})

    async def _account_credits(self, call: Call) -> web.Response:
        self._admit(call.request.query.get("apikey", ""))
        self._turns["credits"] += 1
        if call.kind == "no_number":
            return said({})
        return said({"credits": self.credits if self._turns["credits"] % 2 else str(self.credits)})

    async def _model_status(self, call: Call) -> web.Response:
        model = call.request.query.get("model", "")
        error = MAINTENANCE if call.kind == "maintenance" else "" if model in CREDITS else "model not found"
        return said({"status": not error, "error": error})

    async def _model_list(self, call: Call) -> web.Response:
        down = call.kind == "maintenance"
        rows = [{"model": name, "name": name, "credits": price, "maintenance": down} for name, price in CREDITS.items()]
        return said(rows)

    async def _elsewhere(self, _call: Call) -> web.Response:
        return web.json_response({})

    async def _unknown(self, call: Call) -> web.Response:
        return web.json_response({"error": f"no route {call.seen.method} {call.seen.path}"}, status=404)


def parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


# -------------------------------------------------------------------------------------------------------------- command


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until Ctrl-C. Exit status 2 when the port is taken."""
    options = command().parse_args(argv)
    seconds = tuple(part / options.speed for part in options.seconds)
    emulator = Emulator(
        port=options.port,
        key=options.key,
        credits=options.credits,
        seconds=(seconds[0], seconds[-1]),
        seed=options.seed,
        lag=options.lag,
        upload_seconds=options.upload_seconds,
        max_open=options.max_open,
        faults=options.fault,
        render=not options.cheap,
    )
    try:
        emulator.start()
    except (OSError, OverflowError) as error:
        print(f"port {options.port} of {HOST} cannot be used: {error}", file=sys.stderr)
        return 2
    print(f"Grsai emulator on {emulator.url}", flush=True)
    try:
        while True:
            time.sleep(0.5)  # short: on Windows Ctrl-C does not wake a longer wait
    except KeyboardInterrupt:
        return 0
    finally:
        emulator.stop()


def command() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="grsai emulator", description="An offline Grsai on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one (default)")
    parser.add_argument("--key", help="the only good key (default: any well-formed one)")
    parser.add_argument("--credits", type=int, default=1_000_000, help="balance at the start")
    parser.add_argument("--seconds", type=span, default=(0.2, 0.4), help="how long a task takes: 0.5 or 22:62")
    parser.add_argument("--speed", type=float, default=1.0, help="divides --seconds")
    parser.add_argument("--lag", type=float, default=0.0, help="seconds before every reply")
    parser.add_argument("--upload-seconds", type=float, default=0.0, help="seconds an upload takes")
    parser.add_argument("--max-open", type=int, help="a submit beyond so many open tasks gets 429")
    parser.add_argument("--fault", type=fault_from_text, action="append", default=[], metavar="STEP:KIND:SHARE[:TIMES]")
    parser.add_argument("--seed", type=int, default=0, help="of faults and durations")
    parser.add_argument("--cheap", action="store_true", help="one plain picture per size")
    return parser


def span(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(":", 1))


def fault_from_text(text: str) -> Fault:
    step, kind, share, *times = text.split(":")
    try:
        return Fault(step, kind, float(share), times=int(times[0]) if times else None)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
