"""Checkpoints of this project beside tf.train, Keras and Orbax, in one interleaved run.

    make bench                                         # everything, in full size: well over an hour
    make bench ARGS="--scale 0.05 --rounds 1"          # a quick look
    make bench ARGS="--only ckpt_ops,tf_sync --cases mlp --stores disk"

What is measured and how: `trainings.py` (saves, restores), `uploads.py`, `cases.py` (the models),
`engines.py` (who saves), `rounds.py` (in which order). Prints tables, and writes the raw numbers and
a picture to `--out`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.engines import ENGINES
from benchmarks.places import PLACES
from benchmarks.rounds import Plan, run
from benchmarks.trainings import measure_restore, measure_saves
from benchmarks.uploads import CLIENTS, measure_uploads


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.command == "worker":
        place = PLACES[arguments.store](arguments.home / "data")
        result = measure_saves(
            ENGINES[arguments.engine],
            CASES[arguments.case](arguments.scale),
            place,
            saves=arguments.saves,
            warmups=arguments.warmups,
            fsync=arguments.fsync,
        )
    elif arguments.command == "restore":
        place = PLACES[arguments.store](arguments.home / "data")
        saved = json.loads((arguments.home / "saved.json").read_text())
        result = measure_restore(
            ENGINES[arguments.engine], CASES[arguments.case](arguments.scale), place, saved
        )
    elif arguments.command == "upload":
        result = measure_uploads(arguments.client, objects=arguments.objects)
    else:
        _run(arguments)
        return
    arguments.result.write_text(json.dumps(result))


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from benchmarks import picture, report
    from benchmarks.machine import machine
    from benchmarks.summary import summarize

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    asked = {name: value for name, value in vars(arguments).items() if name not in ("command", "out")}
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="ckpt-bench-", dir=arguments.scratch) as scratch,
        console.status("") as status,
    ):
        plan = Plan(
            rounds=arguments.rounds,
            scale=arguments.scale,
            saves=arguments.saves,
            warmups=arguments.warmups,
            engines=arguments.only,
            cases=arguments.cases,
            stores=arguments.stores,
            uploads=max(8, round(64 * arguments.scale)) if arguments.uploads is None else arguments.uploads,
            fsync=arguments.fsync,
            scratch=Path(scratch),
        )
        tell = status.update if console.is_terminal else console.print
        for cells, uploads in run(plan, tell):  # kept after each round: an hour is not lost to a Ctrl-C
            summary = summarize(cells, uploads, scale=arguments.scale)
            raw = {"machine": machine(), "asked": asked, "cells": cells, "uploads": uploads}
            raw |= summary.as_json()
            (arguments.out / "checkpoints.json").write_text(json.dumps(raw, indent=1, default=str) + "\n")
            picture.draw(summary, arguments.out / "checkpoints.png")
    report.show(summary, console, fsync=arguments.fsync)
    console.print(f"raw numbers and picture: {arguments.out}/checkpoints.json, .png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.checkpoints", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--rounds", type=_positive, default=3, help="how often all is measured again (default 3)"
    )
    parser.add_argument(
        "--saves", type=_positive, default=4, help="measured saves in each process (default 4)"
    )
    parser.add_argument("--warmups", type=int, default=4, help="discarded saves before them (default 4)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes, 1.0 for 302 and 512 MB")
    parser.add_argument("--only", type=_among(ENGINES), default=list(ENGINES), help=",".join(ENGINES))
    parser.add_argument("--cases", type=_among(CASES), default=list(CASES), help=",".join(CASES))
    parser.add_argument("--stores", type=_among(PLACES), default=list(PLACES), help=",".join(PLACES))
    parser.add_argument(
        "--uploads",
        type=int,
        default=None,
        help="4 MiB objects for each client, 0: none (default 64 x scale)",
    )
    parser.add_argument(
        "--fsync",
        action="store_true",
        help="on disk, count a save of those engines that do not flush only when its files are flushed too",
    )
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="for results (default .bench)")
    parser.add_argument("--scratch", type=Path, help="for checkpoints (default: the temporary directory)")

    commands = parser.add_subparsers(dest="command", metavar="", help=argparse.SUPPRESS)
    for name in ("worker", "restore"):
        each = commands.add_parser(name)
        each.add_argument("engine", choices=ENGINES)
        each.add_argument("case", choices=CASES)
        each.add_argument("store", choices=PLACES)
        each.add_argument("home", type=Path)
        each.add_argument("--scale", type=float, required=True)
        each.add_argument("--result", type=Path, required=True)
        if name == "worker":
            each.add_argument("--saves", type=int, required=True)
            each.add_argument("--warmups", type=int, required=True)
            each.add_argument("--fsync", action="store_true")
    upload = commands.add_parser("upload")
    upload.add_argument("client", choices=CLIENTS)
    upload.add_argument("objects", type=int)
    upload.add_argument("--result", type=Path, required=True)
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value}: at least 1")
    return value


def _among(known: Iterable[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(f"{sorted(unknown)}: not among {list(known)}")
        return chosen

    return names


if __name__ == "__main__":
    main()
