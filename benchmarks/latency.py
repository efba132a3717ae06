"""From a landed week of flights to its promoted version, beside a plain script that trains the same steps.

    make bench WHAT=latency                                      # `ckpt-ops run`; five minutes on two cores
    make bench WHAT=latency ARGS="--rounds 1"                    # a quick look
    make bench WHAT=latency ARGS="--scheduler --backfill 50"     # through Airflow, too; half an hour more

Three take turns on the same weeks: the product in a process that finds no standby interpreter (cold), the
product where interpreters stand by, and `latency_plain`. The first two weeks are history and do not count.
The clock runs from the start of the command to its end; the slice has landed before. Each stage ends with a
line that the command prints. Memory is the most that any one process held at a time (VmHWM).

With `--scheduler`, weeks are asked for one after the other through the REST API of an embedded platform, each
beside the plain script. With `--backfill N`, N weeks are one backfill: its time beside the sum of its
trainings.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.latency_picture import draw
from benchmarks.machine import machine
from benchmarks.peaks import Peaks

PROJECT = Path(__file__).parents[1]
HISTORY = 2
STAGES = {
    "pulled:": "start, pull",
    "validated:": "validate",
    "decided:": "decide",
    "importing TensorFlow": "process",
    "model built": "import, build",
    "version ": "data",
    "training": "champion",
    "predicting the held-out": "train, save",
    "trained ": "predict, export",
    "trained:": "end of process",
    "evaluated:": "evaluate",
    "promoted:": "promote",
}
"""By how the line begins with which a stage ends."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One week by one of the three.

    Attributes:
        seconds: from the start of the command to its end.
        stages: seconds of each, in order.
        steps: that were trained.
        peak_bytes: of the process that held most.
    """

    key: str
    seconds: float
    steps: int
    peak_bytes: int
    stages: Mapping[str, float] = field(default_factory=dict)


class Product:
    """`ckpt-ops run`, week after week into a store of its own."""

    def __init__(self, home: Path, landing: Path, *, standby: bool) -> None:
        self.standby = standby
        for name in ("store", "tmp"):
            (home / name).mkdir(parents=True)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CKPT_OPS_")},
            "CKPT_OPS_STORE": f"file://{home / 'store'}",
            "CKPT_OPS_LANDING": f"file://{landing.parent}",
            "CKPT_OPS_DAGS": str(PROJECT / "dags"),
            "CKPT_OPS_HOME": str(home),
            "TMPDIR": str(home / "tmp"),  # standby interpreters of this product alone
            "PYTHONUNBUFFERED": "1",
        } | ({} if standby else {"CKPT_OPS_STANDBY": "off"})

    def run(self, key: str) -> Timed:
        command = [str(Path(sys.executable).with_name("ckpt-ops")), "run", "flight_delay", "--slice", key]
        lines, seconds, peak = timed(command, self.environment)
        return Timed(
            key=key,
            seconds=seconds,
            steps=steps_of([line for _, line in lines]),
            peak_bytes=peak,
            stages=stages_of(lines, seconds),
        )

    def let_them_warm_up(self) -> None:
        """Wait until the interpreters that stand by have imported what they need."""
        if self.standby:
            time.sleep(2)
            quiet = 0
            while quiet < 3:
                before = ticks(self.environment["TMPDIR"])
                time.sleep(1)
                quiet = quiet + 1 if ticks(self.environment["TMPDIR"]) - before < 5 else 0


def ticks(marked: str) -> int:
    """The processor time of all processes with this temporary folder, in ticks of the kernel."""
    return sum(int(one) for fields in Peaks.marked(marked) for one in fields[11:13])


def timed(
    command: Sequence[str], environment: Mapping[str, str]
) -> tuple[list[tuple[float, str]], float, int]:
    """Its lines with the second in which each came, how long it took, and its highest memory."""
    with Peaks(environment["TMPDIR"]) as peaks:
        began = time.perf_counter()
        with subprocess.Popen(
            command,
            env=dict(environment),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            lines = [(time.perf_counter() - began, line.rstrip()) for line in process.stdout or ()]
        seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(
            "\n".join([f"{' '.join(command)} ended with {process.returncode}", *dict(lines).values()])
        )
    return lines, seconds, peaks.highest


def stages_of(lines: Sequence[tuple[float, str]], seconds: float) -> dict[str, float]:
    """How long each stage took, by its name; what comes after the last line is "end"."""
    found, before = {}, 0.0
    for begins, name in STAGES.items():
        at = next((at for at, line in lines if line.startswith(begins) and at >= before), None)
        if at is not None:
            found[name], before = at - before, at
    return {**found, "end": seconds - before}


def steps_of(lines: Sequence[str]) -> int:
    """How many steps its training made; 0: it did not train."""
    return next(
        (int(line.split()[1]) for line in lines if line.startswith("trained ") and " steps" in line), 0
    )


def plain(home: Path, landing: Path, key: str, before: str, steps: int) -> Timed:
    """The week by the plain script, which goes on from what it made of the week `before`."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{PROJECT / 'dags'}:{PROJECT}",
        "TMPDIR": str(home / "tmp"),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "benchmarks.latency_plain", str(landing), key, str(steps)]
    lines, seconds, peak = timed([*command, str(home / before), str(home / key)], environment)
    marks = [line.split() for _, line in lines if line.split()[:1] and line.split()[0] in PLAIN]
    stages, last = {}, 0.0
    for name, at in marks:
        stages[PLAIN[name]], last = float(at) - last, float(at)
    return Timed(
        key=key, seconds=seconds, steps=steps, peak_bytes=peak, stages={**stages, "end": seconds - last}
    )


PLAIN = {
    "imports": "import, build",
    "read": "data",
    "build": "build",
    "train": "train, save",
    "evaluate": "evaluate",
    "save": "predict, export",
}


def one_process(home: Path, rounds: int) -> dict[str, list[Timed]]:
    """Each week by the three, in turns that begin with another each time."""
    landing, keys = landed(home, HISTORY + rounds)
    cold = Product(home / "cold", landing, standby=False)
    warm = Product(home / "standby", landing, standby=True)
    found: dict[str, list[Timed]] = {"cold": [], "standby": [], "plain": []}
    for number, key in enumerate(keys):
        steps = 0
        for name in (("cold", "standby"), ("standby", "cold"))[number % 2]:
            product = cold if name == "cold" else warm
            product.let_them_warm_up()
            one = product.run(key)
            steps = one.steps or steps
            if number >= HISTORY:
                found[name].append(one)
        warm.let_them_warm_up()  # for the next week, so that it does not run beside the plain script
        one = plain(home / "plain", landing, key, keys[number - 1] if number else "", steps)
        if number >= HISTORY:
            found["plain"].append(one)
            print(", ".join(f"{name} {each[-1].seconds:.1f} s" for name, each in found.items()), flush=True)
    return found


def landed(home: Path, weeks: int) -> tuple[Path, list[str]]:
    """A folder with so many weeks of flights, and their keys."""
    from ckpt_ops.store import open_store
    from demo.flights import weeks as all_weeks
    from demo.landing import land_tables

    (home / "landing").mkdir(parents=True)
    tables = dict(list(all_weeks().items())[1 : 1 + weeks])
    land_tables(open_store(f"file://{home / 'landing'}"), "flights", tables)
    return home / "landing" / "flights", list(tables)


def median(found: Sequence[Timed]) -> float:
    return statistics.median(one.seconds for one in found)


def ratio(found: Sequence[Timed], beside: Sequence[Timed]) -> float:
    """The median of the ratios of neighbours."""
    return statistics.median(one.seconds / other.seconds for one, other in zip(found, beside, strict=True))


def stages(found: Sequence[Timed]) -> dict[str, float]:
    """The median of each stage."""
    names = dict.fromkeys(name for one in found for name in one.stages)
    return {name: statistics.median(one.stages.get(name, 0.0) for one in found) for name in names}


def show(found: Mapping[str, Sequence[Timed]]) -> None:
    """A line for each way, ratios first; then its stages."""
    print(f"{'':10} {'beside plain':>12} {'seconds':>8} {'peak MB':>8}  stages, seconds")
    for name, each in found.items():
        peak = max(one.peak_bytes for one in each) / 1e6
        parts = ", ".join(
            f"{stage} {seconds:.2f}" for stage, seconds in stages(each).items() if seconds >= 0.01
        )
        print(f"{name:10} {ratio(each, found['plain']):10.2f} x {median(each):8.1f} {peak:8,.0f}  {parts}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="weeks that count; 5")
    parser.add_argument("--scheduler", action="store_true", help="weeks through Airflow's scheduler, too")
    parser.add_argument("--backfill", type=int, default=0, metavar="N", help="N weeks as one backfill, too")
    parser.add_argument("--picture", type=Path, help="a PNG or SVG of where the time goes")
    parser.add_argument("--out", type=Path, default=Path("latency.json"))
    given = parser.parse_args()
    sys.path.insert(0, str(PROJECT / "dags"))
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="latency-", dir="/tmp") as home:
        found = one_process(Path(home), given.rounds)
        show(found)
        results["one process"] = {name: [asdict(one) for one in each] for name, each in found.items()}
        if given.scheduler or given.backfill:
            from benchmarks.latency_airflow import through_airflow

            results |= through_airflow(
                Path(home) / "airflow",
                rounds=given.rounds if given.scheduler else 0,
                backfill=given.backfill,
            )
    given.out.write_text(json.dumps(results, indent=2))
    if given.picture:
        draw({name: stages(each) for name, each in found.items()}, given.picture)


if __name__ == "__main__":
    main()
