"""Files such as _SUCCESS, which a writer leaves last: whether each slice has one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.sources.file_names import Naming, form_of_names

MARKERS = ("_SUCCESS", "_DONE", "_COMPLETE", "_FINISHED")


@dataclass(frozen=True, kw_only=True)
class Marked:
    """The file that lands last.

    Attributes:
        complete_when: of `Files`.
        files: by key, its name; slices that are not there yet are left out.
        without: the keys of slices that have none.
    """

    complete_when: str
    files: dict[str, str]
    without: tuple[str, ...]


def marked(names: Collection[str], naming: Naming, keys: Sequence[str]) -> Marked | None:
    """What lands last in the slices' folders; None where nothing of the kind lies there.

    Args:
        names: all that lie there, empty files too.
        keys: of the slices, in time order.
    """
    folder = naming.template.rpartition("/")[0]
    if "*" in folder or not folder:
        return None
    for marker in MARKERS:
        template = f"{folder}/{marker}"
        try:
            form = form_of_names(template, naming.key_format, field="complete_when")
        except BadInput:  # the folder is not of one slice
            return None
        if form.chain != naming.names.chain:
            return None
        places = {key: form.write(time) for key in keys if (time := naming.time_of(key))}
        there = {key: name for key, name in places.items() if name in names}
        if there:
            without = tuple(key for key in keys if key not in there)
            return Marked(complete_when=template, files=there, without=without)
    return None
