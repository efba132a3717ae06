"""Curves as TensorBoard reads them: a folder for each version, written when it has been evaluated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ckpt_ops.checkpoints.atomic_output import whole
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import CandidateLog, LineageState
from ckpt_ops.lineage.state import VersionStatus
from ckpt_ops.store import Store
from ckpt_ops.telemetry.curves import curves, ended

_SCALAR = 1  # DATA_CLASS_SCALAR


def write_event_files(
    store: Store, state: LineageState, out: Path, report: Callable[[str], None]
) -> tuple[int, ...]:
    """Write `out/vN` for each version that is not there yet; the numbers of those that were written.

    A version appears when its folder is whole. One that is not evaluated yet is left for the next time.

    Raises:
        BadInput: `out` is no folder.
        ExportFailed: the disk is full, say.
    """
    if out.exists() and not out.is_dir():
        raise BadInput("OUT", str(out), "a folder, or a name that does not exist yet")
    due = [
        one
        for one in ended(state)
        if one.status is not VersionStatus.TRAINED and not (out / f"v{one.version}").exists()
    ]
    if not due:
        return ()
    import tensorflow as tf  # takes seconds

    # what `tf.summary.scalar` writes, which needs TensorBoard installed
    scalar = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class=_SCALAR)
    out.mkdir(parents=True, exist_ok=True)
    for version in due:
        commits = CandidateLog(store, state.model, version.version).progress().commits
        with whole(out / f"v{version.version}") as folder:
            writer = tf.summary.create_file_writer(str(folder))
            with writer.as_default():
                for point in curves(version, commits):
                    tf.summary.write(point.curve, point.value, step=point.step, metadata=scalar)
            writer.close()
        report(f"v{version.version}: {version.status.value}")
    return tuple(one.version for one in due)
