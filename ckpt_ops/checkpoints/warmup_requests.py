"""Requests that TensorFlow Serving sends to a version before it serves it to others.

TensorFlow builds parts of a model at the first request, which then takes many times as long as the next. A
server that finds `assets.extra/tf_serving_warmup_requests` in a SavedModel sends what is in there first
(tensorflow.org/tfx/serving/saved_model_warmup): records of a TFRecord file, each a `PredictionLog`.

The requests hold zeros and empty text in the shapes that the model takes: what is built depends on shapes,
and rows of the data have no place in a file that is copied to servers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "assets.extra/tf_serving_warmup_requests"
SIGNATURE = "serving_default"
_ROWS = (1, 32)
"""A request of one row, and one of several: both forms are asked of a server."""
_FREE = 8
"""A length that differs from batch to batch, such as that of a list."""


def write_warmup_requests(loaded: Any, folder: Path) -> bool:
    """Write the requests into the SavedModel in `folder`, if it answers them.

    A server does not load a model that fails on a warm-up request, so each is asked here first.

    Args:
        loaded: the result of `tf.saved_model.load` of the folder.

    Returns:
        Whether the file is there.
    """
    import tensorflow as tf

    signature = loaded.signatures[SIGNATURE]
    requests = [_request(signature, rows) for rows in _ROWS]
    try:
        for request in requests:
            signature(**{name: tf.constant(value) for name, value in request.items()})
    except tf.errors.OpError as error:
        print(f"without requests to warm up a server: zeros fail, {type(error).__name__}", flush=True)
        return False
    (folder / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / FILE)) as file:
        for request in requests:
            file.write(prediction_log(request))
    return True


def _request(signature: Any, rows: int) -> dict[str, Any]:
    """By input of the signature, its zeros."""
    import numpy as np

    _, specs = signature.structured_input_signature
    found = {}
    for name, spec in specs.items():
        sizes = [_FREE if size is None else size for size in spec.shape]
        if sizes and spec.shape[0] is None:
            sizes[0] = rows
        text = spec.dtype.name == "string"
        found[name] = np.full(sizes, b"", object) if text else np.zeros(sizes, spec.dtype.as_numpy_dtype)
    return found


def prediction_log(inputs: Mapping[str, Any]) -> bytes:
    """A `tensorflow.serving.PredictionLog` of a request to the signature, without an answer.

    Its messages are TensorFlow Serving's (`tensorflow_serving/apis/prediction_log.proto`), which no installed
    package has; what they hold is TensorFlow's own.

    Args:
        inputs: an array for each input of the signature.
    """
    import tensorflow as tf

    signature_name = _field(3, SIGNATURE.encode())
    request = _field(1, signature_name)  # PredictRequest.model_spec
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(
            2, _field(1, name.encode()) + _field(2, tensor)
        )  # an entry of PredictRequest.inputs
    return _field(6, _field(1, request))  # PredictionLog.predict_log.request


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message whose value is a message, text or bytes."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
