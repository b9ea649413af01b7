"""What is asked for, what came of it, and what was uploaded."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from .faults import RUNNING, SUCCEEDED


@dataclass(frozen=True, kw_only=True)
class Order:
    """A body of a submit, legacy or unified. What one of the two does not know has its default."""

    unified: bool
    model: str
    prompt: str
    urls: tuple[str, ...]  # addresses, or pictures as base64
    ratio: str
    size: str
    quality: str = ""
    background: str = ""
    hook: str = ""  # webHook
    quiet: bool = False  # shutProgress
    reply: str = "async"  # replyType


@dataclass(kw_only=True)
class Task:
    """One accepted generation."""

    id: str
    model: str
    prompt: str
    urls: tuple[str, ...]
    aspect_ratio: str
    image_size: str
    quality: str
    background: str
    unified: bool
    askable: bool  # whether a poll finds it
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
    sha256: str = ""  # of the result file, once it is made; of the one that was sent last, where a fault changed it
    size: int = 0  # bytes of the same
    polls: int = 0
    downloads: int = 0

    @property
    def age(self) -> float:
        return time.time() - self.created

    @property
    def moderated(self) -> bool:
        return self.failure_reason.endswith("moderation")

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
