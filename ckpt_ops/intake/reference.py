"""What a slice is compared with in validation: the slices that the champion consumed, or all accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

import pyarrow as pa

from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import SliceManifest, StagedSlice, load_manifest, staged
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.slices.key_forms import key_time
from ckpt_ops.store import Store


class ConsumedSlices:
    """A `validation.custom.Reference`: reads each slice from the store when it is first asked for."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        state: LineageState,
        manifest: SliceManifest,
        stack: ExitStack,
        *,
        older_only: bool = False,
        fill: bool = False,
    ) -> None:
        self._store, self._source, self._stack, self._fill = store, intake.source, stack, fill
        self._pulled_at = datetime.fromisoformat(manifest.pulled_at)
        self._start = key_time(intake.source, manifest.key)

        # not of the same key: a corrected slice would be a duplicate of itself
        def counts(key: str) -> bool:
            return key < manifest.key if older_only else key != manifest.key

        self._consumed = sorted(key for key in state.consumed if counts(key))
        accepted = {
            key: known.ref
            for key, known in state.slices.items()
            if known.status is SliceStatus.ACCEPTED and counts(key)
        }
        self._accepted = sorted(accepted.keys() | set(self._consumed))
        self._refs = accepted | {key: state.consumed[key] for key in self._consumed}
        self._staged: dict[str, StagedSlice] = {}

    @property
    def pulled_at(self) -> datetime:
        """When the slice that is evaluated was first pulled."""
        return self._pulled_at

    @property
    def start(self) -> datetime | None:
        """The local time at which the slice that is evaluated begins; None: its key is not a time."""
        return self._start

    @property
    def slices(self) -> Sequence[str]:
        """Keys of the consumed slices, oldest first."""
        return self._consumed

    @property
    def accepted(self) -> Sequence[str]:
        """Keys of the accepted slices, consumed or not, oldest first."""
        return self._accepted

    def batches(self, key: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of one slice of `accepted`, with those columns of `names` that it has."""
        if key not in self._staged:
            manifest = load_manifest(self._store, self._source.name, key, self._refs[key].revision)
            rows = self._stack.enter_context(staged(self._store, manifest))
            self._staged[key] = rows.filled(columns_of(self._source, key)) if self._fill else rows
        rows = self._staged[key]
        return rows.batches([name for name in names if name in rows.schema.names])


@contextmanager
def reference_for(
    store: Store,
    intake: Intake,
    state: LineageState,
    manifest: SliceManifest,
    *,
    older_only: bool = False,
    fill: bool = False,
) -> Iterator[ConsumedSlices]:
    """What `manifest` is compared with; slices that are read lie on the local disk while the block runs.

    Args:
        older_only: with older slices alone, as when it came.
        fill: with the defaults of columns where it is not their time, as models see them. Validation compares
            what came: a column is compared with the slices that have it.
    """
    with ExitStack() as stack:
        yield ConsumedSlices(store, intake, state, manifest, stack, older_only=older_only, fill=fill)
