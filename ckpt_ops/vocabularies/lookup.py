"""What `build_model(vocabularies)` and `examples(table, vocabularies)` get by column: what finds a row."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.vocabularies.growth import Grown


class Lookup:
    """A vocabulary as a model uses it.

    Attributes:
        rows: `input_dim` of an embedding of it: shared rows, then rows for one value each.
        known: how many values have a row of their own now.
    """

    def __init__(self, grown: Grown) -> None:
        self._grown = grown
        self.rows, self.known = grown.rows, len(grown.known)

    def layer(self, *, name: str = "") -> Any:
        """A Keras layer from the column's values, text or whole numbers of any shape, to row numbers (int64).

        It is part of the export: clients send the served model the values themselves.

        Args:
            name: of the layer; by default the column's, followed by `_rows`.
        """
        return self._layer(name, takes_rows=False)

    def rows_layer(self, *, name: str = "") -> Any:
        """A Keras layer for row numbers that `examples()` made by `rows_of`. It passes them on.

        It says what the rows of the embedding behind it stand for: a row that was taken back begins anew.

        Args:
            name: as of `layer`.
        """
        return self._layer(name, takes_rows=True)

    def rows_of(self, values: Any) -> npt.NDArray[np.int64]:
        """The row number of each value, in the shape of `values`, as `layer` would find it.

        Args:
            values: an array of text or whole numbers, a list of them, or a column of a table; none missing.
        """
        plain = values.to_pylist() if isinstance(values, pa.Array | pa.ChunkedArray) else values
        rows: npt.NDArray[np.int64] = self._finds(np.asarray(plain)).numpy()
        return rows

    @cached_property
    def _finds(self) -> Any:
        return self._layer("", takes_rows=False)

    def _layer(self, name: str, *, takes_rows: bool) -> Any:
        from ckpt_ops.vocabularies.rows_layer import VocabularyRows

        column = self._grown.column
        return VocabularyRows(
            column,
            self._grown.buckets,
            [(token, known.row) for token, known in sorted_by_row(self._grown)],
            takes_rows=takes_rows,
            name=name or f"{column}_rows",
        )


def sorted_by_row(grown: Grown) -> list[tuple[Any, Any]]:
    """The values that have a row, and what is known of each, in order of rows."""
    return sorted(grown.known.items(), key=lambda item: item[1].row)
