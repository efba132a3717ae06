"""Records are what is true: every one is read back as it was written, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import json
import string
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import Corrupt
from ckpt_ops.lineage import encoding
from ckpt_ops.lineage.encoding import SCHEMA, decode, encode
from ckpt_ops.lineage.records import Again, Held, Record, SliceRef
from ckpt_ops.store.named import Written

KINDS = sorted(encoding._TYPES.values(), key=lambda kind: kind.__name__)

texts = st.text(max_size=20)
floats = st.floats(allow_nan=False)
refs = st.builds(
    SliceRef, key=texts, revision=st.text(string.hexdigits, max_size=16), rows=st.integers(0, 10**12)
)
BY_TYPE: dict[object, st.SearchStrategy[typing.Any]] = {
    str: texts,
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    float: floats,
    tuple[int, ...]: st.lists(st.integers(1, 10**6), max_size=3).map(tuple),
    tuple[tuple[str, str], ...]: st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    int | None: st.none() | st.integers(1, 10**6),
    float | None: st.none() | floats,
    SliceRef: refs,
    Again | None: st.none()
    | st.builds(
        Again, max_steps=st.none() | st.integers(1, 10**6), without=st.lists(refs, max_size=2).map(tuple)
    ),
    tuple[Written, ...]: st.lists(
        st.builds(Written, name=texts, size=st.integers(0, 10**12), digest=texts), max_size=3
    ).map(tuple),
    tuple[SliceRef, ...]: st.lists(refs, max_size=3).map(tuple),
    tuple[str, ...]: st.lists(texts, max_size=3).map(tuple),
    dict[str, str]: st.dictionaries(texts, texts, max_size=3),
    dict[str, float]: st.dictionaries(texts, floats, max_size=3),
    dict[str, int]: st.dictionaries(texts, st.integers(0, 2**53), max_size=3),
    dict[str, typing.Any]: st.dictionaries(
        texts, texts | st.dictionaries(texts, floats, max_size=3), max_size=2
    ),
    dict[str, dict[str, float]]: st.dictionaries(
        texts, st.dictionaries(texts, floats, max_size=3), max_size=3
    ),
}


@st.composite
def any_record(draw: st.DrawFn, kind: type[Record]) -> Record:
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: draw(BY_TYPE[hints[field.name]]) for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_record_is_read_back_as_it_was_written(kind: type[Record]) -> None:
    @settings(max_examples=25, deadline=None)
    @given(any_record(kind))
    def round_trip(record: Record) -> None:
        assert decode(encode(record)) == record
        assert type(decode(encode(record))) is kind

    round_trip()


def test_every_kind_of_record_can_be_read() -> None:
    def below(kind: type[Record]) -> set[type[Record]]:
        return {kind, *(each for sub in kind.__subclasses__() for each in below(sub))}

    assert set(KINDS) == below(Record) - {Record}


def test_records_of_the_same_words_differ_in_bytes() -> None:
    assert encode(Held(reason="x")) != encode(Held(reason="x"))


def test_a_record_says_who_and_which_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPT_OPS_ACTOR", "ada")
    monkeypatch.setenv("CKPT_OPS_RUN", "manual__1")
    record = Held(reason="look")
    assert (record.actor, record.run) == ("ada", "manual__1")


def test_a_record_of_a_newer_schema_names_the_entry_and_asks_for_a_newer_reader() -> None:
    payload = {**json.loads(encode(Held(reason="x"))), "schema": SCHEMA + 1}
    with pytest.raises(Corrupt, match=f"log/7.json .* schema {SCHEMA + 1}") as caught:
        decode(json.dumps(payload).encode(), name="log/7.json")
    assert "install the ckpt_ops version" in caught.value.next


def _altered(**changes: object) -> bytes:
    payload = {**json.loads(encode(Held(reason="x"))), **changes}
    return json.dumps({name: value for name, value in payload.items() if value != "absent"}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\xff",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        encode(Held(reason="x"))[:-5],
        _altered(type="Unheard"),
        _altered(type=["Held"]),
        _altered(schema="one"),
        _altered(schema="absent"),
        _altered(unknown_field=1),
        b'{"schema": 1, "type": "Promoted"}',
        b'{"schema": 1, "type": "SliceAccepted", "slice": {"key": "a"}}',
        b'{"schema": 1, "type": "SliceAccepted", "slice": 3}',
        b'{"schema": 1, "type": "CandidateStarted", "slices": 3}',
    ],
    ids=range(17),  # records carry times and nonces: workers would not agree on names made of them
)
def test_what_is_no_record_is_corrupt_and_named(data: bytes) -> None:
    with pytest.raises(Corrupt, match=r"log/7\.json"):
        decode(data, name="log/7.json")
