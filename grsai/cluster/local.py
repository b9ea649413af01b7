"""`python -m grsai.cluster.local N`: a scheduler and N workers on this machine, until its standard input ends."""

from __future__ import annotations

import sys
from importlib import import_module


def main() -> None:
    start = import_module("distributed").LocalCluster
    apart = {"dashboard_address": None, "worker_dashboard_address": None, "memory_limit": 0}
    with start(n_workers=int(sys.argv[1]), threads_per_worker=1, host="127.0.0.1", **apart) as cluster:
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
