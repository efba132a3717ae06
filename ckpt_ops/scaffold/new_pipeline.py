"""A folder of `dags/` for a new pipeline with a model: all is looked at and chosen before it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.belonging import length_of
from ckpt_ops.scaffold.belonging import belongings
from ckpt_ops.scaffold.expectations import Line, leak_line
from ckpt_ops.scaffold.folder import check_name, write_folder
from ckpt_ops.scaffold.found import Asked, Found
from ckpt_ops.scaffold.model.chosen import bounds_of, gates_of, held_out_by
from ckpt_ops.scaffold.model.features import Becomes, Feature, features_of, output_name
from ckpt_ops.scaffold.model.label import Target, Task, as_numbers, target_of
from ckpt_ops.scaffold.model.leaks import CERTAIN, SUSPICIOUS, Leaks
from ckpt_ops.scaffold.model.model_code import model_py
from ckpt_ops.scaffold.model.pipeline_code import Training, dag_py, pipeline_py
from ckpt_ops.scaffold.model.test_code import model_tests
from ckpt_ops.scaffold.named_columns import check_column
from ckpt_ops.scaffold.new_source import files_of_source, looked_at
from ckpt_ops.scaffold.profile import columns_of

_ABOVE_SEEN = 0.02
_STRONG = 0.8


@dataclass(frozen=True, kw_only=True)
class AskedModel:
    """What a person asked for of the model.

    Attributes:
        task: what is predicted; None: told from the label's values.
        group: of a ranking, the column whose value the rows of one query share.
        without: columns that are no features.
    """

    label: str
    task: Task | None = None
    group: str = ""
    without: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class WrittenPipeline:
    """What was written, and what each column became.

    Attributes:
        files: by their path below `folder`, what each is.
        notes: what a person should know, or do, before it runs.
        sample_keys: of the first slices.
    """

    folder: Path
    files: dict[str, str]
    notes: Sequence[str]
    sample_keys: Sequence[str]
    target: Target
    features: Sequence[Feature]
    training: Training


def new_pipeline(
    asked: Asked, model: AskedModel, dags: Path, progress: Callable[[str], object] = lambda line: None
) -> WrittenPipeline:
    """Look at the data and write `dags/NAME/` with a model.

    Raises:
        BadInput: the name is taken or not allowed, the folder exists, no model can learn the label, no column
            says anything of it, or something cannot be told from the data. Nothing is written.
    """
    folder = dags / asked.name
    check_name(asked.name, folder)
    found = looked_at(asked, progress)
    for name in set(model.without) - set(found.left_out):
        check_column(name, found.schema.names, field="--without")
    progress(f"choosing what predicts {model.label}")
    chosen = _Chosen(asked, model, found)
    progress(f"writing {folder}")
    files = chosen.files()
    write_folder(folder, files)
    return WrittenPipeline(
        folder=folder,
        files={name: what for name, (what, _) in files.items()},
        notes=chosen.notes,
        sample_keys=found.sample_keys,
        target=chosen.target,
        features=chosen.features,
        training=chosen.training,
    )


class _Chosen:
    """All that is decided, from the rows of the slices together."""

    def __init__(self, asked: Asked, model: AskedModel, found: Found) -> None:
        self._name, self._asked, self._found = asked.name, asked, found
        table = pa.concat_tables([looked.table for looked in found.slices])
        first = found.slices[0].table
        check_column(model.label, table.column_names, field="--label")
        self.target = target_of(
            table,
            model.label,
            task=model.task,
            group=model.group,
            first_rows=first.num_rows - first[model.label].null_count,
        )
        label = as_numbers(self.target, table)
        counts = [len(_known(self.target, each.table)) for each in found.slices]
        self._times = [
            each.column for each in belongings(found.schema, found.slices, length_of(found.spacing.interval))
        ]
        self._times.sort(key=lambda name: not pa.types.is_timestamp(found.schema.field(name).type))
        self.features = features_of(
            table,
            columns_of(found.schema, found.slices),
            self.target,
            Leaks(label, len(self.target.classes)),
            slice_times=self._times,
            without=[each for each in model.without if each not in found.left_out],
        )
        self.notes = [*found.notes, *_known_in_time(self.features), *_one_class(self.target, found)]
        groups = None
        if self.target.group:
            groups = np.array([str(value) for value in table[self.target.group].to_pylist()])
        self.training = Training(
            bounds=bounds_of(counts),
            gates=gates_of(self.target, label, groups, counts[0]),
            holdout=held_out_by(self.target, self._timestamp, found.spacing.interval),
        )

    @property
    def _timestamp(self) -> str:
        kinds = self._found.schema
        return next((name for name in self._times if pa.types.is_timestamp(kinds.field(name).type)), "")

    def files(self) -> dict[str, tuple[str, bytes]]:
        """All files of the folder."""
        name, found, target, features = self._name, self._found, self.target, self.features
        taken = sum(each.becomes is not Becomes.NOTHING for each in features)
        code = {
            "model.py": (
                f"{target.task}: {taken} of {len(features)} columns are features",
                model_py(
                    name,
                    target,
                    features,
                    output=output_name(target, features),
                    slice_time=self._times[0] if self._times else "",
                ),
            ),
            "pipeline.py": (
                f"budget, vocabularies, {len(self.training.gates) + 1} gates",
                pipeline_py(name, target, features, self.training),
            ),
            "dag.py": (f"schedule {found.spacing.cron!r}: {found.spacing.message}", dag_py(name, found)),
        }
        source = files_of_source(
            self._asked,
            found,
            leaks=self._leaks(),
            tests=model_tests(name, found.sample_code.kind),
            by="ckpt-ops init",
        )
        return source | {path: (what, text.encode()) for path, (what, text) in code.items()}

    def _leaks(self) -> Line | None:
        """Only where a label is a number or of two values, as the expectation asks."""
        measured = [
            each
            for each in self.features
            if each.strength is not None and each.becomes in (Becomes.NUMBER, Becomes.CATEGORY, Becomes.CODE)
        ]
        if self.target.task is Task.CLASSES or not measured:
            return None
        strongest = max(measured, key=lambda each: each.strength or 0.0)
        strength = strongest.strength or 0.0
        return leak_line(
            self.target.column,
            [each.column for each in measured],
            strongest.column,
            strength,
            min(CERTAIN, max(SUSPICIOUS, round(strength + _ABOVE_SEEN, 3))),
        )


def _known_in_time(features: Sequence[Feature]) -> list[str]:
    """A question for each column that alone says much of the label: no number tells when it is known."""
    return [
        f"{each.column} alone predicts the label by {each.strength:.3f} (1: it knows it). Is it known "
        f"when the model is asked? If not, remove the folder and run this again with --without {each.column}"
        for each in features
        if each.becomes is not Becomes.NOTHING and (each.strength or 0.0) >= _STRONG
    ]


def _one_class(target: Target, found: Found) -> list[str]:
    """Of a first slice, nothing can be told where all of its labels are the same."""
    several = [each.key for each in found.slices if len(np.unique(_known(target, each.table))) > 1]
    if found.slices[0].key in several:
        return []
    begin = "no slice has two different ones"
    if several:
        begin = f"begin with {several[0]}, or with several slices together"
    return [f"all labels of {found.slices[0].key} are the same, so no version of it can be promoted: {begin}"]


def _known(target: Target, table: pa.Table) -> npt.NDArray[np.float64]:
    label = as_numbers(target, table)
    known: npt.NDArray[np.float64] = label[~np.isnan(label)]
    return known
