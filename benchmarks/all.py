"""Every benchmark in small, one after the other: whether each still runs, and its ratios on one page.

    make bench WHAT=all                                       # an hour or two on two idle cores
    make bench WHAT=all ARGS="--only start lineage"           # some of them
    make bench WHAT=all ARGS="--without gates freshness"

Each runs in a process of its own, with the arguments of `QUICK`, which show that it works and roughly what
it finds; numbers to quote come from the benchmark by itself. One that fails stops none of the others: the
page says so, and the exit code is 1. Writes `all.json` and one page, `all.html`, which loads nothing: the
ratios first, then pictures and all that was printed. What the benchmarks write lies in a folder each, in
`--out`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import machine
from ckpt_ops.html import Html, element, page, stacked, table
from ckpt_ops.printable import printable

QUICK: dict[str, str] = {
    "start": "--rounds 3 --out {out}",
    "fleet": "--members 1 100 --rounds 1 --out {out}",
    "lineage": "--records 1000 --rounds 1 --out {out}",
    "pages": "--models 5 --versions 100 --out {out}",
    "validation": "--rows 100000 --rounds 1 --out {out}",
    "intake": "--rows 2000000 --files 4 --rounds 1",
    "checkpoints": "--scale 0.05 --rounds 1 --out {out}",
    "throughput": "--rounds 1 --scale 0.1 --out {out}/throughput.json --picture {out}/throughput.svg",
    "latency": "--rounds 1 --out {out}/latency.json --picture {out}/latency.svg",
    "growth": "--small --out {out} --picture {out}/growth.svg",
    "scoring": "--rounds 1 --scale 0.1 --rows 1e6 --out {out}/scoring.json",
    "vocabularies": "--years 3 --out {out}/vocabularies.json",
    "freshness": "--weeks 6 --seeds 1 --variants default new --out {out}",
    "gates": "--seeds 0 --scale 0.25 --ways random --out {out}",
    "gpu": "--rehearse --steps 5 --rows 20000 --batch 512 --out {out}/gpu.json",
}
"""By name, a benchmark's arguments for a quick look, in the order in which they run; {out} is its folder."""

_SECONDS = 3600.0
_RATIO = re.compile(r"\d x\b|\(\d[\d,]*(\.\d+)?\)")
_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
_RULES = str.maketrans("", "", "│┃|")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A benchmark that ran.

    Attributes:
        code: its exit code; None where it took longer than an hour.
        printed: all of it, errors too.
    """

    name: str
    arguments: str
    code: int | None
    seconds: float
    printed: str

    @property
    def failed(self) -> bool:
        return self.code != 0

    @property
    def ratios(self) -> list[str]:
        """The lines that it printed which hold a ratio."""
        lines = (line.translate(_RULES).strip() for line in self.printed.splitlines())
        return [line for line in lines if _RATIO.search(line)]


def main() -> None:
    arguments = _parser().parse_args()
    names = [name for name in arguments.only or QUICK if name not in arguments.without]
    arguments.out.mkdir(parents=True, exist_ok=True)
    ran: list[Ran] = []
    for name in names:
        print(f"{name} {QUICK[name]}", flush=True)
        ran.append(run(f"benchmarks.{name}", name, QUICK[name], arguments.out / name))
        print(f"  {'FAILED' if ran[-1].failed else 'done'} after {ran[-1].seconds:.0f} s", flush=True)
        write(ran, arguments.out)  # after each: a Ctrl-C loses little
    print(f"{arguments.out}/all.html, all.json")
    if failed := [one.name for one in ran if one.failed]:
        sys.exit(f"failed: {', '.join(failed)}")


def run(module: str, name: str, arguments: str, out: Path, *, seconds: float = _SECONDS) -> Ran:
    """Run a module with arguments; what it prints is kept, and no failure of it is one here."""
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    code: int | None
    with (out / "printed.txt").open("wb") as file:
        argv = [sys.executable, "-m", module, *(word.format(out=out) for word in arguments.split())]
        try:
            code = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    printed = (out / "printed.txt").read_text(errors="replace")
    return Ran(name=name, arguments=arguments, code=code, seconds=time.monotonic() - began, printed=printed)


def write(ran: Sequence[Ran], out: Path) -> None:
    """One JSON with what the benchmarks wrote in theirs, and one page."""
    found = [
        {**asdict(one), "failed": one.failed, "ratios": one.ratios, "results": _results(out / one.name)}
        for one in ran
    ]
    (out / "all.json").write_text(json.dumps({"machine": machine(), "ran": found}, indent=1) + "\n")
    (out / "all.html").write_text(report(ran, out))


def _results(folder: Path) -> dict[str, object]:
    return {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def report(ran: Sequence[Ran], out: Path) -> str:
    """The page: what ran, the ratios, then each benchmark's pictures and what it printed."""
    rows = [
        (
            element("a", one.name, href=f"#{one.name}"),
            "failed" if one.failed else "done",
            f"{one.seconds:.0f} s",
            element("code", one.arguments),
        )
        for one in ran
    ]
    here = machine()
    return page(
        "Benchmarks in small",
        element("h1", "Benchmarks in small"),
        element(
            "p",
            f"{here['cpu']}, {here['cores']} cores. Small sizes and few rounds: whether each runs, and "
            "roughly what it finds.",
            kind="soft",
        ),
        table(("benchmark", "", "took", "with"), rows, kinds=("", "", "number", "")),
        element("h2", "Ratios"),
        *_ratios(ran),
        *(part for one in ran for part in _section(one, out / one.name)),
        style="pre { overflow-x: auto; font-size: 12px; line-height: 1.3; }",
    )


def _ratios(ran: Sequence[Ran]) -> Iterator[Html]:
    for one in ran:
        if one.ratios:
            yield element("h3", one.name)
            yield element("pre", "\n".join(map(printable, one.ratios)))


def _section(one: Ran, folder: Path) -> Iterator[Html]:
    yield element("h2", one.name, id=one.name)
    if one.failed:
        how = "was not done in time" if one.code is None else f"ended with exit code {one.code}"
        yield element("p", element("strong", f"Failed: it {how}."))
    for path in sorted(folder.glob("*")):
        if path.suffix in _TYPES:
            data = b64encode(path.read_bytes()).decode()
            yield element("p", element("img", src=f"data:{_TYPES[path.suffix]};base64,{data}", alt=path.stem))
    lines = [printable(line) for line in one.printed.splitlines()]
    printed = element("pre", "\n".join(lines[-200:]))
    yield element("details", element("summary", "what it printed"), stacked([printed]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.all", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", nargs="+", choices=list(QUICK), metavar="NAME", help="run these")
    parser.add_argument(
        "--without", nargs="+", choices=list(QUICK), metavar="NAME", default=[], help="but these"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(".bench/all"), help="for results (default .bench/all)"
    )
    return parser


if __name__ == "__main__":
    main()
