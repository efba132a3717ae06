"""Forgetting as plain values and as tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ckpt_ops.cli import output

if TYPE_CHECKING:
    from ckpt_ops.forget.certificate import Certificate
    from ckpt_ops.forget.forget import Preview
    from ckpt_ops.forget.purge_timing import PurgeTiming
    from ckpt_ops.forget.slices import Change


def preview_view(seen: Preview, grace_hours: float | None) -> dict[str, Any]:
    """What would happen, as plain values."""
    plan = seen.plan
    return {
        "request": seen.asked.request,
        "words": seen.asked.message,
        "revisions": [
            {
                "key": one.manifest.key,
                "revision": one.manifest.revision,
                "rows": one.manifest.rows,
                "held": one.rows,
            }
            for one in seen.found.holding
        ],
        "looked_at": seen.found.looked_at,
        "loose_files": len(seen.found.loose),
        "unread": [asdict(one) for one in seen.found.unread],
        "slices": [change_view(one) for one in seen.changes],
        "versions": list(seen.consumed),
        "champion_knows": seen.knows,
        "rebase": None
        if plan is None
        else {
            "possible": not plan.empties,
            "fork": plan.fork,
            "nearest": plan.nearest,
            "replay": [[ref.key for ref in unit.slices] for unit in plan.replay],
            **asdict(plan.cost),
        },
        "kept": [{"key": one.key, "revision": one.revision, "why": one.why} for one in seen.kept],
        "grace_hours": seen.grace_hours if grace_hours is None else grace_hours,
        "purged": seen.purged.time if seen.purged else None,
    }


def change_view(change: Change) -> dict[str, Any]:
    """What became of a slice, or would."""
    return {
        "key": change.key,
        "revision": change.was.revision,
        "rows": change.was.rows,
        "forgotten": change.rows,
        "becomes": change.becomes.value,
    }


def purge_timing_view(one: PurgeTiming) -> dict[str, Any]:
    """How far a request has come."""
    return {
        "request": one.said.request,
        "rows": one.said.rows,
        "slices": list(one.said.keys),
        "champion_forgot": one.clean_since,
        "due": one.due_at.isoformat(timespec="seconds") if one.due_at else None,
        "purged": one.purged.time if one.purged else None,
        "certificate": one.purged.certificate if one.purged else None,
        "blake3": one.purged.digest if one.purged else None,
    }


def show_preview(view: dict[str, Any]) -> None:
    """The same for people."""
    from ckpt_ops.rebase.view import cost_message, fork_message

    out = output.console()
    if not view["revisions"]:
        out.print(f"None of {view['looked_at']:,} revisions in the store has {view['words']}.")
    else:
        becomes = {(one["key"], one["revision"]): one["becomes"] for one in view["slices"]}
        table = Table("slice", "revision", "rows", "would go", "the slice becomes", title=view["words"])
        for one in view["revisions"]:
            then = becomes.get((one["key"], one["revision"]), "-")
            table.add_row(one["key"], one["revision"], f"{one['rows']:,}", f"{one['held']:,}", then)
        out.print(table)
    for one in view["unread"]:
        out.print(f"Not searched: {one['key']} {one['revision']}: expected {one['why']}", soft_wrap=True)
    versions = ", ".join(map(str, view["versions"])) or "none"
    out.print(f"Versions trained on them, or descended from one that was: {versions}")
    rebase = view["rebase"]
    if rebase is None:
        out.print("The champion does not know them: no rebase is due.")
    elif not rebase["possible"]:
        out.print("Nothing that the model was trained on would be left: the rebase is not possible.")
    else:
        out.print(f"Rebase: {fork_message(rebase)}; {cost_message(rebase)}. The gates evaluate the result.")
    for one in view["kept"]:
        out.print(f"Would stay: {one['key']} {one['revision']}: {one['why']}", soft_wrap=True)
    then = (
        f"The revisions above and the checkpoints of these versions would be removed {view['grace_hours']:g} "
        "hours after the champion has forgotten."
    )
    if view["purged"]:
        then = f"Request {view['request']} was purged {view['purged'][:19]}."
    out.print(f"{then} Nothing was changed.", soft_wrap=True)


def show_end(model: str, one: PurgeTiming | None, certificate: Certificate | None, url: str) -> None:
    """How far a request has come, and what a purge removed if one was due."""
    out = output.console()
    if one is None:
        return
    if one.purged is not None:
        out.print(f"Request {one.said.request}: purged {one.purged.time[:19]}.")
        if certificate is not None:
            body = certificate.body
            out.print(
                f"Removed: {body['removed']['objects']:,} objects, {body['removed']['bytes']:,} bytes; "
                f"versions {', '.join(str(it['version']) for it in body['versions']) or 'none'}."
            )
            for kept in (it for it in body["revisions"] if it["kept"]):
                out.print(f"Stays: {kept['key']} {kept['revision']}: {kept['kept']}", soft_wrap=True)
                out.print(f"Next: {kept['next']}", soft_wrap=True)
        page = one.purged.certificate.removesuffix(".json") + ".html"
        out.print(f"Certificate: {url}/{page}", soft_wrap=True)
    elif one.due_at is None:
        from ckpt_ops.forget.request import Asked

        again = Asked.of(model, one.said).command()
        out.print(f"Request {one.said.request}: the champion still knows. Next: {again}", soft_wrap=True)
    else:
        out.print(
            f"Request {one.said.request}: the champion has forgotten; the old checkpoints and revisions stay "
            f"until {one.due_at.isoformat(timespec='minutes')}. Then: ckpt-ops purge {model}",
            soft_wrap=True,
        )
