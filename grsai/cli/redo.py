"""Making rejected pictures again: their price is shown first, then they are made as a batch is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..errors import BadPicture, GrsaiError, OutputError
from ..ledger import Ledger, ledger_of
from ..report.again import write_versions
from ..report.phrases import money
from ..report.report import as_object, summary
from ..settings import Settings
from ..texts import plain, say
from .batch import estimate_object, keep_memory_flat, run_shown
from .options import Options, settings_of
from .reviewing import folder_of
from .screen import show, show_json, trouble
from .stopping import Stopping

if TYPE_CHECKING:
    from ..jobs import Outcome
    from ..review.redo import Changes, Redo

_OF_A_PICTURE = ("model", "aspect_ratio", "image_size", "quality", "background")


def redo(options: Options) -> int:
    """0 if everything that was rejected is made again now, else 1."""
    from ..review.album import Album
    from ..review.redo import planned

    settings, output = settings_of(options), folder_of(options)
    if not options.estimate:
        settings.require_key()
    with ledger_of(settings) as ledger:
        for notice in ledger.notices:
            trouble(notice.say(options.language))
        notices: dict[str, GrsaiError] = {}
        found = planned(
            Album(output, ledger).read(), settings, _changes(options), notice=lambda error: notices.setdefault(str(error), error)
        )
        for notice in (*notices.values(), *(error for _, error in found.gone)):
            trouble(plain(notice.say(options.language)))
        if options.estimate:
            return _tell_price(found, settings, options)
        if found.gone and not options.skip_unreadable:
            text = (
                "{count} of {total} pictures cannot be made again. Nothing was sent. To make the others, add --skip-unreadable."
            )
            raise BadPicture(text, count=len(found.gone), total=len(found.gone) + found.price.total)
        return _make(found, ledger, settings, options)


def _changes(options: Options) -> Changes:
    from ..review.redo import Changes

    asked = {name: options.settings[name] for name in _OF_A_PICTURE if name in options.settings}
    seed = settings_of(options).seed if "seed" in options.settings else None
    return Changes(prompt=options.prompt, seed=seed, **asked)


def _tell_price(found: Redo, settings: Settings, options: Options) -> int:
    if options.json:
        gone = [{"name": picture.entry.name, "why": str(error)} for picture, error in found.gone]
        show_json({**estimate_object(found.price, settings.credits_per_yuan), "gone": gone})
        return 0
    _say_price(found, settings, options)
    show(say("Nothing was sent.", options.language))
    return 0


def _say_price(found: Redo, settings: Settings, options: Options) -> None:
    """On stdout, or where only JSON may stand there, on stderr."""
    language, price = options.language, found.price
    tell = trouble if options.json else show
    if found.foreign:
        text = "{count} rejected pictures are of another service. They can be made again only there."
        tell(say(text, language, count=found.foreign))
    if not price.total and found.gone:
        text = "None of the {count} rejected pictures can be made again: see above."
        tell(say(text, language, count=len(found.gone)))
        return
    if not price.total:
        tell(say("There is nothing to make again: no picture is rejected, or another version of it is there.", language))
        return
    cost = money(price.credits, language, per_yuan=settings.credits_per_yuan)
    text = "Made again: 1 rejected picture. Price: {money}."
    if price.total != 1:
        text = "Made again: {count} rejected pictures. Price: {money}."
    tell(say(text, language, count=price.total, money=cost))
    if price.open:
        tell(say("{count} are paid already and will be collected.", language, count=price.open))
    if price.unpriced:
        tell(say("What {count} of them cost is not known.", language, count=price.unpriced))


def _make(found: Redo, ledger: Ledger, settings: Settings, options: Options) -> int:
    _say_price(found, settings, options)
    if not found.jobs:
        if options.json:
            show_json(as_object([], seconds=0.0))
        return 1 if found.gone else 0
    keep_memory_flat()
    found.begin(ledger)
    stopping, begun = Stopping(), time.monotonic()
    with stopping.on_signal():
        outcomes = run_shown(found.jobs, settings, ledger, options, stopping)
        _tell(outcomes, time.monotonic() - begun, found, settings, options)
    made = all(outcome.status == "succeeded" for outcome in outcomes)
    return 0 if made and not found.gone else 1


def _tell(outcomes: list[Outcome], seconds: float, found: Redo, settings: Settings, options: Options) -> None:
    language, per_yuan = options.language, settings.credits_per_yuan
    try:
        folder = folder_of(options)
        write_versions(outcomes, found.replaced, folder=folder, language=language, per_yuan=per_yuan)
    except OutputError as error:  # the pictures are what was paid for
        trouble(error.say(language))
    if options.json:
        told: dict[str, Any] = as_object(outcomes, seconds=seconds)
        for job, outcome in zip(told["jobs"], outcomes, strict=True):
            job["replaces"] = list(found.replaced[outcome.job.fingerprint])
        show_json(told)
        return
    show("")
    show(summary(outcomes, seconds=seconds, language=language, per_yuan=per_yuan))
