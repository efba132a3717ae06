"""`model.py`: constants that say what each column becomes, and the functions that use them."""

from __future__ import annotations

from collections.abc import Sequence

from ckpt_ops.scaffold.layout import FUTURE, imports_code
from ckpt_ops.scaffold.model.build_code import build_code
from ckpt_ops.scaffold.model.constants_code import constants_code
from ckpt_ops.scaffold.model.features import Feature
from ckpt_ops.scaffold.model.label import Target, Task
from ckpt_ops.scaffold.model.rows_code import adapt_code, examples_code, inputs_code, readers_code
from ckpt_ops.scaffold.model.shapes import adapts, is_large, vocabularies_of

_ABOUT = {
    Task.BINARY: "columns in, the probability of the second of CLASSES out",
    Task.CLASSES: "columns in, a probability of each of CLASSES out",
    Task.NUMBER: "columns in, a number out",
    Task.RANKING: "columns in, a score out, by which the rows of a query are ranked",
}


def model_py(
    name: str, target: Target, features: Sequence[Feature], *, output: str, slice_time: str = ""
) -> str:
    """The whole file.

    Args:
        output: the name of the output's layer.
        slice_time: the column from which days are counted, where a feature is such.
    """
    means = adapts(target, features)
    mappings = means or bool(vocabularies_of(features))
    standard = ["from collections.abc import Mapping"] if mappings else []
    head = [
        f'"""The model: {_ABOUT[target.task]}.',
        "",
        "A baseline that `ckpt-ops init` wrote from the data; yours to edit. Imported only where it trains.",
        '"""',
        "",
        FUTURE,
        *standard,
        "from typing import Any",
        "",
        "import keras",
        "import numpy as np",
        "import numpy.typing as npt",
        "import pyarrow as pa",
        "import pyarrow.compute as pc",
        "",
        imports_code({"ckpt_ops": ["Examples", *(["LazyAdam"] if is_large(features) else [])]}),
        constants_code(target, features, slice_time),
        "",
    ]
    functions = [
        examples_code(target),
        inputs_code(features),
        *([adapt_code(target, features)] if means else []),
        *build_code(name, target, features, output),
        *readers_code(features, adapts=means),
    ]
    return "\n\n".join(["\n".join(head).rstrip() + "\n", *functions])
