"""What is done with the service besides the paid submit: pictures go up, tasks are asked for, results come down. Each step that
costs nothing is tried again."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit

from .. import files
from ..client import GrsaiClient, Task
from ..errors import (
    EmptyResult,
    GrsaiError,
    Moderated,
    NoSuchTask,
    ServiceError,
    StillOpen,
    Stopped,
    TaskFailed,
    Unreachable,
)
from ..ledger import Ledger
from ..models import Api
from ..pictures import Encoded, Reference
from .gate import Gate
from .polling import Look, Usual, next_poll
from .retry import FREE, Backoff, may_pass

GRACE_SECONDS = 30.0  # so long a task may be unknown after its submit
_FOUND_DONE = 0.75  # of the time of a first look that finds a task done, which may have been done for long
TRIES_BEFORE_ANOTHER_HOST = 2
LOOKS_AGAIN = 4  # how often a success without a picture, or an unknown task, is looked at again
T = TypeVar("T")
_log = logging.getLogger(__name__)

# What a failed task says (lower case), and what to do about it. The first match counts.
_FAILURES = (
    ("maintenance", "Task {task} failed: {why}. Choose another model, or run again later."),
    ("image format", "Task {task} failed: {why}. Save the picture as PNG or JPEG and run again."),
    ("", "Task {task} failed: {why}. Run again; if it stays so, change prompt or picture."),
)


class Steps:
    """What the jobs of a run, or a collection, do with the service. Every wait ends with `Stopped` when `stop` is set.

    `client` is where pictures go up and new tasks are submitted; a task is asked for `at` the host and the generation of the API
    that accepted it.
    """

    def __init__(
        self,
        client: GrsaiClient,
        ledger: Ledger,
        gate: Gate,
        stop: threading.Event,
        backoff: Backoff,
        *,
        fresh: bool = False,
        api: Api = "legacy",
        other_hosts: Mapping[str, str] = MappingProxyType({}),
        may_inline: bool = False,
    ) -> None:
        self.client = client
        self._api: Api = api
        self._other_hosts = other_hosts
        self._lock = threading.Lock()
        self._may_inline = may_inline
        self._inline = False  # no upload can be had: pictures go along with the request
        self._ledger = ledger
        self._gate = gate
        self._stop = stop
        self._backoff = backoff
        self._fresh = fresh
        self._uploaded: dict[str, str] = {}

    @property
    def tries(self) -> int:
        return self._backoff.tries

    def at(self, base_url: str, api: Api) -> Steps:
        """The same steps at the host and the generation that accepted a task."""
        return Steps(self.client.at(base_url), self._ledger, self._gate, self._stop, self._backoff, api=api)

    def leaves(self, client: GrsaiClient, error: GrsaiError) -> bool:
        """Whether to go on at the other host of the same service, as no connection to that of `client` came about."""
        with self._lock:
            if self.client is not client:
                return True  # somebody was quicker
            other = self._other_hosts.get(client.base_url)
            elsewhere = error.values.get("host") not in (None, urlsplit(client.base_url).hostname)  # the storage's, say
            if other is None or elsewhere or not isinstance(error, Unreachable):
                return False
            _log.warning("%s Going on at %s.", error, other)
            self.client, self._other_hosts = client.at(other), {}
            return True

    def upload(self, reference: Reference) -> str:
        """Uploads a picture, unless its content went up before, and returns its public URL.

        Where no upload can be had, and pictures may go along with a request, the address holds the picture itself.
        """
        if reference.load is None:
            return reference.url or ""
        digest = reference.content or reference.digest
        with self._gate.upload_of(digest):
            url = self._uploaded.get(digest) or (None if self._fresh else self._ledger.uploaded(digest))
            if url is None:
                with self._gate.room.taken(reference.weight, self._stop):
                    url = self._sent(reference.load)
                if url.startswith("data:"):
                    return url
                self._ledger.record_upload(digest, url)
            self._uploaded[digest] = url
            return url

    def _sent(self, load: Callable[[], Encoded]) -> str:
        with self._gate.encoders:
            picture = load()
        if self._inline:
            return self.client.inline(picture)
        try:
            return self.tried(lambda: self.client.upload(picture))
        except FREE as error:
            if isinstance(error, Unreachable) or not self._may_inline:
                raise
            _log.warning("pictures go along with the requests from now on, as none can be uploaded: %s", error)
            self._inline = True
            return self.client.inline(picture)

    def forget(self, reference: Reference) -> None:
        """The upload may be gone: the next `upload` sends it again."""
        digest = reference.content or reference.digest
        self._uploaded.pop(digest, None)
        self._ledger.forget_upload(digest)

    def tried(self, step: Callable[[], T], *, seconds: float = math.inf) -> T:
        """`step`, tried again after errors that cost nothing, for so many seconds."""
        failures, begun = 0, time.monotonic()
        while True:
            client = self.client
            try:
                return step()
            except FREE as error:
                failures += 1
                if failures > TRIES_BEFORE_ANOTHER_HOST and self.leaves(client, error):
                    failures = 0
                    continue
                if failures >= self._backoff.tries or not may_pass(error) or time.monotonic() - begun > seconds:
                    raise
                _log.info("try %d of %d: %s", failures + 1, self._backoff.tries, error)
                if failures > 1:
                    self.client.let_go()  # file handles may be what is missing
                self.pause_after(error, failures)

    def pause_after(self, error: GrsaiError, failures: int) -> None:
        self.pause(self._backoff.wait(failures, getattr(error, "retry_after", None)))

    def pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped("Stopped.")

    def wait_for(
        self, task_id: str, *, usual: Usual, deadline: float, age: float = 0.0, on_progress: Callable[[int], None]
    ) -> tuple[Task, float]:
        """Polls until the task has its pictures. `deadline` and `age` (since its submit) in seconds.

        Returns it with the seconds that it took, as closely as the looks tell.

        Raises `TaskError` for a task that failed, `StillOpen` after the deadline, `NoSuchTask` for one that is unknown, and
        a refusal that is said again and again. What breaks for a while only costs time: the task is paid.
        """
        begun, odd, failures, progress = time.monotonic(), 0, 0, 0
        looks: list[Look] = []
        self.pause(0.0 if age else next_poll(looks, usual))
        while True:
            try:
                asked, task = time.monotonic() - begun, self._look(task_id)
            except NoSuchTask:
                odd += time.monotonic() - begun + age > GRACE_SECONDS
                if odd > LOOKS_AGAIN:
                    raise
            except ServiceError as error:
                failures += 1
                if failures > LOOKS_AGAIN and not may_pass(error):
                    raise
                if failures > 1:
                    self.client.let_go()
                self.pause_after(error, failures)
            else:
                failures, progress = 0, max(progress, task.progress)
                looks.append((time.monotonic() - begun + age, progress))
                on_progress(progress)
                if task.status == "succeeded" and task.urls:
                    return task, age + (asked * _FOUND_DONE if len(looks) == 1 else (asked + looks[-2][0] - age) / 2)
                odd = 0 if task.status == "running" else odd + 1
                _check_ended(task, looks_again=odd <= LOOKS_AGAIN)
            elapsed = time.monotonic() - begun
            if elapsed > deadline:
                raise still_open(task_id, elapsed + age)
            self.pause(self._backoff.wait(odd) if odd else next_poll(looks, usual))

    def settled(self, task_id: str, *, age: float) -> Task:
        """The task if it has its pictures by now; raises like `wait_for`, `StillOpen` if it runs. `age` in seconds."""
        odd = 0
        while True:
            try:
                task = self.look(task_id)
            except NoSuchTask:
                odd += 1
                if odd > LOOKS_AGAIN:
                    raise
            else:
                if task.status == "succeeded" and task.urls:
                    return task
                if task.status == "running":
                    raise still_open(task_id, age)
                odd += 1
                _check_ended(task, looks_again=odd <= LOOKS_AGAIN)
            self.pause(self._backoff.wait(odd))

    def look(self, task_id: str) -> Task:
        """How far a task is. Raises `NoSuchTask` for one that is unknown."""
        return self.tried(lambda: self._look(task_id))

    def knows(self, task_id: str) -> bool:
        """Whether the service has a task that is lost by what we know, with its pictures or still running."""
        try:
            task = self.look(task_id)
        except ServiceError:
            return False
        return task.status == "running" or bool(task.urls)

    def fetch(
        self,
        task: Task,
        folder: Path,
        stem: Callable[[int], str],
        claimed: str,
        *,
        seconds: float = math.inf,
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[Path, ...]:
        """Downloads the pictures of a task as `folder/<stem(k)><suffix>`, `k` from 1, under a claim of the ledger.

        Each is tried again for so many seconds. `metadata`: what each PNG is to carry, by name.
        """
        owner = self._ledger.mark(claimed)
        return tuple(self._fetch(url, folder, stem(k), owner, seconds, metadata) for k, url in enumerate(task.urls, 1))

    def _fetch(self, url: str, folder: Path, stem: str, owner: str, seconds: float, metadata: Mapping[str, str]) -> Path:
        def save() -> Path:
            return files.save(folder, stem, owner, lambda file: self.client.download(url, file), metadata=metadata)

        try:
            return self.tried(save, seconds=seconds)
        except GrsaiError as error:
            kept = files.keep_damaged(folder, stem, owner)
            raise error.within("{why} What came is kept as {file}.", file=kept.name) if kept else error from None

    def _look(self, task_id: str) -> Task:
        self.pause(self._gate.poll_pause())
        return self.client.poll(task_id, api=self._api)


def still_open(task_id: str, seconds: float) -> StillOpen:
    return StillOpen(
        "Task {task} is still running after {seconds} s. Run again, or collect, to fetch it without paying.",
        task=task_id,
        seconds=round(seconds),
    )


def _check_ended(task: Task, *, looks_again: bool) -> None:
    """Raises for a task that ended without a picture. A success without one is first looked at again."""
    if task.status == "failed":
        why = (task.error or task.reason).rstrip(" .") or "no reason given"
        if "moderation" in task.reason:
            raise Moderated(
                "Refused by moderation ({why}), task {task}. Change prompt or picture.", why=task.reason, task=task.id
            )
        raise TaskFailed(next(text for part, text in _FAILURES if part in why.lower()), task=task.id, why=why)
    if task.status == "succeeded" and not looks_again:
        raise EmptyResult("Task {task} succeeded without a picture. Ask the service with this id.", task=task.id)
