"""The functions of `model.py` that turn rows into what the model takes."""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_ops.scaffold.model.constants_code import renamed_of
from ckpt_ops.scaffold.model.features import Becomes, Feature, by_kind
from ckpt_ops.scaffold.model.label import Target, Task

_COLUMN = """def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    return table[COLUMNS.get(name, name)]
"""
_NUMBER = """def _number(column: pa.ChunkedArray, usual: float) -> npt.NDArray[Any]:
    numbers = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float32)
    return np.where(np.isfinite(numbers), numbers, np.float32(usual))
"""
_DAYS = """def _days(column: pa.ChunkedArray, until: pa.ChunkedArray, usual: float) -> npt.NDArray[Any]:
    return _number(pc.days_between(column.cast(pa.date32()), until.cast(pa.date32())), usual)
"""
_TEXT = """def _text(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(column.fill_null("").to_pylist(), dtype=object)
"""
_CODE = """def _code(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(column.cast(pa.int64()).fill_null(NO_CODE))
"""
_HOUR = """def _hour(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(pc.hour(column).fill_null(24))
"""
_WEEKDAY = """def _weekday(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(pc.day_of_week(column).fill_null(7))
"""
_SPREAD = """def _spread(numbers: npt.NDArray[Any]) -> list[float]:
    return [float(numbers.mean(dtype=np.float64)), float(numbers.var(dtype=np.float64)) or 1.0]
"""


def examples_code(target: Target) -> str:
    """`examples()`."""
    if target.classes:
        kind = ".astype(np.float32)" if target.task is Task.BINARY else ""
        return (
            "def examples(table: pa.Table) -> Examples:\n"
            '    """Rows whose label is missing, or none of CLASSES, are dropped."""\n'
            "    classes = pa.array(CLASSES, table[LABEL].type)\n"
            "    table = table.filter(pc.is_in(table[LABEL], value_set=classes))\n"
            "    labels = pc.index_in(table[LABEL], value_set=classes)\n"
            f"    return Examples(inputs=inputs(table), labels=labels.to_numpy(){kind})\n"
        )
    ranked = target.task is Task.RANKING
    missing = "label or query" if ranked else "label"
    lines = [
        "def examples(table: pa.Table) -> Examples:",
        f'    """Rows whose {missing} is missing are dropped."""',
    ]
    if ranked:
        lines.append("    table = table.filter(pc.is_valid(table[GROUP]))")
    lines += [
        "    table = table.filter(pc.is_finite(table[LABEL].cast(pa.float64())))",
        "    labels = table[LABEL].cast(pa.float64()).to_numpy().astype(np.float32)",
    ]
    if ranked:
        lines += [
            "    groups = np.asarray(table[GROUP].to_pylist())",
            "    return Examples(inputs=inputs(table), labels=labels, groups=groups)",
        ]
    else:
        lines.append("    return Examples(inputs=inputs(table), labels=labels)")
    return "\n".join(lines) + "\n"


def inputs_code(features: Sequence[Feature]) -> str:
    """`inputs()`."""
    wanted = by_kind(features)
    column = "_column(table, name)" if renamed_of(features) else "table[name]"
    parts = []
    if wanted[Becomes.NUMBER]:
        parts.append(f"{{name: _number({column}, usual) for name, usual in NUMBERS.items()}}")
    if wanted[Becomes.DAYS]:
        parts.append(f"{{name: _days({column}, table[SLICE_TIME], usual) for name, usual in DAYS.items()}}")
    if wanted[Becomes.CATEGORY]:
        parts.append(f"{{name: _text({column}) for name in TEXTS}}")
    if wanted[Becomes.CODE]:
        parts.append(f"{{name: _code({column}) for name in CODES}}")
    if wanted[Becomes.HOUR]:
        parts.append(f'{{f"{{name}}_hour": _hour({column}) for name in HOURS}}')
    if wanted[Becomes.HOUR] or wanted[Becomes.WEEKDAY]:
        parts.append(f'{{f"{{name}}_weekday": _weekday({column}) for name in WEEKDAYS}}')
    head = (
        "def inputs(table: pa.Table) -> Columns:\n"
        '    """By input, shape (rows,). What is missing is replaced: every row has a prediction."""\n'
    )
    if len(parts) == 1:
        return f"{head}    return {parts[0]}\n"
    rest = "".join(f"    columns |= {part}\n" for part in parts[1:])
    return f"{head}    columns: Columns = {parts[0]}\n{rest}    return columns\n"


def adapt_code(target: Target, features: Sequence[Feature]) -> str:
    """`adapt()`."""
    wanted = by_kind(features)
    both = wanted[Becomes.NUMBER] and wanted[Becomes.DAYS]
    names = "[*NUMBERS, *DAYS]" if both else "NUMBERS" if wanted[Becomes.NUMBER] else "DAYS"
    numbers = bool(wanted[Becomes.NUMBER] or wanted[Becomes.DAYS])
    of_inputs = f"{{name: _spread(np.asarray(rows.inputs[name])) for name in {names}}}"
    of_label = "{LABEL: _spread(np.asarray(rows.labels))}"
    label = target.task is Task.NUMBER
    result = " | ".join([*([of_inputs] if numbers else []), *([of_label] if label else [])])
    what = " and ".join([*(["each number"] if numbers else []), *(["the label"] if label else [])])
    body = f"    return {result}\n"
    if numbers and label:
        body = f"    spreads = {of_inputs}\n    return spreads | {of_label}\n"
    return (
        "def adapt(table: pa.Table) -> dict[str, list[float]]:\n"
        f'    """Mean and variance of {what}, of the rows that the first version trains on."""\n'
        f"    rows = examples(table)\n{body}"
    )


def readers_code(features: Sequence[Feature], *, adapts: bool) -> list[str]:
    """The functions for one column that the others need."""
    wanted = by_kind(features)
    needed = {
        _COLUMN: renamed_of(features),
        _NUMBER: wanted[Becomes.NUMBER] or wanted[Becomes.DAYS],
        _DAYS: wanted[Becomes.DAYS],
        _TEXT: wanted[Becomes.CATEGORY],
        _CODE: wanted[Becomes.CODE],
        _HOUR: wanted[Becomes.HOUR],
        _WEEKDAY: wanted[Becomes.HOUR] or wanted[Becomes.WEEKDAY],
        _SPREAD: adapts,
    }
    return [code for code, used in needed.items() if used]
