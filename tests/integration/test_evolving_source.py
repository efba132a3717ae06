"""A source that changes in the midst of a history: a column arrives, another one goes. Real weeks of flights.

`origin` comes with the third week, and the model takes it from then on; `minute` is gone from the fourth week
on, and the model still reads it. What trains is called in this process, and so is what the champion's own
code makes of rows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_evolving_model import COLUMNS, MODEL, ORIGIN, PIPELINE, W1, W2, W3, W4, W5, Place

from ckpt_ops.candidates.drift import measure_drift
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.policies import DriftNeed
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps
from ckpt_ops.serving.slice_predictions import run_prediction
from ckpt_ops.slices import list_slices, load_manifest, read_slice
from ckpt_ops.store import LocalStore
from ckpt_ops.validation import read_verdict
from demo.flights import weeks

pytestmark = pytest.mark.slow

NUMBERS = ('NUMBERS = ("hour", "distance")', 'NUMBERS = ("hour", "distance", "minute")')
SCALE = ('"distance": 1000.0}', '"distance": 1000.0, "minute": 60.0}')
NOTED = ("def inputs(table):", "SEEN = []\n\n\ndef inputs(table):\n    SEEN.append(table)")
SCHEMA = ('("origin", pa.string()), ("hour"', '("minute", pa.int64()), ("hour"')
GATE = ('AtLeast("auc", 0.5)', 'AtLeast("auc", 0.3)')
NEW_COLUMN = ('("minute", pa.int64())', '("origin", pa.string()), ("minute", pa.int64())')
TIMES = (
    'template="weeks/{key}.parquet"',
    f"""template="weeks/{{key}}.parquet",
        column_times={{"origin": Since("{W3}", default="none"), "minute": Until("{W4}", default=0)}}""",
)
IMPORTS = ("Budget, EverySteps", "Budget, Since, Until, EverySteps")
SUITE = """
{
  "name": "evolving",
  "expectations": [
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}},
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "COLUMN", "value_set": [VALUES]}}
  ]
}
"""
COLUMNS_OF = {
    W1: ["minute"],
    W2: ["minute"],
    W3: ["minute", "origin"],
    W4: ["origin"],
    W5: ["origin"],
}


def edited(text: str, *changes: tuple[str, str]) -> str:
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


class Changing(Place):
    """A place whose source changes."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        for name in ("landing", "store", "dags/evolving"):
            (folder / name).mkdir(parents=True)
        self.dags = folder / "dags" / "evolving"
        self.landing = LocalStore(folder / "landing")
        (self.dags / "__init__.py").touch()
        self.before()
        super().__init__(folder, patch)
        for key in COLUMNS_OF:
            self.land(key)

    def before(self) -> None:
        """The code of the time when there was no `origin`."""
        (self.dags / "model.py").write_text(edited(MODEL, NUMBERS, SCALE, NOTED))
        (self.dags / "pipeline.py").write_text(edited(PIPELINE, GATE, SCHEMA))
        suite = SUITE.replace("COLUMN", "minute").replace("VALUES", ", ".join(map(str, range(60))))
        (self.dags / "expectations.json").write_text(suite)

    def declare(self, *, times: bool = True) -> None:
        """The code of today: `origin` is declared, and the model takes it."""
        declared = edited(PIPELINE, GATE, SCHEMA, NEW_COLUMN, *([TIMES, IMPORTS] if times else []))
        (self.dags / "pipeline.py").write_text(declared)
        (self.dags / "model.py").write_text(edited(MODEL, NUMBERS, SCALE, *ORIGIN, NOTED))
        suite = SUITE.replace("COLUMN", "origin").replace("VALUES", '"EWR", "JFK", "LGA"')
        (self.dags / "expectations.json").write_text(suite)
        self.reload()

    def land(self, key: str, *, without: int = 0, having: Sequence[str] = ()) -> None:
        names = [name for name in COLUMNS if name != "origin"] + list(having or COLUMNS_OF[key])
        table = weeks()[key].select(names)
        sink = pa.BufferOutputStream()
        pq.write_table(table.slice(without), sink)
        self.landing.put(f"weeks/{key}.parquet", sink.getvalue().to_pybytes())

    def take_in(self, key: str) -> None:
        pulled = steps.pull(self.pipeline, self.store, key)
        steps.validate(self.pipeline, self.store, key, pulled.revision)

    def revisions(self) -> dict[str, list[str]]:
        return {
            key: sorted(one.revision for one in list_slices(self.store, "weeks", key)) for key in (W1, W2)
        }

    def seen(self, column: str) -> list[set[object]]:
        """By table that the model was given since the code was loaded, the values of a column."""
        return [set(table[column].to_pylist()) for table in sys.modules["evolving.model"].SEEN]


@pytest.fixture
def make(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    asked_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Callable[[str], Changing]]:
    with training_here(), asked_here(), without_pictures():
        yield lambda name: Changing(tmp_path / name, monkeypatch)


def test_a_column_that_arrives_and_one_that_goes(make: Callable[[str], Changing]) -> None:
    place = make("place")
    for key in (W1, W2):
        place.run(key)
    before = place.revisions()
    settings = place.pipeline.training_config()
    assert "column_times" not in settings

    # without a declaration, replay meets a week that lacks the column, and says what to do
    place.declare(times=False)
    with pytest.raises(ModelCodeError, match="column origin is missing") as failed:
        place.run(W3)
    assert "of source 'weeks' cannot be read as declared" in failed.value.what
    assert "column_times={'origin': Since(KEY, default=None)}" in failed.value.next
    assert place.state.head == 2

    # the third week: a generation that takes the new column, and draws older weeks with its default
    place.declare()
    third = place.run(W3)
    assert (third.version, third.parent) == (3, 2)
    assert place.transfer() is not None
    assert {"none"} in place.seen("origin")
    assert {"EWR", "JFK", "LGA"} in place.seen("origin")
    assert third.evaluated is not None
    assert third.evaluated.metrics["champion"]["auc"] > 0.3, "its own code was given rows of today"
    assert place.pipeline.training_config()["column_times"] == {
        "minute": {"type": "int64", "since": None, "until": W4, "default": "0"},
        "origin": {"type": "string", "since": W3, "until": None, "default": "none"},
    }
    assert place.revisions() == before, "what is stored is as it was"

    # the fourth week: another one is gone, and the model that reads it is none the wiser
    place.run(W4)
    assert {0} in place.seen("minute")
    assert place.state.slices[W4].status is SliceStatus.ACCEPTED

    # both generations predict weeks of both sides; policies see what models see
    for number, key in ((4, W1), (4, W5), (2, W4)):
        place.take_in(key)
        assert run_prediction(place.pipeline, place.store, number, key, lambda line: None) > 3_000
    drift = measure_drift(
        place.pipeline,
        place.store,
        place.state,
        place.state.slices[W5].ref,
        DriftNeed(columns=("minute", "origin"), reference_slices=2),
    )
    assert drift["minute"].psi is not None
    assert drift["minute"].psi > 1, "a week with minutes, and one with zeros"
    assert drift["origin"].psi is not None
    assert drift["origin"].psi < 0.1

    # the first week is corrected: it is asked for the columns of its time, and the history is trained again
    place.land(W1, without=500)
    place.take_in(W1)
    corrected = place.state.slices[W1].ref
    manifest = load_manifest(place.store, "weeks", W1, corrected.revision)
    assert "origin" not in read_slice(place.store, manifest).column_names
    verdict = read_verdict(place.store, place.state.slices[W1].report)
    assert [reason.message for reason in verdict.reasons] == [
        f"column origin is not asked for: it is declared since slice {W3}; models see 'none'; not run: "
        "expect_column_values_to_be_in_set"
    ]
    done = rebasing.rebase(place.pipeline, place.store, lambda line: None)
    assert done.settled.decision == "promoted", done.settled.why
    assert [ref.key for one in place.state.ancestry(place.state.head) for ref in one.slices] == [
        W1,
        W2,
        W3,
        W4,
    ]

    # as if the week had been right, and today's code there, from the first day on
    right = make("right")
    right.declare()
    right.land(W1, without=500)
    for key in (W1, W2, W3, W4):
        right.run(key)
    assert right.head.candidate == place.head.candidate
    assert right.weights() == place.weights()


def test_a_week_that_is_not_as_declared_is_quarantined(make: Callable[[str], Changing]) -> None:
    place = make("place")
    place.declare()
    said = {
        W1: f"column origin came as string outside its time: it is declared since slice {W3}",
        W3: f"column origin is missing: declared as string since slice {W3}",
    }
    for key, names in {W1: ["minute", "origin"], W3: ["minute"]}.items():
        place.land(key, having=names)
        place.take_in(key)
        entry = place.state.slices[key]
        assert entry.status is SliceStatus.QUARANTINED
        assert said[key] in entry.reason
