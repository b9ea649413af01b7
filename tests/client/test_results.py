"""A picture that is there is fetched, wherever and in whatever form its reply tells of it."""

from __future__ import annotations

import base64
import io
from typing import Any, get_args

import pytest
from PIL import Image

from grsai.client import GrsaiClient
from grsai.client.addresses import addresses
from grsai.errors import DownloadError, TooLarge
from grsai.models import Api
from grsai.pictures import Encoded
from tests.client.caller import OK, TASK, settings_for, submit

APIS = get_args(Api)
SERVER = "http://127.0.0.1"


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((40, 30), 90).convert("RGB").save(file, kind)
    return file.getvalue()


def urls(client: GrsaiClient, server: Any, api: Api, **told: Any) -> tuple[str, ...]:
    server.will_say({**OK, "data": {"id": TASK, "status": "succeeded", "progress": 100, **told}})
    return client.poll(TASK, api=api).urls


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("  https://x/1.png\n", "https://x/1.png"),
        ("HTTPS://X/1.png", "https://X/1.png"),
        ("//x.example/1.png", "https://x.example/1.png"),
        ("x.example/file/1.png", "https://x.example/file/1.png"),
        ("/file/1.png", "{server}/file/1.png"),
        ("file/1.png?e=1", "{server}/file/1.png?e=1"),
        ("1.webp", "{server}/1.webp"),
        ("![picture](https://x/1.png)", "https://x/1.png"),
        ("https://x/a b(1).png", "https://x/a b(1).png"),
    ],
)
def test_an_address_is_read_in_every_form(client: GrsaiClient, server, api: Api, told: str, expected: str) -> None:
    expected = expected.replace("{server}", server.url)
    for form in (
        {"results": [{"url": told, "content": ""}]},
        {"results": [{"url": "", "content": told}]},
        {"results": [told]},
        {"results": {"url": told}},
        {"results": [{"image_url": {"url": told}}]},
        {"results": [], "url": told},
        {"images": [{"url": told}]},
        {"output": told},
    ):
        server.replies.clear()
        assert urls(client, server, api, **form) == (expected,), form


@pytest.mark.parametrize(
    "told", ["file:///etc/passwd", "javascript:alert(1)", "none", "None", "", None, 7, "data:,x", "data:text/html,x", "a b"]
)
def test_what_is_no_address_is_no_picture(client: GrsaiClient, server, told: Any) -> None:
    assert urls(client, server, "legacy", results=[{"url": told, "content": told}]) == ()


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_within_the_reply_is_kept_bit_for_bit(client: GrsaiClient, server, api: Api, kind: str) -> None:
    content = picture(kind)
    plain = base64.b64encode(content).decode()
    for told in (
        {"content": plain},
        {"url": "", "content": f"data:image/{kind.lower()};base64,{plain}"},
        {"url": f"DATA:image/png;base64,{plain}"},
        {"b64_json": plain},
        {"content": base64.urlsafe_b64encode(content).decode().rstrip("=")},
        {"content": base64.encodebytes(content).decode()},
        {"content": f"![here](data:image/png;base64,{plain})"},
    ):
        server.replies.clear()
        (url,) = urls(client, server, api, results=[told])
        assert url.startswith("data:image/")
        file = io.BytesIO()
        assert client.download(url, file) == len(content)
        assert file.getvalue() == content, told


def test_a_picture_within_the_reply_has_the_same_limit(server) -> None:
    with GrsaiClient(settings_for(server.url, max_result_mb=0.001)) as client:
        (url,) = urls(client, server, "legacy", results=[{"content": base64.b64encode(picture("PNG")).decode()}])
        with pytest.raises(TooLarge):
            client.download(url, io.BytesIO())


@pytest.mark.parametrize("url", ["data:image/png;base64,iVBORw0KGgo!!!", "data:image/png;base64,iVBOR", "data:,"])
def test_a_picture_within_the_reply_that_is_broken_is_an_error_of_ours(client: GrsaiClient, url: str) -> None:
    if url == "data:,":
        assert client.download(url, io.BytesIO()) == 0  # the check of the file finds that it is none
        return
    with pytest.raises(DownloadError):
        client.download(url, io.BytesIO())


def test_a_picture_within_the_reply_is_kept_as_a_file_and_nowhere_else(server, studio) -> None:
    content = picture("PNG")
    packed = base64.b64encode(content).decode()
    for _ in ("of the key", "of the account"):
        server.will_say({**OK, "data": {"credits": 1_000_000}})
    server.will_say({**OK, "data": {"id": TASK}})
    server.will_say({**OK, "data": {"id": TASK, "status": "succeeded", "progress": 100, "results": [{"content": packed}]}})
    (outcome,) = studio.run(studio.jobs(1), settings=studio.settings(base_url=server.url))
    assert outcome.file is not None and outcome.file.read_bytes() == content and outcome.urls == ()
    others = [path for path in studio.folder.rglob("*") if path.is_file() and path != outcome.file]
    assert len(others) >= 2 and not [path for path in others if packed[200:240].encode() in path.read_bytes()]


def test_a_host_of_results_is_asked_for_what_is_kept(client: GrsaiClient, server) -> None:
    server.will_say(b"x")
    client.download(f"{server.url}/x.png", io.BytesIO())
    assert server.seen[0].headers["Accept"] == "image/png,image/jpeg,image/webp"


@pytest.mark.parametrize("api", APIS)
def test_a_reference_can_go_along_within_the_request(client: GrsaiClient, server, api: Api) -> None:
    server.will_say({**OK, "data": {"id": TASK}})
    inline = client.inline(Encoded(b"\x89PNG", "png"))
    assert inline == "data:image/png;base64,iVBORw=="
    submit(client, api=api, urls=[inline])
    assert inline.encode() in server.seen[0].body


@pytest.mark.parametrize(
    "results",
    [
        '[{"url": "https://a.example/1.png"}]',
        '{"url": "https://a.example/1.png"}',
        {"0": {"url": "https://a.example/1.png"}},
        [{"url": "https://a.example/1.png"}] * 3,
    ],
    ids=["a list as text", "an object as text", "numbered", "the same three times"],
)
def test_results_in_other_forms_are_the_one_picture(results: Any) -> None:
    assert addresses({"results": results}, "https://grsai.example") == ("https://a.example/1.png",)
