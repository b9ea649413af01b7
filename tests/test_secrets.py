"""Nobody sees the key, nor the token of an upload: not on disk, on screen, in a log, an error, a report or a ledger."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
import traceback
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from grsai import engine
from grsai.client import GrsaiClient
from grsai.emulator import Emulator, Fault
from grsai.engine.retry import Backoff
from grsai.errors import GrsaiError
from grsai.jobs import plan
from grsai.models import Catalogue
from grsai.pictures import Encoded
from grsai.redact import HIDDEN, guard_http_logs, redact
from grsai.report.gallery import write_gallery
from grsai.report.report import as_object, summary, write_report
from grsai.settings import load

KEY = "sk-" + "0123456789abcdef" * 2
QINIU = "vIqzLjFd2mbGTzP5bLx0aQtKcYwHe7sR4nUoMi3-:lT6JpQ0v_8c1XkZbN5rEoWy2aHs=:eyJzY29wZSI6ImdyczpmaWxlIiwiZGVhZGxpbmUiOjE3MDB9"
FAST = Catalogue().with_rows({"nano-banana-fast": {"seconds": 0.1}}).named("nano-banana-fast")


def tokens(emulator: Emulator) -> list[str]:
    """Every upload token that the emulator gave."""
    return list(emulator.tokens)


def shapes(secret: str) -> list[str]:
    """A secret as it may be found: itself, most of it, and as base64."""
    return [secret, secret[3:], secret[4:20], base64.b64encode(secret.encode()).decode().rstrip("=")]


def found_in(text: str | bytes, secrets: list[str]) -> list[str]:
    content = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return [secret for secret in secrets for shape in shapes(secret) if shape.encode() in content]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that any logger says, from the finest level on."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(pathname)s %(funcName)s %(message)s"))
    root, before = logging.getLogger(), logging.getLogger().level
    loggers = [logging.getLogger(name) for name in ("urllib3", "requests", "grsai", "filelock", "asyncio", "PIL")]
    levels = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in (root, *loggers):
        logger.setLevel(1)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def every_fault(emulator: Emulator) -> None:
    for step in ("ticket", "upload", "poll", "download"):
        for kind in ("http_500", "http_502_html", "html_200", "reset_middle", "short_body"):
            emulator.add(Fault(step, kind, share=0.05))
    for kind in ("reset_after", "http_500", "html_200", "redirect", "unparsable", "task_error", "task_output_moderation"):
        emulator.add(Fault("submit", kind, share=0.08))


def test_a_whole_run_with_debug_logging_leaves_key_and_tokens_nowhere(studio, photos, log, capfd) -> None:
    every_fault(studio.emulator)
    jobs = plan(["a", "b", "c"], photos[:5], model=FAST)
    outcomes = studio.run(jobs, concurrency=8, settings=studio.settings(retries=1))
    studio.emulator.clear_faults()
    outcomes += studio.run(jobs, concurrency=8)
    outcomes += studio.run(jobs, output=studio.folder / "copies")
    write_report(outcomes, folder=studio.output, seconds=1.0)
    write_gallery(outcomes, folder=studio.output, seconds=1.0, language="en")
    studio.collect()

    secrets = [KEY, *tokens(studio.emulator)]
    assert len(secrets) > 5
    said = log.getvalue()
    assert "getCredits?apikey=" + HIDDEN in said, "the log is there and is redacted"
    assert "newUploadTokenZH" in said
    assert found_in(said, secrets) == []
    screen = capfd.readouterr()
    assert found_in(screen.out + screen.err, secrets) == []
    files = [path for path in studio.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".sqlite3", ".journal", ".png", ".json", ".html"}
    for path in files:
        assert found_in(path.read_bytes(), secrets) == [], path
    for outcome in outcomes:
        assert found_in(repr(outcome) + str(outcome.error), secrets) == []
    assert found_in(summary(outcomes, seconds=1.0) + json.dumps(as_object(outcomes, seconds=1.0)), secrets) == []
    assert found_in("".join(map(repr, studio.events)), secrets) == []


def test_the_command_leaves_key_and_tokens_nowhere(studio, photos) -> None:
    every_fault(studio.emulator)
    studio.furnish(["a", "b"], photos[:2])
    said = ""
    for arguments in ((), ("collect",), ("history", "--json"), ("balance",), ("config",)):
        process = studio.command(*arguments, "--verbose")
        out, err = process.communicate(timeout=60)
        said += out + err
    secrets = [KEY, *tokens(studio.emulator)]
    assert "service 127.0.0.1" in said
    assert found_in(said, secrets) == []
    for path in studio.folder.rglob("*"):
        assert not path.is_file() or found_in(path.read_bytes(), secrets) == [], path


def test_the_key_goes_to_the_api_and_nowhere_else(studio, photos) -> None:
    studio.emulator.add(Fault("download", "redirect", times=2))
    studio.assert_right(studio.run(plan(["a", "b"], photos[:3], model=FAST)))
    for seen in studio.emulator.received:
        has_key = found_in(json.dumps(seen.headers) + json.dumps(seen.body), [KEY]) != []
        assert has_key == (seen.step in ("ticket", "submit", "poll", "credits")), seen
    assert not studio.emulator.leaks


@pytest.mark.parametrize("api", ["legacy", "unified"])
def test_a_picture_that_goes_along_is_in_no_log_and_no_error(server, log, api) -> None:
    """Nor are the prompt and the key."""
    settings = load({"api_key": KEY, "base_url": server.url}, environment={})
    with GrsaiClient(settings) as client:
        inline = client.inline(Encoded(b"\x89PNG" + bytes(range(200)), "png"))
        server.will_say({"code": -1, "msg": f"bad image {inline}, prompt: my secret plan"})
        with pytest.raises(GrsaiError) as caught:
            client.submit(model="m", prompt="my secret plan", urls=[inline], aspect_ratio="auto", image_size=None, api=api)
    packed = inline.partition(",")[2][:40]
    assert packed in server.seen[0].body.decode(), "it was sent"
    assert packed not in str(caught.value) + log.getvalue() + redact(inline)
    assert found_in(log.getvalue(), [KEY]) == [] and "nano-banana" in log.getvalue() + " nano-banana" * (api == "unified")


# What the service says


ECHOES = [
    (200, {"code": -1, "data": None, "msg": f"apikey {KEY} not found"}),
    (200, {"code": -1, "data": None, "msg": f"bad request: Authorization: Bearer {KEY}"}),
    (400, {"error": f"wrong key {KEY}"}),
    (401, {"error": f"{KEY}"}),
    (500, f"Traceback: key={KEY}"),
    (200, f"<html>{KEY}</html>"),
    (302, ""),
]


@pytest.mark.parametrize(("status", "body"), ECHOES)
def test_a_service_that_repeats_the_key_is_not_quoted(server, log, status: int, body: Any) -> None:
    server.will_say(body, status, Location=f"https://elsewhere.example/?apikey={KEY}")
    settings = load({"api_key": KEY, "base_url": server.url}, environment={})
    with GrsaiClient(settings) as client:
        for call in (
            lambda: client.submit(model="m", prompt="p", urls=[], aspect_ratio="auto", image_size=None),
            lambda: client.poll("14-x"),
            client.credits,
        ):
            with pytest.raises(GrsaiError) as caught:
                call()
            error = caught.value
            for language in ("en", "zh"):
                assert found_in(error.say(language), [KEY]) == []
            shown = [str(error), repr(error), *traceback.format_exception(error), repr(error.args)]
            assert found_in("".join(shown), [KEY]) == []
            logging.getLogger("test").exception("it went wrong", exc_info=error)
    assert found_in(log.getvalue(), [KEY]) == []


# What `Settings` takes as a key, and `redact` cannot know by its shape.
ODD_KEYS = ["abcdefgh12345678", "sk_live_0123456789", "key:with=odd&signs/+%", "sk-short12"]
IN_A_TASK = {"code": 0, "data": {"id": "14-x", "status": "failed", "failure_reason": "no {key}", "error": {"why": "{key}"}}}


@pytest.mark.parametrize("key", [KEY, KEY.upper(), *ODD_KEYS])
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, '{"code": -1, "data": null, "msg": "apikey {key} not found"}'),
        (200, 'data: {"code": -4, "error": "{key}"}\n\n'),
        (400, '{"error": {"message": "wrong key {key}"}}'),
        (200, json.dumps(IN_A_TASK)),
        (200, "<html>" + " " * 40 + "{key}</html>"),
    ],
    ids=["msg", "stream", "status", "task", "HTML"],
)
def test_a_key_of_any_shape_is_not_quoted(server, key: str, status: int, text: str) -> None:
    server.will_say(text.replace("{key}", key), status)
    shown: list[object] = []
    with GrsaiClient(load({"api_key": key, "base_url": server.url}, environment={})) as client:
        for call in (lambda: client.poll("14-x"), lambda: client.model_status("m"), client.credits):
            try:
                shown.append(call())
            except GrsaiError as error:
                shown += [vars(error), error.say("zh"), *traceback.format_exception(error)]
    assert len(shown) >= 3
    assert key[:12] not in "".join(map(str, shown)) and key[:12] not in repr(shown)


@pytest.mark.parametrize(("api", "submit"), [("unified", "/v1/api/generate"), ("legacy", "/v1/draw/nano-banana")])
def test_a_run_with_a_service_that_repeats_key_and_token_leaves_them_nowhere(
    server, studio, photos, log, capfd, api: str, submit: str
) -> None:
    told = f"it was {KEY}, Bearer {KEY}, token={QINIU}, {QINIU}"
    ticket = {"token": QINIU, "key": "a.png", "url": f"{server.url}/storage", "domain": server.url}
    for body, status in (
        (told, 500),  # the balance: of the key
        (told, 500),  # and of the account
        ({"code": 0, "data": ticket}, 200),
        (told, 500),  # the storage
        ({"code": 0, "data": ticket}, 200),
        ("", 200),
        ({"code": -1, "data": None, "msg": told}, 200),  # the submit of the first prompt
        ({"code": 0, "data": {"id": "14-x"}, "msg": told}, 200),  # and of the second
        ({"code": -1, "data": None, "msg": told}, 200),  # its polls
        ({"code": 0, "data": {"id": "14-x", "status": "failed", "failure_reason": "error", "error": told}}, 200),
    ):
        server.will_say(body, status, X_Told=told)
    settings = studio.settings(base_url=server.url, retries=0, api=api)
    outcomes = studio.run(plan(["a", "b"], photos[:1], model=FAST), settings=settings, concurrency=1)
    assert {(outcome.status, outcome.task_id) for outcome in outcomes} == {("failed", None), ("failed", "14-x")}
    write_report(outcomes, folder=studio.output, seconds=1.0)
    write_gallery(outcomes, folder=studio.output, seconds=1.0, language="zh")

    files = [path for path in studio.folder.rglob("*") if path.is_file()]
    left = {str(path): path.read_bytes() for path in files}
    shown = repr([outcomes, studio.events, [vars(outcome.error) for outcome in outcomes]]) + summary(outcomes, seconds=1.0)
    assert HIDDEN in shown and len(files) >= 4
    left |= {"shown": shown.encode(), "log": log.getvalue().encode(), "screen": "".join(capfd.readouterr()).encode()}
    assert [name for name, content in left.items() if found_in(content, [KEY, QINIU])] == []
    with_key = [seen.path for seen in server.seen if KEY in str(seen.headers) + seen.path + seen.body.decode("latin-1")]
    assert "/storage" not in with_key and submit in with_key


def test_a_task_that_failed_with_the_key_in_its_reason_is_not_quoted(server, studio) -> None:
    server.will_say(
        {"code": 0, "data": {"id": "14-x", "status": "failed", "failure_reason": "error", "error": f"key {KEY} is bad"}}
    )
    settings = load({"api_key": KEY, "base_url": server.url}, environment={})
    with GrsaiClient(settings) as client:
        assert found_in(repr(client.poll("14-x")), [KEY]) == []


def test_a_network_error_says_no_address_with_the_key(log) -> None:
    settings = load({"api_key": KEY, "base_url": "https://grsai.invalid", "proxy": False}, environment={})
    with GrsaiClient(settings) as client, pytest.raises(GrsaiError) as caught:
        client.credits()
    assert found_in("".join(traceback.format_exception(caught.value)) + log.getvalue(), [KEY]) == []


def test_the_token_of_an_upload_is_in_no_error(studio, photos, log) -> None:
    for kind in ("http_500", "http_502_html", "reset_middle", "not_found", "hang"):
        studio.emulator.clear_faults()
        studio.emulator.add(Fault("upload", kind, seconds=1))
        settings = studio.settings(upload_seconds=0.2)
        with studio.ledger() as ledger, pytest.raises(GrsaiError) as caught:
            engine.upload(photos[:1], settings=settings, ledger=ledger, backoff=Backoff(tries=2, first=0.01))
        shown = "".join(traceback.format_exception(caught.value))
        assert found_in(shown, tokens(studio.emulator)) == []
    assert tokens(studio.emulator) and found_in(log.getvalue(), tokens(studio.emulator)) == []


# What the user does with it


def test_the_settings_do_not_show_the_key() -> None:
    settings = load({"api_key": KEY}, environment={})
    assert settings.key.reveal() == KEY
    for shown in (
        repr(settings),
        str(settings),
        repr(settings.key),
        f"{settings.key}",
        f"{settings.key!r}",
        repr(vars(settings)),
    ):
        assert found_in(shown, [KEY]) == []
    assert settings.key.last4 in repr(settings.key)


@pytest.mark.parametrize("wrong", [KEY + " x", "sk- " + KEY, f"Bearer {KEY}", f"{KEY}\nsk-"])
def test_a_key_that_is_none_is_refused_without_showing_it(wrong: str) -> None:
    with pytest.raises(GrsaiError) as caught:
        load({"api_key": wrong}, environment={})
    assert found_in("".join(traceback.format_exception(caught.value)), [KEY]) == []


def test_a_prompt_with_the_key_in_it_does_not_carry_it_into_ledger_and_report(studio) -> None:
    outcomes = studio.run(plan([f"my key is {KEY}"], model=FAST))
    studio.assert_right(outcomes)  # it is the user's own text, and it is sent as it is
    for path in studio.folder.rglob("*.sqlite3*"):
        assert found_in(path.read_bytes(), [KEY]) == [], path
    assert found_in((studio.folder / "ledger.journal").read_bytes(), [KEY]) == []


# The redaction itself


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {KEY}",
        f"{{'Authorization': 'Bearer {KEY}'}}",
        f"https://grsaiapi.com/client/common/getCredits?apikey={KEY}",
        f"https://grsaiapi.com/client/common/getCredits?a=1&apikey={KEY}&b=2",
        f'{{"apiKey": "{KEY}"}}',
        f'{{"apiKey":"{KEY}"}}',
        f"the key {KEY}.",
        f"({KEY})",
        KEY.upper(),
        f"x={KEY}\n{KEY}",
    ],
)
def test_the_key_is_hidden_wherever_it_stands(text: str) -> None:
    assert found_in(redact(text).lower(), [KEY]) == []
    assert HIDDEN in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        f"token={QINIU}",
        f'{{"token": "{QINIU}", "key": "x.png"}}',
        f"the token was {QINIU} then",
        f"https://up.example/?token={QINIU}&key=1",
        f"https://files.example/x.png?e=1700000000&token={QINIU}",
        f"https://files.example/x.png?X-Amz-Signature={QINIU}",
    ],
)
def test_a_signed_token_is_hidden_wherever_it_stands(text: str) -> None:
    assert found_in(redact(text), [QINIU]) == []


@pytest.mark.parametrize(
    "text",
    [
        "a red car at 12:30:45",
        "Task 14-5f3cf761-a4bb-486a-8016-77f490998f80 failed: google gemini timeout...",
        "https://file1.aitohumanize.com/file/0123456789abcdef0123456789abcdef.png",
        "C:\\Users\\somebody\\Pictures\\task-list\\a.png",
        "the ask-me-anything of risk-averse-and-other-people",
        "放在雪地里，sk-8 滑板",
        "0b0e8a3d9a0d4f1c8e7b6a5d4c3b2a1908f7e6d5c4b3a29180f1e2d3c4b5a697",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_a_secret_of_any_shape_is_hidden_where_it_is_named() -> None:
    assert redact("the word is xyzzy", "xyzzy") == f"the word is {HIDDEN}"


def test_hiding_takes_time_that_is_linear_in_the_text() -> None:
    for text in ("x" * 400_000, "a:" * 200_000, "sk-" * 130_000, "中" * 400_000, "token=" * 60_000, 'token":' * 60_000):
        begun = time.monotonic()
        redact(text)
        assert time.monotonic() - begun < 2.0, text[:10]


def test_the_debug_lines_of_urllib3_are_hidden_without_a_client(server, log) -> None:
    server.will_say({})
    guard_http_logs()
    guard_http_logs()
    requests.get(f"{server.url}/client/common/getCredits?apikey={KEY}", timeout=5)
    assert f"apikey={HIDDEN}" in log.getvalue() and found_in(log.getvalue(), [KEY]) == []


def test_a_picture_is_kept_bit_for_bit_and_nothing_is_written_into_it(studio) -> None:
    (outcome,) = studio.run(plan(["a"], model=FAST))
    with urllib.request.urlopen(outcome.urls[0], timeout=5) as reply:
        assert outcome.file.read_bytes() == reply.read()
