"""How fast the views behind the pages are: the fleet, a model, its lineage, slices and a version.

    make bench WHAT=pages                                           # 50 models x 1,000 versions, five minutes
    make bench WHAT=pages ARGS="--models 5 --versions 100"          # a quick look

The store is synthetic, its records are real: of each slice that it is accepted, a candidate started, trained,
evaluated and promoted, one of ten rejected; with a snapshot, and some objects beside each version. It
is read from a directory by a fresh process each time:

* first: nothing was ever computed, so that every state is read and every view is made and kept;
* cold: a process that knows nothing, the kept views in the store;
* moved: the same, after one more record in each log, so that no kept view counts;
* warm: the same process again;
* warm, moved: again after one more record in each log.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.histories import history, write_log
from benchmarks.workers import run_worker
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Held, Released
from ckpt_ops.store import open_store

_BESIDE = ("attempt=000001/predictions.parquet", "evaluation/0123456789abcdef.json", "log/000001.json")


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.command == "read":
        arguments.result.write_text(json.dumps(measure(arguments.url, arguments.what)))
    else:
        _run(arguments)


def write_model(root: Path, model: str, versions: int) -> None:
    """A log with its snapshot, and some objects beside each version."""
    root.mkdir(exist_ok=True)
    write_log(root, model, list(islice(history(model), 5 * versions)))
    for version in range(1, versions + 1):
        for name in _BESIDE:
            beside = root / "models" / model / f"v{version}" / name
            beside.parent.mkdir(parents=True)
            beside.write_bytes(b'{"type": "AttemptStarted"}')


def measure(url: str, what: str) -> dict[str, float]:
    """Seconds of each view in this process; `what`: "moved" appends a record to each log before."""
    from ckpt_ops.views import StoreViews, plain

    store = open_store(url)
    StoreViews(store).fleet(())  # libraries are imported
    names = StoreViews(store).names()
    if what == "moved":
        _move(store, names)
    found: dict[str, float] = {}
    views = StoreViews(store)

    def timed(name: str, show: Callable[[], Any]) -> None:
        began = time.perf_counter()
        json.dumps(plain(show()))
        found[name] = time.perf_counter() - began

    timed("fleet", views.fleet)
    timed("model", lambda: views.model(names[0]))
    timed("fleet, warm", views.fleet)
    timed("model, warm", lambda: views.model(names[0]))
    timed("lineage", lambda: views.lineage(names[0]))
    timed("lineage, warm", lambda: views.lineage(names[0]))
    timed("slices, warm", lambda: views.slices(names[0]))
    timed("slice, warm", lambda: views.slice(names[0], max(views.state(names[0]).slices)))
    timed("version, warm", lambda: views.version(names[0], 1))
    if what == "moved":
        _move(store, names)
        timed("fleet, warm, moved", views.fleet)
    return found


def _move(store: Any, names: list[str]) -> None:
    for name in names:
        log = ModelLog(store, name)
        held = log.state().held
        log.append(Held(reason="looked at") if held is None else Released(), after=log.state())


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    from benchmarks.machine import machine

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pages-bench-", dir=arguments.scratch) as folder:
        root = Path(folder) / "store"
        console.print(f"writing {arguments.models} models of {arguments.versions:,} versions")
        for number in range(arguments.models):
            write_model(root, f"model_{number:03d}", arguments.versions)
        found = {
            what: run_worker("benchmarks.pages", Path(folder), "read", root.as_uri(), what)
            for what in ("first", "cold", "moved")
        }
    table = Table(title="Seconds, JSON included", title_justify="left")
    table.add_column("view")
    for what in found:
        table.add_column(what, justify="right")
    for view in found["moved"]:
        cells = (f"{found[what][view]:.3f}" if view in found[what] else "" for what in found)
        table.add_row(view, *cells)
    console.print(table)
    raw = {
        "machine": machine(),
        "models": arguments.models,
        "versions": arguments.versions,
        "seconds": found,
    }
    (arguments.out / "pages.json").write_text(json.dumps(raw, indent=1) + "\n")
    console.print(f"raw numbers: {arguments.out}/pages.json")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--versions", type=int, default=1_000, help="of each model")
    parser.add_argument("--scratch", type=Path, default=None, help="folder for the store")
    parser.add_argument("--out", type=Path, default=Path(".bench"))
    commands = parser.add_subparsers(dest="command")
    read = commands.add_parser("read")
    read.add_argument("url")
    read.add_argument("what")
    read.add_argument("--result", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
