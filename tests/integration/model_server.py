"""A model server that follows TensorFlow Serving's rules, in a process with TensorFlow and nothing of ours.

    python -I model_server.py QUESTIONS ANSWERS

QUESTIONS is a JSON list of `{"base": FOLDER, "instances": [...]}`: a base path and the body of a
`POST /v1/models/MODEL:predict` in row format. ANSWERS gets, in order, `{"version": N, "predictions": [...]}`.

* Below the base path, folders whose name is a number are versions; the highest that holds a model is served
  (https://www.tensorflow.org/tfx/serving/serving_config: "latest", the default policy).
* A model is loaded with the tag `serve`; it is asked by its signature `serving_default`.
* An instance has every input of the signature by name, and nothing else; a value becomes what the signature
  says. One output is answered without its name (https://www.tensorflow.org/tfx/serving/api_rest).
* Before it answers anybody, it sends each request in `assets.extra/tf_serving_warmup_requests` to the model,
  and does not serve a model that fails on one (https://www.tensorflow.org/tfx/serving/saved_model_warmup).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2


def newest(base: Path) -> Path:
    """The folder of the version that is served."""
    versions = [each for each in base.iterdir() if each.is_dir() and each.name.isdecimal()]
    complete = [each for each in versions if (each / "saved_model.pb").is_file()]
    return max(complete, key=lambda each: int(each.name))


def tensors(instances: list[dict[str, Any]], specs: dict[str, tf.TensorSpec]) -> dict[str, tf.Tensor]:
    """The instances as the signature takes them."""
    for instance in instances:
        if instance.keys() != specs.keys():
            raise ValueError(f"an instance has {sorted(instance)}; the signature takes {sorted(specs)}")
    found = {}
    for name, spec in specs.items():
        column = tf.constant([instance[name] for instance in instances], spec.dtype)
        if not spec.shape.is_compatible_with(column.shape):
            raise ValueError(f"{name} has the shape {column.shape}; the signature takes {spec.shape}")
        found[name] = column
    return found


def message(called: str, /, **fields: tuple[int, str]) -> descriptor_pb2.DescriptorProto:
    """A message: by name, its fields' numbers and types; `[]` at the end of a type: there are several."""
    described = descriptor_pb2.DescriptorProto(name=called)
    for name, (number, kind) in fields.items():
        field = described.field.add(name=name, number=number)
        field.label = field.LABEL_REPEATED if kind.endswith("[]") else field.LABEL_OPTIONAL
        field.type = field.TYPE_STRING if kind == "string" else field.TYPE_MESSAGE
        if kind != "string":
            field.type_name = f".tensorflow.{kind.removesuffix('[]')}"
    return described


def prediction_log() -> Any:
    """The class of `tensorflow.serving.PredictionLog`, as far as warm-up requests need it.

    The numbers are those of `model.proto`, `predict.proto` and `prediction_log.proto` of its APIs.
    """
    request = message(
        "PredictRequest",
        model_spec=(1, "serving.ModelSpec"),
        inputs=(2, "serving.PredictRequest.InputsEntry[]"),
    )
    entry = message("InputsEntry", key=(1, "string"), value=(2, "TensorProto"))
    entry.options.map_entry = True
    request.nested_type.append(entry)
    file = descriptor_pb2.FileDescriptorProto(
        name="prediction_log.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[tensor_pb2.DESCRIPTOR.name],
        message_type=[
            message("ModelSpec", name=(1, "string"), signature_name=(3, "string")),
            request,
            message("PredictLog", request=(1, "serving.PredictRequest")),
            message("PredictionLog", predict_log=(6, "serving.PredictLog")),
        ],
    )
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.serving.PredictionLog"))


def warm_up(loaded: Any, folder: Path, kind: Any) -> list[int]:
    """Send what lies there for that; the rows of each request."""
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    if not path.is_file():
        return []
    sent = []
    for record in tf.data.TFRecordDataset(str(path)):
        request = kind.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(one)) for name, one in request.inputs.items()}
        signature = loaded.signatures[request.model_spec.signature_name]
        if inputs.keys() != signature.structured_input_signature[1].keys():
            raise ValueError(f"a warm-up request has {sorted(inputs)}")
        signature(**inputs)
        sent.append(len(next(iter(inputs.values()))))
    return sent


def answer(base: Path, instances: list[dict[str, Any]]) -> dict[str, Any]:
    """What the server of `base` says."""
    folder = newest(base)
    loaded = tf.saved_model.load(str(folder), tags={"serve"})
    warmed = warm_up(loaded, folder, KIND)
    signature = loaded.signatures["serving_default"]
    positional, specs = signature.structured_input_signature
    if positional:
        raise ValueError(f"the signature takes {positional} without names")
    outputs = signature(**tensors(instances, specs))
    if len(outputs) != 1:
        raise ValueError(f"the signature has the outputs {sorted(outputs)}")
    (output,) = outputs.values()
    return {"version": int(folder.name), "warmed up": warmed, "predictions": np.asarray(output).tolist()}


KIND = prediction_log()

if __name__ == "__main__":
    questions, answers = map(Path, sys.argv[1:])
    asked = json.loads(questions.read_text())
    answers.write_text(json.dumps([answer(Path(one["base"]), one["instances"]) for one in asked]))
