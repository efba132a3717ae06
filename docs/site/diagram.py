"""The life of a slice as a picture: `python -m docs.site.diagram` writes `docs/images/life-of-a-slice.svg`.

It is drawn here rather than by a diagram language, so that it shows on every reader, offline, light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

PICTURE = Path(__file__).parents[1] / "images" / "life-of-a-slice.svg"

WIDTH, ROW, BOX = 760, 84, 52
_LEFT, _MIDDLE, _RIGHT = (10, 170), (225, 280), (550, 200)  # x and width of each column
_GREY, _INK = "#7d8590", "#1f2328"
_FILLS = {"task": "#d6e4ff", "record": "#e2f3df", "end": "#ffe8cc"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A task, what it writes, and how the slice's way may end there.

    Attributes:
        writes: the records that it appends to the log, or the objects that it stores.
        end: what becomes of the slice when it does not go on; "" where it always does.
    """

    task: str
    note: str
    writes: str
    written: str
    end: str = ""
    why: str = ""


ROWS = (
    Row(
        task="pull",
        note="read the source once",
        writes="slices/SOURCE/KEY/REVISION",
        written="a revision, named by content",
        end="no run",
        why="not there, or empty",
    ),
    Row(
        task="validate",
        note="schema, then the suite",
        writes="SliceAccepted",
        written="pending from now on",
        end="quarantined",
        why="until a person decides",
    ),
    Row(
        task="decide",
        note="planner, then policy",
        writes="UpdateDeferred",
        written="only when no update is due",
        end="skip, hold or fork",
        why="nothing is trained",
    ),
    Row(
        task="train",
        note="a process of its own",
        writes="CandidateStarted, CandidateTrained",
        written="checkpoints in between",
        end="in shadow",
        why="next slices evaluate it",
    ),
    Row(
        task="evaluate",
        note="every gate, same rows",
        writes="Evaluated",
        written="verdicts, numbers, a report",
    ),
    Row(task="approve", note="only with approval=", writes="Approved", written="who, and why"),
    Row(
        task="promote",
        note="swap the head",
        writes="Promoted",
        written="the slice is consumed",
        end="rejected",
        why="the slice is pending again",
    ),
)


def svg() -> str:
    """The picture."""
    height = ROW * len(ROWS) + 64
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="14">',
        "<title>The life of a slice</title>",
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{_GREY}"/></marker></defs>',
    ]
    heads = ((_LEFT, "task"), (_MIDDLE, "writes"), (_RIGHT, "or ends here"))
    parts += [
        f'<text x="{x + width / 2}" y="28" text-anchor="middle" fill="{_GREY}" font-weight="600">{head}'
        "</text>"
        for (x, width), head in heads
    ]
    for at, row in enumerate(ROWS):
        parts += _row(row, top=48 + at * ROW, last=at == len(ROWS) - 1)
    return "\n".join([*parts, "</svg>", ""])


def _row(row: Row, *, top: int, last: bool) -> list[str]:
    centre = top + BOX / 2
    drawn = [
        _box(_LEFT, top, "task", row.task, row.note),
        _box(_MIDDLE, top, "record", row.writes, row.written),
    ]
    drawn.append(_arrow(_LEFT[0] + _LEFT[1], centre, _MIDDLE[0], centre, dashed=True))
    if row.end:
        drawn.append(_box(_RIGHT, top, "end", row.end, row.why))
    if not last:
        middle = _LEFT[0] + _LEFT[1] / 2
        drawn.append(_arrow(middle, top + BOX, middle, top + ROW, dashed=False))
    return drawn


def _box(column: tuple[int, int], top: int, kind: str, title: str, note: str) -> str:
    x, width = column
    size = 14 if len(title) * 9 < width else 12.5
    return (
        f'<rect x="{x}" y="{top}" width="{width}" height="{BOX}" rx="8" fill="{_FILLS[kind]}"/>'
        f'<text x="{x + width / 2}" y="{top + 22}" text-anchor="middle" fill="{_INK}" font-weight="600" '
        f'font-size="{size}">{escape(title)}</text>'
        f'<text x="{x + width / 2}" y="{top + 40}" text-anchor="middle" fill="{_INK}" font-size="12">'
        f"{escape(note)}</text>"
    )


def _arrow(x1: float, y1: float, x2: float, y2: float, *, dashed: bool) -> str:
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2 - 2 * (x2 > x1)}" y2="{y2 - 2 * (y2 > y1)}" stroke="{_GREY}" '
        f'stroke-width="1.5"{dash} marker-end="url(#tip)"/>'
    )


if __name__ == "__main__":
    PICTURE.write_text(svg())
