"""All gates over one set of predictions: what decides whether a candidate may be promoted."""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates import Gate
from ckpt_ops.evaluation.metrics import METRICS, FloatArray
from ckpt_ops.evaluation.predictions import Judged
from ckpt_ops.evaluation.verdicts import Evaluation, Verdict


def judge_all(gates: Sequence[Gate], judged: Judged, *, seed: int = 0) -> Evaluation:
    """Ask every gate. Passed when none refuses and at least one passes; all are asked, whoever refuses first.

    Raises:
        BadInput: there is no gate, or none that is absolute for a first version. Never a pass by omission.
    """
    check_gates(gates, first_version=judged.champion is None)
    verdicts = tuple(gate.judge(judged, seed=seed) for gate in gates)
    passed = all(verdict.passed is not False for verdict in verdicts) and any(
        verdict.passed for verdict in verdicts
    )
    return Evaluation(
        passed=passed,
        words=_summary(gates, verdicts, passed),
        verdicts=verdicts,
        candidate=metrics_of(judged.label, judged.candidate),
        champion=None if judged.champion is None else metrics_of(judged.label, judged.champion),
        slice_key=judged.slice_key,
        rows=judged.rows,
        count=judged.count,
        seed=seed,
    )


def check_gates(gates: Sequence[Gate], *, first_version: bool) -> None:
    """Refuse a list of gates that could pass a candidate by omission; also of use before anything trains."""
    if not gates:
        raise BadInput(
            "gates", list(gates), "at least one gate", next="add a gate such as AtLeast('auc', 0.6)"
        )
    for gate in gates:
        if isinstance(gate, type) or not isinstance(gate, Gate):
            raise BadInput("gates", gate, "values with name, absolute and judge(judged, *, seed)")
    if first_version and not any(gate.absolute for gate in gates):
        raise BadInput(
            "gates",
            list(gates),
            "at least one absolute gate for a first version, which has no champion to be compared with",
            next="add AtLeast(metric, threshold) or AtMost(metric, threshold)",
        )


def metrics_of(y: FloatArray, p: FloatArray) -> dict[str, float]:
    """Every metric that has a value on these rows, by name; the others are left out."""
    found: dict[str, float] = {}
    for name, metric in METRICS.items():
        try:
            found[name] = metric(y, p)
        except (UndefinedMetric, UnusablePredictions):
            continue
    return found


def _summary(gates: Sequence[Gate], verdicts: Sequence[Verdict], passed: bool) -> str:
    refusals = [
        f"{gate.name}: {verdict.words}"
        for gate, verdict in zip(gates, verdicts, strict=True)
        if verdict.passed is False
    ]
    if refusals:
        return f"refused by {'; '.join(refusals)}"
    if not passed:
        return "refused: no gate could be applied"
    silent = sum(verdict.passed is None for verdict in verdicts)
    aside = f", {silent} not applicable" if silent else ""
    return f"passed: {len(verdicts) - silent} of {len(verdicts)} gates passed{aside}"
