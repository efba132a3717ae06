"""A pipeline over real weeks of flights whose code tests edit: folder, landing place and store."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.checkpoints import load_manifest, read_tensors
from ckpt_ops.checkpoints.committing import Commits
from ckpt_ops.lineage import LineageState, ModelLog, VersionState
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore
from ckpt_ops.transfer.document import TransferDocument
from demo.flights import weeks

KEYS = ["2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27", "2013-02-03"]
SUITE = """
{
  "name": "evolving",
  "expectations": [{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}]
}
"""


def made(folder: Path, *, model: str, pipeline: str) -> None:
    """Write the pipeline `evolving` below a new folder."""
    for name in ("landing", "store", "dags/evolving"):
        (folder / name).mkdir(parents=True)
    texts = {"__init__.py": "", "model.py": model, "pipeline.py": pipeline, "expectations.json": SUITE}
    for name, text in texts.items():
        (folder / "dags" / "evolving" / name).write_text(text)


def consumed(
    folder: Path, *, model: str, pipeline: str, columns: list[str], keys: list[str], landed: list[str] = KEYS
) -> Path:
    """The folder of `made`, where weeks have `landed` and those of `keys` are consumed, a version each."""
    made(folder, model=model, pipeline=pipeline)
    with pytest.MonkeyPatch.context() as patch:
        place = Place(folder, patch)
        for key in landed:
            place.land(key, columns)
        for key in keys:
            place.run(key)
    return folder


class Place:
    """Below a folder: `dags`, where slices land, and the store."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.store = folder, LocalStore(folder / "store")
        patch.setenv("CKPT_OPS_LANDING", LocalStore(folder / "landing").url)
        self._patch = patch
        patch.setattr(sys, "dont_write_bytecode", True)  # edits of one second and one size look alike to it
        self.reload()

    def land(self, key: str, columns: list[str]) -> None:
        """The week arrives with these columns."""
        sink = pa.BufferOutputStream()
        pq.write_table(weeks()[key].select(columns), sink)
        LocalStore(self.folder / "landing").put(f"weeks/{key}.parquet", sink.getvalue().to_pybytes())

    def reload(self, **settings: Any) -> None:
        dags = str(self.folder / "dags")
        self._patch.setattr(sys, "path", [dags, *(one for one in sys.path if one != dags)])
        for name in [name for name in sys.modules if name.partition(".")[0] == "evolving"]:
            del sys.modules[name]
        self.pipeline: Pipeline = replace(load_pipeline("evolving", self.folder / "dags"), **settings)

    def edit(self, *changes: tuple[str, str], **settings: Any) -> None:
        path = self.folder / "dags" / "evolving" / "model.py"
        for before, after in changes:
            assert before in path.read_text()
            path.write_text(path.read_text().replace(before, after))
        self.reload(**settings)

    def run(self, key: str) -> VersionState:
        settled = steps.run_slice(self.pipeline, self.store, key, lambda line: None)
        assert settled.decision == "promoted", settled.why
        return self.head

    def die_at_the_third_commit(self, key: str) -> None:
        """What trains dies behind its second one."""
        commit, count = Commits.commit, [0]

        def mortal(commits: Commits, saved: Any) -> None:
            count[0] += 1
            if count[0] == 3:
                raise KeyboardInterrupt
            commit(commits, saved)

        with self._patch.context() as dying:
            dying.setattr(Commits, "commit", mortal)
            with pytest.raises(KeyboardInterrupt):
                self.run(key)

    @property
    def state(self) -> LineageState:
        return ModelLog(self.store, "evolving").state()

    @property
    def head(self) -> VersionState:
        return self.state.versions[self.state.head or 0]

    def weights(self) -> dict[str, bytes]:
        assert self.head.trained is not None
        tensors = read_tensors(self.store, load_manifest(self.store, self.head.trained.final))
        return {name: tensor.tobytes() for name, tensor in tensors.items()}

    def transfer(self) -> TransferDocument | None:
        """What the head's record says of how it began."""
        trained = self.head.trained
        assert trained is not None
        if "transfer" not in trained.artifacts:
            return None
        named = trained.artifact("transfer")
        assert named.digest
        return TransferDocument.decode(self.store.get(named.name), name=named.name)
