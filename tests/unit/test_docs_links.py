"""Every link, anchor, picture and file that a page names is there, for a reader of the repository."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.site.diagram import PICTURE, svg

PROJECT = Path(__file__).parents[2]
PAGES = [
    *sorted((PROJECT / "docs").rglob("*.md")),
    *(PROJECT / f"{name}.md" for name in ("README", "AGENTS", "CHANGELOG", "CONTRIBUTING", "SECURITY")),
]
GENERATED = {"cli.md"}  # its headings come from the code when the site is built
ROOMS = ("ckpt_ops", "plugins", "dags", "tests", "team", "demo", "benchmarks", "docs")


def name_of(page: object) -> str:
    return str(page.relative_to(PROJECT)) if isinstance(page, Path) else str(page)


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub and the site make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        found.add(re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain).strip()))
    return found


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r"""(?:src|href)="([^"]+)\"""", text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        known = anchor in anchors(target) if anchor and target.name not in GENERATED else target.exists()
        if not known:
            lost.append(link)
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(ROOMS)})/[a-z0-9_./-]*)`", prose(page))
    assert not [name for name in named if not (PROJECT / name).exists() and not invented(name)]


def invented(name: str) -> bool:
    """A pipeline that a page describes and the project does not have."""
    room, _, rest = name.partition("/")
    return room == "dags" and rest.partition("/")[0] in ("orders", "clicks", "visits", "flights_by_carrier")


def test_every_page_that_a_program_names_is_there() -> None:
    sources = [path for room in ("ckpt_ops", "plugins", "team") for path in (PROJECT / room).rglob("*.py")]
    files = [
        *sources,
        *(PROJECT / name for name in ("Makefile", "Dockerfile", "docker-compose.yaml", "team.in")),
    ]
    named = {
        (file, page) for file in files for page in re.findall(r"\bdocs/[a-z0-9/-]+\.md\b", file.read_text())
    }
    assert len(named) > 10
    assert not [(name_of(file), page) for file, page in named if not (PROJECT / page).exists()]


def test_each_page_is_in_the_navigation_once() -> None:
    navigation = tomllib.loads((PROJECT / "zensical.toml").read_text())["project"]["nav"]

    def pages(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for below in entry.values():
                yield from pages(below)
        elif isinstance(entry, list):
            for each in entry:
                yield from pages(each)

    listed = sorted(pages(navigation))
    assert listed == sorted(
        str(page.relative_to(PROJECT / "docs")) for page in (PROJECT / "docs").rglob("*.md")
    )


def test_the_readme_ends_with_a_map_of_ten_links_at_most() -> None:
    last = (PROJECT / "README.md").read_text().rpartition("\n## ")[2]
    assert 0 < len(re.findall(r"\]\([^)]+\)", last)) <= 10


def test_the_planners_table_is_the_same_in_its_module_and_on_the_page_about_it() -> None:
    def rows(text: str) -> list[str]:
        return re.findall(
            r"^\| .+ \| (?:action|skip|fork|hold|shadow|late|append)\b.*\|$", text, re.MULTILINE
        )

    page, module = (
        (PROJECT / "docs/architecture.md").read_text(),
        (PROJECT / "ckpt_ops/lineage/planner.py").read_text(),
    )
    assert len(rows(page)) > 10
    assert rows(page) == rows(module)


def test_the_picture_of_a_slices_life_is_the_one_that_is_drawn() -> None:
    assert PICTURE.read_text() == svg()


def test_the_table_of_variables_is_what_the_code_reads() -> None:
    """Those of the team's stack are on the page about it; the rest is what our processes tell each other."""
    internal = {"CKPT_OPS_ENDPOINT_SECRETS", "CKPT_OPS_PLATFORM_ID", "CKPT_OPS_PLATFORM_COMPONENT"}
    code = "\n".join(
        path.read_text()
        for folder in ("ckpt_ops", "plugins", "team")
        for path in sorted((PROJECT / folder).rglob("*.py"))
    )
    code += (PROJECT / "docker-compose.yaml").read_text()
    read = set(re.findall(r"\bCKPT_OPS_[A-Z]\w*[A-Z]\b", code)) - internal
    settings = set(
        re.findall(r"^\| `(CKPT_OPS_\w+)`", (PROJECT / "docs/reference/settings.md").read_text(), re.M)
    )
    deploy = set(re.findall(r"`(CKPT_OPS_\w+)`", (PROJECT / "docs/how-to/deploy.md").read_text()))
    assert not read - settings - deploy
    assert not settings - read
