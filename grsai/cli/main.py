"""The command: `python -m grsai`, `run_batch.py`. Exit status 0: all made; 1: not all; 2: wrong use, and nothing was sent."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import GrsaiError, LedgerError, Refused
from ..texts import say
from .options import asked_language, parsed
from .screen import log_to_stderr, speak_any_letter, trouble

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    speak_any_letter()
    language = asked_language(argv)
    try:
        return _run(argv, language)
    except GrsaiError as error:
        trouble(error.say(language))
        return 2 if isinstance(error, (Refused, LedgerError)) else 1
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "grsai":
            raise
        trouble(_missing(error.name, language))
        return 2
    except KeyboardInterrupt:
        trouble(say("Stopped.", language))
        return 1


def _run(argv: list[str], language: str) -> int:
    arguments = parsed(argv, language)
    if arguments.verbose:
        log_to_stderr()
    return _command(arguments.command)(arguments, language)


def _command(name: str | None) -> Callable[[argparse.Namespace, str], int]:
    """Loaded only when it is asked for, so that help is there at once."""
    if name is None:
        from .batch import batch

        return batch
    from .commands import COMMANDS

    return COMMANDS[name]


def _missing(package: str | None, language: str) -> str:
    text = "The package {name} is missing. Install what is needed: {command}"
    command = f'"{sys.executable}" -m pip install -r "{REQUIREMENTS}"'
    return say(text, language, name=package, command=command)
