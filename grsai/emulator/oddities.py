"""The odd ways in which a submit tells its id and a poll tells its task: rewrites of what would be said."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from .faults import KINDS, RUNNING
from .tasks import Task

Body = dict[str, Any]
MANY = 200  # results
ENDED = ("canceled", "cancelled", "timeout", "rejected", "expired", "failure")  # states under which a task ends


def renamed(name: str) -> Callable[[Body], Body]:
    return lambda body: {name if key == "id" else key: value for key, value in body.items()}


IDS: Mapping[str, Callable[[Body], Any]] = {  # fault kind at the submit → what is told instead of `{"id": …}`
    "bare_id": lambda body: body["id"],
    "id_number": lambda body: {**body, "id": int(body["id"])},
    "task_id_camel": renamed("taskId"),
    "task_id_snake": renamed("task_id"),
}


def running(view: Body, **more: Any) -> Body:
    return {**view, "status": RUNNING, "results": None, "failure_reason": "", "error": "", **more}


def state(word: str) -> Callable[[Body, Task], Body]:
    return lambda view, _task: {**view, "status": word, "failure_reason": "", "error": ""}


def address(rewrite: Callable[[str], str]) -> Callable[[Body, Task], Body]:
    return lambda view, _task: {**view, "results": [{**each, "url": rewrite(each["url"])} for each in view["results"] or ()]}


def capitals(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme.upper()}://{parts.netloc.upper()}{parts.path}"


VIEWS: Mapping[str, Callable[[Body, Task], Body]] = {  # fault kind at the poll → the view that is told
    **{name: state(name.removeprefix("state_")) for name in KINDS if name.startswith("state_")},
    "error_while_running": lambda view, _task: running(view, error="generate failed"),
    "stall": lambda view, _task: running(view, progress=33),
    "empty_results": lambda view, task: {**view, "results": [] if task.polls % 2 else None},
    "top_level_url": lambda view, _task: without(view, "results") | {"url": (view["results"] or [{"url": ""}])[0]["url"]},
    "many_results": lambda view, _task: {
        **view, "results": [{**each, "url": f"{each['url']}?{n}"} for each in view["results"] or () for n in range(MANY)]
    },
    "url_spaces": address(lambda url: f" {url}\r\n"),
    "url_upper": address(capitals),
    "url_relative": address(lambda url: urlsplit(url).path),
}  # fmt: skip

INLINE: Mapping[str, Callable[[str], Body]] = {  # fault kind at the poll → the one result, made of the picture as base64
    "inline_base64": lambda coded: {"url": "", "content": coded},
    "inline_data_uri": lambda coded: {"url": "", "content": f"data:image/png;base64,{coded}"},
    "inline_url": lambda coded: {"url": f"data:image/png;base64,{coded}", "content": ""},
}


def without(view: Body, name: str) -> Body:
    return {key: value for key, value in view.items() if key != name}


def inline(kind: str, view: Body, picture: bytes) -> Body:
    return {**view, "results": [INLINE[kind](base64.b64encode(picture).decode())]}


def flat(view: Body) -> Body:
    """A view as the unified generation tells it: only what there is."""
    body = {name: value for name, value in view.items() if name != "failure_reason" and value not in (None, "")}
    if view["failure_reason"]:
        body = without(without(body, "results"), "progress")
    if view["failure_reason"].endswith("moderation"):
        body |= {"status": "violation", "error": view["error"] or f"refused by the content policy: {view['failure_reason']}"}
    if body.get("results"):
        body["results"] = [{name: value for name, value in each.items() if value} for each in body["results"]]
    return body
