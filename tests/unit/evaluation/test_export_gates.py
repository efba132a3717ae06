"""LatencyAtMost and SizeAtMost: what was measured of the export, and nothing passes unmeasured."""

from __future__ import annotations

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import Latency, LatencyAtMost, ServableCheck, SizeAtMost, evaluate_all

BOUNDS = [LatencyAtMost(p95_ms=9), SizeAtMost(megabytes=9)]


def measured(**changes: object) -> ServableCheck:
    fields: dict[str, object] = {
        "max_abs_difference": 0.0,
        "rows": 9,
        "bytes": 2_000_000,
        "latency": Latency(p50_ms=1.0, p95_ms=12.0, p99_ms=40.0, requests=300),
    }
    return ServableCheck(**(fields | changes))


@pytest.mark.parametrize(
    ("gate", "passed", "message"),
    [
        (LatencyAtMost(p95_ms=12), True, "p95 12.000 ms is at most 12.000 ms, over 300 requests of one row"),
        (LatencyAtMost(p95_ms=11.9999), False, "p95 12.0000 ms is above 11.9999 ms"),
        (
            LatencyAtMost(p50_ms=2, p99_ms=30),
            False,
            "p50 1.000 ms is at most 2.000 ms, p99 40.000 ms is above 30",
        ),
        (LatencyAtMost(p50_ms=2, p95_ms=20, p99_ms=50), True, "p99 40.000 ms is at most 50.000 ms"),
        (SizeAtMost(megabytes=2), True, "the export has 2,000,000 bytes, at most 2,000,000"),
        (SizeAtMost(megabytes=1.5), False, "the export has 2,000,000 bytes, more than 1,500,000"),
    ],
)
def test_what_was_measured_is_held_against_the_bound(gate, passed, message, flights):
    verdict = gate.evaluate(flights(servable=measured()), seed=0)
    assert verdict.passed is passed
    assert message in verdict.message


@pytest.mark.parametrize(
    "gate", [LatencyAtMost(p95_ms=9), SizeAtMost(megabytes=9)], ids=lambda gate: gate.name
)
def test_what_was_not_measured_is_refused_in_words(gate, flights):
    for check in (None, measured(bytes=None, latency=None)):
        verdict = gate.evaluate(flights(servable=check), seed=0)
        assert verdict.passed is False
        assert verdict.message.endswith("was not measured")
    broken = gate.evaluate(flights(servable=measured(bytes=None, latency=None, error="no signature")), seed=0)
    assert broken.message.endswith("was not measured: the exported model failed: no signature")


@pytest.mark.parametrize(
    "gate", [LatencyAtMost(p95_ms=9), SizeAtMost(megabytes=9)], ids=lambda gate: gate.name
)
def test_a_small_fast_export_is_not_enough_for_a_first_version(gate, flights):
    with pytest.raises(BadInput, match="at least one absolute gate"):
        evaluate_all([gate], flights(champion=None, servable=measured()))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: LatencyAtMost(), r"a bound for at least one of p50_ms, p95_ms, p99_ms[\s\S]*p95_ms="),
        (lambda: LatencyAtMost(p95_ms=0), "LatencyAtMost.p95_ms=0.*above 0"),
        (lambda: LatencyAtMost(p95_ms=20, p99_ms="40"), "LatencyAtMost.p99_ms='40'.*finite number"),
        (lambda: SizeAtMost(megabytes=-1), "SizeAtMost.megabytes=-1.*above 0"),
        (lambda: measured(bytes=-1), "bytes=-1"),
    ],
)
def test_no_bound_and_no_sensible_bound_are_refused(build, said):
    with pytest.raises(BadInput, match=said):
        build()
