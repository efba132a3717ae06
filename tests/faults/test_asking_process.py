"""Whoever asks for a run never imports what trains: TensorFlow takes seconds, and is not safe to fork."""

from __future__ import annotations

import pytest
from training import Asked

from ckpt_ops.lineage import ModelLog

pytestmark = pytest.mark.slow


def test_a_run_that_trained_and_promoted_imported_no_tensorflow(asked: Asked) -> None:
    assert ModelLog(asked.store, "steady").state().head == 1
    roots = {module.partition(".")[0] for module in asked.modules}
    assert "pyarrow" in roots
    assert not roots & {"tensorflow", "keras", "h5py", "jax", "torch", "airflow"}
    assert "steady.model" not in asked.modules, "the user's code is called where it trains only"
