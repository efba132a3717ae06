"""What steers a terminal is written out before it reaches one."""

from __future__ import annotations

import ast
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import TerminalError
from ckpt_ops.printable import one_line, printable

CLI = Path(__file__).parents[2] / "ckpt_ops" / "cli"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("safe\rROLLED BACK", r"safe\rROLLED BACK"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u2028b", r"a\u2028b"),
        ("caf\udce9.csv", r"caf\udce9.csv"),
        ("Zürich, 5 000 €, 日本, 👩‍👩‍👧", "Zürich, 5 000 €, 日本, 👩‍👩‍👧"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_what_steers_is_written_out_and_what_is_read_stays(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_whatever_comes(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert {one for one in shown if unicodedata.category(one) in ("Cc", "Cs")} <= {"\n", "\t"}
    assert printable(shown) == shown
    assert not set(one_line(text)) & {"\n", "\t"}


def test_an_error_as_text_is_printable_and_says_in_its_fields_what_it_was_given() -> None:
    error = TerminalError("column '\x1b[31m'", safe="\x07", next="fix it")
    assert str(error) == "column '\\x1b[31m'\nSafe: \\x07\nNext: fix it"
    assert error.what == "column '\x1b[31m'"


def test_commands_print_through_one_module() -> None:
    """`output` escapes; a command that had a console or an `echo` of its own would not."""
    ways = ("print", "Console", "rich.print", "typer.echo", "typer.secho", "sys.stdout.write")
    own = {
        f"{path.name}: {ast.unparse(node.func)}"
        for path in CLI.glob("*.py")
        if path.name != "output.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ways
    }
    assert own == {"main.py: typer.echo"}, "its version, and nothing of anybody else's"
