"""Interpreters that stand by for the next steps of a run: imports go on while a slice is pulled.

What a validation and a training import takes seconds, each. Where one is warmed up on the host that will need
it, those steps begin at once; where there is none, they take as long as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ckpt_ops import worker
from ckpt_ops.candidates.standing_by import expect_training
from ckpt_ops.errors import CkptOpsError, ValidationDied
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.loading import load_intake
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Validated
from ckpt_ops.runs import validate as validating
from ckpt_ops.store import Store, open_store
from ckpt_ops.worker import Ended, Imports, Surroundings

VALIDATION = Imports(name="validation", modules=("ckpt_ops.validation.imported_ahead",))


def expect_run(intake: Intake, *, trains_here: bool = True) -> None:
    """A slice is being pulled: what validates it, and trains on it, may begin to import; returns at once.

    Args:
        trains_here: a training would run on this host.
    """
    expect_validation(intake)
    if trains_here and isinstance(intake, Pipeline):
        expect_training(intake)


def expect_validation(intake: Intake) -> None:
    """A validation may come soon on this host; returns at once."""
    worker.warm_up(VALIDATION, Surroundings(code=intake.folder.parent))


@dataclass(frozen=True, kw_only=True)
class ValidationRequest:
    """A pulled slice to validate."""

    intake: str
    store: str
    key: str
    revision: str


def validate_apart(request: ValidationRequest) -> Validated:
    """`validate`, of a request."""
    return validating.validate(
        load_intake(request.intake), open_store(request.store), request.key, request.revision
    )


def validate_soon(
    intake: Intake, store: Store, key: str, revision: str, report: Callable[[str], None] = print
) -> Validated:
    """As `validate`: by the interpreter that stands by for validations, or in this process if none does.

    Raises:
        ValidationDied: that interpreter ended without a verdict. Retry.
    """

    def died(ended: Ended) -> CkptOpsError:
        return ValidationDied(
            f"the process that validates slice {key} {ended.message}",
            safe="what it had not recorded is not recorded; the parts that were evaluated are kept",
            next=f"a retry evaluates what is missing; the whole log is {ended.log}",
        )

    return worker.run(
        validate_apart,
        ValidationRequest(intake=intake.name, store=store.url, key=key, revision=revision),
        title=("validate", intake.name, key),
        surroundings=Surroundings(code=intake.folder.parent),
        report=report,
        died=died,
        imports=VALIDATION,
        otherwise=lambda: validating.validate(intake, store, key, revision),
    )
