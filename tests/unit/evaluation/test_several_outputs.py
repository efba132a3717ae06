"""A gate is shown the output that it names; what is kept of several outputs comes back as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import (
    AtLeast,
    AtMost,
    Calibrated,
    EvaluatedRows,
    FairAcross,
    Gate,
    NoForgetting,
    NoSegmentWorse,
    NoSuspectSlice,
    NotWorseThan,
    Past,
    ServableCheck,
    Verdict,
    evaluate_all,
    main_metric,
    main_output,
    metrics_of,
)
from ckpt_ops.evaluation.report import report_values
from ckpt_ops.outputs import names_of, together
from ckpt_ops.policies import Facts, MetricDrop
from ckpt_ops.training import StopEarly
from ckpt_ops.values import describe

ROWS = 3_000


def both(*, click: float = 0.0, stars: float = 0.0, **changes: Any) -> EvaluatedRows:
    """Two outputs on the same rows; click, stars: noise of the candidate beside the champion's own."""
    draw = np.random.default_rng(5)
    clicked = (draw.random(ROWS) < 0.4).astype(float)
    rated = draw.normal(3, 1, ROWS)
    champion = {
        "click": 1 / (1 + np.exp(-draw.normal(2 * clicked - 1, 1))),
        "stars": rated + draw.normal(0, 0.5, ROWS),
    }
    candidate = {
        "click": 1 / (1 + np.exp(-draw.normal(2 * clicked - 1, 1 + click))),
        "stars": rated + draw.normal(0, 0.5 + stars, ROWS),
    }
    fields: dict[str, Any] = {
        "label": together({"click": clicked, "stars": rated}),
        "candidate": together(candidate),
        "champion": together(champion),
        "segments": {"shop": np.repeat(["north", "south"], ROWS // 2)},
        "slice": np.repeat(["w1", "w2"], ROWS // 2),
        "slice_key": "w2",
        "rows": "held out",
        "servable": ServableCheck(max_abs_difference=0.0, rows=ROWS),
    }
    return EvaluatedRows(**(fields | changes))


def past_of(rows: EvaluatedRows) -> Past:
    slices = np.repeat(["v1", "v2"], ROWS // 2)
    return Past(slice=slices, label=rows.label, candidate=rows.candidate, champion=rows.champion)


GATES = [
    AtLeast("auc", 0.6, output="click"),
    NotWorseThan(metric="auc", output="click", margin=0.03),
    NotWorseThan(metric="rmse", output="stars", margin=0.03),
]


def test_each_gate_sees_its_output_alone() -> None:
    rows = both()
    for gate in (
        AtLeast("auc", 0.6),
        Calibrated(at_most=0.5),
        NotWorseThan(metric="auc", margin=0.03),
        NoSegmentWorse("shop"),
        FairAcross("shop"),
        NoForgetting(metric="auc", margin=0.05),
        NoSuspectSlice(metric="auc", deviations=1.0),
    ):
        alone = EvaluatedRows(
            label=rows.label["click"],
            candidate=rows.candidate["click"],
            champion=rows.champion["click"],  # type: ignore[index]
            segments=rows.segments,
            slice=rows.slice,
            slice_key="w2",
            rows="held out",
            usual={"auc": [0.99] * 5},
        )
        usual = {"click:auc": [0.99] * 5, "stars:rmse": [0.0] * 5}
        several = replace(rows, past=past_of(rows), usual=usual)
        named = replace(gate, output="click")
        floor = AtLeast("auc", 0.0, output="click")
        kept = evaluate_all([named, floor], several).verdicts[0]
        wanted = gate.evaluate(replace(alone, past=past_of(rows).of("click")), seed=0)
        assert kept.numbers == wanted.numbers
        assert kept.passed == wanted.passed
        assert kept.message == f"output click: {wanted.message}"
        assert kept.suspects == {key: f"output click: {why}" for key, why in wanted.suspects.items()}


@pytest.mark.parametrize(("noise", "output"), [({"click": 2.0}, "click"), ({"stars": 1.0}, "stars")])
def test_a_candidate_that_is_worse_at_one_output_is_rejected_because_of_it(
    noise: dict[str, float], output: str
) -> None:
    assert evaluate_all(GATES, both()).passed
    found = evaluate_all(GATES, both(**noise))
    assert not found.passed
    rejected = [verdict for verdict in found.verdicts if verdict.passed is False]
    assert rejected
    assert all(f"output='{output}'" in verdict.gate for verdict in rejected)
    assert f"output {output}: " in found.message


def test_every_output_has_its_metrics_and_one_is_what_the_model_is_known_by() -> None:
    rows = both()
    found = evaluate_all(GATES, replace(rows, past=past_of(rows)))
    assert {"click:auc", "click:brier", "stars:rmse", "stars:r2"} <= found.candidate.keys()
    assert "stars:auc" not in found.candidate  # its labels are no classes
    assert found.candidate["click:auc"] == metrics_of(rows.label["click"], rows.candidate["click"])["auc"]
    assert found.past["v1"].candidate.keys() == found.candidate.keys()
    assert (main_metric(GATES), main_output(GATES)) == ("auc", "click")
    # the slice in which there is nothing to learn is looked for in each output that a gate names
    always = [verdict.gate for verdict in found.verdicts if verdict.gate.startswith("NoSuspectSlice")]
    assert always == [
        repr(NoSuspectSlice(metric="auc", output="click")),
        repr(NoSuspectSlice(metric="rmse", output="stars")),
    ]
    values = report_values(rows, found, model="m", version=2, champion=1, metric="rmse", output="stars")
    assert values["metric"] == "stars:rmse"
    assert not values["higher_is_better"]
    assert values["curves"]["kind"] == "numbers"
    assert values["segments"]["shop"][0]["rows"] == ROWS // 2
    assert values["forgetting"][-1]["on"].keys() == {"v1", "v2", "w2"}


def test_a_model_of_other_outputs_has_metrics_of_those_that_there_are() -> None:
    rows = both()
    other = together({"click": rows.candidate["click"], "rating": rows.candidate["stars"]})
    found = metrics_of(rows.label, other)
    assert found
    assert {key.partition(":")[0] for key in found} == {"click"}
    assert metrics_of(rows.label["click"], rows.candidate) == {}
    assert metrics_of(rows.label, rows.candidate["click"]) == {}


def test_kept_rows_come_back_as_they_were() -> None:
    rows = both()
    table = rows.to_table()
    assert {"label:click", "label:stars", "candidate:click", "champion:stars"} <= set(table.column_names)
    again = EvaluatedRows.from_table(table)
    assert names_of(again.label) == ("click", "stars")
    for name in ("label", "candidate", "champion"):
        assert getattr(again, name).tobytes() == getattr(rows, name).tobytes()
    first = EvaluatedRows.from_table(replace(rows, champion=None).to_table())
    assert first.champion is None
    past = Past.from_table(past_of(rows).to_table())
    assert past.candidate.tobytes() == rows.candidate.tobytes()


def test_sanity_looks_at_every_output() -> None:
    rows = both()
    champion = rows.champion
    assert champion is not None
    constant = together({"click": champion["click"], "stars": np.full(ROWS, 3.0)})
    found = evaluate_all(GATES, replace(rows, candidate=constant))
    assert "predicts 3 as output stars for each of 3,000 rows" in found.message
    assert "NotTheChampion" not in found.message  # one of its outputs differs
    same = evaluate_all(GATES, replace(rows, candidate=champion))
    assert "it learned nothing" in same.message


def test_what_does_not_say_which_output_is_refused_with_their_names() -> None:
    rows = both()
    for gates in ([AtLeast("auc", 0.6)], [AtLeast("auc", 0.6, output="rating")]):
        with pytest.raises(BadInput, match="one of the model's outputs: 'click', 'stars'"):
            evaluate_all(gates, rows)
    with pytest.raises(BadInput, match="expected None: the model has one output"):
        evaluate_all(GATES, rows.of("click"))
    other = together({"click": np.zeros(ROWS), "rating": np.zeros(ROWS)})
    with pytest.raises(BadInput, match=r"candidate='click \(1 number\), rating \(1 number\)'"):
        replace(rows, candidate=other, champion=None)


class Everything:
    """A gate of one's own that looks at all outputs."""

    name, absolute = "Everything", True

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        return Verdict(gate="Everything()", passed=True, message=" ".join(names_of(evaluated.candidate)))


def test_a_gate_that_has_no_output_sees_all_of_them() -> None:
    gate: Gate = Everything()
    found = evaluate_all([gate], both())
    assert found.verdicts[0].message == "click stars"
    # no gate says which output a report is of
    values = report_values(both(), found, model="m", version=2, champion=1, metric="auc")
    assert values["metric"] == "click:auc"


def test_a_policy_asks_for_the_metric_of_its_output() -> None:
    policy = MetricDrop("auc", by=0.05, output="click")
    facts = Facts(
        pending_rows=1,
        pending_slices=1,
        seconds_since_update=1.0,
        has_champion=True,
        champion_metrics_at_promotion={"auc": 0.1, "click:auc": 0.8, "stars:rmse": 1.0},
        champion_on_slice={"auc": 0.1, "click:auc": 0.7},
    )
    found = policy.decide(facts)
    assert found.due
    assert "click:auc went from 0.800 at promotion to 0.700" in found.message
    assert not replace(policy, by=0.2).decide(facts).due
    rising = MetricDrop("rmse", by=0.1, output="stars")
    assert rising.decide(replace(facts, champion_on_slice={"stars:rmse": 1.2})).due


@pytest.mark.parametrize(
    "setting",
    [
        AtLeast("auc", 0.6),
        AtMost("rmse", 1.0),
        Calibrated(),
        NotWorseThan(),
        NoSuspectSlice(),
        NoForgetting(),
        NoSegmentWorse("shop"),
        FairAcross("shop"),
        MetricDrop("auc", by=0.1),
        StopEarly(metric="auc", every=10),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_setting_without_an_output_is_described_as_before_there_were_outputs(setting: Any) -> None:
    assert "output" not in repr(setting)
    assert "output" not in str(describe(setting))
    named = replace(setting, output="click")
    assert named != setting
    assert repr(named) == f"{repr(setting)[:-1]}, output='click')"
    assert str(describe(named)).count("'output': 'click'") == 1
