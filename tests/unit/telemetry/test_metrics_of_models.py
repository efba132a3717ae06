"""What a model's log says in numbers, and that Prometheus reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from click.testing import Result
from histories import KEYS, promoted, ref, rejected
from prometheus_client.parser import text_string_to_metric_families

from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.records import CandidateTrained, Evaluated, Held, Record, SliceQuarantined, SliceRef
from ckpt_ops.pipeline.step_results import Pulled, Settled, Settlement, Validated
from ckpt_ops.slices.manifest import Column, SliceManifest
from ckpt_ops.store import LocalStore
from ckpt_ops.telemetry import METRICS, Kind, Sample, measured, of_result, prometheus_text
from ckpt_ops.validation import Outcome
from ckpt_ops.views import StoreViews
from ckpt_ops.views.description import DESCRIPTION, Description
from ckpt_ops.views.shapes import Wants

Say = Callable[..., ModelLog]
Command = Callable[..., Result]
FIRST = SliceRef(key=KEYS[0], revision="0123456789abcdef", rows=10)


def values(store: LocalStore, *, now: datetime | None = None) -> dict[tuple[str, ...], float]:
    """By metric and labels."""
    found = measured(StoreViews(store, keep=False), "m", now=now)
    return {(one.metric, *one.labels.values()): one.value for one in found}


def at(record: Record, time: datetime) -> Record:
    return replace(record, time=time.isoformat(timespec="milliseconds"))


@pytest.fixture
def now(store: LocalStore, say: Say) -> datetime:
    """A day and a half after the promotion of version 1, two hours after the pull of its slice."""
    promotion = datetime(2026, 1, 1, tzinfo=UTC)
    records: list[Record] = []
    for one in promoted(1, FIRST):
        if isinstance(one, CandidateTrained):
            one = replace(one, step=500, seconds=20.0, uploaded=4096)
        if isinstance(one, Evaluated):
            one = replace(one, metrics={"candidate": {"auc": 0.75, "loss": float("nan")}})
        records.append(at(one, promotion))
    say("m", records, rejected(2, ref(KEYS[1]), champion=1), SliceQuarantined(slice=ref(KEYS[2]), report=""))
    about = Description(freshness_hours=24.0, metric="auc", source="s")
    store.put(f"models/m/description/{1:012d}-{about.digest}.json", DESCRIPTION.encode(about))
    slice_ = SliceManifest(
        source="s",
        key=KEYS[0],
        revision=FIRST.revision,
        fingerprint="f",
        pulled_at=(promotion - timedelta(hours=2)).isoformat(),
        rows=10,
        columns=Column.of_schema(pa.schema([("n", pa.int64())])),
        files=(),
    )
    store.put(f"{slice_.prefix}/slice.json", slice_.to_json())
    for _ in range(2):
        CandidateLog(store, "m", 1).start_attempt()
    return promotion + timedelta(hours=36)


def test_production_its_freshness_and_how_soon_it_came(store: LocalStore, now: datetime) -> None:
    found = values(store, now=now)
    assert found[("readable",)] == 1
    assert found[("freshness_seconds",)] == found[("production_age_seconds",)] == 36 * 3600
    assert found[("freshness_objective_seconds",)] == 24 * 3600
    assert found[("update_latency_seconds",)] == 2 * 3600
    assert found[("production_version",)] == 1
    assert found[("production_score", "auc")] == 0.75
    assert ("production_score", "loss") not in found, "a number that is none is left out"


def test_slices_versions_and_what_a_person_is_wanted_for(store: LocalStore, now: datetime) -> None:
    found = values(store, now=now)
    assert found[("slices", "quarantined")] == 1
    assert found[("versions", "promoted")] == found[("versions", "rejected")] == 1
    wanted = {what for what in Wants if found[("attention", what.value.replace(" ", "_"))]}
    assert wanted == {Wants.STALE, Wants.QUARANTINED, Wants.REJECTED}


def test_the_last_training(store: LocalStore, now: datetime, say: Say) -> None:
    found = values(store, now=now)
    assert ("training_seconds",) not in found, "the last one, which was rejected, has none in its record"
    better = [
        replace(one, step=500, seconds=20.0, uploaded=7) if isinstance(one, CandidateTrained) else one
        for one in promoted(3, ref(KEYS[3]), champion=1)
    ]
    say("m", better)
    for _ in range(2):
        CandidateLog(store, "m", 3).start_attempt()
    found = values(store)
    assert (found[("training_seconds",)], found[("training_steps_per_second",)]) == (20.0, 25.0)
    assert (found[("training_uploaded_bytes",)], found[("training_attempts",)]) == (7, 2)


def test_a_log_that_cannot_be_read_is_a_number_too(store: LocalStore, now: datetime) -> None:
    store.delete("models/m/log/000000000002.json")
    assert values(store) == {("readable",): 0.0}


def test_a_model_that_has_nothing_yet_has_no_age(store: LocalStore, say: Say) -> None:
    say("m", Held(reason="x"))
    found = values(store)
    assert found[("attention", "on_hold")] == 1
    assert not [name for name, *_ in found if name.startswith(("production", "freshness", "training"))]


def test_prometheus_reads_what_the_command_prints(
    ckpt_ops: Command, store: LocalStore, now: datetime
) -> None:
    text = ckpt_ops("metrics", "--store", store.url).stdout
    families = {one.name: one for one in text_string_to_metric_families(text)}
    assert families.keys() <= {one.in_prometheus for one in METRICS.values()}
    for family in families.values():
        metric = METRICS[family.name.removeprefix("ckpt_ops_")]
        assert (family.type, family.documentation) == ("gauge", metric.meaning)
        for sample in family.samples:
            assert set(sample.labels) == {"model", *metric.labels}
    (version,) = families["ckpt_ops_production_version"].samples
    assert (version.labels, version.value) == ({"model": "m"}, 1.0)
    rows = json.loads(ckpt_ops("metrics", "m", "--store", store.url, "--json").stdout)
    assert len(rows) == sum(len(one.samples) for one in families.values())


def test_names_of_data_do_not_break_the_format() -> None:
    hostile = 'a"b\\c\nd\x1b{e="f"} 1'
    sample = Sample(metric="production_score", value=0.1, labels={"metric": hostile})
    (family,) = text_string_to_metric_families(prometheus_text({hostile: [sample]}))
    (read,) = family.samples
    assert read.value == 0.1
    assert "\x1b" not in read.labels["metric"]
    assert read.labels["metric"].startswith('a"b\\c')


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, 1e-9, 1e300, 123456789012.0])
def test_numbers_come_back_as_they_were(value: float) -> None:
    text = prometheus_text({"m": [Sample(metric="store_bytes", value=value)]})
    (family,) = text_string_to_metric_families(text)
    assert family.samples[0].value == value


def test_a_name_that_no_model_has_is_refused(ckpt_ops: Command, store: LocalStore, now: datetime) -> None:
    done = ckpt_ops("metrics", "nobody", "--store", store.url)
    assert done.exit_code == 2
    assert done.stdout == ""


def test_steps_count_what_they_did() -> None:
    verdict = Validated(
        key="k", revision="r", rows=1, set_aside=0, outcome=Outcome.QUARANTINED, reasons=("n is null",)
    )
    found = [
        *of_result(Pulled(key="k", revision="r", rows=7)),
        *of_result(verdict),
        *of_result(Settled(version=1, decision=Settlement.ROLLED_BACK, why="")),
        *of_result(object()),
    ]
    assert [(one.metric, one.value, *one.labels.values()) for one in found] == [
        ("pulled_rows", 7),
        ("verdicts", 1, "quarantined"),
        ("settled", 1, "rolled_back"),
    ]
    for one in found:
        metric = METRICS[one.metric]
        assert (metric.kind, metric.of_state, set(one.labels)) == (Kind.COUNTER, False, set(metric.labels))
