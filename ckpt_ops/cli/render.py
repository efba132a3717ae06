"""Views as tables for people.

What a person wrote and what came as data is never read as markup, and never steers the terminal: all that a
command prints goes through `console`, `note` or `as_json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ckpt_ops.cli.views import View
from ckpt_ops.lineage.suspects import commands
from ckpt_ops.printable import printable

_WIDTH_OF_A_FILE = 160


class PrintableConsole(Console):
    """A console on which text is `printable`, also that of tables' cells and titles."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)


def console(*, stderr: bool = False) -> Console:
    """Made for each command: tests and pipes replace standard output."""
    width = None if sys.stdout.isatty() or stderr else _WIDTH_OF_A_FILE
    return PrintableConsole(highlight=False, markup=False, emoji=False, width=width, stderr=stderr)


def note(line: str) -> None:
    """A line on standard error: how far it has come, or why it ended."""
    typer.echo(printable(line), err=True)


def as_json(view: object) -> None:
    """The view and nothing else on standard output."""
    sys.stdout.write(json.dumps(view, indent=2) + "\n")


def show_status(views: Sequence[View]) -> None:
    out = console()
    table = Table("model", "head", "metric", "pending", "newest consumed", "attention", "last record")
    for view in views:
        last = view["last"][-1]
        table.add_row(
            view["model"],
            _text(view["head"]),
            _one_metric(view["metrics"]),
            _pending(view["pending"]),
            _text(view["newest_consumed"]),
            _attention(view),
            f"{_time(last)} {last['type']}",
        )
    out.print(table)
    if len(views) == 1:
        show_log(views[0]["last"])
    for view in views:
        if view["tainted"]:
            said = view["tainted"]
            out.print(
                f"TAINTED: the champion of {view['model']}, version {said['version']}, learned from slice "
                f"{said['slice']}: {said['why']}. Nothing is built on it.",
                soft_wrap=True,
            )
        if view["below_floor"]:
            out.print(
                f"BELOW ITS FLOOR: version {view['head']} of {view['model']}, in production: "
                f"{view['below_floor']}.",
                soft_wrap=True,
            )
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
    parent = "none: the first version" if view["parent"] is None else f"version {view['parent']}"
    steps = "not trained" if view["steps"] is None else f"{view['steps']}, ended by {view['stopped_by']}"
    for name, value in (
        ("version", f"{view['version']} of {view['model']}"),
        ("status", view["status"] + head),
        *((("shadow", view["shadow"]["words"]),) if view["shadow"] else ()),
        ("parent", parent),
        ("candidate", view["candidate"]),
        ("why", view["why"]),
        ("steps", steps),
        ("attempts", str(view["attempts"])),
        ("checkpoints at", ", ".join(str(commit["step"]) for commit in view["checkpoints"]) or "none"),
    ):
        facts.add_row(name, value)
    out.print(facts)
    learned = Table("slice", "revision", "rows", title="learned from", title_justify="left")
    for ref in view["slices"]:
        learned.add_row(ref["key"], ref["revision"], f"{ref['rows']:,}")
    out.print(learned)
    if view["policy"]:
        show_policy(view["policy"])
    if view["scores"]:
        out.print("the champion on each slice, before anything trained on it:")
        out.print(_scores_table(view["scores"]))
    if view["metrics"]:
        out.print(_metrics_table(view["metrics"]))
    if view["judged_in_shadow_on"]:
        keys = ", ".join(ref["key"] for ref in view["judged_in_shadow_on"])
        out.print(f"judged in shadow, on all rows of {keys}, which neither model had trained on")
    for verdict in view["verdicts"]:
        out.print(f"- {verdict}")
    if view["decision"]:
        decision = view["decision"]
        out.print(f"{decision['type']} by {decision['actor']} at {_time(decision)}: {decision['reason']}")
    for made in view["conversions"]:
        said = made["error"] or f"within {made['max_abs_difference']:.2g} on {made['rows']:,} rows"
        out.print(f"{made['format']}: {'refused: ' if made['error'] else ''}{said}", soft_wrap=True)
    for made in view["predictions"]:
        out.print(f"predictions on {made['key']} ({made['revision']}): {made['rows']:,} rows")


def show_policy(said: View) -> None:
    """The update policy's words, and the numbers that they rest on."""
    numbers = ", ".join(f"{name} {number:,.6g}" for name, number in said["numbers"].items())
    console().print(f"policy: {said['words']}" + (f" ({numbers})" if numbers else ""), soft_wrap=True)


def show_slices(views: Sequence[View]) -> None:
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


def show_checked(views: Sequence[View]) -> None:
    out = console()
    table = Table("version", "what", "parts", "bytes", "condition")
    for view in views:
        parts = view["chunks"] if view["kind"] == "checkpoint" else view["files"]
        table.add_row(
            str(view["version"]),
            _checked_what(view),
            str(parts) if parts else "-",
            f"{view['bytes']:,}" if view["bytes"] else "-",
            view["condition"],
        )
    out.print(table)
    older = [_checked_at(view) for view in views if not view["hashed"] and view["condition"] != "pruned"]
    if older:
        out.print(
            f"{len(older)} of them were committed before hashes of manifests and exports were kept: "
            f"{', '.join(older)}. Whether each is the one that was committed cannot be told.",
            soft_wrap=True,
        )
    problems: dict[str, list[str]] = {}
    for view in views:
        for problem in view["problems"]:
            problems.setdefault(problem, []).append(_checked_at(view))
    for problem, where in problems.items():  # below the table: an object's name should stay in one piece
        out.print(f"- {problem}\n  in {', '.join(where)}", soft_wrap=True)


def _checked_what(view: View) -> str:
    return f"step {view['step']}" if view["kind"] == "checkpoint" else str(view["kind"])


def _checked_at(view: View) -> str:
    return f"v{view['version']} {_checked_what(view)}"


def show_drill(view: View) -> None:
    seconds = view["seconds"]
    table = Table("seconds", "what", title_justify="left", title=f"{view['model']} v{view['version']}")
    for name, what in (
        ("import_and_build", "import TensorFlow and build the model"),
        ("read_and_restore", f"read and restore {view['bytes']:,} bytes"),
        ("load_data", "load the version's own data"),
        ("first_step", "first step, compiling included"),
        ("total", "all of it, the start of the process included"),
    ):
        table.add_row(f"{seconds[name]:.2f}", what)
    out = console()
    out.print(table)
    out.print(f"All {view['variables']} variables equal the checkpoint of step {view['step']}, bit for bit.")
    batch = "the very next of that training" if view["next_batch"] else "another than that training's next"
    loss = "it reports no loss" if view["loss"] is None else f"its loss was {view['loss']:.4f}"
    out.print(f"The step's batch was {batch}; {loss}.")
    if said := view.get("predictions"):
        out.print(f"The model's {said['words']}.", soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while something is done; told how many of how many. None without a terminal."""
    bar = Progress(console=console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


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


def _one_metric(metrics: Mapping[str, float]) -> str:
    name = "auc" if "auc" in metrics else next(iter(metrics), None)
    return "-" if name is None else f"{name} {metrics[name]:.4f}"


def _pending(refs: Sequence[View]) -> str:
    if not refs:
        return "none"
    return f"{len(refs)} ({refs[0]['key']} to {refs[-1]['key']})" if len(refs) > 1 else refs[0]["key"]


def _attention(view: View) -> str:
    """What a person has to look at."""
    found = ["tainted"] if view["tainted"] else []
    found += [f"held: {view['held']}"] if view["held"] else []
    found += [f"suspect: {', '.join(one['key'] for one in view['suspects'])}"] if view["suspects"] else []
    found += [f"in quarantine: {few(view['quarantined'])}"] if view["quarantined"] else []
    found += [f"rows set aside: {few(view['set_aside'])}"] if view["set_aside"] else []
    found += (
        [f"changed at source: {few([one['key'] for one in view['changed_at_source']])}"]
        if view["changed_at_source"]
        else []
    )
    found += ["below its floor"] if view["below_floor"] else []
    found += (
        [f"waits to be promoted: version {', '.join(map(str, view['waiting']))}"] if view["waiting"] else []
    )
    found += [f"rebase due: {', '.join(view['rebase_due'])}"] if view["rebase_due"] else []
    return "; ".join(found) or "-"


def few(keys: Sequence[str]) -> str:
    """The keys, or how many and which they begin and end with."""
    return ", ".join(keys) if len(keys) < 4 else f"{len(keys)} slices, {keys[0]} to {keys[-1]}"


def _about(view: View) -> str:
    if view.get("version") is not None:
        return f"version {view['version']}"
    return f"slice {view['slice']['key']}" if "slice" in view else ""


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _time(view: View) -> str:
    return str(view["time"])[:19].replace("T", " ")
