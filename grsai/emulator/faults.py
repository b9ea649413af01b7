"""What can go wrong, at which step, and which fault strikes which request."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

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
