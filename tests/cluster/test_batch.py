"""A batch over a cluster of plain Dask workers: as ever, but elsewhere."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from grsai.errors import WrongSetting
from grsai.jobs import plan, with_edits
from grsai.ledger import Ledger, service_of
from grsai.pictures import Reference
from tests.cluster.conftest import WORKERS_KEY
from tests.conftest import KEY, MODELS, PHOTOS
from tests.masks.scene import edits, saved

COMMAND = ("--concurrency", "8", "--json")


def ended(process: subprocess.Popen[str], seconds: float = 90.0) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def ledger_of(studio: Any) -> Ledger:
    return Ledger(studio.folder / ".grsai" / "ledger.sqlite3", service=service_of(studio.emulator.url))


def assert_right_and_paid_once(studio: Any, count: int) -> dict[str, Any]:
    """What the report says, when every job has its picture and one task."""
    report = json.loads((studio.folder / "batch_outputs" / "report.json").read_text("utf-8"))
    tasks = list(studio.emulator.tasks.values())
    assert len(tasks) == len({task.prompt for task in tasks}) == count, "a job was paid twice"
    by_prompt = {task.prompt: task for task in tasks}
    for job in report["jobs"]:
        assert job["status"] == "succeeded", job
        picture = (studio.folder / "batch_outputs" / job["file"]).read_bytes()
        assert hashlib.sha256(picture).hexdigest() == by_prompt[job["prompt"]].sha256
    return report


def test_the_workers_make_the_pictures_and_are_named(studio, cluster, photos) -> None:
    studio.emulator.seconds = 0.3
    studio.furnish([f"prompt {number}" for number in range(6)], photos[:2])
    status, out, err = ended(studio.command(*COMMAND, "--cluster", cluster.address))
    assert status == 0, err
    told = json.loads(out)
    assert [job["task"] for job in told["jobs"]] == list(range(1, 13))
    assert {job["worker"] for job in told["jobs"]} == {"one", "two"}
    report = json.loads((studio.folder / "batch_outputs" / "report.json").read_text("utf-8"))
    assert [job["worker"] for job in report["jobs"]] == [job["worker"] for job in told["jobs"]]
    assert report["credits"] == 12 * 440 and (studio.folder / "batch_outputs" / "index.html").is_file()
    assert len(studio.emulator.tasks) == 12 and studio.emulator.peak_open <= 8
    assert not list((studio.folder / "batch_outputs").glob(".grsai*"))

    status, out, err = ended(studio.command(*COMMAND, "--cluster", cluster.address))
    assert (status, json.loads(out)["reused"]) == (0, 12), err
    assert len(studio.emulator.tasks) == 12


def test_the_key_is_each_workers_own_and_in_no_log(studio, cluster) -> None:
    studio.furnish([f"prompt {number}" for number in range(4)])
    status, _, err = ended(studio.command(*COMMAND, "--cluster", cluster.address))
    assert status == 0, err
    sent = {seen.headers["Authorization"] for seen in studio.emulator.received if seen.step in ("submit", "poll")}
    assert sent == {f"Bearer {WORKERS_KEY}"}
    assert KEY not in cluster.logs() and WORKERS_KEY not in cluster.logs()


def test_a_worker_whose_settings_do_not_allow_the_address_is_refused(studio, cluster) -> None:
    cluster.start_worker("three", GRSAI_BASE_URL="https://grsaiapi.com")
    cluster.wait_for(3)
    studio.furnish(["prompt"])
    status, _, err = ended(studio.command(*COMMAND, "--cluster", cluster.address))
    assert status == 2
    assert "do not allow" in err and "GRSAI_BASE_URL" in err and "Traceback" not in err
    assert not studio.emulator.tasks


def test_ctrl_c_ends_it_and_the_next_run_goes_on(studio, cluster) -> None:
    studio.emulator.seconds = 4.0
    studio.furnish([f"prompt {number}" for number in range(12)])
    process = studio.command(*COMMAND, "--cluster", cluster.address)
    studio.wait_until(lambda: len(studio.emulator.tasks) >= 8, seconds=60)
    process.send_signal(signal.SIGINT)
    status, out, err = ended(process, 30)
    assert status == 1, err
    assert {job["status"] for job in json.loads(out)["jobs"]} <= {"stopped", "succeeded"}
    assert len(studio.emulator.tasks) <= 9
    studio.emulator.seconds = 0.1
    status, _, err = ended(studio.command(*COMMAND, "--cluster", cluster.address))
    assert status == 0, err
    assert_right_and_paid_once(studio, 12)


@pytest.mark.parametrize("given", ["local", "local:0", "local:999", "8786", "http://host:8786", "tcp://host", "tcp://:8786"])
def test_what_is_no_cluster_is_refused(given: str) -> None:
    from grsai.cluster import place_of

    with pytest.raises(WrongSetting):
        place_of(given)


def test_another_machine_needs_tls_or_a_word() -> None:
    from grsai.cluster import place_of

    with pytest.raises(WrongSetting, match="--cluster-insecure"):
        place_of("tcp://198.51.100.7:8786")
    assert place_of("tcp://198.51.100.7:8786", insecure=True).address == "tcp://198.51.100.7:8786"
    assert place_of("tls://198.51.100.7:8786").address == "tls://198.51.100.7:8786"
    assert place_of("tcp://127.0.0.1:8786").address == place_of("TCP://127.0.0.1:8786/").address == "tcp://127.0.0.1:8786"
    assert place_of("local:4").workers == 4


def test_nothing_of_it_is_loaded_without_being_asked_for() -> None:
    program = "import sys, grsai.cli.batch, grsai.engine\nprint({'grsai.cluster', 'distributed'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "set()", done.stderr


def test_neither_key_is_in_a_task_a_result_or_a_log(studio, cluster) -> None:
    from distributed import Client

    def tasks_of(dask_worker=None):
        """All that a scheduler or a worker holds of its tasks, as text and as what is sent."""
        import cloudpickle

        tasks = getattr(dask_worker, "state", dask_worker).tasks.values()
        return "".join(f"{task!r} {task.run_spec!r} {cloudpickle.dumps(task.run_spec)!r}" for task in tasks)

    studio.emulator.seconds = 3.0
    studio.furnish([f"prompt {number}" for number in range(4)])
    process = studio.command(*COMMAND, "--cluster", cluster.address)
    studio.wait_until(lambda: len(studio.emulator.tasks) == 4, seconds=60)
    with Client(cluster.address, set_as_default=False) as client:
        seen = client.run_on_scheduler(tasks_of)
        seen += repr(client.run(tasks_of)) + repr(client.get_scheduler_logs()) + repr(client.get_worker_logs())
    assert ended(process)[0] == 0
    assert seen.count("grsai-picture") >= 4
    for text in (seen, cluster.logs()):
        assert KEY not in text and WORKERS_KEY not in text


def test_from_python_with_a_client_of_ones_own(studio, cluster, photos) -> None:
    from distributed import Client

    import grsai.cluster

    (studio.folder / ".grsai").mkdir(exist_ok=True)
    jobs = studio.with_references(studio.jobs(4), [in_memory(photos[0])])
    seen: list[Any] = []
    with Client(cluster.address, set_as_default=False) as client, studio.ledger() as ledger:
        given = {"settings": studio.settings(ledger=str(studio.ledger_path)), "ledger": ledger, "output": studio.output}
        outcomes = grsai.cluster.run(jobs, client=client, on_event=seen.append, **given)
        again = grsai.cluster.run(jobs, client=client, **given)
    studio.assert_right(outcomes)
    assert [outcome.job.name for outcome in outcomes] == [job.name for job in jobs]
    assert {outcome.worker for outcome in outcomes} <= {"one", "two"} and all(outcome.reused for outcome in again)
    assert len(studio.emulator.uploads) == 1 and len(studio.emulator.tasks) == 4
    kinds = [event.kind for event in seen if event.job.name == jobs[0].name]
    assert kinds[0] == "started" and kinds[-1] == "finished"
    last = seen[-1].snapshot
    assert (last.done, last.running, last.credits, last.progress) == (4, 0, 4 * 440, 1.0)


def in_memory(photo: Reference) -> Reference:
    """As a program has one that made it: no worker could read it."""
    encoded = photo.load() if photo.load else None
    assert encoded is not None
    return Reference(photo.name, photo.digest, load=lambda: encoded)


def test_areas_of_a_mask_are_edited_one_after_the_other_wherever_that_is(studio, cluster, tmp_path) -> None:
    from distributed import Client

    import grsai.cluster

    photo = saved(tmp_path / "large.png", Image.open(PHOTOS / "coffee.jpg").resize((2560, 1705)))
    [job] = plan(["a red disc"], [Reference.from_file(photo)], model=MODELS.named("nano-banana-2"))
    jobs = with_edits([job], [edits(photo, (0.03, 0.05, 0.13, 0.15), (0.85, 0.82, 0.95, 0.92))])
    with Client(cluster.address, set_as_default=False) as client, studio.ledger() as ledger:
        given = {"settings": studio.settings(ledger=str(studio.ledger_path)), "ledger": ledger, "output": studio.output}
        first, last = grsai.cluster.run(jobs, client=client, **given)
        assert (first.status, last.status, first.files) == ("succeeded", "succeeded", ())
        again = grsai.cluster.run(jobs, client=client, **given)
    assert [each.file for each in again] == [None, last.file] and all(each.reused for each in again)
    assert [path.name for path in last.plain] == ["Task_1_large_1.plain.png"] and len(studio.emulator.tasks) == 2
    before, after = Image.open(photo).convert("RGB"), Image.open(last.file).convert("RGB")
    middle = (900, 600, 1500, 1000)
    assert after.size == before.size and after.crop(middle).tobytes() == before.crop(middle).tobytes()
    assert after.tobytes() != before.tobytes()
