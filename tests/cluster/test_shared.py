"""A batch over a cluster with the ledger on PostgreSQL: one limit over all workers, and a password that nobody sees."""

from __future__ import annotations

import json
import re
from typing import Any

from grsai.ledger import Ledger, service_of

PASSWORD = "geheim-und-lang"


def with_password(address: str) -> str:
    """The same address; this server asks for none, and takes any."""
    return re.sub(r"://([^:@/]*)(:[^@]*)?@", rf"://\1:{PASSWORD}@", address)


def test_a_killed_worker_costs_nothing_and_the_limit_is_that_of_all(studio: Any, cluster: Any, address: str) -> None:
    from distributed import Client

    def memory_of(dask_worker=None):
        import cloudpickle

        tasks = getattr(dask_worker, "state", dask_worker).tasks.values()
        return "".join(f"{task!r} {task.run_spec!r} {cloudpickle.dumps(task.run_spec)!r}" for task in tasks)

    address = with_password(address)
    studio.emulator.seconds = 2.0
    studio.furnish([f"prompt {number}" for number in range(16)])
    rows = studio.folder / "grsai.toml"  # for so long what a lost worker had open counts
    rows.write_text(rows.read_text("utf-8").replace("seconds = 0.1", "seconds = 3"), "utf-8")
    options = ("--concurrency", "4", "--json", "--verbose", "--ledger", address, "--cluster", cluster.address)
    process = studio.command(*options)
    studio.wait_until(lambda: len(studio.emulator.tasks) >= 4, seconds=90)
    with Client(cluster.address, set_as_default=False) as client:
        seen = client.run_on_scheduler(memory_of) + repr(client.run(memory_of)) + repr(client.get_worker_logs())
    assert seen.count("grsai-picture") >= 4
    cluster.kill("one")
    out, err = process.communicate(timeout=240)
    jobs = json.loads(out)["jobs"]
    assert {job["status"] for job in jobs} <= {"succeeded", "uncertain"}, err
    uncertain = [job["prompt"] for job in jobs if job["status"] == "uncertain"]
    assert len(uncertain) <= 4 and studio.emulator.peak_open <= 4
    with Ledger(address, service=service_of(studio.emulator.url), home=studio.folder / "home") as ledger:
        known = {entry.task_id: entry.prompt for entry in ledger.entries(limit=1000) if entry.task_id}
    assert len(known) == len(set(known.values())) == 16 - len(uncertain), "a job was paid twice"
    for text in (seen, cluster.logs(), err, out):
        assert PASSWORD not in text
