"""Where a verdict is kept: beside the slice, as JSON for programs and as a page for people.

    slices/{source}/{key}/{revision}/quarantine/report.json, report.html    quarantined as a whole
    slices/{source}/{key}/{revision}/validation/report.json, report.html    accepted

A report is the latest verdict in its folder: judging a slice again, under another suite, replaces it.
Which verdict counts is the lineage log's to say, which keeps every one. Rows are not set aside one by
one: a slice is quarantined as a whole, and its data files stay where they are.
"""

from __future__ import annotations

from ckpt_ops.store import Store
from ckpt_ops.validation.report import report_html
from ckpt_ops.validation.verdict import Outcome, Validation

_FOLDER = {Outcome.ACCEPTED: "validation", Outcome.QUARANTINED: "quarantine"}


def write_report(store: Store, prefix: str, validation: Validation) -> str:
    """Write both reports and return the JSON's name.

    Args:
        prefix: the slice revision's folder, `slices/{source}/{key}/{revision}` (`SliceManifest.prefix`).
    """
    _, source, key, revision = prefix.split("/")
    page = report_html(validation, source=source, key=key, revision=revision)
    name = report_name(prefix, validation.outcome)
    store.put(f"{name.removesuffix('.json')}.html", page.encode())
    store.put(name, validation.to_json())
    return name


def report_name(prefix: str, outcome: Outcome) -> str:
    """Where the JSON of a verdict lies; the page lies beside it."""
    return f"{prefix}/{_FOLDER[outcome]}/report.json"


def read_report(store: Store, prefix: str, outcome: Outcome) -> Validation:
    """The latest report of that outcome. Raises `ObjectNotFound` when there is none, `Corrupt`."""
    return read_verdict(store, report_name(prefix, outcome))


def read_verdict(store: Store, name: str) -> Validation:
    """The report of that object name. Raises as `read_report`."""
    return Validation.from_json(store.get(name), url=f"{store.url.rstrip('/')}/{name}")
