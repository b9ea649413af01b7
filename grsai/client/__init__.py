"""Grsai over HTTP."""

from __future__ import annotations

from .client import GrsaiClient as GrsaiClient
from .connections import surely_not_sent as surely_not_sent
from .replies import Balance as Balance
from .replies import ListedModel as ListedModel
from .replies import ModelStatus as ModelStatus
from .replies import Task as Task
