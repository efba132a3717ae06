"""Importing Great Expectations: seconds, and once in a process."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import nullcontext
from typing import Any

from ckpt_ops.lasting_import import lasting_import


def imported() -> Any:
    """The module `great_expectations`, with our own kinds of expectations registered."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before the import: no telemetry from a data path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with nullcontext() if "great_expectations" in sys.modules else lasting_import():
            import great_expectations as gx

            import ckpt_ops.validation.custom.registered  # noqa: F401
    return gx
