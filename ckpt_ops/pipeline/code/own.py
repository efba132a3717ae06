"""A pipeline's code as it is today: every file that has a part in its models, and a digest of them.

It is the folder of the model's package, and what its files import from the dags folder, directly or not: the
file of a module, the folder of a package. Imports are found without running anything, so those that are made
at run time (`importlib`) are not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import blake3

from ckpt_ops.pipeline.code.files import Files
from ckpt_ops.pipeline.code.imports import imported
from ckpt_ops.pipeline.naming import folder_of, member_of
from ckpt_ops.pipeline.pipeline import Pipeline

_OF_RUNS = ("dag.py", "pipeline.py")
"""When to run, and with which settings: those that shape weights are in `Pipeline.training_config`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Code:
    """The code that makes a pipeline's models.

    Attributes:
        digest: of the files that may shape a model or what it takes, and of the functions that are called.
        files: by their names below the dags folder; also those that are not in the digest.
    """

    digest: str
    files: Mapping[str, bytes]


def code_of(pipeline: Pipeline) -> Code:
    """Read the pipeline's code. Raises `BadInput` where a file must not be kept with a version."""
    folder, described = pipeline.folder, _described_in(pipeline)
    files = Files(_root(pipeline))
    aside = {*_OF_RUNS, pipeline.expectations} | _of_other_members(pipeline)
    shaping = _with_imported(files, _but(aside, files.below(folder)), aside)
    rest = files.below(described) if described.is_dir() else set()
    every = _with_imported(files, files.below(folder) | rest, set())
    hasher = blake3.blake3(f"{pipeline.model}\n{pipeline.examples}\n".encode())
    for name in sorted(shaping):
        data = files.read[name]
        hasher.update(f"{name}\n{len(data)}\n".encode())
        hasher.update(data)
    return Code(digest=hasher.hexdigest()[:16], files={name: files.read[name] for name in sorted(every)})


def code_digest(pipeline: Pipeline) -> str:
    """Tells whether models, and what they take of rows, would be made by the same code. Raises `BadInput`."""
    return code_of(pipeline).digest


def legacy_code_digest(folder: Path) -> str:
    """The digest in older manifests: over the Python files in the pipeline's folder, and nothing else."""
    hasher = blake3.blake3()
    for path in sorted(folder.rglob("*.py")):
        if path.name not in _OF_RUNS:
            hasher.update(f"{path.relative_to(folder)}\n".encode())
            hasher.update(path.read_bytes())
    return hasher.hexdigest()[:16]


def is_code_of_today(pipeline: Pipeline, digest: str) -> bool:
    """Whether the digest in a manifest is of the pipeline's code as it is, in either form of digest."""
    return digest in (code_digest(pipeline), legacy_code_digest(pipeline.folder))


def _root(pipeline: Pipeline) -> Path:
    """The dags folder: where the first package of the model's lies."""
    return pipeline.folder.parents[pipeline.package.count(".")]


def _described_in(pipeline: Pipeline) -> Path:
    """The folder of `pipeline.py`; its model may be in another pipeline's."""
    return _root(pipeline) / folder_of(pipeline.name)


def _of_other_members(pipeline: Pipeline) -> set[str]:
    """Suites of other members of a fleet: what one expects shapes no other's weights."""
    if member_of(pipeline.name) is None:
        return set()
    return {path.name for path in _described_in(pipeline).glob("expectations*.json")}


def _with_imported(files: Files, names: Iterable[str], aside: set[str]) -> set[str]:
    """`names`, and what they import from the root: all but `aside`, unless it is imported by its own name."""
    reached, todo = set(names), set(names)
    known: set[str] = set()
    while todo:
        new: set[str] = set()
        for name in todo:
            if name.endswith(".py"):
                package = name.rpartition("/")[0].replace("/", ".")
                modules = set(imported(files.read[name], package)) - known
                known |= modules
                for module in modules:
                    new |= _of_module(files, module, aside)
        todo = new - reached
        reached |= todo
    return reached


def _of_module(files: Files, module: str, aside: set[str]) -> set[str]:
    """The files that come with a module of the root; none for a module from elsewhere."""
    first = module.partition(".")[0]
    if first == "ckpt_ops" or not ((files.root / first).exists() or (files.root / f"{first}.py").exists()):
        return set()
    top, place = files.root / first, files.root / module.replace(".", "/")
    own = place.with_suffix(".py")
    if not (own.is_file() or (place / "__init__.py").is_file()):
        return set()
    beside = _but(aside, files.below(top)) if top.is_dir() else set()
    return beside | ({files.file(own)} if own.is_file() else set())


def _but(aside: set[str], names: set[str]) -> set[str]:
    return {name for name in names if name.rpartition("/")[2] not in aside}
