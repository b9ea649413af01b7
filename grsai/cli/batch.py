"""The command without a name: a folder of pictures × a list of prompts, to pictures, a report and a gallery."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from .. import engine
from ..errors import BadPicture, OutputError, Stopped, WrongJob
from ..files import read_text
from ..jobs import Job, Outcome, plan, split_prompts
from ..ledger import Ledger, OfflineLedger, service_of
from ..pictures import SUFFIXES, Reference, list_pictures
from ..report.gallery import write_gallery
from ..report.phrases import money
from ..report.report import as_object, summary, write_report
from ..report.thumbnails import MAKERS, make_thumbnails
from ..settings import Key, Settings, path_of
from ..texts import say
from .options import IMAGES, OUTPUT, PROMPTS, Options, settings_of
from .screen import progress_of, show, show_json, trouble

DEMO = Path(__file__).resolve().parents[1] / "demo"
DEMO_SECONDS = (0.8, 2.4)  # how long a picture of the demo takes
STOP_SECONDS = 0.6  # a run that was stopped gets so long to say what became of its jobs
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
_log = logging.getLogger(__name__)
T = TypeVar("T")


def batch(options: Options) -> int:
    """Runs or estimates the batch that the options describe."""
    settings = settings_of(options)
    if not (options.demo or options.estimate):
        settings.require_key()  # before a thousand pictures are read
    jobs = _planned(options, settings)
    if options.estimate:
        return _estimate(jobs, settings, options)
    if not options.demo:
        return _make(jobs, settings, options)
    from ..emulator import Emulator

    with Emulator(seconds=DEMO_SECONDS) as emulator:
        key = Key("sk-" + secrets.token_hex(16))
        return _make(jobs, replace(settings, api_key=key, base_url=emulator.url, proxy=False), options)


def _ledger(settings: Settings, options: Options) -> Ledger:
    """The ledger of the service, or of the demo's own emulator. Says what it found damaged."""
    if options.demo:
        ledger = OfflineLedger(settings.ledger, settings.base_url)
    else:
        ledger = Ledger(settings.ledger, service=service_of(settings.base_url))
    _log.info("ledger %s, service %s", ledger.path.absolute(), ledger.service)
    for notice in ledger.notices:
        trouble(notice.say(options.language))
    return ledger


# What is to be made


def _planned(options: Options, settings: Settings) -> list[Job]:
    model = settings.catalogue.named(settings.model)
    model.shape(settings.aspect_ratio, settings.image_size)  # refused before a thousand pictures are read
    return plan(
        _prompts(options),
        _pictures(options),
        model=model,
        aspect_ratio=settings.aspect_ratio,
        image_size=settings.image_size,
        pairing=settings.pairing,
        seed=settings.seed,
    )


def _prompts(options: Options) -> list[str]:
    path = path_of(options.prompts or (DEMO / "text" / "text.txt" if options.demo else PROMPTS))
    try:
        prompts = split_prompts(read_text(path))
    except FileNotFoundError:
        text = "There is no file {path}. Make it, with one prompt per line, or name another file with --prompts."
        raise WrongJob(text, path=path) from None
    except OSError as error:
        text = "{path} cannot be read: {why}. Name another file with --prompts."
        raise WrongJob(text, path=path, why=error.strerror or error) from None
    if not prompts:
        raise WrongJob("{path} holds no prompt. Write one prompt per line into it.", path=path)
    return prompts


def _pictures(options: Options) -> list[Reference]:
    """The pictures of the folder. The default one may be missing or empty: then the prompts alone are the plan."""
    named = options.images is not None
    folder = path_of(options.images or (DEMO / "image" if options.demo else IMAGES))
    if not named and not folder.is_dir():
        return []
    try:
        files = list_pictures(folder)
    except OSError as error:
        text = "The folder {folder} cannot be read: {why}. Name another with --images."
        raise BadPicture(text, folder=folder, why=error.strerror or error) from None
    if named and not files:
        text = "The folder {folder} holds no picture ({kinds}). Put some there or name another with --images."
        raise BadPicture(text, folder=folder, kinds=", ".join(suffix[1:] for suffix in SUFFIXES))
    with ThreadPoolExecutor(MAKERS, "read") as readers:
        return list(readers.map(Reference.from_file, files))


def _output(options: Options) -> Path:
    return path_of(options.output or OUTPUT).absolute()


def _estimate(jobs: Sequence[Job], settings: Settings, options: Options) -> int:
    language = options.language
    with _ledger(settings, options) as ledger:
        price = engine.estimate(jobs, ledger, fresh=options.fresh, output=_output(options))
    if options.json:
        counts = {"total": price.total, "reused": price.reused, "open": price.open, "new": price.new}
        unpriced = {"unpriced": price.unpriced} if price.unpriced else {}
        show_json({**counts, "credits": price.credits, "yuan": round(price.yuan, 4), **unpriced})
        return 0
    show(say("Pictures: {total}. To be made: {new}.", language, total=price.total, new=price.new))
    if price.reused:
        show(say("{count} were made earlier and cost nothing.", language, count=price.reused))
    if price.open:
        show(say("{count} are paid already and will be collected.", language, count=price.open))
    if price.unpriced:
        show(say("What {count} of them cost is not known.", language, count=price.unpriced))
    show(say("Price: {money}. Nothing was sent.", language, money=money(price.credits, language)))
    return 0


# Making it


def keep_memory_flat() -> None:
    """Lets glibc share two heaps among all threads. By default each thread has its own, and they grow with the jobs."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def _make(jobs: Sequence[Job], settings: Settings, options: Options) -> int:
    keep_memory_flat()
    output, stop, begun = _output(options), threading.Event(), time.monotonic()
    with _ledger(settings, options) as ledger, _stops_on_signal(stop):
        with (
            _thumbnails_ahead(output, stop) as prepare,
            _progress(len(jobs), options, prepare) as on_event,
        ):

            def run() -> list[Outcome]:
                return engine.run(
                    jobs, settings=settings, ledger=ledger, output=output, fresh=options.fresh, stop=stop, on_event=on_event
                )

            outcomes = _interruptible(run, stop)
        seconds = time.monotonic() - begun
        page = _write(outcomes, output, seconds, options.language, stop)
        if options.json:
            show_json(as_object(outcomes, seconds=seconds))
        else:
            _tell(outcomes, seconds, output, page, options)
    return 0 if all(outcome.status == "succeeded" for outcome in outcomes) else 1


@contextlib.contextmanager
def _progress(total: int, options: Options, prepare: Callable[[Outcome], object]) -> Iterator[engine.OnEvent]:
    """What the run is to call: it shows each event, and has what is finished prepared for the gallery."""
    progress = progress_of(total, options.language, quiet=options.json)

    def on_event(event: engine.Event) -> None:
        progress.tell(event)
        if event.outcome is not None:
            prepare(event.outcome)

    try:
        yield on_event
    finally:
        progress.close()


@contextlib.contextmanager
def _stops_on_signal(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C sets `stop`; the second one ends the process there and then."""

    def halt(number: int, frame: object) -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    before = {each: signal.signal(each, halt) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _thumbnails_ahead(folder: Path, stop: threading.Event) -> Iterator[Callable[[Outcome], object]]:
    """Makes the thumbnails while other pictures are still in the making. A stopped run leaves the rest."""
    with ThreadPoolExecutor(1, "thumbnails") as maker:
        yield lambda outcome: maker.submit(make_thumbnails, [outcome], folder=folder, stop=stop)


def _interruptible(work: Callable[[], T], stop: threading.Event) -> T:
    """Runs `work` in a thread of its own: only a main thread that looks up now and then notices Ctrl-C on every system."""
    result: Future[T] = Future()

    def thread() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=thread, name="batch", daemon=True).start()
    while not wait([result], 0.1).done and not stop.is_set():
        pass
    if not wait([result], STOP_SECONDS if stop.is_set() else None).done:
        raise Stopped("Stopped before anything was sent.")
    return result.result()


# What came of it


def _write(outcomes: Sequence[Outcome], output: Path, seconds: float, language: str, stop: threading.Event) -> Path | None:
    """The report and the gallery. The pictures are what was paid for: a report that cannot be written is no failure."""
    try:
        write_report(outcomes, folder=output, seconds=seconds)
        return write_gallery(outcomes, folder=output, seconds=seconds, language=language, stop=stop)
    except OutputError as error:
        trouble(error.say(language))
        return None


def _tell(outcomes: Sequence[Outcome], seconds: float, output: Path, page: Path | None, options: Options) -> None:
    language = options.language
    show("")
    show(summary(outcomes, seconds=seconds, language=language))
    show("")
    show(say("Pictures: {folder}", language, folder=output))
    if page is not None:
        show(say("Gallery: {page} (open it in a browser)", language, page=page))
    if any(outcome.status == "stopped" for outcome in outcomes):
        show(say("Stopped. To go on, run the same command again within 2 hours: nothing is paid for twice.", language))
    if options.demo:
        text = (
            "That was the demo: it ran offline, and the price above was not paid. For your own: put pictures into input/image"
            " and prompts into input/text/text.txt, set the API key, and run without --demo."
        )
        show(say(text, language))
