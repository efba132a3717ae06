"""What real errors of TensorFlow, Keras and others come to: a sentence, and none of the rows in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from ckpt_ops.candidates.export import export
from ckpt_ops.candidates.results import predict
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.evaluation import EvaluatedRows, Servable
from ckpt_ops.short_errors import LONGEST, in_short, short
from ckpt_ops.store import LocalStore
from ckpt_ops.training import Examples

NUMBERS = np.linspace(0.123456, 9.87654, 1200).reshape(400, 3)
WORDS = np.array(["secret", "private"] * 200, dtype=object)


def bound(given: Any) -> Callable[[], Any]:
    signature = [{"a": tf.TensorSpec((None, 3), tf.float32)}]
    return lambda: tf.function(lambda inputs: inputs["a"], input_signature=signature)(given)


class Refuses(keras.layers.Layer):
    def call(self, inputs: Any) -> Any:
        raise ValueError(f"I do not take {inputs} and {NUMBERS} and {WORDS}")


def raises(message: str) -> Callable[[], Any]:
    def call() -> Any:
        raise ValueError(message)

    return call


def graph_of(function: Callable[[Any], Any], given: Any) -> Callable[[], Any]:
    return lambda: tf.function(function)(tf.constant(given))


FAILING: dict[str, tuple[Callable[[], Any], str]] = {
    "another dtype": (
        bound({"a": tf.constant(NUMBERS)}),
        "TypeError: Binding inputs to tf.function failed due",
    ),
    "another structure": (bound({"a": NUMBERS, "b": WORDS}), "{'a': array([...]"),
    "text for numbers": (bound(tf.constant(WORDS)), "Can not cast <tf.Tensor: shape=(400,), dtype=string"),
    "a row out of bounds": (
        graph_of(lambda at: tf.gather(tf.zeros((3, 2)), at), [1, 77777]),
        "InvalidArgumentError: indices[1] = ... is not in [0, 3)",
    ),
    "an assertion": (
        lambda: tf.debugging.assert_less(tf.constant(NUMBERS), tf.constant(5.0, tf.float64)),
        "InvalidArgumentError: Condition x < y did not hold.",
    ),
    "words out of the vocabulary": (
        lambda: keras.layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(tf.constant(WORDS)),
        "InvalidArgumentError",
    ),
    "text that is no number": (
        lambda: tf.strings.to_number(tf.constant(WORDS)),
        "InvalidArgumentError: StringToNumberOp could not correctly convert string: ...",
    ),
    "text that Python cannot convert": (
        lambda: float("secret"),
        "ValueError: could not convert string to float: ...",
    ),
    "text that Arrow cannot convert": (
        lambda: pa.array(["secret"]).cast(pa.int64()),
        "ArrowInvalid: Failed to parse string: ... as a scalar of type int64",
    ),
    "a layer of one's own": (lambda: Refuses()(tf.constant(NUMBERS)), "ValueError: I do not take [...]"),
    "a row in Python": (
        raises(
            f"no {WORDS[:2].tolist()}, {tf.constant(0.123456)!r}, {np.float64(0.123456)!r}, {b'secret'!r}"
        ),
        "ValueError: no [...]",
    ),
    "other sizes": (
        lambda: tf.linalg.matmul(NUMBERS, NUMBERS),
        "InvalidArgumentError: Matrix size-incompatible: In[0]: [400,3], In[1]: [400,3]",
    ),
    "other columns": (
        lambda: keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])(tf.constant(NUMBERS)),
        "expected axis -1 of input shape to have value 2, but received input with shape (400, 3)",
    ),
    "code that is traced": (
        graph_of(lambda given: {"x": given}["no such column"], 1.0),
        "KeyError: 'no such column'",
    ),
    "a file": (
        lambda: Path("/no/such/file").read_text(),
        "[Errno 2] No such file or directory: '/no/such/file'",
    ),
    "a key": (lambda: {}["no such layer"], "KeyError: 'no such layer'"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_an_error_says_its_sentence_and_no_row(kind: str) -> None:
    fail, message = FAILING[kind]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any library
        fail()
    said = in_short(caught.value)
    assert message in said
    assert len(said) <= LONGEST
    assert "\n" not in said
    rows = {"secret", "private", "77777", *(str(number)[:5] for number in NUMBERS.ravel())}
    assert [row for row in rows if row in said] == []


def test_an_error_of_ours_says_what_happened_and_not_its_kind() -> None:
    error = ModelCodeError("the model says (40, 3)\nof 40 rows", safe="nothing was written")
    assert in_short(error) == "the model says (40, 3) of 40 rows"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert len(short("word " * 900)) <= LONGEST
    assert short("word " * 900).endswith(" ...")


def test_what_an_export_fails_with_is_kept_in_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Once(tf.Module):
        """Predicts, and refuses what it is asked once it is served."""

        def __call__(self, inputs: Any, training: bool = False) -> Any:
            if not tf.inside_function():
                return inputs["x"][:, :1]
            with tf.control_dependencies(
                [tf.debugging.assert_less(inputs["x"], tf.constant(5.0, tf.float64))]
            ):
                return tf.identity(inputs["x"][:, :1])

    examples = Examples(inputs={"x": NUMBERS, "word": WORDS}, labels=np.zeros(400))
    check = export(Once(), LocalStore(tmp_path), "e", examples, predict(Once(), examples.inputs), timed=False)
    none = np.zeros(0)
    evaluated = EvaluatedRows(
        label=none, candidate=none, champion=None, segments={}, slice_key="k", rows="no rows", servable=check
    )
    verdict = Servable().evaluate(evaluated, seed=0)
    assert verdict.passed is False
    assert "the exported model failed: InvalidArgumentError: " in verdict.message
    logged = capsys.readouterr().out
    assert "the export failed, at" in logged
    assert "export.py" in logged
    for said in (verdict.message, logged):
        assert "secret" not in said
        assert "9.8" not in said
        assert len(said) < 4_000
