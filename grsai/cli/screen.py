"""What the command shows: results on stdout, troubles and progress on stderr."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from ..redact import redact
from ..texts import say

if TYPE_CHECKING:
    from ..engine import Event, Snapshot
    from ..jobs import Outcome


def show(text: str) -> None:
    _print(text, sys.stdout)


def show_json(value: Any) -> None:
    """One object on stdout, in letters that the stream has."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    show(json.dumps(value, ensure_ascii=ascii_only, indent=2))


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side, all but the last one filled up."""
    widths = [max(map(width, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    for *cells, last in rows:
        filled = [cell + " " * (wide - width(cell)) for cell, wide in zip(cells, widths, strict=True)]
        show("  ".join([*filled, last]).rstrip())


def width(text: str) -> int:
    """The columns that a text takes: a Chinese letter is two wide."""
    return len(text) + sum("\u2e80" <= letter <= "\uffef" for letter in text)


def trouble(text: str) -> None:
    """One sentence on stderr."""
    _print(text, sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    """A reader that has gone (`| head`) ends nothing: what is under way may be paid already."""
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EINVAL):  # the second is how Windows says the first
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def speak_any_letter() -> None:
    """A console that lacks a letter shows a question mark instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")


def log_to_stderr() -> None:
    """The story of a run as the library logs it, without secrets. Of what others log only their warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacted("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("grsai").setLevel(logging.INFO)


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class Display(Protocol):
    """Told of every event of a run, one at a time."""

    def tell(self, event: Event) -> None: ...

    def close(self) -> None: ...


def progress_of(total: int, language: str, *, quiet: bool) -> Display:
    """A bar on a terminal, a line for each picture elsewhere, nothing if `quiet`."""
    if quiet:
        return _Nothing()
    return _Bar(language) if sys.stderr.isatty() else _Lines(total, language)


class _Nothing:
    def tell(self, event: Event) -> None:
        pass

    def close(self) -> None:
        pass


class _Lines(_Nothing):
    def __init__(self, total: int, language: str) -> None:
        self._total = total
        self._language = language

    def tell(self, event: Event) -> None:
        if event.outcome is not None and event.outcome.status != "stopped":
            ended = event.snapshot.done + event.snapshot.failed + event.snapshot.stopped
            trouble(f"[{ended}/{self._total}] {_said(event.outcome, self._language)}")


class _Bar(_Nothing):
    """The bar stands for the mean progress of all jobs; failures are said above it as they come."""

    def __init__(self, language: str) -> None:
        from tqdm import tqdm

        self._language = language
        look = "{percentage:3.0f}%|{bar}| {desc}"
        self._bar = tqdm(total=1.0, file=sys.stderr, bar_format=look, dynamic_ncols=True, leave=True, mininterval=0.1)

    def tell(self, event: Event) -> None:
        outcome = event.outcome
        if outcome is not None and outcome.status in ("failed", "uncertain"):
            self._bar.write(_said(outcome, self._language), file=sys.stderr)
        self._bar.set_description_str(_counts(event.snapshot, self._language), refresh=False)
        self._bar.update(max(event.snapshot.progress - self._bar.n, 0.0))

    def close(self) -> None:
        self._bar.refresh()
        self._bar.close()


def _counts(snapshot: Snapshot, language: str) -> str:
    from ..report.phrases import duration

    text = say(
        "{done} made · {failed} failed · {running} running",
        language,
        done=snapshot.done,
        failed=snapshot.failed,
        running=snapshot.running,
    )
    if snapshot.remaining_seconds is None or snapshot.progress >= 1:
        return text
    return text + say(" · {time} left", language, time=duration(math.ceil(snapshot.remaining_seconds), language))


def _said(outcome: Outcome, language: str) -> str:
    from ..report.phrases import duration, plain

    name = outcome.job.name
    if outcome.reused:
        return plain(say("{name}: made earlier", language, name=name))
    if outcome.status == "succeeded":
        return plain(say("{name}: made in {time}", language, name=name, time=duration(outcome.seconds, language)))
    why = outcome.error.say(language) if outcome.error else outcome.status
    return plain(say("{name}: {why}", language, name=name, why=why))
