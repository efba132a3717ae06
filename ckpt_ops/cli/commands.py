"""Every command: its group, where its code is, and its line in `ckpt-ops --help`.

Help and completion read this table and import no command; a command's module is imported when it runs. The
line is the first one of the command's docstring, and a test keeps the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """The groups of `--help`, in the order in which they are shown."""

    LOOK = "Look: read only"
    RUN = "Run: train, save, predict, export"
    DECIDE = "Decide: what awaits a person's decision"
    CORRECT = "Correct: take back what went wrong"
    DIAGNOSE = "Diagnose: find out why; nothing is recorded"
    STORE = "Store: check, repair, clean up"
    NEW = "New: write a pipeline or a source, and check it"


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command as `--help` lists it.

    Attributes:
        code: module below `ckpt_ops.cli` and the name in it, of a function or of a Typer application.
    """

    name: str
    group: Group
    code: str
    summary: str


_LISTED: dict[Group, tuple[tuple[str, str, str], ...]] = {
    Group.LOOK: (
        ("status", "look:status", "Show where each model stands and what needs attention."),
        ("top", "top:top", "Watch all models: where each stands and what needs a person."),
        ("alerts", "alerts:alerts", "List what models want people for, and who was told."),
        ("metrics", "metrics:metrics", "Print numbers of models for Prometheus."),
        ("log", "look:log", "List every record of a model's log, oldest first."),
        ("show", "look:show", "Show how a version was trained, evaluated and decided on."),
        ("slices", "look:slices", "List a model's slices and what a run of each would do."),
        ("slice", "slice:slice_", "Show a slice's revisions, rows, statistics and changes."),
        ("production", "versions:production", "List which version was in production when, and why."),
        ("diff", "versions:diff", "Compare two versions: data, code, metrics, gates, weights."),
        ("tensorboard", "tensorboard:tensorboard", "Write the curves of trainings for TensorBoard."),
        ("card", "versions:card", "Print the model card of a version."),
        ("report", "report:report", "Open the validation report of a slice in the browser."),
        ("evaluation", "report:evaluation", "Open the evaluation of a version in the browser."),
        ("plan", "plan:plan", "Show what a rebase, or a backfill of a range, would do."),
    ),
    Group.RUN: (
        ("run", "run:run", "Run one slice, or a range of slices, without Airflow."),
        ("watch", "watch:watch", "Follow the running training of a model until it ends."),
        ("save-now", "save_now:save_now", "Ask the running training of a model for a checkpoint."),
        ("predict", "predict:predict", "Predict every row of a slice and keep the predictions."),
        ("convert", "convert:convert", "Convert a version to another format and compare the two."),
        ("export", "export:export", "Write a checkpoint in a format that other tools read."),
    ),
    Group.DECIDE: (
        ("quarantine", "quarantine:app", "List, show, release or discard what is in quarantine."),
        ("resolve", "decide:resolve", "Decide what becomes of a late slice: append or fork."),
        ("acknowledge", "acknowledge:acknowledge", "Acknowledge that a slice is missing, and why."),
        ("promote", "decide:promote", "Approve a version that awaits approval, and promote it."),
        ("reject", "decide:reject", "Reject a version that is trained and not decided on."),
        ("release", "decide:release", "End the hold of a model, so that its runs train again."),
    ),
    Group.CORRECT: (
        ("rollback", "correct:rollback", "Put a version back into production."),
        ("withdraw", "correct:withdraw", "Withdraw a slice, so that nothing trains on it again."),
        ("taint", "correct:taint", "Mark a slice as poisoned, and the versions trained on it."),
        ("rebase", "correct:rebase", "Retrain the versions that a changed slice affects."),
        ("retrain", "retrain:retrain", "Train a version that sees the model's history again."),
        ("forget", "forget:forget", "Remove rows or slices from the data and from the model."),
        ("purge", "forget:purge", "Delete what was forgotten once its grace period is over."),
    ),
    Group.DIAGNOSE: (
        ("bisect", "diagnose:bisect", "Find the slice after which a metric went wrong."),
        ("reproduce", "diagnose:reproduce", "Train a version again and compare every tensor."),
        ("audit", "diagnose:audit", "Compare the champion with a model trained from scratch."),
        ("backtest", "backtest:backtest", "Replay recorded slices under other update policies."),
    ),
    Group.STORE: (
        ("verify", "verify:verify", "Read and hash every checkpoint, export and served file."),
        ("drill", "drill:drill", "Restore a checkpoint in a fresh process and train one step."),
        ("publish", "publish:publish", "Make the files of the model server match the log."),
        ("register", "register:register", "Make the model registries match the log."),
        ("repair", "repair:repair", "Make the stores of a replicated store equal."),
        ("gc", "gc:gc", "Delete checkpoints and chunks that nothing needs."),
    ),
    Group.NEW: (
        ("init", "init:init", "Write a whole pipeline with a model, from a look at data."),
        ("new", "new:new", "Write the files of a new source."),
        ("check", "new:check", "Check that a source keeps its promises."),
        ("validate", "validate:validate", "Try an expectation suite on past slices."),
    ),
}

COMMANDS = tuple(
    Command(name=name, group=group, code=code, summary=summary)
    for group, listed in _LISTED.items()
    for name, code, summary in listed
)
