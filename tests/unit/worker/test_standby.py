"""An interpreter that stands by: who takes it, what it has in common with a fresh one, and how it is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jobs
import pytest
from jobs import Text

from ckpt_ops import worker
from ckpt_ops.errors import BadInput, CkptOpsError, TrainingDied
from ckpt_ops.worker import Ended, Imports, Surroundings
from ckpt_ops.worker.standby import end_all, fingerprint, settings, take, warm_up

HERE = Path(__file__).parent
TITLE = ("try", "people", "v7")
KIND = Imports(name="try", modules=("colorsys",))
SLOW = Imports(name="try", modules=("imported_slowly",))
AROUND = Surroundings(code=HERE)


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The folder of the sockets, which no other test uses: a socket's path has to be short."""
    short = tempfile.mkdtemp(prefix="s-", dir="/tmp")
    monkeypatch.setenv("TMPDIR", short)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv(settings.VARIABLE, raising=False)
    monkeypatch.setenv("CKPT_OPS_HOME", str(tmp_path))
    yield Path(short) / f"ckpt-ops-standby-{os.getuid()}"
    end_all()
    shutil.rmtree(short, ignore_errors=True)


def run(
    function: Callable[[Any], Text] = jobs.about_me,
    asked: Text | None = None,
    *,
    imports: Imports = KIND,
    report: Callable[[str], None] = lambda line: None,
    died: Callable[[Ended], CkptOpsError] = lambda ended: TrainingDied(f"the worker {ended.message}"),
) -> dict[str, Any]:
    found = worker.run(
        function,
        asked or Text(),
        title=TITLE,
        surroundings=AROUND,
        report=report,
        died=died,
        imports=imports,
    )
    return json.loads(found.text) if found.text.startswith("{") else {"text": found.text}


def processes(sockets: Path) -> dict[str, int]:
    """Keeper and interpreter, by name, of the standby whose sockets lie there."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if f"TMPDIR={sockets.parent}".encode() not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            if b"ckpt_ops.worker.standby" in words:
                found["keeper"] = int(entry.name)
            if b"ckpt_ops.worker.standby.interpreter" in words:
                found["interpreter"] = int(entry.name)
    return found


def ready(sockets: Path, imports: Imports = KIND) -> bool:
    from ckpt_ops.worker.standby.connecting import ask, connect

    line = connect(sockets / f"{imports.name}.sock")
    if line is None:
        return False
    of = fingerprint.fingerprint(imports, AROUND.environment())
    answer = ask(line, {"ask": "status", "of": of})
    line.close()
    return bool(answer and answer["ready"])


def until(check: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def standby(sockets: Path) -> dict[str, int]:
    """One that is ready: the process ids of its keeper and its interpreter."""
    warm_up(KIND, AROUND)
    until(lambda: ready(sockets))
    return processes(sockets)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


# --- what it is --------------------------------------------------------------------------------------


def test_a_job_takes_it_once(standby: dict[str, int]) -> None:
    first = run()
    assert first["pid"] == standby["interpreter"]
    assert first["parent"] == standby["keeper"]
    second = run()
    assert second["pid"] not in standby.values()
    assert second["parent"] == os.getpid()
    until(lambda: all(gone(pid) for pid in standby.values()))


def test_it_is_what_a_fresh_process_would_be(
    standby: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CTX_TRY_NUMBER", "2")
    monkeypatch.setenv("CKPT_OPS_ACTOR", "anna")
    mask = os.umask(0o027)
    try:
        found, fresh = run(), run()
    finally:
        os.umask(mask)
    assert (found["pid"], fresh["pid"] != found["pid"]) == (standby["interpreter"], True)
    assert found["environment"] == fresh["environment"]
    for name in ("title", "arguments", "umask", "stdin"):
        assert found[name] == fresh[name], name
    assert (found["session"], fresh["session"]) == (found["pid"], fresh["pid"])
    assert Path(found["folder"]).parent == Path(fresh["folder"]).parent
    assert "colorsys" in found["imported"]
    assert not [name for name in fresh["imported"] if name not in found["imported"]]


def test_its_output_is_that_of_the_job(standby: dict[str, int]) -> None:
    lines: list[str] = []
    run(report=lines.append)
    assert lines == ["about me"]


def test_one_that_still_imports_is_waited_for(
    sockets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_to_import(tmp_path, monkeypatch, seconds=1.5)
    warm_up(SLOW, AROUND)
    until(lambda: (sockets / "try.sock").exists())
    until(lambda: "interpreter" in processes(sockets))
    pid = processes(sockets)["interpreter"]
    assert not ready(sockets, SLOW)
    assert run(imports=SLOW)["pid"] == pid


def slow_to_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    (libraries / "imported_slowly.py").write_text(f"import time\ntime.sleep({seconds})\n")
    monkeypatch.setenv("PYTHONPATH", str(libraries))


def test_there_is_one_of_a_kind(sockets: Path) -> None:
    for _ in range(3):
        warm_up(KIND, AROUND)
    until(lambda: ready(sockets))
    first = processes(sockets)
    warm_up(KIND, AROUND)
    time.sleep(0.5)
    assert processes(sockets) == first
    assert len(list(sockets.glob("*.sock"))) == 1


# --- never older than what it would run ----------------------------------------------------------------


def test_one_of_another_environment_is_not_taken(
    standby: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert run()["pid"] != standby["interpreter"]
    until(lambda: all(gone(pid) for pid in standby.values()))


def test_it_is_replaced_when_the_code_has_changed(
    sockets: Path, standby: dict[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = tmp_path / "edited"
    shutil.copytree(fingerprint._PACKAGE / "worker", copy)
    monkeypatch.setattr(fingerprint, "_PACKAGE", copy)  # the code as it is from now on
    warm_up(KIND, AROUND)
    until(lambda: all(gone(pid) for pid in standby.values()))
    until(lambda: ready(sockets))
    (copy / "codec.py").write_text("changed = True\n")
    assert run()["parent"] == os.getpid()


@pytest.mark.parametrize("change", ["edited", "new", "gone", "touched"])
def test_the_fingerprint_is_of_every_file_of_code(tmp_path: Path, change: str) -> None:
    (tmp_path / "part").mkdir()
    code = tmp_path / "part" / "code.py"
    code.write_text("a = 1\n")
    before = list(fingerprint._files(tmp_path))
    if change == "edited":
        code.write_text("a = 12\n")
    elif change == "new":
        (tmp_path / "more.py").write_text("")
    elif change == "gone":
        code.unlink()
    else:
        os.utime(code, ns=(1, 1))
    assert list(fingerprint._files(tmp_path)) != before


def test_a_name_of_a_task_does_not_change_the_fingerprint() -> None:
    one = fingerprint.fingerprint(KIND, {"A": "1", "AIRFLOW_CTX_DAG_RUN_ID": "x", "CKPT_OPS_RUN": "y"})
    assert one == fingerprint.fingerprint(KIND, {"A": "1"})
    assert one != fingerprint.fingerprint(KIND, {"A": "2"})
    assert one != fingerprint.fingerprint(Imports(name="try", modules=("csv",)), {"A": "1"})


def test_code_of_a_user_is_never_imported_ahead(sockets: Path, tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "colorsys.py").write_text("mine = True\n")
    warm_up(KIND, Surroundings(code=dags))
    until(lambda: (sockets / "try.log").exists())
    until(lambda: not (sockets / "try.sock").exists() and not processes(sockets))


# --- its bounds ------------------------------------------------------------------------------------------


def test_one_that_nobody_takes_ends(sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.VARIABLE, "1")
    warm_up(KIND, AROUND)
    until(lambda: processes(sockets))
    until(lambda: not processes(sockets))
    assert not (sockets / "try.sock").exists()


@pytest.mark.parametrize("value", ["off", "0", "OFF"])
def test_it_can_be_turned_off(sockets: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    warm_up(KIND, AROUND)
    until(lambda: ready(sockets))
    monkeypatch.setenv(settings.VARIABLE, value)
    assert run()["parent"] == os.getpid()
    end_all()
    warm_up(KIND, AROUND)
    until(lambda: not processes(sockets))


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "1e9"])
def test_a_value_that_is_none_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(settings.VARIABLE, value)
    with pytest.raises(BadInput, match=rf"{settings.VARIABLE}.*off, or for how many seconds"):
        run()


def test_none_is_started_without_memory_for_it(sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_FREE_BYTES", 2**60)
    warm_up(KIND, AROUND)
    assert not list(sockets.glob("*.log"))


def test_what_a_container_may_hold_counts_as_well(tmp_path: Path) -> None:
    [group] = [one[3:] for one in Path("/proc/self/cgroup").read_text().split() if one.startswith("0::")]
    here = tmp_path / group.lstrip("/")
    here.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("memory.max", "4000\n"),
        ("memory.current", "3900\n"),
        ("memory.stat", "anon 100\ninactive_file 3000\n"),
    ):
        (here / name).write_text(text)
    assert settings._left_of_group(tmp_path) == 3100
    (here / "memory.max").write_text("max\n")
    assert settings._left_of_group(tmp_path) == float("inf")


def test_a_folder_that_others_can_write_is_not_used(sockets: Path) -> None:
    sockets.mkdir(mode=0o777)
    sockets.chmod(0o777)
    warm_up(KIND, AROUND)
    assert list(sockets.iterdir()) == []
    sockets.rmdir()
    sockets.symlink_to(HERE)
    assert settings.folder() is None
    sockets.unlink()
    assert settings.folder() == sockets
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


# --- killed, stopped, interrupted -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "name", "number"),
    [
        ("importing", "keeper", signal.SIGKILL),
        ("importing", "interpreter", signal.SIGKILL),
        pytest.param("importing", "keeper", signal.SIGSTOP, marks=pytest.mark.soak),
        ("ready", "keeper", signal.SIGKILL),
        ("ready", "interpreter", signal.SIGKILL),
        ("ready", "keeper", signal.SIGSTOP),
        pytest.param("ready", "interpreter", signal.SIGSTOP, marks=pytest.mark.soak),
    ],
)
def test_one_that_is_lost_costs_nothing_but_time(
    sockets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    name: str,
    number: signal.Signals,
) -> None:
    slow_to_import(tmp_path, monkeypatch, seconds=1.5 if moment == "importing" else 0)
    warm_up(SLOW, AROUND)
    until(lambda: len(processes(sockets)) == 2)
    if moment == "ready":
        until(lambda: ready(sockets, SLOW))
    lost = processes(sockets)
    os.kill(lost[name], number)
    if number == signal.SIGKILL:
        until(lambda: gone(lost[name]))
    found = run(imports=SLOW)
    assert found["pid"] not in lost.values()
    until(lambda: all(gone(pid) for pid in lost.values()))
    warm_up(SLOW, AROUND)
    until(lambda: ready(sockets, SLOW))
    assert run(imports=SLOW)["pid"] not in {*lost.values(), found["pid"]}


def test_one_that_never_finishes_its_imports_is_not_waited_for_without_end(
    sockets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "WARM_UP_SECONDS", 2)  # of the one that asks; its keeper has longer
    slow_to_import(tmp_path, monkeypatch, seconds=3600)
    warm_up(SLOW, AROUND)
    until(lambda: len(processes(sockets)) == 2)
    assert take(SLOW, AROUND, title=TITLE, folder=tmp_path, log=tmp_path / "log", answer="a") is None
    for pid in processes(sockets).values():
        os.kill(pid, signal.SIGKILL)


def test_a_job_that_is_killed_says_so(sockets: Path, standby: dict[str, int], tmp_path: Path) -> None:
    ends: list[Ended] = []

    def died(ended: Ended) -> CkptOpsError:
        ends.append(ended)
        return TrainingDied("gone")

    with pytest.raises(TrainingDied):
        run(
            jobs.hang,
            Text(text=str(tmp_path / "pids")),
            report=lambda line: os.kill(standby["interpreter"], signal.SIGKILL),
            died=died,
        )
    assert [(ended.code, ended.from_outside) for ended in ends] == [(-9, True)]
    with suppress(ProcessLookupError):
        os.kill(int((tmp_path / "pids").read_text().split()[1]), signal.SIGKILL)


def test_a_job_outlives_its_keeper(standby: dict[str, int], tmp_path: Path) -> None:
    done = tmp_path / "done"
    killed: list[int] = []

    def kill_once(line: str) -> None:
        if not killed:
            killed.append(standby["keeper"])
            os.kill(standby["keeper"], signal.SIGKILL)

    run(jobs.slowly, Text(text=str(done)), report=kill_once)
    assert done.exists()


def test_a_job_that_is_killed_with_its_keeper_has_died(standby: dict[str, int], tmp_path: Path) -> None:
    def kill(line: str) -> None:
        for pid in standby.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(TrainingDied, match="was killed by signal 9"):
        run(jobs.slowly, Text(text=str(tmp_path / "done")), report=kill)


def test_an_interruption_asks_the_job_to_end(standby: dict[str, int], tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(jobs.hang, Text(text=str(pids)), report=interrupt)
    assert pids.with_suffix(".asked").exists()
    assert int(pids.read_text().split()[0]) == standby["interpreter"]
    until(lambda: all(gone(pid) for pid in standby.values()))


def test_who_asks_and_is_gone_leaves_it_standing(sockets: Path, standby: dict[str, int]) -> None:
    from ckpt_ops.worker.standby.connecting import connect

    line = connect(sockets / "try.sock")
    assert line is not None
    of = fingerprint.fingerprint(KIND, AROUND.environment())
    line.send({"ask": "take", "of": of, "job": {}})
    assert line.receive(10) == {"pid": standby["interpreter"]}
    line.close()  # before it said that the job may begin
    assert run()["pid"] == standby["interpreter"]


def test_all_can_be_ended(standby: dict[str, int]) -> None:
    end_all()
    until(lambda: all(gone(pid) for pid in standby.values()))


def test_nothing_listens_is_no_error(tmp_path: Path) -> None:
    found = take(KIND, AROUND, title=TITLE, folder=tmp_path, log=tmp_path / "log", answer="answer.json")
    assert found is None
