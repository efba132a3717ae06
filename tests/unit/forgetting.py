"""What several tests do with a history: forget one person's rows, and purge what knew them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stand_in import ADA, Place

from ckpt_ops.forget.certificate import Certificate
from ckpt_ops.forget.forget import Done, forget
from ckpt_ops.forget.purge import purge
from ckpt_ops.forget.request import Asked

ROWS = Asked(model="people", rows=f"person == '{ADA}'")
LATER = timedelta(days=400)


def apply(place: Place, asked: Asked = ROWS, *, grace: float = 0.0, why: str = "she asked") -> Done:
    return forget(place.pipeline, place.store, asked, why=why, grace_hours=grace, report=lambda line: None)


def purge_at(place: Place, after: timedelta = LATER, asked: Asked = ROWS) -> Certificate | None:
    return purge(place.pipeline, place.store, asked.request, now=datetime.now(UTC) + after)
