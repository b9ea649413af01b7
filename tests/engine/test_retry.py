"""What is sent again and what is not, row by row: the decision that money hangs on."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError, ProxyError, ReadTimeoutError

from grsai import errors
from grsai.client import surely_not_sent
from grsai.emulator import Fault
from grsai.engine import estimate
from grsai.engine.retry import Backoff, may_help, verdict
from grsai.errors import (
    BadPicture,
    DownloadError,
    EmptyResult,
    GatewayError,
    GrsaiError,
    KeyRefused,
    LostReply,
    ModelUnavailable,
    Moderated,
    NoSuchTask,
    OutOfCredits,
    RateLimited,
    RequestRefused,
    StillOpen,
    StorageError,
    TaskError,
    TaskFailed,
    UnknownRefusal,
    Unreachable,
)
from grsai.jobs import plan
from grsai.models import Catalogue
from grsai.pictures import Reference

FAST = Catalogue()["nano-banana-fast"]
# A submit that ended in this error → whether it is sent again at once, was refused, or may have been paid.
VERDICTS = {
    Unreachable: "again",  # no connection came about
    RateLimited: "again",  # 429
    GatewayError: "again",  # 502, 503, 504 without an id
    LostReply: "uncertain",  # cut, timed out, 500, HTML, an empty body
    StorageError: "uncertain",  # never of a submit; a kind of lost reply
    KeyRefused: "refused",
    OutOfCredits: "refused",
    RequestRefused: "refused",
    ModelUnavailable: "refused",
    UnknownRefusal: "refused",
    NoSuchTask: "refused",
}


@pytest.mark.parametrize(("kind", "expected"), VERDICTS.items())
def test_the_verdict_on_a_submit(kind: type[GrsaiError], expected: str) -> None:
    assert verdict(kind("It went wrong.")) == expected


def test_every_error_of_the_service_has_a_verdict() -> None:
    of_the_service = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ServiceError)}
    assert of_the_service - {errors.ServiceError, errors.Uncertain} == set(VERDICTS)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TaskFailed("Task 14-x failed: {why}.", why="google gemini timeout..."), True),
        (TaskFailed("Task 14-x failed: {why}.", why="generate failed"), True),
        (TaskFailed("Task 14-x failed: {why}.", why="model maintenance"), False),
        (TaskFailed("Task 14-x failed: {why}.", why="Upstream rate limit exceeded"), True),
        (TaskFailed("Task 14-x failed: {why}.", why="no reason given"), True),
        (TaskFailed("Task 14-x failed: {why}.", why="The image format is incorrect. Please check."), False),
        (Moderated("Refused by moderation."), False),
        (EmptyResult("Succeeded without a picture."), False),
        (StillOpen("Still running."), False),
    ],
)
def test_whether_submitting_again_may_help(error: TaskError, expected: bool) -> None:
    assert may_help(error) is expected


def cause(error: Exception) -> MaxRetryError:
    return MaxRetryError(None, "/", error)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (requests.ConnectTimeout("x"), True),
        (requests.ConnectionError(cause(NewConnectionError(None, "refused"))), True),  # type: ignore[arg-type]
        (requests.ConnectionError(cause(ConnectTimeoutError("x"))), True),
        (requests.exceptions.ProxyError(cause(ProxyError("x", NewConnectionError(None, "refused")))), True),  # type: ignore[arg-type]
        (requests.exceptions.SSLError(cause(ssl.SSLCertVerificationError("CERTIFICATE_VERIFY_FAILED"))), True),
        (requests.exceptions.InvalidURL("x"), True),
        # An older urllib3 calls every broken socket behind a proxy a ProxyError.
        (requests.exceptions.ProxyError(cause(ProxyError("x", ConnectionResetError(104, "reset")))), False),
        (requests.exceptions.SSLError(cause(ssl.SSLEOFError("EOF occurred"))), False),
        (requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))), False),
        (requests.ConnectionError(ReadTimeoutError(None, "/", "x")), False),  # type: ignore[arg-type]
        (requests.ReadTimeout("x"), False),
        (requests.exceptions.ChunkedEncodingError("x"), False),
        (requests.exceptions.ContentDecodingError("x"), False),
        (RuntimeError("x"), False),
        (None, False),
    ],
)
def test_whether_a_request_was_surely_not_sent(error: Any, expected: bool) -> None:
    assert surely_not_sent(error) is expected


# Each fault of a submit → how often the service hears of it in one run, and how the job ends.
SUBMITS = {
    "http_429": ("again", "succeeded"),
    "http_502_html": ("again", "succeeded"),
    "http_504_html": ("again", "succeeded"),
    "http_500": ("once", "uncertain"),
    "http_500_taken": ("once", "uncertain"),
    "html_200": ("once", "uncertain"),
    "empty_200": ("once", "uncertain"),
    "bad_json": ("once", "uncertain"),
    "reset_before": ("once", "uncertain"),
    "reset_after": ("once", "uncertain"),
    "reset_middle": ("once", "uncertain"),
    "short_body": ("once", "uncertain"),
    "hang": ("once", "uncertain"),
    "hang_taken": ("once", "uncertain"),
    "slow_headers": ("once", "uncertain"),  # slower than we wait
    "key_refused": ("once", "failed"),
    "out_of_credits": ("once", "failed"),
    "maintenance": ("once", "failed"),
    "unparsable": ("once", "failed"),
    "redirect": ("once", "failed"),
}


@pytest.mark.parametrize("api", ["unified", "legacy"])
@pytest.mark.parametrize(("kind", "expected"), SUBMITS.items())
def test_what_a_fault_does_to_a_submit(studio, kind: str, expected: tuple[str, str], api: str) -> None:
    if (api, kind) == ("unified", "key_refused"):  # an empty reply: by the balance, the key is good
        expected = ("once", "uncertain")
    studio.api = api
    studio.emulator.add(Fault("submit", kind, times=1, seconds=0.6))
    (outcome,) = studio.run(studio.jobs(1), settings=studio.settings(read_seconds=0.3))
    assert (outcome.status, studio.emulator.count("submit")) == (expected[1], 2 if expected[0] == "again" else 1)


BREAKS = ("http_500", "http_502_html", "http_429", "html_200", "reset_before", "reset_middle", "hang")
FREE = [(step, kind) for step in ("ticket", "upload", "download") for kind in BREAKS]
FREE.remove(("upload", "html_200"))  # any 2xx of the storage is a success


@pytest.mark.parametrize(("step", "kind"), FREE)
def test_free_steps_are_tried_again(studio, photos, step: str, kind: str) -> None:
    studio.emulator.add(Fault(step, kind, times=2, seconds=0.6))
    jobs = studio.with_references(studio.jobs(1), photos[:1])
    outcomes = studio.run(jobs, settings=studio.settings(read_seconds=0.3, upload_seconds=0.3))
    studio.assert_right(outcomes)
    assert studio.emulator.count("submit") == 1
    assert studio.emulator.count(step) == 3


def test_free_steps_are_tried_so_often_and_no_more(studio, photos) -> None:
    studio.emulator.add(Fault("ticket", "http_500"))
    studio.run(studio.with_references(studio.jobs(1), photos[:1]), backoff=Backoff(tries=3, first=0.01))
    assert studio.emulator.count("ticket") == 3


def test_pictures_go_along_with_the_requests_where_no_upload_can_be_had(studio, photos) -> None:
    studio.emulator.add(Fault("ticket", "http_500"))
    jobs = plan(["a", "b"], photos[:3], model=FAST)
    studio.assert_right(studio.run(jobs, concurrency=1, backoff=Backoff(tries=2, first=0.01)))
    sent = {url[:11] for task in studio.emulator.tasks.values() for url in task.urls}
    assert sent == {"data:image/"} and studio.emulator.count("ticket") <= 6
    studio.emulator.clear_faults()
    with studio.ledger() as ledger:
        assert estimate(jobs, ledger, output=studio.output).reused == 6


def test_a_submit_that_is_refused_for_now_is_sent_so_often_and_no_more(studio) -> None:
    studio.emulator.add(Fault("submit", "http_429"))
    (outcome,) = studio.run(studio.jobs(1), backoff=Backoff(tries=3, first=0.01))
    assert outcome.status == "failed" and isinstance(outcome.error, RateLimited)
    assert studio.emulator.count("submit") == 3
    assert studio.emulator.charged == 0


def test_what_can_never_be_kept_is_fetched_once(studio) -> None:
    (outcome,) = studio.run(studio.jobs(1), settings=studio.settings(max_result_mb=0.001))
    assert outcome.status == "failed" and isinstance(outcome.error, DownloadError)
    assert studio.emulator.count("download") == 1
    assert f"Task {outcome.task_id} is paid" in str(outcome.error)


def test_a_picture_that_is_refused_here_sends_nothing(studio, tmp_path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(BadPicture):
        Reference.from_file(tmp_path / "empty.png")
    assert not studio.emulator.received


def test_waiting_grows_to_its_limit_with_jitter_and_heeds_retry_after() -> None:
    backoff = Backoff(first=0.4, longest=15.0)
    for failures in range(1, 12):
        full = min(0.4 * 2 ** (failures - 1), 15.0)
        waits = [backoff.wait(failures) for _ in range(200)]
        assert full / 2 <= min(waits) <= max(waits) <= full
        assert len(set(waits)) > 100
    assert backoff.wait(1, 30.0) == 30.0
    assert backoff.wait(20, 0.0) <= 15.0
