"""Every error a user can meet: what happened, what is safe, which command next.

Two kinds matter to whoever runs the work. A `TransientError` fails *for now*: the same call may
succeed later, so a scheduler should retry it. A `TerminalError` fails *for good*: the same call
will fail again until a person changes something, so retrying only hides it.
"""

from __future__ import annotations

from ckpt_ops.printable import printable


class CkptOpsError(Exception):
    """Base of all errors raised on purpose by ckpt_ops.

    Args:
        what: what happened, with the field, the value and what was expected.
        safe: what was not harmed, so that nobody has to go and look.
        next: the command or the edit that moves things forward.

    The attributes are as they were given; as text, which ends in terminals and logs, it is `printable`.
    """

    def __init__(self, what: str, *, safe: str = "", next: str = "") -> None:
        self.what, self.safe, self.next = what, safe, next
        parts = [what]
        if safe:
            parts.append(f"Safe: {safe}")
        if next:
            parts.append(f"Next: {next}")
        super().__init__(printable("\n".join(parts)))


class TerminalError(CkptOpsError):
    """Fails for good: retrying cannot help."""


class TransientError(CkptOpsError):
    """Fails for now: retrying may help."""


class BadInput(TerminalError, ValueError):
    """A value that a person gave is not allowed."""

    def __init__(self, field: str, value: object, allowed: str, *, next: str = "") -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(
            f"{field}={value!r} is not allowed: expected {allowed}",
            safe="nothing was read or written",
            next=next,
        )


class MemberNotDescribed(TerminalError):
    """The description of a fleet failed for one of its members."""


class ExtraMissing(TerminalError, ImportError):
    """A library is not installed that an extra of the package brings."""


UNTOUCHED = "the log and the champion are untouched; nothing was written"
"""What is safe when a slice could not be read."""


def first_line(error: Exception) -> str:
    """The first line of a library's error message, or the error's class if it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# --- store -------------------------------------------------------------------------------------


class ObjectNotFound(TerminalError, KeyError):
    """No object has this name."""

    __str__ = Exception.__str__


class BucketNotFound(TerminalError):
    """The bucket, or the directory that stands for one, does not exist."""


class StoreForbidden(TerminalError, PermissionError):
    """The credentials lack a permission, or have expired."""


class StoreUnavailable(TransientError, ConnectionError):
    """The store did not answer, or answered 5xx or 429, until the deadline ran out."""


class CommitStateUnknown(TransientError):
    """A conditional write got no reply, and reading back did not settle who won."""


class Corrupt(TerminalError):
    """Bytes do not match the hash under which they were written."""


# --- lineage -----------------------------------------------------------------------------------


class LineageMoved(TransientError):
    """Another writer appended first: reload the state and plan again."""


class Fenced(TerminalError):
    """A newer attempt at the same candidate has begun: this process must end itself."""


class ForkNeeded(TerminalError):
    """A consumed slice was corrected or withdrawn; the lineage would have to fork."""


class ModelOnHold(TerminalError):
    """The model is on hold: a person has to decide before anything trains."""


HeldByPerson = ModelOnHold
"""Its former name, which code that is kept with versions may import."""


class NoResult(TerminalError):
    """A task was marked as success without a result, and the store holds no result of it either."""


# --- slices ------------------------------------------------------------------------------------


class SliceMissing(TransientError):
    """The source has no such slice (yet)."""


class SourceUnavailable(TransientError, ConnectionError):
    """The source did not answer in time, or answered that it is unavailable."""


class SourceRefused(TerminalError, PermissionError):
    """The source refused: wrong credentials, no permission, or a name that does not exist."""


class SliceUnreadable(TerminalError):
    """The source's bytes are not what the source says they are."""


class SliceEmpty(SliceUnreadable):
    """The slice exists and has no rows."""


class SliceChanging(TransientError):
    """The slice changed while it was read."""


# --- checkpoints --------------------------------------------------------------------------------


class ExportFailed(TerminalError):
    """A checkpoint could not be written in another format."""


class DrillFailed(TerminalError):
    """A restored checkpoint is not the state that training would resume from."""


# --- serving -----------------------------------------------------------------------------------


class ConversionRefused(TerminalError):
    """A model could not be converted, or the result cannot predict or predicts differently."""


class RegistryUnavailable(TransientError, ConnectionError):
    """A model registry did not answer, or answered that it is unavailable."""


class RegistryRefused(TerminalError, PermissionError):
    """A model registry refused: wrong credentials, no permission, or a name that it does not take."""


class ValidationDied(TransientError):
    """The process that evaluates a part of a slice ended without a result; other parts are kept."""


class PredictionDied(TransientError):
    """The process that predicts ended without a result; what was predicted before is kept."""


class NotAsServed(TerminalError):
    """A version could not predict as it is served: by its export, on the inputs that its code makes."""


# --- training ----------------------------------------------------------------------------------


class ModelCodeError(TerminalError):
    """The user's model or examples function raised, or returned something unusable."""


class IncompatibleCheckpoint(TerminalError):
    """A checkpoint's tensors differ in name, shape or dtype from the model's variables."""


class TransferRefused(IncompatibleCheckpoint):
    """A model is different from its parent in a way that the pipeline's `evolve` does not allow."""


class TrainingDiverged(TerminalError):
    """A loss or a weight is not finite; the same steps would end the same way.

    Args:
        step: the step after which that was found.
        what: what is not finite there.
    """

    def __init__(self, step: int, what: str) -> None:
        self.step, self.found = step, what
        super().__init__(
            f"the training diverged: {what}",
            safe="checkpoints committed before it are kept; the champion serves on",
            next="check the values of that batch; lower the learning rate or clip gradients in build_model() "
            "(clipnorm=1.0 of the optimizer): a changed model is a new candidate",
        )


class ScratchFull(TransientError):
    """The scratch folder has no room for the rows of a training."""


class TrainingDied(TransientError):
    """The training process ended without a result; what it committed is kept."""


class GangBroken(TrainingDied):
    """Workers that train together did not meet, or one of them is gone: all end, and are retried as one."""


class WorkersDiffer(TransientError):
    """A worker has other code, libraries or settings than the first one: they cannot train together."""


class TrainingInterrupted(TransientError):
    """The training was asked to end early; what it had is saved and committed."""
