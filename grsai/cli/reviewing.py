"""The page on which pictures are judged: of a folder that is there, until it is closed."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import WrongSetting
from ..ledger import Ledger, service_of
from ..settings import Settings
from ..texts import say
from .inputs import output_of
from .options import Options, settings_of
from .screen import show, trouble
from .stopping import Stopping

if TYPE_CHECKING:
    from ..review.server import ReviewServer

_MOST_PORT = 65535


def review(options: Options) -> int:
    """Serves the page until a signal. What the page has under way then is stopped as a batch is."""
    settings, output = settings_of(options), folder_of(options)
    stopping = Stopping()
    with stopping.on_signal(), Ledger(settings.ledger, service=service_of(settings.base_url)) as ledger:
        for notice in ledger.notices:
            trouble(notice.say(options.language))
        with served(output, ledger, settings, options):
            trouble(say("The page stays open until Ctrl+C.", options.language))
            stopping.stop.wait()
    return 0


def folder_of(options: Options) -> Path:
    """The folder with the pictures, which must be there."""
    output = output_of(options)
    if not output.is_dir():
        raise WrongSetting("There is no folder {folder}. Name another with --output.", folder=output)
    return output


@contextlib.contextmanager
def served(output: Path, ledger: Ledger, settings: Settings, options: Options) -> Iterator[ReviewServer]:
    """The page, whose address is printed, and which is opened in a browser unless that is not wanted."""
    from ..review.album import Album
    from ..review.server import ReviewServer

    server = ReviewServer(Album(output, ledger).read(), settings=settings, port=port_of(options), language=options.language)
    try:
        address = server.start()
    except OSError as error:
        text = "Port {port} cannot be used: {why}. Name another one with --port; 0 takes any free one."
        raise WrongSetting(text, port=options.port, why=error.strerror or error) from None
    try:
        (trouble if options.json else show)(address)
        if not options.no_browser and _has_a_screen():
            threading.Thread(target=_open, args=(address,), name="browser", daemon=True).start()
        yield server
    finally:
        server.close()


def port_of(options: Options) -> int:
    text = options.port or "0"
    if not (text.isascii() and text.isdecimal()) or int(text) > _MOST_PORT:
        raise WrongSetting("{value} is no value for --{option}. See --help.", value=text[:40], option="port")
    return int(text)


def _has_a_screen() -> bool:
    """On a machine without one, a browser in text would take the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)
