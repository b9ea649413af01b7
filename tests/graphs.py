"""Our nodes as they stand in a prompt of ComfyUI's API: every required input, with the values of a fresh node."""

from __future__ import annotations

from typing import Any


def batch_inputs(prompts: Any = "a red boat", **inputs: Any) -> dict[str, Any]:
    values = {"pairing": "product", "concurrency": 5, "seed": 0, "on_failure": "keep going", "budget": 0.0}
    return {"prompts": prompts, **values, "filename_prefix": "banana/Task", **_model(), **inputs}


def generate_inputs(prompt: Any = "a red boat", **inputs: Any) -> dict[str, Any]:
    return {"prompt": prompt, "count": 1, "seed": 0, **_model(), **inputs}


def batch(prompts: Any = "a red boat", **inputs: Any) -> dict[str, Any]:
    return {"class_type": "BatchBanana", "inputs": batch_inputs(prompts, **inputs)}


def generate(prompt: Any = "a red boat", **inputs: Any) -> dict[str, Any]:
    return {"class_type": "NanoBananaGenerate", "inputs": generate_inputs(prompt, **inputs)}


def folder(folder: Any = "banana_demo/image", prompts_file: Any = "") -> dict[str, Any]:
    return {"class_type": "LoadBananaFolder", "inputs": {"folder": folder, "prompts_file": prompts_file}}


def sheet(file: Any = "banana_demo/jobs.csv") -> dict[str, Any]:
    return {"class_type": "LoadBananaSheet", "inputs": {"file": file}}


def save(node_id: str, name: str = "saved") -> dict[str, Any]:
    return {"class_type": "SaveImage", "inputs": {"images": [node_id, 0], "filename_prefix": name}}


def _model() -> dict[str, str]:
    return {"model": "nano-banana-fast", "model.aspect_ratio": "auto"}
