"""How slices come in: from which source, evaluated by which suite. A pipeline is this and a model."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.naming import check_name, folder_of
from ckpt_ops.slices import SliceSource
from ckpt_ops.slices.declared import check_column_times
from ckpt_ops.values import later


class EmptySlices(Enum):
    """What happens to a slice that is there and has no rows."""

    REFUSE = "refuse"  # the run fails: a slice without rows is a delivery that went wrong
    SKIP = "skip"  # the run is skipped: a slice without rows is nothing wrong


class SameContent(Enum):
    """What happens to a slice that has exactly the rows of a different accepted one."""

    QUARANTINE = "quarantine"  # a delivery under two dates: trained on twice, it weighs twice
    ALLOW = "allow"  # periods may be alike, row for row


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Pulls and evaluates slices. Nothing trains on them until a `Pipeline` of the same name does.

    Attributes:
        name: of the intake, its log, its DAG and its folder.
        source: where slices come from.
        expectations: file name of a Great Expectations suite in the folder.
        empty_slices: what happens to a slice without rows.
        same_content: what happens to a slice with exactly the rows of a different one.
        max_parallel_validations: the most tasks, or processes of `ckpt-ops run`, that validate parts of one
            slice at the same time; a part has at least 2 million rows, so a smaller slice is not cut. 1, the
            default: each slice is validated by one. The verdict is the same.
    """

    name: str
    source: SliceSource
    expectations: str
    empty_slices: EmptySlices = EmptySlices.REFUSE
    same_content: SameContent = SameContent.QUARANTINE
    max_parallel_validations: int = later(1)

    def __post_init__(self) -> None:
        check_name(self.name)
        if "/" in self.expectations or not self.expectations.endswith(".json"):
            raise BadInput("expectations", self.expectations, f"a .json file in the folder of {self.name}")
        checks.member("empty_slices", self.empty_slices, EmptySlices)
        checks.member("same_content", self.same_content, SameContent)
        checks.whole("max_parallel_validations", self.max_parallel_validations, allowed="1 or more tasks")
        check_column_times(self.source)  # a source of one's own need not look

    def __str__(self) -> str:
        """The name: all that Airflow keeps of it in a serialized DAG, so each parse must give the same."""
        return self.name

    @property
    def package(self) -> str:
        """The package whose folder holds what the description names."""
        return folder_of(self.name)

    @property
    def folder(self) -> Path:
        """The package's folder, found without importing it."""
        spec = importlib.util.find_spec(self.package) if self.package else None
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise BadInput(
                "package",
                self.package,
                "a package that can be imported",
                next=f"put the folder of {self.name} into dags/ and name it as the package",
            )
        return Path(places[0])
