"""`python -m benchmarks`: measures every line, prints the table and writes it to RESULTS.md. `--only NAME` measures one."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from . import batches, canvas, cluster, edges, growth, ledger, machine, studio, tensors
from .figure import Figure, markdown
from .service import settled

HERE = Path(__file__).parent
Line = Callable[[Path], list[Figure]]
LINES: dict[str, Line] = {
    "batch": batches.batch,
    "headline": batches.headline,
    "many": batches.many,
    "limit": batches.limit,
    "growth": growth.growth,
    "images": tensors.images,
    "memory": growth.memory,
    "polls": batches.polls,
    "again": growth.again,
    "twenty": edges.twenty,
    "tiny": edges.tiny,
    "refused": edges.refused,
    "large": edges.large,
    "twenty thousand": edges.twenty_thousand,
    "ledger": ledger.ledger,
    "way": ledger.way,
    "canvas": canvas.canvas,
    "start": studio.start,
    "postgres": studio.postgres,
    "same jobs": studio.same_jobs,
    "cluster": cluster.against_one,
    "queued": cluster.queued,
    "killed": cluster.killed,
}


def main() -> int:
    """Exit status 1 if a line was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", choices=LINES, action="append", metavar="NAME", help=f"one of {', '.join(LINES)}; may be repeated"
    )
    only = parser.parse_args().only
    begun, busy = time.monotonic(), machine.load()
    figures = [figure for name in only or LINES for figure in _measured(name)]
    minutes = (time.monotonic() - begun) / 60
    print(markdown(figures))
    if not only:
        (HERE / "RESULTS.md").write_text(_page(figures, minutes, busy), "utf-8")
    return 0 if all(figure.reached for figure in figures) else 1


def _measured(name: str) -> list[Figure]:
    print(f"{name} …", file=sys.stderr, end=" ", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="banana-") as folder:
        figures = LINES[name](Path(folder))
    settled()
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return figures


def _page(figures: list[Figure], minutes: float, busy: float | None) -> str:
    before = f" The load before it began was {busy:.2f}." if busy is not None else ""
    parts = [
        "# Figures",
        "Written by `python -m benchmarks`; every figure is measured in one run, mostly as a ratio to a limit or an alternative"
        " in the same run. The notes at the end are written by hand, in [NOTES.md](NOTES.md).",
        markdown(figures),
        "## Measured on",
        machine.described(),
        f"The run took {minutes:.1f} minutes.{before}",
        (HERE / "NOTES.md").read_text("utf-8").strip(),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
