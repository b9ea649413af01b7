"""The command without a name: a folder of pictures × a list of prompts, to pictures, a report and a gallery."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GrsaiError, OutputError
from ..jobs import Job, Outcome
from ..ledger import Ledger, OfflineLedger, ledger_of
from ..models import yuan
from ..report.gallery import write_gallery
from ..report.phrases import money, yuan_text
from ..report.report import Delivery, as_object, summary, write_report
from ..report.thumbnails import make_thumbnails
from ..settings import MAX_CONCURRENCY, Key, Settings
from ..texts import plain, say
from .asking import tell_price
from .inputs import output_of
from .options import Options, settings_of
from .planning import Plan, plan_of
from .screen import progress_of, show, show_json, show_table, trouble
from .stopping import LAST_WORD_SECONDS, Stopping

if TYPE_CHECKING:
    from ..cluster import Place
    from ..engine import Estimate, Event
    from ..finishing import Finish
    from ..sheets import Back
    from .finishing import Finishing
    from .reviewing import Watch

DEMO_SECONDS = (0.8, 2.4)  # how long a picture of the demo takes
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
_log = logging.getLogger(__name__)


def batch(options: Options) -> int:
    """Runs or estimates the batch that the options describe."""
    from .init import init, is_first_start

    settings = settings_of(options)
    if is_first_start(options):
        return init(options)
    if options.estimate:
        return _batch(options, settings)
    place = _place(options)
    if not options.demo:
        if place is None or place.workers:  # workers elsewhere have keys of their own
            settings.require_key()  # before a thousand pictures are read
        return _batch(options, settings)
    from ..emulator import AS_MODELS, Drift, Emulator

    edits = options.masks is not None  # a cut comes back as the models send it
    with Emulator(seconds=DEMO_SECONDS, faithful=edits, drift=AS_MODELS if edits else Drift()) as emulator:
        key = Key("sk-" + secrets.token_hex(16))
        return _batch(options, replace(settings, api_key=key, base_url=emulator.url, proxy=False))


def _batch(options: Options, settings: Settings) -> int:
    threading.Thread(target=_load_engine, name="load", daemon=True).start()
    with _ledger(settings, options) as ledger:
        finish = _finish(options, settings)
        plan = plan_of(options, settings, ledger, lambda notice: trouble(notice.say(options.language)))
        files = sorted({source for source in settings.sources.values() if os.path.isfile(source)})
        count = len(plan.jobs)
        _log.info("%d jobs for %s, at %s; settings from %s", count, settings.model, settings.base_url, files or "no file")
        if options.estimate:
            return _estimate(plan, ledger, settings, options)
        return _make(plan, finish, settings, ledger, options) or (1 if plan.skipped else 0)


def _load_engine() -> None:
    """What speaks HTTP takes a tenth of a second to load: time that reading the pictures leaves over."""
    with contextlib.suppress(ImportError):  # told where it is used
        from .. import engine  # noqa: F401


def _ledger(settings: Settings, options: Options) -> Ledger:
    """The ledger of the service, or of the demo's own emulator. Says what it found damaged."""
    if options.demo:
        ledger = OfflineLedger(settings.ledger, settings.base_url, home=settings.home)
    else:
        ledger = ledger_of(settings)
    place = ledger.place.absolute() if isinstance(ledger.place, Path) else ledger.place
    _log.info("ledger %s, service %s", place, ledger.service)
    for notice in ledger.notices:
        trouble(notice.say(options.language))
    return ledger


def _finish(options: Options, settings: Settings) -> Finish | None:
    """How the pictures are to be finished, if they are. What does it is loaded where it is asked for."""
    if not options.finishes:
        return None
    from .finishing import finish_asked

    return finish_asked(options, settings)


# What it would cost


def _estimate(plan: Plan, ledger: Ledger, settings: Settings, options: Options) -> int:
    from ..engine import estimate

    language, per_yuan = options.language, settings.credits_per_yuan
    price = estimate(plan.jobs, ledger, fresh=options.fresh, output=output_of(options))
    rows = [] if plan.sheet is None else _estimated_rows(plan, ledger, options)
    if price.new and not settings.fallback:
        for model in {job.model.id: job.model for job in plan.jobs}.values():
            settings.catalogue.check_open(model)
    if options.json:
        of_rows = {"rows": [{"row": row, **estimate_object(price, per_yuan)} for row, _, price in rows]} if rows else {}
        show_json({**estimate_object(price, per_yuan), **of_rows})
        return 0
    if rows:
        head = (say("row", language), say("name", language), say("model", language), say("pictures", language), "¥")
        told = [
            (str(row), job.title, job.model.id, str(each.total), yuan_text(each.credits, per_yuan=per_yuan))
            for row, job, each in rows
        ]
        show_table([head, *told])
    show(say("Pictures: {total}. To be made: {new}.", language, total=price.total, new=price.new))
    if price.reused:
        show(say("{count} were made earlier and cost nothing.", language, count=price.reused))
    if price.open:
        show(say("{count} are paid already and will be collected.", language, count=price.open))
    if price.unpriced:
        show(say("What {count} of them cost is not known.", language, count=price.unpriced))
    show(say("Price: {money}. Nothing was sent.", language, money=money(price.credits, language, per_yuan=per_yuan)))
    return 0


def _estimated_rows(plan: Plan, ledger: Ledger, options: Options) -> list[tuple[int, Job, Estimate]]:
    """What each row of the sheet would cost, with its first job."""
    from ..engine import estimate

    jobs: dict[int, list[Job]] = {}
    for job, row in zip(plan.jobs, plan.rows, strict=True):
        jobs.setdefault(row or 0, []).append(job)
    output = output_of(options)
    return [(row, each[0], estimate(each, ledger, fresh=options.fresh, output=output)) for row, each in jobs.items()]


def estimate_object(price: Estimate, per_yuan: float) -> dict[str, Any]:
    counts = {"total": price.total, "reused": price.reused, "open": price.open, "new": price.new}
    unpriced = {"unpriced": price.unpriced} if price.unpriced else {}
    return {**counts, "credits": price.credits, "yuan": round(yuan(price.credits, per_yuan), 4), **unpriced}


# Making it


def keep_memory_flat() -> None:
    """Lets glibc share two heaps among all threads. By default each thread has its own, and they grow with the jobs."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def _make(plan: Plan, finish: Finish | None, settings: Settings, ledger: Ledger, options: Options) -> int:
    keep_memory_flat()
    from .comparing import columns_of, comparison_object
    from .reviewing import verdict_objects, watched

    output, stopping = output_of(options), Stopping()
    columns = columns_of(plan, ledger, settings, options)
    with stopping.on_signal(), watched(len(plan.jobs), ledger, settings, options, stopping, columns) as watch:
        begun = time.monotonic()
        with _thumbnails(output, stopping.stop) as prepare:
            with (
                _sheet_back(plan, output, options, finishing=finish is not None) as back,
                _finishing(finish, options, stopping.stop, back) as finished,
            ):
                heard = [prepare, *([finished.take] if finished else [])]
                outcomes = run_shown(plan.jobs, settings, ledger, options, stopping, heard, back, watch)
                seconds = time.monotonic() - begun
            delivery = replace(
                _delivery(plan, back, finished, options),
                verdicts=verdict_objects(ledger, outcomes),
                compare=comparison_object(plan, outcomes, options, settings.credits_per_yuan),
            )
            _tell(outcomes, seconds, delivery, settings, options)
            if finished is not None:
                finished.tell(options)
        _write_gallery(outcomes, seconds, delivery, settings, options, stopping.stop)
    made = all(outcome.status == "succeeded" for outcome in outcomes)
    return 0 if made and not any(file.error for file in (finished.files if finished else ())) else 1


@contextlib.contextmanager
def _finishing(finish: Finish | None, options: Options, stop: threading.Event, back: Back | None) -> Iterator[Finishing | None]:
    """Makes finished files beside the run, where they are asked for."""
    if finish is None:
        yield None
        return
    from .finishing import finishing

    with finishing(finish, options, stop, back.tell_finished if back else lambda *_: None) as finished:
        yield finished


def _delivery(plan: Plan, back: Back | None, finished: Finishing | None, options: Options) -> Delivery:
    more = {
        "finished": finished.by_original if finished else None,
        "by_workers": options.cluster is not None,
        "offline": options.demo,
    }
    return Delivery(back.path, plan.base, plan.rows, **more) if back else Delivery(**more)


def _place(options: Options) -> Place | None:
    """Where the cluster is, if one is to make the pictures."""
    if options.cluster is None:
        return None
    from ..cluster import place_of

    return place_of(options.cluster, insecure=options.cluster_insecure)


@contextlib.contextmanager
def _maker(settings: Settings, options: Options) -> Iterator[Callable[..., list[Outcome]]]:
    """What makes the pictures: the engine in this process, or the workers of a cluster."""
    if (place := _place(options)) is None:
        from ..engine import run

        yield run
        return
    from .. import cluster

    with cluster.connected(place, settings, quiet=not options.verbose) as client:
        yield functools.partial(cluster.run, client=client)


def run_shown(
    jobs: Sequence[Job],
    settings: Settings,
    ledger: Ledger,
    options: Options,
    stopping: Stopping,
    heard: Sequence[Callable[[Outcome], object]] = (),
    back: Back | None = None,
    watch: Watch | None = None,
) -> list[Outcome]:
    """The run, shown while it goes on; what a job made is `heard` of at once, and stands in the sheet."""
    language, begun = options.language, time.time()
    with (
        _maker(settings, options) as make,
        contextlib.closing(progress_of(len(jobs), language, quiet=options.json)) as display,
    ):

        def on_event(event: Event) -> None:
            display.tell(event)
            if watch is not None:
                watch.hear(event)
            if event.outcome is not None:
                for hear in heard:
                    hear(event.outcome)
            if back is not None and event.kind in ("started", "finished"):
                back.tell(*([event.outcome] if event.outcome else []))

        def run() -> list[Outcome]:
            return make(
                jobs,
                settings=settings,
                ledger=ledger,
                output=output_of(options),
                fresh=options.fresh,
                stop=stopping.stop,
                on_event=on_event,
                last_word_seconds=LAST_WORD_SECONDS,
                on_price=lambda price, balance: tell_price(price, balance, display, settings, options, stopping.stop),
            )

        def on_its_way() -> list[str]:
            """The jobs whose paid request has no answer yet."""
            fingerprints = {job.fingerprint for job in jobs}
            entries = ledger.entries(state="submitting", limit=MAX_CONCURRENCY)
            return [each.name for each in entries if each.created >= begun and each.fingerprint in fingerprints]

        outcomes = stopping.watch(
            run,
            stopping=lambda: display.say(_said_at_stop(on_its_way(), language)),
            leaving=lambda: display.say(_said_on_leaving(on_its_way(), language)),
        )
    if watch is not None:
        watch.end()
    if back is not None:
        back.tell(*outcomes)  # those that were stopped too
    return outcomes


@contextlib.contextmanager
def _sheet_back(plan: Plan, folder: Path, options: Options, *, finishing: bool) -> Iterator[Back | None]:
    """The sheet with what comes of its rows, if there is one."""
    if plan.sheet is None:
        yield None
        return
    from ..sheets import Back

    back = Back(plan.sheet, plan.rows, folder, finishing=finishing, language=options.language)
    with back.open():
        yield back
    if back.error is not None:
        trouble(back.error.say(options.language))


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
    text = "Stopping. Nothing new is sent; 1 paid request waits for its answer, at most {seconds} s. Stop again to leave at once."
    if len(on_its_way) > 1:
        text = (
            "Stopping. Nothing new is sent; {count} paid requests wait for their answer, at most {seconds} s. Stop again to leave"
            " at once."
        )
    return say(text, language, count=len(on_its_way), seconds=round(LAST_WORD_SECONDS))


def _said_on_leaving(on_its_way: Sequence[str], language: str) -> str:
    if not on_its_way:
        return say("Stopped.", language)
    text = "Left at once. Without an answer, and so perhaps charged: {names}. The next run sends them again."
    return say(text, language, names=", ".join(on_its_way))


# What came of it


def _tell(outcomes: Sequence[Outcome], seconds: float, delivery: Delivery, settings: Settings, options: Options) -> None:
    """The report and the summary, before anything that could fail over a picture."""
    language, output = options.language, output_of(options)
    try:
        write_report(outcomes, folder=output, seconds=seconds, delivery=delivery)
    except OutputError as error:  # the pictures are what was paid for
        trouble(error.say(language))
    if options.json:
        show_json(as_object(outcomes, seconds=seconds, delivery=delivery))
        return
    show("")
    rate = settings.credits_per_yuan
    show(summary(outcomes, seconds=seconds, language=language, per_yuan=rate, delivery=delivery))
    if delivery.compare:
        from .comparing import tell_comparison

        tell_comparison(delivery.compare, options)
    show("")
    show(say("Pictures: {folder}", language, folder=output))
    if delivery.sheet is not None:
        show(say("Sheet: {path}", language, path=delivery.sheet))
    numbered = [file for outcome in outcomes for file in outcome.files if re.search(r" \(\d+\)$", file.stem)]
    if numbered:
        text = (
            "A number such as (2) stands in {count} of the names, as in {name}: another file has that name, and none is replaced."
        )
        show(plain(say(text, language, count=len(numbered), name=numbered[0].name)))
    waiting = sum(outcome.status == "stopped" and outcome.task_id is not None for outcome in outcomes)
    if waiting:
        show(
            say(
                "Paid and on their way: {count}. The same command fetches them without paying, or collect.",
                language,
                count=waiting,
            )
        )
    states = {outcome.status for outcome in outcomes}
    if "stopped" in states and "uncertain" in states:
        text = "Stopped. To go on, run the same command again within 2 hours: only what is uncertain may be paid for twice."
        show(say(text, language))
    elif "stopped" in states:
        show(say("Stopped. To go on, run the same command again within 2 hours: nothing is paid for twice.", language))


def _write_gallery(
    outcomes: Sequence[Outcome],
    seconds: float,
    delivery: Delivery,
    settings: Settings,
    options: Options,
    stop: threading.Event,
) -> None:
    language, per_yuan, output = options.language, settings.credits_per_yuan, output_of(options)
    try:
        page = write_gallery(
            outcomes, folder=output, seconds=seconds, language=language, stop=stop, per_yuan=per_yuan, delivery=delivery
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
