"""The task `pull`: a slice is copied from its source into the store, by one task or shared out over several.

It may be repeated: what is there already is found and left as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from ckpt_ops.pipeline.code.own import code_of
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Pulled, PulledShare, Share
from ckpt_ops.printable import printable
from ckpt_ops.slices import check_key, parts_of, pull_part
from ckpt_ops.slices import pull as pull_slice
from ckpt_ops.slices.one_reader import one_reader
from ckpt_ops.store import Store


def pull(intake: Intake, store: Store, key: str) -> Pulled:
    """Copy the slice from its source into the store. The same content again writes nothing.

    While the run of a different model copies it from the same source, this one waits, and then finds it.

    Raises `BadInput` for a pipeline whose code could not be kept with a version: before anything is pulled.
    """
    _check_code(intake)
    with one_reader(store, intake.source.name, key):
        manifest = pull_slice(store, intake.source, key)
    return Pulled(key=key, revision=manifest.revision, rows=manifest.rows)


def share_out(intake: Intake, key: str, *, at_most: int) -> list[Share]:
    """The shares, at least one, that together are every part of the slice: one for each `pull_share` call.

    Raises `BadInput` as `pull`.
    """
    _check_code(intake)
    of = max(1, min(at_most, len(parts_of(intake.source, check_key(key)))))
    return [Share(key=key, share=share, of=of) for share in range(of)]


def pull_share(intake: Intake, store: Store, share: Share, *, report: Callable[[str], None]) -> PulledShare:
    """Copy the parts of the slice that are in the share into the store; `pull` then commits.

    It lists the parts itself. When some came or went since the shares were made, `pull` copies what is in no
    share: it takes whatever is not there yet.

    Args:
        report: called with a line on each part.
    """
    key, rows = share.key, 0
    parts = list(parts_of(intake.source, check_key(key)))[share.share :: share.of]
    with one_reader(store, intake.source.name, key, share=f"{share.share}-of-{share.of}", report=report):
        for part in parts:
            receipt = pull_part(store, intake.source, key, part)
            report(printable(f"{part or key}: {receipt.rows:,} rows"))
            rows += receipt.rows
    return PulledShare(parts=len(parts), rows=rows)


def _check_code(intake: Intake) -> None:
    if isinstance(intake, Pipeline):
        code_of(intake)
