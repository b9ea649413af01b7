"""What the web extension asks: key, settings, balance, history, runs.

Nothing here ever returns the key or takes a path. A POST must be JSON, which a foreign page cannot send without asking first,
and requests of foreign pages are refused all the same.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from ..grsai import engine
from ..grsai.client import GrsaiClient
from ..grsai.errors import GrsaiError, NoKey, Refused, ServiceError, StillOpen, WrongSetting
from ..grsai.ledger import OFFLINE, TASK_SECONDS, Entry
from ..grsai.ledger.entries import STATES
from ..grsai.models import DEFAULT_MODEL, yuan
from ..grsai.settings import HOSTS, MAX_CONCURRENCY
from ..grsai.texts import LANGUAGES, retell
from . import account, bridge, paths
from .images import thumbnail
from .inputs import MOST_SEED
from .money import UNITS
from .runs import NodeRun, server

MOST_ENTRIES = 200
THUMBNAIL_SIDE = 192  # pixels
Answer = Mapping[str, Any] | web.Response
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def register() -> None:
    """Adds the routes to the running ComfyUI, if there is one."""
    running = server()
    if running is None:
        return
    for path, answer in _GET.items():
        running.routes.get(f"/grsai/{path}")(_guarded(answer))
    for path, answer in _POST.items():
        running.routes.post(f"/grsai/{path}")(_guarded(answer, posted=True))


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin sent the request. Browsers say so; programs send neither header."""
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("Host", "").lower()


def _guarded(answer: Callable[..., Awaitable[Answer]], *, posted: bool = False) -> Handler:
    """Checks a request, and makes JSON of the answer or the error."""

    @functools.wraps(answer)
    async def handle(request: web.Request) -> web.StreamResponse:
        if is_foreign(request.headers):
            return _error(Refused("Requests of other web pages are refused."), 403)
        bridge.hear_browser(request.headers.get("Accept-Language"))
        try:
            given = await _body(request) if posted else request.query
            said = await answer(given)
        except _NotJson as error:
            return _error(error, 415)
        except GrsaiError as error:
            return _error(error, _status(error))
        return said if isinstance(said, web.Response) else web.json_response(said, headers={"Cache-Control": "no-store"})

    return handle


class _NotJson(Refused):
    pass


class _NotThere(Refused):
    pass


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise _NotJson("The request must be application/json.")
    try:
        body = await request.json()
    except (ValueError, UnicodeError):
        body = None
    if not isinstance(body, dict):
        raise WrongSetting("The request must hold a JSON object.")
    return body


def _status(error: GrsaiError) -> int:
    if isinstance(error, _NotThere):
        return 404
    if isinstance(error, Refused):
        return 400
    return 502 if isinstance(error, ServiceError) else 500


def _error(error: GrsaiError, status: int) -> web.Response:
    return web.json_response({"error": _said(error)}, status=status)


def _said(error: GrsaiError) -> dict[str, str]:
    return {language: error.say(language) for language in LANGUAGES}


# Key and settings


async def _key(_: Mapping[str, str]) -> Answer:
    return asdict(await bridge.off_loop(account.key_state))


async def _keep_key(body: Mapping[str, Any]) -> Answer:
    text = body.get("key")
    if not isinstance(text, str):
        raise WrongSetting("The request must hold the key as a text.")
    await bridge.off_loop(account.keep_key, text)
    return await _key({})


async def _settings(_: Mapping[str, str]) -> Answer:
    return await bridge.off_loop(_settings_now)


def _settings_now() -> dict[str, Any]:
    given, panel, locked = account.settings(), account.panel(), account.locked()
    names = {url: name for name, url in HOSTS.items()}
    is_offline = account.is_offline()
    return {
        "host": OFFLINE if is_offline else names.get(given.base_url, account.OWN),
        "own_url": panel.own_url or ("" if given.base_url in names else given.base_url),
        "limit": given.limit or 0,
        "proxy": given.proxy,
        "currency": panel.currency,
        "locked": [name for name, setting in _LOCKABLE.items() if setting in locked],
        "variables": {name: f"GRSAI_{setting.upper()}" for name, setting in _LOCKABLE.items()},
        "choices": {"host": [*HOSTS, OFFLINE, account.OWN], "currency": list(account.CURRENCIES)},
        "most_at_once": MAX_CONCURRENCY,
        "service": "" if is_offline else given.base_url,
    }


_LOCKABLE = {"host": "base_url", "limit": "limit", "proxy": "proxy"}


async def _change_settings(body: Mapping[str, Any]) -> Answer:
    await bridge.off_loop(account.change_panel, body)
    return await _settings({})


async def _balance(_: Mapping[str, Any]) -> Answer:
    """Never an HTTP error: a balance that cannot be had is an answer too."""
    try:
        return await bridge.off_loop(_balance_now)
    except GrsaiError as error:
        return {"ok": False, "error": _said(error), "no_key": isinstance(error, NoKey)}


def _balance_now() -> dict[str, Any]:
    mine = account.account()
    with GrsaiClient(mine.settings) as client:
        credits = client.credits()
    return {"ok": True, "credits": credits, "yuan": yuan(credits), "offline": mine.offline}


async def _catalogue(_: Mapping[str, str]) -> Answer:
    models = await bridge.off_loop(account.catalogue)
    return {
        "models": [asdict(model) for model in models.values()],
        "default": DEFAULT_MODEL,
        "most_seed": MOST_SEED,
        "currency": account.panel().currency,
        "units": {name: asdict(unit) for name, unit in UNITS.items()},
        "offline": account.is_offline(),
    }


# History


async def _history(query: Mapping[str, str]) -> Answer:
    return await bridge.off_loop(_history_page, query)


def _history_page(query: Mapping[str, str]) -> dict[str, Any]:
    ledger = account.ledger()
    counts = ledger.counts()
    limit = min(_number(query, "limit") or 50, MOST_ENTRIES)
    found = ledger.entries(
        before=_number(query, "before"), limit=limit, state=query.get("state") or None, text=query.get("text", "")
    )
    return {
        "entries": [_entry(entry) for entry in found],
        "next": found[-1].row if len(found) == limit else None,
        "counts": {state: counts[state] for state in STATES if state in counts},
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "row": entry.row,
        "state": entry.state,
        "task_id": entry.task_id,
        "model": entry.model,
        "prompt": entry.prompt,
        "aspect_ratio": entry.aspect_ratio,
        "image_size": entry.image_size,
        "seed": entry.seed,
        "variation": entry.variation,
        "credits": entry.credits,
        "created": entry.created,
        "seconds": round(entry.seconds, 1) if entry.finished else None,
        "reason": entry.reason or None,
        "error": retell(entry.error, bridge.language()) if entry.error else None,
        "name": entry.name,
        "offline": entry.service == OFFLINE,
        "sources": [_source(source) for source in entry.sources],
        "files": [place for path, _ in entry.files if path.is_file() and (place := paths.shown(path))],
    }


def _source(source: str) -> dict[str, str] | str:
    """Where ComfyUI shows a reference picture, or else its name."""
    path = Path(source)
    return (paths.shown(path) if path.is_absolute() and path.is_file() else None) or path.name


async def _thumbnail(query: Mapping[str, str]) -> Answer:
    data = await bridge.off_loop(_small_jpeg, _number(query, "row"), _number(query, "file") or 0)
    return web.Response(body=data, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


def _small_jpeg(row: int | None, number: int) -> bytes:
    entry = account.ledger().entry(row) if row is not None else None
    files = [path for path, _ in entry.files] if entry else []
    if number >= len(files) or paths.shown(files[number]) is None:
        raise _NotThere("There is no such picture.")
    buffer = io.BytesIO()
    try:
        thumbnail(files[number], THUMBNAIL_SIDE).save(buffer, "JPEG", quality=85)
    except OSError:
        raise _NotThere("The picture is not there any more.") from None
    return buffer.getvalue()


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise WrongSetting("{value} is no value for {name}.", value=text[:40], name=name)
    return int(text)


# Runs


async def _running(_: Mapping[str, str]) -> Answer:
    return {"runs": [run.as_object() for run in bridge.BOARD.runs()]}


async def _waiting(_: Mapping[str, str]) -> Answer:
    """What Collect would fetch. Tasks of a run that is under way are open too; they need no help."""
    entries = await bridge.off_loop(lambda: account.ledger().open_entries())
    running = sum(run.snapshot.running for run in bridge.BOARD.runs())
    return {"count": max(0, len(entries) - running), "hours": TASK_SECONDS // 3600}


async def _stop(body: Mapping[str, Any]) -> Answer:
    wanted = body.get("run")
    runs = [run for run in bridge.BOARD.runs() if wanted is None or run.id == wanted]
    for run in runs:
        run.stop.set()
    return {"stopped": len(runs)}


async def _collect(_: Mapping[str, Any]) -> Answer:
    mine = await bridge.off_loop(account.account)
    entries = await bridge.off_loop(mine.ledger.open_entries)
    if not entries:
        return {"run": None, "open": 0}
    run = bridge.BOARD.open("collect", None, bridge.language())
    run.pays, run.offline = False, mine.offline
    run.snapshot = engine.Snapshot(len(entries), running=len(entries))
    bridge.in_thread(_collect_all, run, mine, entries)
    return {"run": run.id, "open": len(entries)}


def _collect_all(run: NodeRun, mine: account.Account, entries: list[Entry]) -> None:
    done = failed = 0
    try:
        for entry in entries:
            if run.stop.is_set():
                break
            error = _collect_one(run, mine, entry)
            done, failed = done + (error is None), failed + (error is not None)
            left = len(entries) - done - failed
            run.snapshot = engine.Snapshot(len(entries), done=done, failed=failed, running=left, progress=1 - left / len(entries))
            run.error = error or run.error
    except GrsaiError as error:
        run.error = error
    finally:
        bridge.BOARD.close(run)


def _collect_one(run: NodeRun, mine: account.Account, entry: Entry) -> GrsaiError | None:
    """None: the picture is there."""
    found = engine.collect(
        settings=mine.settings, ledger=mine.ledger, gate=mine.gate, stop=run.stop, task_ids=[entry.task_id or ""]
    )
    if not found:
        return StillOpen("Task {task} is being fetched by another run.", task=entry.task_id)
    run.pictures.extend(found[0].files)
    return found[0].error


_GET: dict[str, Callable[..., Awaitable[Answer]]] = {
    "key": _key,
    "settings": _settings,
    "balance": _balance,
    "catalogue": _catalogue,
    "history": _history,
    "thumbnail": _thumbnail,
    "running": _running,
    "waiting": _waiting,
}
_POST: dict[str, Callable[..., Awaitable[Answer]]] = {
    "key": _keep_key,
    "key/test": _balance,
    "settings": _change_settings,
    "stop": _stop,
    "collect": _collect,
}
