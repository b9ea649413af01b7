"""The history by runs: what each of them made and cost; and how many tasks there are of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .wanted import Wanted

Read = Callable[[str, Sequence[Any]], list[Any]]
_NEWEST = (
    "SELECT run, max(row) AS newest FROM tasks INDEXED BY tasks_by_run WHERE {where}"
    " GROUP BY run HAVING max(row) < ? ORDER BY newest DESC LIMIT ?"
)
# A job that failed may have been tried again within its run.
_JOBS = (
    "SELECT max(CASE state WHEN 'done' THEN 1 ELSE 0 END) AS made,"
    " max(CASE WHEN state IN ('done', 'failed') THEN 0 ELSE 1 END) AS due, max(credits) AS price,"
    " sum(CASE refunded WHEN 0 THEN credits ELSE 0 END) AS paid, min(created) AS began, max(finished) AS ended"
    " FROM tasks INDEXED BY tasks_by_run WHERE {where} GROUP BY fingerprint"
)
_SUMS = (
    "SELECT count(*), sum(made), sum(CASE made WHEN 1 THEN 0 ELSE due END), sum(price), sum(paid), min(began), max(ended)"
    f" FROM ({_JOBS}) AS jobs"
)


@dataclass(frozen=True)
class RunSum:
    """One run as a whole. `id` is "" for all tasks of which no run is known. Times in seconds since 1970.

    `newest`: the row of the last of its tasks that were looked for; `jobs`: those that were begun, of which some are `made`, and
    some `due`: under way, not collected, or uncertain. `price`: what all of it costs in credits; `paid`: what was paid for it,
    tries that failed included, without what was given back.
    """

    id: str
    newest: int
    jobs: int
    made: int
    due: int
    price: int
    paid: int
    began: float
    ended: float | None


class Tally(NamedTuple):
    """How many tasks there are of a model in a state; `since`: of those, how many were made since each of the times asked for."""

    model: str
    state: str
    tasks: int
    since: tuple[int, ...]


def newest_runs(read: Read, wanted: Wanted, *, before: int, limit: int) -> list[RunSum]:
    """Those with tasks that are looked for, of which the newest is below row `before`; the newest first."""
    where, values = wanted.where()
    found = read(_NEWEST.format(where=where), (*values, before, limit))
    return [_sum(read, Wanted(wanted.service, run=run or ""), newest) for run, newest in found]


def tallies(read: Read, wanted: Wanted, times: Sequence[float]) -> list[Tally]:
    where, values = wanted.where()
    sums = "".join(", sum(CASE WHEN created >= ? THEN 1 ELSE 0 END)" for _ in times)
    query = f"SELECT model, state, count(*){sums} FROM tasks WHERE {where} GROUP BY model, state"
    return [Tally(model, state, tasks, tuple(since)) for model, state, tasks, *since in read(query, (*times, *values))]


def _sum(read: Read, all_of_it: Wanted, newest: int) -> RunSum:
    where, values = all_of_it.where()
    [sums] = read(_SUMS.format(where=where), values)
    return RunSum(all_of_it.run or "", newest, *sums)
