"""Grsai over HTTP."""

from __future__ import annotations

from .client import GrsaiClient as GrsaiClient
from .client import ModelStatus as ModelStatus
from .client import Task as Task
from .client import surely_not_sent as surely_not_sent
