"""A history, measured: one metric on the same rows after each version of it, and inside a version.

The model stays where the last measurement left it. A version whose checkpoint is kept is restored, any
other is trained again from the one before it. Inside a version that consumed several slices, models are
trained from its parent on the first of them, the first two, and so on: such models never were versions.
Each has the vocabularies of the slices that it consumed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ckpt_ops.candidates.champion import labels_of
from ckpt_ops.candidates.data import load_data
from ckpt_ops.candidates.given import given_for, of_version
from ckpt_ops.candidates.one_model import OneModel
from ckpt_ops.candidates.proposal import candidate_of
from ckpt_ops.candidates.results import predict
from ckpt_ops.candidates.session import InMemory, final_manifest
from ckpt_ops.diagnostics.bisect_question import Question, describe
from ckpt_ops.diagnostics.retrain import changed, kept_checkpoint, retrain
from ckpt_ops.evaluation import UnusablePredictions, metric_of_key
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import CandidateStarted, SliceRef
from ckpt_ops.outputs import of_output, output_in
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import takes_vocabularies
from ckpt_ops.store import Store
from ckpt_ops.training import Examples
from ckpt_ops.worker import Note, tell


@dataclass(frozen=True, kw_only=True)
class Point:
    """What was measured of one model.

    Attributes:
        slices: keys that it consumed beyond its parent.
        of: how many its version consumed; more than `slices` has for a model inside a version.
        value: the metric; None when it is not defined on the predictions.
        how: "kept", "retrained" or "never a version".
        steps: how many were trained for it; None: it is kept.
        seconds: of restoring or training, and measuring.
    """

    version: int
    slices: tuple[str, ...]
    of: int
    value: float | None
    wrong: bool
    how: str
    steps: int | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "slices": list(self.slices)}


class Measuring:
    """Measures versions of `line`, a version and its ancestors, oldest first.

    Attributes:
        line: the methods take positions in it.
        kept: by position, whether the version's checkpoint is kept.
        where: the rows, as text.
        model: holds what was measured last.
        deterministic: whether what is trained for this comes out the same each time.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        store: Store,
        state: LineageState,
        line: Sequence[VersionState],
        question: Question,
        on: SliceRef,
    ) -> None:
        self.line, self._pipeline, self._state, self._question = line, pipeline, state, question
        self.deterministic = pipeline.numerics.deterministic
        self._manifests = [kept_checkpoint(store, state, version) for version in line]
        self.kept = [manifest is not None for manifest in self._manifests]
        self._store, self._on = store, on
        from_nothing = not self.kept[0] or len(line[0].slices) > 1
        self.model = OneModel(pipeline, store, from_nothing=from_nothing)
        self.model.built_for(self._given(len(line) - 1))
        self._rows = self._held_out()
        self.where = f"on the {self._rows.rows:,} held-out rows of {on.key}"
        self._at: int | None = None  # the position that the model holds
        self._held: tuple[int, InMemory] | None = None

    def version(self, at: int, *, train: bool) -> Point:
        """Measure the version at `at`.

        Args:
            train: train it, from the position before: kept, copied, or held by the model.
        """
        began = time.monotonic()
        steps, given = None, self._given(at)
        if train:
            self._begin(at - 1, given)
            steps = retrain(self.model.session, self._state, self.line[at]).step
        elif at != self._at:
            self.model.restored(given, final_manifest(self._state, self.line[at].version))
        self._at = at
        return self._point(self.line[at], "retrained" if train else "kept", steps, began)

    def inside(self, at: int, slices: int) -> Point:
        """Measure what the version at `at` would be, had it consumed only its first `slices` slices.

        The position before is as for `version`.
        """
        began = time.monotonic()
        version = self.line[at]
        consumed = version.slices[:slices]
        opened = VersionState.opened(
            CandidateStarted(
                version=version.version,
                candidate=candidate_of(
                    self._pipeline,
                    self._state,
                    version.parent,
                    consumed,
                    digests=digests_of(self._pipeline),
                    again=version.started.again,
                ),
                parent=version.parent,
                slices=consumed,
                again=version.started.again,
            )
        )
        before = Given() if at == 0 else self._given(at - 1)
        given = given_for(self._pipeline, self._store, self._state, version.parent, consumed, before=before)
        transferred = self._begin(at - 1, given)
        self._at = None
        steps = retrain(self.model.session, self._state, opened, transferred=transferred).step
        point = self._point(opened, "never a version", steps, began)
        return replace(point, of=len(version.slices))

    def copy_values(self) -> None:
        """Copy the model's values, to return to them later; the previous copy is dropped."""
        if self._at is not None:
            self._held = (self._at, self.model.session.in_memory())

    def changes(self, at: int) -> dict[str, str]:
        """What differs today from when the version was trained, as far as it affects its measurement."""
        manifest = self._manifests[at]
        found = changed(self._pipeline, self._state, self.line[at], manifest)
        # settings and libraries shaped a checkpoint that is kept; only the code is run again on it
        return {what: message for what, message in found.items() if manifest is None or what == "code"}

    def _given(self, at: int) -> Given:
        return of_version(self._store, self._pipeline.name, self.line[at])

    def _begin(self, parent: int, given: Given) -> bool:
        """Let a model of `given` go on from position `parent`, -1 for none; whether it was transferred."""
        if parent == self._at:
            return self.model.go_on(given)
        if self._held is not None and self._held[0] == parent:
            return self.model.go_on(given, self._held[1])
        found = None if parent < 0 else final_manifest(self._state, self.line[parent].version)
        return self.model.go_on_from(given, found)

    def _held_out(self) -> Examples:
        """The rows to measure on, as the model at hand takes them."""
        version = replace(self.line[0], slices=(self._on,))
        return load_data(self.model.session.pipeline, self._store, version, {}).holdout

    def _point(self, version: VersionState, how: str, steps: int | None, began: float) -> Point:
        output = output_in(self._question.metric)
        rows = self._held_out() if takes_vocabularies(self._pipeline) else self._rows
        labels = of_output(labels_of(rows), output)
        value: float | None
        try:
            predictions = of_output(predict(self.model.session.model, rows.inputs, rows.positions), output)
            value = metric_of_key(self._question.metric)(labels, predictions, groups=rows.groups)
        except UnusablePredictions:
            value = None
        keys = tuple(ref.key for ref in version.slices)
        text = f"{self._question.metric} {describe(value)} {self.where}"
        tell(Note(text=f"version {version.version} ({', '.join(keys)}; {how}): {text}"))
        return Point(
            version=version.version,
            slices=keys,
            of=len(keys),
            value=value,
            wrong=self._question.wrong(value),
            how=how,
            steps=steps,
            seconds=time.monotonic() - began,
        )
