"""A vocabulary of a column of lists counts what they hold: the rows in which a value is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from ckpt_ops import Files, Vocabulary
from ckpt_ops.candidates.given import _counts
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline import Pipeline


class Two:
    """A slice of two row groups."""

    def count(self, key: str, revision: str) -> int:
        return 5

    def groups(
        self, key: str, revision: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[pa.Table, int]]:
        yield pa.table({"films": [[1, 2, 1], None, []]}), 0
        yield pa.table({"films": [[2, None], [7]]}), 3


def test_a_value_counts_once_a_row() -> None:
    ref = SliceRef(key="w", revision="r" * 64, rows=5)
    assert _counts(Two(), ref, "films") == {1: 1, 2: 2, 7: 1}


def test_lists_of_ids_may_have_a_vocabulary_and_lists_of_fractions_not(pipeline: Pipeline) -> None:
    schema = pa.schema([("films", pa.list_(pa.int64())), ("stars", pa.list_(pa.float64()))])
    source = Files(name="days", schema=schema, template="days/{key}.parquet", url="file:///tmp")
    plain = replace(pipeline, source=source)
    assert replace(plain, vocabularies=[Vocabulary("films", 9)]).vocabularies
    with pytest.raises(BadInput, match="of values or lists, of text or whole numbers of days: films"):
        replace(plain, vocabularies=[Vocabulary("stars", 9)])
