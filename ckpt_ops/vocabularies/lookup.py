"""What `build_model(vocabularies)` gets by column: the number of rows, and the layer that finds a row."""

from __future__ import annotations

from typing import Any

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
        from ckpt_ops.vocabularies.rows_layer import VocabularyRows

        column = self._grown.column
        return VocabularyRows(
            column,
            self._grown.buckets,
            [(token, known.row) for token, known in sorted_by_row(self._grown)],
            name=name or f"{column}_rows",
        )


def sorted_by_row(grown: Grown) -> list[tuple[Any, Any]]:
    """The values that have a row, and what is known of each, in order of rows."""
    return sorted(grown.known.items(), key=lambda item: item[1].row)
