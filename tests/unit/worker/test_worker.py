"""A function in a fresh process: what crosses, what is said meanwhile, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import jobs
import pytest
from jobs import Everything, Text

from ckpt_ops import worker
from ckpt_ops.documents import BadDocument
from ckpt_ops.errors import (
    BadInput,
    CkptOpsError,
    SourceUnavailable,
    TerminalError,
    TrainingDied,
    TrainingDiverged,
)
from ckpt_ops.evaluation.errors import UndefinedMetric
from ckpt_ops.worker import (
    AttemptBegan,
    CheckpointSaved,
    Ended,
    LookedAt,
    Note,
    Phase,
    PhaseBegan,
    StepsDone,
    Surroundings,
    codec,
)
from ckpt_ops.worker import interpreter as interpreters
from ckpt_ops.worker.raised import Raised

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
TITLE = ("try", "people", "v7")

Request = TypeVar("Request")
Result = TypeVar("Result")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CKPT_OPS_HOME", str(tmp_path))
    return tmp_path


def run(
    function: Callable[[Request], Result],
    request: Request,
    *,
    surroundings: Surroundings = Surroundings(code=HERE),  # noqa: B008 - it is frozen
    report: Callable[[str], None] = lambda line: None,
    **more: Any,
) -> Result:
    return worker.run(
        function,
        request,
        title=TITLE,
        surroundings=surroundings,
        report=report,
        died=lambda ended: TrainingDied(f"the worker {ended.message}", next=str(ended.log)),
        **more,
    )


def logs(home: Path) -> list[Path]:
    return list((home / "logs" / "training").glob("*/*"))


# --- what crosses -----------------------------------------------------------------------------------


def test_what_is_asked_and_answered_comes_across_as_it_was() -> None:
    assert run(jobs.give_back, Everything()) == Everything()


@dataclass(frozen=True, kw_only=True)
class Sets:
    values: frozenset[int] = frozenset({1})


@pytest.mark.parametrize(
    ("function", "request_", "message"),
    [
        (jobs.several, Text(), "does not take one frozen dataclass"),
        (jobs.untyped, Text(), "does not take one frozen dataclass"),
        (jobs.give_back, replace(Everything(), path={1}), "Everything.path is a set"),
        (jobs.give_back, replace(Everything(), values={"a": {1: 2}}), r"Everything.values\['a'\] is a dict"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_cross_is_refused_before_anything_starts(
    home: Path, function: Any, request_: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        run(function, request_)
    assert logs(home) == []


def test_a_function_within_another_is_refused() -> None:
    def inside(asked: Text) -> Text:
        return asked

    with pytest.raises(TypeError, match="not a function at the top"):
        run(inside, Text())


def test_a_field_of_another_type_is_an_error_that_names_it() -> None:
    with pytest.raises(TrainingDied, match="BadDocument: number is 'seven', not a whole number"):
        run(jobs.give_back, replace(Everything(), number="seven"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "said", "message"),
    [
        ("path", 5, "path is 5, not a path"),
        ("day", "soon", "day is 'soon', not a day"),
        ("time", [], "time is a list of 0, not a time"),
        ("colour", "blue", "colour is 'blue', not one of red"),
        ("parts", [{"number": 1}, {"number": None}], r"parts\[1\].number is None, not a whole number"),
        ("unheard", 1, "has a field 'unheard'"),
    ],
)
def test_each_field_is_checked_when_it_is_read(field: str, said: object, message: str) -> None:
    with pytest.raises(BadDocument, match=message):
        codec.read(Everything, codec.written(Everything()) | {field: said})


# --- errors -----------------------------------------------------------------------------------------


def test_an_error_keeps_its_class_its_words_and_what_it_knows() -> None:
    with pytest.raises(TrainingDiverged, match="the training diverged: the loss is nan") as caught:
        run(jobs.refuse, Text(text="diverged"))
    assert (caught.value.step, caught.value.found) == (7, "the loss is nan")
    assert caught.value.safe.startswith("checkpoints committed before it are kept")
    assert caught.value.next.startswith("check the values of that batch")
    with pytest.raises(BadInput) as refused:
        run(jobs.refuse, Text(text="input"))
    assert (refused.value.field, refused.value.value, refused.value.allowed) == ("rows", "[1]", "a number")


def test_so_does_one_that_is_defined_elsewhere_in_ckpt_ops_or_by_the_user() -> None:
    with pytest.raises(UndefinedMetric, match="auc has no value"):
        run(jobs.refuse, Text(text="elsewhere"))
    with pytest.raises(jobs.TableLocked, match="the table is locked") as caught:
        run(jobs.refuse, Text(text="own"))
    assert (caught.value.safe, caught.value.next) == ("nothing was read", "ask again")


@pytest.mark.parametrize(
    ("classes", "kind"),
    [
        (("others.code:Locked", "ckpt_ops.errors:SourceUnavailable"), SourceUnavailable),
        (("this:s", "ckpt_ops.errors:CkptOpsError"), CkptOpsError),
        (("builtins:SystemExit",), TerminalError),
        (("ckpt_ops.nowhere:Lost",), TerminalError),
        (("ckpt_ops.cli.__main__:app",), TerminalError),
        ((), TerminalError),
    ],
)
def test_code_of_others_is_not_imported_for_an_error(
    classes: tuple[str, ...], kind: type[CkptOpsError]
) -> None:
    """`this` prints a poem when it is imported: whoever answers does not choose what runs here."""
    error = Raised(classes=classes, what="w", safe="s", next="n", more={}).error()
    assert type(error) is kind
    assert (error.what, error.safe, error.next) == ("w", "s", "n")
    assert not {"this", "others", "ckpt_ops.cli.__main__"} & sys.modules.keys()


def test_any_other_exception_is_a_death_and_the_log_with_its_traceback_stays(home: Path) -> None:
    with pytest.raises(TrainingDied, match=r"ended with exit code 1; its last lines:\n(.*\n)*ValueError: no"):
        run(jobs.refuse, Text(text="other"))
    (log,) = (path for path in logs(home) if path.suffix == ".log")
    assert log.name == "try.log"
    assert log.parent.name.startswith("people-v7-")
    assert "Traceback" in log.read_text()


# --- deaths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("killed", "was killed by signal 9"),
        ("early", "ended with exit code 3"),
        ("after answering", "ended with exit code 3"),
        ("nonsense", "ended with exit code 0"),
    ],
)
def test_a_process_without_an_answer_died_and_its_log_says_the_rest(
    home: Path, how: str, message: str
) -> None:
    with pytest.raises(TrainingDied) as caught:
        run(jobs.die, Text(text=how))
    assert caught.value.what == f"the worker {message}; its last lines:\none\ntwo"
    assert Path(caught.value.next).read_text() == "one\ntwo\n"


def test_a_log_that_nobody_will_look_for_is_not_kept(home: Path) -> None:
    with pytest.raises(TrainingDied, match="one\ntwo") as caught:
        run(jobs.die, Text(), keep_log=False)
    assert not Path(caught.value.next).parent.exists()
    assert logs(home) == []


@pytest.mark.parametrize(
    ("code", "outside"), [(-9, True), (-15, True), (-11, False), (1, False), (137, False)]
)
def test_only_a_signal_that_others_send_is_from_outside(code: int, outside: bool, tmp_path: Path) -> None:
    ended = Ended(code=code, late=False, last_lines="", log=tmp_path)
    assert ended.from_outside is outside


def test_nothing_is_left_of_work_that_succeeded(home: Path) -> None:
    assert run(jobs.say, Text(text="hello")).text == "said"
    assert logs(home) == []


# --- what is said meanwhile -------------------------------------------------------------------------


def test_lines_are_passed_on_whole_and_printable_and_without_what_a_library_says(home: Path) -> None:
    heard: list[str] = []
    noise = "2026-01-31 12:00:00.123456: E external/xla/cuda_platform.cc:51] failed call to cuInit"
    run(jobs.say, Text(text=f"one\n{noise}\n\x1b[31mred"), report=heard.append)
    assert heard == ["one", r"\x1b[31mred"]


def test_what_a_library_says_stays_in_the_log(home: Path) -> None:
    noise = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"

    def report(line: str) -> None:
        (log,) = home.glob("logs/training/*/try.log")
        assert log.read_text().splitlines() == [noise, "mine"]

    run(jobs.say, Text(text=f"{noise}\nmine"), report=report)


def test_bytes_that_are_no_text_break_nothing_and_a_letter_cut_in_two_is_one() -> None:
    heard: list[str] = []
    run(jobs.write_bytes, Text(), report=heard.append)
    assert heard == ["caf� é", "50 %", "100 %", "", "no end"]


def test_neither_much_output_nor_a_large_answer_blocks() -> None:
    heard: list[str] = []
    answer = run(jobs.say_much, Text(), report=heard.append)
    assert (len(heard), heard[-1]) == (200_000, "line 199,999")
    assert len(answer.text) == 5_000_000


def test_progress_comes_as_records_and_as_lines() -> None:
    records: list[worker.Progress] = []
    heard: list[str] = []
    run(jobs.tell, Text(), report=heard.append, progress=records.append)
    assert records == [
        Note(text="beginning"),
        AttemptBegan(version=7, attempt=2, step=10, slices=("w1",)),
        PhaseBegan(phase=Phase.TRAINING, version=7),
        StepsDone(step=50, last=100, metrics={"loss": 0.25}, rows_per_second=41e3),
        LookedAt(step=50, metric="auc", value=0.75, best=True),
        CheckpointSaved(step=50, nbytes=2000, uploaded=10),
    ], "what another version tells, or is cut off, is left out"
    assert heard == [
        "beginning",
        "version 7, attempt 2",
        "training",
        "step 50/100 loss 0.2500 | 41,000 rows/s",
        "step 50: auc 0.7500 on the rows set apart, the best",
        "checkpoint at step 50: 2,000 bytes, 10 new",
    ]


def test_a_line_of_a_training_says_how_fast_it_goes_and_how_long_it_will_take() -> None:
    steps = StepsDone(
        step=120,
        last=600,
        metrics={"loss": 0.41, "auc": 0.7},
        rows_per_second=41_000.4,
        seconds_left=3.2,
        stall_seconds=0.1,
    )
    told = "step 120/600 loss 0.4100 auc 0.7000 | 41,000 rows/s, 3.2 s left, saves kept it waiting 0.1 s"
    assert steps.text == told
    assert (
        StepsDone(step=1, last=2, seconds_left=7500.0, stall_seconds=0.01).text == "step 1/2 | 2 h 5 min left"
    )


# --- where it runs ----------------------------------------------------------------------------------


def test_it_imports_the_code_that_it_is_given_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(other / ".." / "other"), str(tmp_path)]))
    asked = Text(text="PYTHONPATH")
    assert run(jobs.environment, asked).text.split(os.pathsep) == [
        *(str(HERE), str(PROJECT), str(other / ".." / "other"), str(tmp_path))
    ]
    without = run(jobs.environment, asked, surroundings=Surroundings(code=HERE, without=other))
    assert without.text.split(os.pathsep) == [str(HERE), str(PROJECT), str(tmp_path)]
    assert run(jobs.environment, Text(text="CKPT_OPS_DAGS")).text == str(HERE)


def test_variables_are_passed_on_but_for_those_that_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    asked = Text(text="AIRFLOW__CORE__FERNET_KEY")
    assert run(jobs.environment, asked).text == "secret"
    hiding = Surroundings(code=HERE, hide="AIRFLOW__")
    assert run(jobs.environment, asked, surroundings=hiding).text == "-"


def test_variables_beside_are_a_default_for_what_this_process_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, beside = Text(text="GROWS"), Surroundings(code=HERE, beside={"GROWS": "yes"})
    assert run(jobs.environment, asked, surroundings=beside).text == "yes"
    monkeypatch.setenv("GROWS", "no")
    assert run(jobs.environment, asked, surroundings=beside).text == "no"


def test_an_interpreter_imports_nothing_heavy_by_itself() -> None:
    imported = set(run(jobs.modules, Text()).text.split())
    assert not {"tensorflow", "keras", "pandas", "great_expectations"} & imported


def test_lists_of_processes_show_what_it_does(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def report(line: str) -> None:
        pid = int((tmp_path / "pids").read_text().split()[0])
        seen.append(Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(jobs.hang, Text(text=str(tmp_path / "pids")), report=report)
    assert seen == [[sys.executable, "-P", "-m", "ckpt_ops.worker", *TITLE]]


# --- ending it --------------------------------------------------------------------------------------


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def until(check: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end
        time.sleep(0.05)


def interrupt(line: str) -> None:
    raise KeyboardInterrupt


def test_an_exception_here_asks_it_to_end(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(KeyboardInterrupt):
        run(jobs.hang, Text(text=str(pids)), report=interrupt)
    assert pids.with_suffix(".asked").exists()
    assert gone(int(pids.read_text().split()[0]))


def test_one_that_does_not_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = tmp_path / "pids"
    monkeypatch.setattr(interpreters, "END_SECONDS", 0.5)

    def stopped(line: str) -> None:
        os.kill(int(pids.read_text().split()[0]), signal.SIGSTOP)  # it cannot hear that it is asked
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(jobs.hang, Text(text=str(pids)), report=stopped)
    main, beside = map(int, pids.read_text().split())
    assert gone(main)
    assert not pids.with_suffix(".asked").exists()
    os.kill(beside, signal.SIGKILL)


def test_when_its_time_is_up_it_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids, ends = tmp_path / "pids", list[Ended]()

    def died(ended: Ended) -> CkptOpsError:
        ends.append(ended)
        return TrainingDied("too late")

    with pytest.raises(TrainingDied, match="too late"):
        worker.run(
            jobs.hang,
            Text(text=str(pids)),
            title=TITLE,
            surroundings=Surroundings(code=HERE),
            report=print,
            died=died,
            seconds=3,
        )
    assert [(ended.late, ended.code, ended.last_lines) for ended in ends] == [(True, -9, "hanging")]
    until(lambda: all(gone(int(pid)) for pid in pids.read_text().split()))
    assert not pids.with_suffix(".asked").exists()


def test_within_its_time_it_answers() -> None:
    assert run(jobs.say, Text(text="x"), seconds=60).text == "said"


PARENT = """
import sys
sys.path[:0] = [{here!r}]
import test_worker, jobs
from pathlib import Path
test_worker.run(jobs.slowly, jobs.Text(text={done!r}), report=lambda line: print(line, flush=True))
"""


def test_it_outlives_the_process_that_asked(tmp_path: Path) -> None:
    done = tmp_path / "done"
    code = PARENT.format(here=str(HERE), done=str(done))
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"line 0\n"
        parent.kill()
    assert not done.exists()
    until(done.exists)
    until(lambda: len(list(tmp_path.glob("logs/training/*/answer.json"))) == 1)


def test_an_interpreter_that_gets_no_work_ends(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "ckpt_ops.worker", "idle"],
        input=b"",
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        check=False,
    )
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []
