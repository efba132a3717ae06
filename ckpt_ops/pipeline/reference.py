"""What a slice is compared with when it is judged: the slices that the champion learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime

import pyarrow as pa

from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import SliceManifest, StagedSlice, load_manifest, staged
from ckpt_ops.store import Store


class ConsumedSlices:
    """A `validation.custom.Reference`: reads each slice from the store when it is first asked for."""

    def __init__(
        self, store: Store, intake: Intake, state: LineageState, manifest: SliceManifest, stack: ExitStack
    ) -> None:
        self._store, self._source, self._stack = store, intake.source.name, stack
        self._pulled_at = datetime.fromisoformat(manifest.pulled_at)
        # not of the same key: a corrected slice would be a duplicate of itself
        self._refs = {key: ref for key, ref in state.consumed.items() if key != manifest.key}
        self._staged: dict[str, StagedSlice] = {}

    @property
    def pulled_at(self) -> datetime:
        """When the slice that is judged was first pulled."""
        return self._pulled_at

    @property
    def slices(self) -> Sequence[str]:
        """Keys of the consumed slices, oldest first."""
        return sorted(self._refs)

    def batches(self, key: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of one of `slices`, with those of `names` that it has."""
        if key not in self._staged:
            manifest = load_manifest(self._store, self._source, key, self._refs[key].revision)
            self._staged[key] = self._stack.enter_context(staged(self._store, manifest))
        rows = self._staged[key]
        return rows.batches([name for name in names if name in rows.schema.names])


@contextmanager
def reference_for(
    store: Store, intake: Intake, state: LineageState, manifest: SliceManifest
) -> Iterator[ConsumedSlices]:
    """What `manifest` is compared with; what is read of it lies on the local disk while the block runs."""
    with ExitStack() as stack:
        yield ConsumedSlices(store, intake, state, manifest, stack)
