"""What a policy needs beyond what the log has: drift, which has to be measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ckpt_ops.errors import BadInput
from ckpt_ops.policies.base import Policy


@dataclass(frozen=True, kw_only=True)
class DriftNeed:
    """Which columns to compare, and with how many of the newest slices that the champion consumed.

    Attributes:
        columns: their names; none: every number, text or boolean column of the newest slice.
    """

    columns: tuple[str, ...]
    reference_slices: int


@runtime_checkable
class NeedsDrift(Protocol):
    """A policy that reads `Facts.drift`, or contains one that does."""

    def drift_needed(self) -> DriftNeed | None:
        """What has to be measured for it, if anything."""
        ...


def drift_needed(policy: Policy) -> DriftNeed | None:
    """What has to be measured for a policy, if anything."""
    return policy.drift_needed() if isinstance(policy, NeedsDrift) else None


def joined(policies: Iterable[Policy]) -> DriftNeed | None:
    """What has to be measured for all of them.

    Raises:
        BadInput: they compare with different numbers of slices.
    """
    needs = [need for need in map(drift_needed, policies) if need is not None]
    if not needs:
        return None
    references = {need.reference_slices for need in needs}
    if len(references) > 1:
        raise BadInput(
            "Drift.reference_slices",
            sorted(references),
            "one number: all drift that a pipeline asks for is measured against the same slices",
        )
    every = any(not need.columns for need in needs)
    columns = dict.fromkeys(column for need in needs for column in need.columns)
    return DriftNeed(columns=() if every else tuple(columns), reference_slices=references.pop())
