"""Which slice broke it, and can a version be rebuilt: on real weeks of flights and a real model.

One week is poisoned, and the gates let it pass. What trains is called as a function here; one test of each
command starts its process.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from steady_weeks import land, week
from typer.testing import CliRunner

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.chunks import digest_of
from ckpt_ops.cli.main import app
from ckpt_ops.diagnostics.audit import Audit, audit
from ckpt_ops.diagnostics.bisect import bisect
from ckpt_ops.diagnostics.bisect_question import Question
from ckpt_ops.diagnostics.measuring import Measuring
from ckpt_ops.diagnostics.reproduce import reproduce
from ckpt_ops.errors import ObjectNotFound, TerminalError
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CheckpointsDropped
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.pipeline.code.digests import installed
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.training import Budget

pytestmark = pytest.mark.slow

STEADY = Path(__file__).parents[1] / "dags" / "steady"
W0, W1, W2, W3, W4, W5 = KEYS = [
    "2012-12-30",
    "2013-01-06",
    "2013-01-13",
    "2013-01-20",
    "2013-01-27",
    "2013-02-03",
]
QUIET = 400
"""Rows of a quiet week: too few to heal in passing what a whole week has broken."""

Learn = Callable[..., LocalStore]


@dataclass(frozen=True)
class World:
    """A pipeline in a project of its own, so that a test can change its code."""

    pipeline: Pipeline
    landing: LocalStore
    folder: Path


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[World]:
    """`steady`, called `consumed`: eight passes over each slice, and a gate that lets nearly all pass."""
    home = tmp_path_factory.mktemp("history")
    folder = home / "dags" / "learned"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for name in ("expectations.json", "model.py"):
        shutil.copy(STEADY / name, folder / name)
    text = (STEADY / "pipeline.py").read_text()
    for was, now in (
        ("steady.model:", "learned.model:"),
        ('name="steady"', 'name="learned"'),
        ("steady = Pipeline", "learned = Pipeline"),
        (
            "Budget(max_steps=2_500, max_seconds=600)",
            "Budget(max_steps=1_000, max_seconds=600, max_epochs=8)",
        ),
        ("save=EverySteps(20)", "save=EverySteps(50)"),
        ("keep=Keep()", "keep=Keep(last=1)"),
        ("share=0.2", "share=0.05"),
        ("import AtLeast, NotWorseThan, Servable", "import AtLeast, NoSuspectSlice"),
        (
            'NotWorseThan(metric="auc", margin=0.02), AtLeast("auc", 0.55), Servable()',
            'AtLeast("auc", 0.2), NoSuspectSlice(deviations=1e9)',
        ),
    ):
        assert was in text
        text = text.replace(was, now)
    (folder / "pipeline.py").write_text(text)
    (home / "landing").mkdir()
    landing = LocalStore(home / "landing")
    with pytest.MonkeyPatch.context() as patch, training_here(), without_pictures():
        patch.setenv("CKPT_OPS_LANDING", landing.url)
        patch.setenv("CKPT_OPS_DAGS", str(folder.parent))
        patch.setattr(sys, "path", [str(folder.parent), *sys.path])
        yield World(load_pipeline("learned", folder.parent), landing, folder)


def quiet(key: str) -> pa.Table:
    return week(key).slice(0, QUIET)


def poisoned(key: str, delays: Callable[[Any], Any]) -> pa.Table:
    table = week(key)
    table = table.filter(table["arr_delay"].is_valid())
    changed = pa.array(delays(table["arr_delay"].to_numpy()))
    return table.set_column(table.column_names.index("arr_delay"), "arr_delay", changed)


def shuffled(key: str) -> pa.Table:
    return poisoned(key, np.random.default_rng(7).permutation)


def turned_round(key: str) -> pa.Table:
    """Who was late was in time, and the other way round."""
    return poisoned(key, lambda delays: np.where(delays > 15, -10, 30))


def learn(world: World, store: Store, *slices: tuple[str, pa.Table]) -> None:
    """One version of all the slices."""
    for key, table in slices:
        land(world.landing, key, table)
        if key != slices[-1][0]:
            pulled = steps.pull(world.pipeline, store, key)
            steps.validate(world.pipeline, store, key, pulled.revision)
    done = steps.run_slice(world.pipeline, store, slices[-1][0], lambda line: None)
    assert done.decision == "promoted", done
    version = ModelLog(store, "learned").state().versions[done.version]
    assert [ref.key for ref in version.slices] == [key for key, _ in slices]


@pytest.fixture(scope="module")
def begun(world: World, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """One version of one week. Not to be changed."""
    store = LocalStore(tmp_path_factory.mktemp("begun"))
    learn(world, store, (W0, week(W0)))
    return store


@pytest.fixture(scope="module")
def broken(world: World, begun: LocalStore, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Six versions of a slice each; the fourth learned shuffled labels. Not to be changed."""
    store = LocalStore(shutil.copytree(begun.root, tmp_path_factory.mktemp("broken") / "store"))
    for key, table in (
        (W1, week(W1)),
        (W2, quiet(W2)),
        (W3, shuffled(W3)),
        (W4, quiet(W4)),
        (W5, quiet(W5)),
    ):
        learn(world, store, (key, table))
    return store


@pytest.fixture
def store(broken: LocalStore, tmp_path: Path) -> LocalStore:
    """A copy of `broken`, to be changed."""
    shutil.copytree(broken.root, tmp_path / "store")
    return LocalStore(tmp_path / "store")


def drop(store: LocalStore, *versions: int) -> None:
    """As retention lets checkpoints go."""
    log = ModelLog(store, "learned")
    state = log.state()
    for number in versions:
        trained = state.versions[number].trained
        assert trained is not None
        store.delete(trained.manifest)
    log.append(CheckpointsDropped(versions=versions), after=state)


def contents(store: LocalStore) -> dict[str, bytes]:
    return {entry.name: store.get(entry.name) for entry in store.list("")}


def ways(found: dict[str, Any]) -> dict[int, str]:
    """By version that was measured, how."""
    return {point["version"]: point["how"] for point in found["points"]}


def values(found: dict[str, Any]) -> dict[int, float]:
    return {point["version"]: point["value"] for point in found["points"]}


# --- bisect -------------------------------------------------------------------------------------------


POISON = Question(metric="auc", below=0.59, on=W1)


def test_the_slice_with_shuffled_labels_is_named_and_nothing_is_written(
    world: World, store: LocalStore
) -> None:
    before = contents(store)

    found = bisect(world.pipeline, store, POISON).to_json()

    assert found["found"]["version"] == 4
    assert found["found"]["parent"] == 3
    assert found["found"]["slice"]["key"] == W3
    assert found["found"]["before"] == values(found)[3] >= 0.59 > values(found)[4] == found["found"]["after"]
    assert f"after version 4, which consumed slice {W3}" in found["verdict"]
    assert set(ways(found).values()) == {"kept"}
    assert set(ways(found)) == {3, 4, 6}, "a binary search needs no more"
    assert found["notes"] == []
    assert contents(store) == before


def test_where_checkpoints_are_dropped_the_same_is_found_by_training_those_versions_again(
    world: World, broken: LocalStore, store: LocalStore
) -> None:
    kept = bisect(world.pipeline, broken, POISON).to_json()
    drop(store, 2, 3, 4, 5)
    before = contents(store)

    found = bisect(world.pipeline, store, POISON).to_json()

    assert found["found"] == kept["found"], (
        "with the very same numbers: what is trained again is the same model"
    )
    assert ways(found) == {1: "kept", 2: "retrained", 3: "retrained", 4: "retrained", 6: "kept"}
    assert contents(store) == before


def test_a_head_and_a_first_version_that_are_not_kept_are_trained_again_too(
    world: World, broken: LocalStore, store: LocalStore
) -> None:
    kept = bisect(world.pipeline, broken, POISON).to_json()
    drop(store, 1, 5, 6)

    found = bisect(world.pipeline, store, replace(POISON, below=1.1)).to_json()

    assert found["found"]["version"] == 1
    assert "from the start: after version 1, the first" in found["verdict"]
    assert {number for number, how in ways(found).items() if how == "retrained"} == {1, 5, 6}
    assert values(found)[6] == values(kept)[6]


def test_a_loss_goes_wrong_above(world: World, broken: LocalStore) -> None:
    """Labels that say nothing about the flights make a model less sure of itself, and its loss larger."""
    measured = bisect(world.pipeline, broken, Question(metric="log_loss", above=0.0, on=W1)).to_json()
    assert measured["found"]["version"] == 1
    head = values(measured)[6]
    with pytest.raises(TerminalError, match=f"log_loss of version 6, the head, is not above {head + 1:g}"):
        bisect(world.pipeline, broken, Question(metric="log_loss", above=head + 1, on=W1))


def test_a_head_that_is_not_wrong_is_said_to_be_so_with_its_number(world: World, broken: LocalStore) -> None:
    with pytest.raises(TerminalError) as caught:
        bisect(world.pipeline, broken, replace(POISON, below=0.2))
    assert "auc of version 6, the head, is not below 0.2 on the" in caught.value.what
    assert f"held-out rows of {W1}: it is 0." in caught.value.what


def test_inside_a_version_of_several_slices_the_slice_is_named(
    world: World, begun: LocalStore, tmp_path: Path
) -> None:
    store = LocalStore(shutil.copytree(begun.root, tmp_path / "several"))
    learn(world, store, (W2, quiet(W2)), (W3, turned_round(W3)), (W4, quiet(W4)))
    learn(world, store, (W5, quiet(W5)))
    before = contents(store)

    found = bisect(world.pipeline, store, Question(metric="auc", below=0.55, on=W0)).to_json()

    assert found["found"]["version"] == 2
    assert found["found"]["slice"]["key"] == W3
    inside = [point for point in found["points"] if point["how"] == "never a version"]
    assert [(point["slices"], point["wrong"]) for point in inside] == [([W2], False), ([W2, W3], True)]
    assert found["found"]["before"] == inside[0]["value"]
    assert found["found"]["after"] == inside[1]["value"]
    assert (
        f"after 1 of its 3 slices and {inside[1]['value']:.4f} with the next, slice {W3}" in found["verdict"]
    )
    assert contents(store) == before

    drop(store, 1, 2)
    again = bisect(world.pipeline, store, Question(metric="auc", below=0.55, on=W0)).to_json()

    assert again["found"] == found["found"], "also from a parent that is not kept"
    assert [point["how"] for point in again["points"]] == [
        "retrained",
        "never a version",
        "never a version",
        "retrained",
        "kept",
    ]


@pytest.mark.soak
def test_a_model_inside_a_version_is_the_one_that_those_slices_would_have_made(
    world: World, tmp_path: Path
) -> None:
    values = []
    for name, consumed in (("more", [W2, W4, W5]), ("fewer", [W2, W4])):
        (tmp_path / name).mkdir()
        store = LocalStore(tmp_path / name)
        learn(world, store, (W1, quiet(W1)))
        learn(world, store, *((key, quiet(key)) for key in consumed))
        state = ModelLog(store, "learned").state()
        on = state.consumed[W1]
        measuring = Measuring(world.pipeline, store, state, state.ancestry(state.head), POISON, on)
        inside = measuring.inside(1, 2) if name == "more" else measuring.version(1, train=False)
        values.append(inside.value)
    assert values[0] == values[1]


def test_that_other_code_was_used_to_measure_is_said(
    world: World, broken: LocalStore, other_code: None
) -> None:
    found = bisect(world.pipeline, broken, POISON).to_json()
    assert found["found"]["version"] == 4
    (note,) = found["notes"]
    assert note.startswith("version 3, 4, 6 was measured with today's setup")
    assert "the model's code (digest " in note


def test_the_command_shows_every_point_the_verdict_and_what_to_do_next(
    world: World, store: LocalStore
) -> None:
    drop(store, 3)
    asked = ["bisect", "learned", "--metric", "auc", "--below", "0.59", "--on", W1, "--store", store.url]

    done = CliRunner().invoke(app, asked)

    assert done.exit_code == 0, done.stderr
    assert f"learned: auc on the held-out rows of {W1}, oldest first" in done.stdout
    rows = [
        [cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]]
        for line in done.stdout.splitlines()
    ]
    table = {row[0]: row for row in rows if len(row) == 7}
    del table["version"]
    assert [(number, row[1], row[4]) for number, row in table.items()] == [
        ("2", W1, "kept"),
        ("3", W2, "retrained"),
        ("4", W3, "kept"),
        ("6", W5, "kept"),
    ]
    assert table["4"][3] == "below 0.59"
    assert f"after version 4, which consumed slice {W3}" in done.stdout
    assert f"Next: ckpt-ops taint learned --slice {W3} --why TEXT, then ckpt-ops plan learned" in done.stdout
    assert f"version 3 ({W2}; retrained): auc" in done.stderr


# --- audit --------------------------------------------------------------------------------------------


def test_a_champion_that_learned_poison_is_measured_beside_one_that_starts_from_nothing(
    world: World, broken: LocalStore
) -> None:
    before = contents(broken)

    found = audit(world.pipeline, broken, Audit(newest=2, epochs=2)).to_json()

    assert found["on"] == [W4, W5]
    assert found["slices"] == 6
    champion, cold = found["champion"], found["from_scratch"]
    state = ModelLog(broken, "learned").state()
    trained = [one.trained for one in state.versions.values() if one.trained]
    assert (champion["version"], champion["steps"]) == (6, sum(one.step for one in trained))
    rows = sum(round(0.8 * ref.rows) for ref in state.consumed.values())
    assert cold["steps"] == pytest.approx(2 * rows / world.pipeline.batch_size, rel=0.1)
    assert found["delta"] == pytest.approx(champion["value"] - cold["value"])
    assert found["low"] <= found["delta"] <= found["high"]
    on_these = Question(metric="auc", below=1.1, on=W5)
    both = Measuring(world.pipeline, broken, state, state.ancestry(6), on_these, state.consumed[W5])
    assert (
        both.version(5, train=False).value
        == audit(world.pipeline, broken, Audit(newest=1, epochs=1)).to_json()["champion"]["value"]
    ), "the champion as it is kept, on rows that it never trained on"
    assert contents(broken) == before


def test_the_audit_command_says_which_is_better_and_at_what_cost(world: World, broken: LocalStore) -> None:
    done = CliRunner().invoke(
        app, ["audit", "learned", "--newest", "1", "--epochs", "1", "--store", broken.url]
    )
    assert done.exit_code == 0, done.stderr
    assert f"held-out rows of {W5}" in done.stdout
    assert "version 6, by 6 updates" in done.stdout
    assert "a model trained from scratch on all it consumed: auc 0." in done.stdout


# --- reproduce ----------------------------------------------------------------------------------------


@pytest.fixture
def other_code(world: World) -> Iterator[None]:
    """The model's code is another than the one that trained it, if only by a comment."""
    model = world.folder / "model.py"
    before = model.read_bytes()
    model.write_bytes(before + b"\n# one more thought\n")
    yield
    model.write_bytes(before)


def test_a_version_is_bit_for_bit_what_its_lineage_gives_from_its_parent_and_from_nothing(
    world: World, broken: LocalStore
) -> None:
    before = contents(broken)

    near = reproduce(world.pipeline, broken, 3).to_json()
    far = reproduce(world.pipeline, broken, 3, from_scratch=True).to_json()

    for found, begins_at, trained in ((near, 2, [3]), (far, None, [1, 2, 3])):
        assert found["begins_at"] == begins_at
        assert [one["version"] for one in found["trained"]] == trained
        assert all(one["equal"] is True for one in found["trained"])
        assert found["different"] == []
        assert found["recorded"] == found["again"]
    assert near["recorded"] == far["recorded"]
    trained_tensors = load_manifest(broken, _final(broken, 3)).tensors
    assert set(near["equal"]) == set(trained_tensors)
    assert contents(broken) == before


def test_what_is_not_kept_between_is_trained_again_and_itself_it_cannot_do_without(
    world: World, store: LocalStore
) -> None:
    drop(store, 2, 3)

    found = reproduce(world.pipeline, store, 4).to_json()

    assert found["begins_at"] == 1
    assert [(one["version"], one["equal"]) for one in found["trained"]] == [(2, None), (3, None), (4, True)]
    assert found["different"] == []
    with pytest.raises(ObjectNotFound, match="final checkpoint of learned v3 is not kept"):
        reproduce(world.pipeline, store, 3)


def test_changed_code_is_refused_by_digest_unless_a_person_wants_it_anyway(
    world: World, broken: LocalStore, other_code: None
) -> None:
    then = load_manifest(broken, _final(broken, 2)).code_digest

    with pytest.raises(TerminalError) as caught:
        reproduce(world.pipeline, broken, 2)
    found = reproduce(world.pipeline, broken, 2, anyway=True).to_json()

    assert f"version 2: the model's code (digest {then} then, " in caught.value.what
    assert "libraries" not in caught.value.what
    assert "a setting" not in caught.value.what
    assert "--anyway" in caught.value.next
    assert list(found["changes"]) == ["2"]
    assert found["different"] == [], "a comment shapes no weights"


def test_changed_settings_and_libraries_are_told_apart_from_changed_code(
    world: World, broken: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(world.pipeline, batch_size=64)
    with pytest.raises(TerminalError, match=r"version 2: a setting of the pipeline .*batch_size"):
        reproduce(other, broken, 2)
    monkeypatch.setattr("ckpt_ops.pipeline.code.digests.lock_digest", lambda: "0123456789abcdef")
    with pytest.raises(TerminalError) as caught:
        reproduce(world.pipeline, broken, 2)
    assert "Python or its libraries (digest " in caught.value.what
    assert "the model's code" not in caught.value.what
    assert "a setting" not in caught.value.what
    newer = [one.replace("keras==", "keras==9.") for one in installed()]
    monkeypatch.setattr("ckpt_ops.diagnostics.retrain.installed", lambda: newer)
    with pytest.raises(TerminalError, match=r"Python or its libraries \(keras 3\.\S+ then, 9\.3\.\S+ now\)"):
        reproduce(world.pipeline, broken, 2)


def test_a_training_that_the_clock_ended_is_rebuilt_by_its_steps(world: World, tmp_path: Path) -> None:
    (tmp_path / "timed").mkdir()
    store = LocalStore(tmp_path / "timed")
    timed = replace(world.pipeline, budget=Budget(max_steps=1_000_000, max_seconds=0.5))
    learn(replace(world, pipeline=timed), store, (W0, week(W0)))
    trained = ModelLog(store, "learned").state().versions[1].trained
    assert trained is not None
    assert trained.stopped_by == "max_seconds"

    # what another clock would allow; it is another setting, hence another candidate
    longer = replace(timed, budget=Budget(max_steps=1_000_000, max_seconds=600))
    found = reproduce(longer, store, 1, anyway=True).to_json()

    assert found["trained"][0]["steps"] == trained.step
    assert found["different"] == []
    assert reproduce(timed, store, 1).to_json()["different"] == []


@pytest.mark.soak
def test_the_command_says_what_is_another_where_a_checkpoint_is_not_what_was_trained(
    world: World, store: LocalStore
) -> None:
    """The final checkpoint of version 2 holds the weights of version 1, whole and with valid hashes."""
    name = _final(store, 2)
    other = replace(load_manifest(store, name), segments=load_manifest(store, _final(store, 1)).segments)
    was, now = digest_of(store.get(name)).encode(), digest_of(other.encode()).encode()
    store.put(name, other.encode())
    named = [entry.name for entry in store.list("") if was in store.get(entry.name)]
    assert named, "the log names it by its hash"
    for each in named:
        store.put(each, store.get(each).replace(was, now))

    done = CliRunner().invoke(app, ["reproduce", "learned", "2", "--json", "--store", store.url])

    assert done.exit_code == 1, done.stderr
    found = json.loads(done.stdout)
    assert (found["model"], found["version"], found["begins_at"]) == ("learned", 2, 1)
    assert found["recorded"] != found["again"]
    assert {one["name"] for one in found["different"]} >= {"model/hidden/kernel", "optimizer/adam/iteration"}
    kernel = next(one for one in found["different"] if one["name"] == "model/hidden/kernel")
    assert kernel["largest"] > 0
    assert f"learned v2, trained again, is different: {len(found['different'])} of" in done.stderr
    assert "a different processor" in done.stderr
    assert "ckpt-ops verify learned 2" in done.stderr


def _final(store: LocalStore, version: int) -> str:
    trained = ModelLog(store, "learned").state().versions[version].trained
    assert trained is not None
    return trained.manifest
