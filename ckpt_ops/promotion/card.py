"""The model card of a version: what it consumed, how it was evaluated, what it cost and what became of it.

A card is written when a version is promoted or rejected, and it never changes: it is made of that decision
and of what was recorded before it. A version that is decided on again, because a person overrode a
rejection, gets a second card beside the first.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.placement import Placement
from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import Promoted, Record, Rejected
from ckpt_ops.lineage.retraining import retrained_message
from ckpt_ops.promotion.markdown import literal, table
from ckpt_ops.store import Store

_DOCUMENT = DocumentKind(what="model card", sort_keys=False, newline=True)
_ANCESTORS = 20

Card = dict[str, Any]


def model_card(state: LineageState, version: int, placement: Placement | None = None) -> Card:
    """The card as plain values, from the log.

    Args:
        state: any that holds this decision on the version; later records change nothing.
        placement: where it was trained, as its last checkpoint says (`placement_in`).
    """
    one = state.version(version)
    line = state.ancestry(version)
    trained, evaluated = one.trained, one.evaluated
    consumed = {ref.key: ref for each in line for ref in each.slices}
    card = {
        "model": state.model,
        "version": version,
        "candidate": one.candidate,
        "data": {
            "slices": [asdict(ref) for ref in one.slices],
            "rows": one.rows,
            "late": one.started.late,
            "slices_in_all": len(consumed),
            "rows_in_all": sum(ref.rows for ref in consumed.values()),
        },
        "lineage": {
            "parent": one.parent,
            "champion": one.champion,
            "replaces": one.started.replaces,
            "retrained": retrained_message(one),
            "without": [ref.key for ref in one.started.again.without] if one.started.again else [],
            "ancestors": [each.version for each in line[:-1]][-_ANCESTORS:],
            "generation": len(line),
            "why": one.started.reason,
        },
        "metrics": {name: dict(values) for name, values in evaluated.metrics.items()} if evaluated else {},
        "gates": gates_view(one),
        "cost": {
            "steps": trained.step if trained else None,
            "seconds": trained.seconds if trained else None,
            "stopped_by": trained.stopped_by if trained else None,
            "checkpoints": trained.checkpoints if trained else None,
        },
        **({"placement": {**asdict(placement), "words": placement.message}} if placement else {}),
        "artifacts": {**trained.artifacts, "manifest": trained.manifest} if trained else {},
        "decision": _decision(one),
    }
    return _DOCUMENT.numbered(card)


def placement_in(store: Store, version: VersionState) -> Placement | None:
    """Where the version was trained; None where its checkpoint is gone or does not say."""
    if version.trained is None:
        return None
    try:
        return load_manifest(store, version.trained.final).placement
    except (ObjectNotFound, Corrupt):
        return None


def gates_view(version: VersionState) -> dict[str, Any]:
    """The gates' verdicts on a version, as the log has them."""
    evaluated = version.evaluated
    return {
        "passed": evaluated.passed if evaluated else None,
        "words": evaluated.reason if evaluated else "not evaluated",
        "verdicts": list(evaluated.verdicts) if evaluated else [],
    }


def card_markdown(card: Card) -> str:
    """The card for people. Text from data or from people stands in code spans."""
    data, line, gates, cost = card["data"], card["lineage"], card["gates"], card["cost"]
    decision = card["decision"]
    lines = [f"# {card['model']}, version {card['version']}", ""]
    if decision is None:
        lines += ["Not decided on yet.", ""]
    else:
        by = f"by {literal(decision['actor'])} at {decision['time']}"
        lines += [f"**{decision['what'].capitalize()}** ({decision['how']}) {by}: {literal(decision['why'])}"]
        approved = decision["approved"]
        if approved is not None:
            lines += ["", f"Approved by {literal(approved['actor'])}: {literal(approved['why'])}"]
        lines += [""]
    slices = [(literal(ref["key"]), literal(ref["revision"]), f"{ref['rows']:,}") for ref in data["slices"]]
    consumed = f"{data['slices_in_all']:,} slices, {data['rows_in_all']:,} rows, including its ancestors'."
    lines += [
        "## Data",
        "",
        *table(("slice", "revision", "rows"), slices),
        "",
        f"It was trained on {consumed}",
        "",
    ]
    parent = "initial weights" if line["parent"] is None else f"version {line['parent']}"
    ancestors = ", ".join(map(str, line["ancestors"])) or "none"
    lines += ["## Lineage", "", f"- trained from {parent}; ancestors: {ancestors}"]
    if line["champion"] is not None:
        lines += [f"- evaluated against version {line['champion']}"]
    if line["retrained"] is not None:
        lines += [f"- {literal(line['retrained'])}"]
        if line["without"]:
            lines += [f"- consumed before, and left out: {literal(', '.join(line['without']))}"]
        if line["replaces"] is not None:
            lines += [f"- it replaces version {line['replaces']}"]
    elif line["replaces"] is not None:
        lines += [f"- the result or a step of a rebase that replaces version {line['replaces']}"]
    lines += [
        f"- why it was trained: {literal(line['why'])}",
        f"- candidate {literal(card['candidate'])}",
        "",
    ]
    lines += ["## Metrics", "", *_metrics(card["metrics"]), "", "## Gates", "", literal(gates["words"]), ""]
    lines += [f"- {literal(verdict)}" for verdict in gates["verdicts"]] or ["- none"]
    lines += ["", "## Cost", ""]
    if cost["steps"] is None:
        lines += ["Not trained."]
    else:
        lines += [
            f"{cost['steps']:,} steps in {cost['seconds']:.1f} s of stepping, ended by "
            f"{literal(cost['stopped_by'])}; {cost['checkpoints']} checkpoints."
        ]
    if "placement" in card:
        lines += ["", f"Trained {literal(card['placement']['words'])}."]
    return "\n".join(lines) + "\n"


def write_card(store: Store, log: ModelLog, state: LineageState, version: int) -> str | None:
    """Write `models/MODEL/vN/card-SEQUENCE.json` and `.md`, once; returns the JSON's object name.

    SEQUENCE is the decision's number in the model's log. None: the version is not decided on.
    """
    decision = state.version(version).decided
    if not isinstance(decision, Promoted | Rejected):
        return None
    # near the log's end: a card is written right after its decision
    number = next(number for number, record in log.backwards(of=state) if record.nonce == decision.nonce)
    name = f"models/{log.model}/v{version}/card-{number:012d}"
    card = model_card(state, version, placement_in(store, state.version(version)))
    store.put_if_absent(f"{name}.md", card_markdown(card).encode())
    store.put_if_absent(f"{name}.json", _DOCUMENT.encode(card))
    return f"{name}.json"


def how_message(decision: Record, version: VersionState) -> str:
    """How the version was promoted or rejected: "gates", "approved", "override", "expiry" ..."""
    if isinstance(decision, Rejected):
        if decision.superseded:
            return "superseded"
        return "expiry" if decision.expired else "person" if decision.by_person else "gates"
    approved = version.approved
    if approved is not None:
        return "override" if approved.despite_gates else "expiry" if approved.expired else "approved"
    return "gates"


def _decision(version: VersionState) -> Card | None:
    approved = version.approved
    decision = version.decided if isinstance(version.decided, Promoted | Rejected) else version.promoted
    if decision is None:
        return None
    return {
        "what": "promoted" if isinstance(decision, Promoted) else "rejected",
        "how": how_message(decision, version),
        "actor": decision.actor,
        "run": decision.run,
        "time": decision.time,
        "why": decision.reason,
        "approved": {"actor": approved.actor, "time": approved.time, "why": approved.reason}
        if approved is not None
        else None,
    }


def _metrics(metrics: dict[str, dict[str, float]]) -> list[str]:
    if not metrics:
        return ["None: it was not evaluated."]
    names = dict.fromkeys(name for values in metrics.values() for name in values)
    rows = [
        (literal(name), *("-" if one.get(name) is None else f"{one[name]:.4f}" for one in metrics.values()))
        for name in names
    ]
    return table(("metric", *metrics), rows)
