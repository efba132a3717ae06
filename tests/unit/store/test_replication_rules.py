"""The rules of replication as properties: what counts, what a reader may conclude, what is fixed."""

from __future__ import annotations

from itertools import combinations

import blake3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.store.content import digest_in, entry_before, first_gap, is_intact, is_log_entry
from ckpt_ops.store.replication.quorum import Quorum
from ckpt_ops.store.replication.repair import evaluate
from ckpt_ops.store.replication.replica import Circuit

quorums = st.integers(1, 5).flatmap(
    lambda stores: st.builds(Quorum, stores=st.just(stores), writes=st.integers(1, stores))
)
some = st.sets(st.integers(0, 4))


def every_subset(stores: int) -> list[set[int]]:
    return [set(each) for size in range(stores + 1) for each in combinations(range(stores), size)]


# --- quorum -------------------------------------------------------------------------------------


@given(quorums, some)
def test_a_reader_sees_all_exactly_if_no_write_that_counts_can_hide_from_it(
    quorum: Quorum, asked: set[int]
) -> None:
    asked = {number for number in asked if number < quorum.stores}
    counting = [holders for holders in every_subset(quorum.stores) if quorum.acknowledged(holders)]
    assert quorum.sees_all(asked) == all(holders & asked for holders in counting)


@given(quorums)
def test_two_writes_that_count_share_a_store(quorum: Quorum) -> None:
    counting = [holders for holders in every_subset(quorum.stores) if quorum.acknowledged(holders)]
    assert all(one & other for one, other in combinations(counting, 2))


@pytest.mark.parametrize("stores", [2, 3])
def test_by_default_any_store_but_the_primary_of_two_may_be_lost(stores: int) -> None:
    quorum = Quorum.default(stores)
    for lost in range(stores):
        left = set(range(stores)) - {lost}
        assert quorum.acknowledged(left) == (stores == 3 or lost != 0)


@pytest.mark.parametrize("writes", [0, 4])
def test_an_impossible_quorum_is_refused(writes: int) -> None:
    with pytest.raises(BadInput, match="CKPT_OPS_STORE_QUORUM"):
        Quorum(stores=3, writes=writes)


# --- names --------------------------------------------------------------------------------------


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_chunk_is_intact_exactly_if_it_has_the_hash_in_its_name(data: bytes, other: bytes) -> None:
    digest = blake3.blake3(data).hexdigest()
    name = f"chunks/{digest[:2]}/{digest}"
    assert digest_in(name) == digest
    assert is_intact(name, other) == (data == other)
    assert is_intact(f"models/{name}", other)  # not the chunk's name: nothing is promised


def entry(number: int) -> str:
    return f"models/m/log/{number:012d}.json"


@given(st.sets(st.integers(1, 30)))
def test_a_gap_is_the_first_number_that_is_missing_before_the_last(numbers: set[int]) -> None:
    missing = set(range(1, max(numbers, default=0))) - numbers
    expected = entry(min(missing)) if missing else None
    assert first_gap({entry(number) for number in numbers} | {"models/m/v1/log/000001.json"}) == expected


@given(st.sets(st.integers(1, 30)), st.integers(1, 31))
def test_entries_before_the_start_of_a_listing_are_not_missed(numbers: set[int], first: int) -> None:
    listed = {number for number in numbers if number >= first}
    missing = set(range(first, max(listed, default=0))) - listed
    expected = entry(min(missing)) if missing else None
    assert first_gap(map(entry, listed), start=entry(first)) == expected


@given(st.integers(1, 10**12 - 1))
def test_the_entry_before_another_has_the_number_before(number: int) -> None:
    assert entry_before(entry(number)) == (entry(number - 1) if number > 1 else None)
    assert entry_before(f"{entry(number)}.bak") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("models/m/log/000000000001.json", True),
        ("models/m/v3/log/000001.json", True),
        ("models/m/v3/blog/000001.json", False),
        ("models/m/log/notes.json", False),
    ],
)
def test_log_entries_are_told_by_their_names(name: str, expected: bool) -> None:
    assert is_log_entry(name) is expected


# --- circuit ------------------------------------------------------------------------------------


def test_what_failed_is_skipped_for_a_while_and_then_tried_by_one_caller() -> None:
    now = [0.0]
    circuit = Circuit(skip_seconds=30, clock=lambda: now[0])
    assert circuit.may_ask()
    assert (circuit.failed(), circuit.failed()) == (True, False)
    now[0] = 29.9
    assert not circuit.may_ask()
    now[0] = 30.1
    assert [circuit.may_ask() for _ in range(3)] == [True, False, False]
    circuit.succeeded()
    assert circuit.may_ask()
    assert circuit.may_ask()


# --- repair -------------------------------------------------------------------------------------

GOOD = b"payload"
DIGEST = blake3.blake3(GOOD).hexdigest()
CHUNK = f"chunks/{DIGEST[:2]}/{DIGEST}"
contents = st.dictionaries(st.integers(0, 2), st.sampled_from([GOOD, b"damage", b""]))


@given(contents)
def test_a_chunk_is_only_ever_replaced_by_what_its_name_says(copies: dict[int, bytes]) -> None:
    missing = frozenset(range(3)) - copies.keys()
    finding = evaluate(CHUNK, copies, missing)
    assert not finding.conflict
    if GOOD in copies.values():
        assert finding.data == GOOD
        assert finding.missing == missing
        assert finding.damaged == {number for number, data in copies.items() if data != GOOD}
    else:
        assert finding.data is None
        assert finding.lost == (b"damage" in copies.values())


@given(contents)
def test_of_other_objects_nothing_is_copied_where_two_contents_stand(copies: dict[int, bytes]) -> None:
    finding = evaluate("models/m/v1/manifest.json", copies, frozenset())
    if len(set(copies.values())) > 1:
        assert finding.data is None
        assert {copies[number] for number in finding.conflict} == set(copies.values())
    else:
        assert not finding.conflict
    assert not finding.damaged
