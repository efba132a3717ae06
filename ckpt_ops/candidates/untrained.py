"""What a pipeline's model predicts before its first step: for a test of `model.py`, beside its sample."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.candidates.results import predict
from ckpt_ops.pipeline import given as adapted_values
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.of_version import of_given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import build_model, call, make_examples, make_inputs
from ckpt_ops.slices.declared import with_all_columns
from ckpt_ops.vocabularies.growth import Grown, advance, empty
from ckpt_ops.vocabularies.settings import Vocabulary


def untrained_predictions(pipeline: Pipeline, first: pa.Table, asked: pa.Table | None = None) -> Any:
    """The predictions of an untrained model, as those of a version are made; imports TensorFlow.

    Nothing is stored. Columns that a table lacks are filled with nulls, as of a file that lacks them.

    Args:
        first: rows of a first slice: vocabularies and adapted values are made of them.
        asked: rows to predict; None: the same.

    Returns:
        Shape (rows,), or (rows, k) for a model that predicts k numbers, for each row that the pipeline's
        `inputs` makes of `asked`.

    Raises:
        ModelCodeError: `adapt`, `build_model`, `examples` or `inputs` raised, or returned what
            no model takes.
    """
    first = with_all_columns(first, pipeline.source.schema)
    asked = first if asked is None else with_all_columns(asked, pipeline.source.schema)
    given = Given(
        vocabularies={one.column: _grown(one, first) for one in pipeline.vocabularies},
        adapted=adapted_values.checked(pipeline.adapt, call(pipeline.adapt, first)) if pipeline.adapt else {},
    )
    model, described = build_model(pipeline, given), of_given(pipeline, given)
    make_examples(described, first)
    inputs = make_inputs(described, asked) if pipeline.inputs else make_examples(described, asked).inputs
    return predict(model, inputs)


def _grown(settings: Vocabulary, table: pa.Table) -> Grown:
    counted = pc.value_counts(table[settings.column].drop_null())
    counts = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    return advance(empty(settings), settings, dict(counts))
