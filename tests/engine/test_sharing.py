"""How processes share one limit: who gets how many places, and that a refusal slows all of them."""

from __future__ import annotations

import itertools

import pytest

from grsai.engine.sharing import SAME_MOMENT_SECONDS, TURN_SECONDS, Common, News, Share, agree, fair_shares

NOW = 1.8e9


class Crowd:
    """Processes that share a key. Each `asks`, fills the places that it is granted, and empties some again."""

    def __init__(self, *names: str, limit: int | None = None, most: int = 50) -> None:
        self.common = Common()
        self.open = dict.fromkeys(names, 0)
        self.limit, self.most, self.now, self.lost = limit, most, NOW, 0
        self.common.shares["learnt"] = Share(most=1)  # so that the window is not a new one
        self.common.window.size = 1000

    def asks(self, name: str, want: int, *, news: News | None = None) -> int:
        mine = Share(self.open[name], self.open[name], want, self.most, self.limit)
        self.common = Common.of(self.common.stored())  # as it comes out of the database
        living = frozenset(self.open) | {"learnt"}
        told = agree(self.common, name, mine, news or News(), now=self.now, living=living, lost=self.lost)
        self.open[name] = max(self.open[name], min(told.places, self.open[name] + want))
        return told.places

    @property
    def total(self) -> int:
        return sum(self.open.values())


@pytest.mark.parametrize(
    ("places", "wanted", "given"),
    [
        (10, [3, 4], [3, 4]),
        (10, [20, 20], [5, 5]),
        (10, [2, 20], [2, 8]),
        (10, [0, 20], [0, 10]),
        (10, [20, 20, 1], [5, 4, 1]),
        (2, [5, 5, 5], [1, 1, 0]),
        (0, [5, 5], [0, 0]),
        (-3, [5, 5], [0, 0]),
        (7, [], []),
    ],
)
def test_places_are_shared_fairly(places: int, wanted: list[int], given: list[int]) -> None:
    assert list(fair_shares(places, {str(number): want for number, want in enumerate(wanted)}).values()) == given


def test_what_cannot_be_divided_goes_from_one_to_the_other() -> None:
    shares = [fair_shares(1, {"a": 9, "b": 9}, turn=turn) for turn in range(4)]
    assert [share["a"] for share in shares] == [1, 0, 1, 0]


@pytest.mark.parametrize("limit", [1, 2, 5, 13])
@pytest.mark.parametrize("names", ["ab", "abcde"])
def test_never_more_are_open_than_one_may_have_alone(limit: int, names: str) -> None:
    crowd = Crowd(*names, limit=limit)
    for step, name in zip(range(300), itertools.cycle(names)):
        crowd.asks(name, want=step % 7)
        assert crowd.total <= limit
        crowd.now += 0.3
        if step % 3 == 0:
            crowd.open[name] = max(crowd.open[name] - 2, 0)


def test_who_came_later_gets_as_much_as_who_was_there() -> None:
    crowd = Crowd("a", "b", limit=10)
    assert (crowd.asks("a", 100), crowd.asks("b", 100)) == (10, 0)
    for _ in range(10):  # as tasks of the first one end, it fills no more than its share
        crowd.open["a"] -= 1
        crowd.asks("a", 100)
        crowd.asks("b", 100)
        assert crowd.total <= 10
    assert crowd.open == {"a": 5, "b": 5}


def test_of_different_limits_the_smallest_counts_and_without_one_the_largest_run() -> None:
    crowd = Crowd("a", "b", limit=8)
    crowd.asks("a", 1)
    crowd.limit = 3
    assert crowd.asks("b", 100) == 2
    free = Crowd("a", "b", most=5)
    free.asks("a", 0)
    free.most = 20
    assert free.asks("b", 100) == 20


def test_tasks_that_nobody_watches_take_their_places() -> None:
    crowd = Crowd("a", limit=10)
    crowd.lost = 7
    assert crowd.asks("a", 100) == 3
    crowd.lost = 0
    assert crowd.asks("a", 100) == 10


def test_the_places_of_one_that_is_gone_are_free() -> None:
    crowd = Crowd("a", "b", limit=10)
    crowd.asks("a", 10)
    del crowd.open["a"]
    assert crowd.asks("b", 10) == 10


def test_a_refusal_of_one_slows_all_and_once() -> None:
    crowd = Crowd("a", "b", limit=40)
    crowd.open = {"a": 10, "b": 10}
    crowd.asks("a", 0)
    crowd.asks("b", 0)
    refused = News(refused=True, cool_seconds=4.0)
    assert crowd.asks("a", 10, news=refused) == 10
    assert crowd.asks("b", 10, news=refused) == 10  # the same moment: no news
    assert (crowd.common.window.size, crowd.common.window.proven) == (10, 20)
    crowd.open = {"a": 2, "b": 2}
    crowd.now += SAME_MOMENT_SECONDS
    assert crowd.asks("b", 10) == 2  # the service asked to wait
    crowd.now += 4.0
    assert crowd.asks("b", 10) == 0  # nobody knows yet that the other one has fewer
    crowd.asks("a", 0)
    assert crowd.asks("b", 10) == 8 and crowd.total == 10


def test_the_window_opens_with_what_others_had_accepted() -> None:
    common = Common()
    mine = Share(want=100, most=100)
    assert agree(common, "a", mine, News(), now=NOW, living=frozenset("ab"), lost=0).places == 5
    mine = Share(5, 5, 100, 100)
    first = agree(common, "a", mine, News(accepted=5), now=NOW, living=frozenset("ab"), lost=0)
    assert first.places > 5
    assert (
        agree(common, "b", Share(want=100, most=100), News(), now=NOW + TURN_SECONDS, living=frozenset("ab"), lost=0).window > 5
    )


def test_who_is_the_first_to_come_begins_anew() -> None:
    common = Common()
    common.window.size, common.window.proven = 1, 1
    common.shares = {"long gone": Share(1, 1, 0, 5)}
    assert agree(common, "a", Share(want=9, most=9), News(), now=NOW, living=frozenset("a"), lost=0).window == 5
