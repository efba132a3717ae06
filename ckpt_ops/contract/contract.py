"""All checks on one source, in the order in which a person fixes what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ckpt_ops.contract import building, files, keys
from ckpt_ops.contract.belonging import rows_in_their_slices
from ckpt_ops.contract.check import Check, checked
from ckpt_ops.contract.rows import MOST_MEMORY, Readings
from ckpt_ops.slices import Files, PartedSource, SliceSource

MOST_KEYS = 3


def check_source(
    source: SliceSource,
    keys: Sequence[str] | None = None,
    *,
    change: Callable[[], object] | None = None,
    most_memory: int = MOST_MEMORY,
    progress: Callable[[str], object] | None = None,
) -> list[Check]:
    """Check what `SliceSource` and `PartedSource` promise. Each slice is read twice, in parts once more.

    Nothing is written, and whatever the source raises is a finding: a source that breaks a promise gives a
    `Check` with `passed=False`, never an exception. Without any slice, checks that need one are left out.

    Args:
        keys: slices to read; by default the newest three.
        change: writes the content of the first of `keys` again with other rows. Without it, that the
            fingerprint follows the content cannot be checked.
        most_memory: bytes of Arrow memory that reading may take, whatever the slice's size.
        progress: called with what is checked next.
    """
    return [*_checks(source, keys, change, most_memory, progress or (lambda message: None))]


def _checks(
    source: SliceSource,
    wanted: Sequence[str] | None,
    change: Callable[[], object] | None,
    most_memory: int,
    progress: Callable[[str], object],
) -> Iterable[Check]:
    progress("how it is built")
    yield checked("building it is cheap", lambda: building.built_cheaply(source))
    yield checked("it shows no password", lambda: building.shows_no_secret(source))
    progress("keys")
    found = checked("keys are valid, sorted and stable", lambda: keys.stable(source))
    yield found
    if not (found.passed or wanted):
        return
    chosen = list(wanted) if wanted else keys.newest_that_are_there(source, MOST_KEYS)
    if not chosen:
        yield Check(
            name="a slice can be read",
            passed=False,
            message="none of the newest slices has arrived: name one",
        )
        return
    yield checked("keys are in their interval", lambda: keys.in_their_interval(source, chosen))
    yield checked("an unknown key is refused", lambda: keys.unknown_is_refused(source, chosen[-1]))
    if isinstance(source, Files):
        yield checked("no file of a slice is overlooked", lambda: files.none_overlooked(source))
    readings = Readings(source=source, keys=chosen)
    if getattr(source, "column_times", None):
        yield checked("columns have their times", readings.columns_have_times)
    progress(f"rows of {', '.join(chosen)}")
    yield checked("fingerprints are stable", readings.fingerprint_is_stable)
    yield checked("reading twice gives the same rows", readings.same_twice)
    yield checked("a slice has one schema", readings.one_schema)
    yield checked("types match the declared schema", readings.types_fit)
    yield checked("rows are those of their slice", lambda: rows_in_their_slices(source, readings))
    yield checked("memory is bounded", lambda: readings.memory_is_bounded(most_memory))
    if isinstance(source, PartedSource) or hasattr(source, "parts"):
        progress("parts")
        yield checked("parts agree with the whole", readings.parts_agree)
    if change is not None:
        yield checked(
            "fingerprints change with the content", lambda: readings.changes_with_content(chosen[0], change)
        )
