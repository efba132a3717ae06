"""What lies in a version's checkpoints is found by the names, whatever models are called."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.checkpoints.garbage import _in_checkpoints
from ckpt_ops.store import Entry

PARTS = st.sampled_from(["models", "m", "iter_num=3", "v1", "v12", "manifest-1.json", "x", "iter_num"])
NAMES = st.lists(PARTS, min_size=1, max_size=6).map("/".join)


@given(st.lists(NAMES, unique=True, max_size=30))
def test_a_version_s_objects_are_those_whose_names_begin_with_its_prefix(names: list[str]) -> None:
    listed = [Entry(name=name, size=1, fingerprint="", updated=0.0) for name in names]
    found = _in_checkpoints(listed)
    for prefix in {"/".join(name.split("/")[:3]) + "/" for name in names if name.count("/") >= 3}:
        begins = [entry for entry in listed if entry.name.startswith(f"{prefix}iter_num=")]
        assert found.get(prefix, []) == begins
