"""The pages beside a verdict are found by the log, whatever the names that somebody asks with."""

from __future__ import annotations

import pytest

from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Record, SliceAccepted, SliceQuarantined, SliceRef
from ckpt_ops.runs.pages import Page, verdict_page
from ckpt_ops.store import LocalStore

KEY = "2013-01-06"
BAD, GOOD, REST = "b" * 16, "a" * 16, "c" * 16


def folder(revision: str) -> str:
    return f"slices/flights/{KEY}/{revision}/" + ("quarantine" if revision == BAD else "validation")


@pytest.fixture
def evaluated(store: LocalStore) -> LocalStore:
    """A slice that was quarantined, then corrected; of the correction some rows were set aside."""
    records: tuple[Record, ...] = (
        SliceQuarantined(slice=ref(BAD), report=f"{folder(BAD)}/report.json"),
        SliceAccepted(slice=ref(REST), origin=GOOD, set_aside=1, report=f"{folder(GOOD)}/report.json"),
    )
    log = ModelLog(store, "flight_delay")
    for record in records:
        log.append(record, after=log.state())
    for revision in (BAD, GOOD):
        store.put(f"{folder(revision)}/report.html", f"report of {revision}".encode())
    store.put(f"{folder(BAD)}/data_docs.html", b"data docs")
    return store


def ref(revision: str) -> SliceRef:
    return SliceRef(key=KEY, revision=revision, rows=9)


def test_the_latest_verdict_by_default(evaluated: LocalStore) -> None:
    assert verdict_page(evaluated, "flight_delay", KEY, Page.REPORT) == f"report of {GOOD}".encode()


@pytest.mark.parametrize(("revision", "of"), [(BAD, BAD), (GOOD, GOOD), (REST, GOOD)])
def test_any_revision_as_it_was_pulled_or_as_it_was_accepted(
    evaluated: LocalStore, revision: str, of: str
) -> None:
    page = verdict_page(evaluated, "flight_delay", KEY, Page.REPORT, revision=revision)
    assert page == f"report of {of}".encode()


def test_data_docs_where_there_are_some(evaluated: LocalStore) -> None:
    assert verdict_page(evaluated, "flight_delay", KEY, Page.DATA_DOCS, revision=BAD) == b"data docs"
    with pytest.raises(ObjectNotFound, match=r"has no data_docs\.html"):
        verdict_page(evaluated, "flight_delay", KEY, Page.DATA_DOCS)


@pytest.mark.parametrize(
    ("model", "key", "revision", "field"),
    [
        ("../x", KEY, None, "model"),
        ("flight_delay", "..", None, "slice key"),
        ("flight_delay", "a/b", None, "slice key"),
        ("flight_delay", KEY, "../../x", "slice revision"),
    ],
)
def test_what_no_name_can_be_is_refused(
    evaluated: LocalStore, model: str, key: str, revision: str | None, field: str
) -> None:
    with pytest.raises(BadInput, match=f"{field}="):
        verdict_page(evaluated, model, key, Page.REPORT, revision=revision)


@pytest.mark.parametrize(
    ("model", "key", "revision"),
    [("nobody", KEY, None), ("flight_delay", "2013-01-13", None), ("flight_delay", KEY, "d" * 16)],
)
def test_what_has_no_verdict_is_named(
    evaluated: LocalStore, model: str, key: str, revision: str | None
) -> None:
    with pytest.raises(ObjectNotFound, match=f"the log of {model} has no verdict with a report on .*{key}"):
        verdict_page(evaluated, model, key, Page.REPORT, revision=revision)
