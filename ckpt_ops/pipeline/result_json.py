"""The results of steps to JSON and back: as Airflow's XCom has them, and a command's `--json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, cast, get_type_hints

from ckpt_ops.documents import BadDocument, read_as
from ckpt_ops.errors import BadInput, Corrupt
from ckpt_ops.evaluation import Evaluation
from ckpt_ops.pipeline.step_results import (
    Answered,
    Concluded,
    Evaluated,
    Rebased,
    RebasePlanned,
    Validated,
)

T = TypeVar("T")


def to_json(result: Any) -> dict[str, Any]:
    """The result of a step, a dataclass, as XCom and `--json` have it."""
    match result:
        case Rebased():
            return to_json(result.replayed) | to_json(result.concluded)
        case Concluded():
            evaluated = to_json(result.evaluated) if result.evaluated else {}
            return evaluated | to_json(result.settled)
        case Evaluated():
            return _evaluated(result)
        case Validated():
            return {**_fields(result), "trainable": result.trainable}
        case RebasePlanned(due=False):
            return {name: getattr(result, name) for name in ("due", "dry_run", "why", "head")}
        case Answered(answer=None):
            return {"version": result.version, "answer": None}
        case Answered():
            return {**_fields(result), "by": result.by, "why": result.why, "expired": result.expired}
    return _fields(result)


def from_json(kind: type[T], value: object, *, of: str) -> T:
    """What `to_json` gave, as a `kind`. Unknown keys are ignored.

    Args:
        of: whose result it is, for the error.

    Raises:
        Corrupt: naming the field that is missing or has a value of a wrong type.
    """
    try:
        if not isinstance(value, Mapping):
            raise BadDocument(f"it is {value!r:.40}, and no JSON object")
        known = {
            one.name: value[one.name] for one in dataclasses.fields(cast(Any, kind)) if one.name in value
        }
        if kind is Evaluated:
            known |= {"message": value["words"]} if "words" in value else {}
            known["evaluation"] = Evaluation.from_json(value) if "verdicts" in value else None
        return _read(kind, known)
    except (BadDocument, BadInput, TypeError) as error:
        raise Corrupt(
            f"the result of {of} is no {kind.__name__}: {error}",
            safe="nothing was written; the champion serves on",
            next=f"clear {of} of this run: it gives its result again",
        ) from error


def _evaluated(result: Evaluated) -> dict[str, Any]:
    values: dict[str, Any] = {"version": result.version}
    if result.evaluation is not None:
        values |= result.evaluation.to_json()
        del values["past"]  # it is in the report, and as long as the gates look back
    values |= {"passed": result.passed, "words": result.message}
    return values | ({"report": result.report} if result.report else {})


def _fields(result: Any) -> dict[str, Any]:
    values = {one: getattr(result, one.name) for one in dataclasses.fields(result)}
    return {
        one.name: _plain(value)
        for one, value in values.items()
        if value != one.default or not one.metadata.get("omit")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _read(kind: type[T], values: dict[str, Any]) -> T:
    """As `read_as`, which knows plain types only, for a dataclass that has enums."""
    hints = get_type_hints(kind)
    read: dict[str, Any] = {}
    for name, value in values.items():
        enum = _enum_in(hints[name])
        if isinstance(value, Evaluation) or (enum is not None and value is None):
            read[name] = value
        elif enum is None:
            read[name] = read_as(hints[name], value, at=name)
        elif isinstance(value, str) and value in {one.value for one in enum}:
            read[name] = enum(value)
        else:
            allowed = ", ".join(repr(one.value) for one in enum)
            raise BadDocument(f"{name} is {value!r:.40}, and none of {allowed}")
    needed = {
        one.name
        for one in dataclasses.fields(cast(Any, kind))
        if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
    }
    if missing := needed - read.keys():
        raise BadDocument(f"it lacks {min(missing)!r}")
    return kind(**read)


def _enum_in(hint: Any) -> type[Enum] | None:
    """The enum that a field is of, also where it may be None."""
    inside = [hint, *getattr(hint, "__args__", ())]
    return next((one for one in inside if isinstance(one, type) and issubclass(one, Enum)), None)
