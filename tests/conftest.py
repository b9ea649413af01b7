"""What all tests share: an emulator, and a studio in which batches are made against it."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from grsai import engine
from grsai import settings as settings_module
from grsai.emulator import Emulator, Task
from grsai.engine import Collected
from grsai.engine.retry import Backoff
from grsai.jobs import Job, Outcome, plan
from grsai.ledger import Ledger, service_of
from grsai.models import Catalogue
from grsai.pictures import Reference, list_pictures
from grsai.settings import Settings

pytest_plugins = ["tests.comfy", "tests.postgres"]  # a real ComfyUI, a real PostgreSQL

KEY = "sk-" + "0123456789abcdef" * 2
ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "grsai" / "demo" / "image"
QUICK = Backoff(first=0.02, longest=0.2)
# The catalogue knows how long models take; the emulator is quicker.
MODELS = Catalogue().with_rows({name: {"seconds": 0.1} for name in Catalogue()})


def pytest_configure() -> None:
    """The user's own data folder stays out of it.

    A run in the background ignores some signals, and so would all that it starts: no Ctrl+C would reach the command."""
    os.environ["GRSAI_HOME"] = str(Path(tempfile.mkdtemp(prefix="grsai-home-")))
    for name in ("SIGINT", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)  # Windows has only the first
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not tried, and why: each reason once."""
    skipped = [report.longrepr for report in terminalreporter.stats.get("skipped", ())]
    reasons = Counter(where[2].removeprefix("Skipped: ") for where in skipped if isinstance(where, tuple))
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, the tests of a file stay together: they share what is slow to start."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # as collected: first those with a browser, which take longest
    return LoadFileScheduling(config, log)


@dataclass
class Studio:
    """A place to make batches in: an emulator, a ledger and an output folder."""

    emulator: Emulator
    folder: Path
    events: list[engine.Event] = field(default_factory=list)
    api: str = "unified"
    ahead: float = 0.0  # seconds by which the ledger's clock goes before the computer's

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def ledger_path(self) -> Path:
        return self.folder / "ledger.sqlite3"

    def settings(self, **arguments: Any) -> Settings:
        given = {"api_key": KEY, "base_url": self.emulator.url, "api": self.api, "connect_seconds": 2, "read_seconds": 5}
        loaded = settings_module.load({**given, **arguments}, environment={})
        return Settings(**{name: getattr(loaded, name) for name in vars(loaded)} | {"catalogue": MODELS})

    def ledger(self, **options: Any) -> Ledger:
        return Ledger(self.ledger_path, service=service_of(self.emulator.url), clock=self.clock, **options)

    def jobs(self, count: int = 1, *, prompt: str = "picture", model: str = "nano-banana-fast", **options: Any) -> list[Job]:
        """Jobs that need no upload."""
        return plan([f"{prompt} {number}" for number in range(count)], model=MODELS.named(model), **options)

    def with_references(self, jobs: Sequence[Job], references: Sequence[Reference]) -> list[Job]:
        return [replace(job, references=tuple(references)) for job in jobs]

    def run(
        self, jobs: Sequence[Job], *, settings: Settings | None = None, ledger: Ledger | None = None, **options: Any
    ) -> list[Outcome]:
        """One run, as one process would do it: the ledger is opened for it."""
        options = {"output": self.output, "backoff": QUICK, "on_event": self.events.append, **options}
        settings = settings or self.settings()
        if ledger is not None:
            return engine.run(jobs, settings=settings, ledger=ledger, **options)
        with self.ledger() as ledger:
            return engine.run(jobs, settings=settings, ledger=ledger, **options)

    def collect(self, **options: Any) -> list[Collected]:
        with self.ledger() as ledger:
            return engine.collect(settings=self.settings(), ledger=ledger, **{"backoff": QUICK, **options})

    def command(self, *arguments: str, program: Sequence[str] = ("-m", "grsai"), **environment: str) -> subprocess.Popen[str]:
        """The command in a process of its own, as a user would start it in the studio's folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GRSAI_")}
        given = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "GRSAI_API_KEY": KEY, "GRSAI_BASE_URL": self.emulator.url}
        given |= {"GRSAI_HOME": str(self.folder / "home"), "GRSAI_API": self.api}
        return subprocess.Popen(
            [sys.executable, *program, *arguments, "--lang", "en"],
            cwd=self.folder,
            env={**kept, **given, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def furnish(self, prompts: Sequence[str], photos: Sequence[Reference] = ()) -> None:
        """What the command looks for in its folder. Tasks are known to be quick, so that it looks at them often."""
        rows = "".join(f'[models."{name}"]\nseconds = 0.1\n' for name in Catalogue())
        for name, text in {"grsai.toml": rows, ".env": "", "input/text/text.txt": "\n".join(prompts)}.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, "utf-8")
        (self.folder / ".grsai").mkdir(exist_ok=True)  # where the ledger lies from now on
        for photo in photos:
            assert photo.path is not None
            (self.folder / "input" / "image").mkdir(parents=True, exist_ok=True)
            shutil.copy(photo.path, self.folder / "input" / "image")

    def start(self, jobs: Sequence[Job], **options: Any) -> Started:
        """A run in a thread of its own, so that the test can do something meanwhile."""
        return Started(self, jobs, options)

    def make_older(self, seconds: float) -> None:
        """As if everything that the ledger knows had happened earlier."""
        self.ahead += seconds

    def clock(self) -> float:
        return time.time() + self.ahead

    def wait_until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Returns when the condition holds."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "it does not come about"
            time.sleep(0.005)

    @property
    def pictures(self) -> list[Path]:
        """What stands in the output folder under a final name."""
        return sorted(path for path in self.output.glob("*") if not path.name.startswith("."))

    def task(self, outcome: Outcome) -> Task:
        """The task that the service made for it."""
        return self.emulator.tasks[outcome.task_id or ""]

    def assert_right(self, outcomes: Sequence[Outcome]) -> None:
        """Every file holds the picture that its job asked for, bit for bit."""
        for outcome in outcomes:
            assert outcome.status == "succeeded", (outcome.status, outcome.error)
            assert outcome.file is not None
            task = self.task(outcome)
            assert (task.prompt, task.model) == (outcome.job.prompt, outcome.job.model.id)
            assert hashlib.sha256(outcome.file.read_bytes()).hexdigest() == task.sha256
        names = [outcome.file for outcome in outcomes]
        assert len(set(names)) == len(names)

    def assert_nothing_left(self) -> None:
        """No temporary file, and nothing under a final name but whole pictures of the service."""
        hashes = {task.sha256 for task in self.emulator.tasks.values()}
        assert not list(self.output.rglob("*.part"))
        for path in self.pictures:
            assert hashlib.sha256(path.read_bytes()).hexdigest() in hashes, path


class Started:
    """A run under way: `stop` it, or wait for its `outcomes`."""

    def __init__(self, studio: Studio, jobs: Sequence[Job], options: dict[str, Any]) -> None:
        self.stop = threading.Event()
        self._result: list[Outcome] | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(studio, jobs, options), daemon=True)
        self._thread.start()

    def _run(self, studio: Studio, jobs: Sequence[Job], options: dict[str, Any]) -> None:
        try:
            self._result = studio.run(jobs, stop=self.stop, **options)
        except BaseException as error:
            self._error = error

    def stopped(self) -> float:
        """Stops it and returns the seconds that this took."""
        begun = time.monotonic()
        self.stop.set()
        self.outcomes()
        return time.monotonic() - begun

    def outcomes(self, seconds: float = 30.0) -> list[Outcome]:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the run does not end"
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A quick service. Every request to it must be one that it knows, and none outside the API may carry the key."""
    with Emulator(seconds=0.05, render=False) as emulator:
        yield emulator
        unknown = [(seen.method, seen.path) for seen in emulator.received if seen.step == "unknown"]
        assert not unknown
        assert not emulator.leaks


@dataclass
class Seen:
    """A request as a server of the tests saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int  # of the client: the same for requests over one connection


@dataclass
class Scripted:
    """A server that gives the replies it is told, one after the other, the last one for ever."""

    url: str
    replies: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def will_say(self, body: Any, status: int = 200, **headers: str) -> None:
        content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.replies.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, content))


@pytest.fixture
def server() -> Iterator[Scripted]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.title(): value for name, value in self.headers.items()}
            scripted.seen.append(Seen(self.command, self.path, headers, body, self.client_address[1]))
            status, headers, content = scripted.replies.pop(0) if len(scripted.replies) > 1 else scripted.replies[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, *_arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        scripted = Scripted(f"http://127.0.0.1:{httpd.server_address[1]}")
        threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield scripted
        httpd.shutdown()


@pytest.fixture
def studio(emulator: Emulator, tmp_path: Path) -> Studio:
    return Studio(emulator, tmp_path)


@pytest.fixture(name="Studio")
def _studio_class() -> type[Studio]:
    """For a test that wants an emulator of its own."""
    return Studio


@pytest.fixture(scope="session")
def photos() -> tuple[Reference, ...]:
    """The eight photos of the demo."""
    return tuple(Reference.from_file(path) for path in list_pictures(PHOTOS))
