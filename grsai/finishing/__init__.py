"""Finishing: from the pictures that came to files that a shop takes. Originals stay bit for bit."""

from __future__ import annotations

from .finish import Finish as Finish
from .finish import finish_of as finish_of
from .folder import FinishedFile as FinishedFile
from .folder import Finisher as Finisher
from .folder import finish_all as finish_all
from .folder import finished_files as finished_files
from .folder import originals_in as originals_in
from .presets import PRESETS as PRESETS
