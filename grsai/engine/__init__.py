"""The engine: what makes the pictures of many jobs at once, fetches what was paid, and says what a run would cost."""

from __future__ import annotations

from .collect import Collected as Collected
from .collect import collect as collect
from .gate import Gate as Gate
from .price import Estimate as Estimate
from .price import estimate as estimate
from .progress import Event as Event
from .progress import OnEvent as OnEvent
from .progress import Snapshot as Snapshot
from .retry import Backoff as Backoff
from .run import gate_of as gate_of
from .run import run as run
from .run import upload as upload
