"""What an update policy sees and what it answers.

An answer has three values. Some policies ask how the champion does on the newest slice, which only the
process that holds the model can tell: until it has, they are *undecided* (`due=None`), and whoever asks runs
that process, fills in the score and asks again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ckpt_ops.errors import BadInput

DUE, NOT_DUE, UNDECIDED = "due: ", "not due: ", "undecided: "


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a model when a policy is asked.

    Attributes:
        pending_rows: rows of accepted slices that no promoted version consumed.
        pending_slices: how many such slices.
        seconds_since_update: age of the champion, None when none is on record.
        has_champion: False before the first promotion.
        champion_metrics_at_promotion: by metric, as the evaluation that promoted it found.
        champion_on_slice: by metric, on the newest slice; None: not scored yet. A metric without a value
            there (an AUC with one class) has no entry.
    """

    pending_rows: int
    pending_slices: int
    seconds_since_update: float | None
    has_champion: bool
    champion_metrics_at_promotion: Mapping[str, float] = field(default_factory=dict)
    champion_on_slice: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("pending_rows", self.pending_rows),
            ("pending_slices", self.pending_slices),
            ("seconds_since_update", self.seconds_since_update),
        ):
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise BadInput(f"Facts.{name}", value, "a number of 0 or more")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A policy's answer.

    Attributes:
        due: True: update now. False: let the slices wait. None: needs the champion's score on the new slice.
        words: a plain sentence that begins with "due: ", "not due: " or "undecided: ".
        numbers: what the answer rests on, by name; finite.
    """

    due: bool | None
    words: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain dict that strict JSON can carry."""
        return {"due": self.due, "words": self.words, "numbers": dict(self.numbers)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Decision:
        """What `to_json` gave. `BadInput` names what is missing."""
        missing = [key for key in ("due", "words", "numbers") if key not in value]
        if missing:
            raise BadInput("decision", sorted(value), f"the keys due, words, numbers; missing: {missing}")
        return cls(due=value["due"], words=value["words"], numbers=dict(value["numbers"]))


@runtime_checkable
class Policy(Protocol):
    """When to update. Ask through `ckpt_ops.policies.decide`, which settles the first version for all."""

    def decide(self, facts: Facts) -> Decision:
        """The answer for these facts; the same facts give the same answer."""
        ...


def decided(due: bool | None, reason: str, numbers: Mapping[str, float]) -> Decision:
    """A decision whose words begin with what was decided."""
    prefix = {True: DUE, False: NOT_DUE, None: UNDECIDED}[due]
    return Decision(due=due, words=prefix + reason, numbers=numbers)


def reason_of(decision: Decision) -> str:
    """The words without what was decided, to be put into another sentence."""
    words = decision.words
    for prefix in (DUE, NOT_DUE, UNDECIDED):
        if words.startswith(prefix):
            return words.removeprefix(prefix)
    return words


def decide(policy: Policy, facts: Facts) -> Decision:
    """Ask a policy. Without a champion every policy is due: there is nothing that could be kept instead."""
    if not facts.has_champion:
        numbers = {
            "pending_rows": float(facts.pending_rows),
            "pending_slices": float(facts.pending_slices),
        }
        return decided(True, "first version, there is no champion yet", numbers)
    return policy.decide(facts)
