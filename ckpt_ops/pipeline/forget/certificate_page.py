"""A certificate as one HTML page: no script, no outside file, readable in any browser and in print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } code { overflow-wrap: anywhere; }
th, td { border: 1px solid #bbb; padding: .4rem .6rem; text-align: left; vertical-align: top; }
th { background: #f2f2f2; } td { overflow-wrap: anywhere; } .stays { color: #a60; }
"""
_CSP = "default-src 'none'; style-src 'unsafe-inline'"


def certificate_html(body: dict[str, Any], *, digest: str) -> str:
    """The page. All text that somebody gave is escaped.

    Args:
        body: as `certificate.write_certificate` makes it.
        digest: blake3 of its JSON.
    """
    title = f"{body['model']}: forgotten, request {body['request']}"
    kept = [one for one in body["revisions"] if one["kept"]]
    parts = [
        _facts(body),
        "<h2>Slices</h2>\n" + _revisions(body),
        "<h2>What serves now</h2>\n" + _result(body["result"]),
        "<h2>What was removed</h2>\n" + _removed(body),
        "<h2>What stays</h2>\n" + _stays(body, kept),
        f"<p>blake3 of the JSON that this is the page of, in the log: <code>{escape(digest)}</code></p>\n",
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{''.join(parts)}</body>\n</html>\n"
    )


def _facts(body: dict[str, Any]) -> str:
    what = f"rows with {body['rows']}" if body["rows"] else f"slices {', '.join(body['slices'])}"
    asked, purged = body["asked"], body["purged"]
    grace = f"{body['grace_hours']:g} hours after the champion had forgotten"
    return _table(
        (),
        (
            ("what", what),
            ("why", body["why"]),
            ("asked for", f"{asked['time']} by {asked['by']} {asked['run']}"),
            ("forgotten by the champion", body["forgotten_by_the_champion_since"]),
            ("grace period", grace),
            ("purged", f"{purged['time']} by {purged['by']}"),
        ),
    )


def _revisions(body: dict[str, Any]) -> str:
    now = {one["key"]: one for one in body["now"]}
    rows = []
    for one in body["revisions"]:
        after = now[one["key"]]
        stands = f"{after['revision']}, rows: {after['rows']:,}" if after["revision"] else after["status"]
        count = "gone before" if one["rows"] is None else f"{one['held']:,} of {one['rows']:,}"
        learned = ", ".join(map(str, one["learned_by"])) or "none"
        rows.append(
            (one["key"], one["revision"], count, learned, stands, "kept" if one["kept"] else "removed")
        )
    heads = ("slice", "revision that held them", "rows forgotten", "learned by version", "now", "and it is")
    return _table(heads, rows)


def _result(result: dict[str, Any] | None) -> str:
    if result is None:
        return "<p>No version is in production.</p>\n"
    promoted = result["promoted"]
    learned = ", ".join(f"{ref['key']} {ref['revision']}" for ref in result["learned_from"])
    return _table(
        (),
        (
            ("version", str(result["version"])),
            ("candidate", result["candidate"]),
            ("blake3 of its weights", result["weights_blake3"] or "none"),
            ("checkpoint", result["manifest"]),
            ("learned from", learned),
            ("gates", "; ".join(result["gates"]) or "none"),
            ("promoted", f"{promoted['time']} by {promoted['by']}" if promoted else "no"),
        ),
    )


def _removed(body: dict[str, Any]) -> str:
    removed = body["removed"]
    versions = ", ".join(f"{one['version']} ({one['candidate']})" for one in body["versions"]) or "none"
    return (
        f"<p>{removed['objects']:,} objects, {removed['bytes']:,} bytes. Each is named in "
        f"<code>{escape(removed['list'])}</code>, whose blake3 is "
        f"<code>{escape(removed['list_blake3'])}</code>.</p>\n"
        "<p>Checkpoints, intermediate results, predictions and exports of the versions that had learned from "
        f"them, or descended from one that had: {escape(versions)}.</p>\n"
    )


def _stays(body: dict[str, Any], kept: Sequence[dict[str, Any]]) -> str:
    said = [f"{one['key']} {one['revision']}: {one['kept']}. Next: {one['next']}" for one in kept]
    said += [f"not searched: {one}" for one in body["unread"]]
    if body["spared_chunks"]:
        said.append(
            f"{body['spared_chunks']:,} chunks that a running training may count on: ckpt-ops gc, a day later"
        )
    items = "".join(f'<li class="stays">{escape(one)}</li>\n' for one in said)
    items += "".join(f"<li>not in reach: {escape(one)}</li>\n" for one in body["elsewhere"])
    return f"<ul>\n{items}</ul>\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Without heads, the first cell of each row is its head."""
    head = (
        "<tr>" + "".join(f'<th scope="col">{escape(one)}</th>' for one in heads) + "</tr>\n" if heads else ""
    )
    lines = []
    for first, *rest in rows:
        begin = f"<td>{escape(first)}</td>" if heads else f'<th scope="row">{escape(first)}</th>'
        lines.append(f"<tr>{begin}" + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>\n")
    return f"<table>\n{head}{''.join(lines)}</table>\n"
