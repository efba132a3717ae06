"""The former place of `slices.sources.paging`: code that is kept with versions imports from here."""

from ckpt_ops.slices.sources.paging import (
    Answer,
    Cursor,
    LinkHeader,
    NextLink,
    Offset,
    OnePage,
    PageNumber,
    Paging,
    at_path,
    with_parameter,
)

__all__ = [
    "Answer",
    "Cursor",
    "LinkHeader",
    "NextLink",
    "Offset",
    "OnePage",
    "PageNumber",
    "Paging",
    "at_path",
    "with_parameter",
]
