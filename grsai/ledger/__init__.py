"""What was uploaded, submitted and received."""

from __future__ import annotations

from .entries import OFFLINE as OFFLINE
from .entries import TASK_SECONDS as TASK_SECONDS
from .entries import Entry as Entry
from .entries import service_of as service_of
from .ledger import Allow as Allow
from .ledger import Ledger as Ledger
from .ledger import OfflineLedger as OfflineLedger
from .ledger import ledger_of as ledger_of
from .questions import UPLOAD_SECONDS as UPLOAD_SECONDS
from .questions import Spent as Spent
from .questions import Sums as Sums
from .remarks import Remark as Remark
from .runs import RunSum as RunSum
from .wanted import Wanted as Wanted
