"""What Keras may do without is not imported for it, and only then. Two modules stand for such libraries."""

from __future__ import annotations

import gc
import importlib
import sys

import pytest

from ckpt_ops.training import light_import as subject
from ckpt_ops.training.light_import import light_import


@pytest.fixture(autouse=True)
def keras_is_to_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_OPTIONAL", ("wave", "this"))
    for name in ("keras", "wave", "this"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_inside_they_cannot_be_found_and_behind_it_they_can() -> None:
    with light_import(), pytest.raises(ModuleNotFoundError):
        importlib.import_module("wave")
    assert importlib.import_module("wave").open


def test_what_was_imported_before_stays() -> None:
    before = importlib.import_module("wave")
    with light_import():
        assert importlib.import_module("wave") is before


def test_no_garbage_is_searched_for_meanwhile_nor_later_among_what_was_imported() -> None:
    frozen = gc.get_freeze_count()
    with light_import():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen


def test_who_had_switched_that_search_off_has_it_off() -> None:
    gc.disable()
    try:
        with light_import():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_where_keras_is_there_already_nothing_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", sys)
    frozen = gc.get_freeze_count()
    with light_import():
        importlib.import_module("wave")
        assert gc.isenabled()
    assert gc.get_freeze_count() <= frozen, "what is frozen may end, and nothing is added"
