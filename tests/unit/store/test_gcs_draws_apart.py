"""A store that is retried leaves Python's shared generator alone: models are seeded from it."""

from __future__ import annotations

import random
import socket

import pytest

from ckpt_ops.errors import TransientError
from ckpt_ops.store import GcsStore


def test_retries_do_not_draw_what_a_models_seeds_are_drawn_from() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        store = GcsStore(bucket="nobody", deadline=1.0, endpoint=endpoint)
        before = random.getstate()
        for ask in (
            lambda: list(store.list("")),
            lambda: store.get("a"),
            lambda: store.put_if_absent("a", b"x"),
            lambda: store.put("a", b"x"),
        ):
            with pytest.raises(TransientError):
                ask()
        assert random.getstate() == before


def test_a_write_on_condition_does_not_either(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("gcs_server")
    store = GcsStore(bucket="ckpt-ops", prefix="draws-apart", deadline=20)
    before = random.getstate()
    assert store.put_if_absent("a", b"x")
    assert random.getstate() == before
