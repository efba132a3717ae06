"""What the tests let a worker do: it imports this module as it would a user's code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from ckpt_ops import worker
from ckpt_ops.errors import BadInput, SourceUnavailable, TrainingDiverged
from ckpt_ops.evaluation.errors import UndefinedMetric


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Part:
    number: int
    share: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Everything:
    text: str = "ünï\ncode\x00 \udcff"
    number: int = 2**40
    share: float = float("inf")
    whole: float = 2.0
    yes: bool = True
    none: int | None = None
    path: Path = Path("/tmp/a b")
    day: date = date(2013, 1, 6)
    time: datetime = datetime(2013, 1, 6, 12, 30, tzinfo=UTC)
    colour: Colour = Colour.RED
    part: Part = Part(number=1)
    parts: tuple[Part, ...] = (Part(number=2), Part(number=3, share=1e-300))
    pair: tuple[str, int] = ("a", 1)
    values: Mapping[str, Any] = field(default_factory=lambda: {"a": [1, {"b": None}], "c": 0.25})


@dataclass(frozen=True, kw_only=True)
class Text:
    text: str = ""


class TableLocked(SourceUnavailable):
    """An error of a user's own."""


def give_back(asked: Everything) -> Everything:
    return asked


def environment(asked: Text) -> Text:
    return Text(text=os.environ.get(asked.text, "-"))


def modules(asked: Text) -> Text:
    return Text(text=" ".join(sorted(sys.modules)))


def say(asked: Text) -> Text:
    print(asked.text, flush=True)
    return Text(text="said")


def write_bytes(asked: Text) -> Text:
    for part in (b"caf\xe9 \xc3", b"\xa9\r\n", b"50 %\r100 %\r", b"\n\nno end"):  # a letter is cut in two
        os.write(1, part)
        time.sleep(0.3)
    return Text()


def say_much(asked: Text) -> Text:
    for number in range(200_000):
        print(f"line {number:,}")
    return Text(text="x" * 5_000_000)


def tell(asked: Text) -> Text:
    worker.tell(worker.Note(text="beginning"))
    worker.tell(worker.AttemptBegan(version=7, attempt=2, step=10, slices=("w1",)))
    worker.tell(worker.PhaseBegan(phase=worker.Phase.TRAINING, version=7))
    worker.tell(worker.StepsDone(step=50, last=100, metrics={"loss": 0.25}, rows_per_second=41e3))
    worker.tell(worker.LookedAt(step=50, metric="auc", value=0.75, best=True))
    worker.tell(worker.CheckpointSaved(step=50, nbytes=2000, uploaded=10))
    with Path("progress.jsonl").open("a") as file:
        file.write('{"kind": "of another version"}\n{"kind": "note", "text": 5}\nno record\n{"kind": "no')
    return Text()


def refuse(asked: Text) -> Text:
    match asked.text:
        case "diverged":
            raise TrainingDiverged(7, "the loss is nan")
        case "own":
            raise TableLocked("the table is locked", safe="nothing was read", next="ask again")
        case "elsewhere":
            raise UndefinedMetric("auc has no value")
        case "input":
            raise BadInput("rows", [1], "a number")
        case "steers":
            raise SourceUnavailable("\x1b[2J it is down")
    raise ValueError("no error of ckpt_ops")


def die(asked: Text) -> Text:
    print("one\ntwo", flush=True)
    if asked.text == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if asked.text == "after answering":
        Path("answer.json").write_text('{"result": {"text": "early"}}')
    if asked.text == "nonsense":
        Path("answer.json").write_text('{"result": {"text": 5}}')
        os._exit(0)
    os._exit(3)


def hang(asked: Text) -> Text:
    """Until it is asked to end, of which it writes; with a process beside it."""
    beside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(asked.text).write_text(f"{os.getpid()} {beside.pid}")

    def asked_to_end(*_: object) -> None:
        Path(asked.text).with_suffix(".asked").touch()
        beside.kill()
        sys.exit(1)

    signal.signal(signal.SIGTERM, asked_to_end)
    print("hanging", flush=True)
    time.sleep(600)
    return Text()


def slowly(asked: Text) -> Text:
    """Writes on for a while, then leaves a file."""
    for number in range(20):
        print(f"line {number}", flush=True)
        time.sleep(0.1)
    Path(asked.text).touch()
    return Text()


def several(asked: Text, more: Text) -> Text:
    return asked


def untyped(asked):  # type: ignore[no-untyped-def]
    return asked


def about_me(asked: Text) -> Text:
    """What the process that does this is."""
    import json

    print("about me", flush=True)
    title = Path("/proc/self/cmdline").read_text().replace("\0", " ").strip()
    mask = os.umask(0)
    os.umask(mask)
    found = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "folder": str(Path.cwd()),
        "title": title,
        "arguments": sys.argv[1:],
        "umask": mask,
        "imported": sorted(sys.modules),
        "environment": dict(os.environ),
        "stdin": sys.stdin.read(),
    }
    return Text(text=json.dumps(found))
