"""An offline Grsai on 127.0.0.1: the service's endpoints, storage and odd behaviour, for demos, tests and benchmarks.

It knows nothing of the client. What the service's documents leave open and had to be decided here is marked "chosen".

faults    what can go wrong, at which step, and which fault strikes which request
models    what a model costs and how large its pictures are
painting  the pictures
service   tasks, credits and results
replies   how the service speaks: its words, its refusals, and replies that break
endpoints the paths of the API, one function each
server    the HTTP server with the record of what it received: `Emulator`
command   `python -m grsai.emulator`
"""

from .command import WrongOption, build, fault_from_text, main, serve, span
from .faults import FAILED, FAULTS, PLAIN, RUNNING, STEPS, SUCCEEDED, Fault
from .models import PIXELS
from .server import Emulator, Received
from .service import Task, Upload

__all__ = [
    "FAILED",
    "FAULTS",
    "PIXELS",
    "PLAIN",
    "RUNNING",
    "STEPS",
    "SUCCEEDED",
    "Emulator",
    "Fault",
    "Received",
    "Task",
    "Upload",
    "WrongOption",
    "build",
    "fault_from_text",
    "main",
    "serve",
    "span",
]
