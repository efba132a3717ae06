"""Work in a fresh Python process: `run(function, request)` is `function(request)`, elsewhere.

TensorFlow takes seconds to import and is not safe to fork, and code that somebody else wrote is kept out of a
server's process. Both are reasons for an interpreter of their own; this package is the only place that starts
one for work of ckpt_ops.

Three things are apart: `interpreter` gets a process, which waits for one piece of work; `running` hands the
work over, follows what is said of it and waits for the answer; `work` is the side inside, `python -m
ckpt_ops.worker`. Request and result are frozen dataclasses (`codec` says of what). They lie as JSON in the
folder of the work, beside its log and what it told of its progress, so that neither side blocks on a pipe or
ends by a broken one. An error of ckpt_ops is raised here as it was raised there (`raised`).
"""

from ckpt_ops.worker.interpreter import END_SECONDS, Surroundings
from ckpt_ops.worker.progress import CheckpointSaved, LookedAt, Note, Progress, StepsDone, tell
from ckpt_ops.worker.running import Ended, run

__all__ = [
    "END_SECONDS",
    "CheckpointSaved",
    "Ended",
    "LookedAt",
    "Note",
    "Progress",
    "StepsDone",
    "Surroundings",
    "run",
    "tell",
]
