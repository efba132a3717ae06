"""Whether a built site can be read without a network, and every link in it leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
_ONLY_SAYS = ("canonical", "next", "prev", "alternate", "author")  # kinds of <link> that load nothing


@dataclass(kw_only=True)
class Page(HTMLParser):
    """What a page loads, where it leads, and which anchors it has."""

    loads: list[str] = field(default_factory=list)
    leads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.anchors.add(given["id"])
        if tag == "a" and "href" in given:
            self.leads.append(given["href"])
        if (address := given.get(_LOADS.get(tag, ""))) and given.get("rel") not in _ONLY_SAYS:
            self.loads.append(address)


def problems(site: Path) -> list[str]:
    """What is wrong with the built pages below `site`, a line each; empty when nothing is."""
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        # a server sends 404.html for any address, so its links begin at the root
        if path.name != "404.html":
            found += [f"{path.relative_to(site.resolve())}: {line}" for line in _problems(path, page, pages)]
    styles = [
        style
        for style in site.rglob("*.css")
        if "url(http" in style.read_text() or "@import" in style.read_text()
    ]
    return found + [f"{style.relative_to(site)}: loads something from elsewhere" for style in styles]


def _read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text())
    return page


def _problems(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for address in page.loads:
        parts = urlsplit(address)
        if parts.netloc:
            yield f"loads {address} from another host"
        elif parts.scheme != "data" and not (path.parent / unquote(parts.path)).is_file():
            yield f"loads {address}, which is not there"
    for address in page.leads:
        parts = urlsplit(address)
        if parts.netloc or parts.scheme:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if target.is_dir():
            target /= "index.html"
        if not target.is_file():
            yield f"leads to {address}, which is not there"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"leads to {address}, but that page has no such anchor"
