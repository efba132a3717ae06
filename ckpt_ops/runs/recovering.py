"""What a task came to, found in the store: for a run in which a person marked the task a success.

The scheduler then has no result of it. What the task would have left is in the store all the same when it was
done before, by this run or by another one of the same slice; where it was not, `NoResult` names the task.
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
    """The key of the one slice between two times that the log knows; for when the source does not answer.

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
        "pull", f"the source does not answer, and the log knows {known} from {start:%Y-%m-%d %H:%M} on"
    )


def pulled_slice(intake: Intake, store: Store, key: str) -> Pulled:
    """What `pull` would have said of the slice: what the source has now if that was pulled, else the newest.

    Raises:
        NoResult: nothing of the slice was ever pulled.
    """
    source, entry = intake.source, ModelLog(store, intake.name).state().slices.get(key)
    revision = None
    with suppress(TransientError):  # a source that is down is a reason to mark the task
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
    """Raises `NoResult` when nobody has said anything of the slice."""
    if key not in ModelLog(store, intake.name).state().slices:
        raise no_result(
            "validate",
            f"slice {key} was never evaluated",
            then=f"; what it quarantines, ckpt-ops quarantine release {intake.name} {key} lets pass",
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
    newest = _newest(state, lambda one: one.slices[-1].key == key and one.started.replaces is None)
    if newest is None:
        raise no_result("train", f"no version of {pipeline.name} ends with slice {key}")
    if newest.trained is None:
        raise no_result("train", f"version {newest.version} is {newest.status.value}, and not trained")
    return newest.version


def replayed_version(pipeline: Pipeline, store: Store) -> int:
    """The version that the rebase comes to, or came to.

    Raises:
        NoResult: steps of it are left.
    """
    state = ModelLog(store, pipeline.name).state()
    on = progress_of(pipeline, state)
    if on is not None and on.result is not None:
        return on.result
    if on is None and state.head is not None and state.versions[state.head].started.replaces is not None:
        return state.head
    left = "nothing is due for a rebase" if on is None else f"step {on.step} of it is not trained"
    raise no_result("replay", f"{left} in {pipeline.name}")


def check_evaluated(pipeline: Pipeline, store: Store, version: int) -> None:
    """Raises `NoResult` when the version waits to be evaluated, so that nothing can be decided on it."""
    found = ModelLog(store, pipeline.name).state().version(version)
    if found.evaluated is None and found.open and not found.started.shadow:
        raise no_result(
            "evaluate",
            f"version {version} of {pipeline.name} was never evaluated",
            then=f"; what its gates refuse, ckpt-ops promote {pipeline.name} {version} --approve "
            "--despite-gates --why TEXT lets pass",
        )


def no_result(task: str, why: str, *, then: str = "") -> NoResult:
    """What is said of a task that was marked a success and had nothing to show for it.

    Args:
        then: what goes on after the next command.
    """
    return NoResult(
        f"task {task} of this run was marked a success without a result, and the store has none: {why}",
        safe="nothing was written; the champion serves on",
        next=f"clear task {task} of this run{then}",
    )


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
