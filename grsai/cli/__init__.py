"""The command."""

from __future__ import annotations

from .main import main as main
