"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import ssl
import zlib
from pathlib import Path

PACKAGES = ("requests", "urllib3", "pillow", "numpy", "torch", "aiohttp", "distributed")


def described() -> str:
    """Processor, memory, system and versions as a list in Markdown."""
    libraries = f"SQLite {sqlite3.sqlite_version}, zlib {zlib.ZLIB_RUNTIME_VERSION}, {ssl.OPENSSL_VERSION}"
    rows = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()} on {platform.machine()}",
        "Python": f"{platform.python_version()}, {libraries}",
        "packages": ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name))),
    }
    return "\n".join(f"- {name}: {value}" for name, value in rows.items() if value)


def load() -> float | None:
    """What else the machine was doing: the load of the last minute, where the system counts it."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
    except (AttributeError, OSError, ValueError):
        return ""


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
