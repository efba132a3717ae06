"""What is taken for a manifest, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.errors import Corrupt
from ckpt_ops.store import LocalStore


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"schema": null}',
        b'{"schema": 2}',
        b'{"schema": 2, "segments": 1, "slices": []}',
        b'{"schema": 2, "segments": [], "slices": [["w1"]]}',
        b'{"schema": 2, "segments": [], "slices": [], "unheard_of": 1}',
    ],
    ids=repr,
)
def test_bytes_that_are_no_manifest_are_corrupt_and_named(tmp_path: Path, data: bytes) -> None:
    store = LocalStore(tmp_path)
    store.put("manifest.json", data)
    with pytest.raises(Corrupt, match=r"manifest\.json is not a valid manifest") as caught:
        load_manifest(store, "manifest.json")
    assert caught.value.safe
    assert caught.value.next
