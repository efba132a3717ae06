"""Requests in an export that a model server sends to itself before it serves others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from model_server import KIND, warm_up

from ckpt_ops.checkpoints.saved_model import InputSpec, write_saved_model
from ckpt_ops.checkpoints.warmup_requests import FILE, prediction_log, write_warmup_requests


class Sums(tf.Module):  # type: ignore[misc]
    """Of text, a number and a list of any length; it may refuse a number that is not above zero."""

    def __init__(self, *, above_zero: bool) -> None:
        super().__init__()
        self.above_zero = above_zero

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        found = tf.reduce_sum(inputs["bids of today"], axis=1) + inputs["hour"]
        found += tf.cast(tf.strings.length(inputs["carrier"]), tf.float32)
        if self.above_zero:
            with tf.control_dependencies([tf.debugging.assert_positive(inputs["hour"])]):
                found = tf.identity(found)
        return found


def exported(folder: Path, *, above_zero: bool = False) -> Any:
    inputs = {
        "carrier": InputSpec(shape=(), dtype="string"),
        "hour": InputSpec(shape=(), dtype="float32"),
        "bids of today": InputSpec(shape=(None,), dtype="float32"),
    }
    write_saved_model(Sums(above_zero=above_zero), folder, inputs)
    return tf.saved_model.load(str(folder))


def test_a_server_reads_and_answers_each_of_them(tmp_path: Path) -> None:
    loaded = exported(tmp_path)
    assert write_warmup_requests(loaded, tmp_path)
    assert warm_up(loaded, tmp_path, KIND) == [1, 32]


def test_a_model_that_refuses_zeros_gets_none_as_a_server_would_not_load_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not write_warmup_requests(exported(tmp_path, above_zero=True), tmp_path)
    assert not (tmp_path / FILE).exists()
    assert "zeros fail, InvalidArgumentError" in capsys.readouterr().out


def test_they_hold_no_value_of_a_row(tmp_path: Path) -> None:
    loaded = exported(tmp_path)
    write_warmup_requests(loaded, tmp_path)
    for record in tf.data.TFRecordDataset(str(tmp_path / FILE)):
        for tensor in KIND.FromString(record.numpy()).predict_log.request.inputs.values():
            assert not np.any(tf.make_ndarray(tensor))


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300, 70_000])
def test_protobuf_reads_values_of_any_length(length: int) -> None:
    text = np.array([b"x" * length], object)
    request = KIND.FromString(prediction_log({"text": text, "é": np.arange(3)})).predict_log.request
    assert request.model_spec.signature_name == "serving_default"
    assert tf.make_ndarray(request.inputs["text"]).tolist() == text.tolist()
    assert tf.make_ndarray(request.inputs["é"]).tolist() == [0, 1, 2]
