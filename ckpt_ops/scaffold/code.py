"""The Python files of a new source: small, commented, and formatted as ruff would."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ckpt_ops.scaffold.found import Asked, Code, Found
from ckpt_ops.scaffold.layout import FUTURE, WIDTH, docstring_code, imports_code, time_code
from ckpt_ops.scaffold.literals import repr_of
from ckpt_ops.scaffold.profile import MOST_VALUES, Column, columns_of
from ckpt_ops.scaffold.type_code import column_code

_ENDED_AFTER = 3  # intervals without a slice
_OF_TESTS = (
    *("check_source", "columns_of", "drop_last_row", "key_time"),
    *("MemoryReference", "TableRows", "load_suite", "validate"),
)


@dataclass(frozen=True, kw_only=True)
class MoreTests:
    """Tests of what stands beside a source; they may take `sample`, the source of the sample.

    Attributes:
        uses: by module, what they import.
    """

    uses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    code: str = ""


def source_py(asked: Asked, found: Found, *, by: str = "ckpt-ops new source") -> str:
    """`source.py`: the declared columns and the source."""
    imports = imports_code({"ckpt_ops": found.code.imports})
    about = docstring_code(f"Slices of {asked.name}: {found.what}.", f"Written by `{by}`; yours to edit.")
    columns = "".join(_column(column) for column in columns_of(found.schema, found.slices))
    return (
        f"{about}\n{FUTURE}\nimport pyarrow as pa\n\n{imports}\n"
        "# The columns this was written for. Validation checks slices against them: edit them to accept a "
        "change.\n"
        f"SCHEMA = pa.schema(\n    [\n{columns}    ]\n)\n\n"
        f"source = {call(asked.name, found.code)}\n"
    )


def pipeline_py(name: str) -> str:
    """`pipeline.py`: the intake."""
    about = docstring_code(
        f"Pulls slices of {name} and evaluates them by expectations.json. Nothing trains on them."
    )
    imports = imports_code({"ckpt_ops": ["Intake"], f"{name}.source": ["source"]})
    return (
        f"{about}\n{FUTURE}\n{imports}\n"
        f'{name} = Intake(\n    name="{name}",\n    source=source,\n'
        '    expectations="expectations.json",\n)\n'
    )


def dag_py(name: str, found: Found, *, now: datetime | None = None) -> str:
    """`dag.py`: the schedule, and nothing else. Data that has ended gets an end date."""
    moments, arguments = when_code(name, found, now=now)
    imports = imports_code({"ckpt_ops_airflow": ["intake_dag"], f"{name}.pipeline": [name]})
    return (
        f"{docstring_code('The DAG of `pipeline.py`.')}\n{FUTURE}\n"
        f"from datetime import {moments}\n\n{imports}\n"
        f"dag = intake_dag(\n{arguments}\n)\n"
    )


def when_code(name: str, found: Found, *, now: datetime | None = None) -> tuple[str, str]:
    """What a DAG's file imports of `datetime`, and the arguments of its factory, a line each."""
    spacing = found.spacing
    ended = found.last + _ENDED_AFTER * spacing.interval < (now or datetime.now(UTC))
    lines = [
        f"    {name},",
        f'    schedule="{spacing.cron}",  # {spacing.message}',
        f"    start_date={time_code(found.first)},",
    ]
    if ended:
        lines += [
            "    # The data ends here. With an end date in the past, nothing starts by itself.",
            f"    end_date={time_code(found.last)},",
        ]
    else:
        hours = max(1, int(spacing.interval / timedelta(hours=1)) // 4)
        lines += [
            "    # A slice may land this long after its interval ends; until then its run waits.",
            f"    wait_for_slice=timedelta(hours={hours}),",
        ]
    return "UTC, datetime" if ended else "UTC, datetime, timedelta", "\n".join(lines)


def test_py(name: str, found: Found, more: MoreTests) -> str:
    """`test_NAME.py`: the contract and the suite on the sample, and the DAG."""
    kind = found.sample_code.kind
    needed = {"ckpt_ops": [kind, *_OF_TESTS], f"{name}.pipeline": [name], **more.uses}
    numpy = "import numpy as np\n" if "np." in more.code else ""
    keys = ", ".join(f'"{key}"' for key in found.sample_keys)
    if found.sample_code is found.code:
        needed[f"{name}.source"] = ["source"]
        sample = "replace(source, url=folder.as_uri())"
    else:
        needed[f"{name}.source"] = ["SCHEMA", "source"]
        sample = textwrap.indent(
            call(
                name,
                found.sample_code,
                more={"url": "folder.as_uri()", "column_times": "source.column_times"},
            ),
            "    ",
        ).lstrip()
    return f'''"""What {name} promises, on the sample beside it. Run it by pytest."""

{FUTURE}
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

{numpy}import pyarrow as pa
import pytest

{imports_code(needed)}
FOLDER = Path(__file__).parent
KEYS = [{keys}]


@pytest.fixture
def sample(tmp_path: Path) -> {kind}:
    """The source of a copy of the sample, which a test may change."""
    folder = tmp_path / "sample"
    shutil.copytree(FOLDER / "sample", folder)
    return {sample}


def test_the_source_keeps_its_contract(sample: {kind}, tmp_path: Path) -> None:
    first = tmp_path / "sample" / next(iter(sample.parts(KEYS[0])))
    checks = check_source(sample, KEYS, change=lambda: drop_last_row(first))
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize("key", KEYS)
def test_the_suite_accepts_the_sample(sample: {kind}, key: str) -> None:
    suite = load_suite(FOLDER / {name}.expectations)
    # A sample has fewer rows than a slice: everything but the row count is evaluated.
    evaluated = tuple(each for each in suite.expectations if "row_count" not in each.type)
    rows = TableRows(table=pa.Table.from_batches(list(sample.read(key))))
    now = MemoryReference(start=key_time(sample, key), pulled_at=datetime.now(UTC))
    suite, columns = replace(suite, expectations=evaluated), columns_of(sample, key)
    found = validate(rows, suite, sample.schema, columns=columns, reference=now).validation
    assert found.accepted, found.reasons


def test_the_dag_can_be_read() -> None:
    from {name}.dag import dag

    assert dag.dag_id == "{name}"
{more.code}'''


def call(name: str, code: Code, *, more: Mapping[str, str] | None = None) -> str:
    """A source as an expression, an argument a line."""
    lines = [f'    name="{name}",', "    schema=SCHEMA,"]
    for argument, value in {**(more or {}), **code.arguments}.items():
        if argument in code.comments:
            lines.append(f"    # {code.comments[argument]}")
        lines.append(f"    {argument}={value},")
    return "\n".join([f"{code.kind}(", *lines, ")"])


def _column(column: Column) -> str:
    line = f"        ({repr_of(column.name)}, {column_code(column.name, column.type)}),"
    comment = _comment(column)
    return (f"{line}  # {comment}" if comment and len(line) + len(comment) + 4 <= WIDTH else line) + "\n"


def _comment(column: Column) -> str:
    message = []
    if column.values is not None:
        every = sorted({value for values in column.values for value in values})
        shown = ", ".join(every[:6]) if len(every) <= MOST_VALUES else ""
        message.append(shown + (f" and {len(every) - 6} more" if len(every) > 6 else ""))
    elif column.least is not None:
        same = column.least == column.largest
        message.append(f"{column.least}" if same else f"{column.least} to {column.largest}")
    worst = max(column.null_shares, default=0)
    if worst == 1:
        message.append("no value was seen: is it text?")
    elif worst:
        message.append(f"null in {worst:.1%}")
    return "; ".join(word for word in message if word.isprintable() and word)
