"""What is to be forgotten, which revisions in the store hold it, and the record of the request."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from blake3 import blake3

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Forgotten, Record
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import check_key, list_slices
from ckpt_ops.slices.predicate import Predicate, parse
from ckpt_ops.slices.row_search import Found, Progress, find_keys, find_rows, silent
from ckpt_ops.store import Store

GRACE_HOURS = 24.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Rows of every slice, or whole slices of a model.

    Attributes:
        rows: as `slices.predicate` reads it; "" for whole slices.
        keys: the whole slices, sorted; none when rows are meant.
    """

    model: str
    rows: str = ""
    keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.rows.strip()) == bool(self.keys):
            raise BadInput("--slice/--rows", None, "one of them: whole slices, or rows of every slice")
        for key in self.keys:
            check_key(key)
        object.__setattr__(self, "rows", parse(self.rows).text if self.rows.strip() else "")
        object.__setattr__(self, "keys", tuple(sorted(set(self.keys))))

    @classmethod
    def of(cls, model: str, record: Forgotten) -> Asked:
        """The request of a record."""
        return cls(model=model, rows=record.rows, keys=record.keys)

    @property
    def request(self) -> str:
        """The same for the same request, so that a repeated command goes on; 12 hex digits."""
        return blake3("\n".join((self.model, self.rows, *self.keys)).encode()).hexdigest()[:12]

    @property
    def predicates(self) -> Sequence[Predicate]:
        return [parse(self.rows)] if self.rows else []

    @property
    def message(self) -> str:
        """For people."""
        if self.rows:
            return f"rows with {self.rows}"
        return f"slice{'s' * (len(self.keys) > 1)} {', '.join(self.keys)}"

    def command(self, model: str = "") -> str:
        """The command for the same request, for this model or a different one."""
        options = [f"--rows {_quoted(self.rows)}"] if self.rows else [f"--slice {key}" for key in self.keys]
        return " ".join(["ckpt-ops forget", model or self.model, *options, "--why TEXT"])


def _quoted(text: str) -> str:
    """For a shell; as a person would quote it, where that means the same."""
    return shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'


def check(intake: Intake, store: Store, asked: Asked) -> None:
    """Refuse a request that fits no slice in the store.

    Raises:
        BadInput: there is no such slice or column, or a column's type does not fit its value.
    """
    manifests = list_slices(store, intake.source.name)
    known = sorted({manifest.key for manifest in manifests})
    missing = [key for key in asked.keys if key not in known]
    if missing:
        allowed = f"slices in the store: {', '.join(known) or 'there is none'}"
        raise BadInput("slice", ", ".join(missing), allowed)
    came = {column.name for manifest in manifests for column in manifest.columns}
    for predicate in asked.predicates:
        predicate.check(intake.source.schema, besides=sorted(came))


def find(intake: Intake, store: Store, asked: Asked, progress: Progress = silent) -> Found:
    """Every revision of the source's slices in the store that has what is to be forgotten.

    Raises:
        Corrupt: a data file is not what was written.
    """
    if asked.keys:
        return find_keys(store, intake.source.name, asked.keys)
    return find_rows(store, intake.source.name, asked.predicates, progress)


def record_request(
    intake: Intake,
    store: Store,
    asked: Asked,
    *,
    why: str,
    grace_hours: float | None,
    progress: Progress = silent,
) -> tuple[LineageState, Found]:
    """Record in the log what is forgotten and which revisions have it; nothing, when none does.

    From that record on, no such row is accepted any more. So the search has found everything, unless
    the log moved meanwhile: then it is repeated. A repeated request adds what came since.

    Args:
        grace_hours: None: as requested before; `GRACE_HOURS` the first time.
    """
    log = ModelLog(store, asked.model)
    while True:
        before = log.state()
        found = find(intake, store, asked, progress)
        state = log.decide(partial(_request, asked=asked, found=found, why=why, grace_hours=grace_hours))
        if state.sequence <= before.sequence + 1:
            return state, found


def _request(
    state: LineageState, *, asked: Asked, found: Found, why: str, grace_hours: float | None
) -> Record | None:
    known = state.forgotten.get(asked.request)
    if asked.request in state.purged or (known is None and not found.holding and not found.loose):
        return None
    before = known.revisions if known else ()
    revisions = tuple(sorted({*before, *(one.name for one in found.holding)}))
    grace = grace_hours if grace_hours is not None else known.grace_hours if known else GRACE_HOURS
    if known and (set(known.revisions), known.grace_hours) == (set(revisions), grace):
        return None
    return Forgotten(
        request=asked.request,
        rows=asked.rows,
        keys=asked.keys,
        revisions=revisions,
        grace_hours=grace,
        reason=known.reason if known else why,
    )
