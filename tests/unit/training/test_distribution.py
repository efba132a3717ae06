"""How a batch is shared out, and what the description of a pipeline may say about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.training import BatchOrder, Mirrored, Workers
from ckpt_ops.training.distribution.share import Share
from ckpt_ops.values import describe


@given(
    rows=st.integers(1, 200),
    each=st.integers(1, 12),
    of=st.integers(1, 6),
    step=st.integers(0, 50),
    data=st.data(),
)
def test_shares_are_even_and_together_are_the_batch(
    rows: int, each: int, of: int, step: int, data: st.DataObject
) -> None:
    whole = BatchOrder(rows=max(rows, of), batch_size=each * of, seed=3)
    here = data.draw(st.sampled_from([one for one in range(1, of + 1) if of % one == 0]))
    shares = [Share(whole=whole, first=first, here=here, of=of) for first in range(0, of, here)]
    drawn = [one.indices(step) for one in shares]
    assert {len(one) for one in drawn} == {shares[0].batch_size}
    batch = whole.indices(step)
    assert np.array_equal(np.concatenate(drawn), batch[: len(batch) // of * of])
    if whole.rows >= whole.batch_size:
        assert sum(map(len, drawn)) == len(batch)
    assert all(one.cursor(step) == whole.cursor(step) for one in shares)
    assert all(one.steps_per_epoch == whole.steps_per_epoch for one in shares)


def test_fewer_rows_than_replicas_are_refused() -> None:
    with pytest.raises(BadInput, match="at most as many as there are rows to train on: 3"):
        Share(whole=BatchOrder(rows=3, batch_size=8, seed=0), first=0, here=1, of=4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distribution": Workers(count=3), "batch_size": 128}, "a multiple of 3.*batch_size=126 or 129"),
        ({"distribution": Mirrored(devices=("GPU:0", "GPU:1")), "batch_size": 7}, "a multiple of 2"),
        ({"distribution": 2}, r"Workers\(count=2\), Mirrored\(\), or None"),
    ],
)
def test_a_pipeline_refuses_what_cannot_be_shared_out(
    pipeline: Pipeline, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=f"(?s){message}"):
        replace(pipeline, **settings)


@pytest.mark.parametrize("count", [0, 1, 2.5, True])
def test_workers_are_two_or_more(count: Any) -> None:
    with pytest.raises(BadInput, match=r"Workers\.count"):
        Workers(count=count)


@pytest.mark.parametrize("devices", [(), ("GPU",), ("GPU:0", "GPU:0"), "GPU:0"])
def test_devices_are_named_as_tensorflow_names_them(devices: Any) -> None:
    with pytest.raises(BadInput, match=r"Mirrored\.devices"):
        Mirrored(devices=devices)


def test_one_device_is_in_no_id_and_how_long_workers_wait_in_none_either(pipeline: Pipeline) -> None:
    assert "distribution" not in pipeline.training_config()
    workers = Workers(count=4, meet_within=timedelta(seconds=9))
    shared = replace(pipeline, intermediate=None, distribution=workers)
    assert shared.training_config()["distribution"] == {"Workers": {"count": 4}}
    assert describe(Mirrored()) == {"Mirrored": {"devices": None}}
