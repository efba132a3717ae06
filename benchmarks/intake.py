"""A slice of many rows, taken in by the DAG's functions, beside a plain pyarrow read and the same checks.

    make bench WHAT=intake                                      # 20 million rows in 16 files, 2 rounds
    make bench WHAT=intake ARGS="--rows 4000000 --rounds 1"     # a quick look

20 columns and 25 checks (`checks.py`). Each task of the DAG runs in a fresh process, as many parts at a time
as there are cores, and says how long it took, imports and all, and the peak of its memory (VmHWM). The slice
is pulled once; each round validates it three times, in turn: plainly, as one task, and in parts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.checks import CHECKS, write_files
from benchmarks.judges import Arrow, suite_of
from benchmarks.workers import run_worker, turned

KEY, FILES = "2024-01-07", 16
PARTS = 4
_PIPELINE = """
import pyarrow.parquet as pq
from ckpt_ops import Files, Intake

source = Files(
    name="bench",
    schema=pq.read_schema({first!r}).remove_metadata(),
    template="bench/{{key}}/*.parquet",
)
{name} = Intake(name={name!r}, source=source, expectations="e.json", max_parallel_validations={parts})
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A process: what it did, its seconds by the clock, the peak of its memory, and what came of it."""

    step: str
    seconds: float
    peak_mb: float
    result: Any = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder with a landed slice, a store, and a description of each intake."""

    home: Path

    @property
    def landed(self) -> Path:
        return self.home / "landing" / "bench" / KEY

    def land(self, rows: int, files: int) -> None:
        for name in ("store", "dags"):
            (self.home / name).mkdir()
        self.landed.mkdir(parents=True)
        write_files(self.landed, rows, files)

    def describe(self, name: str, parts: int) -> str:
        """An intake with a log of its own over the one source."""
        folder = self.home / "dags" / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        first = str(self.landed / "0000.parquet")
        (folder / "pipeline.py").write_text(_PIPELINE.format(name=name, parts=parts, first=first))
        (folder / "e.json").write_text(json.dumps(suite_of(CHECKS, name)))
        return name

    def do(self, step: str, intake: str = "", *arguments: Any) -> Done:
        """A step in a fresh process."""
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=self.home) as scratch:
            asked = json.dumps([step, intake, *arguments])
            environment = {
                "CKPT_OPS_STORE": f"file://{self.home / 'store'}",
                "CKPT_OPS_LANDING": f"file://{self.home / 'landing'}",
                "CKPT_OPS_DAGS": str(self.home / "dags"),
            }
            found = run_worker(
                "benchmarks.intake", Path(scratch), "do", asked, str(self.landed), environment=environment
            )
        return Done(
            step=step, seconds=time.perf_counter() - began, peak_mb=found["mb"], result=found["result"]
        )

    def side_by_side(self, step: str, intake: str, shares: Sequence[Any]) -> list[Done]:
        """A process for each share, one at a time for each core; the seconds are those of all together."""
        began = time.perf_counter()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            done = list(pool.map(lambda share: self.do(step, intake, share), shares))
        return [replace(one, seconds=time.perf_counter() - began) for one in done]


def pulled(place: Place) -> tuple[list[Done], dict[str, Any]]:
    """The tasks that copy the slice, and what `pull` gave."""
    intake = place.describe("pulls", 1)
    shares = place.do("share_out", intake, PARTS)
    copied = place.side_by_side("pull_share", intake, shares.result)
    last = place.do("pull", intake)
    return [shares, *copied, last], last.result


def validated(place: Place, revision: str, *, parts: int, name: str) -> list[Done]:
    """The tasks that validate it; the last one's result is the verdict."""
    intake = place.describe(name, parts)
    if parts == 1:
        return [place.do("validate", intake, revision)]
    shares = place.do("share_out_rows", intake, revision)
    evaluated = place.side_by_side("validate_share", intake, shares.result)
    return [shares, *evaluated, place.do("validate", intake, revision)]


def seconds_of(done: Sequence[Done]) -> float:
    """By the clock, one task after the other: those that ran side by side count once."""
    by_step = {one.step: one.seconds for one in done}
    return sum(by_step.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command")
    one = commands.add_parser("do")
    one.add_argument("asked")
    one.add_argument("landed", type=Path)
    one.add_argument("--result", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.command == "do":
        result = _done(arguments.landed, *json.loads(arguments.asked))
        arguments.result.write_text(json.dumps({"result": result, "mb": _peak_mb()}))
        return
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-bench-") as folder:
        _run(Place(home=Path(folder)), arguments.rows, arguments.files, arguments.rounds)


def _run(place: Place, rows: int, files: int, rounds: int) -> None:
    place.land(rows, files)
    copies, slice_ = pulled(place)
    _show(f"pull, {rows:,} rows in {files} files", copies)
    times: dict[str, list[float]] = {}
    for at in range(rounds):
        for way in turned(["plain pyarrow", "one task", f"{PARTS} parts"], at):
            if way == "plain pyarrow":
                done = [place.do("plain")]
            else:
                parts = 1 if way == "one task" else PARTS
                done = validated(place, slice_["revision"], parts=parts, name=f"validates{parts}_{at}")
            times.setdefault(way, []).append(seconds_of(done))
            _show(f"round {at + 1}: {way}", done)
    plain = statistics.median(times["plain pyarrow"])
    print("\n| | seconds | ratio to plain pyarrow |\n|---|---|---|")
    for way, found in times.items():
        print(f"| {way} | {statistics.median(found):.1f} | {statistics.median(found) / plain:.2f} |")


def _show(what: str, done: Sequence[Done]) -> None:
    print(f"\n{what}: {seconds_of(done):.1f} s")
    for one in done:
        print(f"  {one.step:16} {one.seconds:7.1f} s {one.peak_mb:8,.0f} MB", flush=True)


def _done(landed: Path, step: str, intake: str, *arguments: Any) -> Any:
    """What a fresh process does; its result as JSON has it."""
    if step == "plain":
        return asdict(Arrow().judge(landed, CHECKS))
    from ckpt_ops.pipeline import load_intake
    from ckpt_ops.pipeline.result_json import from_json, to_json
    from ckpt_ops.pipeline.step_results import RowShare, Share
    from ckpt_ops.runs import pull, validate, validate_parts
    from ckpt_ops.store import open_store

    described, store = load_intake(intake), open_store(os.environ["CKPT_OPS_STORE"])
    match step, arguments:
        case "share_out", (at_most,):
            return [to_json(each) for each in pull.share_out(described, KEY, at_most=at_most)]
        case "pull_share", (share,):
            return to_json(pull.pull_share(described, store, from_json(Share, share, of=step), report=print))
        case "pull", ():
            return to_json(pull.pull(described, store, KEY))
        case "share_out_rows", (revision,):
            found = validate_parts.share_out_rows(described, store, KEY, revision)
            return [to_json(each) for each in found]
        case "validate_share", (share,):
            share = from_json(RowShare, share, of=step)
            return to_json(validate_parts.validate_share(described, store, share))
        case "validate", (revision,):
            return to_json(validate.validate(described, store, KEY, revision))
        case "profile", (revision,):
            from ckpt_ops.slices import load_manifest, staged
            from ckpt_ops.slices.profile import profile

            with staged(store, load_manifest(store, "bench", KEY, revision)) as rows:
                return len(profile(rows))
    raise ValueError(f"no step {step} {arguments}")


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) / 1024


if __name__ == "__main__":
    sys.exit(main())
