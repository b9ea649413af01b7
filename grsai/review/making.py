"""What a page can have made: priced first, then made exactly as it was priced, one run at a time, told of as it goes on."""

from __future__ import annotations

import functools
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, fields
from typing import Any

from .. import engine
from ..engine import Estimate, Event
from ..engine.threads import in_background
from ..errors import GrsaiError, Refused, WrongSetting
from ..jobs import Job, Outcome
from ..models import Model, yuan
from ..report.phrases import price_text
from ..settings import Settings
from ..texts import plain
from .album import Album, Picture
from .cards import Cards
from .live import Kind, Run, Stream
from .redo import Changes, Redo, planned

_DRAINED_SECONDS = 0.2  # how often pictures that came are told of: by a thread of its own, so that no run waits for it
_TICKETS = 8
_LAST_WORD_SECONDS = 15.0  # a run that was stopped waits so long for the answers to paid requests
_log = logging.getLogger(__name__)
_NAMES = tuple(each.name for each in fields(Changes))
OnEnd = Callable[[Sequence[Outcome], Mapping[str, Sequence[str]], float], object]


class Busy(Refused):
    """Something is under way, or what was priced cannot be made any more."""


@dataclass(frozen=True)
class _Priced:
    """`begin` is called before anything is sent, and raises what forbids it."""

    kind: Kind
    jobs: tuple[Job, ...]
    credits: int
    begin: Callable[[], object]
    replaced: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Maker:
    """What the pages of one album can have made. `settings`: with which; None: nothing can be made here.

    `on_end` is told of what a run made that a page began, by fingerprint which pictures that replaces, and in how many seconds.
    """

    def __init__(
        self,
        album: Album,
        cards: Cards,
        stream: Stream,
        settings: Settings | None,
        *,
        on_end: OnEnd = lambda outcomes, replaced, seconds: None,
    ) -> None:
        self.run: Run | None = None
        self._album = album
        self._cards = cards
        self._stream = stream
        self._settings = settings
        self._on_end = on_end
        self._lock = threading.Lock()
        self._tickets: dict[str, _Priced] = {}
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._drained = threading.Lock()
        self._over = threading.Event()
        self._making: Future[None] | None = None

    @property
    def may_make(self) -> bool:
        return self._settings is not None

    # Priced, then made

    def price_redo(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What making the rejected pictures again costs, with a ticket for it. Sends nothing."""
        settings, said = self._may_make(), list[GrsaiError]()
        ids = asked.get("ids")
        if not (ids is None or isinstance(ids, list)):
            raise WrongSetting("{value} is no value for {name}.", value=str(ids)[:40], name="ids")
        found = planned(self._album, settings, changes_of(asked), ids=ids, notice=said.append)
        priced = _Priced("redo", found.jobs, found.price.credits, functools.partial(self._begin_redo, found), found.replaced)
        return {
            **self._told(priced, found.price),
            "gone": [self._gone(picture, error) for picture, error in found.gone],
            "foreign": found.foreign,
            "said": [error.say(self._cards.language) for error in {str(each): each for each in said}.values()],
            "models": [_choices(model) for model in settings.catalogue.values() if not (model.closed or model.delisted)],
        }

    def price_jobs(self, kind: Kind, jobs: Sequence[Job]) -> dict[str, Any]:
        """The same for jobs of a whole folder."""
        self._may_make()
        price = engine.estimate(jobs, self._album.ledger, output=self._album.folder)
        priced = _Priced(kind, tuple(jobs), price.credits, lambda: None)
        return {**self._told(priced, price), "gone": [], "foreign": 0, "said": [], "models": []}

    def make(self, ticket: object) -> Run:
        """Begins what was priced under that ticket. Raises `Busy`."""
        settings = self._may_make()
        settings.require_key()
        with self._lock:
            if self.run is not None and not self.run.ended:
                raise Busy("A run is under way. Wait for it, or stop it.")
            priced = self._tickets.pop(ticket, None) if isinstance(ticket, str) else None
            price = engine.estimate(priced.jobs, self._album.ledger, output=self._album.folder) if priced else None
            if priced is None or price is None or price.credits > priced.credits:
                raise _out_of_date()
            priced.begin()
            self._tickets.clear()
            run = self.run = Run(priced.kind, len(priced.jobs), settings.credits_per_yuan, self._cards.language)
        self.tell_run()
        self._making = in_background(self._make, priced, run, settings)
        return run

    def stop(self) -> bool:
        """Whether something was under way."""
        run = self.run
        if run is None or run.ended:
            return False
        run.stop.set()
        self.tell_run()
        return True

    # Told of as it goes on

    def begins(self, run: Run) -> None:
        """A run that somebody else makes, and tells `hear` of."""
        self.run = run
        self.tell_run()

    def hear(self, event: Event) -> None:
        """Takes no time: whoever calls it holds up a run."""
        if event.outcome is not None:
            self._outcomes.put(event.outcome)
        if self.run is not None and self.run.hear(event):
            self.tell_run()

    def ends(self, run: Run, said: Sequence[str] = ()) -> None:
        run.said += said
        self.drain()
        run.ended = True
        self.tell_run()

    def tell_run(self) -> None:
        if self.run is not None:
            self._stream.tell("run", **self.run.as_object())

    def start(self) -> None:
        """The thread that tells of pictures as they come."""
        in_background(self._keep_draining)

    def close(self) -> None:
        """What a page began is stopped; the answers to paid requests under way are waited for."""
        self._over.set()
        if self._making is not None and not self._making.done():
            self.stop()
            wait([self._making], _LAST_WORD_SECONDS + 1)

    def drain(self) -> None:
        """Tells of what came since."""
        with self._drained:
            outcomes: list[Outcome] = []
            while not self._outcomes.empty():
                outcomes.append(self._outcomes.get())
            task_ids = [outcome.task_id for outcome in outcomes if outcome.files and outcome.task_id]
            pictures = self._album.add(task_ids) if task_ids else []
            if pictures:
                cards = [self._cards.card(picture) for picture in pictures]
                self._stream.tell("pictures", pictures=cards, total=len(self._album), counts=self._album.counts())
        for outcome in outcomes:
            if outcome.status in ("failed", "uncertain") and outcome.error is not None:
                why = outcome.error.say(self._cards.language)
                self._stream.tell("failed", name=plain(outcome.job.name), prompt=outcome.job.prompt, why=why)

    def _keep_draining(self) -> None:
        while not self._over.wait(_DRAINED_SECONDS):
            try:
                self.drain()
            except GrsaiError as error:  # the ledger is locked: the pictures are there when the page is loaded anew
                _log.warning("what came could not be told: %s", error)

    # Below

    def _may_make(self) -> Settings:
        if self._settings is None:
            raise Refused("Nothing can be made here.")
        return self._settings

    def _begin_redo(self, found: Redo) -> None:
        """What was kept since its price was shown is not paid for again."""
        rejected = {picture.name for picture in self._album.rejected()}
        if not all(name in rejected for names in found.replaced.values() for name in names):
            raise _out_of_date()
        found.begin(self._album.ledger)

    def _make(self, priced: _Priced, run: Run, settings: Settings) -> None:
        said, begun = list[str](), time.monotonic()
        try:
            outcomes = engine.run(
                priced.jobs,
                settings=settings,
                ledger=self._album.ledger,
                output=self._album.folder,
                stop=run.stop,
                on_event=self.hear,
                last_word_seconds=_LAST_WORD_SECONDS,
            )
            self._on_end(outcomes, priced.replaced, time.monotonic() - begun)
        except GrsaiError as error:
            said.append(error.say(self._cards.language))
        finally:
            self.ends(run, said)

    def _told(self, priced: _Priced, price: Estimate) -> dict[str, Any]:
        ticket = secrets.token_urlsafe(12) if priced.jobs else None
        if ticket is not None:
            with self._lock:
                self._tickets = dict([*self._tickets.items(), (ticket, priced)][-_TICKETS:])
        per_yuan = self._cards.per_yuan
        return {
            "ticket": ticket,
            "pictures": price.total,
            "new": price.new,
            "open": price.open,
            "reused": price.reused,
            "unpriced": price.unpriced,
            "credits": price.credits,
            "yuan": round(yuan(price.credits, per_yuan), 4),
            "price": price_text(price.credits, "cny", per_yuan),
        }

    def _gone(self, picture: Picture, error: GrsaiError) -> dict[str, str]:
        return {"id": picture.id, "name": plain(picture.entry.name), "why": error.say(self._cards.language)}


def changes_of(asked: Mapping[str, Any]) -> Changes:
    """What a page wants other. Raises `WrongSetting` for what is none."""
    given = {name: asked[name] for name in _NAMES if asked.get(name) not in (None, "")}
    for name, value in given.items():
        if not isinstance(value, int if name == "seed" else str) or isinstance(value, bool):
            raise WrongSetting("{value} is no value for {name}.", value=str(value)[:40], name=name)
    return Changes(**given)


def _out_of_date() -> Busy:
    return Busy("The price was not shown, or is out of date. Ask for it again.")


def _choices(model: Model) -> dict[str, Any]:
    offered = {"sizes": model.sizes, "ratios": model.ratios, "qualities": model.qualities, "backgrounds": model.backgrounds}
    return {"id": model.id, **{name: list(values) for name, values in offered.items()}}
