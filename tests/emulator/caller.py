"""A user of the API, with nothing but `requests`, and what the tests of the emulator look at."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from grsai.emulator import Emulator

KEY = "sk-" + "0123456789abcdef" * 2
ROOT = Path(__file__).resolve().parents[2]
TICKET, SUBMIT, RESULT = "/client/resource/newUploadTokenZH", "/v1/draw/nano-banana", "/v1/draw/result"
GENERATE, UNIFIED_RESULT = "/v1/api/generate", "/v1/api/result"
NETWORK_ERRORS = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


class Caller:
    """A user of the API: one session, one key."""

    def __init__(self, emulator: Emulator, key: str = KEY) -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env = False
        self.auth = {"Authorization": f"Bearer {key}"}

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.session.post(self.emulator.url + path, json=body, headers=self.auth, **{"timeout": 10, **options})

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.session.get(url, timeout=10, **options)

    def upload(self, content: bytes, suffix: str = "png") -> str:
        ticket = self.post(TICKET, {"sux": suffix}).json()["data"]
        form = {"token": ticket["token"], "key": ticket["key"]}
        assert self.session.post(ticket["url"], data=form, files={"file": content}, timeout=10).ok
        return f"{ticket['domain']}/{ticket['key']}"

    def order(self, prompt: str = "a banana", **fields: Any) -> requests.Response:
        """A submit that asks for the id at once."""
        return self.post(SUBMIT, {"model": "nano-banana-fast", "prompt": prompt, "webHook": "-1", **fields})

    def submit(self, prompt: str = "a banana", **fields: Any) -> str:
        return self.order(prompt, **fields).json()["data"]["id"]

    def poll(self, task_id: str) -> dict[str, Any]:
        reply = self.post(RESULT, {"id": task_id})
        assert reply.status_code == 200
        return reply.json()

    def outcome(self, task_id: str) -> dict[str, Any]:
        end = time.monotonic() + 10
        while (view := self.poll(task_id)["data"])["status"] == "running":
            assert time.monotonic() < end
            time.sleep(0.01)
        return view

    def generate(self, prompt: str = "a banana", **fields: Any) -> requests.Response:
        """A submit of the unified generation that asks for the id at once."""
        return self.post(GENERATE, {"model": "nano-banana-fast", "prompt": prompt, "replyType": "async", **fields})

    def result(self, task_id: str) -> requests.Response:
        return self.get(self.emulator.url + UNIFIED_RESULT, params={"id": task_id}, headers=self.auth)

    def unified_outcome(self, task_id: str) -> requests.Response:
        end = time.monotonic() + 10
        while (reply := self.result(task_id)).json()["status"] == "running":
            assert time.monotonic() < end
            time.sleep(0.01)
        return reply

    def unified_picture(self, prompt: str = "a banana", **fields: Any) -> bytes:
        return self.get(self.unified_outcome(self.generate(prompt, **fields).json()["id"]).json()["results"][0]["url"]).content

    def picture(self, prompt: str = "a banana", **fields: Any) -> bytes:
        view = self.outcome(self.submit(prompt, **fields))
        return self.get(view["results"][0]["url"]).content


def png(colour: str = "red", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def events(body: bytes) -> list[Any]:
    lines = [line for line in body.decode().splitlines() if line]
    assert all(line.startswith("data: ") for line in lines)
    return [line[6:] if line == "data: [DONE]" else json.loads(line[6:]) for line in lines]


def finished(caller: Caller) -> str:
    task_id = caller.submit()
    caller.outcome(task_id)
    return task_id
