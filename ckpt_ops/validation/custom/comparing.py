"""A column of a slice against the same column of the reference, by a measure that its type allows."""

from __future__ import annotations

import numpy as np

from ckpt_ops.validation.custom.columns import Arrow, check_alike, counts, is_category, is_number, numbers
from ckpt_ops.validation.custom.drift import Binned, Floats, Gap, bin_categories, bin_numbers, ks
from ckpt_ops.validation.custom.findings import NotEvaluated


def binned(name: str, reference: Arrow, found: Arrow, *, bins: int) -> Binned:
    """Both counted over the same bins: quantiles of numbers, the largest values of text and booleans.

    Raises:
        NotEvaluated: they are of two sorts.
        TypeError: they are neither numbers, text nor booleans.
    """
    check_alike(reference, found, name)
    if is_number(reference):
        return bin_numbers(numbers(reference), numbers(found), bins=bins)
    if is_category(reference):
        return bin_categories(counts(reference), counts(found), bins=bins)
    raise TypeError(f"PSI compares numbers, text and booleans; {name} is {reference.type}")


def gap(name: str, reference: Arrow, found: Arrow) -> Gap:
    """Where the distribution functions of both are farthest apart; nulls are left out.

    Raises:
        NotEvaluated: they are of two sorts, or one has no value.
        TypeError: they are not numbers.
    """
    check_alike(reference, found, name)
    if not is_number(reference):
        raise TypeError(f"Kolmogorov-Smirnov compares numbers; {name} is {reference.type}")
    return ks(
        _some(numbers(reference), "the reference", name),
        _some(numbers(found), "the slice", name),
    )


def _some(values: Floats, whose: str, name: str) -> Floats:
    found: Floats = values[~np.isnan(values)]
    if not found.size:
        raise NotEvaluated(f"{whose} has no value of {name}")
    return found
