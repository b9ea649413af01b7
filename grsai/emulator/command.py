"""Serving an emulator by command: `python -m grsai.emulator`, and what `python -m grsai emulator` needs for it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .faults import KINDS, Fault
from .painting import AS_MODELS, Drift
from .server import Emulator
from .service import HOST


def span(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(":", 1))


def port(text: str) -> int:
    if not 0 <= int(text) <= 65_535:
        raise ValueError("a port is 0 to 65535")
    return int(text)


def fault_from_text(text: str) -> Fault:
    """STEP:KIND:SHARE[:TIMES[:SECONDS]], where TIMES may be empty."""
    step, kind, share, *more = text.split(":")
    times, seconds = (*more, "", "")[:2]
    return Fault(step, kind, float(share), times=int(times) if times else None, seconds=float(seconds) if seconds else 1.0)


def price(text: str) -> tuple[str, int]:
    model, _, credits = text.rpartition(":")
    if not model or int(credits) < 0:
        raise ValueError("MODEL:CREDITS is wanted")
    return model, int(credits)


@dataclass(frozen=True)
class Option:
    """One option of the command: `read` makes its value from text, or raises ValueError. Without it, it is a switch."""

    name: str  # with underscores
    help: str
    read: Callable[[str], Any] | None = None
    default: Any = None
    many: bool = False  # may stand several times; the value is a list


OPTIONS = (
    Option("port", "0: any free one (default)", port, 0),
    Option("key", "the only good key (default: any well-formed one)", str),
    Option("credits", "balance at the start", int, 1_000_000),
    Option("seconds", "how long a task takes: 0.5 or 22:62", span, (0.2, 0.4)),
    Option("speed", "divides --seconds", float, 1.0),
    Option("lag", "seconds before every reply", float, 0.0),
    Option("submit_seconds", "from taking a submit to answering it: 0.5 or 0:2", span, 0.0),
    Option("upload_seconds", "seconds an upload takes", float, 0.0),
    Option("max_open", "a submit beyond so many open tasks gets 429", int),
    Option("fault", "STEP:KIND:SHARE[:TIMES[:SECONDS]], see --kinds", fault_from_text, (), many=True),
    Option("price", "MODEL:CREDITS; a new name joins the models", price, (), many=True),
    Option("key_limit", "credits of the key itself (default: no limit)", int),
    Option("refund_failed", "credits of failed tasks come back", default=False),
    Option("seed", "of faults and durations", int, 0),
    Option("faithful", "pictures keep what their reference shows, but for a disc", default=False),
    Option("drift", "pictures come a few pixels off, shifted and tinted, as those of the models", default=False),
    Option("cheap", "one plain picture per size", default=False),
    Option("side", "pixels of each side of a plain picture", int),
)


class WrongOption(ValueError):
    """A value that an option cannot have."""

    def __init__(self, option: str, value: str, why: Exception) -> None:
        super().__init__(f"argument --{option}: {value!r}: {why}")
        self.option = option
        self.value = value


def build(given: Mapping[str, Any]) -> Emulator:
    """An emulator from the texts of its options, by name; others and None are passed over. Raises WrongOption."""
    values = {option.name: value_of(option, given.get(option.name)) for option in OPTIONS}
    speed, cheap, drift, faults, prices = (values.pop(name) for name in ("speed", "cheap", "drift", "fault", "price"))
    values["drift"] = AS_MODELS if drift else Drift()
    seconds = tuple(part / speed for part in values.pop("seconds"))
    return Emulator(seconds=(seconds[0], seconds[-1]), faults=faults, prices=dict(prices), render=not cheap, **values)


def value_of(option: Option, given: Any) -> Any:
    if given is None:
        return option.default
    if option.many:
        return [value_of(Option(option.name, option.help, option.read), text) for text in given]
    try:
        return option.read(given) if option.read else given
    except ValueError as error:
        raise WrongOption(option.name.replace("_", "-"), given, error) from None


def serve(emulator: Emulator) -> None:
    """Goes on until Ctrl-C, and stops the emulator that was started."""
    try:
        while True:
            time.sleep(0.5)  # short: on Windows Ctrl-C does not wake a longer wait
    except KeyboardInterrupt:
        pass
    finally:
        emulator.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until Ctrl-C. Exit status 2 when the port is taken."""
    options = parser()
    given = vars(options.parse_args(argv))
    if given["kinds"]:
        for name, kind in KINDS.items():
            print(f"{name:24}{', '.join(kind.steps)}: {kind.about}")
        return 0
    try:
        emulator = build(given)
    except WrongOption as error:
        options.error(str(error))
    try:
        emulator.start()
    except OSError as error:
        print(f"port {emulator.port} of {HOST} cannot be used: {error}", file=sys.stderr)
        return 2
    print(f"Grsai emulator on {emulator.url}", flush=True)
    serve(emulator)
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m grsai.emulator", description="An offline Grsai on 127.0.0.1.")
    for option in OPTIONS:
        flag = f"--{option.name.replace('_', '-')}"
        action = "store_true" if option.read is None else "append" if option.many else "store"
        made.add_argument(flag, action=action, help=option.help, default=None)
    made.add_argument("--kinds", action="store_true", help="prints the kinds of faults with their steps, and ends")
    return made
