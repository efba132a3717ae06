"""Work in a fresh Python process: `run(function, request)` is `function(request)` in another process.

TensorFlow takes seconds to import and is not safe to fork, and code that somebody else wrote is kept out of a
server's process. Both need a separate interpreter; this package is the only place that starts one for work of
ckpt_ops.

It has four parts: `interpreter` starts a process, which waits for one piece of work; `standby` keeps one that
has imported TensorFlow already; `running` hands over the work, follows its progress and waits for the
answer; `work` runs inside, as `python -m ckpt_ops.worker`.
Request and result are frozen dataclasses (`codec` says of what). They lie as JSON in the work's folder, with
its log and progress records, so that neither side blocks on a pipe or dies of a broken one. An error of
ckpt_ops is raised here as it was raised there (`raised`).
"""

from ckpt_ops.worker.progress import (
    AttemptBegan,
    AttemptEnded,
    CheckpointSaved,
    LookedAt,
    Note,
    Phase,
    PhaseBegan,
    Progress,
    StepsDone,
    tell,
)
from ckpt_ops.worker.running import Ended, run
from ckpt_ops.worker.standby import Imports, end_all, warm_up
from ckpt_ops.worker.surroundings import END_SECONDS, Surroundings

__all__ = [
    "END_SECONDS",
    "AttemptBegan",
    "AttemptEnded",
    "CheckpointSaved",
    "Ended",
    "Imports",
    "LookedAt",
    "Note",
    "Phase",
    "PhaseBegan",
    "Progress",
    "StepsDone",
    "Surroundings",
    "end_all",
    "run",
    "tell",
    "warm_up",
]
