"""The page on which pictures are judged: of a folder that is there, until it is closed."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GrsaiError, LedgerError, WrongSetting
from ..files import check_folder
from ..ledger import Ledger, ledger_of
from ..report.again import write_verdicts, write_versions
from ..report.gallery import write_gallery
from ..report.report import Delivery, write_report
from ..review import name_of, verdicts_of
from ..settings import Settings
from ..texts import say
from .comparing import Columns, columns_of_folder
from .inputs import output_of
from .options import Options, settings_of
from .screen import show, trouble
from .stopping import Stopping

if TYPE_CHECKING:
    from ..engine import Event
    from ..jobs import Outcome
    from ..review.album import Album
    from ..review.live import Run
    from ..review.making import Maker
    from ..review.server import ReviewServer

_MOST_PORT = 65535
_LOOK_SECONDS = 0.2
_TOLD_SECONDS = 2.0  # after which verdicts stand in report and gallery


def review(options: Options) -> int:
    """Serves the page until a signal. What the page has under way then is stopped as a batch is."""
    settings, output = settings_of(options), folder_of(options)
    stopping = Stopping()
    with stopping.on_signal(), ledger_of(settings) as ledger:
        for notice in ledger.notices:
            trouble(notice.say(options.language))
        with served(output, ledger, settings, options, columns_of_folder(output, ledger, options)):
            trouble(say("The page stays open until Ctrl+C.", options.language))
            stopping.stop.wait()
    return 0


def folder_of(options: Options) -> Path:
    """The folder with the pictures, which must be there."""
    output = output_of(options)
    if not output.is_dir():
        raise WrongSetting("There is no folder {folder}. Name another with --output.", folder=output)
    return output


@dataclass(frozen=True)
class Watch:
    """The page of a run: told of each event, and of the end."""

    maker: Maker
    run: Run

    def hear(self, event: Event) -> None:
        self.maker.hear(event)

    def end(self) -> None:
        self.maker.ends(self.run)


@contextlib.contextmanager
def watched(
    count: int, ledger: Ledger, settings: Settings, options: Options, stopping: Stopping, columns: Columns | None
) -> Iterator[Watch | None]:
    """The page of a batch, from its start on, if it is wanted. It stays as long as it is open in a browser."""
    if not options.watch:
        yield None
        return
    from ..review.live import Run

    output = output_of(options)
    check_folder(output)
    with served(output, ledger, settings, options, columns) as server:
        run = Run("batch", count, settings.credits_per_yuan, options.language, stopping.stop)
        server.maker.begins(run)
        yield Watch(server.maker, run)
        if server.is_watched() and not stopping.asked:
            trouble(say("The page stays open as long as a browser shows it, or until Ctrl+C.", options.language))
        while server.is_watched() and not stopping.asked:
            time.sleep(_LOOK_SECONDS)


def verdict_objects(ledger: Ledger, outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """What was said of the pictures of a run, as a report holds it; nothing where the ledger is away: the report must be told."""
    names = [name_of(each.task_id, number) for each in outcomes if each.task_id for number, _ in enumerate(each.files, 1)]
    try:
        return {name: vars(verdict) for name, verdict in verdicts_of(ledger, names).items()}
    except LedgerError:
        return {}


@contextlib.contextmanager
def served(output: Path, ledger: Ledger, settings: Settings, options: Options, columns: Columns | None) -> Iterator[ReviewServer]:
    """The page, whose address is printed, and which is opened in a browser unless that is not wanted.

    What is said and made on it stands in report and gallery soon, and at the latest at the end of this.
    """
    from ..finishing import finished_files
    from ..review.album import Album
    from ..review.server import ReviewServer

    album = Album(output, ledger).read()
    told = _Told(album, settings, options)
    server = ReviewServer(
        album,
        settings=settings,
        port=port_of(options),
        language=options.language,
        finished=finished_files(output),
        on_end=told.add,
        on_change=told.changed.set,
        planner=columns,
    )
    try:
        address = server.start()
    except OSError as error:
        text = "Port {port} cannot be used: {why}. Name another one with --port; 0 takes any free one."
        raise WrongSetting(text, port=options.port, why=error.strerror or error) from None
    try:
        (trouble if options.json else show)(address)
        if not options.no_browser and _has_a_screen():
            threading.Thread(target=_open, args=(address,), name="browser", daemon=True).start()
        with told.kept(server.maker):
            yield server
    finally:
        server.close()


class _Told:
    """What is said and made on a page, brought into report and gallery of the folder."""

    def __init__(self, album: Album, settings: Settings, options: Options) -> None:
        self.changed = threading.Event()
        self._album = album
        self._per_yuan = settings.credits_per_yuan
        self._language = options.language
        self._lock = threading.Lock()

    def add(self, outcomes: Sequence[Outcome], replaced: Mapping[str, Sequence[str]], seconds: float) -> None:
        """What was made again, or, where nothing is replaced, what a run on the whole folder made."""
        with self._lock:
            self._write(lambda: self._add(outcomes, replaced, seconds))

    def _add(self, outcomes: Sequence[Outcome], replaced: Mapping[str, Sequence[str]], seconds: float) -> None:
        folder, language, per_yuan = self._album.folder, self._language, self._per_yuan
        if replaced:
            write_versions(outcomes, replaced, folder=folder, language=language, per_yuan=per_yuan)
            return
        delivery = Delivery(verdicts=verdict_objects(self._album.ledger, outcomes))
        write_report(outcomes, folder=folder, seconds=seconds, delivery=delivery)
        write_gallery(outcomes, folder=folder, seconds=seconds, language=language, per_yuan=per_yuan, delivery=delivery)

    @contextlib.contextmanager
    def kept(self, maker: Maker) -> Iterator[None]:
        """Verdicts are written now and then, never while a batch is about to write its own report."""
        over = threading.Event()

        def keep() -> None:
            while not over.wait(_TOLD_SECONDS):
                if maker.run is None or maker.run.ended:
                    self.write()

        thread = threading.Thread(target=keep, name="told", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.write()

    def write(self) -> None:
        if self.changed.is_set():
            self.changed.clear()
            verdicts = {picture.name: vars(picture.verdict) for picture in self._album}
            with self._lock:
                self._write(lambda: write_verdicts(self._album.folder, verdicts))

    def _write(self, write: Callable[[], object]) -> None:
        try:
            write()
        except GrsaiError as error:  # the ledger knows it
            trouble(error.say(self._language))


def port_of(options: Options) -> int:
    text = options.port or "0"
    if not (text.isascii() and text.isdecimal()) or int(text) > _MOST_PORT:
        allowed = WrongSetting("a whole number from {low} to {high}", low=0, high=65535)
        raise WrongSetting("{name} must be {allowed}, not {value}.", name="--port", allowed=allowed, value=text[:40])
    return int(text)


def _has_a_screen() -> bool:
    """On a machine without one, a browser in text would take the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)
