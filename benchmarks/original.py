"""The original tool's way: a pool of threads, each uploading, then holding the stream until its picture is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests


def run(url: str, key: str, work: Sequence[tuple[Path, str]], *, workers: int, output: Path) -> None:
    """Makes a picture of each photo and prompt."""
    output.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(workers) as pool:
        made = pool.map(lambda task: _one(url, key, *task[1], output / f"Task_{task[0]}.png"), enumerate(work, 1))
        list(made)


def run_without_pictures(url: str, key: str, prompts: Sequence[str], *, workers: int, output: Path) -> None:
    """Makes a picture of each prompt."""

    def one(number: int) -> None:
        result = _streamed(url, key, prompts[number])
        (output / f"Task_{number}.png").write_bytes(requests.get(result, timeout=120).content)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, range(len(prompts))))


def _one(url: str, key: str, photo: Path, prompt: str, file: Path) -> None:
    result = _streamed(url, key, prompt, _uploaded(url, key, photo))
    file.write_bytes(requests.get(result, timeout=120).content)


def _uploaded(url: str, key: str, photo: Path) -> str:
    headers = {"Authorization": f"Bearer {key}"}
    reply = requests.post(f"{url}/client/resource/newUploadTokenZH", json={"sux": "jpg"}, headers=headers, timeout=30)
    ticket = reply.json()["data"]
    form = {"token": ticket["token"], "key": ticket["key"]}
    requests.post(ticket["url"], data=form, files={"file": photo.read_bytes()}, timeout=120).raise_for_status()
    return f"{ticket['domain']}/{ticket['key']}"


def _streamed(url: str, key: str, prompt: str, *references: str) -> str:
    body = {"model": "nano-banana-fast", "prompt": prompt, "urls": list(references), "aspectRatio": "auto"}
    headers = {"Authorization": f"Bearer {key}"}
    with requests.post(f"{url}/v1/draw/nano-banana", json=body, headers=headers, stream=True, timeout=300) as reply:
        for line in reply.iter_lines():
            if line.startswith(b"data: {") and (task := json.loads(line[6:]))["status"] == "succeeded":
                return task["results"][0]["url"]
    raise RuntimeError("the stream ended without a picture")
