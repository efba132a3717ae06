"""Folders of DAGs with a fleet, for tests: one that docs/how-to/fleets.md shows, and small ones."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/how-to/fleets.md"

SMALL = """
import pyarrow as pa
from ckpt_ops import Files, Fleet, Intake

SCHEMA = pa.schema([("n", pa.int64())])

def describe(member):
    if member.key == "bad":
        raise KeyError("no budget for bad")
    return Intake(
        name=member.name,
        source=Files(name={source}, schema=SCHEMA, template=f"{{member.key}}/{{{{key}}}}.csv"),
        expectations="e.json",
    )

fleet = Fleet(name="{name}", members={members}, describe=describe)
"""


def write_example(dags: Path) -> None:
    """The files that the page shows, and the pipeline whose model and source they use."""
    for name, text in re.findall(r"`dags/([\w./]+)`:\n\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL):
        path = dags / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "dags" / "flight_delay", dags / "flight_delay", ignore=skipped)


def write_small(
    dags: Path, name: str, members: tuple[str, ...] = ("a", "b"), source: str = "member.name"
) -> None:
    """A fleet of intakes; the member "bad" cannot be described."""
    (dags / name).mkdir()
    text = SMALL.format(name=name, members=members, source=source).lstrip()
    (dags / name / "pipeline.py").write_text(text)


def forget(*folders: str) -> None:
    """Modules of folders that other tests may have under the same names."""
    for module in [one for one in sys.modules if one.partition(".")[0] in folders]:
        del sys.modules[module]
