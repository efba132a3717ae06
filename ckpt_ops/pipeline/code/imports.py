"""What a Python file imports, read off its source. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache


@lru_cache(maxsize=1024)
def imported(source: bytes, package: str) -> tuple[str, ...]:
    """Dotted names that may be modules: of `from a import b` both `a` and `a.b`; in functions as well.

    A file that cannot be parsed imports nothing: running it shows what is wrong.

    Args:
        package: the one that the file is in, by its dotted name; "" for none. Relative imports start there.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    return tuple(dict.fromkeys(name for node in ast.walk(tree) for name in _names(node, package)))


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parts = package.split(".") if package and node.level else []
        above = node.level - 1
        if node.level and above >= len(parts):
            return  # beyond the top of its package: Python refuses it
        base = [*parts[: len(parts) - above], *filter(None, [node.module])]
        yield ".".join(base)
        yield from (".".join([*base, alias.name]) for alias in node.names if alias.name != "*")
