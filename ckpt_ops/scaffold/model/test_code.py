"""The tests of a first model, beside those of its source: it takes the sample, and rows without a value."""

from __future__ import annotations

from ckpt_ops.scaffold.code import MoreTests


def model_tests(name: str, kind: str) -> MoreTests:
    """For `test_NAME.py`.

    Args:
        kind: the class of the source that has the sample.
    """
    return MoreTests(
        uses={"ckpt_ops.candidates.untrained": ["untrained_predictions"]},
        code=f"""

def test_the_model_takes_the_sample(sample: {kind}) -> None:
    rows = pa.Table.from_batches(list(sample.read(KEYS[0])))
    predicted = untrained_predictions({name}, rows)
    assert len(predicted) == rows.num_rows
    assert np.isfinite(predicted).all()


def test_a_row_without_a_value_has_a_prediction_too(sample: {kind}) -> None:
    rows = pa.Table.from_batches(list(sample.read(KEYS[0])))
    nothing = pa.table([pa.nulls(3, field.type) for field in sample.schema], schema=sample.schema)
    predicted = untrained_predictions({name}, rows, nothing)
    assert np.isfinite(predicted).all()
""",
    )
