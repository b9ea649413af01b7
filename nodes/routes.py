"""What the web extension asks: key, settings, balance, prices, history, runs.

Nothing here ever returns the key, or takes a path that leads out of ComfyUI's own folders. A POST must be JSON, which a foreign
page cannot send without asking first, and requests of foreign pages are refused all the same.
"""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from ..grsai import components, engine
from ..grsai.engine.threads import in_background
from ..grsai.errors import GrsaiError, NoKey, Refused, ServiceError, WrongSetting
from ..grsai.ledger import OFFLINE, TASK_SECONDS
from ..grsai.models import APIS
from ..grsai.settings import HOSTS, MAX_CONCURRENCY
from ..grsai.texts import LANGUAGES
from . import account, bridge, history, judging, language, made, money, outlook, panel, paths, wishes
from .account import Account
from .history import NotThere
from .limits import whole
from .runs import NodeRun, server, tiles_object

# The panel's settings that the environment may decide, with the library's names for them.
_LOCKABLE = {"host" if name == "base_url" else name: name for name in (*account.CHOSEN_IN_THE_PANEL, "ledger")}
_MOST_TIMES = 100_000


@dataclass(frozen=True)
class Asked:
    """A request: the object of a POST, or the query of a GET; and the language of whoever asks."""

    values: Mapping[str, Any]
    language: str
    is_near: bool = False  # on this computer


Answer = Mapping[str, Any] | web.Response
Answering = Callable[[Asked], Awaitable[Answer]]


def register() -> None:
    """Adds the routes to the running ComfyUI, if there is one."""
    running = server()
    if running is None:
        return
    running.routes.get("/grsai/components/{name}")(_component)
    for path, answer in _GET.items():
        running.routes.get(f"/grsai/{path}")(_guarded(answer))
    for path, answer in _POST.items():
        running.routes.post(f"/grsai/{path}")(_guarded(answer, posted=True))


async def _component(request: web.Request) -> web.StreamResponse:
    """A module of the components, or their style sheet, which web/js loads: they lie where the library's own pages find them."""
    name = request.match_info["name"]
    if name not in (*components.MODULES, *components.STYLES):
        raise web.HTTPNotFound
    kind = components.TYPES[name[name.rindex(".") :]]
    text = await bridge.off_loop((components.FOLDER / name).read_text, "utf-8")
    return web.Response(text=text, content_type=kind, headers={"Cache-Control": "no-cache"})


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin sent the request. Browsers say so; programs send neither header."""
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None:
        return site not in ("same-origin", "none")
    try:
        return origin is not None and urlsplit(origin).netloc.lower() != headers.get("Host", "").lower()
    except ValueError:
        return True


def _guarded(answer: Answering, *, posted: bool = False) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Checks a request, and makes JSON of the answer or the error."""

    @functools.wraps(answer)
    async def handle(request: web.Request) -> web.StreamResponse:
        if is_foreign(request.headers):
            return _error(Refused("Requests of other web pages are refused."), 403)
        speaks = language.of_request(request.headers)
        try:
            near = request.remote in ("127.0.0.1", "::1") and "X-Forwarded-For" not in request.headers
            said = await answer(Asked(await _object_of(request) if posted else request.query, speaks, near))
        except GrsaiError as error:
            return _error(error, next((status for kind, status in _STATUS if isinstance(error, kind)), 500))
        return said if isinstance(said, web.Response) else web.json_response(said, headers={"Cache-Control": "no-store"})

    return handle


class _NotJson(Refused):
    pass


_STATUS = ((_NotJson, 415), (NotThere, 404), (Refused, 400), (ServiceError, 502))  # the first that fits; 500 for all others


async def _object_of(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise _NotJson("The request must be application/json.")
    try:
        body = await request.json()
    except (ValueError, LookupError, RecursionError):  # no JSON, an unknown encoding, or too deep
        body = None
    if not isinstance(body, dict):
        raise WrongSetting("The request must hold a JSON object.")
    return body


def _error(error: GrsaiError, status: int) -> web.Response:
    return web.json_response({"error": _in_all_languages(error)}, status=status)


def _in_all_languages(error: GrsaiError) -> dict[str, str]:
    return {name: error.say(name) for name in LANGUAGES}


# Key and settings


async def _key(_: Asked) -> Answer:
    return asdict(await bridge.off_loop(account.key_state))


async def _keep_key(asked: Asked) -> Answer:
    text = asked.values.get("key")
    if not isinstance(text, str):
        raise WrongSetting("The request must hold the key as a text.")
    await bridge.off_loop(account.keep_key, text)
    return await _key(asked)


async def _settings(_: Asked) -> Answer:
    return await bridge.off_loop(_settings_now)


def _settings_now() -> dict[str, Any]:
    settings, written, locked = account.settings(), panel.read_panel(), account.locked()
    names = {url: name for name, url in HOSTS.items()}
    is_offline = account.is_offline()
    return {
        "host": OFFLINE if is_offline else names.get(settings.base_url, panel.OWN),
        "own_url": written.own_url or ("" if settings.base_url in names else settings.base_url),
        "limit": settings.limit or 0,
        "proxy": settings.proxy,
        "currency": written.currency,
        "api": settings.api,
        "credits_per_yuan": settings.credits_per_yuan,
        "budget_day": settings.budget_day,
        "budget_month": settings.budget_month,
        "ask_above": settings.ask_above,
        "ledger": str(shared) if (shared := account.shared_ledger()) is not None else "",
        "locked": [name for name, setting in _LOCKABLE.items() if setting in locked],
        "variables": {name: f"GRSAI_{setting.upper()}" for name, setting in _LOCKABLE.items()},
        "choices": {"host": [*HOSTS, OFFLINE, panel.OWN], "currency": list(panel.CURRENCIES), "api": list(APIS)},
        "most_at_once": MAX_CONCURRENCY,
        "service": "" if is_offline else settings.base_url,
    }


async def _change_settings(asked: Asked) -> Answer:
    values = dict(asked.values)
    address = values.pop("ledger", None)
    if not isinstance(address, (str, type(None))):
        raise WrongSetting("The request must hold the address of the ledger as a text.")
    if values or address is None:
        await bridge.off_loop(panel.change_panel, values)
    if address is not None:
        await bridge.off_loop(account.keep_ledger, address)
    return await _settings(asked)


async def _balance(_: Asked) -> Answer:
    return await _balance_with(None)


async def _test_key(asked: Asked) -> Answer:
    """The balance. `key`: with one that is not stored yet."""
    key = asked.values.get("key")
    if not isinstance(key, (str, type(None))):
        raise WrongSetting("The request must hold the key as a text.")
    return await _balance_with(key)


async def _balance_with(key: str | None) -> Answer:
    """Never an HTTP error: a balance that cannot be had is an answer too."""
    try:
        return await bridge.off_loop(money.balance, key)
    except GrsaiError as error:
        return {"ok": False, "error": _in_all_languages(error), "no_key": isinstance(error, NoKey)}


async def _catalogue(_: Asked) -> Answer:
    return await bridge.off_loop(money.catalogue)


async def _refresh_models(_: Asked) -> Answer:
    return await bridge.off_loop(money.refresh_models)


async def _estimate(asked: Asked) -> Answer:
    """What a graph, or a node of it, would cost. POSTed, as a graph is long; it changes nothing."""
    graph, node_id, targets = (asked.values.get(name) for name in ("prompt", "node", "targets"))
    if not isinstance(graph, dict) or not isinstance(node_id, (str, type(None))) or not isinstance(targets, (list, type(None))):
        raise WrongSetting("The request must hold a graph as prompt; node names one of its nodes, targets is a list of them.")
    quick = asked.values.get("quick") is True
    if node_id is not None:
        return await bridge.off_loop(outlook.outlook, graph, node_id, quick=quick)
    times = whole(asked.values.get("times", 1), "times", 1, _MOST_TIMES)
    chosen = None if targets is None else [str(target) for target in targets]
    said = await bridge.off_loop(outlook.of_graph, graph, chosen, quick=quick, times=times)
    return {**said, "nodes": {node_id: _with_error(facts) for node_id, facts in said["nodes"].items()}}


def _with_error(facts: dict[str, Any]) -> dict[str, Any]:
    return {"error": _in_all_languages(facts["error"])} if "error" in facts else facts


async def _folder(asked: Asked) -> Answer:
    said = await bridge.off_loop(outlook.folder, asked.values.get("folder", ""), asked.values.get("prompts_file", ""))
    return {**said, "left_out": [_in_all_languages(error) for error in said["left_out"]]}


async def _sheet(asked: Asked) -> Answer:
    said = await bridge.off_loop(lambda: wishes.as_object(wishes.of_sheet(asked.values.get("file", ""), wishes.by_facts)))
    return {**said, "faults": [{"row": row, "why": _in_all_languages(error)} for row, error in said["faults"]]}


async def _folders(_: Asked) -> Answer:
    return await bridge.off_loop(paths.folders)


async def _spend(_: Asked) -> Answer:
    return await bridge.off_loop(money.spent)


# History


async def _history(asked: Asked) -> Answer:
    page = judging.page if asked.values.get("state") in judging.CHOICES else history.page
    return await bridge.off_loop(lambda: judging.told(page(asked.values, asked.language)))


async def _runs(asked: Asked) -> Answer:
    return await bridge.off_loop(lambda: judging.told(made.page(asked.values, asked.language)))


async def _graph(asked: Asked) -> Answer:
    return await bridge.off_loop(made.graph, asked.values.get("run", ""))


async def _zip(asked: Asked) -> Answer:
    parts = await bridge.off_loop(made.zipped, asked.values.get("run", ""))

    async def sent() -> AsyncIterator[bytes]:
        while (part := await bridge.off_loop(next, parts, None)) is not None:
            if part:
                yield part

    name = time.strftime("banana_%Y-%m-%d_%H-%M-%S.zip")
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return web.Response(body=sent(), content_type="application/zip", headers=headers)


async def _open_folder(asked: Asked) -> Answer:
    """Opens the folder of a run where ComfyUI runs, if whoever asks sits there; says where it is in any case."""
    place = await bridge.off_loop(made.folder, str(asked.values.get("run", "")))
    opened = asked.is_near and await bridge.off_loop(made.show, place)
    return {"folder": str(place) if asked.is_near else place.name, "opened": opened}


# Verdicts


async def _verdict(asked: Asked) -> Answer:
    return await bridge.off_loop(judging.say, asked.values)


async def _verdicts(asked: Asked) -> Answer:
    """POSTed, as there may be many; it changes nothing."""
    return await bridge.off_loop(judging.of_tasks, asked.values)


async def _price_redo(_: Asked) -> Answer:
    return await bridge.off_loop(judging.price_redo)


async def _redo(asked: Asked) -> Answer:
    return await bridge.off_loop(judging.redo, asked.values, asked.language)


async def _thumbnail(asked: Asked) -> Answer:
    data = await bridge.off_loop(history.small_jpeg, asked.values)
    return web.Response(body=data, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


async def _outline(asked: Asked) -> Answer:
    data = await bridge.off_loop(history.outline, asked.values)
    return web.Response(body=data, content_type="image/png", headers={"Cache-Control": "private, max-age=86400"})


async def _as_input(asked: Asked) -> Answer:
    return await bridge.off_loop(history.as_input, {name: str(value) for name, value in asked.values.items()})


# Runs


async def _running(_: Asked) -> Answer:
    return {"runs": bridge.BOARD.as_objects()}


async def _tiles(asked: Asked) -> Answer:
    """Those of the runs under way, and those that the nodes of a workflow showed last: for a page that was just loaded."""
    runs = [tiles_object(run, run.tiles.all()) for run in bridge.BOARD.runs()]
    return {"runs": runs, "over": bridge.BOARD.kept(str(asked.values.get("workflow", "")))}


async def _waiting(_: Asked) -> Answer:
    """What Collect would fetch. Tasks of a run that is under way, of this process or another, are open too; they need no help."""
    entries = await bridge.off_loop(lambda: account.ledger().uncollected())
    return {"count": len(entries), "hours": TASK_SECONDS // 3600}


async def _stop(asked: Asked) -> Answer:
    wanted = asked.values.get("run")
    runs = [run for run in bridge.BOARD.runs() if wanted is None or run.id == wanted]
    for run in runs:
        run.stop.set()
    return {"stopped": len(runs)}


async def _collect(asked: Asked) -> Answer:
    current = await bridge.off_loop(account.current)
    entries = await bridge.off_loop(current.ledger.uncollected)
    if not entries:
        return {"run": None, "open": 0}
    run = bridge.BOARD.open("collect", None, asked.language)
    run.pays, run.offline = False, current.offline
    run.snapshot = engine.Snapshot(len(entries), running=len(entries))
    in_background(_collect_all, run, current)
    return {"run": run.id, "open": len(entries)}


def _collect_all(run: NodeRun, current: Account) -> None:
    try:
        engine.collect(
            settings=current.settings, ledger=current.ledger, gate=current.gate, stop=run.stop, on_event=run.on_collected
        )
    except GrsaiError as error:
        run.error = error
    finally:
        bridge.BOARD.close(run)


_GET: dict[str, Answering] = {
    "key": _key,
    "settings": _settings,
    "balance": _balance,
    "catalogue": _catalogue,
    "spend": _spend,
    "folder": _folder,
    "folders": _folders,
    "sheet": _sheet,
    "history": _history,
    "runs": _runs,
    "graph": _graph,
    "zip": _zip,
    "thumbnail": _thumbnail,
    "outline": _outline,
    "running": _running,
    "tiles": _tiles,
    "waiting": _waiting,
}
_POST: dict[str, Answering] = {
    "key": _keep_key,
    "key/test": _test_key,
    "settings": _change_settings,
    "models/refresh": _refresh_models,
    "estimate": _estimate,
    "input": _as_input,
    "open": _open_folder,
    "verdict": _verdict,
    "verdicts": _verdicts,
    "redo/estimate": _price_redo,
    "redo": _redo,
    "stop": _stop,
    "collect": _collect,
}
