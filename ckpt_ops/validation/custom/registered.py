"""Importing this registers every kind with Great Expectations, which has to be importable (seconds)."""

from ckpt_ops.validation.custom.belonging import ExpectColumnValuesToLieInSlice
from ckpt_ops.validation.custom.clock import ExpectColumnValuesToNotBeInFuture
from ckpt_ops.validation.custom.distribution import (
    ExpectColumnKsStatisticToBeAtMost,
    ExpectColumnPsiToBeAtMost,
)
from ckpt_ops.validation.custom.labels import ExpectColumnLabelsToBeComplete, ExpectColumnsToNotLeakLabel
from ckpt_ops.validation.custom.seen import ExpectColumnValuesToBeInReference, ExpectCompoundColumnsToBeNew

REGISTERED = (
    ExpectColumnPsiToBeAtMost,
    ExpectColumnKsStatisticToBeAtMost,
    ExpectColumnValuesToBeInReference,
    ExpectCompoundColumnsToBeNew,
    ExpectColumnLabelsToBeComplete,
    ExpectColumnsToNotLeakLabel,
    ExpectColumnValuesToLieInSlice,
    ExpectColumnValuesToNotBeInFuture,
)
