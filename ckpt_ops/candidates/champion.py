"""Test, then train: what the champion predicts before a candidate trains on the rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.candidates.as_served.asked import Ask, Rows, Scores
from ckpt_ops.candidates.data import TrainingData
from ckpt_ops.candidates.past import PastExamples
from ckpt_ops.candidates.scored_rows import RowNumbers, are_too_many, scored_rows
from ckpt_ops.candidates.slice_rows import SliceRows, split_tables
from ckpt_ops.errors import NotAsServed
from ckpt_ops.evaluation import metrics_of
from ckpt_ops.former_columns import FormerNames
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.outputs import formed, joined, names_of, numbers, same_form
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.training import Examples


@dataclass(frozen=True, kw_only=True, eq=False)
class ChampionScore:
    """What the champion predicts, as it is served.

    Attributes:
        holdout: its predictions on the rows that evaluate a candidate, shape (rows,) or (rows, classes); of
            several outputs as `ckpt_ops.outputs` has them.
        slices: by key, its metrics on every row of a slice that it was not trained on.
        scored_rows: by key, how many rows these are of, where a slice is so large that they are not all.
        past: its predictions on held-out rows of slices consumed before; None where no gate asks.
        missing: why it could not be asked; all else is empty then.
        former: columns that its own code was given under a former name, too.
    """

    holdout: Scores | None = None
    slices: Mapping[str, dict[str, float]] = field(default_factory=dict)
    scored_rows: Mapping[str, int] = field(default_factory=dict)
    past: Scores | None = None
    missing: str = ""
    former: FormerNames = field(default_factory=dict)

    @classmethod
    def missed(cls, error: NotAsServed) -> ChampionScore:
        """The score of a champion that could not be asked."""
        print(f"the champion has no score: {error}", flush=True)
        return cls(missing="; ".join(filter(None, [error.what, error.next])))

    def beside(self, candidate: Scores) -> ChampionScore:
        """Itself, as long as it predicts what the candidate predicts, of one form; else a missing score."""
        if self.holdout is None or same_form(self.holdout, candidate):
            return self
        ours, theirs = formed(self.holdout), formed(candidate)
        if ours == theirs:
            theirs = "for other positions"
        if not (names_of(self.holdout) or names_of(candidate)):
            theirs = theirs.partition(" ")[0]
        what = f"it predicts {ours} per row, the candidate {theirs}"
        return ChampionScore(missing=f"could not be evaluated as it is served: {what}")


_ALL = slice(None)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """Rows of a slice that the champion is asked about.

    Attributes:
        examples: the slice's rows to train on, or those held out.
        rows: those of them that it is asked about.
        scored: which of `examples` make the slice's score; None: all.
        of_score, of_evaluation: which predictions are of those, and of rows that evaluate; None: of none.
    """

    key: str
    examples: Examples
    rows: Rows
    scored: RowNumbers | None = None
    of_score: RowNumbers | slice | None = None
    of_evaluation: RowNumbers | slice | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredPart:
    """Rows that are scored.

    Attributes:
        labels, scores: as metrics take them; of all outputs.
    """

    labels: Scores
    scores: Scores
    groups: npt.NDArray[Any] | None = None

    @classmethod
    def of(cls, examples: Examples, scores: Scores, rows: RowNumbers | None = None) -> ScoredPart:
        """Rows of `examples`, for which there are these scores.

        Args:
            rows: which of them; None: all.
        """
        some = slice(None) if rows is None else rows
        groups = None if examples.groups is None else examples.groups[some]
        return cls(labels=numbers(examples.labels[some]), scores=scores, groups=groups)


def score(
    ask: Ask,
    pipeline: Pipeline,
    rows: SliceRows,
    version: VersionState,
    data: TrainingData,
    *,
    unseen: Collection[str],
    past: PastExamples | None = None,
) -> ChampionScore:
    """Score the champion on the rows that evaluate `version`, and on every row of the slices in `unseen`.

    A slice's score is the same to the last bit whatever slices come with it: it is predicted in batches of
    its own. Of a large slice some rows are scored, as `scored_rows` draws them.

    Args:
        ask: the champion; where it raises `NotAsServed`, the score says so.
        rows: where slices are read.
        unseen: keys of the version's slices that the champion was not trained on. A slice of which
            `examples()` left no rows has no score.
        past: rows to predict on as well, for evaluation beside the candidate.
    """
    parts = list(_parts(pipeline, rows, version, data, unseen))
    of_past = [_rows_of_past(pipeline, rows, past)] if past else []
    try:
        answers = ask([*(part.rows for part in parts), *of_past])
    except NotAsServed as error:
        return ChampionScore.missed(error)
    predictions = answers.scores
    of_parts = list(zip(parts, predictions, strict=False))
    scores, some = {}, {}
    for key in unseen:
        of_slice = [(part, one) for part, one in of_parts if part.key == key and part.of_score is not None]
        found = [ScoredPart.of(part.examples, one[part.of_score], part.scored) for part, one in of_slice]
        if found:
            scores[key] = metrics_on(found)
        if any(part.scored is not None for part, _ in of_slice):
            some[key] = sum(len(part.labels) for part in found)
            print(f"the champion is scored on {some[key]:,} rows of slice {key}", flush=True)
    return ChampionScore(
        holdout=joined([one[part.of_evaluation] for part, one in of_parts if part.of_evaluation is not None]),
        slices=scores,
        scored_rows=some,
        past=predictions[-1] if past else None,
        former=answers.former,
    )


def metrics_on(parts: Sequence[ScoredPart]) -> dict[str, float]:
    """Every metric that has a value on the rows of all parts."""
    filled = [part for part in parts if len(part.labels)]
    if not filled:
        return {}
    groups = [part.groups for part in filled if part.groups is not None]
    return metrics_of(
        joined([part.labels for part in filled]),
        joined([part.scores for part in filled]),
        groups=joined(groups) if groups else None,
    )


def labels_of(examples: Examples) -> Scores:
    """The labels as metrics take them, shape (rows,) or (rows, k); of several outputs by name."""
    return numbers(examples.labels)


def _parts(
    pipeline: Pipeline, rows: SliceRows, version: VersionState, data: TrainingData, unseen: Collection[str]
) -> Iterator[_Part]:
    """By slice: its rows to train on, where it is in `unseen`, then those held out.

    A slice's score must not depend on which slices come with it, and these decide which of its rows evaluate.
    So all that are held out are asked about; where they are too many, each draw by itself.
    """
    for ref in version.slices:
        train, held = (data.train.take(data.slices[ref.key][0]), data.held_out.take(data.slices[ref.key][1]))
        of_train, of_held = scored_of(ref, (train, held))
        drawn, is_new = data.drawn.get(ref.key), ref.key in unseen
        training = partial(_tables, pipeline, rows, ref, held=False)
        holding = partial(_tables, pipeline, rows, ref, held=True)
        if train.rows and is_new:
            asked = Rows.of(train, training, of_train)
            yield _Part(key=ref.key, examples=train, rows=asked, scored=of_train, of_score=_ALL)
        if not held.rows:
            continue
        if drawn is None or (is_new and not are_too_many(held.rows)):
            yield _Part(
                key=ref.key,
                examples=held,
                rows=Rows.of(held, holding),
                scored=of_held,
                of_score=(_ALL if of_held is None else of_held) if is_new else None,
                of_evaluation=_ALL if drawn is None else drawn,
            )
            continue
        if len(drawn):
            asked = Rows.of(held, holding, drawn)
            yield _Part(key=ref.key, examples=held, rows=asked, of_evaluation=_ALL)
        if is_new and (of_held is None or len(of_held)):
            asked = Rows.of(held, holding, of_held)
            yield _Part(key=ref.key, examples=held, rows=asked, scored=of_held, of_score=_ALL)


def scored_of(ref: SliceRef, parts: Sequence[Examples]) -> list[RowNumbers | None]:
    """As `scored_rows`, of the parts of a slice: its rows to train on, and those held out."""
    sizes = [part.rows for part in parts]
    return scored_rows(ref.revision, sizes, groups=[part.groups for part in parts])


def _tables(
    pipeline: Pipeline, rows: SliceRows, ref: SliceRef, *, held: bool
) -> Iterator[tuple[str, pa.Table]]:
    return ((ref.key, tables[held]) for tables in split_tables(pipeline, rows, ref))


def _rows_of_past(pipeline: Pipeline, rows: SliceRows, past: PastExamples) -> Rows:
    tables = partial(_tables_of_past, pipeline, rows, past)
    return Rows.drawn(past.examples, tables, past.drawn, kept=past.held_out)


def _tables_of_past(
    pipeline: Pipeline, rows: SliceRows, past: PastExamples
) -> Iterator[tuple[str, pa.Table]]:
    for ref in past.refs:
        yield from _tables(pipeline, rows, ref, held=True)
