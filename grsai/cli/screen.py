"""What the command shows: results on stdout, troubles and progress on stderr."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

from ..redact import redact
from ..texts import plain, say

if TYPE_CHECKING:
    from tqdm import tqdm

    from ..engine import Event, Snapshot
    from ..jobs import Outcome

NO = ("n", "no", "否", "不")  # to a question that Enter affirms
# What is said where a stream lacks a letter of ours. The first that it has; the last one has every stream.
_OTHERS = {"¥": ("￥", "CNY "), "×": ("x",), "–": ("-",), "…": ("...",), "·": ("|",)}


def show(text: str) -> None:
    print(_harmless(text), flush=True)


def show_json(value: Any) -> None:
    """One object on stdout, in letters that the stream has; what could steer a terminal is escaped."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    text = json.dumps(value, ensure_ascii=ascii_only, indent=2)
    print("".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text), flush=True)


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
    print(_harmless(text), file=sys.stderr, flush=True)


def answer(question: str) -> str | None:
    """What is typed at the terminal; None where there is none, and nobody can be asked."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    trouble(question)
    return sys.stdin.readline().strip()


def _harmless(text: str) -> str:
    """Lines without control characters, wherever these come from: a service, a file name, a prompt."""
    return "\n".join(map(plain, text.split("\n")))


@contextlib.contextmanager
def calm_streams() -> Iterator[None]:
    """Until the end of this, no stream can fail: a reader that has gone, a full disk or a missing console ends nothing."""
    before = sys.stdout, sys.stderr
    for number in range(3):  # else the next file that is opened would be taken for the stream
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout, sys.stderr = (cast(TextIO, _Calm(each)) for each in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Calm:
    """A stream that swallows what it cannot say; letters that it lacks are said in others."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  open until the program ends
        reconfigure = getattr(self._stream, "reconfigure", None)
        with contextlib.suppress(OSError, ValueError):
            if reconfigure:
                reconfigure(errors="replace")
        spelled = {letter: _spelled(letter, others, self._stream.encoding) for letter, others in _OTHERS.items()}
        self._spelled = {letter: other for letter, other in spelled.items() if letter != other}

    def write(self, text: str) -> int:
        for letter, spelled in self._spelled.items():
            text = text.replace(letter, spelled)
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return self._give_up(len(text))

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self, written: int = 0) -> int:
        """Leads to nowhere what is still held back, so that the end of the program does not fail over it."""
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _spelled(letter: str, others: tuple[str, ...], encoding: str | None) -> str:
    for each in (letter, *others[:-1]):
        with contextlib.suppress(UnicodeError, LookupError):
            each.encode(encoding or "ascii")
            return each
    return others[-1]


def log_to_stderr() -> None:
    """The story of a run as the library logs it, without secrets. Of what others log only their warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacted("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("grsai").setLevel(logging.INFO)


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _harmless(redact(super().format(record)))


class Display(Protocol):
    """Told of every event of a run, one at a time."""

    def tell(self, event: Event) -> None: ...

    def say(self, text: str) -> None:
        """One sentence, above a bar if there is one."""
        ...

    def close(self) -> None: ...


def progress_of(total: int, language: str, *, quiet: bool) -> Display:
    """A bar on a terminal, a line for each picture elsewhere, nothing if `quiet`."""
    if quiet:
        return _Nothing()
    return _Bar(language) if sys.stderr.isatty() else _Lines(total, language)


class _Nothing:
    def tell(self, event: Event) -> None:
        pass

    def say(self, text: str) -> None:
        trouble(text)

    def close(self) -> None:
        pass


class _Lines(_Nothing):
    def __init__(self, total: int, language: str) -> None:
        self._total = total
        self._ended = 0  # as told here: the snapshot may be ahead by others that ended in the same moment
        self._said = _Said(language)

    def tell(self, event: Event) -> None:
        if event.outcome is not None and event.outcome.status != "stopped":
            self._ended += 1
            trouble(f"[{self._ended}/{self._total}] {self._said.of(event.outcome)}")


class _Bar(_Nothing):
    """The bar stands for the mean progress of all jobs; failures are said above it as they come."""

    def __init__(self, language: str) -> None:
        from tqdm import tqdm

        self._language, self._said = language, _Said(language)
        look = "{percentage:3.0f}%|{bar}| {desc}"
        self._make = functools.partial(
            tqdm, total=1.0, file=sys.stderr, bar_format=look, dynamic_ncols=True, leave=True, mininterval=0.1
        )
        self._drawn: tqdm[Any] | None = None  # before the first event there is none: what is said or asked then stands alone

    @property
    def _bar(self) -> tqdm[Any]:
        if self._drawn is None:
            self._drawn = self._make()
        return self._drawn

    def tell(self, event: Event) -> None:
        outcome = event.outcome
        if outcome is not None and outcome.status in ("failed", "uncertain"):
            self.say(self._said.of(outcome))
        self._bar.set_description_str(_counts(event.snapshot, self._language), refresh=False)
        self._bar.update(max(event.snapshot.progress - self._bar.n, 0.0))

    def say(self, text: str) -> None:
        if self._drawn is None:
            trouble(text)
        else:
            self._drawn.write(_harmless(text), file=sys.stderr)

    def close(self) -> None:
        if self._drawn is not None:
            self._drawn.refresh()
            self._drawn.close()


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


class _Said:
    """What is said of one outcome after the other: a reason that all have in common, once."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._why = ""

    def of(self, outcome: Outcome) -> str:
        from ..report.phrases import duration

        language, name = self._language, outcome.job.title
        if outcome.reused:
            return plain(say("{name}: made earlier", language, name=name))
        if outcome.status == "succeeded":
            return plain(say("{name}: made in {time}", language, name=name, time=duration(outcome.seconds, language)))
        why = outcome.error.say(language) if outcome.error else outcome.status
        said, self._why = say("as above", language) if why == self._why else why, why
        return plain(say("{name}: {why}", language, name=name, why=said))
