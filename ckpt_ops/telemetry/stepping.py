"""What the result of a step says in numbers."""

from __future__ import annotations

from ckpt_ops.pipeline.step_results import Decided, Pulled, Settled, Settlement, Validated
from ckpt_ops.telemetry.table import Sample


def of_result(result: object) -> tuple[Sample, ...]:
    """The samples of a step's result; none of most."""
    match result:
        case Pulled():
            return (Sample(metric="pulled_rows", value=result.rows),)
        case Validated():
            return (Sample(metric="verdicts", value=1, labels={"outcome": result.outcome.value}),)
        case Settled():
            return (_settled(result.decision),)
        case Decided() if result.promoted is not None:
            return (_settled(Settlement.PROMOTED),)
    return ()


def _settled(decision: Settlement) -> Sample:
    return Sample(metric="settled", value=1, labels={"decision": decision.value.replace(" ", "_")})
