"""A Python file of policies: every policy bound to a name at its top level is compared."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.policies import Policy

_FIELD = "--policies"


def load_policies(path: Path) -> dict[str, Policy]:
    """Name to policy, in the order of the file. Names that begin with "_" are parts of others.

    Raises:
        BadInput: there is no such file, it raised, or it binds no name to a policy.
    """
    if not path.is_file():
        raise BadInput(_FIELD, str(path), "an existing Python file")
    try:
        names = runpy.run_path(str(path))
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}"
        raise BadInput(_FIELD, str(path), f"a Python file that runs; it raised {why}") from error
    found = {name: value for name, value in names.items() if not name.startswith("_") and _is_policy(value)}
    if not found:
        raise BadInput(
            _FIELD,
            str(path),
            "a Python file that binds at least one name to a policy",
            next="write a line such as: weekly = Every(slices=1)",
        )
    return found


def pipelines_under(pipeline: Pipeline, policies: Mapping[str, Policy]) -> dict[str, Pipeline]:
    """The pipeline as it would be under each policy. Raises `BadInput`, naming the policy, as `Pipeline`."""
    found = {}
    for name, policy in policies.items():
        try:
            found[name] = replace(pipeline, update_when=policy)
        except BadInput as error:
            raise BadInput(f"{_FIELD} {name}", error.value, error.allowed) from error
    return found


def _is_policy(value: object) -> bool:
    """Anything with a `decide` counts, as for a pipeline, except classes and imported modules."""
    return isinstance(value, Policy) and not isinstance(value, type | ModuleType)
