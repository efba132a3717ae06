"""Pages are made of data: what was text stays text, nothing runs, and both grounds can be read on."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.html import STYLE, THEMES, element, escaped, page, policy, table, themed

PROJECT = Path(__file__).parents[2]
MARKUP = "<script>alert('1')</script>\"&"


class Read(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.given: dict[str, str | None] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.given |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_text_stays_text_wherever_it_stands(text: str) -> None:
    read = Read(element("p", text, kind="soft", title=text))
    assert read.tags == ["p"]
    assert read.text.splitlines() == text.splitlines()
    assert (read.given["title"] or "").splitlines() == text.splitlines()


def test_what_is_markup_already_is_not_escaped_twice() -> None:
    assert escaped(escaped("a & b")) == "a &amp; b"
    assert element("p", "a & b: ", element("code", "<c>")) == "<p>a &amp; b: <code>&lt;c&gt;</code></p>"


def test_what_is_put_together_by_hand_is_text_again() -> None:
    """An f-string of markup is a plain string: nobody has said that its parts are escaped."""
    assert escaped(f"{element('b', 'x')}{MARKUP}") == escaped("<b>x</b>" + MARKUP)


class TestTables:
    def test_have_heads_kinds_of_cells_and_a_caption(self) -> None:
        made = table(("slice", "rows"), [("<a>", "3")], kinds=("", "number"), caption="1 slice")
        assert made == (
            "<table>\n<caption>1 slice</caption>\n"
            '<tr><th scope="col">slice</th><th scope="col">rows</th></tr>\n'
            '<tr><td>&lt;a&gt;</td><td class="number">3</td></tr>\n</table>'
        )

    def test_without_heads_have_a_head_in_each_row(self) -> None:
        assert table((), [("why", "so")]) == '<table>\n<tr><th scope="row">why</th><td>so</td></tr>\n</table>'


class TestPages:
    def test_run_and_load_nothing(self) -> None:
        made = page(MARKUP, element("h1", MARKUP), MARKUP)
        assert Read(made).tags == ["html", "head", "meta", "meta", "meta", "title", "style", "body", "h1"]
        assert "default-src 'none'" in policy()
        assert "script-src" not in policy()
        assert f'content="{policy()}"' in made

    @pytest.mark.parametrize("ground", ["ground", "box"])
    def test_can_be_read_in_light_and_dark(self, ground: str) -> None:
        """Contrast of at least 4.5 to 1: https://www.w3.org/TR/WCAG22/#contrast-minimum."""
        light, dark = STYLE.split("@media screen and (prefers-color-scheme: dark)")
        dark = dark.partition("@media")[0]
        for part in (light, dark):
            colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})", part))
            behind = _luminance(colours[ground])
            for name in ("ink", "soft", "red", "amber", "green", "blue", "violet"):
                low, high = sorted((behind, _luminance(colours[name])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, f"{name} on {ground}"

    def test_can_be_told_which_theme_the_page_around_them_has(self) -> None:
        made = page("t", "x").encode()
        assert themed(made, "") == made
        light, dark = (themed(made, theme).decode() for theme in THEMES)
        assert "color-scheme: light;" in light
        assert "color-scheme: dark;" in dark
        assert "prefers-color-scheme" not in light + dark
        assert "@media not all {\n  :root { --ink: #e6e8eb" in light
        assert "@media screen {\n  :root { --ink: #e6e8eb" in dark

    def test_have_one_shell(self) -> None:
        sources = [path for folder in ("ckpt_ops", "plugins") for path in (PROJECT / folder).rglob("*")]
        own = [
            path.name
            for path in sources
            if path.suffix in (".py", ".html") and "<!doctype" in path.read_text().lower()
        ]
        # beside the one of the pages that run our script, which `make pages` writes
        assert [name for name in own if name != "index.html"] == ["html.py"]


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
