"""Values as Python writes them: whatever a header or an address holds, it stays a value."""

from __future__ import annotations


def repr_of(value: object) -> str:
    """As ruff and black write text: in double quotes."""
    shown = repr(value)
    return shown if '"' in shown or not shown.startswith("'") else f'"{shown[1:-1]}"'
