"""The front end as it is committed: made of its sources, locked, and silent towards other hosts.

Node is needed to make it and not to test that: `pages/build.mjs` writes a digest of what it read.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGES = PROJECT / "pages"
STATIC = PROJECT / "plugins" / "ckpt_ops_airflow" / "static"
ALSO = ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")

# names of markup languages, which a browser never asks for
NAMESPACES = (
    "http://www.w3.org/1998/Math/MathML",
    "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/2000/svg",
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def served(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def test_it_was_made_of_the_sources_that_are_here() -> None:
    inside = [path.relative_to(PAGES).as_posix() for path in (PAGES / "src").rglob("*") if path.is_file()]
    lines = (f"{name}\n{sha256((PAGES / name).read_bytes())}\n" for name in sorted([*inside, *ALSO]))
    assert served("SOURCE").strip() == sha256("".join(lines).encode()), "Next: make pages, and commit it"


@pytest.mark.parametrize(
    ("of", "name"), [("index.html", "app.js"), ("index.html", "app.css"), ("app.js", "graph.js")]
)
def test_a_file_is_asked_for_by_the_digest_of_its_content(of: str, name: str) -> None:
    """So a browser never takes one of an earlier version for it."""
    assert f"{name}?v=" in served(of)
    assert sha256((STATIC / name).read_bytes())[:32] in served(of)


@pytest.mark.parametrize("name", ["app.js", "graph.js", "app.css", "index.html"])
def test_it_names_no_other_host(name: str) -> None:
    found = set(re.findall(r"(?:https?:|wss?:)?//[\w-]+\.[\w.-]+[^\s\"'`)\\]*", served(name)))
    assert found - set(NAMESPACES) == set()


def test_the_document_fits_a_policy_without_inline_code() -> None:
    shell = served("index.html")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", shell) == []
    for name in ("app.js", "graph.js"):
        assert re.findall(r"\beval\(|new Function\(", served(name)) == []


def test_text_of_data_never_becomes_markup() -> None:
    """Preact escapes what it is given, in all places but these."""
    for path in (PAGES / "src").rglob("*.ts*"):
        markup = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|InnerHTML|document\.write", path.read_text()
        )
        assert markup == [], path.name


def test_every_package_is_locked_by_its_content_and_by_no_address() -> None:
    described = json.loads((PAGES / "package.json").read_text(encoding="utf-8"))
    asked = described["dependencies"] | described["devDependencies"] | described["overrides"]
    assert {name: version for name, version in asked.items() if not re.fullmatch(r"[\d.]+", version)} == {}
    packages = json.loads((PAGES / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    locked = {name: one for name, one in packages.items() if name}
    assert {name for name, one in locked.items() if "resolved" in one} == set()
    hashed = {name for name, one in locked.items() if one.get("integrity", "").startswith("sha512-")}
    assert hashed == set(locked)


def test_the_licence_of_each_bundled_package_is_beside_it() -> None:
    kept = served("LICENSES.txt")
    described = json.loads((PAGES / "package.json").read_text(encoding="utf-8"))
    for name, version in described["dependencies"].items():
        assert f"{name} {version} (" in kept
    assert kept.count("Permission ") >= len(described["dependencies"])


def test_what_is_loaded_first_is_small() -> None:
    assert len(served("app.js").encode()) < 160_000, "the graph's code is apart, in graph.js"
