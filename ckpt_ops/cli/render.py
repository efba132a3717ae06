"""Models, versions and slices as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from ckpt_ops.cli.output import console, say
from ckpt_ops.cli.sparkline import sparkline
from ckpt_ops.cli.views import View
from ckpt_ops.lineage.retraining import message_of
from ckpt_ops.lineage.suspects import commands
from ckpt_ops.views.shapes import Wants
from ckpt_ops.views.slices import SlicesView


def show_status(views: Sequence[View]) -> None:
    out = console()
    if not views:
        out.print("No models yet: a pipeline's first run makes one.")
        return
    table = Table("model", "head", "metric", "pending", "newest consumed", "attention", "last record")
    unreadable = [view for view in views if view["problem"]]
    views = [view for view in views if not view["problem"]]
    for view in views:
        last = view["last"][-1] if view["last"] else None
        table.add_row(
            view["model"],
            _text(view["head"]),
            _one_metric(view),
            _pending(view["pending"]),
            _text(view["newest_consumed"]),
            _attention(view),
            f"{_time(last)} {last['type']}" if last else "no run yet",
        )
    for view in unreadable:
        table.add_row(view["model"], "?", "", "", "", "its log cannot be read", "")
    out.print(table)
    for view in unreadable:
        out.print(f"UNREADABLE: the log of {view['model']}: {view['problem']}", soft_wrap=True)
    if len(views) == 1 and views[0]["last"]:
        show_log(views[0]["last"])
    for view in views:
        if view.get("not_described"):
            out.print(f"NOT DESCRIBED: {view['not_described']}. Its runs fail.", soft_wrap=True)
        if view["tainted"]:
            taint = view["tainted"]
            out.print(
                f"TAINTED: the champion of {view['model']}, version {taint['version']}, was trained on slice "
                f"{taint['slice']}: {taint['why']}. Nothing is built on it.",
                soft_wrap=True,
            )
        if view["below_floor"]:
            out.print(
                f"BELOW ITS FLOOR: version {view['head']} of {view['model']}, in production: "
                f"{view['below_floor']}.",
                soft_wrap=True,
            )
        for one in view["summary"]["attention"]:
            if one["what"] == Wants.STALE:
                out.print(f"STALE: {view['model']}. {one['message']}", soft_wrap=True)
        show_changed(view["model"], view["changed_at_source"])
        for one in view["suspects"]:
            out.print(
                f"SUSPECT: slice {one['key']} of {view['model']}, nothing trains on it. {one['why']}",
                soft_wrap=True,
            )
            if one["like_a_change"]:
                out.print(f"  {one['in_a_row']} in a row: if the world has changed, release them.")
            out.print(f"  {commands(view['model'], one['key'])}", soft_wrap=True)
        if view["quarantined"] or view["set_aside"]:
            out.print(f"Next: ckpt-ops quarantine list {view['model']}", soft_wrap=True)
        if view["shadow"]:
            out.print(f"In shadow: of {view['model']}, {view['shadow']['words']}.", soft_wrap=True)
        if view["rebase_due"]:
            out.print(f"Next: ckpt-ops plan {view['model']}, then ckpt-ops rebase {view['model']}")


def show_changed(model: str, changed: Sequence[View]) -> None:
    """Consumed slices that have changed at their source since, and what to do."""
    for one in changed:
        by = f", which version {one['consumed_by']} consumed," if one["consumed_by"] is not None else ""
        console().print(
            f"CHANGED AT ITS SOURCE: slice {one['key']} of {model}{by} was rewritten there, noticed "
            f"{one['since'][:16].replace('T', ' ')}.\n  {one['next']}",
            soft_wrap=True,
        )


def show_log(views: Sequence[View]) -> None:
    table = Table("#", "time (UTC)", "record", "about", "reason", "by")
    for view in views:
        by = " ".join(part for part in (view["actor"], view["run"]) if part)
        table.add_row(str(view["sequence"]), _time(view), view["type"], _about(view), view["reason"], by)
    console().print(table)


def show_version(view: View) -> None:
    out = console()
    facts = Table.grid(padding=(0, 2))
    head = ", the head" if view["head"] else ""
    first = "none: from scratch" if view["retrained"] else "none: the first version"
    parent = first if view["parent"] is None else f"version {view['parent']}"
    steps = "not trained" if view["steps"] is None else f"{view['steps']}, ended by {view['stopped_by']}"
    for name, value in (
        ("version", f"{view['version']} of {view['model']}"),
        ("status", view["status"] + head),
        *((("shadow", view["shadow"]["words"]),) if view["shadow"] else ()),
        ("parent", f"{parent}, transferred" if view["transferred"] else parent),
        *((("generation", str(view["generation"])),) if view["generation"] > 1 else ()),
        *((("retrained", view["retrained"]),) if view["retrained"] else ()),
        ("candidate", view["candidate"]),
        ("why", view["why"]),
        ("steps", steps),
        *((("trained", view["placement"]),) if view["placement"] else ()),
        ("attempts", str(view["attempts"])),
        ("checkpoints at", ", ".join(str(commit["step"]) for commit in view["checkpoints"]) or "none"),
    ):
        facts.add_row(name, value)
    out.print(facts)
    slices = Table("slice", "revision", "rows", title="trained on", title_justify="left")
    for ref in view["slices"]:
        slices.add_row(ref["key"], ref["revision"], f"{ref['rows']:,}")
    out.print(slices)
    if view["retrained_without"]:
        keys = few([ref["key"] for ref in view["retrained_without"]])
        out.print(f"consumed before, and left out: {keys}")
    if view["policy"]:
        show_policy(view["policy"])
    if view["scores"]:
        out.print("the champion on each slice, before anything trained on it:")
        out.print(_scores_table(view["scores"]))
    if view["metrics"]:
        out.print(_metrics_table(view["metrics"]))
    if view["judged_in_shadow_on"]:
        keys = ", ".join(ref["key"] for ref in view["judged_in_shadow_on"])
        out.print(f"evaluated in shadow, on all rows of {keys}, which neither model had trained on")
    for verdict in view["verdicts"]:
        out.print(f"- {verdict}")
    if view["decision"]:
        decision = view["decision"]
        out.print(f"{decision['type']} by {decision['actor']} at {_time(decision)}: {decision['reason']}")
    for made in view["conversions"]:
        outcome = made["error"] or f"within {made['max_abs_difference']:.2g} on {made['rows']:,} rows"
        out.print(f"{made['format']}: {'refused: ' if made['error'] else ''}{outcome}", soft_wrap=True)
    for made in view["exports"]:
        kept = f"{made['object']}, {made['nbytes']:,} bytes"
        out.print(f"{made['format']} of step {made['step']:,}: {kept}", soft_wrap=True)
    for made in view["predictions"]:
        out.print(f"predictions on {made['key']} ({made['revision']}): {made['rows']:,} rows")


def show_policy(policy: View) -> None:
    """The update policy's decision, and the numbers behind it."""
    numbers = ", ".join(f"{name} {number:,.6g}" for name, number in policy["numbers"].items())
    console().print(f"policy: {policy['words']}" + (f" ({numbers})" if numbers else ""), soft_wrap=True)


def show_slices(model: str, views: Sequence[View], found: SlicesView) -> None:
    table = Table("slice", "revision", "rows", "status", "consumed by", "a run would", "why")
    for view in views:
        table.add_row(
            view["key"],
            view["revision"],
            f"{view['rows']:,}",
            view["status"],
            _text(view["consumed_by"]),
            view["action"],
            view["why"],
        )
    console().print(table)
    known = {one.key for one in found.acknowledged}
    missing = [key for key in found.missing if key not in known]
    for one in found.acknowledged:
        say(f"Missing, acknowledged by {one.actor} on {one.time[:10]}: {one.key}: {one.reason}")
    if missing:
        asks = f"ckpt-ops plan {model} asks the source"
        if any(row.seen_by for row in found.rows):
            asks = f"ckpt-ops plan {model} --from {missing[0]} --to {missing[-1]} asks the source"
        say(f"Missing by the spacing of these slices: {few(missing)}. {asks}")
        say(f"Where none is to come: ckpt-ops acknowledge {model} --slice {missing[0]} --why TEXT")


def _metrics_table(metrics: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table("metric", *metrics, title="on the same rows", title_justify="left")
    names = dict.fromkeys(name for values in metrics.values() for name in values)
    for name in names:
        cells = (values.get(name) for values in metrics.values())
        table.add_row(name, *("-" if value is None else f"{value:.4f}" for value in cells))
    return table


def _scores_table(scores: Mapping[str, Mapping[str, float]]) -> Table:
    names = list(dict.fromkeys(name for values in scores.values() for name in values))
    table = Table("slice", *names)
    for key, values in scores.items():
        cells = (values.get(name) for name in names)
        table.add_row(key, *("-" if value is None else f"{value:.4f}" for value in cells))
    return table


def _one_metric(view: View) -> str:
    """The first metric of the version in production, and what production scored on new slices."""
    found = view["summary"]["metrics"]
    text = f"{found[0][0]} {found[0][1]:.4f}" if found else "-"
    line = sparkline([one["value"] for one in (view["summary"]["metric"] or {"points": []})["points"]])
    return f"{text} {line}" if len(line) > 1 else text


def _pending(refs: Sequence[View]) -> str:
    if not refs:
        return "none"
    return f"{len(refs)} ({refs[0]['key']} to {refs[-1]['key']})" if len(refs) > 1 else refs[0]["key"]


def _attention(view: View) -> str:
    """What a person has to look at."""
    found = ["tainted"] if view["tainted"] else []
    found += [f"on hold: {view['held']}"] if view["held"] else []
    found += [f"suspect: {', '.join(one['key'] for one in view['suspects'])}"] if view["suspects"] else []
    found += [f"in quarantine: {few(view['quarantined'])}"] if view["quarantined"] else []
    found += [f"rows set aside: {few(view['set_aside'])}"] if view["set_aside"] else []
    found += (
        [f"changed at source: {few([one['key'] for one in view['changed_at_source']])}"]
        if view["changed_at_source"]
        else []
    )
    found += ["below its floor"] if view["below_floor"] else []
    wanted = {one["what"] for one in view["summary"]["attention"]}
    found += ["freshness objective missed"] if Wants.STALE in wanted else []
    found += [f"awaits approval: version {', '.join(map(str, view['waiting']))}"] if view["waiting"] else []
    found += [f"rebase due: {', '.join(view['rebase_due'])}"] if view["rebase_due"] else []
    return "; ".join(found) or "-"


def few(keys: Sequence[str]) -> str:
    """The keys, or how many and which they begin and end with."""
    return ", ".join(keys) if len(keys) < 4 else f"{len(keys)} slices, {keys[0]} to {keys[-1]}"


def _about(view: View) -> str:
    if view.get("version") is not None:
        version = f"version {view['version']}"
        if view.get("again") is None:
            return version
        return f"{version}, {message_of(view['parent'], [ref['key'] for ref in view['slices']])}"
    return f"slice {view['slice']['key']}" if "slice" in view else ""


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _time(view: View) -> str:
    return str(view["time"])[:19].replace("T", " ")
