"""A task's result, found in the store: for a run in which a person marked the task a success.

The scheduler then has no result of it. The store has one if the task was done before, by this run or a
different run of the same slice; if not, `NoResult` names the task.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from ckpt_ops.candidates.proposal import plan_slice
from ckpt_ops.errors import NoResult, ObjectNotFound, TransientError
from ckpt_ops.lineage import Action, LineageState, ModelLog, VersionState
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Pulled
from ckpt_ops.rebase.progress import progress_of
from ckpt_ops.slices import SliceManifest, list_slices, load_manifest
from ckpt_ops.slices.key_forms import key_time
from ckpt_ops.slices.periods import utc
from ckpt_ops.slices.pull import pulled_revision
from ckpt_ops.store import Store


def key_between(intake: Intake, store: Store, start: datetime, end: datetime) -> str:
    """The key of the only slice that the log knows between two times; used when the source names none.

    Raises:
        NoResult: it knows none, or several.
    """
    state = ModelLog(store, intake.name).state()
    times = {key: key_time(intake.source, key) for key in state.slices}
    found = [key for key, time in times.items() if time is not None and utc(start) <= time < utc(end)]
    if len(found) == 1:
        return found[0]
    known = f"{len(found)} slices, {', '.join(sorted(found))}" if found else "no slice"
    raise no_result(
        "pull", f"the source names no slice, and the log knows {known} from {start:%Y-%m-%d %H:%M} on"
    )


def pulled_slice(intake: Intake, store: Store, key: str) -> Pulled:
    """What `pull` would have returned: the source's revision if it was pulled, else the log's or the newest.

    Raises:
        NoResult: nothing of the slice was ever pulled.
    """
    source, entry = intake.source, ModelLog(store, intake.name).state().slices.get(key)
    revision = None
    with suppress(TransientError):  # the source may be down, which is a reason to mark the task
        revision = pulled_revision(store, source, key)
    for wanted in (revision, entry.pulled if entry else None):
        found = _manifest(store, source.name, key, wanted)
        if found is not None:
            return _pulled(found)
    found = max(list_slices(store, source.name, key), key=lambda one: one.pulled_at, default=None)
    if found is None:
        raise no_result("pull", f"slice {key} of source {source.name!r} was never pulled")
    return _pulled(found)


def check_validated(intake: Intake, store: Store, key: str) -> None:
    """Raises `NoResult` when the slice was never evaluated."""
    if key not in ModelLog(store, intake.name).state().slices:
        raise no_result(
            "validate",
            f"slice {key} was never evaluated",
            then=f"; if that quarantines it, ckpt-ops quarantine release {intake.name} {key} lets it pass",
        )


def trained_version(pipeline: Pipeline, store: Store, key: str) -> int:
    """The version that the run of the slice trained, or the one in shadow that it is to settle.

    Raises:
        NoResult: there is none, or it is not trained to its end.
    """
    state = ModelLog(store, pipeline.name).state()
    shadow = in_shadow(state)
    if shadow is not None and shadow.complete and plan_slice(pipeline, state, key).action is Action.SHADOW:
        return shadow.version.version
    newest = _newest(state, lambda one: one.slices[-1].key == key and not _asked_for(one))
    if newest is None:
        raise no_result("train", f"no version of {pipeline.name} ends with slice {key}")
    if newest.trained is None:
        raise no_result("train", f"version {newest.version} is {newest.status.value}, and not trained")
    return newest.version


def replayed_version(pipeline: Pipeline, store: Store) -> int:
    """The version that is, or was, the result of the rebase.

    Raises:
        NoResult: steps of it are left.
    """
    state = ModelLog(store, pipeline.name).state()
    on = progress_of(pipeline, state)
    if on is not None and on.result is not None:
        return on.result
    if on is None and state.head is not None and state.versions[state.head].started.replaces is not None:
        return state.head
    if on is None:
        raise no_result("replay", f"no rebase of {pipeline.name} is due")
    raise no_result("replay", f"step {on.step} of the rebase of {pipeline.name} is not trained")


def retrained_version(pipeline: Pipeline, store: Store) -> int:
    """The version that was retrained last.

    Raises:
        NoResult: there is none, or it is not trained to its end.
    """
    newest = _newest(ModelLog(store, pipeline.name).state(), lambda one: one.started.retrains)
    if newest is None:
        raise no_result("retrain", f"no version of {pipeline.name} was retrained")
    if newest.trained is None:
        raise no_result("retrain", f"version {newest.version} is {newest.status.value}, and not trained")
    return newest.version


def check_evaluated(pipeline: Pipeline, store: Store, version: int) -> None:
    """Raises `NoResult` when the version is not evaluated, so that nothing can be decided on it."""
    found = ModelLog(store, pipeline.name).state().version(version)
    if found.evaluated is None and found.open and not found.started.shadow:
        raise no_result(
            "evaluate",
            f"version {version} of {pipeline.name} was never evaluated",
            then=f"; if the gates reject it, ckpt-ops promote {pipeline.name} {version} --approve "
            "--despite-gates --why TEXT promotes it all the same",
        )


def no_result(task: str, why: str, *, then: str = "") -> NoResult:
    """The error for a task that was marked a success and left no result.

    Args:
        then: text after the next command.
    """
    return NoResult(
        f"task {task} of this run was marked a success without a result, and the store has none: {why}",
        safe="nothing was written; the champion serves on",
        next=f"clear task {task} of this run{then}",
    )


def _asked_for(version: VersionState) -> bool:
    """A rebase or a retraining made it, and no run of a slice."""
    return version.started.replaces is not None or version.started.again is not None


def _newest(state: LineageState, wanted: Callable[[VersionState], bool]) -> VersionState | None:
    return next((one for one in reversed(state.versions.values()) if wanted(one)), None)


def _manifest(store: Store, source: str, key: str, revision: str | None) -> SliceManifest | None:
    if revision is None:
        return None
    try:
        return load_manifest(store, source, key, revision)
    except ObjectNotFound:
        return None


def _pulled(manifest: SliceManifest) -> Pulled:
    return Pulled(key=manifest.key, revision=manifest.revision, rows=manifest.rows)
