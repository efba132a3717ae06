"""Run work in an interpreter: its output is passed on, its result is returned, its error is raised."""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from ckpt_ops.documents import BadDocument
from ckpt_ops.errors import CkptOpsError
from ckpt_ops.printable import printable
from ckpt_ops.worker import codec
from ckpt_ops.worker.interpreter import Interpreter
from ckpt_ops.worker.library_noise import is_noise
from ckpt_ops.worker.progress import Progress, records
from ckpt_ops.worker.raised import Raised
from ckpt_ops.worker.standby import Imports, Taken, take
from ckpt_ops.worker.surroundings import Surroundings
from ckpt_ops.worker.work import ANSWER, PROGRESS, REQUEST

Request = TypeVar("Request")
Result = TypeVar("Result")

_POLL_SECONDS = 0.1
_LAST_LINES = 15
_CHUNK = 2**20
_END_OF_LINE = re.compile(rb"\r?\n|\r(?=.)", re.DOTALL)  # "\r" at the end may be half of "\r\n"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process ended that left no answer.

    Attributes:
        code: its exit code, negative for a signal.
        late: it had not ended when its time was up, and was killed.
        last_lines: of its log.
        log: path of the whole log, if it is kept.
    """

    code: int
    late: bool
    last_lines: str
    log: Path

    @property
    def how(self) -> str:
        """How it ended, after the name of the process in a sentence."""
        return f"was killed by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"

    @property
    def message(self) -> str:
        """As `how`, with its last lines."""
        return f"{self.how}; its last lines:\n{self.last_lines}"

    @property
    def from_outside(self) -> bool:
        """Whether it was killed: by a person, or because memory ran out."""
        return self.code in (-9, -15)


def run(
    function: Callable[[Request], Result],
    request: Request,
    *,
    title: Sequence[str],
    surroundings: Surroundings,
    report: Callable[[str], None],
    progress: Callable[[Progress], None] = lambda progress: None,
    died: Callable[[Ended], CkptOpsError],
    seconds: float | None = None,
    keep_log: bool = True,
    watch: Callable[[Path], None] = lambda folder: None,
    imports: Imports | None = None,
    otherwise: Callable[[], Result] | None = None,
) -> Result:
    """`function(request)`, in a fresh interpreter: one that stands by, or one that is started now.

    The process outlives this one if this one dies. An exception here, of `report` or from outside, ends it:
    it is asked to end, and killed after `END_SECONDS`.

    Args:
        function: at the top of a module, and annotated: takes a frozen dataclass and returns one.
        title: what lists of processes show, the name of the work first, such as ("train", "flights", "v7").
        report: gets the output line by line, without what libraries print for their developers.
        progress: gets each record that `tell` was given.
        died: makes the error for a process that left no answer.
        seconds: how long it may take. With a bound, the process and all that it started are killed when it
            has answered or its time is up.
        keep_log: whether the log of work that failed is kept.
        watch: called every moment with the folder of the work, in which its process runs. What it raises
            kills the process, without asking it to end.
        imports: of this kind of work, where an interpreter that stands by with them may do it.
        otherwise: what to do, in this process, when none stands by; None: start one.

    Raises:
        CkptOpsError: what the function raised, as it raised it; or what `died` makes.
        TypeError: the function or the request cannot cross, and nothing was started.
    """
    _, kind = codec.kinds_of(function)
    asked = codec.dumps({"function": codec.name_of(function), "request": codec.written(request)})
    prefix = "".join(f"{word}-" for word in title[1:])
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_logs() if keep_log else None))
    try:
        (folder / REQUEST).write_bytes(asked)
        log = folder / f"{title[0]}.log"
        taken = _standing_by(title, surroundings, folder, log, imports)
        if taken is None and otherwise is not None:
            shutil.rmtree(folder, ignore_errors=True)
            return otherwise()
        interpreter = taken or _started(title, surroundings, folder, log)
        code, late = _done(interpreter, folder, log, report, progress, seconds, watch)
        answer = _answer(folder, kind)
        if isinstance(answer, Raised):
            raise answer.error()
        if code != 0 or answer is None:
            raise died(Ended(code=code, late=late, last_lines=_last_lines(log), log=log))
    except BaseException:
        if not keep_log:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return answer


def _standing_by(
    title: Sequence[str], surroundings: Surroundings, folder: Path, log: Path, imports: Imports | None
) -> Taken | None:
    if imports is None:
        return None
    log.touch()
    return take(imports, surroundings, title=title, folder=folder, log=log, answer=ANSWER)


def _started(title: Sequence[str], surroundings: Surroundings, folder: Path, log: Path) -> Interpreter:
    interpreter = Interpreter(title, surroundings, log)
    try:
        interpreter.send(folder)
    except BaseException:
        interpreter.end()
        raise
    return interpreter


def _done(
    interpreter: Interpreter | Taken,
    folder: Path,
    log: Path,
    report: Callable[[str], None],
    progress: Callable[[Progress], None],
    seconds: float | None,
    watch: Callable[[Path], None],
) -> tuple[int, bool]:
    """The exit code of the process, and whether its time was up before it ended."""
    try:
        with log.open("rb") as output:
            lines = _Lines(output)
            told = _Records(folder / PROGRESS)
            until = math.inf if seconds is None else time.monotonic() + seconds
            while True:
                code = interpreter.ended(_POLL_SECONDS)
                late = code is None and time.monotonic() > until
                for line in lines.more(last=code is not None or late):
                    if not is_noise(line):
                        report(printable(line.rstrip()))
                for one in told.more():
                    progress(one)
                if late:
                    return interpreter.end_with_all_it_started(), True
                if code is not None:
                    return code, False
                try:
                    watch(folder)
                except BaseException:
                    interpreter.end_with_all_it_started()
                    raise
    except BaseException:
        interpreter.end()
        raise
    finally:
        if seconds is not None:
            interpreter.end_with_all_it_started()


class _Lines:
    """The lines of a file that grows, each once and whole. Bytes that are not UTF-8 are replaced."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._rest = file, b""

    def more(self, *, last: bool) -> Iterator[str]:
        """The lines that came since; with `last`, a rest without an end of line is one, too."""
        while chunk := self._file.read(_CHUNK):
            *whole, self._rest = _END_OF_LINE.split(self._rest + chunk)
            yield from (line.decode(errors="replace") for line in whole)
        if last and self._rest:
            yield self._rest.decode(errors="replace")
            self._rest = b""


class _Records:
    """The records in a file that grows and need not exist yet, each once."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, 0

    def more(self) -> list[Progress]:
        """The records that came since."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            whole = file.read().rpartition(b"\n")
        self._at += len(whole[0]) + len(whole[1])
        return list(records(whole[0].split(b"\n")))


def _answer(folder: Path, kind: type[Result]) -> Result | Raised | None:
    """The answer; None if there is none, or none that can be read."""
    try:
        found = codec.loads((folder / ANSWER).read_bytes())
        if "error" in found:
            return codec.read(Raised, found["error"])
        return codec.read(kind, found.get("result"))
    except (FileNotFoundError, BadDocument):
        return None


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])


def _logs() -> Path:
    """Where the logs of such processes stay: below CKPT_OPS_HOME if set, else the temporary folder."""
    home = os.environ.get("CKPT_OPS_HOME")
    folder = Path(home).absolute() / "logs" / "training" if home else Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    return folder
