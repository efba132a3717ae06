"""`pipeline.py` and `dag.py` of a pipeline with a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ckpt_ops.scaffold.code import when_code
from ckpt_ops.scaffold.found import Found
from ckpt_ops.scaffold.layout import FUTURE, WIDTH, docstring_code, imports_code
from ckpt_ops.scaffold.literals import repr_of
from ckpt_ops.scaffold.model.chosen import Bounds, ChosenGate
from ckpt_ops.scaffold.model.features import Feature
from ckpt_ops.scaffold.model.label import Target, Task
from ckpt_ops.scaffold.model.shapes import adapts, capacity_of, is_large, vocabularies_of

_ROWS_OF_VALUE = 5
_ABOUT = {
    Task.BINARY: "A probability for each row",
    Task.CLASSES: "A class for each row",
    Task.NUMBER: "A number for each row",
    Task.RANKING: "An order of the rows of each query",
}


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a first model is trained and evaluated.

    Attributes:
        holdout: a setting of the pipeline as code; "": its default.
    """

    bounds: Bounds
    gates: Sequence[ChosenGate]
    holdout: str


def pipeline_py(name: str, target: Target, features: Sequence[Feature], training: Training) -> str:
    """`pipeline.py`: the description of the model."""
    vocabularies, large = vocabularies_of(features), is_large(features)
    uses = ["Budget", "Every", "Pipeline", "Servable", *(gate.uses for gate in training.gates)]
    uses += ["Vocabulary"] if vocabularies else []
    uses += ["Latest"] if "Latest" in training.holdout else []
    bounds = training.bounds
    lines = [
        f"{name} = Pipeline(",
        f'    name="{name}",',
        "    source=source,",
        '    expectations="expectations.json",',
        f'    model="{name}.model:build_model",',
        f'    inputs="{name}.model:inputs",',
        *([f'    adapt="{name}.model:adapt",'] if adapts(target, features) else []),
    ]
    if vocabularies:
        lines += [
            f"    # A value gets a row of its own once {_ROWS_OF_VALUE} rows have it; a full one doubles.",
            "    vocabularies=[",
            *(
                f"        Vocabulary({repr_of(each.column)}, {capacity_of(each)}, "
                f"min_count={_ROWS_OF_VALUE}, grow=2.0),"
                for each in vocabularies
            ),
            "    ],",
        ]
    lines += [
        "    update_when=Every(slices=1),",
        "    # Two passes over a slice and what is replayed with it; more over the first, which is alone.",
        f"    budget=Budget(max_steps={bounds.max_steps}, max_seconds=600, max_epochs={bounds.max_epochs}, "
        f"min_steps={bounds.min_steps}),",
        *(["    average=None,  # of embeddings of which a slice touches little"] if large else []),
        *([f"    {training.holdout},"] if training.holdout else []),
        "    gates=[",
    ]
    for gate in training.gates:
        lines += [f"        # {gate.why}", f"        {gate.code},"]
    lines += ["        Servable(),", "    ],", ")"]
    imports = imports_code({"ckpt_ops": uses, f"{name}.source": ["source"]})
    body = "\n".join(line if len(line) <= WIDTH else _wrapped(line) for line in lines)
    about = docstring_code(f"{_ABOUT[target.task]}, kept fresh slice by slice.")
    return f"{about}\n{FUTURE}\n{imports}\n{body}\n"


def dag_py(name: str, found: Found, *, now: datetime | None = None) -> str:
    """`dag.py`: the DAG that keeps the model fresh, and those that a person triggers."""
    moments, arguments = when_code(name, found, now=now)
    factories = ["export_dag", "rebase_dag", "retrain_dag", "retraining_dag"]
    imports = imports_code({"ckpt_ops_airflow": factories, f"{name}.pipeline": [name]})
    return (
        f"{docstring_code('The DAGs of `pipeline.py`.')}\n{FUTURE}\n"
        f"from datetime import {moments}\n\n{imports}\n"
        f"dag = retraining_dag(\n{arguments}\n)\n\n"
        "# Triggered by hand: when a slice was corrected, withdrawn or tainted; for a version that sees the\n"
        "# history again; and from the page of a version, which it writes in another format.\n"
        f"rebase = rebase_dag({name})\nretrain = retrain_dag({name})\nexport = export_dag({name})\n"
    )


def _wrapped(line: str) -> str:
    """A call, or a comment, that is too long for its line, as ruff lays it out."""
    indent = line[: len(line) - len(line.lstrip())]
    if line.lstrip().startswith("#"):
        words, lines = line.split(), [f"{indent}#"]
        for word in words[1:]:
            if len(lines[-1]) + len(word) + 1 > WIDTH:
                lines.append(f"{indent}#")
            lines[-1] += f" {word}"
        return "\n".join(lines)
    return line
