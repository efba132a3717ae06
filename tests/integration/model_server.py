"""A model server that follows TensorFlow Serving's rules, in a process with TensorFlow and nothing of ours.

    python -I model_server.py QUESTIONS ANSWERS

QUESTIONS is a JSON list of `{"base": FOLDER, "instances": [...]}`: a base path and the body of a
`POST /v1/models/MODEL:predict` in row format. ANSWERS gets, in order, `{"version": N, "predictions": [...]}`.

* Below the base path, folders whose name is a number are versions; the highest that holds a model is served
  (https://www.tensorflow.org/tfx/serving/serving_config: "latest", the default policy).
* A model is loaded with the tag `serve`; it is asked by its signature `serving_default`.
* An instance has every input of the signature by name, and nothing else; a value becomes what the signature
  says. One output is answered without its name (https://www.tensorflow.org/tfx/serving/api_rest).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


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


def answer(base: Path, instances: list[dict[str, Any]]) -> dict[str, Any]:
    """What the server of `base` says."""
    folder = newest(base)
    loaded = tf.saved_model.load(str(folder), tags={"serve"})
    signature = loaded.signatures["serving_default"]
    positional, specs = signature.structured_input_signature
    if positional:
        raise ValueError(f"the signature takes {positional} without names")
    outputs = signature(**tensors(instances, specs))
    if len(outputs) != 1:
        raise ValueError(f"the signature has the outputs {sorted(outputs)}")
    (output,) = outputs.values()
    return {"version": int(folder.name), "predictions": np.asarray(output).tolist()}


if __name__ == "__main__":
    questions, answers = map(Path, sys.argv[1:])
    asked = json.loads(questions.read_text())
    answers.write_text(json.dumps([answer(Path(one["base"]), one["instances"]) for one in asked]))
