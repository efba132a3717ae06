"""A run whose candidate was refused for a slice, the runs after it, and what a person says to that.

Training is a sum (`stand_in`), and its predictions say in which slices there is nothing to learn; all else is
real.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from stand_in import ADA, BOB, EVE, W1, W2, W3, W4, W5, Place
from typer.testing import CliRunner

from ckpt_ops.cli.main import app
from ckpt_ops.errors import ModelOnHold
from ckpt_ops.evaluation import AtLeast, EvaluatedRows, NotWorseThan, Unclear
from ckpt_ops.lineage import VersionState, VersionStatus
from ckpt_ops.lineage.quarantined import in_quarantine
from ckpt_ops.runs import steps

ROWS = 400


class Poisoned(Place):
    """In the slices of `noise` nothing can be learned; of all others candidates learn a little."""

    noise: tuple[str, ...] = ()

    def _predictions(self, version: VersionState) -> bytes:
        random, parts = np.random.default_rng(version.version), []
        for ref in version.slices:
            label = (random.random(ROWS) < 0.5).astype(float)
            champion = random.normal(size=ROWS)
            consumed = champion
            if ref.key not in self.noise:
                champion, consumed = champion + label, champion + 1.2 * label
            parts.append((label, champion, consumed))
        label, champion, candidate = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        evaluated = EvaluatedRows(
            label=label,
            candidate=candidate,
            champion=None if version.parent is None else champion,
            slice=np.repeat([ref.key for ref in version.slices], ROWS),
            slice_key=version.slices[-1].key,
            rows="stand-ins",
        )
        buffer = io.BytesIO()
        pq.write_table(evaluated.to_table(), buffer)
        return buffer.getvalue()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Poisoned:
    made = Poisoned(tmp_path, monkeypatch)
    made.take_in(W1, (ADA, 1), (BOB, 2))
    made.learn(W1)
    return made


def run(place: Place, key: str) -> str:
    """What becomes of a run of an accepted slice."""
    decided = steps.decide(place.pipeline, place.store, key)
    if not decided.train:
        return str(decided.action)
    trained = steps.train(place.pipeline, place.store, key, lambda line: None)
    steps.evaluate(place.pipeline, place.store, trained.version)
    return str(steps.promote(place.pipeline, place.store, trained.version).decision)


def ckpt_ops(place: Place, *arguments: str) -> str:
    found = CliRunner().invoke(app, [*arguments, "--store", place.store.url])
    assert found.exit_code in (0, 3), found.output
    return " ".join(found.output.split())


def test_a_poisoned_slice_is_set_aside_and_the_next_good_one_is_learned_without_it(place: Poisoned) -> None:
    place.noise = (W2,)
    place.take_in(W2, (EVE, 100))
    assert run(place, W2) == "rejected"
    place.take_in(W3, (BOB, 3))
    assert run(place, W3) == "promoted"
    state = place.state()
    assert sorted(state.consumed) == [W1, W3]
    assert place.knows() == (3, 6)
    assert run(place, W2) == "skip"


@pytest.mark.parametrize("bad", [W2, W3, W4])
def test_wherever_it_stands_in_a_group_only_it_is_left_out(place: Poisoned, bad: str) -> None:
    place.noise = (bad,)
    for key in (W2, W3, W4):
        place.take_in(key, (EVE, 100))
    assert run(place, W4) == "rejected"
    place.take_in(W5, (BOB, 3))
    assert run(place, W5) == "promoted"
    assert sorted(place.state().consumed) == sorted({W1, W2, W3, W4, W5} - {bad})


def test_status_names_it_and_what_a_person_may_do(place: Poisoned) -> None:
    place.noise = (W2,)
    place.take_in(W2, (EVE, 100))
    run(place, W2)
    said = ckpt_ops(place, "status", "people")
    assert f"suspect: {W2}" in said
    assert f"SUSPECT: slice {W2} of people, nothing trains on it." in said
    for command in (
        f"ckpt-ops quarantine release people {W2} --why TEXT",
        f"ckpt-ops withdraw people --slice {W2} --why TEXT",
        f"ckpt-ops taint people --slice {W2} --why TEXT",
    ):
        assert command in said
    assert "suspect: a candidate was rejected because of it" in ckpt_ops(
        place, "quarantine", "list", "people"
    )
    assert "does not surely help" in steps.decide(place.pipeline, place.store, W2).why


def test_a_person_releases_it_and_it_is_learned_whatever_it_looks_like(place: Poisoned) -> None:
    place.noise = (W2,)
    place.take_in(W2, (EVE, 100))
    run(place, W2)
    assert "is released" in ckpt_ops(place, "quarantine", "release", "people", W2, "--why", "a strike")
    place.take_in(W3, (BOB, 3))
    assert run(place, W3) == "promoted"
    assert sorted(place.state().consumed) == [W1, W2, W3]


@pytest.mark.parametrize(
    "command",
    [
        ("quarantine", "discard", "people", W2),
        ("withdraw", "people", "--slice", W2),
        ("taint", "people", "--slice", W2),
    ],
)
def test_a_person_gives_it_up(place: Poisoned, command: tuple[str, ...]) -> None:
    place.noise = (W2,)
    place.take_in(W2, (EVE, 100))
    run(place, W2)
    ckpt_ops(place, *command, "--why", "the feed was broken")
    assert place.state().suspect() == ()
    assert in_quarantine(place.state()) == []
    assert [ref.key for ref in place.state().pending()] == []


def test_after_three_the_model_waits_for_a_person(place: Poisoned) -> None:
    place.noise = (W2, W3, W4)
    for key in place.noise:
        place.take_in(key, (EVE, 100))
        assert run(place, key) == "rejected"
    place.take_in(W5, (BOB, 3))
    with pytest.raises(ModelOnHold) as held:
        run(place, W5)
    assert "3 slices are suspect" in held.value.what
    assert f"ckpt-ops quarantine release people {W2} --why TEXT" in held.value.next
    assert "3 in a row: if the world has changed, release them." in ckpt_ops(place, "status", "people")
    ckpt_ops(place, "withdraw", "people", "--slice", W3, "--why", "the feed was broken")
    assert run(place, W5) == "promoted"


def test_what_cannot_be_told_waits_for_the_next_slice(
    place: Poisoned, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = [NotWorseThan(unclear=Unclear.WAIT), AtLeast("auc", 0.3)]
    place.pipeline = replace(place.pipeline, gates=waits)
    place.take_in(W2, (EVE, 100))
    assert run(place, W2) == "deferred"
    state = place.state()
    assert state.versions[2].status is VersionStatus.DEFERRED
    assert state.rejections == {}
    assert run(place, W2) == "append"  # nothing to do: the same candidate would come to the same
    place.take_in(W3, (BOB, 3))
    assert [ref.key for ref in place.state().pending()] == [W2, W3]
    assert run(place, W3) == "deferred"
