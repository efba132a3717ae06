"""Which rows: a small language of comparisons, and nothing else.

    person == 'p-17'
    person in ('p-17', 'p-18') and not (day < '2013-01-06' or carrier is null)

A column is compared with a value: text in quotes, a number, `true` or `false`; a date or time as ISO 8601 in
quotes, in UTC unless it has a zone. A column whose name is no identifier stands in backticks. A
comparison with null is false, `!=` too: only `is null` finds it, and `not` turns false into true.

The text is parsed by Python's own parser and then read against a list of what may be there: no call, no
attribute, no arithmetic, so that a text from somebody else can only choose rows.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.comparison import Literal, Mismatch, Test, comparison, null

_LONGEST, _DEEPEST = 20_000, 100
_GRAMMAR = (
    "columns compared with values by == != < <= > >= in, `x is null`, and, or, not, parentheses, "
    "such as \"person == 'p-17'\""
)
_OPERATORS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_QUOTED = re.compile(r"('(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")|`([^`]+)`")

Mask = Callable[[pa.RecordBatch], pa.Array]
"""Booleans, none of them null, a row each."""


@dataclass(frozen=True, kw_only=True)
class _Of:
    """A column for which any of some tests holds; `negated`: that has a value, and none holds."""

    column: str
    tests: tuple[tuple[str, Literal], ...] = ()
    null: bool = False
    negated: bool = False


@dataclass(frozen=True, kw_only=True)
class _Joined:
    """`and`, `or`, or `not` of one."""

    how: str
    parts: tuple[_Node, ...]


_Node = _Of | _Joined


@dataclass(frozen=True, kw_only=True)
class Predicate:
    """A parsed text. `parse` makes it.

    Attributes:
        columns: those it names, in order, each once.
    """

    text: str
    columns: tuple[str, ...]
    node: _Node

    def mask(self, schema: pa.Schema) -> Mask:
        """Says which rows of a batch of `schema` match. A column that is not there is null.

        Raises:
            BadInput: a column is compared with a value of a different kind.
        """
        return self._mask(self.node, schema)

    def check(self, schema: pa.Schema, *, besides: Collection[str] = ()) -> None:
        """Refuse a column that is not in `schema` nor among `besides`, or of another kind in `schema`.

        Raises:
            BadInput: names the columns that there are, or what the column is compared with.
        """
        known = list(dict.fromkeys([*schema.names, *besides]))
        for name in self.columns:
            if name not in known:
                allowed = f"columns that exist; {name} is none of {', '.join(known)}"
                raise BadInput("rows", self.text, allowed)
        self.mask(schema)

    def _mask(self, node: _Node, schema: pa.Schema) -> Mask:
        if isinstance(node, _Of):
            return self._of(node, schema)
        parts = [self._mask(part, schema) for part in node.parts]
        if node.how == "not":
            return lambda batch: pc.invert(parts[0](batch))
        join = pc.and_ if node.how == "and" else pc.or_

        def joined(batch: pa.RecordBatch) -> pa.Array:
            mask = parts[0](batch)
            for part in parts[1:]:
                mask = join(mask, part(batch))
            return mask

        return joined

    def _of(self, node: _Of, schema: pa.Schema) -> Mask:
        there = schema.names.count(node.column)
        if there > 1:
            raise BadInput("rows", self.text, f"a column that is there once; {node.column} is {there} times")
        kind = schema.field(node.column).type if there else pa.null()
        tests = [null] if node.null else [self._test(node.column, kind, *one) for one in node.tests]

        def of(batch: pa.RecordBatch) -> pa.Array:
            column = batch.column(node.column) if there else pa.nulls(batch.num_rows)
            mask = tests[0](column)
            for test in tests[1:]:
                mask = pc.or_(mask, test(column))
            if not node.negated:
                return mask
            mask = pc.invert(mask)
            return mask if node.null else pc.and_(mask, column.is_valid())

        return of

    def _test(self, column: str, kind: pa.DataType, operator: str, literal: Literal) -> Test:
        try:
            return comparison(kind, operator, literal)
        except Mismatch as error:
            compared = f"{column} {operator} {literal!r}"
            allowed = f"for column {column}, which is {kind}, {error}; not {compared}"
            raise BadInput("rows", self.text, allowed) from None


def parse(text: str) -> Predicate:
    """The predicate that `text` says. Raises `BadInput` for anything else than comparisons."""
    if len(text) > _LONGEST:
        raise BadInput("rows", f"{text[:40]}...", f"at most {_LONGEST:,} characters")
    names: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        name = f"column_in_backticks_{len(names)}"
        names[name] = match[2]
        return f" {name} "

    try:
        tree = ast.parse(_QUOTED.sub(stand_in, text).strip(), mode="eval")
        node = _Reader(text, names).condition(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput("rows", text, _GRAMMAR) from None
    return Predicate(text=text.strip(), columns=tuple(dict.fromkeys(_columns(node))), node=node)


class _Reader:
    """From Python's syntax tree to ours; what is not on the list is refused."""

    def __init__(self, text: str, names: dict[str, str]) -> None:
        self._text, self._names = text, names

    def condition(self, tree: ast.expr, depth: int = 1) -> _Node:
        if depth > _DEEPEST:
            raise self._refused(f"at most {_DEEPEST} levels")
        match tree:
            case ast.BoolOp():
                how = "and" if isinstance(tree.op, ast.And) else "or"
                return _Joined(how=how, parts=tuple(self.condition(part, depth + 1) for part in tree.values))
            case ast.UnaryOp(op=ast.Not()):
                return _Joined(how="not", parts=(self.condition(tree.operand, depth + 1),))
            case ast.Compare():
                sides = [tree.left, *tree.comparators]
                pairs = zip(sides, tree.ops, sides[1:], strict=False)
                parts = tuple(self._comparison(*pair) for pair in pairs)
                return parts[0] if len(parts) == 1 else _Joined(how="and", parts=parts)
            case ast.Name():
                raise self._refused(f"{self._name(tree)} alone is no comparison: {self._name(tree)} == true")
        raise self._refused(f"{ast.unparse(tree)} is not among these")

    def _comparison(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> _Of:
        match operator:
            case ast.Is() | ast.IsNot():
                if self._is_value(right) and self._value(right) is None:
                    return _Of(column=self._column(left), null=True, negated=isinstance(operator, ast.IsNot))
                raise self._refused("`is` tests for null: x is null, x is not null")
            case ast.In() | ast.NotIn():
                if not isinstance(right, ast.Tuple | ast.List) or not right.elts:
                    raise self._refused("`in` takes values in parentheses: x in ('a', 'b')")
                tests = tuple(("==", self._literal(one)) for one in right.elts)
                negated = isinstance(operator, ast.NotIn)
                return _Of(column=self._column(left), tests=tests, negated=negated)
        symbol = _OPERATORS[type(operator)]
        if self._is_value(left):
            left, right, symbol = right, left, _TURNED[symbol]
        return _Of(column=self._column(left), tests=((symbol, self._literal(right)),))

    def _column(self, tree: ast.expr) -> str:
        if not isinstance(tree, ast.Name) or self._is_value(tree):
            raise self._refused(f"{ast.unparse(tree)} is no column")
        return self._name(tree)

    def _name(self, tree: ast.Name) -> str:
        return self._names.get(tree.id, tree.id)

    def _is_value(self, tree: ast.expr) -> bool:
        return not isinstance(tree, ast.Name) or tree.id in _CONSTANTS

    def _literal(self, tree: ast.expr) -> Literal:
        value = self._value(tree)
        if value is None:
            raise self._refused("test for null with `is null`, `is not null`")
        return value

    def _value(self, tree: ast.expr) -> Literal | None:
        match tree:
            case ast.Constant(value=None | str() | bool() | int() | float()):
                return tree.value  # type: ignore[return-value]  # the pattern says what it is
            case ast.Name() if tree.id in _CONSTANTS:
                return _CONSTANTS[tree.id]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                number = self._value(tree.operand)
                if isinstance(number, int | float) and not isinstance(number, bool):
                    return -number if isinstance(tree.op, ast.USub) else number
            case ast.Name():
                raise self._refused(f"{self._name(tree)} is a column; text needs quotes")
        raise self._refused(f"{ast.unparse(tree)} is no value")

    def _refused(self, why: str) -> BadInput:
        for stand_in, name in self._names.items():
            why = why.replace(stand_in, f"`{name}`")
        return BadInput("rows", self._text, f"{_GRAMMAR}; {why}")


def _columns(node: _Node) -> list[str]:
    if isinstance(node, _Of):
        return [node.column]
    return [name for part in node.parts for name in _columns(part)]
