"""The command without a name: a folder of pictures × a list of prompts, to pictures, a report and a gallery."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import GrsaiError, OutputError
from ..jobs import Job, Outcome, plan
from ..ledger import Ledger, OfflineLedger, service_of
from ..models import yuan
from ..report.gallery import write_gallery
from ..report.phrases import money
from ..report.report import as_object, summary, write_report
from ..report.thumbnails import make_thumbnails
from ..settings import MAX_CONCURRENCY, Key, Settings
from ..texts import say
from .inputs import output_of, pictures_of, prompts_of
from .options import Options, settings_of
from .screen import progress_of, show, show_json, trouble
from .stopping import LAST_WORD_SECONDS, Stopping

if TYPE_CHECKING:
    from ..engine import Event

DEMO_SECONDS = (0.8, 2.4)  # how long a picture of the demo takes
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
_log = logging.getLogger(__name__)


def batch(options: Options) -> int:
    """Runs or estimates the batch that the options describe."""
    settings = settings_of(options)
    if options.estimate:
        return _batch(options, settings)
    if not options.demo:
        settings.require_key()  # before a thousand pictures are read
        return _batch(options, settings)
    from ..emulator import Emulator

    with Emulator(seconds=DEMO_SECONDS) as emulator:
        key = Key("sk-" + secrets.token_hex(16))
        return _batch(options, replace(settings, api_key=key, base_url=emulator.url, proxy=False))


def _batch(options: Options, settings: Settings) -> int:
    threading.Thread(target=_load_engine, name="load", daemon=True).start()
    with _ledger(settings, options) as ledger:
        jobs, skipped = _planned(options, settings, ledger)
        files = sorted({source for source in settings.sources.values() if os.path.isfile(source)})
        _log.info("%d jobs for %s, at %s; settings from %s", len(jobs), settings.model, settings.base_url, files or "no file")
        if options.estimate:
            return _estimate(jobs, ledger, settings, options)
        return _make(jobs, settings, ledger, options) or (1 if skipped else 0)


def _load_engine() -> None:
    """What speaks HTTP takes a tenth of a second to load: time that reading the pictures leaves over."""
    with contextlib.suppress(ImportError):  # told where it is used
        from .. import engine  # noqa: F401


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


def _planned(options: Options, settings: Settings, ledger: Ledger) -> tuple[list[Job], int]:
    """The jobs, and how many pictures were skipped because they cannot be read."""
    model = settings.catalogue.named(settings.model)
    model.shape(settings.aspect_ratio, settings.image_size)  # what it has not is refused before a thousand pictures are read
    model.quality(settings.quality)
    model.background(settings.background)
    prompts = prompts_of(options)
    pictures = pictures_of(options, ledger, lambda notice: trouble(notice.say(options.language)))
    jobs = plan(
        prompts,
        pictures.references,
        model=model,
        aspect_ratio=settings.aspect_ratio,
        image_size=settings.image_size,
        quality=settings.quality,
        background=settings.background,
        pairing=settings.pairing,
        seed=settings.seed,
    )
    return jobs, pictures.skipped


def _estimate(jobs: Sequence[Job], ledger: Ledger, settings: Settings, options: Options) -> int:
    from ..engine import estimate

    language, per_yuan = options.language, settings.credits_per_yuan
    price = estimate(jobs, ledger, fresh=options.fresh, output=output_of(options))
    if price.new and not settings.fallback:
        settings.catalogue.check_open(jobs[0].model)
    if options.json:
        counts = {"total": price.total, "reused": price.reused, "open": price.open, "new": price.new}
        unpriced = {"unpriced": price.unpriced} if price.unpriced else {}
        show_json({**counts, "credits": price.credits, "yuan": round(yuan(price.credits, per_yuan), 4), **unpriced})
        return 0
    show(say("Pictures: {total}. To be made: {new}.", language, total=price.total, new=price.new))
    if price.reused:
        show(say("{count} were made earlier and cost nothing.", language, count=price.reused))
    if price.open:
        show(say("{count} are paid already and will be collected.", language, count=price.open))
    if price.unpriced:
        show(say("What {count} of them cost is not known.", language, count=price.unpriced))
    show(say("Price: {money}. Nothing was sent.", language, money=money(price.credits, language, per_yuan=per_yuan)))
    return 0


# Making it


def keep_memory_flat() -> None:
    """Lets glibc share two heaps among all threads. By default each thread has its own, and they grow with the jobs."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def _make(jobs: Sequence[Job], settings: Settings, ledger: Ledger, options: Options) -> int:
    keep_memory_flat()
    output, stopping = output_of(options), Stopping()
    with stopping.on_signal():
        begun = time.monotonic()
        with _thumbnails(output, stopping.stop) as prepare:
            outcomes = _run(jobs, settings, ledger, options, stopping, prepare)
            seconds = time.monotonic() - begun
            _tell(outcomes, seconds, settings, options)
        _write_gallery(outcomes, seconds, settings, options, stopping.stop)
    return 0 if all(outcome.status == "succeeded" for outcome in outcomes) else 1


def _run(
    jobs: Sequence[Job],
    settings: Settings,
    ledger: Ledger,
    options: Options,
    stopping: Stopping,
    prepare: Callable[[Outcome], object],
) -> list[Outcome]:
    """The run, shown while it goes on; what is finished is prepared for the gallery."""
    from .. import engine

    language, begun = options.language, time.time()
    with contextlib.closing(progress_of(len(jobs), language, quiet=options.json)) as display:

        def on_event(event: Event) -> None:
            display.tell(event)
            if event.outcome is not None:
                prepare(event.outcome)

        def run() -> list[Outcome]:
            return engine.run(
                jobs,
                settings=settings,
                ledger=ledger,
                output=output_of(options),
                fresh=options.fresh,
                stop=stopping.stop,
                on_event=on_event,
                last_word_seconds=LAST_WORD_SECONDS,
            )

        def on_its_way() -> list[str]:
            """The jobs whose paid request has no answer yet."""
            fingerprints = {job.fingerprint for job in jobs}
            entries = ledger.entries(state="submitting", limit=MAX_CONCURRENCY)
            return [each.name for each in entries if each.created >= begun and each.fingerprint in fingerprints]

        return stopping.watch(
            run,
            stopping=lambda: display.say(_said_at_stop(on_its_way(), language)),
            leaving=lambda: display.say(_said_on_leaving(on_its_way(), language)),
        )


@contextlib.contextmanager
def _thumbnails(folder: Path, stop: threading.Event) -> Iterator[Callable[[Outcome], object]]:
    """Makes the thumbnails while other pictures are still in the making. A stopped run leaves the rest."""
    with ThreadPoolExecutor(1, "thumbnails") as maker:

        def prepare(outcome: Outcome) -> None:
            with contextlib.suppress(RuntimeError):  # the system gives no thread: the gallery makes up for it at the end
                maker.submit(make_thumbnails, [outcome], folder=folder, stop=stop)

        yield prepare


def _said_at_stop(on_its_way: Sequence[str], language: str) -> str:
    if not on_its_way:
        return say("Stopping. Nothing new is sent.", language)
    text = (
        "Stopping. Nothing new is sent; {count} paid requests wait for their answer, at most {seconds} s. Stop again to leave at"
        " once."
    )
    return say(text, language, count=len(on_its_way), seconds=round(LAST_WORD_SECONDS))


def _said_on_leaving(on_its_way: Sequence[str], language: str) -> str:
    if not on_its_way:
        return say("Stopped.", language)
    text = "Left at once. Without an answer, and so perhaps charged: {names}. The next run sends them again."
    return say(text, language, names=", ".join(on_its_way))


# What came of it


def _tell(outcomes: Sequence[Outcome], seconds: float, settings: Settings, options: Options) -> None:
    """The report and the summary, before anything that could fail over a picture."""
    language, output = options.language, output_of(options)
    try:
        write_report(outcomes, folder=output, seconds=seconds)
    except OutputError as error:  # the pictures are what was paid for
        trouble(error.say(language))
    if options.json:
        show_json(as_object(outcomes, seconds=seconds))
        return
    show("")
    show(summary(outcomes, seconds=seconds, language=language, per_yuan=settings.credits_per_yuan))
    show("")
    show(say("Pictures: {folder}", language, folder=output))
    states = {outcome.status for outcome in outcomes}
    if "stopped" in states and "uncertain" in states:
        text = "Stopped. To go on, run the same command again within 2 hours: only what is uncertain may be paid for twice."
        show(say(text, language))
    elif "stopped" in states:
        show(say("Stopped. To go on, run the same command again within 2 hours: nothing is paid for twice.", language))


def _write_gallery(
    outcomes: Sequence[Outcome], seconds: float, settings: Settings, options: Options, stop: threading.Event
) -> None:
    language, per_yuan = options.language, settings.credits_per_yuan
    try:
        page = write_gallery(
            outcomes, folder=output_of(options), seconds=seconds, language=language, stop=stop, per_yuan=per_yuan
        )
    except Exception as error:  # whatever a picture brings about: it is made, paid and told already
        why = error.say(language) if isinstance(error, GrsaiError) else f"{type(error).__name__}: {error}"
        trouble(say("The gallery could not be made: {why}", language, why=why))
        page = None
    if options.json:
        return
    if page is not None:
        show(say("Gallery: {page} (open it in a browser)", language, page=page))
    if options.demo:
        text = (
            "That was the demo: it ran offline, and the price above was not paid. For your own: put pictures into input/image"
            " and prompts into input/text/text.txt, set the API key, and run without --demo."
        )
        show(say(text, language))
