"""All models at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops.views.shapes import Attention, Decision, Drifted, Series, TrainingNow


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Where one model stands.

    Attributes:
        head: the version in production; `head_since`, `head_how`, `head_why`, `head_by`: since when, how it
            came there, why and by whom.
        freshness_hours: the objective: how old the newest consumed slice may be; None: there is none.
        newest_consumed: key of the newest slice that production was trained on; `consumed_time`: when the
            version that consumed it was promoted.
        newest_slice: key of the newest known slice, whatever its verdict.
        last: the last decision on a version; `last_rejected`: the last rejection since the last promotion.
        metric: the first metric of the model, as production scored each slice before anything trained on
            it; the last 30.
        pending, late, quarantined, set_aside, suspects, missing, acknowledged, changed_at_source: keys of
            slices; at most the 20 newest of each, `counts` has how many there are. `missing` are those that
            nobody acknowledged, `acknowledged` the other missing ones.
        waiting: versions that await approval.
        drift: the columns that drifted most, largest first; at most 3.
        attention: what needs a person, the most urgent first.
        training: the training that runs, or one that was lost; `training_versions`: what it may be of.
        records: how many records the log has.
        nbytes: what the model holds in the store; None: not measured yet.
        problem: why the log cannot be read; all else is empty then.
    """

    model: str
    head: int | None = None
    head_since: str = ""
    head_how: str = ""
    head_why: str = ""
    head_by: str = ""
    versions: int = 0
    generation: int = 1
    freshness_hours: float | None = None
    newest_consumed: str | None = None
    consumed_time: str = ""
    newest_slice: str | None = None
    last: Decision | None = None
    last_rejected: Decision | None = None
    metric: Series | None = None
    metrics: tuple[tuple[str, float], ...] = ()
    pending: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    acknowledged: tuple[str, ...] = ()
    changed_at_source: tuple[str, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    waiting: tuple[int, ...] = ()
    held: str | None = None
    tainted: str | None = None
    rebase_due: tuple[str, ...] = ()
    drift: tuple[Drifted, ...] = ()
    attention: tuple[Attention, ...] = ()
    training: TrainingNow | None = None
    training_versions: tuple[int, ...] = ()
    records: int = 0
    nbytes: int | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Every model, those that need a person first.

    Attributes:
        store: its address, without secrets.
        nbytes: what all of them hold; None: not measured yet. `measured`: when.
    """

    store: str
    models: tuple[Summary, ...]
    nbytes: int | None = None
    measured: str = ""
