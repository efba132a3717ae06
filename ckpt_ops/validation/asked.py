"""What of a suite is evaluated on a slice, and in which types: told from its columns, before any row is."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

import pyarrow as pa

from ckpt_ops.column_times import Columns, absent, asked_of
from ckpt_ops.errors import BadInput
from ckpt_ops.validation.frames import evaluated_schema
from ckpt_ops.validation.schema import schema_drift
from ckpt_ops.validation.suite import Expectation, Suite
from ckpt_ops.validation.verdict import Kind, Reason


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is evaluated.

    Attributes:
        drift: how the columns differ from those declared, with what is not run because of that.
        expectations: those to run, by their place in the suite.
        schema: the types in which columns are evaluated.
    """

    drift: tuple[Reason, ...]
    expectations: Mapping[int, Expectation]
    schema: pa.Schema


def asked_for(
    came: pa.Schema, suite: Suite, declared: pa.Schema, columns: Columns, misfits: Mapping[str, str]
) -> Asked:
    """What is asked of a slice that came with these columns.

    Args:
        columns: of the declared ones, those with a time, as seen from the slice.
        misfits: by column whose values decide, its first value that is not of the declared type, as text.

    Raises:
        BadInput: the suite names a column that is neither declared nor there.
    """
    _check_known(came, suite, declared)
    drift = schema_drift(declared, came, misfits, columns=columns)
    unusable = {reason.column for reason in drift if reason.kind in (Kind.MISSING, Kind.TYPE)}
    unusable |= set(absent(columns))
    return Asked(
        drift=tuple(
            _with_skipped(reason, suite, columns) if reason.column in unusable else reason for reason in drift
        ),
        expectations={
            at: each for at, each in enumerate(suite.expectations) if not _reads(each, unusable, columns)
        },
        schema=evaluated_schema(came, asked_of(declared, columns), unusable=unusable),
    )


def _check_known(schema: pa.Schema, suite: Suite, declared: pa.Schema) -> None:
    known = {*declared.names, *schema.names}
    for at, each in enumerate(suite.expectations):
        for column in each.columns:
            if column not in known:
                where = f"{suite.path or suite.name}: expectations[{at}] ({each.type}) column"
                raise BadInput(where, column, f"a declared column: {', '.join(declared.names)}")


def _reads(expectation: Expectation, unusable: Set[str], columns: Columns) -> bool:
    """Whether it reads one of these columns. A condition, or a list of names, counts where time decides."""
    return bool(unusable & set(expectation.columns)) or any(
        expectation.mentions(name) for name in unusable if name in absent(columns)
    )


def _with_skipped(reason: Reason, suite: Suite, columns: Columns) -> Reason:
    skipped = [each.type for each in suite.expectations if _reads(each, {reason.column}, columns)]
    return replace(reason, message=f"{reason.message}; not run: {', '.join(skipped)}") if skipped else reason
