"""The limit of a batch: its jobs, in their order, on perfect workers that lose no time between two of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable


def list_schedule(seconds: Iterable[float], workers: int) -> float:
    """Seconds until the last job is done, each job going to whoever is free first."""
    free = [0.0] * workers
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)
