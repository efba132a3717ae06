"""Gates: small values that pass or reject a candidate, with a reason.

A gate sees predictions alone (`EvaluatedRows`). *Absolute* gates bound the candidate's own quality; relative
ones compare it with the champion on the same rows, and do not apply to a first version. Where a metric has no
value (one class only, NaN predictions) a gate rejects: what could not be evaluated is never passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.evaluation.gates.bounds import AtLeast, AtMost, Floor
    from ckpt_ops.evaluation.gates.calibrated import Calibrated
    from ckpt_ops.evaluation.gates.champion import NotWorseThan, Unclear
    from ckpt_ops.evaluation.gates.export import LatencyAtMost, Servable, SizeAtMost
    from ckpt_ops.evaluation.gates.fairness import FairAcross, FairRates
    from ckpt_ops.evaluation.gates.forgetting import NoForgetting
    from ckpt_ops.evaluation.gates.gate import Gate, past_slices, segment_columns
    from ckpt_ops.evaluation.gates.segments import NoSegmentWorse
    from ckpt_ops.evaluation.gates.suspects import NoSuspectSlice

__all__ = [
    "AtLeast",
    "AtMost",
    "Calibrated",
    "FairAcross",
    "FairRates",
    "Floor",
    "Gate",
    "LatencyAtMost",
    "NoForgetting",
    "NoSegmentWorse",
    "NoSuspectSlice",
    "NotWorseThan",
    "Servable",
    "SizeAtMost",
    "Unclear",
    "past_slices",
    "segment_columns",
]

_TABLE = {
    "ckpt_ops.evaluation.gates.bounds": "AtLeast AtMost Floor",
    "ckpt_ops.evaluation.gates.calibrated": "Calibrated",
    "ckpt_ops.evaluation.gates.champion": "NotWorseThan Unclear",
    "ckpt_ops.evaluation.gates.export": "LatencyAtMost Servable SizeAtMost",
    "ckpt_ops.evaluation.gates.fairness": "FairAcross FairRates",
    "ckpt_ops.evaluation.gates.forgetting": "NoForgetting",
    "ckpt_ops.evaluation.gates.gate": "Gate past_slices segment_columns",
    "ckpt_ops.evaluation.gates.segments": "NoSegmentWorse",
    "ckpt_ops.evaluation.gates.suspects": "NoSuspectSlice",
}
on_first_use(__name__, _TABLE)
