"""What a model predicts, and its labels, as one array of rows: of several outputs, a field for each.

A model with one output has plain arrays, (rows,) or (rows, k). One with several outputs has structured
arrays, (rows,), whose fields are the outputs by name, in sorted order: they are cut, joined and kept like any
others, and whoever needs one output takes it by `of_output`. So nothing between a model and a gate knows how
many there are.

An output with numbers for each position of a row has cells, an array of objects, (rows,), as `ckpt_ops.lists`
makes them.

An output is named as `click`; one label of an output with k labels as `tags:3`, or `label:3` where the model
has one output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import BadInput
from ckpt_ops.lists import cells_of, flat_cells, is_cells, lengths_of, row_shape

Array = npt.NDArray[Any]
T = TypeVar("T")

ONLY = "label"
"""What the output is called, before the number of a label, where there is one."""

NAMED = 32
"""So many of an output's k labels have names, and metrics of their own: the log keeps them of every slice."""


@runtime_checkable
class OfOutput(Protocol):
    """A setting that looks at one output of a model, or one label of it."""

    @property
    def output(self) -> str | None:
        """Its name; None: of the only one."""
        ...


def together(columns: Mapping[str, Array]) -> Array:
    """Arrays of shape (rows, ...), by the output's name, as one. `BadInput`: not as many rows of each."""
    names = sorted(columns)
    if len({len(one) for one in columns.values()}) != 1:
        shapes = {name: columns[name].shape for name in names}
        raise BadInput("outputs", shapes, "as many rows of each")
    kinds = [(name, columns[name].dtype, columns[name].shape[1:]) for name in names]
    found = np.empty(len(columns[names[0]]), np.dtype(kinds))
    for name in names:
        found[name] = columns[name]
    return found


def names_of(array: Array) -> tuple[str, ...]:
    """The outputs' names; none where there is one output."""
    return array.dtype.names or ()


def each(array: Array) -> dict[str, Array]:
    """By name, the array of each output; the only one has the name ""."""
    return {name: array[name] for name in names_of(array)} or {"": array}


def as_given(array: Array) -> Any:
    """As `Examples` got labels, and models take them: a mapping where outputs have names."""
    return each(array) if names_of(array) else array


def numbers(array: Array) -> Array:
    """As metrics take them: float64, each output (rows,), (rows, k) or cells; plain, where there is one."""
    if len(names_of(array)) > 1:
        return together({name: numbers(one) for name, one in each(array).items()})
    (only,) = each(array).values()
    if is_cells(only):
        return cells_of(numbers(flat_cells(only)), lengths_of(only))
    found = np.asarray(only, np.float64)
    return found.reshape(-1) if found.ndim == 2 and found.shape[1] == 1 else found


def joined(parts: Sequence[Array]) -> Array:
    """One after the other, also none."""
    return np.concatenate(parts) if parts else np.empty(0)


def form(array: Array) -> dict[str, tuple[int | None, ...]]:
    """By output, what a row of it is like: () for a number, (k,) for k of them; (None,) and (None, k) for
    these at each position."""
    return {name: row_shape(one) if is_cells(one) else one.shape[1:] for name, one in each(array).items()}


def same_form(one: Array, other: Array) -> bool:
    """Whether both have numbers of one form for the same rows, and for the same positions of these."""
    return form(one) == form(other) and len(one) == len(other) and _same_lengths(one, other)


def _same_lengths(one: Array, other: Array) -> bool:
    ours, theirs = lengths(one), lengths(other)
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


def lengths(array: Array) -> dict[str, npt.NDArray[np.int64]]:
    """By output with numbers for each position, how many positions each row has, (rows,)."""
    return {name: lengths_of(one) for name, one in each(array).items() if is_cells(one)}


def not_a_number(like: Array) -> Array:
    """NaN for each number of all outputs."""
    found = {
        name: cells_of(np.full_like(flat(one), np.nan), lengths_of(one))
        if is_cells(one)
        else np.full_like(one, np.nan)
        for name, one in each(like).items()
    }
    return together(found) if names_of(like) else found[""]


def cut_to(array: Array, lengths: Mapping[str, npt.NDArray[np.int64]]) -> Array:
    """Outputs whose rows are all of one length, as a model of a fixed length predicts them, cut to `lengths`.

    Any other output is as it was.
    """
    found = {
        name: (_cut(one, lengths[name]) if name in lengths and is_cells(one) else one)
        for name, one in each(array).items()
    }
    return together(found) if names_of(array) else found[""]


def _cut(cells: Array, lengths: npt.NDArray[np.int64]) -> Array:
    ours = lengths_of(cells)
    if len(ours) != len(lengths) or not len(ours) or not (ours[0] == ours).all() or ours[0] < lengths.max():
        return cells
    return cells_of(np.concatenate([one[:n] for one, n in zip(cells, lengths, strict=True)]), lengths)


def flat(array: Array) -> Array:
    """One output's numbers as metrics count them: those of all positions, (positions,) or (positions, k)."""
    return flat_cells(array) if is_cells(array) else array


def formed(array: Array) -> str:
    """`form` for a message: "1 number", "click (1 number), stars (5 numbers)"."""
    texts = {}
    for name, shape in form(array).items():
        count = int(np.prod([one for one in shape if one is not None]))
        texts[name] = f"{count} number{'s' * (count != 1)}" + " a position" * (None in shape)
    return ", ".join(f"{name} ({text})" if name else text for name, text in texts.items())


def differences(one: Array, other: Array) -> Array:
    """|one - other| of all numbers of all outputs; both have the `same_form`. Shape (numbers,)."""
    pairs = zip(each(one).values(), each(other).values(), strict=True)
    return np.concatenate([np.abs(flat(a) - flat(b)).reshape(-1) for a, b in pairs])


def magnitudes(array: Array) -> Array:
    """|number| of all outputs, in the order of `differences`."""
    return np.concatenate([np.abs(flat(one)).reshape(-1) for one in each(array).values()])


def of_output(array: Array, output: str | None) -> Array:
    """One output, or one label of it: (rows,) or (rows, k).

    Raises `BadInput`, which names the outputs, as `check_output` does.
    """
    check_output(array, output)
    if output is None:
        return array
    return each(array)[output] if output in names_of(array) else labels_named(array)[output]


def labels_named(array: Array) -> dict[str, Array]:
    """By name, the first labels of each output that has k labels a row."""
    return {
        f"{name or ONLY}:{at}": one[:, at]
        for name, one in each(array).items()
        if one.ndim == 2
        for at in range(min(one.shape[1], NAMED))
    }


def check_output(
    labels: Array, output: str | None, *, field: str = "output", one_label: bool = False
) -> None:
    """Refuse, with `BadInput`, a name that does not say which output, or which label of it, is meant.

    Args:
        labels: of any rows, as `numbers` gives them; their form is what counts.
        field: the setting that has the name.
        one_label: it takes no k labels together.
    """
    whole = {name or None: not (len(shape) == 2 and one_label) for name, shape in _shapes(labels).items()}
    of_labels = labels_named(labels)
    if whole.get(output, False) or output in of_labels:
        return
    names = [repr(name) for name, allowed in whole.items() if allowed and name]
    allowed = [
        *(["None: the model has one output"] if whole.get(None) else []),
        *([f"one of the model's outputs: {', '.join(names)}"] if names else []),
        *([f"one of its labels: {', '.join(map(repr, of_labels))}"] if of_labels else []),
    ]
    raise BadInput(
        field,
        output,
        "; ".join(allowed),
        next="name output= there, or leave it out where there is one output",
    )


def _shapes(labels: Array) -> dict[str, tuple[int | None, ...]]:
    """By output, (1,) or (1, k) of a row's labels; the same for those of a position."""
    return {name: (1, *(one for one in shape if one is not None)) for name, shape in form(labels).items()}


def check_name(name: object) -> bool:
    """Whether an output may have this name."""
    return isinstance(name, str) and bool(name) and ":" not in name and name.isprintable()


def keyed(metric: str, output: str | None) -> str:
    """What a metric of an output is called among those of all outputs: `click:auc`."""
    return f"{output}:{metric}" if output else metric


def output_in(key: str) -> str | None:
    """The output in a key that `keyed` made; None: the only one."""
    return key.rpartition(":")[0] or None


def of_key(found: Mapping[str, T], output: str | None) -> dict[str, T]:
    """Of all outputs' metrics, by `keyed`, those of one, by their own names."""
    if not output:
        return dict(found)
    begin = keyed("", output)
    return {
        key.removeprefix(begin): one
        for key, one in found.items()
        if key.startswith(begin) and ":" not in key.removeprefix(begin)
    }


def outputs_of(settings: Iterable[object]) -> tuple[str | None, ...]:
    """The outputs that settings look at, each once, in their order."""
    return tuple(dict.fromkeys(one.output for one in settings if isinstance(one, OfOutput)))
