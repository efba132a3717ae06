"""Finding the pages on a slice by what a model's log says of it."""

from __future__ import annotations

from enum import StrEnum

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Record, SliceAccepted, SliceQuarantined
from ckpt_ops.store import Store

NEWEST = "newest"


class Page(StrEnum):
    """What there is to look at."""

    REPORT = "report"
    DATA_DOCS = "data-docs"


_FILES = {Page.REPORT: "report.html", Page.DATA_DOCS: "data_docs.html"}


def page_of(store: Store, model: str, key: str, revision: str, page: Page) -> str:
    """The page as HTML.

    Args:
        revision: as it was pulled, or as it was accepted; `NEWEST` for what the log said last.

    Raises:
        BadInput: the model's log knows no verdict on such a slice.
        ObjectNotFound: there was a verdict, and its page is gone.
    """
    report = _report(ModelLog(store, model).records() if _is_name(model) else [], key, revision)
    if report is None:
        raise BadInput(
            "slice",
            f"{key} of {model}, revision {revision}",
            "a slice that was judged",
            next=f"ckpt-ops slices {model}",
        )
    return store.get(f"{report.rpartition('/')[0]}/{_FILES[page]}").decode()


def _report(records: list[Record], key: str, revision: str) -> str | None:
    for record in reversed(records):
        if isinstance(record, SliceAccepted | SliceQuarantined) and record.slice.key == key:
            origin = record.origin if isinstance(record, SliceAccepted) else ""
            if record.report and revision in (NEWEST, record.slice.revision, origin):
                return record.report
    return None


def _is_name(model: str) -> bool:
    return bool(model) and "/" not in model and not model.startswith(".")
