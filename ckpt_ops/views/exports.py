"""A version in other formats: which there could be, and the runs that write them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ExportRow:
    """A checkpoint of the version, in the store in a format of another library.

    Attributes:
        object: name of the object, or of the folder; `files`: how many objects it has.
        actor, time, reason: who asked for it, when and why.
    """

    format: str
    step: int
    object: str
    files: int
    nbytes: int
    actor: str
    time: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FormatRow:
    """A format that a version may be written in.

    Attributes:
        converts: it is converted, and kept only if it predicts the same; else a checkpoint is exported.
        possible: else `why_not` says why not, such as packages that are not installed.
        command: does the same, as it is typed.
    """

    format: str
    converts: bool
    possible: bool
    why_not: str
    command: str


@dataclass(frozen=True, kw_only=True)
class ExportRun:
    """A run that writes the version in a format.

    Attributes:
        run: its id; `state`: queued, running, success or failed.
        started, ended: "" where it has not yet.
        by, reason: who triggered it, and why.
        note: on the run, "" for none.
    """

    run: str
    format: str
    state: str
    started: str
    ended: str
    by: str
    reason: str
    note: str


@dataclass(frozen=True, kw_only=True)
class ExportsView:
    """The formats of a version, and the runs that write them.

    Attributes:
        dag: id of the DAG that does; None where Airflow knows none.
        paused: it is paused in Airflow: its runs stay queued until somebody unpauses it.
        permitted: the user may trigger its runs.
        runs: of this version, the newest first; at most 20.
    """

    model: str
    version: int
    dag: str | None
    paused: bool
    permitted: bool
    formats: tuple[FormatRow, ...]
    runs: tuple[ExportRun, ...]
