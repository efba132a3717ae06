"""What a version may be written as on request, where it is kept, and whether it can be: no work, and pure.

Checkpoints are written in formats of other libraries (`checkpoints.export`), and exports are converted for
other runtimes (`serving.formats`). A person chooses one of both.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ckpt_ops.actions.asked import Preview, impossible
from ckpt_ops.checkpoints.export import Format as Exports
from ckpt_ops.errors import BadInput
from ckpt_ops.extras import install, missing
from ckpt_ops.lineage import LineageState
from ckpt_ops.serving.formats import Format as Conversions
from ckpt_ops.serving.objects import conversion_folder, is_leaving

EXPORTS = tuple(one.value for one in Exports)
CONVERSIONS = tuple(one.value for one in Conversions)
FORMATS = (
    Exports.SAVED_MODEL.value,
    *(one for one in EXPORTS if one != Exports.SAVED_MODEL.value),
    *CONVERSIONS,
)
"""By the names that the command line gives them, the one that is asked for most first."""

_FILES = {Exports.KERAS.value: "model.keras", Exports.SAFETENSORS.value: "model.safetensors"}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a request beyond the log.

    Attributes:
        nbytes: of the tensors of the checkpoint, or of the export that is converted; None: nobody knows.
        seconds: that the last run for this format took; None: there was none.
        paused: Airflow starts no run of the DAG that does it until somebody unpauses it.
    """

    nbytes: int | None = None
    seconds: float | None = None
    paused: bool = False


@dataclass(frozen=True, kw_only=True)
class InStore:
    """What the store has of a version; by default as after its training: `in_store.look` asks it.

    Attributes:
        made: formats in which it is there, with the report that is written last.
        checkpoint: its last checkpoint is there.
    """

    made: frozenset[str] = frozenset()
    checkpoint: bool = True


def missing_packages(format: str) -> tuple[str, ...]:
    """Modules that the format needs and that are not installed here."""
    return tuple(missing("onnx")) if format == Conversions.ONNX.value else ()


def exported_folder(model: str, version: int, format: str, step: int) -> str:
    """The folder of a checkpoint that was written as `format`, and of its report."""
    return f"models/{model}/v{version}/exported/{format}/step-{step}"


def place_of(model: str, version: int, format: str, step: int) -> str:
    """The object, or the folder, in which the result lies."""
    if format in CONVERSIONS:
        return f"{conversion_folder(model, version, format)}/model.{format}"
    folder = exported_folder(model, version, format, step)
    return f"{folder}/{_FILES[format]}" if format in _FILES else f"{folder}/{format}"


def report_of(model: str, version: int, format: str, step: int) -> str:
    """The report beside the result. It is written last: all of the result is there."""
    if format in CONVERSIONS:
        return f"{conversion_folder(model, version, format)}/report.json"
    return f"{exported_folder(model, version, format, step)}/report.json"


def why_not(
    state: LineageState,
    number: int,
    format: str,
    *,
    there: InStore = InStore(),
    absent: Collection[str] = (),
) -> str:
    """Why the version cannot be written so, in a sentence; "": it can be, or is there already.

    Args:
        there: what the store has of it.
        absent: modules that the format needs and that are not installed.

    Raises:
        BadInput: there is no such version, or no such format.
    """
    version = state.version(number)
    if format not in FORMATS:
        raise BadInput("format", format, f"one of {', '.join(FORMATS)}")
    if is_leaving(state, number):
        return "It was trained on rows that were forgotten: it is removed."
    if version.trained is None:
        return f"It was not trained to its end: it is {version.status.value}."
    if format in there.made:
        return ""
    if absent:
        return (
            f"Not installed: {', '.join(absent)}. Next: {install('onnx')}, for the tasks and the api-server."
        )
    if format in CONVERSIONS:
        return (
            "" if "export" in version.trained.artifacts else "It has no export, of which one could be made."
        )
    if number in state.dropped:
        return "Its last checkpoint was pruned."
    return "" if there.checkpoint else f"Its last checkpoint is gone: the version is {version.status.value}."


def check(state: LineageState, number: int, format: str, *, there: InStore = InStore()) -> None:
    """Raises `BadInput`, at the door: it cannot be written so, or what it needs is not installed here."""
    reason = why_not(state, number, format, there=there, absent=missing_packages(format))
    if reason:
        allowed = f"a format and a version that go together. {reason}"
        raise BadInput("format", format, allowed, next=f"ckpt-ops show {state.model} {number}")


def preview(
    state: LineageState,
    number: int,
    format: str,
    *,
    known: Known,
    there: InStore = InStore(),
    absent: Collection[str] = (),
) -> Preview:
    """What a run that writes it would do. Raises as `why_not`."""
    converts = format in CONVERSIONS
    title = f"{'Convert' if converts else 'Export'} version {number} {'to' if converts else 'as'} {format}?"
    reason = why_not(state, number, format, there=there, absent=absent)
    trained = state.version(number).trained
    if reason or trained is None:
        return impossible(title, reason)
    made = format in there.made
    if made:
        what = "It is there already, and not made again."
    elif converts:
        what = (
            "It converts the version's SavedModel, and keeps the result only if both predict the same on the "
            "version's held-out rows."
        )
    else:
        what = f"It writes the version's last checkpoint, of step {trained.step:,}."
    place = place_of(state.model, number, format, trained.step)
    will = [
        "Airflow triggers a run that does this and nothing else: no training, and production stays as it is.",
        what,
        f"It is kept in the store as {place}.",
    ]
    if known.nbytes is not None and not made:
        of = "the SavedModel has" if converts else "the checkpoint's tensors have"
        will.append(f"How large: {of} {known.nbytes:,} bytes.")
    if known.seconds is not None and not made:
        will.append(f"How long: the last run for this format took {known.seconds:,.0f} s.")
    if not made:
        will.append("What is there already is found, and not made again.")
    if known.paused:
        will.append("Its DAG is paused in Airflow: the run stays queued until somebody unpauses it.")
    return Preview(title=title, will=tuple(will))
