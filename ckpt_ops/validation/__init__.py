"""Validation: is this slice what the pipeline was written for?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.validation.bad_rows import BadRows, UnreadRows
    from ckpt_ops.validation.quarantine import read_report, read_verdict, report_name, write_report
    from ckpt_ops.validation.rows import SliceRows, TableRows
    from ckpt_ops.validation.run import ValidationResult, validate
    from ckpt_ops.validation.schema import misfits_of, schema_digest, schema_drift, to_declare
    from ckpt_ops.validation.suite import Expectation, Suite, load_suite, parse_suite
    from ckpt_ops.validation.verdict import Kind, Outcome, Reason, Severity, Validation

    # Former names: code that is kept with versions imports them.
    Judged = ValidationResult

__all__ = [
    "BadRows",
    "Expectation",
    "Judged",
    "Kind",
    "Outcome",
    "Reason",
    "Severity",
    "SliceRows",
    "Suite",
    "TableRows",
    "UnreadRows",
    "Validation",
    "ValidationResult",
    "load_suite",
    "misfits_of",
    "parse_suite",
    "read_report",
    "read_verdict",
    "report_name",
    "schema_digest",
    "schema_drift",
    "to_declare",
    "validate",
    "write_report",
]

_TABLE = {
    "ckpt_ops.validation.bad_rows": "BadRows UnreadRows",
    "ckpt_ops.validation.quarantine": "read_report read_verdict report_name write_report",
    "ckpt_ops.validation.rows": "SliceRows TableRows",
    "ckpt_ops.validation.run": "ValidationResult validate",
    "ckpt_ops.validation.schema": "misfits_of schema_digest schema_drift to_declare",
    "ckpt_ops.validation.suite": "Expectation Suite load_suite parse_suite",
    "ckpt_ops.validation.verdict": "Kind Outcome Reason Severity Validation",
}
_FORMER = {"Judged": "ValidationResult"}
on_first_use(__name__, _TABLE, former=_FORMER)
