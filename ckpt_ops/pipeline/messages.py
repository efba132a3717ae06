"""What the result of a step says to a person, a line each; the first line stands for the whole.

For Airflow's task logs, the notes on its runs, and `ckpt-ops run`. Plain text, with words of data in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckpt_ops.printable import shortened

Result = Mapping[str, Any]

LONGEST = 1_000
"""Characters of a line at most."""


def pulled(result: Result) -> list[str]:
    """Of `pull`."""
    return [f"slice {result['key']}: {_rows(result['rows'])}, revision {result['revision']}"]


def shared_out(shares: list[dict[str, Any]]) -> list[str]:
    """Of `share_out`."""
    return [f"slice {share['key']}: share {share['share'] + 1} of {share['of']}" for share in shares]


def pulled_share(result: Result) -> list[str]:
    """Of `pull_share`."""
    return [f"{_count(result['parts'], 'part')}, {_rows(result['rows'])}"]


def validated(result: Result) -> list[str]:
    """Of `validate`."""
    key, rows = result["key"], _rows(result["rows"])
    lines = [f"slice {key} is {result['outcome']}: {rows}, revision {result['revision']}"]
    if result["set_aside"]:
        lines.append(f"{_rows(result['set_aside'])} set aside: ckpt-ops quarantine list")
    summary = result.get("summary", "")
    if summary and summary != "; ".join(result["reasons"]):
        lines.append(summary)
    lines += result["reasons"]
    if result["report"]:
        lines.append(f"report: {result['report']}")
    return lines


def decided(result: Result) -> list[str]:
    """Of `decide`."""
    train = {"late": "train on it, late", "shadow": "no training, a candidate is in shadow"}
    what = train.get(result["action"], "train on it") if result["train"] else "nothing is trained"
    lines = [f"slice {result['key']}: {what}: {result['why']}"]
    if result.get("promoted") is not None:
        lines.append(f"version {result['promoted']} is promoted: nobody had answered in time")
    return lines


def trained(result: Result) -> list[str]:
    """Of `train`."""
    if result["outcome"] != "trained":
        which = "" if result["version"] is None else f", version {result['version']} is {result['outcome']}"
        return [f"slice {result['key']}: nothing to evaluate{which}: {result['why']}"]
    lines = [f"slice {result['key']}: version {result['version']} is trained: {result['why']}"]
    if "step" in result:
        checkpoints = _count(result["checkpoints"], "checkpoint")
        lines.append(f"{result['step']:,} steps, ended by {result['stopped_by']}; {checkpoints}")
    return lines


def evaluated(result: Result) -> list[str]:
    """Of `evaluate`."""
    lines = [f"version {result['version']}: {result['words']}"]
    for verdict in result.get("verdicts", ()):
        answer = {True: "passed", False: "refused"}.get(verdict["passed"], "no verdict")
        lines.append(f"{verdict['gate']}: {answer}: {verdict['words']}")
    lines += [f"slice {key} is suspect: {why}" for key, why in result.get("suspects", {}).items()]
    if result.get("report"):
        lines.append(f"report: {result['report']}")
    return lines


def answered(result: Result) -> list[str]:
    """Of `approve`."""
    version = f"version {result['version']}"
    if result["answer"] is None:
        return [f"{version}: nobody had to be asked"]
    if result["expired"]:
        return [f"{version}: nobody answered in time, so the answer is {result['answer']}"]
    return [f"{version}: {result['by']} answers {result['answer']}: {result['why'] or 'no reason given'}"]


def promoted(result: Result) -> list[str]:
    """Of `promote`."""
    decision = {"waiting": "waits for approval", "shadow": "stays in shadow"}.get(
        result["decision"], f"is {result['decision']}"
    )
    return [f"version {result['version']} {decision}" + (f": {result['why']}" if result["why"] else "")]


def predicted(result: Result) -> list[str]:
    """Of `predict`."""
    found = ", as was done before" if result["found"] else ""
    return [
        f"version {result['version']} predicts slice {result['slice']}: "
        f"{result['rows']:,} of {_rows(result['slice_rows'])}{found}",
        f"predictions: {result['object']}",
    ]


def replanned(result: Result) -> list[str]:
    """Of `plan` in a rebase."""
    if not result["due"]:
        return [f"no rebase is due: the head is version {result['head']}"]
    fork = "from nothing" if result["fork"] is None else f"from version {result['fork']}"
    steps = f"{_count(result['steps'], 'step')}, {result['done']} trained already"
    lines = [f"{'dry run' if result['dry_run'] else 'rebase'} {fork}: {steps}"]
    lines.append(f"changed slices: {', '.join(result['changed'])}")
    lines.append(f"versions whose place is taken: {', '.join(map(str, result['replaced'])) or 'none'}")
    if result["why"]:
        lines.append(f"why: {result['why']}")
    return lines


def replayed(result: Result) -> list[str]:
    """Of `replay`."""
    steps = ", ".join(map(str, result["steps"])) or "none"
    trained_now = ", ".join(map(str, result["trained"])) or "none"
    return [
        f"version {result['version']} is what the rebase comes to",
        f"versions of its steps: {steps}; trained now: {trained_now}",
    ]


def text(lines: list[str]) -> str:
    """The lines as one text that any database takes: no control characters, no line longer than `LONGEST`."""
    return "\n".join(shortened(line, LONGEST) for line in lines)


def _rows(count: int) -> str:
    return _count(count, "row")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
