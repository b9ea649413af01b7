"""How processes that share a ledger share the limit of a key: pure functions over what they have agreed upon.

Each has so many places. One that has more than its fair share, while others wait, fills no more of those that become free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from .gate import Window

TURN_SECONDS = 10.0
SAME_MOMENT_SECONDS = 2.0  # refusals so soon after the window was closed were on their way when it was


@dataclass
class Share:
    """One process. `open`: places that are filled; `accepted`: tasks of them that run; `want`: how many more it could fill.

    `most`: how many it may fill by its own runs, `limit`: by its setting.
    """

    open: int = 0
    accepted: int = 0
    want: int = 0
    most: int = 0
    limit: int | None = None


@dataclass
class News:
    """What a process has heard from the service since it told the others last."""

    accepted: int = 0
    refused: bool = False
    cool_seconds: float | None = None  # that the service asks to wait


class Granted(NamedTuple):
    """`places`: how many may be filled now, those that are filled included. `cool_seconds`: nothing new before that."""

    places: int
    cool_seconds: float
    window: int


@dataclass
class Common:
    """What is agreed upon: the places that each process has, the window that all share, and until when all hold back."""

    shares: dict[str, Share] = field(default_factory=dict)
    window: Window = field(default_factory=Window)
    cool_until: float = 0.0
    closed_at: float = 0.0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Common:
        if not stored:
            return cls()
        shares = {name: Share(**share) for name, share in stored["shares"].items()}
        return cls(shares, Window(**stored["window"]), stored["cool_until"], stored["closed_at"])

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def agree(common: Common, me: str, mine: Share, news: News, *, now: float, living: frozenset[str], lost: int) -> Granted:
    """Tells the others how it stands with one of them, and what it may do. `lost`: open tasks that none of them watches."""
    common.shares = {name: share for name, share in common.shares.items() if name.partition("/")[0] in living}
    if not common.shares:
        common.window = Window()  # whatever was learnt, it was some time ago
    others = {name: share for name, share in common.shares.items() if name != me}
    _hear(common, mine, list(others.values()), news, now)
    places = min(_limit([mine, *others.values()]), common.window.size) - lost
    wanted = {name: share.open + share.want for name, share in sorted({**others, me: mine}.items())}
    fair = fair_shares(places, wanted, turn=int(now // TURN_SECONDS))[me]
    free = places - sum(share.open for share in others.values())
    cool = max(common.cool_until - now, 0.0)
    granted = mine.open if cool else min(fair, free)
    common.shares = others
    if mine.most or mine.open:
        unmet = max(wanted[me] - granted, 0)
        others[me] = Share(max(granted, mine.open), mine.accepted, unmet, mine.most, mine.limit)
    return Granted(max(granted, 0), cool, common.window.size)


def fair_shares(places: int, wanted: Mapping[str, int], *, turn: int = 0) -> dict[str, int]:
    """The places of each, if all get as much as they want as long as none gets more than another who wants more.

    What cannot be divided goes to one after the other, turn by turn.
    """
    given = dict.fromkeys(wanted, 0)
    left = max(places, 0)
    while left and (waiting := [name for name, want in wanted.items() if given[name] < want]):
        part = left // len(waiting)
        if not part:
            begin = turn % len(waiting)
            for name in [*waiting[begin:], *waiting[:begin]][:left]:
                given[name] += 1
            break
        for name in waiting:
            more = min(part, wanted[name] - given[name])
            given[name] += more
            left -= more
    return given


def _limit(shares: Sequence[Share]) -> int:
    """The smallest limit that one of them has set; where none has, the most that one of them would have open alone."""
    limits = [share.limit for share in shares if share.limit]
    return min(limits) if limits else max(share.most for share in shares)


def _hear(common: Common, mine: Share, others: Sequence[Share], news: News, now: float) -> None:
    accepted = sum(each.accepted for each in others)
    for number in range(news.accepted):
        common.window.accepted(now, accepted + max(mine.accepted - news.accepted + number + 1, 1))
    if news.cool_seconds:
        common.cool_until = max(common.cool_until, now + news.cool_seconds)
    if news.refused and now - common.closed_at > SAME_MOMENT_SECONDS:
        common.closed_at = now
        accepted += mine.accepted
        alone = accepted == 0 and mine.open + sum(each.open for each in others) <= 1
        common.window.refused(now, accepted, alone=alone, retry_after=news.cool_seconds)
