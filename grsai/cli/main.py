"""The command: `python -m grsai`, `run_batch.py`. Exit status 0: all made; 1: not all; 2: wrong use, and nothing was sent."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from ..errors import GrsaiError, KeyRefused, LedgerError, Refused
from ..settings import key_from
from ..texts import say
from .installing import install_and_go_on, own_python
from .options import ROOT, Options, asked_language, parsed, settings_of
from .screen import calm_streams, log_to_stderr, show, trouble


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    argv = list(sys.argv[1:] if argv is None else argv)
    warnings.filterwarnings("ignore", module=r"PIL\.")  # what it says of odd metadata is for developers
    language, options = asked_language(argv, os.environ), None
    with calm_streams():
        try:
            options = parsed(argv, language)
            return _run(options)
        except GrsaiError as error:
            if isinstance(error, KeyRefused) and options is not None:
                trouble(_with_source(error, options).say(language))
            else:
                trouble(error.say(language))
            return 2 if isinstance(error, (Refused, LedgerError)) else 1
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "grsai":
                raise
            own = _own_python()
            if own is None and (status := install_and_go_on(error.name or "", argv, language)) is not None:
                return status
            text = "The package {name} is missing. Install what is needed: {command}"
            command = f'"{sys.executable}" -m pip install -r "{ROOT / "requirements.txt"}"'
            if own is not None:
                text = "The package {name} is missing in this Python, but this folder has one of its own. Run it as: {command}"
                command = subprocess.list2cmdline([str(own), *sys.argv[:1], *argv])
            trouble(say(text, language, name=error.name, command=command))
            return 2
        except OSError as error:  # a folder that is gone, a name that is too long: nothing was sent over it
            trouble(say("{path} cannot be used: {why}.", language, path=error.filename or ".", why=error.strerror or error))
            return 1
        except KeyboardInterrupt:
            trouble(say("Stopped.", language))
            return 1


def _with_source(error: KeyRefused, options: Options) -> KeyRefused:
    """Which of the keys that there may be was refused."""
    return key_from(error, settings_of(options).sources["api_key"])


def _own_python() -> Path | None:
    """The Python of the virtual environment beside the program, where another one runs."""
    path = own_python(ROOT)
    return path if path and Path(sys.executable).absolute().parent != path.parent.absolute() else None


def version() -> str:
    """Of the folder that runs, else of what was installed."""
    project = ROOT / "pyproject.toml"
    if project.is_file():
        found = re.search(r'^version = "(.*)"$', project.read_text("utf-8"), re.MULTILINE)
        if found:
            return found[1]
    from importlib import metadata

    return metadata.version("grsai-nano-banana")


def _run(options: Options) -> int:
    """Loads what does the work only now, so that help is there at once."""
    if options.help:
        from .help import help_of

        show(help_of(options))
        return 0
    if options.version:
        show(version())
        return 0
    if options.verbose:
        log_to_stderr()
    else:
        logging.getLogger("grsai").addHandler(logging.NullHandler())  # the command says itself what matters
    if not options.command:
        from .batch import batch

        return batch(options)
    from . import commands

    return getattr(commands, options.command)(options)
