"""What all pages share: a frame, a style for light, dark and print, and safety from active content in data.

Pages show data, and whoever writes the data must not control the page. So text is escaped where it becomes
markup (`Html` marks what is escaped), and every page has a content security policy under which it runs and
loads nothing, wherever it is opened from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_VOID = ("br", "img", "input")
_INERT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e;
  --line: #d0d7de; --ground: #fff; --box: #f6f8fa;
  --red: #b42318; --amber: #8a5a00; --green: #137333; --blue: #1558b0; --violet: #6b3fa0; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --soft: #9aa4af; --line: #353b43; --ground: #16181c; --box: #1f2329;
    --red: #ff8a7a; --amber: #f0b849; --green: #6fcf8b; --blue: #7fb2ff; --violet: #c3a1f0; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
a { color: var(--blue); } .soft { color: var(--soft); } code { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: .5rem 0; }
th, td { border: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
th { background: var(--box); } .number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; background: #fff; }
@media screen and (max-width: 40rem) {
  body { margin: 1rem auto; } td, th { overflow-wrap: anywhere; }
  table { display: block; overflow-x: auto; } }
"""
"""Colours are variables of `:root`: what uses them fits a light and a dark background. On a narrow screen a
table moves sideways, not the page."""

THEMES = ("light", "dark")
_EITHER, _IF_DARK = "color-scheme: light dark", "@media screen and (prefers-color-scheme: dark)"


class Html(str):
    """Markup in which all text is escaped."""

    __slots__ = ()


def escaped(text: str) -> Html:
    """Text as markup that shows it; `Html` is taken as it is."""
    return text if isinstance(text, Html) else Html(escape(text))


def element(tag: str, *content: str, kind: str = "", **attributes: str) -> Html:
    """`<tag>content</tag>`; all that is not `Html` is escaped.

    Args:
        kind: its CSS class.
    """
    given = {"class": kind, **attributes} if kind else attributes
    named = "".join(f' {name}="{escape(value)}"' for name, value in given.items())
    inside = "" if tag in _VOID else f"{''.join(map(escaped, content))}</{tag}>"
    return Html(f"<{tag}{named}>{inside}")


def stacked(parts: Iterable[str]) -> Html:
    """The parts, one per line."""
    return Html("".join(f"{escaped(one)}\n" for one in parts))


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, kinds: Sequence[str] = (), caption: str = ""
) -> Html:
    """Rows of cells. Without heads, the first cell of each row is its header.

    Args:
        kinds: CSS classes of the cells, by column; "" for none, as for columns beyond the last.
    """
    head = [element("tr", *(element("th", one, scope="col") for one in heads))] if heads else []
    title = [element("caption", caption)] if caption else []
    lines = [_row(one, kinds, bool(heads)) for one in rows]
    return element("table", Html("\n"), stacked([*title, *head, *lines]))


def policy() -> str:
    """The content security policy: the page runs and loads nothing."""
    return _INERT


def head(title: str, *, style: str = "") -> Html:
    """The content of a page's `<head>`.

    Args:
        style: CSS of this page, after `STYLE`.
    """
    return Html(
        '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n'
        f"{element('title', title)}\n{element('style', Html(f'{STYLE}{style}'))}\n"
    )


def page(title: str, *body: str, style: str = "") -> str:
    """The page, in which every part of `body` that is not `Html` is escaped. See `head`."""
    begin = f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head(title, style=style)}</head>\n'
    return f"{begin}<body>\n{stacked(body)}</body>\n</html>\n"


def themed(page: bytes, theme: str) -> bytes:
    """A page as it is for one of `THEMES`, whatever its reader's system prefers; "": as it is.

    For frames: what they show cannot know which theme the page around them has.
    """
    if not theme:
        return page
    always = "@media screen" if theme == "dark" else "@media not all"
    fitted = page.replace(_EITHER.encode(), f"color-scheme: {theme}".encode(), 1)
    return fitted.replace(_IF_DARK.encode(), always.encode(), 1)


def _row(cells: Sequence[str], kinds: Sequence[str], headed: bool) -> Html:
    made = []
    for number, one in enumerate(cells):
        if number == 0 and not headed:
            made.append(element("th", one, scope="row"))
        else:
            made.append(element("td", one, kind=kinds[number] if number < len(kinds) else ""))
    return element("tr", *made)
