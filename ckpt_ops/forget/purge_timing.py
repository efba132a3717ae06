"""When forgotten rows may be removed: once the head has been without them for the grace period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ckpt_ops.forget.forget import consumers_of
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import Forgotten, Promoted, Purged, Record, RolledBack


@dataclass(frozen=True, kw_only=True)
class PurgeTiming:
    """How far a request has come.

    Attributes:
        said: the request, as recorded last.
        asked: the request, as recorded first.
        consumed: versions that consumed what is forgotten, or descend from one that did.
        clean_since: since when the head is none of them; None: it is one. ISO 8601, UTC.
        purged: the record, once it is purged.
    """

    said: Forgotten
    asked: Forgotten
    consumed: tuple[int, ...]
    clean_since: str | None
    purged: Purged | None

    @property
    def due_at(self) -> datetime | None:
        """When the rest may be removed; None as long as the head knows the rows."""
        if self.clean_since is None:
            return None
        since = datetime.fromisoformat(self.clean_since)
        return since.astimezone(UTC) + timedelta(hours=self.said.grace_hours)


def purge_timing_of(records: Sequence[Record], state: LineageState, request: str) -> PurgeTiming:
    """How far `request`, which is in the log, has come.

    Args:
        records: the log that `state` is of.
    """
    latest = state.forgotten[request]
    asked = next(one for one in records if isinstance(one, Forgotten) and one.request == request)
    consumed = consumers_of(state, latest.revisions)
    head: int | None = None
    asked_for, since = False, None
    for record in records:
        if isinstance(record, Promoted | RolledBack):
            head = record.version
        asked_for = asked_for or record is asked
        if head in consumed or not asked_for:
            since = None
        elif since is None:
            since = record.time
    return PurgeTiming(
        said=latest, asked=asked, consumed=consumed, clean_since=since, purged=state.purged.get(request)
    )
