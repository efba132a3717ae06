"""The verdict of a gate, and the evaluation by all gates: values that are kept with the version as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.basis import Basis
from ckpt_ops.former_columns import FormerNames
from ckpt_ops.wire_names import wire, wire_names


@wire("Verdict", message="words")
@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One gate's answer.

    Attributes:
        gate: the gate and its settings, as code would write them.
        passed: True, False, or None where the gate does not apply (no champion to compare with).
        numbers: what the answer rests on, by name; finite only, what has no value is left out.
        message: a plain sentence.
        waits: it rejects only because it cannot tell which model is better; more slices may show it.
        suspects: by key, why a slice that the candidate trained on is to blame if the candidate is rejected.
        below_floor: which models miss the gate's bound, by "candidate" and "champion", in a sentence each.
    """

    gate: str
    passed: bool | None
    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    waits: bool = False
    suspects: Mapping[str, str] = field(default_factory=dict)
    below_floor: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.passed is not None and not isinstance(self.passed, bool):
            raise BadInput("passed", self.passed, "True, False or None")
        for name, number in self.numbers.items():
            checks.number(f"numbers[{name!r}]", number, allowed="a finite number, or no entry at all")

    def to_json(self) -> dict[str, Any]:
        """A plain dict that strict JSON can carry."""
        return {
            "gate": self.gate,
            "passed": self.passed,
            "words": self.message,
            "numbers": dict(self.numbers),
            "waits": self.waits,
            "suspects": dict(self.suspects),
            "below_floor": dict(self.below_floor),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """What `to_json` gave, also without the fields added later. `BadInput` names what is missing."""
        _require("verdict", value, ("gate", "passed", "words", "numbers"))
        return cls(
            gate=value["gate"],
            passed=value["passed"],
            message=value["words"],
            numbers=dict(value["numbers"]),
            waits=value.get("waits", False),
            suspects=dict(value.get("suspects", {})),
            below_floor=dict(value.get("below_floor", {})),
        )


@dataclass(frozen=True, kw_only=True)
class PastSlice:
    """Both models on the held-out rows of a slice consumed before.

    Attributes:
        rows: how many.
        candidate, champion: every metric that has a value on them; champion None for a first version.
    """

    rows: int
    candidate: Mapping[str, float]
    champion: Mapping[str, float] | None

    def to_json(self) -> dict[str, Any]:
        """A plain dict that strict JSON can carry."""
        champion = None if self.champion is None else dict(self.champion)
        return {"rows": self.rows, "candidate": dict(self.candidate), "champion": champion}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PastSlice:
        """What `to_json` gave. `BadInput` names what is missing."""
        _require("past slice", value, ("rows", "candidate", "champion"))
        champion = None if value["champion"] is None else dict(value["champion"])
        return cls(rows=value["rows"], candidate=dict(value["candidate"]), champion=champion)


@wire("Evaluation", message="words")
@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All gates' answers about one candidate on one set of rows.

    Attributes:
        passed: no gate rejected and at least one passed.
        message: plain sentences: which gates rejected, or how many passed, and on which kind of rows.
        verdicts: in the order of the gates.
        candidate, champion: every metric that has a value on these rows; champion None for a first version.
        slice_key, rows, count: which rows were evaluated, and how many.
        seed: of the resampling, so that the intervals can be computed again.
        basis: whether the candidate trained on other rows of the same slices.
        past: both models on slices consumed before, by key; empty where nobody collected their rows.
        waits: it is rejected only because the gates cannot tell whether the candidate is better.
        suspects: by key, why a slice that the candidate trained on is to blame; empty when it passed.
        below_floor: "candidate" and "champion", where one misses a floor on these rows, in a sentence each.
        former: "champion" and "candidate", where its own kept code was given columns under a former name:
            today's name by the former one.
        drawn_from: of how many rows those evaluated were drawn; None: they are all. `past_drawn_from`: those
            of the slices consumed before.
    """

    passed: bool
    message: str
    verdicts: tuple[Verdict, ...]
    candidate: Mapping[str, float]
    champion: Mapping[str, float] | None
    slice_key: str
    rows: str
    count: int
    seed: int
    basis: Basis = Basis.HOLDOUT
    past: Mapping[str, PastSlice] = field(default_factory=dict)
    waits: bool = False
    suspects: Mapping[str, str] = field(default_factory=dict)
    below_floor: Mapping[str, str] = field(default_factory=dict)
    former: Mapping[str, FormerNames] = field(default_factory=dict)
    drawn_from: int | None = None
    past_drawn_from: int | None = None

    def to_json(self) -> dict[str, Any]:
        """A plain dict that strict JSON can carry."""
        return {
            "passed": self.passed,
            "words": self.message,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "candidate": dict(self.candidate),
            "champion": None if self.champion is None else dict(self.champion),
            "slice_key": self.slice_key,
            "rows": self.rows,
            "count": self.count,
            "seed": self.seed,
            "basis": self.basis.value,
            "past": {key: of_slice.to_json() for key, of_slice in self.past.items()},
            "waits": self.waits,
            "suspects": dict(self.suspects),
            "below_floor": dict(self.below_floor),
            "former": {who: dict(names) for who, names in self.former.items()},
            **{name: of for name, of in self._drawn().items() if of is not None},
        }

    def _drawn(self) -> dict[str, int | None]:
        return {"drawn_from": self.drawn_from, "past_drawn_from": self.past_drawn_from}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Evaluation:
        """What `to_json` gave, also without the fields added later. `BadInput` names what is missing."""
        added_later = {"basis", "past", "waits", "suspects", "below_floor", "former"}
        added_later |= {"drawn_from", "past_drawn_from"}
        kind: type = cls
        stored = wire_names(kind).values()
        _require("evaluation", value, tuple(key for key in stored if key not in added_later))
        return cls(
            passed=value["passed"],
            message=value["words"],
            verdicts=tuple(Verdict.from_json(verdict) for verdict in value["verdicts"]),
            candidate=dict(value["candidate"]),
            champion=None if value["champion"] is None else dict(value["champion"]),
            slice_key=value["slice_key"],
            rows=value["rows"],
            count=value["count"],
            seed=value["seed"],
            basis=Basis(value.get("basis", Basis.HOLDOUT.value)),
            past={key: PastSlice.from_json(of_slice) for key, of_slice in value.get("past", {}).items()},
            waits=value.get("waits", False),
            suspects=dict(value.get("suspects", {})),
            below_floor=dict(value.get("below_floor", {})),
            former={who: dict(names) for who, names in value.get("former", {}).items()},
            drawn_from=value.get("drawn_from"),
            past_drawn_from=value.get("past_drawn_from"),
        )


def _require(what: str, value: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in value]
    if missing:
        raise BadInput(what, sorted(value), f"the keys {', '.join(keys)}; missing: {', '.join(missing)}")
