"""A Great Expectations suite as JSON in git, checked when it is loaded, without importing Great Expectations.

```json
{"name": "flights", "expectations": [
  {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "carrier"},
   "severity": "critical", "meta": {"why": "the model looks the carrier up"}}]}
```

`"meta": {"bad_rows": "set aside"}` of an expectation that evaluates row by row sets aside the rows that fail
it, instead of failing the slice, as long as they are no more than the share of its rows that the suite
allows: `"meta": {"bad_rows_at_most": 0.01}`. Rows of text files that do not parse count, too.

Types and keywords are checked against the JSON schemas that Great Expectations ships beside its code, and
against `custom.KINDS` for our own kinds: a typing error stops a DAG file or `ckpt-ops check` in
milliseconds, not a run after the slow import.
Values are checked by Great Expectations itself when it runs (`run.py`).
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from blake3 import blake3

from ckpt_ops.errors import BadInput
from ckpt_ops.validation.custom import COLUMN_KEYWORDS, KINDS
from ckpt_ops.validation.execution_mode import evaluates_rows
from ckpt_ops.validation.verdict import Severity

_SET_ASIDE = "set aside"
_COLUMN_KEYWORDS = ("column", "column_A", "column_B", *COLUMN_KEYWORDS)
# Set by the runner, or meaningless for one table.
_NOT_OURS = {"batch_id", "catch_exceptions", "id", "meta", "metadata", "rendered_content"}
_NOT_OURS |= {"result_format", "severity", "windows", "notes", "description"}


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One line of a suite. `columns` are those it reads; none for an expectation on the whole table.

    Attributes:
        set_aside: rows that fail it are set aside.
    """

    type: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    severity: Severity = Severity.CRITICAL
    why: str = ""
    set_aside: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        names = [self.kwargs[keyword] for keyword in _COLUMN_KEYWORDS if keyword in self.kwargs]
        if not self.type.startswith("expect_table_"):
            names += self.kwargs.get("column_list", [])
        return tuple(names)

    def mentions(self, column: str) -> bool:
        """Whether it names it beside `columns`: in a `row_condition`, or a list of a table's columns."""
        listed = [*(self.kwargs.get("column_set") or ()), *(self.kwargs.get("column_list") or ())]
        condition = json.dumps(self.kwargs.get("row_condition"), ensure_ascii=False)
        return column in listed or bool(re.search(rf"(?<!\w){re.escape(column)}(?!\w)", condition))


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Expectations under a name. `path` is the file they came from, for messages.

    Attributes:
        bad_rows_at_most: share of a slice's rows that may be set aside, or not parse; None: none may.
    """

    name: str
    expectations: tuple[Expectation, ...]
    path: str = ""
    bad_rows_at_most: float | None = None

    @property
    def digest(self) -> str:
        """16 hex digits that change when any expectation does; `why` and the path do not count."""
        lines = [
            [each.type, each.kwargs, each.severity, *([_SET_ASIDE] if each.set_aside else [])]
            for each in self.expectations
        ]
        at_most = [] if self.bad_rows_at_most is None else [self.bad_rows_at_most]
        return blake3(json.dumps([self.name, lines, *at_most], sort_keys=True).encode()).hexdigest()[:16]


def load_suite(path: Path | str) -> Suite:
    """Read and check a suite. Raises `BadInput` naming the file, the expectation and what is allowed."""
    path = Path(path)
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput("expectations", str(path), f"a readable file ({error.strerror})") from error
    except ValueError as error:
        raise BadInput("expectations", str(path), f"a JSON file ({error})") from error
    return parse_suite(payload, path=str(path))


def parse_suite(payload: Any, *, path: str = "") -> Suite:
    """A suite from its parsed JSON. Raises `BadInput`."""
    _only(payload, {"name": str, "expectations": list}, {"meta": dict}, path or "suite")
    expectations = []
    for at, each in enumerate(payload["expectations"]):
        where = f"{path}: expectations[{at}]".removeprefix(": ")
        _only(each, {"type": str}, {"kwargs": dict, "severity": str, "meta": dict}, where)
        kwargs = each.get("kwargs", {})
        _check(each["type"], kwargs, where)
        severity = each.get("severity", Severity.CRITICAL)
        if severity not in set(Severity):
            raise BadInput(f"{where} severity", severity, ", ".join(Severity))
        meta = each.get("meta", {})
        expectations.append(
            Expectation(
                type=each["type"],
                kwargs=kwargs,
                severity=Severity(severity),
                why=str(meta.get("why", "")),
                set_aside=_sets_aside(each, where),
            )
        )
    if not expectations:
        raise BadInput(f"{path or 'suite'}: expectations", [], "at least one expectation")
    return Suite(
        name=payload["name"],
        expectations=tuple(expectations),
        path=path,
        bad_rows_at_most=_at_most(payload.get("meta", {}), expectations, path or "suite"),
    )


def _sets_aside(payload: dict[str, Any], where: str) -> bool:
    type_, kwargs, meta = payload["type"], payload.get("kwargs", {}), payload.get("meta", {})
    if "bad_rows" not in meta:
        return False
    if meta["bad_rows"] != _SET_ASIDE:
        raise BadInput(f"{where} meta.bad_rows", meta["bad_rows"], f"{_SET_ASIDE!r}, or nothing")
    if not evaluates_rows(type_):
        raise BadInput(
            f"{where} meta.bad_rows",
            _SET_ASIDE,
            f"an expectation that evaluates row by row; {type_} does not",
        )
    if kwargs.get("mostly", 1) != 1:
        raise BadInput(
            f"{where} kwargs.mostly",
            kwargs["mostly"],
            "no mostly beside bad_rows: rows that fail are set aside, and bad_rows_at_most limits how many",
        )
    if payload.get("severity", Severity.CRITICAL) != Severity.CRITICAL:
        raise BadInput(
            f"{where} severity",
            payload["severity"],
            "critical, because bad_rows sets aside what would not pass",
        )
    return True


def _at_most(meta: dict[str, Any], expectations: list[Expectation], where: str) -> float | None:
    found = meta.get("bad_rows_at_most")
    if found is None and not any(each.set_aside for each in expectations):
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 1:
        raise BadInput(
            f"{where}: meta.bad_rows_at_most",
            found,
            "a share of the rows, more than 0 and less than 1, because expectations set bad rows aside",
        )
    return float(found)


def _only(payload: Any, required: dict[str, type], optional: dict[str, type], where: str) -> None:
    if not isinstance(payload, dict):
        raise BadInput(where, payload, "a JSON object")
    allowed = {**required, **optional}
    for key in payload.keys() - allowed.keys():
        raise BadInput(where, key, f"only the keys {', '.join(allowed)}")
    for key, kind in allowed.items():
        if (key in payload or key in required) and not isinstance(payload.get(key), kind):
            raise BadInput(f"{where} {key}", payload.get(key), f"a JSON {kind.__name__}")


def _check(type_: str, kwargs: dict[str, Any], where: str) -> None:
    where_kwargs = f"{where} ({type_}) kwargs"
    if type_ in KINDS:
        _check_kwargs(kwargs, KINDS[type_].allowed, KINDS[type_].required, where_kwargs)
        return
    known = _known()
    if not known:
        return
    if type_ not in known:
        near = get_close_matches(type_, [*known, *KINDS], n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise BadInput(f"{where} type", type_, f"an expectation of the installed Great Expectations{hint}")
    if "Pandas" not in known[type_].get("supported_data_sources", ["Pandas"]):
        raise BadInput(
            f"{where} type", type_, "an expectation that works on a table in memory, not only in SQL"
        )
    schema = _shipped(known[type_].get("schema_file", ""))
    if schema is None:
        return
    allowed = sorted(schema["properties"].keys() - _NOT_OURS)
    _check_kwargs(kwargs, allowed, schema.get("required", []), where_kwargs)


def _check_kwargs(
    kwargs: dict[str, Any], allowed: Sequence[str], required: Sequence[str], where: str
) -> None:
    for key in sorted(kwargs.keys() - set(allowed)):
        raise BadInput(where, key, f"only {', '.join(allowed)}")
    for key in required:
        if key not in kwargs:
            raise BadInput(where, sorted(kwargs), f"{key} to be given")


@functools.cache
def _known() -> dict[str, dict[str, Any]]:
    """Type to its shipped schema; empty when no schemas are shipped."""
    index = _shipped("index.json")
    if index is None:
        return {}
    return {**{type_: {} for type_ in index["documented_absent"]}, **index["expectations"]}


@functools.cache
def _shipped(name: str) -> dict[str, Any] | None:
    found = importlib.util.find_spec("great_expectations")  # finds the folder, imports nothing
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "expectations" / "core" / "schemas" / name
        if path.is_file():
            payload: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return payload
    return None
