"""An offline Grsai on 127.0.0.1: the service's endpoints, storage and odd behaviour, for demos, tests and benchmarks.

It knows nothing of the client. What the service's documents leave open and had to be decided here is marked "chosen".

refusals     how the service says no
faults       what can go wrong, at which step, and which fault strikes which request
models       what a model costs, what it takes, and how large its pictures are
tasks        what is asked for and what came of it
png          PNG files, written by hand
painting     the pictures
formats      result files that are no plain PNG
service      tasks, money, uploads and results
connections  replies that are cut, late, dripping or endless
replies      how the service speaks
oddities     the odd ways in which it tells an id or a task
generation   submit, poll, stream and web hook of both generations
endpoints    the paths of the API, one function each
server       the HTTP server with the record of what it received: `Emulator`
command      `python -m grsai.emulator`
"""

from .command import WrongOption, build, fault_from_text, main, serve, span
from .faults import FAILED, KINDS, RUNNING, STEPS, SUCCEEDED, Fault, Kind
from .models import MODELS, Model
from .painting import AS_MODELS, Drift
from .refusals import PLAIN
from .replies import Received
from .server import Emulator
from .tasks import Task, Upload

__all__ = [
    "AS_MODELS",
    "FAILED",
    "KINDS",
    "MODELS",
    "PLAIN",
    "RUNNING",
    "STEPS",
    "SUCCEEDED",
    "Drift",
    "Emulator",
    "Fault",
    "Kind",
    "Model",
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
