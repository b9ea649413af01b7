"""The page of a folder of pictures, served on 127.0.0.1 to whoever has its secret.

Every request must name the secret, as `?secret=…` or in the header `X-Secret`; must be sent to 127.0.0.1 or localhost at the
server's own port; and must not come from another origin. Else, whatever the address, the answer is 403. A POST is JSON.
An error is `{"error": {"en": …, "zh": …}}` with status 400 (what was asked is wrong), 404 (no such picture), 409 (something
is under way, or the ticket is used or old), 500. No address and no body ever holds a path: pictures are named by `id`.

GET /?secret=S
    The page. It holds, as JSON in `<script type="application/json" id="run">`, the State:
    {"folder": the folder's name, "language", "words": {…, those of the gallery and of words.py}, "may_make": whether there is
     anything to make pictures with, "ratio": width by height of most pictures, "counts": Counts, "run": Run | null,
     "compare": true if there is a comparison, "last": id of the newest event, "total": how many pictures,
     "pictures": the first Cards, "next": offset of the next ones | null}
    Scripts and style stand in it, under a policy that lets nothing else run: modules are put into one, as for the gallery.
GET /state                        the same without words
GET /pictures?offset=N&limit=M    {"total", "pictures": [Card, …], "next": offset | null}; M is at most 1000
    Card = as `Made` in report/gallery.js (addresses are relative to the page and hold the secret), and beside it
    {"id", "verdict": "keep" | "reject" | "", "stars": 0 to 5, "note": text,
     "version": 1, 2, …, "versions": [id, …] of all versions, oldest first, [] where there is one only,
     "task", "model", "credits", "yuan", "price": "¥0.04", "seconds", "created": seconds since 1970}
    Order: as in the folder, 2 before 10; versions of one picture beside each other, oldest first.
GET /picture/ID   /thumbnail/ID   /source/ID/N   /source/ID/N/small   /finished/ID   /mask/ID        pictures
POST /verdict     {"verdicts": [{"id", "verdict"?, "stars"?, "note"?}, …]}; what is left out stays as it is
    → {"verdicts": [{"id", "verdict", "stars", "note"}, …], "counts": Counts}, once they are on disk
    Counts = {"total", "kept", "rejected", "open", "redo": how many pictures POST /redo/estimate would make}
POST /redo/estimate  {"ids"?: [id, …] of rejected pictures, else all, "prompt"?, "model"?, "aspect_ratio"?, "image_size"?,
                      "quality"?, "background"?, "seed"?}
    → {"ticket": text | null if there is nothing to do, "pictures": how many are made, "new", "open", "reused", "unpriced",
       "credits", "yuan", "price", "gone": [{"id", "name", "why": text}], "foreign": how many are of another service,
       "said": [text, …], "models": [{"id", "sizes", "ratios", "qualities", "backgrounds"}, …] that can be chosen}
POST /make        {"ticket"} of an estimate: makes what was priced, nothing else; each ticket once → {"run": Run}
POST /stop        {} → {"stopped": true if something was under way}
GET /events?last=N    (text/event-stream; also `Last-Event-ID`) each event has an id, a name and JSON:
    run      Run = {"kind": "batch" | "redo" | "compare", "state": "running" | "stopping" | "ended", "total", "done", "failed",
             "stopped", "reused", "running", "progress": 0 to 1, "seconds", "remaining_seconds" | null, "left": text, "credits",
             "yuan", "price", "said": [text, …]}
    pictures {"pictures": [Card, …], "total", "counts": Counts}   new ones, and older versions of them, which changed too
    failed   {"name", "prompt", "why": text}
    verdicts {"verdicts": […], "counts": Counts}                  also those that this page gave
    reload   {}                                                   events were missed: ask for everything again
GET /picks.zip?min_stars=N        the kept pictures with at least so many stars, finished files where there are some
GET /compare
    {"rows": [{"name", "before"?, "before_small"?}, …],
     "columns": [{"id", "model", "prompt", "pictures": how many are there, "kept", "rejected", "open", "stars": sum,
                  "price": of one picture, "seconds": mean, "whole": {"pictures", "credits", "yuan", "price"} | null,
                  "command": text | null}],
     "cells": [[[id, …] of each column] of each row], "sample": N | null, "of": how many pictures the folder has | null}
POST /compare/estimate  {"column": id} → as /redo/estimate, for the whole folder with the model and prompt of that column
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import io
import json
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from ..engine.threads import in_background
from ..errors import BadPicture, GrsaiError, Refused, WrongSetting
from ..masks import outline_of
from ..models import Catalogue
from ..pictures import thumbnail
from ..report.thumbnails import common_ratio, is_made, thumbnail_after, thumbnail_of
from ..settings import Settings
from ..texts import LANGUAGES, plain
from . import page
from .album import Album, Picture
from .cards import Cards, verdict_object
from .compare import Planner, columns_of, table
from .live import Stream
from .making import Busy, Maker, OnEnd
from .picks import picks_of, zipped
from .verdicts import Verdict

T = TypeVar("T")
P = ParamSpec("P")
HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")  # under which a browser may ask; any other one was led here by somebody else
_FIRST, _MOST = 200, 1_000  # pictures in the page itself, and in one answer
_MOST_BODY = 4 << 20  # bytes: verdicts on all pictures of a large folder
_QUIET_SECONDS = 10.0  # after which an open stream says that it is still there
_LEFT_SECONDS = 10.0  # after which a page that asks for nothing counts as closed
_SHUTDOWN_SECONDS = 0.2
_LARGE = 4096  # pixels
_OF_A_VERDICT = ("verdict", "stars", "note")
_SHOWN = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".jfif": "image/jpeg", ".jpe": "image/jpeg",
    ".webp": "image/webp", ".gif": "image/gif", ".bmp": "image/bmp", ".avif": "image/avif",
}  # fmt: skip
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_REFUSED = "Open the whole address that the command printed. 请打开命令打印的完整地址。\n"
Answer = Mapping[str, Any] | web.StreamResponse
Answering = Callable[[web.Request], Awaitable[Answer]]


class NotThere(Refused):
    """Asked for a picture that is not there, or not any more."""


_STATUS = ((NotThere, 404), (Busy, 409), (Refused, 400))  # the first that fits; 500 for all others


class ReviewServer:
    """Serves one album from a thread of its own, between `start` and `close`.

    `settings`: with which pictures can be made again; None: they cannot. `on_change`: told after verdicts were written down.
    """

    def __init__(
        self,
        album: Album,
        *,
        settings: Settings | None,
        port: int = 0,
        language: str = "en",
        finished: Mapping[Path, Path] | None = None,
        on_end: OnEnd = lambda outcomes, replaced, seconds: None,
        on_change: Callable[[], object] = lambda: None,
        planner: Planner | None = None,
    ) -> None:
        self._planner = planner
        self._settings = settings
        self._secret = secrets.token_urlsafe(18)
        self._album = album
        self._port = port
        self._on_change = on_change
        self._finished = dict(finished or {})
        per_yuan = {"per_yuan": settings.credits_per_yuan} if settings else {}
        self._cards = Cards(album, f"?secret={self._secret}", language, finished=self._finished, **per_yuan)
        self._stream = Stream()
        self._judging = threading.Lock()  # two words at once would leave out one of them
        self.maker = Maker(album, self._cards, self._stream, settings, on_end=on_end)
        self._listening = 0  # pages that are open
        self._ratio = 0.0  # not known
        self._asked = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._ended: Future[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}/?secret={self._secret}"

    def start(self) -> str:
        """The address of the page. Raises OSError where the port cannot be had."""
        started: Future[None] = Future()
        self._ended = in_background(self._serve, started)
        started.result()
        self.maker.start()
        return self.url

    def close(self) -> None:
        """What a page began is stopped; open connections are cut."""
        self.maker.close()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._closing.set)
        if self._ended is not None:
            self._ended.result()

    def is_watched(self) -> bool:
        """Whether a page is open, or asked for something in the last seconds, or has something made."""
        run = self.maker.run
        busy = run is not None and not run.ended
        return busy or self._listening > 0 or time.monotonic() - self._asked < _LEFT_SECONDS

    # The thread of its own

    def _serve(self, started: Future[None]) -> None:
        asyncio.run(self._run(started))

    async def _run(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        app = web.Application(client_max_size=_MOST_BODY, middlewares=[self._guarded])
        for path, answer in self._gets().items():
            app.router.add_get(path, _answered(answer))
        for path, answer in self._posts().items():
            app.router.add_post(path, _answered(answer))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, handle_signals=False)
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, self._port)
            await site.start()
            self._port = runner.addresses[0][1]
        except BaseException as error:
            started.set_exception(error)
            await runner.cleanup()
            return
        started.set_result(None)
        await self._closing.wait()
        await runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Nothing, not even whether an address exists, is told to who must not ask."""
        said = request.query.get("secret") or request.headers.get("X-Secret", "")
        mine = hmac.compare_digest(said.encode("utf-8", "replace"), self._secret.encode())
        if not mine or self._is_foreign(request.headers):
            return web.Response(text=_REFUSED, status=403, headers=_HEADERS)
        self._asked = time.monotonic()
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(text=f"{error.status} {error.reason}", status=error.status)
        if not response.prepared:
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    def _is_foreign(self, headers: Mapping[str, str]) -> bool:
        """Whether it was sent by a page of another origin, or to a name that somebody else leads here."""
        try:
            asked = urlsplit(f"//{headers.get('Host', '')}")
            if asked.hostname not in _NAMES or (asked.port or 80) != self._port:
                return True
            origin = headers.get("Origin")
            foreign = origin is not None and urlsplit(origin).netloc.lower() != headers.get("Host", "").lower()
        except ValueError:
            return True
        return foreign or headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")

    # What is answered

    def _gets(self) -> dict[str, Answering]:
        return {
            "/": self._page,
            "/state": self._state,
            "/pictures": self._pictures,
            "/picture/{id}": self._picture,
            "/thumbnail/{id}": self._thumbnail,
            "/mask/{id}": self._mask,
            "/source/{id}/{place}": self._source,
            "/source/{id}/{place}/small": self._small_source,
            "/finished/{id}": self._finished_file,
            "/events": self._events,
            "/picks.zip": self._zip,
            "/compare": self._compare,
        }

    def _posts(self) -> dict[str, Answering]:
        return {
            "/verdict": self._verdict,
            "/redo/estimate": self._price_redo,
            "/compare/estimate": self._price_column,
            "/make": self._make,
            "/stop": self._stop,
        }

    async def _page(self, request: web.Request) -> Answer:
        state = await off_loop(self._whole_state)
        text = await off_loop(page.page, state, self._cards.language)
        return web.Response(text=text, content_type="text/html")

    def _whole_state(self) -> dict[str, Any]:
        return {**self._state_now(), "words": page.words(self._cards.language)}

    async def _state(self, request: web.Request) -> Answer:
        return await off_loop(self._state_now)

    def _state_now(self) -> dict[str, Any]:
        last = self._stream.last  # before what it may already tell of
        first = self._album.page(0, _FIRST)
        return {
            "folder": plain(self._album.folder.name),
            "language": self._cards.language,
            "may_make": self.maker.may_make,
            "ratio": self._ratio or self._common_ratio(),
            "counts": self._album.counts(),
            "run": self.maker.run.as_object() if self.maker.run else None,
            "compare": self._settings is not None and len(columns_of(self._album)) > 1,
            "last": last,
            **self._page_of(first, 0),
        }

    def _common_ratio(self) -> float:
        """Looked for once there are pictures: it takes a look into some of them."""
        ratio = common_ratio([picture.file for picture in self._album])
        self._ratio = ratio if len(self._album) else 0.0
        return ratio

    async def _pictures(self, request: web.Request) -> Answer:
        offset, limit = number(request.query, "offset", 0), min(number(request.query, "limit", _FIRST), _MOST)
        return await off_loop(lambda: self._page_of(self._album.page(offset, limit), offset))

    def _page_of(self, pictures: Sequence[Picture], offset: int) -> dict[str, Any]:
        total, end = len(self._album), offset + len(pictures)
        cards = [self._cards.card(picture) for picture in pictures]
        return {"total": total, "pictures": cards, "next": end if pictures and end < total else None}

    # Pictures

    async def _picture(self, request: web.Request) -> Answer:
        return await off_loop(_sent, self._of(request).file)

    async def _thumbnail(self, request: web.Request) -> Answer:
        picture = self._of(request)
        return await off_loop(self._small, picture.file, thumbnail_after(picture.file, self._album.folder))

    async def _mask(self, request: web.Request) -> Answer:
        outline = await off_loop(outline_of, self._of(request).file)
        if outline is None:
            raise NotThere("There is no such picture.")
        return web.Response(body=outline, content_type="image/png")

    async def _source(self, request: web.Request) -> Answer:
        return await off_loop(_sent, self._source_of(request)[0])

    async def _small_source(self, request: web.Request) -> Answer:
        return await off_loop(self._small, *self._source_of(request))

    async def _finished_file(self, request: web.Request) -> Answer:
        file = self._finished.get(self._of(request).file)
        if file is None:
            raise NotThere("There is no such picture.")
        return await off_loop(_sent, file)

    def _of(self, request: web.Request) -> Picture:
        picture = self._album.get(request.match_info["id"])
        if picture is None:
            raise NotThere("There is no such picture.")
        return picture

    def _source_of(self, request: web.Request) -> tuple[Path, Path]:
        """The file of a source, and where its thumbnail belongs."""
        picture, place = self._of(request), number(request.match_info, "place", 0)
        sources, digests = picture.sources, picture.entry.digests
        file = sources[place] if place < len(sources) else None
        if file is None:
            raise NotThere("There is no such picture.")
        digest = digests[place] if place < len(digests) else ""
        return file, thumbnail_of(digest, self._album.folder) if digest else thumbnail_after(file, self._album.folder)

    def _small(self, file: Path, thumbnail: Path) -> web.StreamResponse:
        return _sent(thumbnail if is_made(thumbnail, file) else file)

    async def _zip(self, request: web.Request) -> Answer:
        picks = picks_of(self._album, self._finished, min_stars=number(request.query, "min_stars", 0))
        name = self._album.folder.name.encode("ascii", "replace").decode().replace('"', "_") or "picks"
        stream = web.StreamResponse(
            headers={**_HEADERS, "Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="{name}.zip"'}
        )
        pieces = zipped(picks)
        first = await off_loop(next, pieces, b"")  # what cannot be read at all is told as an error
        await stream.prepare(request)
        while first is not None:
            await stream.write(first)
            first = await off_loop(next, pieces, None)
        return stream

    # Verdicts

    async def _verdict(self, request: web.Request) -> Answer:
        asked = (await object_of(request)).get("verdicts")
        if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
            raise WrongSetting("The request must hold a list of verdicts.")
        return await off_loop(self._judge, asked)

    def _judge(self, asked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        with self._judging:
            said: dict[str, Verdict] = {}
            for each in asked:
                picture = self._album.get(str(each.get("id")))
                if picture is None:
                    raise NotThere("There is no such picture.")
                given = {name: each[name] for name in _OF_A_VERDICT if name in each}
                said[picture.id] = replace(said.get(picture.id, picture.verdict), **given)
            rows = [{"id": picture.id, **verdict_object(picture.verdict)} for picture in self._album.judge(said)]
        told = {"verdicts": rows, "counts": self._album.counts()}
        self._stream.tell("verdicts", **told)
        self._on_change()
        return told

    # Making

    async def _price_redo(self, request: web.Request) -> Answer:
        return await off_loop(self.maker.price_redo, await object_of(request))

    async def _compare(self, request: web.Request) -> Answer:
        catalogue = self._settings.catalogue if self._settings else Catalogue()
        return await off_loop(table, self._album, self._cards, catalogue, self._planner)

    async def _price_column(self, request: web.Request) -> Answer:
        asked = (await object_of(request)).get("column")
        return await off_loop(self._price_of_column, asked)

    def _price_of_column(self, asked: object) -> dict[str, Any]:
        column = next((each for each in columns_of(self._album) if each.id == asked), None)
        if column is None or self._planner is None:
            raise NotThere("There is no such column, or nothing says which pictures the whole folder has.")
        return self.maker.price_jobs("compare", self._planner.jobs(column.model, column.prompt))

    async def _make(self, request: web.Request) -> Answer:
        run = await off_loop(self.maker.make, (await object_of(request)).get("ticket"))
        return {"run": run.as_object()}

    async def _stop(self, request: web.Request) -> Answer:
        await object_of(request)
        return {"stopped": self.maker.stop()}

    # Events

    async def _events(self, request: web.Request) -> Answer:
        last = request.headers.get("Last-Event-ID") or request.query.get("last") or ""
        place = int(last) if last.isdecimal() and len(last) < 16 else self._stream.last
        stream = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await stream.prepare(request)
        self._listening += 1
        try:
            await stream.write(b": here\n\n")
            while True:
                heard = await self._stream.heard(place, _QUIET_SECONDS)
                if heard is None:
                    place = self._stream.last
                    await stream.write(_event(place, "reload", {}))
                elif heard:
                    place = heard[-1].id
                    await stream.write(b"".join(_event(news.id, news.kind, news.facts) for news in heard))
                else:
                    await stream.write(b": quiet\n\n")
        except ConnectionError:  # the page was closed
            return stream
        finally:
            self._listening -= 1


def _answered(answer: Answering) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """JSON of what is answered, or of the error."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            said = await answer(request)
        except GrsaiError as error:
            status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
            return web.json_response({"error": {name: error.say(name) for name in LANGUAGES}}, status=status)
        return said if isinstance(said, web.StreamResponse) else web.json_response(said)

    return handle


async def off_loop(function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """Called in a thread of its own, for which nobody has to wait at the end."""
    return await asyncio.wrap_future(in_background(function, *arguments, **named))


async def object_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of a POST, which a page of another origin could not send unasked."""
    if request.content_type != "application/json":
        raise WrongSetting("The request must be application/json.")
    try:
        body = await request.json()
    except (ValueError, LookupError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise WrongSetting("The request must hold a JSON object.")
    return body


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number of a query. Raises `WrongSetting`."""
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise WrongSetting("{value} is no value for {name}.", value=text[:40], name=name)
    return int(text)


def _sent(file: Path) -> web.StreamResponse:
    """A picture as it is; as a small JPEG where browsers do not show its kind. Nothing else is ever sent as a page."""
    kind = _SHOWN.get(file.suffix.lower())
    headers = {"Cache-Control": "private, max-age=600", "Content-Security-Policy": "default-src 'none'"}
    try:
        if kind is not None:
            return web.Response(body=file.read_bytes(), content_type=kind, headers=headers)
        buffer = io.BytesIO()
        thumbnail(file, _LARGE).save(buffer, "JPEG", quality=90)
        return web.Response(body=buffer.getvalue(), content_type="image/jpeg", headers=headers)
    except (BadPicture, OSError):
        raise NotThere("The picture is not there any more.") from None


def _event(id: int, kind: str, facts: Mapping[str, Any]) -> bytes:
    return f"id: {id}\nevent: {kind}\ndata: {json.dumps(facts, ensure_ascii=False)}\n\n".encode("utf-8", "replace")
