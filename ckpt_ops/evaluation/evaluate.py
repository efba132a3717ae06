"""All gates over one set of predictions: what decides whether a candidate may be promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates import Gate, NoSuspectSlice
from ckpt_ops.evaluation.gates.suspects import blamed
from ckpt_ops.evaluation.metrics import METRICS, FloatArray, Groups, Positions
from ckpt_ops.evaluation.past import Past
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.sanity import rejected_by_sanity
from ckpt_ops.evaluation.verdicts import Evaluation, PastSlice, Verdict
from ckpt_ops.former_columns import in_short
from ckpt_ops.outputs import ONLY, OfOutput, each, keyed, labels_named, names_of, outputs_of


def evaluate_all(gates: Sequence[Gate], evaluated: EvaluatedRows, *, seed: int = 0) -> Evaluation:
    """Ask every gate. Passed when none rejects and at least one passes; none is skipped.

    Raises:
        BadInput: there is no gate, or none that is absolute for a first version. Never a pass by omission.
    """
    check_gates(gates, first_version=evaluated.champion is None and not evaluated.champion_missing)
    asked = (*gates, *_always(gates), *rejected_by_sanity(evaluated))
    shown = {output: evaluated.of(output) for output in outputs_of(asked)}
    verdicts = tuple(_asked(gate, shown, evaluated, seed=seed) for gate in asked)
    # what is always asked can reject a candidate, but cannot pass one by itself
    passed = all(verdict.passed is not False for verdict in verdicts) and any(
        verdict.passed for verdict in verdicts[: len(gates)]
    )
    rejected = [
        (gate, verdict) for gate, verdict in zip(asked, verdicts, strict=True) if verdict.passed is False
    ]
    return Evaluation(
        passed=passed,
        message=f"{_summary(rejected, verdicts[: len(gates)], passed)}. "
        f"Evaluated on {evaluated.basis.message}{_drawn(evaluated)}{_former(evaluated)}",
        verdicts=verdicts,
        candidate=metrics_of(evaluated.label, evaluated.candidate, groups=evaluated.groups),
        champion=_metrics_of_champion(evaluated, slice(None)),
        slice_key=evaluated.slice_key,
        rows=evaluated.rows,
        count=evaluated.count,
        seed=seed,
        basis=evaluated.basis,
        past={} if evaluated.past is None else _past(evaluated.past),
        waits=bool(rejected) and all(verdict.waits for _, verdict in rejected),
        suspects=_suspects(rejected, verdicts, evaluated),
        below_floor={
            whose: text for verdict in reversed(verdicts) for whose, text in verdict.below_floor.items()
        },
        former=evaluated.former,
        drawn_from=evaluated.drawn_from,
        past_drawn_from=None if evaluated.past is None else evaluated.past.drawn_from,
    )


def _asked(
    gate: Gate, shown: Mapping[str | None, EvaluatedRows], evaluated: EvaluatedRows, *, seed: int
) -> Verdict:
    """The verdict on the output that the gate names; its texts name it too."""
    if not isinstance(gate, OfOutput):
        return gate.evaluate(evaluated, seed=seed)
    verdict = gate.evaluate(shown[gate.output], seed=seed)
    if gate.output is None:
        return verdict
    begin = f"output {gate.output}: "
    return replace(
        verdict,
        message=f"{begin}{verdict.message}",
        suspects={key: f"{begin}{why}" for key, why in verdict.suspects.items()},
        below_floor={whose: f"{begin}{text}" for whose, text in verdict.below_floor.items()},
    )


def main_metric(gates: Sequence[Gate]) -> str | None:
    """The metric that a model is mainly known by: the first known one that a gate names."""
    return next(iter(_metrics(gates).values()), None)


def main_output(gates: Sequence[Gate]) -> str | None:
    """The output that `main_metric` is of; None: the only one."""
    return next(iter(_metrics(gates)), None)


def _metrics(gates: Sequence[Gate]) -> dict[str | None, str]:
    """By output that gates name, in their order, the first known metric that one names."""
    found: dict[str | None, str] = {}
    for gate in gates:
        name = getattr(gate, "metric", None)
        if isinstance(name, str) and name in METRICS:
            found.setdefault(getattr(gate, "output", None), name)
    return found


def _always(gates: Sequence[Gate]) -> list[Gate]:
    """What every candidate is asked, whether or not a pipeline lists it: of each output that a gate names."""
    listed = {gate.output for gate in gates if isinstance(gate, NoSuspectSlice)}
    return [
        NoSuspectSlice(metric=metric, output=output)
        for output, metric in _metrics(gates).items()
        if output not in listed
    ]


def _suspects(
    rejected: Sequence[tuple[Gate, Verdict]], verdicts: Sequence[Verdict], evaluated: EvaluatedRows
) -> dict[str, str]:
    """Which slices are blamed for the rejection. What an export is like, or how fast, is no slice's fault."""
    on_quality = [
        (verdict.message, not gate.absolute)
        for gate, verdict in rejected
        if not verdict.waits and getattr(gate, "on_quality", True)
    ]
    named = {key: why for verdict in verdicts for key, why in verdict.suspects.items()}
    return dict(blamed(on_quality, named, evaluated))


def check_gates(gates: Sequence[Gate], *, first_version: bool) -> None:
    """Refuse a list of gates that could pass a candidate by omission; also useful before anything trains."""
    if not gates:
        raise BadInput(
            "gates", list(gates), "at least one gate", next="add a gate such as AtLeast('auc', 0.6)"
        )
    for gate in gates:
        if isinstance(gate, type) or not isinstance(gate, Gate):
            raise BadInput("gates", gate, "values with name, absolute and evaluate(evaluated, *, seed)")
    if first_version and not any(gate.absolute for gate in gates):
        raise BadInput(
            "gates",
            list(gates),
            "at least one absolute gate for a first version, which has no champion to be compared with",
            next="add AtLeast(metric, threshold) or AtMost(metric, threshold)",
        )


def metrics_of(y: FloatArray, p: FloatArray, *, groups: Groups | None = None) -> dict[str, float]:
    """Every metric that has a value on these rows, by name; the others are left out.

    Of several outputs those of each, by `keyed`, where labels and predictions both have it. Of k labels the
    mean over them, and those of each label.

    Args:
        y, p: labels (n,) and predictions, (n,) or for several classes (n, k); labels (n, k) for k labels.
        groups: text (n,), the query of each row; without them there is no ranking metric.
    """
    parts = labels_named if not (names_of(y) or names_of(p)) else each
    labels, predicted = parts(y), parts(p)
    of_parts = {
        keyed(metric.removeprefix(f"{ONLY}:"), name): value
        for name in labels
        if name in predicted
        for metric, value in metrics_of(labels[name], predicted[name], groups=groups).items()
    }
    return of_parts if parts is each else _metrics_of_one(y, p, groups) | of_parts


def _metrics_of_one(y: FloatArray, p: FloatArray, groups: Groups | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, metric in METRICS.items():
        try:
            found[name] = metric(y, p, groups=groups)
        except (UndefinedMetric, UnusablePredictions):
            continue
    return found


def _past(past: Past) -> dict[str, PastSlice]:
    """Both models on each past slice, in the order in which the rows come."""
    found = {}
    for key in past.slices:
        rows = np.flatnonzero(past.slice == key)
        groups = None if past.groups is None else past.groups[rows]
        found[key] = PastSlice(
            rows=rows.size,
            candidate=metrics_of(past.label[rows], past.candidate[rows], groups=groups),
            champion=_metrics_of_champion(past, rows),
        )
    return found


def _metrics_of_champion(predicted: EvaluatedRows | Past, rows: Positions | slice) -> dict[str, float] | None:
    if predicted.champion is None:
        return None
    groups = None if predicted.groups is None else predicted.groups[rows]
    return metrics_of(predicted.label[rows], predicted.champion[rows], groups=groups)


def _drawn(evaluated: EvaluatedRows) -> str:
    """A sentence where not every row was evaluated."""
    shown = {"Drawn": evaluated, "Drawn of slices consumed before": evaluated.past}
    return "".join(
        f". {what}: {of.count:,} of {of.drawn_from:,} rows"
        for what, of in shown.items()
        if of is not None and of.drawn_from is not None
    )


def _former(evaluated: EvaluatedRows) -> str:
    """A sentence for each model whose own code was given columns under a former name."""
    return "".join(
        f". The {who}'s own code was given column {in_short(names)}"
        for who, names in evaluated.former.items()
    )


def _summary(rejected: Sequence[tuple[Gate, Verdict]], verdicts: Sequence[Verdict], passed: bool) -> str:
    """Which gates rejected; or how many of those that the pipeline lists passed."""
    if rejected:
        return f"rejected by {'; '.join(f'{gate.name}: {verdict.message}' for gate, verdict in rejected)}"
    if not passed:
        return "rejected: no gate could be applied"
    silent = sum(verdict.passed is None for verdict in verdicts)
    aside = f", {silent} not applicable" if silent else ""
    return f"passed: {len(verdicts) - silent} of {len(verdicts)} gates passed{aside}"
