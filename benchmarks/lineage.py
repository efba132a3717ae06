"""How reading a model's state grows with its log: by the newest snapshot, and by the whole log, in one run.

    make bench WHAT=lineage                                  # 100 to 100,000 records; ten minutes
    make bench WHAT=lineage ARGS="--records 1000 --rounds 1" # a quick look

Logs are real ones: of each slice that it is accepted, a candidate started, trained, evaluated and promoted.
Behind the snapshot lie 50 records, half of what may. They are read from a directory, and from the GCS server
on this machine up to `--gcs-up-to`, each time in a fresh process; both readers have to come to the same
state, or the run fails. Prints a table, and writes the raw numbers and a picture to `--out`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import blake3

from benchmarks.workers import run_worker, turned
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.lineage import ModelLog, fold
from ckpt_ops.lineage.encoding import decode, encode
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    SliceAccepted,
    SliceRef,
)
from ckpt_ops.lineage.snapshot import Snapshot, Snapshots
from ckpt_ops.lineage.snapshot import encode as encode_snapshot
from ckpt_ops.store import Entry, Store, open_store

_MODEL = "flight_delay"
_SIZES = [100, 1_000, 10_000, 100_000]
_TAIL = 50
_NAMES_A_PAGE = 1000  # of a listing by Google's API
_READERS = {"snapshot": "snapshot and tail", "whole": "whole log"}
_PLACES = {"disk": "a directory", "gcs": "the GCS server"}
_MEASURES = ("seconds", "requests", "bytes", "peak_mb", "taking_s", "snapshot_bytes")


class StatesDiffer(Exception):
    """The two readers do not come to the same state."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A reader of logs of one size in one place; medians over the rounds.

    Attributes:
        requests: to the store; a listing counts for each 1000 names, as Google's API answers it.
        bytes: of the objects that were read, without names.
        peak_mb: the process' peak resident memory; what a log of 100 shows is Python and the libraries.
        taking_s: to write a snapshot where the one before is known, which every 100th record costs.
        snapshot_bytes: of the snapshot and all of its parts.
    """

    place: str
    records: int
    reader: str
    seconds: float
    requests: float
    bytes: float
    peak_mb: float
    taking_s: float
    snapshot_bytes: float
    all_seconds: tuple[float, ...]


class Counted:
    """A store that counts what is asked of it."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()
        self.requests = self.bytes = 0

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def get(self, name: str) -> bytes:
        data = self._store.get(name)
        self._count(1, len(data))
        return data

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        listed = list(self._store.list(prefix, start=start))
        self._count(max(1, -(-len(listed) // _NAMES_A_PAGE)), 0)
        return iter(listed)

    def _count(self, requests: int, nbytes: int) -> None:
        with self._lock:
            self.requests, self.bytes = self.requests + requests, self.bytes + nbytes


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.command == "read":
        arguments.result.write_text(json.dumps(measure(arguments.url, arguments.reader)))
    else:
        _run(arguments)


def history() -> Iterator[Record]:
    """A model's records, without end: each slice is accepted, and promoted with the next version."""
    version = 0
    while True:
        version += 1
        champion = version - 1 or None
        ref = SliceRef(key=f"{version:08d}", revision=f"{version:016x}", rows=6_000)
        folder = f"models/{_MODEL}/v{version}"
        yield SliceAccepted(
            slice=ref,
            report=f"slices/flights/{ref.key}/{ref.revision}/validation/report.json",
            reason="every expectation is met",
        )
        yield CandidateStarted(
            version=version,
            candidate=ref.revision,
            parent=champion,
            slices=(ref,),
            reason="newer than the head",
        )
        yield CandidateTrained(
            version=version,
            step=400,
            stopped_by="max_steps",
            checkpoints=8,
            manifest=f"{folder}/iter_num=400/manifest-1.json",
            artifacts={
                "predictions": f"{folder}/attempt=1/predictions.parquet",
                "export": f"{folder}/attempt=1/export",
            },
            seconds=12.5,
        )
        yield Evaluated(
            version=version,
            champion=champion,
            passed=True,
            metrics={"candidate": {"auc": 0.6841}, "champion": {"auc": 0.6839}},
            verdicts=("NotWorseThan: auc is 0.6841, the champion's 0.6839", "AtLeast: auc is 0.6841 of 0.6"),
            reason="every gate passed",
        )
        yield Promoted(version=version, champion=champion, reason="every gate passed")


def write_log(count: int, put: Callable[[str, bytes], object]) -> None:
    """The first records of `history` as the entries of a log, and a snapshot before the last 50."""
    entries = [encode(record) for record in islice(history(), count + _TAIL)]
    names = [f"models/{_MODEL}/log/{number:012d}.json" for number in range(1, len(entries) + 1)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, names, entries))
    state = fold(_MODEL, map(decode, entries[:count]))
    made = encode_snapshot(Snapshot.at(entries[count - 1], state))
    for name, data in made.new.items():
        put(f"models/{_MODEL}/snapshots/{name}", data)
    put(f"models/{_MODEL}/snapshots/{count:012d}.json", made.data)


def measure(url: str, reader: str) -> dict[str, Any]:
    """What one process measures of one reader."""
    opened = open_store(url)
    next(iter(opened.list("nothing/")), None)  # libraries are imported and the connection is made
    store = Counted(opened)
    log = ModelLog(store, _MODEL)
    began = time.perf_counter()
    state = log.state() if reader == "snapshot" else fold(_MODEL, log.records())
    seconds, peak = time.perf_counter() - began, _peak_mb()
    found = {"seconds": seconds, "requests": store.requests, "bytes": store.bytes, "peak_mb": peak}
    taken = Snapshot(state=state, entry="")
    elsewhere = Snapshots(opened, "elsewhere")
    elsewhere.write(taken)
    began = time.perf_counter()
    elsewhere.write(taken)  # what a writer writes that wrote, or read, the one before
    found["taking_s"] = time.perf_counter() - began
    whole = encode_snapshot(taken)
    data = b"\n".join([whole.data, *whole.new.values()])
    return {**found, "snapshot_bytes": len(data), "state": blake3.blake3(data).hexdigest()}


def _peak_mb() -> float:
    """Of this process since it began; `ru_maxrss` would count what its parent held when it forked."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return next(int(message[1]) / 1024 for message in lines if message[:1] == ["VmHWM:"])


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from benchmarks.machine import machine

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    arguments.out.mkdir(parents=True, exist_ok=True)
    cells: list[dict[str, Any]] = []
    with ExitStack() as stack:
        scratch = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="lineage-bench-", dir=arguments.scratch))
        )
        server = stack.enter_context(GcsServer(scratch / "server"))
        tell = stack.enter_context(console.status("")).update if console.is_terminal else console.print
        for place in _PLACES:
            for records in arguments.records:
                if place == "gcs" and records > arguments.gcs_up_to:
                    continue
                tell(f"writing {records:,} records to {_PLACES[place]}")
                url = _written(place, records, scratch, server)
                for number in range(arguments.rounds):
                    tell(f"{records:,} records in {_PLACES[place]}, round {number + 1} of {arguments.rounds}")
                    cells += _round(url, place, records, number, scratch)
                lines = summarize(cells)  # kept after each size: a Ctrl-C loses little
                raw = {"machine": machine(), "cells": cells, "medians": [asdict(line) for line in lines]}
                (arguments.out / "lineage.json").write_text(json.dumps(raw, indent=1) + "\n")
                draw(lines, arguments.out / "lineage.png")
    show(lines, console)
    console.print(f"raw numbers and picture: {arguments.out}/lineage.json, .png")


def _written(place: str, records: int, scratch: Path, server: GcsServer) -> str:
    """The URL of a store that holds the log."""
    if place == "gcs":
        bucket = f"log-{records}"
        server.create_bucket(bucket)
        url = f"gs://{bucket}?endpoint={server.endpoint}"
        write_log(records, open_store(url).put)
        return url
    root = scratch / f"log-{records}"
    for folder in ("log", "snapshots/parts"):
        (root / "models" / _MODEL / folder).mkdir(parents=True)
    # as files: a store flushes each to the disk, which nobody measures here
    write_log(records, lambda name, data: (root / name).write_bytes(data))
    return root.as_uri()


def _round(url: str, place: str, records: int, number: int, scratch: Path) -> list[dict[str, Any]]:
    found = []
    for reader in turned(list(_READERS), number):
        cell = {"place": place, "records": records, "reader": reader, "round": number}
        found.append({**cell, **run_worker("benchmarks.lineage", scratch, "read", url, reader)})
    if len({cell.pop("state") for cell in found}) > 1:
        raise StatesDiffer(f"{records:,} records in {_PLACES[place]}")
    return found


def summarize(cells: Sequence[dict[str, Any]]) -> list[Line]:
    """In the order in which they were measured."""
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for place, records in dict.fromkeys((cell["place"], cell["records"]) for cell in cells):
        for reader in _READERS:
            groups[place, records, reader] = [
                cell
                for cell in cells
                if (cell["place"], cell["records"], cell["reader"]) == (place, records, reader)
            ]
    return [
        Line(
            place=place,
            records=records,
            reader=reader,
            all_seconds=tuple(cell["seconds"] for cell in group),
            **{name: statistics.median(cell[name] for cell in group) for name in _MEASURES},
        )
        for (place, records, reader), group in groups.items()
    ]


def show(lines: Sequence[Line], console: Any) -> None:
    """A table for each place; in brackets the ratio to reading by the snapshot."""
    from rich.table import Table

    from benchmarks.report import number

    for place, title in _PLACES.items():
        here = [line for line in lines if line.place == place]
        if not here:
            continue
        table = Table(title=f"Reading a model's state from {title}", title_justify="left")
        table.add_column("records", justify="right")
        table.add_column("how", no_wrap=True)
        for heading in ("seconds", "requests", "MB read", "peak MB", "taking a\nsnapshot, s", "its MB"):
            table.add_column(heading, justify="right", no_wrap=True)
        for line in here:
            ours = line.reader == "snapshot"
            best = next(each for each in here if (each.records, each.reader) == (line.records, "snapshot"))
            table.add_row(
                f"{line.records:,}" if ours else "",
                _READERS[line.reader],
                f"{number(line.seconds)} ({line.seconds / best.seconds:.2f})",
                f"{line.requests:,.0f} ({line.requests / best.requests:,.1f})",
                number(line.bytes / 1e6),
                f"{line.peak_mb:,.0f}",
                number(line.taking_s) if ours else "",
                number(line.snapshot_bytes / 1e6) if ours else "",
                style="bold" if ours else "",
            )
        console.print(table)
    console.print(
        f"[dim]{_TAIL} more records lie behind the snapshot. A listing counts for each 1000 names.[/]"
    )


def draw(lines: Sequence[Line], path: Path) -> None:
    """A column a place: seconds above, requests below, against the number of records."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    places = list(dict.fromkeys(line.place for line in lines))
    figure, axes = plt.subplots(
        2, len(places), figsize=(5 * len(places) + 1, 7), layout="constrained", squeeze=False
    )
    for column, place in enumerate(places):
        for reader, color in (("snapshot", "#1f6fb2"), ("whole", "#8a9097")):
            here = [line for line in lines if (line.place, line.reader) == (place, reader)]
            sizes = [line.records for line in here]
            above, below = axes[0][column], axes[1][column]
            above.plot(sizes, [line.seconds for line in here], color=color, label=_READERS[reader])
            for line in here:
                above.plot([line.records] * len(line.all_seconds), line.all_seconds, "o", ms=3, color=color)
            below.plot(sizes, [line.requests for line in here], "o-", ms=3, color=color)
        axes[0][column].set_title(f"from {_PLACES[place]}\nseconds", fontsize=10, loc="left")
        axes[1][column].set_title("requests to the store", fontsize=10, loc="left")
        axes[1][column].set_xlabel("records")
        for row in axes:
            row[column].set(xscale="log", yscale="log")
            for side in ("top", "right"):
                row[column].spines[side].set_visible(False)
    axes[0][0].legend(frameon=False, fontsize=9)
    figure.suptitle("A model's state. Lines are medians, dots all values.", fontsize=11, x=0.01, ha="left")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lineage", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--records", type=int, nargs="+", default=_SIZES, help="sizes of the logs")
    parser.add_argument("--rounds", type=int, default=5, help="how often all is measured (default 5)")
    parser.add_argument("--gcs-up-to", type=int, default=10_000, help="larger ones only on disk")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="for results (default .bench)")
    parser.add_argument("--scratch", type=Path, help="for the logs (default: the temporary directory)")
    commands = parser.add_subparsers(dest="command", metavar="", help=argparse.SUPPRESS)
    read = commands.add_parser("read")
    read.add_argument("url")
    read.add_argument("reader", choices=_READERS)
    read.add_argument("--result", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
