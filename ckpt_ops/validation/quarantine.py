"""Where a verdict is kept: beside the slice, as JSON for programs and as pages for people.

    slices/{source}/{key}/{revision}/validation/     of an accepted slice
    slices/{source}/{key}/{revision}/quarantine/     of one that is quarantined, whole or some rows of it

    report.json       the verdict
    report.html       the same as a page
    data_docs.html    Great Expectations' own page
    rows.parquet      the rows set aside: all their columns, `_row` and `_reasons`

A report is the latest verdict in its folder: evaluating a slice again, under another suite, replaces it.
The lineage log, which keeps every verdict, decides which one counts.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from ckpt_ops.file_contents import contents
from ckpt_ops.store import Store
from ckpt_ops.validation.data_docs import data_docs_html
from ckpt_ops.validation.report import report_html
from ckpt_ops.validation.rows import SliceRows
from ckpt_ops.validation.run import ValidationResult
from ckpt_ops.validation.verdict import Outcome, Validation

ROWS = "rows.parquet"


def write_report(store: Store, prefix: str, evaluated: ValidationResult, rows: SliceRows) -> str:
    """Write everything that is kept of a verdict, its JSON last, and return the JSON's name.

    Args:
        prefix: the slice revision's folder, `slices/{source}/{key}/{revision}` (`SliceManifest.prefix`).
        rows: what was evaluated.
    """
    _, source, key, revision = prefix.split("/")
    validation = evaluated.validation
    name = report_name(prefix, validation.outcome)
    folder = name.rpartition("/")[0]
    if validation.set_aside:
        _write_rows(store, f"{folder}/{ROWS}", evaluated, rows)
    if evaluated.results:
        docs = data_docs_html(evaluated, source=source, key=key, revision=revision)
        store.put(f"{folder}/data_docs.html", docs.encode())
    page = report_html(validation, source=source, key=key, revision=revision)
    store.put(f"{folder}/report.html", page.encode())
    store.put(name, validation.to_json())
    return name


def report_name(prefix: str, outcome: Outcome) -> str:
    """Where the JSON of a verdict lies; the pages lie beside it."""
    folder = "validation" if outcome is Outcome.ACCEPTED else "quarantine"
    return f"{prefix}/{folder}/report.json"


def read_report(store: Store, prefix: str, outcome: Outcome) -> Validation:
    """The latest report of that outcome. Raises `ObjectNotFound` when there is none, `Corrupt`."""
    return read_verdict(store, report_name(prefix, outcome))


def read_verdict(store: Store, name: str) -> Validation:
    """The report of that object name. Raises as `read_report`."""
    return Validation.from_json(store.get(name), url=f"{store.url.rstrip('/')}/{name}")


def _write_rows(store: Store, name: str, evaluated: ValidationResult, rows: SliceRows) -> None:
    with TemporaryDirectory(prefix="ckpt-ops-bad-rows-") as folder:
        path = Path(folder) / ROWS
        writer: pq.ParquetWriter | None = None
        for table in evaluated.bad.table(rows):
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is not None:
            writer.close()
            with contents(path) as data:
                store.put(name, data)
