"""A batch over the machines of a Dask cluster. It stands beside the engine: nothing else needs it or loads it.

Here the jobs are handed out, in order and no more at once than may be open; on a worker each goes its whole way, from the claim
in the ledger to the file. What a lost worker leaves is begun again on another, where the ledger tells what is paid.
"""

from __future__ import annotations

from .connecting import connected as connected
from .place import Place as Place
from .place import place_of as place_of
from .run import run as run
