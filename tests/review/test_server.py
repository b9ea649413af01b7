"""The page's server: nothing without the secret, no path from a browser, verdicts on disk when it answers."""

from __future__ import annotations

import http.client
import json
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from grsai.ledger import Ledger
from grsai.review import verdicts_of
from grsai.review.album import Album

from .conftest import Page

ADDRESSES = (
    "",
    "state",
    "pictures",
    "picture/0123456789abcdef",
    "thumbnail/x",
    "source/x/0",
    "events",
    "nothing",
    "../../etc/passwd",
)


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("secret", ["", "wrong"])
def test_without_the_secret_every_address_answers_403(page: Page, path: str, secret: str) -> None:
    status, _, body = page.ask(path, secret=secret)
    assert status == 403
    assert b"snow" not in body and b"Task_" not in body


@pytest.mark.parametrize("path", ["verdict", "redo/estimate", "make", "stop"])
def test_without_the_secret_nothing_is_changed(page: Page, ledger: Ledger, path: str) -> None:
    (first, *_) = page.pictures()
    status, _, _ = page.ask(path, {"verdicts": [{"id": first["id"], "verdict": "keep"}]}, secret="")
    assert status == 403
    assert not ledger.remarks("verdict")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Host": "[::1"},
    ],
    ids=str,
)
def test_other_origins_are_refused_with_the_secret_too(page: Page, headers: dict[str, str]) -> None:
    for path in ("", "pictures", "nothing"):
        assert page.ask(path, headers=headers)[0] == 403


def test_the_page_itself_is_let_in(page: Page) -> None:
    status, headers, body = page.ask("", headers={"Origin": page.root, "Sec-Fetch-Site": "same-origin"})
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert headers["Referrer-Policy"] == "no-referrer" and headers["X-Frame-Options"] == "DENY"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(page.url, timeout=10) as reply:  # as it is printed
        assert reply.read() == body


def test_it_shows_the_pictures_of_the_folder_in_order(page: Page, six: list[Any]) -> None:
    said = page.get("pictures?limit=4")
    rest = page.get(f"pictures?limit=4&offset={said['next']}")
    cards = said["pictures"] + rest["pictures"]
    assert (said["total"], said["next"], rest["next"]) == (6, 4, None)
    assert [card["name"] for card in cards] == [outcome.job.name for outcome in six]
    assert [card["prompt"] for card in cards] == ["in the snow", "at night"] * 3
    assert {card["price"] for card in cards} == {"¥0.044"}
    assert [card["number"] for card in cards] == list("123456")


def test_a_picture_comes_by_its_id_bit_for_bit(page: Page, six: list[Any]) -> None:
    for card, outcome in zip(page.pictures(), six, strict=True):
        status, headers, body = page.ask(card["after"])
        assert (status, headers["Content-Type"]) == (200, "image/png")
        assert body == outcome.file.read_bytes()
        assert page.ask(card["before"])[2] == outcome.job.source.read_bytes()


def test_thumbnails_are_small_and_those_of_the_gallery(page: Page, studio: Any) -> None:
    card = page.pictures()[0]
    for name in ("after_small", "before_small"):
        status, headers, body = page.ask(card[name])
        assert (status, headers["Content-Type"]) == (200, "image/jpeg")
        assert body in [file.read_bytes() for file in (studio.output / "thumbnails").iterdir()]


@pytest.mark.parametrize(
    "wanted", ["picture/{}", "picture/..%2f..%2fetc%2fpasswd", "source/{id}/7", "source/{id}/-1", "finished/{id}"]
)
def test_what_is_not_there_is_not_found(page: Page, wanted: str) -> None:
    status, _, _ = page.ask(wanted.format("0" * 16, id=page.pictures()[0]["id"]))
    assert status in (400, 404)


def test_a_verdict_is_on_disk_when_it_answers(page: Page, ledger: Ledger, studio: Any) -> None:
    first, second, *_ = page.pictures()
    said = page.post(
        "verdict", verdicts=[{"id": first["id"], "verdict": "keep"}, {"id": second["id"], "verdict": "reject", "stars": 2}]
    )
    assert said["verdicts"][0] == {"id": first["id"], "verdict": "keep", "stars": 0, "note": ""}
    assert said["counts"] == {"total": 6, "kept": 1, "rejected": 1, "open": 4, "redo": 1}
    assert f'"{first["task"]}/1"' in studio.ledger_path.with_suffix(".journal").read_text("utf-8")
    said = page.post("verdict", verdicts=[{"id": second["id"], "note": "too dark"}])
    assert said["verdicts"] == [{"id": second["id"], "verdict": "reject", "stars": 2, "note": "too dark"}]
    found = verdicts_of(ledger, [f"{second['task']}/1"])
    assert [(each.verdict, each.stars, each.note) for each in found.values()] == [("reject", 2, "too dark")]
    page.judge({second["id"]: ""})
    assert page.get("state")["counts"]["rejected"] == 0


def test_two_words_at_once_are_both_kept(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Album.judge

    def slowly(album: Album, said: Any) -> Any:
        time.sleep(0.2)  # another page's word comes meanwhile, if nothing keeps it from it
        return judge(album, said)

    monkeypatch.setattr(Album, "judge", slowly)
    first, *_ = page.pictures()
    words = ({"stars": 4}, {"verdict": "keep"}, {"note": "sharp"})
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda word: page.post("verdict", verdicts=[{"id": first["id"], **word}]), words))
    [said] = page.post("verdict", verdicts=[{"id": first["id"]}])["verdicts"]
    assert said == {"id": first["id"], "verdict": "keep", "stars": 4, "note": "sharp"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"verdicts": [{"id": "0" * 16, "verdict": "keep"}]}, 404),
        ({"verdicts": [{"verdict": "keep"}]}, 404),
        ({"verdicts": "keep"}, 400),
        ({"verdicts": ["keep"]}, 400),
        ({}, 400),
        ([], 400),
    ],
    ids=str,
)
def test_a_wrong_verdict_is_refused_in_both_languages(page: Page, body: Any, status: int) -> None:
    found, _, said = page.ask("verdict", body)
    assert found == status
    assert set(json.loads(said)["error"]) == {"en", "zh"}


def test_one_wrong_verdict_refuses_them_all(page: Page, ledger: Ledger) -> None:
    first, second, *_ = page.pictures()
    verdicts = [{"id": first["id"], "verdict": "keep"}, {"id": second["id"], "stars": 9}]
    assert page.ask("verdict", {"verdicts": verdicts})[0] == 400
    assert not ledger.remarks("verdict")


def test_a_form_of_another_page_cannot_judge(page: Page) -> None:
    status, _, _ = page.ask("verdict", {"verdicts": []}, headers={"Content-Type": "text/plain"})
    assert status == 400


def test_verdicts_are_there_when_the_page_is_opened_again_after_the_folder_moved(
    page: Page, studio: Any, open_page: Callable[..., Page]
) -> None:
    first, second, *_ = page.pictures()
    page.judge({first["id"]: "keep", second["id"]: "reject"})
    studio.output.rename(studio.folder / "elsewhere")
    (studio.folder / "moved").mkdir()
    (studio.folder / "elsewhere").rename(studio.folder / "moved" / "here")
    from grsai.review.album import Album
    from grsai.review.server import ReviewServer

    with studio.ledger() as ledger:
        server = ReviewServer(Album(studio.folder / "moved" / "here", ledger).read(), settings=None)
        again = Page(server.start())
        try:
            assert [card["verdict"] for card in again.pictures()] == ["keep", "reject", "", "", "", ""]
            assert again.ask(again.pictures()[0]["after"])[0] == 200
        finally:
            server.close()


# Events


def events_of(page: Page, last: int = 0) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(page.root.removeprefix("http://"), timeout=10)
    connection.request("GET", f"/events?secret={page.secret}&last={last}")
    return connection, connection.getresponse()


def next_event(stream: http.client.HTTPResponse) -> tuple[str, Any]:
    found: dict[str, str] = {}
    while line := stream.readline().decode().rstrip("\n") or not found:
        if isinstance(line, str) and ": " in line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            found[name] = value
    return found["event"], json.loads(found["data"])


def test_another_page_hears_of_a_verdict(page: Page) -> None:
    connection, stream = events_of(page)
    first = page.pictures()[0]["id"]
    page.judge({first: "keep"})
    kind, said = next_event(stream)
    assert (kind, said["verdicts"][0]["id"], said["counts"]["kept"]) == ("verdicts", first, 1)
    connection.close()


def test_it_ends_at_once_although_a_page_listens(studio: Any, six: list[Any], ledger: Ledger) -> None:
    from grsai.review.album import Album
    from grsai.review.server import ReviewServer

    server = ReviewServer(Album(studio.output, ledger).read(), settings=None)
    page = Page(server.start())
    connection, stream = events_of(page)
    assert server.is_watched()
    begun = time.monotonic()
    server.close()
    assert time.monotonic() - begun < 2
    connection.close()
