"""The question about a version that waits for approval: what it is, how it was evaluated, how to answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import ModelLog, VersionState
from ckpt_ops.lineage.awaiting import waits
from ckpt_ops.lineage.retraining import retrained_message
from ckpt_ops.pipeline.approval import Otherwise
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.promotion.markdown import literal, table
from ckpt_ops.store import Store

_KEYS = 10
_BECOMES = {Otherwise.REJECT: "rejected", Otherwise.PROMOTE: "promoted"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is shown to whoever decides.

    Attributes:
        subject: one line, plain text.
        body: Markdown; text from data or from people stands in code spans.
    """

    subject: str
    body: str


def question(
    pipeline: Pipeline, store: Store, version: int, *, until: datetime, page: str
) -> Question | None:
    """The question, or None when the version does not wait for approval, or no longer does.

    Args:
        until: the deadline for an answer.
        page: address of the page on the version's evaluation.

    Raises:
        BadInput: the pipeline asks nobody.
    """
    approval = pipeline.approval
    if approval is None:
        raise BadInput("approval", None, "a pipeline with approval=Approval(...)")
    state = ModelLog(store, pipeline.name).state()
    one = state.version(version)
    if not waits(state, one):
        return None
    yes = f"ckpt-ops promote {pipeline.name} {version} --approve --why TEXT"
    no = f"ckpt-ops reject {pipeline.name} {version} --why TEXT"
    lines = [
        *_evaluated(one, page),
        "",
        f"It was trained on {_consumed(one)}, starting from "
        + ("initial weights." if one.parent is None else f"version {one.parent}."),
        *(["", f"It was {retrained}."] if (retrained := retrained_message(one)) else []),
        "",
        f"Without an answer by {until:%Y-%m-%d %H:%M} UTC it is **{_BECOMES[approval.otherwise]}**. "
        f"On the command line: {literal(yes)} or {literal(no)}.",
    ]
    subject = approval.title or f"Promote version {version} of {pipeline.name}?"
    return Question(subject=subject, body="\n".join(lines))


def _evaluated(version: VersionState, page: str) -> list[str]:
    evaluated = version.evaluated
    if evaluated is None:
        return []
    against = "no champion" if evaluated.champion is None else f"champion, version {evaluated.champion}"
    candidate, champion = evaluated.metrics.get("candidate", {}), evaluated.metrics.get("champion", {})
    rows = []
    for name, value in candidate.items():
        other = champion.get(name)
        rows.append(
            (
                literal(name),
                f"{value:.4f}",
                "-" if other is None else f"{other:.4f}",
                "-" if other is None else f"{value - other:+.4f}",
            )
        )
    return [
        f"The gates let version {version.version} pass. [Its evaluation]({page})",
        "",
        *(table(("on the same rows", "candidate", against, "difference"), rows) if rows else []),
        "",
        *(f"- {literal(verdict)}" for verdict in evaluated.verdicts),
    ]


def _consumed(version: VersionState) -> str:
    keys = [literal(ref.key) for ref in version.slices[:_KEYS]]
    more = len(version.slices) - len(keys)
    return f"{', '.join(keys)}{f' and {more} more slices' if more else ''} ({version.rows:,} rows)"
