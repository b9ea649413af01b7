"""What comes after a run: looking, judging, making again, picking."""

from __future__ import annotations

from .verdicts import Verdict as Verdict
from .verdicts import judge as judge
from .verdicts import name_of as name_of
from .verdicts import verdicts_of as verdicts_of
