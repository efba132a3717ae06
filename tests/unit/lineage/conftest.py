"""A place for logs, on both kinds of store."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from ckpt_ops.store import GcsStore, LocalStore, Store


@pytest.fixture(params=["local", "gcs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path)
    request.getfixturevalue("gcs_server")
    return GcsStore(bucket="ckpt-ops", prefix=f"logs/{uuid.uuid4().hex}", deadline=20)
