"""What the tests of the review share: a folder of six pictures, and its page as a browser asks for it."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from grsai.ledger import Ledger
from grsai.review.album import Album
from grsai.review.server import ReviewServer


@dataclass
class Page:
    """Asks a server as the page does."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def secret(self) -> str:
        return parse_qs(urlsplit(self.url).query)["secret"][0]

    @property
    def root(self) -> str:
        return self.url.partition("/?")[0]

    def ask(
        self, path: str, body: Any = None, *, secret: str | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of what comes back."""
        given = {"X-Secret": self.secret if secret is None else secret, **self.headers, **headers}
        data = None
        if body is not None:
            data, given = json.dumps(body).encode(), {"Content-Type": "application/json", **given}
        request = urllib.request.Request(f"{self.root}/{path}", data, {name: value for name, value in given.items() if value})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as reply:
                return reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get(self, path: str) -> Any:
        status, _, body = self.ask(path)
        assert status == 200, (status, body)
        return json.loads(body)

    def post(self, path: str, **body: Any) -> Any:
        status, _, said = self.ask(path, body)
        assert status == 200, (status, said)
        return json.loads(said)

    def pictures(self) -> list[dict[str, Any]]:
        return self.get("pictures?limit=1000")["pictures"]

    def judge(self, verdicts: Mapping[str, str]) -> Any:
        return self.post("verdict", verdicts=[{"id": id, "verdict": verdict} for id, verdict in verdicts.items()])


@pytest.fixture
def ledger(studio: Any) -> Iterator[Ledger]:
    with studio.ledger() as ledger:
        yield ledger


@pytest.fixture
def six(studio: Any, photos: Any) -> list[Any]:
    """The outcomes of six jobs: three photos with two prompts."""
    from grsai.jobs import plan
    from tests.conftest import MODELS

    copies = studio.folder / "photos"
    copies.mkdir()
    from grsai.pictures import Reference

    references = []
    for photo in photos[:3]:
        file = copies / photo.path.name
        file.write_bytes(photo.path.read_bytes())
        references.append(Reference.from_file(file))
    outcomes = studio.run(plan(["in the snow", "at night"], references, model=MODELS.named("nano-banana-fast")))
    studio.assert_right(outcomes)
    return outcomes


@pytest.fixture
def open_page(studio: Any, ledger: Ledger) -> Iterator[Callable[..., Page]]:
    """Opens the page of the studio's output folder."""
    with contextlib.ExitStack() as stack:

        def open_page(**options: Any) -> Page:
            options = {"settings": studio.settings(), **options}
            server = ReviewServer(Album(studio.output, ledger).read(), **options)
            url = server.start()
            stack.callback(server.close)
            return Page(url)

        yield open_page


@pytest.fixture
def page(six: list[Any], open_page: Callable[..., Page]) -> Page:
    return open_page()
