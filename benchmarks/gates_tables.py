"""The tables of the gates: what each way of evaluating stops, lets through, claims and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.gates_damage import DAMAGES, WORLDS
from benchmarks.gates_summary import Line, Share


def show(lines: Sequence[Line], titles: Mapping[str, str], console: Any) -> None:
    """Print all of them."""
    for table in (_through(lines, titles), _by_damage(lines), _claims(lines, titles), _prices(lines, titles)):
        console.print(table)


def _through(lines: Sequence[Line], titles: Mapping[str, str]) -> Any:
    table = _table("What each way of evaluating stops and lets through", "evaluated on")
    for heading in (
        "harmful,\nof damaged",
        "harmful,\nof all",
        "good\npromoted",
        "of the\nclean weeks",
        "of worlds\nthat change",
        "good weeks\nset aside",
        "damaged\nlearned",
        "fell by\n> .01",
        "largest\nfall",
        "in one\nweek",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        changed = [line.promoted[name] for name in WORLDS]
        aside = [line.set_aside[kind] for kind in ("clean", "drift") if kind in line.set_aside]
        falls = line.falls.get("all")
        table.add_row(
            titles[line.way],
            _share(line.rejected["damaged"]),
            _share(line.rejected["all"]),
            _share(line.promoted["all"]),
            _share(line.promoted["clean"]),
            _share(_sum(changed)),
            _share(_sum(aside)),
            *(
                ("-",) * 4
                if falls is None
                else (
                    _share(falls.consumed),
                    _share(falls.harmed),
                    f"{falls.largest:+.3f}",
                    f"{falls.worst:+.3f}",
                )
            ),
        )
    return table


def _by_damage(lines: Sequence[Line]) -> Any:
    table = _table(
        "Harmful candidates rejected, and the largest mean fall of the head, by what was learned", ""
    )
    for line in lines:
        table.add_column(line.way, justify="right", no_wrap=True)
        table.add_column("fall", justify="right", no_wrap=True)
    names = list(dict.fromkeys(name for line in lines for name in line.rejected))
    for name in names:
        cells = []
        for line in lines:
            falls = line.falls.get(name)
            cells += [_share(line.rejected[name]), "" if falls is None else f"{falls.largest:+.3f}"]
        table.add_row(DAMAGES[name].title if name in DAMAGES else name, *cells)
    for name in dict.fromkeys(name for line in lines for name in line.falls_by_position):
        cells = []
        for line in lines:
            falls = line.falls_by_position.get(name)
            cells += ["", "" if falls is None else f"{falls.largest:+.3f}"]
        table.add_row(f"damaged week {name} in its group", *cells, style="dim")
    return table


def _claims(lines: Sequence[Line], titles: Mapping[str, str]) -> Any:
    table = _table("What the evaluated rows claim, and what the four weeks after show (AUC)", "evaluated on")
    for part in ("good candidates", "all candidates"):
        for heading in (f"{part}\nclaim", "\ntruth", "\ncorr.", "\nsame sign"):
            table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        cells = []
        for part in ("good", "all"):
            of = line.agreement[part]
            correlation = "-" if of.correlation is None else f"{of.correlation:+.2f}"
            cells += [f"{of.claim:+.4f}", f"{of.truth:+.4f}", correlation, _share(of.same_sign)]
        table.add_row(titles[line.way], *cells)
    return table


def _prices(lines: Sequence[Line], titles: Mapping[str, str]) -> Any:
    table = _table("What a decision costs", "evaluated on")
    for heading in ("rows that evaluate", "of the past", "held out", "days", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        price = line.price
        table.add_row(
            titles[line.way],
            f"{price.rows:,.0f}",
            f"{price.past_rows:,.0f}",
            f"{price.held_out:.0%}",
            f"{price.days}",
            f"{price.seconds:.2f}",
        )
    return table


def _table(title: str, first: str) -> Any:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    return table


def _share(share: Share) -> str:
    return "-" if share.value is None else f"{share.value:.0%} ({share.count}/{share.of})"


def _sum(shares: Sequence[Share]) -> Share:
    return Share(count=sum(one.count for one in shares), of=sum(one.of for one in shares))
