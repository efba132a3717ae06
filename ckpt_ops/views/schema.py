"""The schema of the views: for TypeScript, for JSON Schema, and for people."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from ckpt_ops.views.exports import ExportsView
from ckpt_ops.views.fleet import Fleet
from ckpt_ops.views.lineage import LineageView
from ckpt_ops.views.model import ModelView
from ckpt_ops.views.plan import PlanView, TransferView
from ckpt_ops.views.shapes import TrainingNow
from ckpt_ops.views.slices import MissingView, SlicesView, SliceView
from ckpt_ops.views.status import StatusView
from ckpt_ops.views.version import VersionView

ROOTS: tuple[type, ...] = (
    Fleet,
    ModelView,
    LineageView,
    SlicesView,
    SliceView,
    MissingView,
    VersionView,
    ExportsView,
    StatusView,
    TrainingNow,
    PlanView,
    TransferView,
)
"""What a route or a command answers with."""

_PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "unknown"}
_JSON = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def typescript() -> str:
    """Interfaces for every view, as `pages/src/schema.ts` holds them."""
    lines = ["// Written by `python -m ckpt_ops.views --typescript`: change the classes in ckpt_ops/views."]
    for kind in kinds():
        lines += ["", f"/** {_summary(kind)} */"]
        if issubclass(kind, Enum):
            lines.append(f"export type {kind.__name__} =")
            members = [f"  | {_quoted(str(one.value))}" for one in kind]
            lines += [*members[:-1], f"{members[-1]};"]
        else:
            lines.append(f"export interface {kind.__name__} {{")
            lines += [f"  {name}: {_typescript(hint)};" for name, hint in get_type_hints(kind).items()]
            lines.append("}")
    return "\n".join(lines) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of every view, each below `$defs`. Fields may be added in later versions."""
    found = {}
    for kind in kinds():
        about: dict[str, Any] = {"description": _summary(kind)}
        if issubclass(kind, Enum):
            found[kind.__name__] = {**about, "enum": [one.value for one in kind]}
            continue
        hints = get_type_hints(kind)
        found[kind.__name__] = {
            **about,
            "type": "object",
            "properties": {name: _schema(hint) for name, hint in hints.items()},
            "required": list(hints),
        }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": found}


def markdown() -> str:
    """A section for each class, for `docs/reference/views.md`: what its docstring says, and its fields."""
    lines = []
    for kind in kinds():
        lines += [f"### {kind.__name__}", "", *_paragraphs(_told(kind)), ""]
        if issubclass(kind, Enum):
            lines += [", ".join(f'"{one.value}"' for one in kind) + ".", ""]
            continue
        lines += ["| field | type |", "|---|---|"]
        lines += [
            f"| `{name}` | `{_typescript(hint)}` |".replace(" | null", " \\| null")
            for name, hint in get_type_hints(kind).items()
        ]
        lines += [""]
    return "\n".join(lines)


def kinds() -> tuple[type, ...]:
    """Every class that a view is made of, each after those that it holds."""
    found: dict[type, None] = {}
    for root in ROOTS:
        _collect(root, found)
    return tuple(found)


def _collect(kind: Any, found: dict[type, None]) -> None:
    if kind in found:
        return
    if isinstance(kind, type) and issubclass(kind, Enum):
        found[kind] = None
    elif dataclasses.is_dataclass(kind) and isinstance(kind, type):
        for hint in get_type_hints(kind).values():
            _collect(hint, found)
        found[kind] = None
    else:
        for inside in get_args(kind):
            _collect(inside, found)


def _typescript(hint: Any) -> str:
    if hint in _PLAIN:
        return _PLAIN[hint]
    inside = get_args(hint)
    match _form(hint):
        case "union":
            return " | ".join(_typescript(one) for one in inside)
        case "many":
            one = _typescript(inside[0])
            return f"({one})[]" if " | " in one else f"{one}[]"
        case "few":
            return f"[{', '.join(_typescript(one) for one in inside)}]"
        case "mapping":
            return f"Record<string, {_typescript(inside[1])}>"
    return str(hint.__name__)


def _schema(hint: Any) -> dict[str, Any]:
    if hint is Any:
        return {}
    if hint in _JSON:
        return {"type": _JSON[hint]}
    inside = get_args(hint)
    match _form(hint):
        case "union":
            return {"anyOf": [_schema(one) for one in inside]}
        case "many":
            return {"type": "array", "items": _schema(inside[0])}
        case "few":
            few = [_schema(one) for one in inside]
            return {"type": "array", "prefixItems": few, "items": False, "minItems": len(few)}
        case "mapping":
            return {"type": "object", "additionalProperties": _schema(inside[1])}
    return {"$ref": f"#/$defs/{hint.__name__}"}


def _form(hint: Any) -> str:
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return "union"
    if origin is tuple:
        return "many" if inside[-1] is Ellipsis else "few"
    return "mapping" if origin in (dict, Mapping) else "class"


def _summary(kind: type) -> str:
    return _told(kind)[0]


def _told(kind: type) -> list[str]:
    return inspect.cleandoc(kind.__doc__ or "").splitlines()


def _paragraphs(told: list[str]) -> list[str]:
    """A docstring as Markdown: its attributes are a list."""
    lines: list[str] = []
    for line in told:
        if line.startswith(" " * 8) and lines:
            lines[-1] = f"{lines[-1]} {line.strip()}"
        elif line.startswith("    "):
            lines.append(f"- {line.strip()}")
        elif line != "Attributes:":
            lines.append(line)
    return lines


def _quoted(text: str) -> str:
    return f'"{text}"'
