"""Standby interpreters: a job that needs TensorFlow finds it imported already.

A standby is a fresh interpreter that has imported what one kind of work needs (`Imports`) and does nothing
else. A job takes it, and it ends with the job: it is used once, nothing is forked after an import, and no
state passes from one job to the next. There is at most one of a kind for each user of a host.

It has a parent of its own, its keeper (`keeper`), which imports nothing: that answers on a socket, hands
over the job, and says how the process ended. `warm_up` starts both and returns at once; `take` gives the job
to a standby that is the same in all that can matter (`fingerprint`: code, libraries, environment, limits),
and returns None where there is none: the caller starts a process of its own, as ever. So losing a standby
costs time and nothing else.

`CKPT_OPS_STANDBY` says for how many seconds one may wait for a job, 600 by default; `off` starts none and
takes none.
"""

from ckpt_ops.worker.standby.imports import Imports
from ckpt_ops.worker.standby.settings import is_off
from ckpt_ops.worker.standby.taking import Taken, take
from ckpt_ops.worker.standby.warming import end_all, warm_up

__all__ = ["Imports", "Taken", "end_all", "is_off", "take", "warm_up"]
