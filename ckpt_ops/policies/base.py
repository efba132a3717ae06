"""What an update policy sees and what it answers.

An answer has three values. Some policies need facts that take work to find: how far the newest slice has
drifted, which reads slices, or how the champion does on it, which only the process with the model can
tell. Until they have them they are *undecided* (`due=None`): the caller finds them out, the cheaper first,
and asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ckpt_ops import checks
from ckpt_ops.errors import BadInput

DUE, NOT_DUE, UNDECIDED = "due: ", "not due: ", "undecided: "


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """How far a column of the newest slice is from the slices that the champion consumed last.

    Attributes:
        psi: the population stability index, None where there is none.
        psi_noise: the index that chance alone reaches one time in a thousand with this many rows.
        ks: Kolmogorov-Smirnov's D, 0 to 1, of its values; None where there is none.
        ks_noise: as `psi_noise`, of D.
        number: whether the column has numbers: only those have a D.
        not_compared: why there is neither; "" where there is.
    """

    psi: float | None
    psi_noise: float = 0.0
    ks: float | None = None
    ks_noise: float = 0.0
    number: bool = True
    not_compared: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a model when a policy is asked.

    A training counts from when it ended, whatever its outcome: promoted, rejected or still waiting.

    Attributes:
        pending_rows: rows of accepted slices that no promoted version consumed.
        pending_slices: how many slices those are.
        seconds_since_update: age of the champion, None when none is on record.
        has_champion: False before the first promotion.
        champion_metrics_at_promotion: by metric, from the evaluation that promoted it.
        champion_on_slice: by metric, on the newest slice; None: not scored yet. A metric without a value
            there (an AUC with one class) has no entry.
        seconds_since_training: since the last training ended, None when none is on record.
        slices_since_training: how many of the pending slices the last training did not have; None when
            none is on record.
        trainings: of each training, how many seconds ago it ended and for how many it stepped.
        drift: by column of the newest slice; None: not measured yet.
    """

    pending_rows: int
    pending_slices: int
    seconds_since_update: float | None
    has_champion: bool
    champion_metrics_at_promotion: Mapping[str, float] = field(default_factory=dict)
    champion_on_slice: Mapping[str, float] | None = None
    seconds_since_training: float | None = None
    slices_since_training: int | None = None
    trainings: tuple[tuple[float, float], ...] = ()
    drift: Mapping[str, ColumnDrift] | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("pending_rows", self.pending_rows),
            ("pending_slices", self.pending_slices),
            ("seconds_since_update", self.seconds_since_update),
            ("seconds_since_training", self.seconds_since_training),
            ("slices_since_training", self.slices_since_training),
            *(("trainings", number) for training in self.trainings for number in training),
        ):
            if value is not None:
                checks.number(f"Facts.{name}", value, at_least=0)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A policy's answer.

    Attributes:
        due: True: update now. False: let the slices wait. None: needs drift, or the champion's score.
        message: a plain sentence that begins with "due: ", "not due: " or "undecided: ".
        numbers: what the answer rests on, by name; finite.
    """

    due: bool | None
    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain dict that strict JSON can carry."""
        return {"due": self.due, "words": self.message, "numbers": dict(self.numbers)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Decision:
        """What `to_json` gave. `BadInput` names what is missing."""
        missing = [key for key in ("due", "words", "numbers") if key not in value]
        if missing:
            raise BadInput("decision", sorted(value), f"the keys due, words, numbers; missing: {missing}")
        return cls(due=value["due"], message=value["words"], numbers=dict(value["numbers"]))


@runtime_checkable
class Policy(Protocol):
    """When to update. Ask through `ckpt_ops.policies.decide`, which settles the first version for all."""

    def decide(self, facts: Facts) -> Decision:
        """The answer for these facts; the same facts give the same answer."""
        ...


def decided(due: bool | None, reason: str, numbers: Mapping[str, float]) -> Decision:
    """A decision whose message begins with what was decided."""
    prefix = {True: DUE, False: NOT_DUE, None: UNDECIDED}[due]
    return Decision(due=due, message=prefix + reason, numbers=numbers)


def reason_of(decision: Decision) -> str:
    """The message without what was decided, to put into a longer sentence."""
    message = decision.message
    for prefix in (DUE, NOT_DUE, UNDECIDED):
        if message.startswith(prefix):
            return message.removeprefix(prefix)
    return message


def decide(policy: Policy, facts: Facts) -> Decision:
    """Ask a policy. Without a champion every policy is due: there is nothing to keep instead."""
    if not facts.has_champion:
        numbers = {
            "pending_rows": float(facts.pending_rows),
            "pending_slices": float(facts.pending_slices),
        }
        return decided(True, "first version, there is no champion yet", numbers)
    return policy.decide(facts)
