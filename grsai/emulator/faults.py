"""What can go wrong: every kind of fault, the steps it exists for, and which fault strikes which request.

The steps are `ticket` and `upload` (storage), `submit` and `poll` (both generations of the API), `download` (a result file),
`credits` (of the key and of the account) and `status` (of a model, and the two lists of models). KINDS says of each kind
where it happens and what it does; `python -m grsai.emulator --kinds` prints it. In groups:

instead of processing   a page, a refusal, a redirect or silence; nothing is taken, nothing is stored
the connection          the request is processed, but its reply breaks, drips, comes late or never ends
the submit's reply      the task is taken and paid for, and its id is told in odd ways
the task's end          the task is taken, and fails or never ends
the poll's reply        the task is as it is, and its state or its result is told in odd ways
the result file         a whole picture of another format, a broken one, or one that is too large
money and storage       balances, upload addresses
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .refusals import MAINTENANCE, PLAIN, REFUSALS

SUCCEEDED, FAILED, RUNNING = "succeeded", "failed", "running"
GEMINI_TIMEOUT = "google gemini timeout..."
BAD_IMAGE = "The image format is incorrect. Please check the reference images."
NEVER = 1e9  # seconds

VERDICTS: Mapping[str, tuple[str, str]] = {  # how a task ends whose prompt holds "[name]", or at the submit fault "task_name"
    "input_moderation": ("input_moderation", ""),  # failure_reason, error
    "output_moderation": ("output_moderation", ""),
    "error": ("error", GEMINI_TIMEOUT),
    "maintenance": ("error", MAINTENANCE),
    "empty": ("", ""),
    "never": ("", ""),
}

STEPS = ("ticket", "upload", "submit", "poll", "download", "credits", "status")
API = ("ticket", "submit", "poll", "credits", "status")
SUBMIT, POLL, DOWNLOAD, TICKET, CREDITS = ("submit",), ("poll",), ("download",), ("ticket",), ("credits",)
ASKING = ("submit", "poll")


@dataclass(frozen=True)
class Kind:
    """One kind of fault: where it happens, and the state a polled task must be in."""

    steps: tuple[str, ...]
    about: str
    when: str = ""  # RUNNING or SUCCEEDED: only then does it strike a poll


KINDS: Mapping[str, Kind] = {
    # instead of processing
    **{name: Kind(STEPS, f"HTTP {status}, {kind}") for name, (status, kind, _) in PLAIN.items()},
    **{name: Kind(API, f"refused: {message[:40]!r}") for name, (_, message) in REFUSALS.items()},
    "out_of_credits": Kind(SUBMIT, "refused: the balance does not reach"),
    "out_of_key_credits": Kind(SUBMIT, "refused: the limit of the key does not reach"),
    "maintenance": Kind(("submit", "poll", "status"), "refused; a running task ends by it; a status or list says so", RUNNING),
    "model_closed": Kind(("submit", "status"), "refused; a status or list says so"),
    "no_such_task": Kind(POLL, "-22, or 404 on the unified generation"),
    "forgotten": Kind(POLL, "no such task for `seconds`, from the second poll of a task on; then it is known again"),
    "reset_before": Kind(STEPS, "the connection is reset"),
    "hang": Kind(STEPS, "silence for `seconds`, then the end of the connection"),
    "redirect": Kind(STEPS, "302 to another host, a result's to the same file there"),
    "redirect_301": Kind(STEPS, "the same with 301"),
    "redirect_308": Kind(STEPS, "the same with 308, which keeps method and body"),
    "portal_302": Kind(STEPS, "302 to a login page on another host"),
    # the connection
    "reset_after": Kind(STEPS, "processed, then a reset without a reply"),
    "reset_middle": Kind(STEPS, "half of the body, then a reset"),
    "short_body": Kind(STEPS, "half of the body, then the end of the connection"),
    "slow_reply": Kind(STEPS, "processed at once, answered after `seconds`"),
    "slow_headers": Kind(STEPS, "the older name of slow_reply"),
    "hang_taken": Kind(STEPS, "processed, then silence for `seconds` and the end of the connection"),
    "http_500_taken": Kind(("upload", "submit"), "processed, then HTTP 500"),
    "drip_head": Kind(STEPS, "processed; the reply comes a byte each `seconds`, from its first header on"),
    "drip_body": Kind(STEPS, "processed; the body comes a byte each `seconds`"),
    "bomb": Kind(STEPS, "processed; the body is packed and unpacks to `size` bytes"),
    "endless": Kind(STEPS, "processed; the body begins as it should and does not end for `seconds`"),
    "bom": Kind(API, "JSON behind a UTF-8 byte order mark"),
    "error_object": Kind(API, "what is told as an error is an object with `message`"),
    "wrapped": Kind(ASKING, "unified only: the reply within `code` and `data`"),
    # the submit's reply
    "bare_id": Kind(SUBMIT, "`data` is the id itself"),
    "no_prefix": Kind(SUBMIT, "the id is a bare uuid"),
    "id_number": Kind(SUBMIT, "the id is a JSON number"),
    "task_id_camel": Kind(SUBMIT, "the id's name is `taskId`"),
    "task_id_snake": Kind(SUBMIT, "the id's name is `task_id`"),
    "code_200": Kind(ASKING, "`code` is 200 where it should be 0; unified: wrapped with it"),
    "id_and_code": Kind(SUBMIT, "an id beside code -1 and a message; unified: with HTTP 400 and an error"),
    # the task's end
    **{f"task_{name}": Kind(SUBMIT, f"the task ends as [{name}] in a prompt makes it; `text` is its error") for name in VERDICTS},
    "failed_at_once": Kind(SUBMIT, "the task is made and has failed; the unified reply says so, with its id and HTTP 400"),
    "violation_at_once": Kind(SUBMIT, "the same, refused by moderation"),
    # the poll's reply
    "empty_results": Kind(POLL, "no results, in turn null and []", SUCCEEDED),
    "top_level_url": Kind(POLL, "the address stands beside the state, without results", SUCCEEDED),
    "error_while_running": Kind(POLL, "an error beside the state `running`", RUNNING),
    "stall": Kind(POLL, "running, always 33 percent"),
    **{
        f"state_{word}": Kind(POLL, f"the state is told as {word!r}", SUCCEEDED)
        for word in ("completed", "finished", "done", "success")
    },
    **{f"state_{word}": Kind(POLL, f"the state is told as {word!r}", RUNNING) for word in ("pending", "queued", "processing")},
    **{
        f"state_{word}": Kind(POLL, f"the task ends, told as {word!r} without a reason", RUNNING)
        for word in ("canceled", "cancelled", "timeout", "rejected", "expired", "failure")
    },
    "inline_base64": Kind(POLL, "the picture itself as base64 in `content`, no address", SUCCEEDED),
    "inline_data_uri": Kind(POLL, "the picture itself as a data URI in `content`, no address", SUCCEEDED),
    "inline_url": Kind(POLL, "the picture itself as a data URI in `url`", SUCCEEDED),
    "many_results": Kind(POLL, "200 results for one picture", SUCCEEDED),
    "url_spaces": Kind(POLL, "blanks and a line's end around the address", SUCCEEDED),
    "url_upper": Kind(POLL, "scheme and host of the address in capitals", SUCCEEDED),
    "url_relative": Kind(POLL, "the address without scheme and host", SUCCEEDED),
    # the result file
    "corrupt": Kind(DOWNLOAD, "no picture, a truncated one, a broken one, in turn"),
    "avif": Kind(DOWNLOAD, "a whole AVIF"),
    "bmp": Kind(DOWNLOAD, "a whole BMP"),
    "gif": Kind(DOWNLOAD, "a whole GIF"),
    "jpeg": Kind(DOWNLOAD, "a whole JPEG"),
    "jpeg2000": Kind(DOWNLOAD, "a whole JPEG 2000"),
    "tiff": Kind(DOWNLOAD, "a whole TIFF"),
    "webp": Kind(DOWNLOAD, "a whole WebP"),
    "cmyk": Kind(DOWNLOAD, "a whole JPEG in CMYK"),
    "broken_exif": Kind(DOWNLOAD, "a turned JPEG whose EXIF has a resolution of (-1, 0)"),
    "rgba": Kind(DOWNLOAD, "a PNG with alpha, clear in the corners"),
    "sixteen_bit": Kind(DOWNLOAD, "a grey PNG of 16 bits"),
    "long_chunk": Kind(DOWNLOAD, "a PNG with a packed text of 8 MB"),
    "many_pixels": Kind(DOWNLOAD, "a PNG of 12,000 × 9,000 pixels"),
    "large": Kind(DOWNLOAD, "a PNG of at least `size` bytes"),
    # money and storage
    "no_number": Kind(CREDITS, "a reply as always, but for the balance in it"),
    "negative": Kind(CREDITS, "the balance is -1"),
    "text": Kind(CREDITS, "the balance is words"),
    "null": Kind(CREDITS, "the balance is null"),
    "domain_bare": Kind(TICKET, "the domain has no scheme"),
    "domain_odd": Kind(TICKET, "the domain ends in a folder with a blank and Chinese letters"),
    "domain_slash": Kind(TICKET, "the domain ends in slashes"),
    "upload_error": Kind(("upload",), "HTTP 200 with an `error` in the body; nothing is stored"),
}


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at one step. Of several that could strike a request, the first added does."""

    step: str
    kind: str
    share: float = 1.0  # probability per request
    times: int | None = None  # at most so often in all
    per_task: int | None = None  # at most so often per task, upload or wish (the same model, prompt and references)
    after: int = 0  # the first so many requests of the step pass
    seconds: float = 1.0  # of those that wait; the figure in Retry-After
    path: str = ""  # only requests whose path holds this, as one generation's do
    text: str = ""  # instead of the message of a refusal or a failure
    size: int = 64 << 20  # bytes of `large` and of `bomb`

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(KINDS)}")
        if self.step not in KINDS[self.kind].steps:
            raise ValueError(f"{self.kind} does not happen at {self.step!r}, only at {', '.join(KINDS[self.kind].steps)}")


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

    def pick(self, step: str, path: str, subject: str, fits: Callable[[Fault], bool]) -> Fault | None:
        """The fault for a request of this step about this task or upload; `fits` tells a kind's own conditions."""
        for fault, seen in self._entries:
            if fault.step == step and fault.path in path and fits(fault) and self._strikes(fault, seen, subject):
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
