"""The tasks before `validate` that evaluate parts of a large slice side by side.

`validate` makes the verdict. They may be repeated, or left out: what is found is left as it is, and a part
that is missing is evaluated by `validate`. Nothing is recorded in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from ckpt_ops import worker
from ckpt_ops.errors import CkptOpsError, ObjectNotFound, ValidationDied
from ckpt_ops.intake.forgotten_rows import left_of
from ckpt_ops.intake.in_parts import look_once, part_found, parts_of_slice
from ckpt_ops.intake.verdicts import evaluated_before
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import slice_id
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.loading import load_intake
from ckpt_ops.pipeline.step_results import RowShare, ValidatedShare
from ckpt_ops.printable import printable
from ckpt_ops.runs import messages
from ckpt_ops.slices import SliceManifest, load_manifest
from ckpt_ops.store import Store, open_store
from ckpt_ops.validation import load_suite
from ckpt_ops.worker import Ended, Surroundings


def share_out_rows(intake: Intake, store: Store, key: str, revision: str) -> list[RowShare]:
    """The shares, at least one, that together are all rows of the slice: one for each `validate_share` call.

    One: the slice is too small to be cut, or nothing of it is to be evaluated. What all parts have to know is
    found here, so that not each of them reads the whole slice for it.

    Raises:
        As `validate`.
    """
    manifest = _to_evaluate(intake, store, key, revision)
    if manifest is None:
        return [RowShare(key=key, revision=revision, share=0, of=1)]
    of = len(parts_of_slice(manifest, at_most=intake.max_parallel_validations))
    if of > 1:
        look_once(intake, store, manifest, load_suite(intake.folder / intake.expectations))
    return [RowShare(key=key, revision=manifest.revision, share=share, of=of) for share in range(of)]


def validate_share(intake: Intake, store: Store, share: RowShare) -> ValidatedShare:
    """Evaluate one part of the slice, unless that is done.

    Raises:
        As `validate`.
    """
    if share.of == 1:
        return ValidatedShare(rows=0, expectations=0)
    manifest = load_manifest(store, intake.source.name, share.key, share.revision)
    parts = parts_of_slice(manifest, at_most=intake.max_parallel_validations)
    if len(parts) != share.of:  # the setting changed meanwhile: `validate` evaluates what it needs
        return ValidatedShare(rows=0, expectations=0, cut_differently=True)
    suite = load_suite(intake.folder / intake.expectations)
    found = part_found(intake, store, manifest, suite, parts[share.share])
    return ValidatedShare(rows=found.rows, expectations=len(found.tallies))


@dataclass(frozen=True, kw_only=True)
class ShareRequest:
    """A share, for a process of its own."""

    intake: str
    store: str
    share: RowShare


def validate_share_apart(request: ShareRequest) -> ValidatedShare:
    """`validate_share`, of a request."""
    return validate_share(load_intake(request.intake), open_store(request.store), request.share)


def validate_in_processes(
    intake: Intake, store: Store, key: str, revision: str, report: Callable[[str], None]
) -> None:
    """Evaluate the parts of a large slice, each in a process of its own.

    Raises:
        CkptOpsError: of a process. The others are ended, as they are by an interruption; parts that were
            evaluated are kept.
    """
    if intake.max_parallel_validations == 1:
        return
    shares = share_out_rows(intake, store, key, revision)
    if len(shares) == 1:
        return

    no_more = threading.Event()

    def watch(folder: Path) -> None:
        if no_more.is_set():
            raise CancelledError

    def apart(share: RowShare) -> None:
        part = f"part {share.share + 1} of {share.of}"
        found = worker.run(
            validate_share_apart,
            ShareRequest(intake=intake.name, store=store.url, share=share),
            title=("validate", intake.name, f"{share.share + 1}-of-{share.of}"),
            surroundings=Surroundings(code=intake.folder.parent),
            report=lambda line: report(printable(f"  {part}: {line}")),
            died=_died(f"the process that validates {part} of slice {key}"),
            watch=watch,
        )
        report(f"  {part}: {'; '.join(messages.validated_share(found))}")

    with ThreadPoolExecutor(len(shares)) as pool:
        try:
            for each in as_completed([pool.submit(apart, share) for share in shares]):
                each.result()
        except BaseException:
            no_more.set()
            raise


def _died(what: str) -> Callable[[Ended], CkptOpsError]:
    def died(ended: Ended) -> CkptOpsError:
        return ValidationDied(
            f"{what} {ended.message}",
            safe="nothing was recorded; the parts that were evaluated are kept",
            next=f"a retry evaluates the parts that are missing; the whole log is {ended.log}",
        )

    return died


def _to_evaluate(intake: Intake, store: Store, key: str, revision: str) -> SliceManifest | None:
    """What `validate` will evaluate of a pulled revision; None: nothing, as there is a verdict."""
    state = ModelLog(store, intake.name).state()
    try:
        manifest = left_of(store, state, load_manifest(store, intake.source.name, key, revision))
    except ObjectNotFound:  # removed, as rows of it were forgotten: `validate` says so
        return None
    if manifest is None or slice_id(key, manifest.revision) in state.settled:
        return None
    suite = load_suite(intake.folder / intake.expectations)
    known = evaluated_before(intake, store, state, manifest, suite)
    return manifest if known is None else None
