"""The result of a step as lines for a person; the first line sums it up.

For Airflow's task logs, the notes on its runs, and `ckpt-ops run`. Plain text, which may contain data.
"""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_ops.lineage import Action
from ckpt_ops.lineage.changed_at_source import pull_command
from ckpt_ops.pipeline.step_results import (
    Answered,
    Decided,
    Evaluated,
    ExportedVersion,
    PredictedSlice,
    Pulled,
    PulledShare,
    RebasePlanned,
    Replayed,
    Retrained,
    RetrainPlanned,
    RowShare,
    Settled,
    Settlement,
    Share,
    Trained,
    Validated,
    ValidatedShare,
)
from ckpt_ops.printable import shortened

LONGEST = 1_000
"""The most characters of a line."""
_NAMED = 3


def pulled(result: Pulled) -> list[str]:
    """Of `pull`."""
    return [f"slice {result.key}: {_rows(result.rows)}, revision {result.revision}"]


def shared_out(shares: list[Share]) -> list[str]:
    """Of `share_out`."""
    return [f"slice {share.key}: share {share.share + 1} of {share.of}" for share in shares]


def pulled_share(result: PulledShare) -> list[str]:
    """Of `pull_share`."""
    return [f"{_count(result.parts, 'part')}, {_rows(result.rows)}"]


def shared_out_rows(shares: list[RowShare]) -> list[str]:
    """Of `share_out_rows`."""
    if len(shares) == 1:
        return [f"slice {shares[0].key} is not cut: `validate` evaluates it alone"]
    return [f"slice {share.key}: part {share.share + 1} of {share.of}" for share in shares]


def validated_share(result: ValidatedShare) -> list[str]:
    """Of `validate_share`."""
    if result.cut_differently:
        return [
            "max_parallel_validations changed since the slice was cut: `validate` evaluates what is missing"
        ]
    if not result.rows:
        return ["the slice is not cut: nothing to do here"]
    return [f"{_rows(result.rows)} evaluated by {_count(result.expectations, 'expectation')} on single rows"]


def validated(result: Validated) -> list[str]:
    """Of `validate`."""
    rows = _rows(result.rows)
    lines = [f"slice {result.key} is {result.outcome}: {rows}, revision {result.revision}"]
    if result.set_aside:
        lines.append(f"{_rows(result.set_aside)} set aside: ckpt-ops quarantine list")
    if result.summary and result.summary != "; ".join(result.reasons):
        lines.append(result.summary)
    lines += result.reasons
    if result.report:
        lines.append(f"report: {result.report}")
    return lines


def decided(result: Decided) -> list[str]:
    """Of `decide`."""
    train = {
        Action.LATE: "train on it, late",
        Action.SHADOW: "no training, a candidate is in shadow",
    }
    what = train.get(result.action, "train on it") if result.train else "nothing is trained"
    lines = [f"slice {result.key}: {what}{_beside(result.changed_at_source)}: {result.why}"]
    if result.promoted is not None:
        lines.append(f"version {result.promoted} is promoted: nobody answered in time")
    return lines


def changed(model: str, keys: Sequence[str]) -> list[str]:
    """Of consumed slices that have changed at their source."""
    if len(keys) > _NAMED:
        one_line = f"{_few(keys)} have changed at their source since they were consumed"
        return [f"slices {one_line}: ckpt-ops status {model} has a command for each"]
    return [
        f"slice {key} has changed at its source since it was consumed: {pull_command(model, key)}"
        for key in keys
    ]


def _beside(keys: Sequence[str]) -> str:
    """In the first line, because a run's note has one line of each task that it went on from."""
    if not keys:
        return ""
    return f" ({_few(keys)} {'has' if len(keys) == 1 else 'have'} changed at the source)"


def _few(keys: Sequence[str]) -> str:
    rest = len(keys) - _NAMED
    return ", ".join(keys[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def trained(result: Trained) -> list[str]:
    """Of `train`."""
    if result.to_evaluate is None:
        which = "" if result.version is None else f", version {result.version} is {result.outcome}"
        return [f"slice {result.key}: nothing to evaluate{which}: {result.why}"]
    lines = [f"slice {result.key}: version {result.version} is trained: {result.why}"]
    if result.step is not None and result.checkpoints is not None:
        checkpoints = _count(result.checkpoints, "checkpoint")
        lines.append(f"{result.step:,} steps, ended by {result.stopped_by}; {checkpoints}")
    return lines


def evaluated(result: Evaluated) -> list[str]:
    """Of `evaluate`."""
    lines = [f"version {result.version}: {result.message}"]
    if result.evaluation is not None:
        for verdict in result.evaluation.verdicts:
            answer = {True: "passed", False: "rejected", None: "no verdict"}[verdict.passed]
            lines.append(f"{verdict.gate}: {answer}: {verdict.message}")
        suspects = result.evaluation.suspects
        lines += [f"slice {key} is suspect: {why}" for key, why in suspects.items()]
    if result.report:
        lines.append(f"report: {result.report}")
    return lines


def answered(result: Answered) -> list[str]:
    """Of `approve`."""
    version = f"version {result.version}"
    if result.answer is None:
        return [f"{version}: nobody had to be asked"]
    if result.expired:
        return [f"{version}: nobody answered in time, so the answer is {result.answer}"]
    return [f"{version}: {result.by} answers {result.answer}: {result.why or 'no reason given'}"]


def promoted(result: Settled) -> list[str]:
    """Of `promote`."""
    decision = {
        Settlement.WAITING: "waits for approval",
        Settlement.SHADOW: "stays in shadow",
    }.get(result.decision, f"is {result.decision}")
    return [f"version {result.version} {decision}" + (f": {result.why}" if result.why else "")]


def predicted(result: PredictedSlice) -> list[str]:
    """Of `predict`."""
    found = ", predicted before" if result.found else ""
    return [
        f"version {result.version} predicts slice {result.slice}: "
        f"{result.rows:,} of {_rows(result.slice_rows)}{found}",
        f"predictions: {result.object}",
    ]


def exported(result: ExportedVersion) -> list[str]:
    """Of `export`."""
    found = ", made before" if result.found else ""
    lines = [
        f"version {result.version} as {result.format}: {result.nbytes:,} bytes{found}",
        f"object: {result.object}",
    ]
    if result.max_abs_difference is not None and result.rows is not None:
        lines.append(
            f"it differs by at most {result.max_abs_difference:.2g} on {_rows(result.rows)} held out"
        )
    return lines


def replanned(result: RebasePlanned) -> list[str]:
    """Of `plan` in a rebase."""
    if not result.due:
        return [f"no rebase is due: the head is version {result.head}"]
    fork = "from scratch" if result.fork is None else f"from version {result.fork}"
    steps = f"{_count(result.steps, 'step')}, {result.done} trained already"
    lines = [f"{'dry run' if result.dry_run else 'rebase'} {fork}: {steps}"]
    lines.append(f"changed slices: {', '.join(result.changed)}")
    lines.append(f"versions whose place is taken: {', '.join(map(str, result.replaced)) or 'none'}")
    if result.why:
        lines.append(f"why: {result.why}")
    return lines


def replayed(result: Replayed) -> list[str]:
    """Of `replay`."""
    steps = ", ".join(map(str, result.steps)) or "none"
    trained_now = ", ".join(map(str, result.trained)) or "none"
    return [
        f"version {result.version} is the result of the rebase",
        f"versions of its steps: {steps}; trained now: {trained_now}",
    ]


def retrain_planned(result: RetrainPlanned) -> list[str]:
    """Of `plan` in a retraining."""
    begin = "dry run" if result.dry_run else "retraining"
    lines = [f"{begin}: version {result.version} would be {result.message}"]
    lines.append(f"{_rows(result.rows)}, at most {_count(result.max_steps, 'step')}")
    if result.without:
        lines.append(f"it would not know these slices any more: {', '.join(result.without)}")
    if result.why:
        lines.append(f"why: {result.why}")
    return lines


def retrained(result: Retrained) -> list[str]:
    """Of `retrain`."""
    when = "" if result.trained else ", by an earlier try"
    return [
        f"version {result.version} is trained{when}: {result.message}",
        f"{_count(result.step, 'step')}, ended by {result.stopped_by}",
    ]


def text(lines: list[str]) -> str:
    """The lines as one text that any database accepts: no control characters, no line above `LONGEST`."""
    return "\n".join(shortened(line, LONGEST) for line in lines)


def _rows(count: int) -> str:
    return _count(count, "row")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
