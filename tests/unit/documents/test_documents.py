"""Stored JSON: the same bytes for the same values, older schemas upgraded, newer ones and damage refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from ckpt_ops.documents import BadDocument, DocumentKind, parse, read_as
from ckpt_ops.documents.parsing import DEEPEST
from ckpt_ops.errors import BadInput, Corrupt


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Wheel:
    spokes: int
    colour: Colour = Colour.RED

    def __post_init__(self) -> None:
        if self.spokes < 1:
            raise BadInput("spokes", self.spokes, "at least 1")


@dataclass(frozen=True, kw_only=True)
class Cart:
    name: str
    wheels: tuple[Wheel, ...] = ()
    about: Mapping[str, Any] | None = None


def _wheels_for_sizes(fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": fields["name"], "wheels": [{"spokes": size} for size in fields["sizes"]]}


CART = DocumentKind(what="cart", schema=2, upgrades={1: _wheels_for_sizes}, next="build another")
UNNUMBERED = DocumentKind(what="cart", implicit=True, indent=None, sort_keys=False)


class TestBytes:
    def test_are_those_of_the_values_and_nothing_else(self) -> None:
        cart = Cart(name="ö", wheels=(Wheel(spokes=8),))
        assert CART.encode(cart) == (
            b'{\n "about": null,\n "name": "\\u00f6",\n "schema": 2,\n "wheels": [\n  {\n'
            b'   "colour": "red",\n   "spokes": 8\n  }\n ]\n}'
        )
        assert CART.read(Cart, CART.encode(cart), name="a.json") == cart

    def test_of_a_kind_that_was_written_before_there_were_numbers_have_none(self) -> None:
        data = UNNUMBERED.encode(Cart(name="a"))
        assert data == b'{"name": "a", "wheels": [], "about": null}'
        assert UNNUMBERED.read(Cart, data, name="a.json") == Cart(name="a")

    def test_keep_a_number_that_is_there(self) -> None:
        assert CART.encode(CART.numbered({"name": "a"})) == CART.encode({"name": "a"})

    def test_may_end_with_a_newline(self) -> None:
        assert DocumentKind(what="cart", indent=2, newline=True).encode({}) == b'{\n  "schema": 1\n}\n'


class TestSchemas:
    def test_an_older_one_is_upgraded(self) -> None:
        old = b'{"schema": 1, "name": "a", "sizes": [8, 9]}'
        assert CART.read(Cart, old, name="a.json").wheels == (Wheel(spokes=8), Wheel(spokes=9))

    @pytest.mark.parametrize("old", [b'{"schema": 1}', b'{"schema": 1, "name": "a", "sizes": 3}'])
    def test_an_older_one_that_is_damaged_is_refused(self, old: bytes) -> None:
        with pytest.raises(Corrupt, match=r"a\.json is not a valid cart: it does not fit schema 1"):
            CART.read(Cart, old, name="a.json")

    @pytest.mark.parametrize("kind", [CART, UNNUMBERED])
    def test_a_newer_one_is_refused_and_not_guessed_at(self, kind: DocumentKind) -> None:
        with pytest.raises(
            Corrupt, match=r"a\.json was written by a newer ckpt_ops: it has schema 3"
        ) as caught:
            kind.read(Cart, b'{"schema": 3, "name": "a", "wings": 2}', name="a.json")
        assert caught.value.next == "install the ckpt_ops version that wrote it, or a later one"

    @pytest.mark.parametrize(
        ("number", "message"),
        [
            ("0", "schema is 0, which no ckpt_ops wrote"),
            ("-1", "schema is -1, which no ckpt_ops wrote"),
            ("null", "schema is None, not a whole number"),
            ("true", "schema is True, not a whole number"),
            ('"2"', "schema is '2', not a whole number"),
        ],
    )
    def test_one_that_never_was_is_refused(self, number: str, message: str) -> None:
        with pytest.raises(Corrupt, match=message):
            CART.decode(f'{{"schema": {number}, "name": "a"}}'.encode(), name="a.json")


class TestDamage:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({}, "it lacks 'name'"),
            ({"name": 1}, "name is 1, not text"),
            ({"name": "a", "wings": 2}, "it has a field 'wings', which Cart does not have"),
            (
                {"name": "a", "wheels": [{"spokes": "8"}]},
                r"wheels\[0\]\.spokes is '8', not a whole number",
            ),
            ({"name": "a", "wheels": [{"spokes": 2**70}]}, r"is a number of more than 64 bits"),
            ({"name": "a", "wheels": [{"spokes": 8, "colour": "x"}]}, r"colour is 'x', not one of red"),
            (
                {"name": "a", "wheels": [{"spokes": 8, "colour": []}]},
                r"colour is a list of 0, not one of",
            ),
            (
                {"name": "a", "wheels": [{"spokes": 0}]},
                r"wheels\[0\] has a value that is not allowed: spokes=0",
            ),
            ({"name": "a", "about": [1]}, "about is a list of 1, not a JSON object"),
        ],
    )
    def test_is_told_with_the_object_and_the_field(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(Corrupt, match=rf"^a\.json is not a valid cart: .*{message}") as caught:
            CART.read(Cart, json.dumps({"schema": 2, **fields}).encode(), name="a.json")
        assert (caught.value.safe, caught.value.next) == ("nothing was changed", "build another")

    @pytest.mark.parametrize("data", [b"", b"\xff", b"{", b"[]", b"1", b'{"a": 1}{'])
    def test_that_leaves_no_json_object_is_refused(self, data: bytes) -> None:
        with pytest.raises(BadDocument):
            parse(data)

    @pytest.mark.parametrize("inside", [("[", "]"), ('{"a": ', "}")])
    @pytest.mark.parametrize("depth", [DEEPEST, 100_000])
    def test_that_is_nested_too_deep_is_refused(self, inside: tuple[str, str], depth: int) -> None:
        begin, end = inside
        with pytest.raises(BadDocument, match="nested too deep"):
            parse(f'{{"a": {begin * depth}1{end * depth}}}'.encode())

    def test_is_not_taken_for_depth_when_it_is_only_wide(self) -> None:
        assert len(parse(json.dumps({"a": [[]] * 10_000}).encode())["a"]) == 10_000
        deep = "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)
        assert parse(f'{{"a": {deep}}}'.encode())

    def test_inside_text_is_no_depth(self) -> None:
        assert parse(json.dumps({"a": "[" * 10_000}).encode()) == {"a": "[" * 10_000}


def test_a_value_that_is_read_alone_is_named_by_where_it_stands() -> None:
    with pytest.raises(BadDocument, match=r"^result\.files\[1\] is 2, not text"):
        read_as(tuple[str, ...], ["a", 2], at="result.files")


def test_one_of_several_kinds_is_the_first_that_it_fits() -> None:
    assert read_as(Colour | int, "red") is Colour.RED
    assert read_as(Colour | int, 7) == 7
    assert read_as(Colour | int | None, None) is None
    with pytest.raises(BadDocument, match="'green'"):
        read_as(int | Colour, "green")
