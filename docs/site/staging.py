"""The pages as the generator takes them: copies of `docs/`, with what is made from the code filled in."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from html import escape
from pathlib import Path

import ckpt_ops
from ckpt_ops.cli.main import app
from ckpt_ops.telemetry.table import as_markdown
from ckpt_ops.views.schema import markdown
from docs.site.api import Code, package_page, settings_table
from docs.site.commands import command_reference
from docs.site.layers import layers_table

PROJECT = Path(__file__).parents[2]
PAGES = PROJECT / "docs"
_BAR = "\\|"
_BARRED = re.compile(r"`([^`]*\\\|[^`]*)`")
_MARKER = re.compile(r"^<!-- (api|commands|settings|layers|views|metrics)(?:: ([\w.]+))? -->$", re.MULTILINE)


def stage(target: Path) -> None:
    """Write all pages and pictures below `target`, which is emptied first.

    Raises:
        KeyError: a marker names something that the code does not have.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(PAGES, target, ignore=shutil.ignore_patterns("site", "__pycache__"))
    code = Code([PROJECT, PROJECT / "plugins"], front_door=getattr(ckpt_ops, "__all__", ()))
    pages = {page: page.read_text() for page in sorted(target.rglob("*.md"))}
    anchors = _anchors(code, pages)
    for page, text in pages.items():
        page.write_text(_bars(fill(text, code, _links(page, anchors))))


def fill(text: str, code: Code, links: Mapping[str, str]) -> str:
    """The page with every marker replaced."""

    def made(match: re.Match[str]) -> str:
        match match[1], match[2]:
            case "api", package:
                return package_page(code, package, links)
            case "settings", path:
                return settings_table(code, path, links)
            case "layers", _:
                return layers_table(PROJECT)
            case "views", _:
                return markdown()
            case "metrics", _:
                return as_markdown()
            case _:
                return command_reference(app)

    return _MARKER.sub(made, text)


def _bars(text: str) -> str:
    """A `|` in a table's cell as an entity: the site would show the backslash of GitHub's escape."""

    def entity(match: re.Match[str]) -> str:
        return f"<code>{escape(match[1].replace(_BAR, '|')).replace('|', '&#124;')}</code>"

    rows = (
        _BARRED.sub(entity, line) if line.startswith("|") and _BAR in line else line
        for line in text.split("\n")
    )
    return "\n".join(rows)


def _anchors(code: Code, pages: Mapping[Path, str]) -> dict[str, tuple[Path, str]]:
    """By public name, the page that describes it and the heading there; the first page wins."""
    found: dict[str, tuple[Path, str]] = {}
    for page, text in pages.items():
        for match in _MARKER.finditer(text):
            for name in code.public(match[2]) if match[1] == "api" else ():
                found.setdefault(name, (page, name.lower()))
    return found


def _links(page: Path, anchors: Mapping[str, tuple[Path, str]]) -> dict[str, str]:
    return {
        name: f"{os.path.relpath(target, page.parent)}#{anchor}" for name, (target, anchor) in anchors.items()
    }
