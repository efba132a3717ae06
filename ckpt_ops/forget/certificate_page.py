"""A certificate as one HTML page: no script, no outside file, readable in any browser and in print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckpt_ops.html import Html, element, page, stacked, table

_STYLE = "td { overflow-wrap: anywhere; } .stays { color: var(--amber); }"


def certificate_html(body: dict[str, Any], *, digest: str) -> str:
    """The page. All text that a person gave is escaped.

    Args:
        body: as `certificate.write_certificate` makes it.
        digest: blake3 of its JSON.
    """
    title = f"{body['model']}: forgotten, request {body['request']}"
    kept = [one for one in body["revisions"] if one["kept"]]
    named = "blake3 of the JSON behind this page, also in the log: "
    return page(
        title,
        element("h1", title),
        _facts(body),
        element("h2", "Slices"),
        _revisions(body),
        element("h2", "What serves now"),
        _result(body["result"]),
        element("h2", "What was removed"),
        _removed(body),
        element("h2", "What stays"),
        _stays(body, kept),
        element("p", named, element("code", digest)),
        style=_STYLE,
    )


def _facts(body: dict[str, Any]) -> Html:
    what = f"rows with {body['rows']}" if body["rows"] else f"slices {', '.join(body['slices'])}"
    asked, purged = body["asked"], body["purged"]
    grace = f"{body['grace_hours']:g} hours after the champion had forgotten"
    return table(
        (),
        (
            ("what", what),
            ("why", body["why"]),
            ("requested", f"{asked['time']} by {asked['by']} {asked['run']}"),
            ("forgotten by the champion", body["forgotten_by_the_champion_since"]),
            ("grace period", grace),
            ("purged", f"{purged['time']} by {purged['by']}"),
        ),
    )


def _revisions(body: dict[str, Any]) -> Html:
    now = {one["key"]: one for one in body["now"]}
    rows = []
    for one in body["revisions"]:
        after = now[one["key"]]
        stands = f"{after['revision']}, rows: {after['rows']:,}" if after["revision"] else after["status"]
        count = "gone before" if one["rows"] is None else f"{one['held']:,} of {one['rows']:,}"
        consumed = ", ".join(map(str, one["learned_by"])) or "none"
        rows.append(
            (one["key"], one["revision"], count, consumed, stands, "kept" if one["kept"] else "removed")
        )
    heads = ("slice", "revision with such rows", "rows forgotten", "consumed by version", "now", "and it is")
    return table(heads, rows)


def _result(result: dict[str, Any] | None) -> Html:
    if result is None:
        return element("p", "No version is in production.")
    promoted = result["promoted"]
    consumed = ", ".join(f"{ref['key']} {ref['revision']}" for ref in result["learned_from"])
    return table(
        (),
        (
            ("version", str(result["version"])),
            ("candidate", result["candidate"]),
            ("blake3 of its weights", result["weights_blake3"] or "none"),
            ("checkpoint", result["manifest"]),
            ("consumed slices", consumed),
            ("gates", "; ".join(result["gates"]) or "none"),
            ("promoted", f"{promoted['time']} by {promoted['by']}" if promoted else "no"),
        ),
    )


def _removed(body: dict[str, Any]) -> Html:
    removed = body["removed"]
    versions = ", ".join(f"{one['version']} ({one['candidate']})" for one in body["versions"]) or "none"
    return stacked(
        (
            element(
                "p",
                f"{removed['objects']:,} objects, {removed['bytes']:,} bytes. Each is named in ",
                element("code", removed["list"]),
                ", whose blake3 is ",
                element("code", removed["list_blake3"]),
                ".",
            ),
            element(
                "p",
                "Checkpoints, intermediate results, predictions and exports of the versions that consumed "
                f"them, or descended from one that did: {versions}.",
            ),
        )
    )


def _stays(body: dict[str, Any], kept: Sequence[dict[str, Any]]) -> Html:
    lines = [f"{one['key']} {one['revision']}: {one['kept']}. Next: {one['next']}" for one in kept]
    lines += [f"not searched: {one}" for one in body["unread"]]
    if body["spared_chunks"]:
        lines.append(
            f"{body['spared_chunks']:,} chunks that a running training may need: ckpt-ops gc, a day later"
        )
    items = [element("li", one, kind="stays") for one in lines]
    items += [element("li", f"not in reach: {one}") for one in body["elsewhere"]]
    return element("ul", *items)
