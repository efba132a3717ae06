"""What production's history and two versions look like, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from ckpt_ops.cli.output import console, say
from ckpt_ops.cli.views import View


def show_production(model: str, periods: Sequence[View]) -> None:
    if not periods:
        console().print(f"Nothing of {model} was in production yet.")
        return
    title = f"{model} in production, times in UTC"
    table = Table("from", "to", "version", "how", "by", "why", title=title, title_justify="left")
    for period in periods:
        until = "now" if period["until"] is None else _time(period["until"])
        rebase = period["rebase"] and period["how"] != "rebase"
        how = f"{period['how']}, a rebase" if rebase else period["how"]
        since = _time(period["since"])
        table.add_row(since, until, str(period["version"]), how, period["actor"], period["why"])
    console().print(table)


def show_diff(view: View) -> None:
    out = console()
    a, b = view["a"], view["b"]
    out.print(f"{view['model']}: {_lineage(view)}")
    table = Table("", f"version {a['version']}", f"version {b['version']}")
    data = view["data"]
    table.add_row("status", a["status"], b["status"])
    table.add_row("parent", *(_text(side["parent"]) for side in (a, b)))
    table.add_row("rows trained on in all", f"{data['rows_a']:,}", f"{data['rows_b']:,}")
    table.add_row("slices only here", _keys(data["only_a"]), _keys(data["only_b"]))
    for one in data["revised"]:
        table.add_row(f"revision of {one['key']}", one["a"], one["b"])
    for name in ("code", "libraries", "structure"):
        digests = [side["digests"][name] or "-" if side["digests"] else "not kept" for side in (a, b)]
        table.add_row(f"digest of {name}", *digests)
    table.add_row("settings that shape weights", *(side["settings"] or "unknown" for side in (a, b)))
    for name in ("steps", "checkpoints"):
        table.add_row(name, *(_text(side["cost"][name]) for side in (a, b)))
    seconds = (side["cost"]["seconds"] for side in (a, b))
    table.add_row("seconds of stepping", *("-" if one is None else f"{one:.1f}" for one in seconds))
    for name in dict.fromkeys([*a["metrics"], *b["metrics"]]):
        numbers = (side["metrics"].get(name) for side in (a, b))
        table.add_row(f"{name}, on its own rows", *("-" if one is None else f"{one:.4f}" for one in numbers))
    table.add_row("gates", a["gates"]["words"], b["gates"]["words"])
    out.print(table)
    for side in (a, b):
        for verdict in side["gates"]["verdicts"]:
            out.print(f"- version {side['version']}: {verdict}", soft_wrap=True)
    _show_tensors(view)


def _show_tensors(view: View) -> None:
    out, tensors = console(), view["tensors"]
    if tensors is None:
        out.print("The weights are not compared: a checkpoint is not kept.")
        return
    title = f"weights: {tensors['unchanged']} of {tensors['compared']} tensors are the same; the most changed"
    table = Table("tensor", "shape", "relative change", title=title, title_justify="left")
    for one in tensors["largest"]:
        change = "from zero" if one["change"] is None else f"{one['change']:.4g}"
        table.add_row(one["name"], " x ".join(map(str, one["shape"])) or "one number", change)
    out.print(table)
    for message, names in (
        (f"only in version {view['a']['version']}", tensors["only_a"]),
        (f"only in version {view['b']['version']}", tensors["only_b"]),
        ("of a different shape", tensors["reshaped"]),
    ):
        if names:
            out.print(f"- {message}: {', '.join(names)}", soft_wrap=True)


def _lineage(view: View) -> str:
    line, a, b = view["lineage"], view["a"]["version"], view["b"]["version"]
    if line["common"] is None:
        return "no common ancestor"
    if line["common"] in (a, b):
        older, newer = (a, b) if line["common"] == a else (b, a)
        away = line["from_common_a"] + line["from_common_b"]
        return f"version {newer} descends from version {older}, {away} on" if away else "the same version"
    away = f"{line['from_common_a']} and {line['from_common_b']}"
    return f"both descend from version {line['common']}, {away} versions on"


def _keys(refs: Sequence[View]) -> str:
    keys = [ref["key"] for ref in refs]
    if len(keys) > 4:
        return f"{keys[0]} to {keys[-1]} ({len(keys)})"
    return ", ".join(keys) or "none"


def _text(value: Any) -> str:
    return "-" if value is None else str(value)


def _time(text: str) -> str:
    return text[:19].replace("T", " ")


def show_code_diff(view: View) -> None:
    """Unified diffs of a pipeline's code, as `diff` prints them."""
    out = console()
    if view["functions"] is not None:
        then, later = (", ".join(filter(None, view["functions"][side])) for side in ("a", "b"))
        say(f"called of it: {then}; later {later}")
    if not view["files"]:
        say(f"{view['model']}: versions {view['a']} and {view['b']} have the same code.")
    for name, lines in view["files"].items():
        if len(lines) == 1:
            say(f"{name}: {lines[0]}")
            continue
        for line in lines:
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
            out.print(line, style=style, soft_wrap=True)
