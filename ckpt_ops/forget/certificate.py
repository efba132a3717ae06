"""The signed-off record of a purge: what was forgotten, when, from which versions, and the result.

`models/MODEL/forgotten/REQUEST.json`, written once, whose hash the log keeps; `REQUEST.html` is its page.
It holds the predicate and the reason as they were given, and no row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blake3 import blake3

from ckpt_ops.checkpoints import Manifest, load_manifest
from ckpt_ops.documents import DocumentKind
from ckpt_ops.forget.certificate_page import certificate_html
from ckpt_ops.forget.purge_plan import PurgePlan, plan_name
from ckpt_ops.forget.purge_timing import PurgeTiming
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import Record
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.store import Store
from ckpt_ops.wire_names import as_stored

_DOCUMENT = DocumentKind(what="certificate of a purge", numbered_by="format")
ELSEWHERE = (
    "what a bucket keeps of removed objects: soft-deleted ones, old versions, retention policies",
    "backups and copies of the store that others made, and exports that were taken out of it",
    "the source that the slices come from, and its landing place",
    "predictions that models made while they knew the rows, and what was made from them",
)
"""Where a purge does not reach: stated on every certificate."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate as it was written.

    Attributes:
        name: object name of the JSON.
        digest: blake3 of its bytes.
        body: its content.
    """

    name: str
    digest: str
    body: dict[str, Any]

    @classmethod
    def read(cls, store: Store, name: str) -> Certificate:
        """Raises `ObjectNotFound`, or `Corrupt`."""
        data = store.get(name)
        return cls(name=name, digest=blake3(data).hexdigest(), body=_DOCUMENT.decode(data, name=name))

    @property
    def page(self) -> str:
        """Object name of the HTML."""
        return self.name.removesuffix(".json") + ".html"


def write_certificate(
    store: Store, state: LineageState, timing: PurgeTiming, plan: PurgePlan, *, now: datetime
) -> Certificate:
    """Write the result of the purge, once: an existing certificate stays as it is."""
    name = f"models/{state.model}/forgotten/{timing.said.request}.json"
    body = _body(store, state, timing, plan, now)
    store.put_if_absent(name, _DOCUMENT.encode(body))
    written = Certificate.read(store, name)
    page = certificate_html(written.body, digest=written.digest)
    store.put(written.page, page.encode())
    return written


def weights_digest(manifest: Manifest) -> str:
    """A blake3 over the names, types and shapes of all tensors and the hashes of all their bytes."""
    segments = [as_stored(segment) for segment in manifest.segments]
    return blake3(json.dumps(segments, sort_keys=True).encode()).hexdigest()


def _body(
    store: Store, state: LineageState, timing: PurgeTiming, plan: PurgePlan, now: datetime
) -> dict[str, Any]:
    said, asked = timing.said, timing.asked
    objects = plan_name(state.model, said.request)
    keys = sorted({one.key for one in plan.revisions})
    return {
        "model": state.model,
        "request": said.request,
        "rows": said.rows,
        "slices": list(said.keys),
        "why": asked.reason,
        "asked": _signed(asked),
        "grace_hours": said.grace_hours,
        "forgotten_by_the_champion_since": timing.clean_since,
        "purged": {"by": _actor(), "time": now.isoformat(timespec="seconds")},
        "revisions": [as_stored(one) for one in plan.revisions],
        "now": [_now(state, key) for key in keys],
        "versions": [
            {"version": number, "candidate": state.versions[number].candidate} for number in plan.versions
        ],
        "result": _result(store, state),
        "removed": {
            "objects": len(plan.objects),
            "bytes": plan.nbytes,
            "list": objects,
            "list_blake3": blake3(store.get(objects)).hexdigest(),
        },
        "unread": list(plan.unread),
        "spared_chunks": plan.spared,
        "elsewhere": list(ELSEWHERE),
    }


def _signed(record: Record) -> dict[str, str]:
    return {"by": record.actor, "run": record.run, "time": record.time}


def _actor() -> str:
    return Record().actor


def _now(state: LineageState, key: str) -> dict[str, Any]:
    entry = state.slices.get(key)
    if entry is None:
        return {"key": key, "revision": None, "rows": 0, "status": "not known to the model"}
    stands = entry.status in (SliceStatus.ACCEPTED, SliceStatus.QUARANTINED)
    return {
        "key": key,
        "revision": entry.ref.revision if stands else None,
        "rows": entry.ref.rows if stands else 0,
        "status": entry.status.value,
    }


def _result(store: Store, state: LineageState) -> dict[str, Any] | None:
    """The version that serves now, and what its weights are."""
    if state.head is None:
        return None
    head = state.versions[state.head]
    final = head.trained.final if head.trained else None
    return {
        "version": head.version,
        "candidate": head.candidate,
        "manifest": final.name if final else "",
        "weights_blake3": weights_digest(load_manifest(store, final)) if final else None,
        "learned_from": [
            {"key": ref.key, "revision": ref.revision, "rows": ref.rows}
            for version in state.ancestry(state.head)
            for ref in version.slices
        ],
        "gates": list(head.evaluated.verdicts) if head.evaluated else [],
        "promoted": _signed(head.promoted) if head.promoted else None,
    }
