"""Pages on a slice's verdict and on a version's evaluation, found through the model's log.

No name in the store comes from outside.
"""

from __future__ import annotations

from enum import StrEnum

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import SliceAccepted, SliceQuarantined
from ckpt_ops.pipeline.naming import check_name
from ckpt_ops.runs.evaluate import page_of
from ckpt_ops.slices import check_key, check_revision
from ckpt_ops.store import Store


class Page(StrEnum):
    """The pages beside a verdict."""

    REPORT = "report.html"
    DATA_DOCS = "data_docs.html"


def verdict_page(store: Store, model: str, key: str, page: Page, *, revision: str | None = None) -> bytes:
    """The HTML, UTF-8, of the latest verdict on a slice, or on one revision of it.

    Args:
        revision: as it was pulled, or as it was accepted. None: of the latest verdict.

    Raises:
        BadInput: no model, slice or revision can have that name.
        ObjectNotFound: no such verdict, or it has no such page.
    """
    check_name(model, field="model")
    check_key(key)
    if revision is not None:
        check_revision(revision)
    report = _report(store, model, key, revision)
    try:
        return store.get(f"{report.rpartition('/')[0]}/{page.value}")
    except ObjectNotFound as error:
        raise ObjectNotFound(
            f"the verdict on slice {key} of {model} has no {page.value} beside {report}",
            safe="the verdict itself stands in the log",
            next="when no expectation could be run, there are no Data Docs; else restore the object from the "
            "bucket's versions",
        ) from error


def evaluation_page(store: Store, model: str, version: int | None = None) -> bytes:
    """The HTML, UTF-8, on the evaluation of a version; None: of the newest evaluated one.

    Raises:
        BadInput: no model can have that name, or it has no such version.
        ObjectNotFound: it is not evaluated yet, or its page is gone.
    """
    check_name(model, field="model")
    state = ModelLog(store, model).state()
    reported = [one.version for one in state.versions.values() if one.evaluated and one.evaluated.report]
    if version is None:
        version = max(reported, default=None)
    evaluated = state.version(version).evaluated if version is not None else None
    if evaluated is None or not evaluated.report:
        known = ", ".join(map(str, reported)) or "none yet"
        which = f"version {version} of {model}" if version is not None else f"a version of {model}"
        raise ObjectNotFound(
            f"there is no evaluation of {which}",
            safe="only the log was read",
            next=f"evaluated: {known}; ckpt-ops show {model} VERSION shows how far a version has come",
        )
    return store.get(page_of(evaluated.report))


def _report(store: Store, model: str, key: str, revision: str | None) -> str:
    """The object name of the verdict's JSON."""
    log = ModelLog(store, model)
    state = log.state()
    newest = state.slices.get(key)
    if newest is not None and newest.report and revision in (None, newest.ref.revision, newest.origin):
        return newest.report
    # An earlier verdict is meant, or the slice was withdrawn since. A key that is not known has none.
    for _, record in log.backwards(of=state) if newest is not None else ():
        if not isinstance(record, SliceAccepted | SliceQuarantined) or record.slice.key != key:
            continue
        origin = record.origin if isinstance(record, SliceAccepted) else ""
        if record.report and revision in (None, record.slice.revision, origin):
            return record.report
    of = f"revision {revision} of slice {key}" if revision else f"slice {key}"
    raise ObjectNotFound(
        f"the log of {model} has no verdict with a report on {of}",
        safe="only the log was read",
        next=f"ckpt-ops slices {model} names its slices and their revisions",
    )
