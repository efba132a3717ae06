"""What a gate said, and what all gates said together: values that are kept with the version as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ckpt_ops.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One gate's answer.

    Attributes:
        gate: the gate and its settings, as code would write them.
        passed: True, False, or None where the gate does not apply (no champion to compare with).
        numbers: what the answer rests on, by name; finite only, what has no value is left out.
        words: a plain sentence.
    """

    gate: str
    passed: bool | None
    words: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.passed is not None and not isinstance(self.passed, bool):
            raise BadInput("passed", self.passed, "True, False or None")
        for name, number in self.numbers.items():
            if not math.isfinite(number):
                raise BadInput(f"numbers[{name!r}]", number, "a finite number, or no entry at all")

    def to_json(self) -> dict[str, Any]:
        """A plain dict that strict JSON can carry."""
        return {"gate": self.gate, "passed": self.passed, "words": self.words, "numbers": dict(self.numbers)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """What `to_json` gave. `BadInput` names what is missing."""
        _require("verdict", value, ("gate", "passed", "words", "numbers"))
        return cls(
            gate=value["gate"],
            passed=value["passed"],
            words=value["words"],
            numbers=dict(value["numbers"]),
        )


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All gates' answers about one candidate on one set of rows.

    Attributes:
        passed: no gate refused and at least one passed.
        words: a plain sentence: who refused, or how many passed.
        verdicts: in the order of the gates.
        candidate, champion: every metric that has a value on these rows; champion None for a first version.
        slice_key, rows, count: which rows were judged, and how many.
        seed: of the resampling, so that the intervals can be computed again.
    """

    passed: bool
    words: str
    verdicts: tuple[Verdict, ...]
    candidate: Mapping[str, float]
    champion: Mapping[str, float] | None
    slice_key: str
    rows: str
    count: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """A plain dict that strict JSON can carry."""
        return {
            "passed": self.passed,
            "words": self.words,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "candidate": dict(self.candidate),
            "champion": None if self.champion is None else dict(self.champion),
            "slice_key": self.slice_key,
            "rows": self.rows,
            "count": self.count,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Evaluation:
        """What `to_json` gave. `BadInput` names what is missing."""
        _require("evaluation", value, tuple(cls.__dataclass_fields__))
        return cls(
            passed=value["passed"],
            words=value["words"],
            verdicts=tuple(Verdict.from_json(verdict) for verdict in value["verdicts"]),
            candidate=dict(value["candidate"]),
            champion=None if value["champion"] is None else dict(value["champion"]),
            slice_key=value["slice_key"],
            rows=value["rows"],
            count=value["count"],
            seed=value["seed"],
        )


def _require(what: str, value: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in value]
    if missing:
        raise BadInput(what, sorted(value), f"the keys {', '.join(keys)}; missing: {', '.join(missing)}")
